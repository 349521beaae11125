package checkers

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/conform-go/conform/spec"
)

// generateViews plays a group of n nodes in which every view delivers the same messages everywhere, and in every second
// change one member is left behind, to be admitted again with the next.
func generateViews(nodes, views, sends int) *spec.History {
	h := &spec.History{}
	h.Settled = true
	h.Groups = []spec.Group{{Name: "g"}}
	all := []spec.NodeID{}
	for n := range nodes {
		h.Nodes = append(h.Nodes, strconv.Itoa(n))
		all = append(all, spec.NodeID(n))
	}
	h.Groups[0].Members = all
	add := func(k spec.Kind, n spec.NodeID, e spec.Event) {
		e.Kind, e.Node, e.T, e.Has = k, n, spec.Time(len(h.Events))*1e5, e.Has|spec.HasNode|spec.HasGroup
		h.Add(e)
	}
	r := rand.New(rand.NewPCG(1, 2))
	numbers := make([]uint64, nodes)
	for v := range views {
		in := all
		if v%2 == 1 {
			out := r.IntN(nodes)
			in = slices.Delete(slices.Clone(all), out, out+1)
		}
		for _, n := range in {
			add(spec.Block, n, spec.Event{})
			h.AddExtra(spec.Event{T: spec.Time(len(h.Events)) * 1e5, Kind: spec.ViewChange, Node: n, Has: spec.HasNode | spec.HasGroup | spec.HasView},
				spec.Extra{View: spec.ViewID{Epoch: uint64(v + 1)}, Members: in})
			add(spec.Unblock, n, spec.Event{})
		}
		for range sends {
			n := in[r.IntN(len(in))]
			numbers[n]++
			e := spec.Event{Has: spec.HasMsg | spec.HasSum, Msg: spec.MsgID{Sender: n, Number: numbers[n]}, Sum: spec.Digest(r.Uint64())}
			add(spec.Send, n, e)
			for _, q := range in {
				e.From, e.Has = n, e.Has|spec.HasFrom
				add(spec.Deliver, q, e)
			}
		}
	}
	return h
}

// BenchmarkViews judges one requirement after another, and the load before them, in a history with views that come and go.
func BenchmarkViews(b *testing.B) {
	h := generateViews(5, 101, 100)
	var j Judge
	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			j.Load(h)
		}
		b.ReportMetric(float64(len(h.Events)), "events")
	})
	j.Load(h)
	ids := []spec.ID{SelfDelivery, Validity, Agreement, NoSilentGap, FIFOGapFree, CausalGapFree, LocalOrder, TotalOrder, TotalGapFree}
	for _, c := range viewCases {
		ids = append(ids, c.id)
	}
	for _, id := range ids {
		b.Run(string(id), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if f := j.Check(id); f.Verdict == spec.Fail {
					b.Fatal(f, f.Witness)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(h.Events)), "ns/event")
		})
	}
}

// Nothing fails in that history, and no judge allocates.
func TestManyViews(t *testing.T) {
	h := generateViews(4, 21, 5)
	var j Judge
	bites := 0
	if got := testing.AllocsPerRun(3, func() {
		j.Load(h)
		for _, id := range ofMembersOnce {
			if f := j.Check(id); f.Verdict == spec.Fail {
				t.Fatal(id, f, f.Witness)
			} else if f.Verdict == spec.Pass {
				bites++
			}
		}
		for _, c := range viewCases {
			if f := j.Check(c.id); f.Verdict == spec.Fail {
				t.Fatal(c.id, f, f.Witness)
			}
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
	if bites == 0 {
		t.Error("nothing was judged")
	}
}
