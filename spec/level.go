package spec

import (
	"fmt"
	"slices"
	"strings"
)

// A level is a word for several requirements. Those of reliability and those of order can be claimed together; a
// word that a textbook uses for both together has a [Profile].
type level struct {
	name string
	with []string // the levels that it includes
	ids  []ID     // and what it adds
}

// The order is that of [Levels]; a level stands behind those that it includes.
var levels = []level{
	// Lost, duplicated, partial are all legal: nothing is promised.
	{name: "unreliable"},
	{name: "integrity", ids: []ID{"NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY", "DESTINATION-INTEGRITY"}},
	{name: "channel", ids: []ID{"CHANNEL-VALIDITY", "CHANNEL-INTEGRITY"}},
	{name: "best-effort", with: []string{"integrity"}, ids: []ID{"SELF-DELIVERY", "VALIDITY"}},
	// Without gaps and in order by construction: it waits for the next number.
	{name: "nack", with: []string{"best-effort"}, ids: []ID{"TAIL-RECOVERY", "FIFO-ORDER", "FIFO-GAPFREE"}},
	{name: "reliable", with: []string{"best-effort"}, ids: []ID{"AGREEMENT"}},
	{name: "reliable-ip", with: []string{"reliable"}, ids: []ID{"TAIL-RECOVERY", "STABILITY-TRIM", "FIFO-ORDER", "FIFO-GAPFREE"}},
	{name: "uniform", with: []string{"reliable"}, ids: []ID{"UNIFORM-AGREEMENT"}},
	{name: "durable", with: []string{"reliable"}, ids: []ID{
		"NO-DUPLICATION/restart", "ACKED-DELIVERED", "DURABILITY", "NO-RESURRECTION", "LOG-PREFIX"}},
	{name: "atomic-log", with: []string{"durable"}, ids: []ID{"ALL-OR-NOTHING"}},
	// The sender may give up, so that neither validity nor self-delivery is promised.
	{name: "atomic-abort", with: []string{"integrity"}, ids: []ID{
		"NO-DUPLICATION/restart", "AGREEMENT", "ALL-OR-NOTHING", "NO-RESURRECTION"}},
	{name: "atomic-view", with: []string{"reliable"}, ids: []ID{"ALL-OR-NOTHING", "SAME-VIEW-DELIVERY", "VIRTUAL-SYNCHRONY"}},
	{name: "gossip", with: []string{"integrity"}, ids: []ID{"PROBABILISTIC-VALIDITY"}},
	{name: "byzantine", ids: []ID{"NO-CREATION", "NO-DUPLICATION", "BYZ-CONSISTENCY", "BYZ-TOTALITY", "BYZ-VALIDITY"}},

	{name: "unordered"},
	{name: "fifo", ids: []ID{"FIFO-ORDER", "FIFO-GAPFREE"}},
	{name: "sync", ids: []ID{"SYNC-BARRIER", "SYNC-CUT", "SYNC-CAUSAL", "SYNC-BLOCKING"}},
	{name: "causal", ids: []ID{"FIFO-GAPFREE", "LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE"}},
	{name: "total", ids: []ID{"TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE", "TOTAL-GAPFREE"}},
	{name: "uniform-total", with: []string{"total"}, ids: []ID{"UNIFORM-TOTAL-ORDER", "UNIFORM-TOTAL-GAPFREE"}},
	{name: "fifo-total", with: []string{"fifo", "total"}},
	{name: "causal-total", with: []string{"causal", "total"}},
	{name: "real-time", with: []string{"total"}, ids: []ID{"REALTIME-ORDER", "TIMELINESS"}},

	{name: "atomic", with: []string{"reliable", "total"}},
	{name: "view-synchronous", ids: []ID{
		"JOIN-COMPLETE", "SELF-INCLUSION", "VIEW-MONOTONICITY", "INITIAL-VIEW", "VIEW-AGREEMENT", "SAME-VIEW-DELIVERY",
		"SENDING-VIEW-DELIVERY", "VIRTUAL-SYNCHRONY", "FLUSH-BLOCK", "MEMBERSHIP-PRECISION", "NO-DELIVERY-AFTER-LEAVE"}},
}

// Level gives what a level of `--claims` promises, in the order of the catalogue. The names are those of
// [Levels]; "causal" means the order alone, without the reliability beneath it. "unreliable" and "unordered" promise
// nothing: their list is empty, and ok is true.
func Level(name string) (ids []ID, ok bool) {
	for i := range levels {
		if l := &levels[i]; l.name == name {
			ids = slices.Clone(l.ids)
			for _, base := range l.with {
				more, _ := Level(base)
				ids = append(ids, more...)
			}
			return catalogueOrder(ids), true
		}
	}
	return nil, false
}

// Levels lists the names that [Level] knows: reliability, then order, then both together, then views.
func Levels() []string {
	out := make([]string, len(levels))
	for i := range levels {
		out[i] = levels[i].name
	}
	return out
}

// ParseClaims reads a list of ids and level names, in any case, and gives the ids in the order of the catalogue, each
// once. Spaces around a word do not count, and empty words are left out. The error names the first word that is
// neither, with those that are near.
func ParseClaims(list []string) ([]ID, error) {
	var out []ID
	for _, word := range list {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		if _, ok := Lookup(ID(strings.ToUpper(word))); ok {
			out = append(out, ID(strings.ToUpper(word)))
			continue
		}
		ids, ok := Level(strings.ToLower(word))
		if !ok {
			ids, ok = idInAnyCase(word)
		}
		if !ok {
			return nil, fmt.Errorf("unknown claim %q: want the id of a requirement or the name of a level%s",
				word, didYouMean(word, claimWords()))
		}
		out = append(out, ids...)
	}
	return catalogueOrder(out), nil
}

// idInAnyCase finds the ids that are not all upper case, as NO-DUPLICATION/restart.
func idInAnyCase(word string) ([]ID, bool) {
	for i := range catalogue {
		if strings.EqualFold(string(catalogue[i].ID), word) {
			return []ID{catalogue[i].ID}, true
		}
	}
	return nil, false
}

// claimWords lists all that [ParseClaims] understands.
func claimWords() []string {
	out := Levels()
	for i := range catalogue {
		out = append(out, string(catalogue[i].ID))
	}
	return out
}
