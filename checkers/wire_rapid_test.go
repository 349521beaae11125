package checkers

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

var wireIDs = []spec.ID{IGMPJoin, IGMPLeave, IGMPSuppression, IGMPAgeing, IGMPQuerier, PIMPrune, PIMGraft, PIMAssert, PIMRP}

// playWire plays one seed of the model, mostly for some minutes.
func playWire(seed uint64, bug wireBug) *spec.History {
	r := rand.New(rand.NewPCG(seed, 1))
	m := newWireModel(r, 1+r.IntN(4), r.IntN(3) == 0, bug)
	return m.play(spec.Time(time.Duration(60+r.IntN(120))*time.Second), r.IntN(3) == 0)
}

// What a correct network does never fails, and every requirement that the model can test is tested.
func TestCorrectNetworks(t *testing.T) {
	var j Judge
	passes := map[spec.ID]int{}
	seeds := uint64(100)
	if testing.Short() {
		seeds = 40
	}
	for seed := range seeds {
		h := playWire(seed, wireBug{})
		j.Load(h)
		for _, id := range wireIDs {
			f := j.Check(id)
			switch f.Verdict {
			case spec.Pass:
				passes[id]++
			case spec.Fail, spec.Error:
				t.Fatalf("seed %d: %s: %+v %v", seed, id, f, f.Witness)
			}
		}
	}
	t.Log(passes)
	for _, id := range wireIDs {
		if id != PIMAssert && id != PIMRP && passes[id] < int(seeds)/20 {
			t.Errorf("%s passed %d times", id, passes[id])
		}
	}
}

// What a network with one bug does fails the requirement that the bug breaks.
func TestWrongNetworks(t *testing.T) {
	for _, c := range []struct {
		name string
		bug  wireBug
		id   spec.ID
	}{
		{"no robustness repeat", wireBug{noRepeat: true}, IGMPJoin},
		{"no leave message", wireBug{noLeave: true}, IGMPLeave},
		{"no group-specific query", wireBug{noAsking: true}, IGMPLeave},
		{"no suppression", wireBug{hasty: true}, IGMPSuppression},
		{"suppression across groups", wireBug{acrossGroups: true}, IGMPSuppression},
		{"memberships never age", wireBug{noAgeing: true}, IGMPAgeing},
		{"every router asks", wireBug{bothAsk: true}, IGMPQuerier},
		{"nobody takes over", wireBug{neverAsks: true}, IGMPQuerier},
		{"prunes are ignored", wireBug{notPruned: true}, PIMPrune},
		{"a prune never expires", wireBug{neverExpires: true}, PIMPrune},
		{"the graft is forgotten", wireBug{noGraft: true}, PIMGraft},
	} {
		var j Judge
		seed, f := uint64(0), spec.Finding{}
		for ; seed < 60 && f.Verdict != spec.Fail; seed++ {
			j.Load(playWire(seed, c.bug))
			f = j.Check(c.id)
		}
		if f.Verdict != spec.Fail {
			t.Errorf("%s: never found", c.name)
			continue
		}
		t.Logf("%s: after %d: %s", c.name, seed, f.Witness.Text)
	}
}

// Anything at all may stand in a history. A judge must not break, and what it remembers of the last history must not
// matter.
func TestOddNetworks(t *testing.T) {
	var j Judge
	rounds := 3000
	if testing.Short() {
		rounds = 300
	}
	for seed := range uint64(rounds) {
		h := oddNetwork(rand.New(rand.NewPCG(seed, 2)))
		j.Load(h)
		fresh := Check(h, wireIDs...)
		for i, id := range wireIDs {
			f := j.Check(id)
			if f.Verdict == spec.Error || f.Verdict != fresh[i].Verdict || f.Antecedents != fresh[i].Antecedents {
				t.Fatalf("seed %d: %s: %+v, at first sight %+v", seed, id, f, fresh[i])
			}
			if f.Witness != nil && (!slices.IsSorted(f.Witness.Events) || f.Witness.Events[0] < 0 || f.Witness.Events[len(f.Witness.Events)-1] >= len(h.Events)) {
				t.Fatalf("seed %d: %s: %+v", seed, id, f.Witness)
			}
		}
	}
}

