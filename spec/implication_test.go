package spec

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestEdgesNameRequirements(t *testing.T) {
	for _, e := range edges {
		if len(e.from) == 0 || slices.Contains(e.from, e.to) {
			t.Errorf("edge %v to %s", e.from, e.to)
		}
		for _, id := range append(slices.Clone(e.from), e.to) {
			if _, ok := Lookup(id); !ok {
				t.Errorf("edge %v to %s: %s is not in the catalogue", e.from, e.to, id)
			}
		}
	}
}

// Two requirements that imply each other would be one.
func TestImplicationHasNoCycle(t *testing.T) {
	for _, r := range Catalogue() {
		for _, b := range Implies(r.ID) {
			if slices.Contains(Implies(b), r.ID) {
				t.Errorf("%s and %s imply each other", r.ID, b)
			}
		}
	}
}

func TestImplies(t *testing.T) {
	for a, want := range map[ID][]ID{
		"FIFO-ORDER":            nil,
		"FIFO-GAPFREE":          {"NO-SILENT-GAP", "FIFO-ORDER"},
		"CAUSAL-GAPFREE":        {"NO-SILENT-GAP", "FIFO-ORDER", "FIFO-GAPFREE", "LOCAL-ORDER", "CAUSAL-ORDER"},
		"CAUSAL-ORDER":          {"FIFO-ORDER"},
		"LOCAL-ORDER":           nil,
		"UNIFORM-TOTAL-GAPFREE": {"TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE", "TOTAL-GAPFREE", "UNIFORM-TOTAL-ORDER"},
		"TOTAL-ORDER":           {"TOTAL-ORDER-PAIRWISE"},
		"UNIFORM-AGREEMENT":     {"AGREEMENT", "BYZ-TOTALITY"},
		"SENDING-VIEW-DELIVERY": {"SAME-VIEW-DELIVERY"},
		"DURABILITY":            nil,
		"NONSENSE":              nil,
	} {
		if got := Implies(a); !slices.Equal(got, want) {
			t.Errorf("%s implies %v, want %v", a, got, want)
		}
	}
	want := []ID{"FIFO-GAPFREE", "CAUSAL-ORDER", "CAUSAL-GAPFREE", "CROSS-GROUP-CAUSAL"}
	if got := ImpliedBy("FIFO-ORDER"); !slices.Equal(got, want) {
		t.Errorf("FIFO-ORDER is implied by %v, want %v", got, want)
	}
}

func TestEntailedJoins(t *testing.T) {
	if got := Entailed([]ID{"FIFO-GAPFREE", "LOCAL-ORDER"}); !slices.Contains(got, "CAUSAL-GAPFREE") {
		t.Errorf("FIFO-GAPFREE and LOCAL-ORDER entail %v", got)
	}
	if got := Entailed([]ID{"FIFO-ORDER", "LOCAL-ORDER"}); slices.Contains(got, "CAUSAL-ORDER") {
		t.Errorf("the gap-tolerant FIFO-ORDER and LOCAL-ORDER entail %v", got)
	}
	if got := Entailed([]ID{"AGREEMENT", "TOTAL-ORDER"}); !slices.Contains(got, "TOTAL-GAPFREE") {
		t.Errorf("AGREEMENT and TOTAL-ORDER entail %v", got)
	}
}

func anyIDs() *rapid.Generator[[]ID] {
	var ids []ID
	for _, r := range Catalogue() {
		ids = append(ids, r.ID)
	}
	return rapid.SliceOfDistinct(rapid.SampledFrom(ids), func(id ID) ID { return id })
}

// A closure contains what it closes, grows with it, and closing it again adds nothing.
func TestEntailedIsAClosure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyIDs().Draw(t, "a"), anyIDs().Draw(t, "b")
		ca, cab := Entailed(a), Entailed(append(slices.Clone(a), b...))
		for _, id := range a {
			if !slices.Contains(ca, id) {
				t.Fatalf("%v is not in its closure %v", id, ca)
			}
			for _, c := range Implies(id) {
				if !slices.Contains(ca, c) || !slices.Contains(ImpliedBy(c), id) {
					t.Fatalf("%s implies %s, which is not in %v or not the other way round", id, c, ca)
				}
			}
		}
		for _, id := range ca {
			if !slices.Contains(cab, id) {
				t.Fatalf("more claims entail less: %s is gone from %v", id, cab)
			}
		}
		if again := Entailed(ca); !slices.Equal(again, ca) {
			t.Fatalf("%v closes to %v", ca, again)
		}
	})
}
