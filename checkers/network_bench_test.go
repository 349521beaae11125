package checkers

import (
	"testing"

	"github.com/conform-go/conform/spec"
)

// generateNet plays datagrams of two hosts to two groups in a square of routers: five frames and two receptions each,
// and now and then a host that joins and leaves.
func generateNet(datagrams int) *spec.History {
	h := parseNet("a=0,1,r1 b=r1,r2 c=r1,r3 d=r2,r3,2,3 e=r3,s,4 f=s,5 dense bound=10 cost=2 acks=1 " +
		"metrics=0,1,2,2,2,2,0,0,0,0;1,0,2,2,2,2,0,0,0,0;2,2,0,1,2,2,0,0,0,0;2,2,1,0,2,2,0,0,0,0;2,2,2,2,0,1,0,0,0,0;2,2,2,2,1,0,0,0,0,0;" +
		"0,0,0,0,0,0,0,0,0,0;0,0,0,0,0,0,0,0,0,0;0,0,0,0,0,0,0,0,0,0;0,0,0,0,0,0,0,0,0,0 g:2,3,5 h:1,2")
	b := netBuilder{h: h, ttl: map[string]int{}, source: map[uint64]spec.NodeID{}}
	for k := range datagrams {
		source, g, id := spec.NodeID(k&1), spec.GroupID(k>>1&1), uint64(k+1)
		if source == 1 {
			g = 0
		}
		if k%10 == 9 { // one that stays on its link
			h.AddExtra(spec.Event{Kind: spec.Frame, Has: spec.HasNode | spec.HasFrom | spec.HasGroup | spec.HasID, Node: source, From: source, Group: g, T: b.now},
				spec.Extra{ID: id, Op: "data", Link: "a", TTL: 1})
			continue
		}
		e := spec.Event{Kind: spec.Send, Has: spec.HasNode | spec.HasMsg | spec.HasGroup, Node: source, Group: g,
			Msg: spec.MsgID{Sender: source, Number: id}, T: b.now}
		h.Add(e)
		frame := func(by spec.NodeID, link, via string, ttl int) {
			h.AddExtra(spec.Event{Kind: spec.Frame, Has: spec.HasNode | spec.HasFrom | spec.HasGroup | spec.HasID, Node: by, From: source, Group: g, T: b.now},
				spec.Extra{ID: id, Op: "data", Link: link, Via: via, TTL: ttl})
			b.now += 1e6
		}
		frame(source, "a", "", 8)
		frame(b.node("r1"), "b", "a", 7)
		frame(b.node("r2"), "d", "b", 6)
		members := []spec.NodeID{2, 3}
		if g == 1 {
			members = []spec.NodeID{1, 2}
		} else {
			frame(b.node("r1"), "c", "a", 7)
			frame(b.node("r3"), "e", "c", 6)
			frame(b.node("s"), "f", "", 6)
			members = append(members, 5)
		}
		for _, n := range members {
			h.AddExtra(spec.Event{Kind: spec.Receive, Has: spec.HasNode | spec.HasFrom | spec.HasGroup | spec.HasID, Node: n, From: source, Group: g, T: b.now},
				spec.Extra{ID: id, Op: "data"})
		}
		e.Kind, e.Node = spec.Deliver, members[0]
		h.Add(e)
		if k%100 == 99 {
			for _, w := range []string{"J4", "j4", "L4", "l4"} {
				b.event(w)
			}
			b.now += 50e6
		}
	}
	return h
}

func networkIDs() (ids []spec.ID) {
	for _, c := range netCases {
		ids = append(ids, c.id)
	}
	return ids
}

// BenchmarkNetwork judges one requirement of a loaded history of 200,000 events; the network's index is built in each
// round.
func BenchmarkNetwork(b *testing.B) {
	h := generateNet(20_000)
	for _, id := range networkIDs() {
		b.Run(string(id), func(b *testing.B) {
			var j Judge
			j.Load(h)
			j.Check(id)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				j.net.built = false
				if f := j.Check(id); f.Verdict == spec.Fail {
					b.Fatal(f, f.Witness)
				}
			}
			b.ReportMetric(float64(len(h.Events))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mevents/s")
		})
	}
}

func TestNetworksWithoutAllocations(t *testing.T) {
	var j Judge
	large := generateNet(300)
	others := []*spec.History{large, parseNet(twoLANs + "g:0,2 h:1 @0 6.0>a 6.r>b<a 6!2 @20 7.0>a 7.r>b<a 7!2 F1 H1 @90 cr rr J3 j3 9.0>a 9.r>b<a 9!2 9!3 l3 L3 P2")}
	passed := map[spec.ID]bool{}
	if got := testing.AllocsPerRun(50, func() {
		for _, h := range others {
			j.Load(h)
			for _, c := range netCases {
				if f := j.Check(c.id); f.Verdict == spec.Fail {
					t.Fatal(c.id, f, f.Witness)
				} else if f.Verdict == spec.Pass {
					passed[c.id] = true
				}
			}
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
	for _, id := range networkIDs() {
		if !passed[id] {
			t.Errorf("%s did not pass: %+v", id, Check(large, id)[0])
		}
	}
}
