package spec

import (
	"slices"
	"strings"
	"testing"
)

// The ids of the catalogue as it was agreed, in its order: none may vanish, none may be respelled.
const agreedIDs = `
NO-CREATION NO-DUPLICATION NO-DUPLICATION/restart CONTENT-INTEGRITY SENDER-INTEGRITY DESTINATION-INTEGRITY CHANNEL-VALIDITY
CHANNEL-INTEGRITY CLOSED-GROUP
SELF-DELIVERY VALIDITY AGREEMENT UNIFORM-AGREEMENT ALL-OR-NOTHING TAIL-RECOVERY NO-SILENT-GAP ACKED-DELIVERED DURABILITY
NO-RESURRECTION LOG-PREFIX PROBABILISTIC-VALIDITY STABILITY-TRIM BOUNDED-OVERFLOW JOIN-COMPLETE JOIN-TRANSFER
FIFO-ORDER FIFO-GAPFREE LOCAL-ORDER CAUSAL-ORDER CAUSAL-GAPFREE TOTAL-ORDER TOTAL-ORDER-PAIRWISE TOTAL-GAPFREE UNIFORM-TOTAL-ORDER
UNIFORM-TOTAL-GAPFREE TOTAL-ORDER-PREFIX NO-CONTAMINATION POSITION-AGREEMENT SYNC-BARRIER SYNC-CUT SYNC-CAUSAL SYNC-BLOCKING
REALTIME-ORDER TIMELINESS CROSS-GROUP-CAUSAL CROSS-GROUP-TOTAL SEQUENCE-LINEARIZABLE MEMBERSHIP-LINEARIZABLE STATE-LINEARIZABLE
REPLICA-CONVERGENCE ELECTION-SAFETY MUTUAL-EXCLUSION COST-DELAY
SELF-INCLUSION VIEW-MONOTONICITY INITIAL-VIEW VIEW-AGREEMENT PRIMARY-COMPONENT VIEW-OVERLAP SAME-VIEW-DELIVERY SENDING-VIEW-DELIVERY
VIRTUAL-SYNCHRONY TRANSITIONAL-SET SUCCESSOR-AGREEMENT FLUSH-BLOCK MEMBERSHIP-PRECISION DETECTOR-COMPLETENESS DETECTOR-ACCURACY
NO-DELIVERY-AFTER-LEAVE SAFE-DELIVERY GROUP-RESTART
BYZ-CONSISTENCY BYZ-TOTALITY BYZ-VALIDITY
NIC-FILTER ROUTE-REACH ROUTE-CONTAIN ROUTE-NO-DUPLICATE ROUTE-RPF ROUTE-ONE-COPY IGMP-JOIN IGMP-LEAVE IGMP-SUPPRESSION IGMP-AGEING
IGMP-QUERIER PIM-PRUNE PIM-GRAFT PIM-ASSERT PIM-RP SOCKET-FILTER TTL-SCOPE ANYCAST-ONE ANYCAST-NEAREST COST-PACKETS COST-ACKS`

func TestCatalogueHasTheAgreedIDs(t *testing.T) {
	var got []string
	for _, r := range Catalogue() {
		got = append(got, string(r.ID))
	}
	if want := strings.Fields(agreedIDs); !slices.Equal(got, want) {
		t.Errorf("catalogue\n%s\nwant\n%s", got, want)
	}
}

func TestCatalogueEntriesAreComplete(t *testing.T) {
	families := []Family{Integrity, Reliability, Order, Views, Byzantine, Network}
	last, seen := 0, make(map[ID]bool)
	for _, r := range Catalogue() {
		if seen[r.ID] {
			t.Errorf("%s stands twice", r.ID)
		}
		seen[r.ID] = true
		for name, text := range map[string]string{"title": r.Title, "statement": r.Statement, "antecedent": r.Antecedent,
			"test": r.Test, "since": r.Since} {
			if text == "" || text != strings.TrimSpace(text) {
				t.Errorf("%s: %s %q", r.ID, name, text)
			}
		}
		if !strings.HasSuffix(r.Statement, ".") || strings.HasSuffix(r.Test, ".") || strings.HasSuffix(r.Antecedent, ".") {
			t.Errorf("%s: statements are sentences, antecedents and tests are not", r.ID)
		}
		if len(r.Classes) == 0 || len(r.NeedsKinds) == 0 {
			t.Errorf("%s has no class or no evidence", r.ID)
		}
		for _, c := range []Class{Safety, Liveness, Statistic} {
			if r.Is(c) != slices.Contains(r.Classes, c) {
				t.Errorf("%s: Is(%s) is wrong", r.ID, c)
			}
		}
		family := slices.Index(families, r.Family)
		if family < last {
			t.Errorf("%s: family %q out of order", r.ID, r.Family)
		}
		last = family
		if got, ok := Lookup(r.ID); !ok || got.Title != r.Title {
			t.Errorf("Lookup(%s) gives %v, %v", r.ID, got, ok)
		}
	}
	if r, ok := Lookup("NONSENSE"); ok {
		t.Errorf("Lookup(NONSENSE) gives %v", r)
	}
}

// Where the table of properties is explicit about the class.
func TestCatalogueClasses(t *testing.T) {
	for id, want := range map[ID][]Class{
		"NO-CREATION": {Safety}, "SELF-DELIVERY": {Liveness}, "VALIDITY": {Liveness}, "AGREEMENT": {Liveness},
		"ALL-OR-NOTHING": {Liveness, Safety}, "NO-SILENT-GAP": {Safety}, "DURABILITY": {Safety},
		"PROBABILISTIC-VALIDITY": {Statistic}, "STABILITY-TRIM": {Safety, Liveness}, "JOIN-COMPLETE": {Liveness},
		"TIMELINESS": {Safety}, "REPLICA-CONVERGENCE": {Liveness}, "MEMBERSHIP-PRECISION": {Liveness},
		"DETECTOR-COMPLETENESS": {Liveness}, "DETECTOR-ACCURACY": {Statistic}, "ROUTE-REACH": {Liveness},
	} {
		if r, _ := Lookup(id); !slices.Equal(r.Classes, want) {
			t.Errorf("%s has classes %v, want %v", id, r.Classes, want)
		}
	}
}

func TestNear(t *testing.T) {
	among := claimWords()
	for word, want := range map[string]string{
		"agrement": "AGREEMENT", "FIFO-ODRER": "FIFO-ORDER", "relaible": "reliable", "casual": "causal", "no-dup": "NO-DUPLICATION",
	} {
		if near := Near(word, among); len(near) == 0 || len(near) > 3 || near[0] != want {
			t.Errorf("Near(%q) gives %q, want %q first", word, near, want)
		}
	}
	if near := Near("xyzzy", among); len(near) != 0 {
		t.Errorf("Near(xyzzy) gives %q", near)
	}
	if d := editDistance("kitten", "sitting"); d != 3 {
		t.Errorf("kitten and sitting are %d apart", d)
	}
}
