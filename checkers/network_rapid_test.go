package checkers

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/spec"
)

var netIDs = []spec.ID{RouteReach, RouteContain, RouteNoDuplicate, RouteRPF, RouteOneCopy, SocketFilter, TTLScope}

// The judge and the twins must say the same of every network.
func TestNetworkTwins(t *testing.T) {
	counts := map[spec.ID]map[spec.Verdict]int{}
	for _, id := range netIDs {
		counts[id] = map[spec.Verdict]int{}
	}
	var j Judge // one for all: what it remembers of the last history must not matter
	total := 0
	rounds(t, 60, func(r *rapid.T) {
		h, tame := drawNetwork(r)
		w := newNetTwin(h)
		j.Load(h)
		total++
		for _, id := range netIDs {
			f := j.Check(id)
			v, n := w.verdict(id)
			counts[id][v]++
			if f.Verdict != v || v != spec.Fail && f.Antecedents != n {
				r.Fatalf("%s: judge %+v %+v, twin %v with %d\n%s", id, f, f.Witness, v, n, showNet(h))
			}
			if tame && v == spec.Fail {
				r.Fatalf("%s: a false alarm: %+v\n%s", id, *f.Witness, showNet(h))
			}
			checkNetWitness(r, h, id, f)
		}
	})
	for _, id := range netIDs {
		c := counts[id]
		t.Logf("%-22s pass %d fail %d inconclusive %d", id, c[spec.Pass], c[spec.Fail], c[spec.Inconclusive])
		if total >= 1000 && (c[spec.Pass] < total/100 || c[spec.Fail] < total/100) {
			t.Errorf("%s: too few of one kind: %v of %d", id, c, total)
		}
	}
}

// What the model of IGMP and PIM dense mode does is right too. It begins to send before all members have reported, so
// that it says nothing of ROUTE-REACH.
func TestRoutesOfTheModel(t *testing.T) {
	var j Judge
	for seed := range uint64(60) {
		h := playWire(seed, wireBug{})
		j.Load(h)
		for _, id := range netIDs {
			if f := j.Check(id); f.Verdict == spec.Fail && id != RouteReach {
				t.Errorf("seed %d: %s: %s", seed, id, f.Witness.Text)
			}
		}
	}
}

// Histories that contradict themselves must not break a judge.
func TestOddRoutes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var j Judge
	for range 300 {
		h := generateNet(20)
		n := *h.Topology
		h.Topology = &n
		n.Links = slices.Clone(n.Links)
		for range r.IntN(3) {
			l := &n.Links[r.IntN(len(n.Links))]
			l.Nodes = append(slices.Clone(l.Nodes), spec.NodeID(r.IntN(20)-5))
		}
		n.Switches = append(slices.Clone(n.Switches), spec.NodeID(r.IntN(20)-5))
		n.RPs = []spec.NodeID{spec.NodeID(r.IntN(20) - 5)}
		n.Links = n.Links[r.IntN(len(n.Links)+1):]
		for range r.IntN(30) {
			e := &h.Events[r.IntN(len(h.Events))]
			switch r.IntN(8) {
			case 0:
				e.Has = spec.Field(r.Uint32())
			case 1:
				e.Node = spec.NodeID(r.IntN(20) - 5)
			case 2:
				e.Group = spec.GroupID(r.IntN(6) - 2)
			case 3:
				e.Kind = spec.Kind(r.IntN(int(spec.Extension)))
			case 4:
				e.T = spec.Time(r.IntN(2000)) * 1e6
			case 5:
				e.Extra = uint32(r.IntN(2000))
			case 6:
				h.ExtraOf(e).ID = r.Uint64() >> r.IntN(64)
			case 7:
				h.ExtraOf(e).Via = "z"
			}
		}
		j.Load(h)
		for _, id := range networkIDs() {
			if f := j.Check(id); f.Verdict == spec.Error {
				t.Error(f)
			}
		}
	}
}

// checkNetWitness: the events of a witness alone still fail, among all that is no datagram, and the first frames of
// all: how long a flow has lasted is not for the witness to say.
func checkNetWitness(r *rapid.T, h *spec.History, id spec.ID, f spec.Finding) {
	if f.Verdict != spec.Fail {
		return
	}
	keep := map[int]bool{}
	for _, i := range f.Witness.Events {
		keep[i] = true
	}
	first := map[uint64]bool{}
	sub := &spec.History{Header: h.Header}
	for i := range h.Events {
		x := h.ExtraOf(&h.Events[i])
		if x.Op != "data" || keep[i] || !first[x.ID] && h.Events[i].Kind == spec.Frame {
			sub.AddExtra(h.Events[i], *x)
			first[x.ID] = first[x.ID] || x.Op == "data"
		}
	}
	if got := Check(sub, id)[0]; got.Verdict != spec.Fail || f.Witness.Text == "" {
		r.Fatalf("%s: the witness %+v proves nothing: %+v\n%s", id, *f.Witness, got, showNet(h))
	}
}