// oddNetwork draws events without regard to sense.
func oddNetwork(r *rand.Rand) *spec.History {
	h := wired("a=0,1,r0,r1 b=2,r0,r1,x c=3,s0,r1 d=s0,4 rps=r0,r1 groups=2 members=1,3 IGMP-JOIN=2 IGMP-LEAVE=1 IGMP-SUPPRESSION=1 " +
		"IGMP-AGEING=2 IGMP-QUERIER=2 IGMP-QUERIER-INTERVAL=1 PIM-PRUNE=2 PIM-GRAFT=1 PIM-ASSERT=1 PIM-RP=1")
	t := h.Topology
	t.Routing = []string{"", "dense", "dense", "sparse"}[r.IntN(4)]
	t.IGMP = r.IntN(4)
	if r.IntN(2) == 0 {
		for range r.IntN(len(h.Nodes) + 2) {
			t.Versions = append(t.Versions, r.IntN(4))
		}
	}
	t.Routers = append(t.Routers, -3, 99)
	t.Links[0].Nodes = append(t.Links[0].Nodes, 50, -1)
	h.Settled = r.IntN(3) > 0
	kinds := []spec.Kind{spec.Join, spec.Joined, spec.Leave, spec.Left, spec.Crash, spec.Recover, spec.Pause, spec.Resume, spec.Fault, spec.Heal}
	ops := []string{"data", "data", "data", "unicast", "igmp-query", "igmp-report", "igmp-leave", "pim-hello", "pim-join", "pim-prune",
		"pim-graft", "pim-assert", "pim-state-refresh", "pim-register", "nonsense", ""}
	at := spec.Time(0)
	quiet := r.IntN(2) == 0
	node := func() spec.NodeID { return spec.NodeID(r.IntN(len(h.Nodes)+4) - 2) }
	if quiet { // mostly sense
		node = func() spec.NodeID { return spec.NodeID(r.IntN(len(h.Nodes))) }
	}
	for range r.IntN(150) {
		at += spec.Time(r.Int64N(int64(200 * time.Millisecond)))
		e := spec.Event{T: at, Has: spec.Field(r.Uint32()) | spec.HasNode | spec.HasGroup | spec.HasFrom | spec.HasTo | spec.HasID,
			Node: node(), From: node(), To: node(), Group: spec.GroupID(r.IntN(2))}
		x := spec.Extra{ID: uint64(r.IntN(30)), Link: []string{"a", "b", "c", "d", "e", ""}[r.IntN(6)], Via: []string{"a", "b", "", "q"}[r.IntN(4)],
			Op: ops[r.IntN(len(ops))], TTL: r.IntN(20)}
		switch k := r.IntN(10); {
		case k < 6:
			e.Kind = spec.Frame
		case k < 8:
			e.Kind = spec.Receive
		default:
			e.Kind = kinds[r.IntN(len(kinds))]
			if quiet {
				e.Kind = kinds[r.IntN(4)]
			}
		}
		if !quiet {
			e.Has = spec.Field(r.Uint32())
			e.Group = spec.GroupID(r.IntN(4) - 1)
			x.ID = r.Uint64() >> r.IntN(64)
		}
		h.AddExtra(e, x)
	}
	return h
}

func TestNetworksCostNoAllocation(t *testing.T) {
	var j Judge
	histories := []*spec.History{playWire(3, wireBug{}), playWire(4, wireBug{}), parse("s0.1 d1.0.1")}
	for _, c := range append(slices.Clone(igmpCases), pimCases...) {
		histories = append(histories, wired(c.header+" "+c.pass))
	}
	if got := testing.AllocsPerRun(5, func() {
		for _, h := range histories {
			j.Load(h)
			for _, id := range wireIDs {
				if f := j.Check(id); f.Verdict == spec.Fail {
					t.Fatal(id, f, f.Witness)
				}
			}
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// BenchmarkNetworkChecker judges one requirement of a network that ran for an hour; "index" is what they share.
func BenchmarkNetworkChecker(b *testing.B) {
	m := newWireModel(rand.New(rand.NewPCG(1, 1)), 6, true, wireBug{})
	h := m.play(spec.Time(time.Hour), false)
	run := func(name string, f func(j *Judge)) {
		b.Run(name, func(b *testing.B) {
			var j Judge
			j.Load(h)
			f(&j)
			b.ReportAllocs()
			for b.Loop() {
				f(&j)
			}
			b.ReportMetric(float64(len(h.Events))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mevents/s")
		})
	}
	run("index", func(j *Judge) {
		j.ip.ready = false
		j.wired(IGMPJoin)
	})
	for _, id := range wireIDs {
		run(string(id), func(j *Judge) {
			if f := j.Check(id); f.Verdict == spec.Fail {
				b.Fatal(f.Witness.Text)
			}
		})
	}
}
