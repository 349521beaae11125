package suites

import (
	"fmt"
	"slices"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// Groups of which, when they are cut in pieces, all parts go on (partition=both). Each part has views of its own, which
// merge when the parts hear of each other again.

// parted says whether all parts of a group go on.
func (c Cell) parted() bool { return c.changes() && c.Membership.Get("partition", "primary") == "both" }

// partOrders are the orderings that are known to keep their order in all parts, and across a merge.
var partOrders = []string{"unordered", "fifo", "causal", "total-sequencer"}

// partsApplicable says why the parts of a group can't go on under the cell's ordering or transport, or nil.
func (c Cell) partsApplicable() error {
	o := c.Ordering
	switch {
	case !c.parted():
		return nil
	case !slices.Contains(partOrders, o.Name) || o.Get("form", "bb") != "bb" || o.Get("gap", "") == "announce":
		return fmt.Errorf("what %s makes of parts that order by themselves and merge has not been shown", o.String())
	}
	return nil
}

// partClaims says what a cell promises of a group of which all parts go on. That the last views are those who can hear
// each other holds where nobody crashes, or where only fewer than half do and nobody is cut off: see [bench.waits].
func (c Cell) partClaims() spec.Claims {
	all := c.faces()
	m := map[spec.ID]spec.FaultSet{}
	claim := func(ids ...spec.ID) {
		for _, id := range ids {
			m[id] = all
		}
	}
	claim("NO-CREATION", "CONTENT-INTEGRITY", "SENDER-INTEGRITY", "DESTINATION-INTEGRITY", "CLOSED-GROUP", "NO-RESURRECTION", "NO-DUPLICATION")
	claim("SELF-INCLUSION", "VIEW-MONOTONICITY", "INITIAL-VIEW", "VIEW-AGREEMENT", "VIEW-OVERLAP", "SAME-VIEW-DELIVERY", "SENDING-VIEW-DELIVERY",
		"VIRTUAL-SYNCHRONY", "TRANSITIONAL-SET", "SUCCESSOR-AGREEMENT", "FLUSH-BLOCK", "MEMBERSHIP-PRECISION", "NO-DELIVERY-AFTER-LEAVE")
	claim("FIFO-ORDER")
	if c.Ordering.Name == "causal" || c.total() {
		claim("CAUSAL-ORDER")
	}
	if c.total() {
		claim("TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE")
	}
	return inCatalogueOrder(m)
}

const purposeParts = 0x9a27

// cutUp cuts the group into two parts or three, perhaps again and again in quick succession.
func cutUp(s *faults.Scenario, seed uint64) {
	r := spec.NewRand(seed, purposeParts)
	at := time.Duration(r.IntN(700)) * time.Millisecond
	for range 1 + r.IntN(4) {
		parts := make([][]spec.NodeID, 2+r.IntN(2))
		for n := range spec.NodeID(s.Nodes) {
			k := r.IntN(len(parts))
			parts[k] = append(parts[k], n)
		}
		parts = slices.DeleteFunc(parts, func(p []spec.NodeID) bool { return len(p) == 0 })
		last := time.Duration(100+r.IntN(1500)) * time.Millisecond
		if len(parts) > 1 {
			s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(at)}, Action: faults.Action{Op: faults.Partition, Parts: parts, For: last}})
		}
		at += last + time.Duration(r.IntN(700))*time.Millisecond
	}
}

// waitsInParts says whether somebody may have to wait for the dead in the run that was played last: bound to a view of which
// so many have crashed, or were cut off when some crashed, that nobody can say what has become of it.
func (b *bench) waitsInParts(s *faults.Scenario) bool {
	crashed := map[spec.NodeID]bool{}
	for i := range b.h.Events {
		if e := &b.h.Events[i]; e.Kind == spec.Crash {
			crashed[e.Node] = true
		}
	}
	if len(crashed) == 0 {
		return false
	}
	return 2*len(crashed) >= len(b.h.Nodes) || s.Faults()&removals != 0 || silence(&b.h) > 0
}

// removals are the faults by which one that is up may be taken for one that is not.
var removals = losses | spec.SetOf(spec.PauseFault, spec.DelayFault, spec.RecoverFault)
