package checkers

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/spec"
)

// drawMembers draws a view-synchronous group in which processes crash, come back, join, leave and are cut off, with
// acknowledgements, barriers and all else that the requirements on messages ask for; mutated or not.
func drawMembers(t *rapid.T) *spec.History {
	h, _ := drawViewModel(t, 30)
	addOutcomes(t, h)
	mutate(t, h)
	if rapid.IntRange(0, 2).Draw(t, "more") == 0 {
		mutate(t, h)
	}
	h.Settled = rapid.IntRange(0, 5).Draw(t, "settled") > 0
	return h
}

// addOutcomes acknowledges some of what the sender delivers, and lets some call sync, which returns some time later.
func addOutcomes(t *rapid.T, h *spec.History) {
	old := *h
	h.Events = nil
	var open []spec.Event
	for _, e := range old.Events {
		e.T = spec.Time(len(h.Events)) * 1e5
		h.Add(e)
		if e.Kind == spec.Deliver && e.Node == e.Msg.Sender && rapid.IntRange(0, 2).Draw(t, "ack") == 0 {
			a := spec.Event{T: e.T, Kind: spec.Ack, Node: e.Node, Msg: e.Msg, Group: e.Group, Has: spec.HasNode | spec.HasMsg | spec.HasGroup}
			h.Add(a)
		}
		switch rapid.IntRange(0, 24).Draw(t, "sync") {
		case 0:
			s := spec.Event{T: e.T, Kind: spec.Sync, Node: e.Node, Has: spec.HasNode | spec.HasGroup | spec.HasID}
			id := uint64(len(h.Events))
			h.AddExtra(s, spec.Extra{ID: id})
			s.Kind, s.Has = spec.Synced, spec.HasNode|spec.HasGroup|spec.HasOf
			s.Sum = spec.Digest(id)
			open = append(open, s)
		case 1:
			if len(open) > 0 {
				s := open[0]
				open = open[1:]
				id := uint64(s.Sum)
				s.Sum, s.T = 0, e.T
				h.AddExtra(s, spec.Extra{Of: id})
			}
		}
	}
}

// ofMembers lists the requirements on messages that have a twin.
func ofMembers() (ids []spec.ID) {
	for _, id := range twinned() {
		if !onViews(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Where views come and go, the judge and the twins say the same of every requirement on messages.
func TestTwinsUnderViews(t *testing.T) {
	var j Judge
	counts := map[spec.ID]map[spec.Verdict]int{}
	total := 0
	rounds(t, 1, func(r *rapid.T) {
		h := drawMembers(r)
		w := newTwin(h)
		j.Load(h)
		total++
		for _, id := range ofMembers() {
			f := j.Check(id)
			v, n := w.verdict(id)
			if counts[id] == nil {
				counts[id] = map[spec.Verdict]int{}
			}
			counts[id][v]++
			if f.Verdict != v || v != spec.Fail && f.Antecedents != n {
				r.Fatalf("%s: judge %+v %+v, twin %v with %d\n%s", id, f, f.Witness, v, n, show(h))
			}
			checkWitness(r, h, id, f)
		}
	})
	for _, id := range ofMembers() {
		t.Logf("%-24s %v of %d", id, counts[id], total)
	}
}

// What a correct group plays never fails, whoever comes and goes.
func TestMessagesOfViewModels(t *testing.T) {
	var j Judge
	bites := map[spec.ID]int{}
	ids := []spec.ID{NoCreation, NoDuplication, ContentIntegrity, SenderIntegrity, DestinationIntegrity, SelfDelivery, Validity,
		Agreement, ProbabilisticValidity, NoSilentGap, FIFOOrder, FIFOGapFree, LocalOrder, CausalOrder, CausalGapFree, TotalOrder,
		TotalOrderPairwise, TotalGapFree, TotalOrderPrefix}
	rounds(t, 10, func(r *rapid.T) {
		h, _ := drawViewModel(r, 60)
		j.Load(h)
		for _, id := range ids {
			f := j.Check(id)
			if f.Verdict == spec.Pass {
				bites[id]++
			}
			if f.Verdict == spec.Error || f.Verdict == spec.Fail || f.Missing > 0 {
				r.Fatalf("%s: %+v %+v\n%s", id, f, f.Witness, show(h))
			}
		}
	})
	for _, id := range ids {
		t.Logf("%-24s %d", id, bites[id])
		if bites[id] == 0 && id != NoSilentGap && !testing.Short() {
			t.Errorf("%s never passed", id)
		}
	}
}
