package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// A datagram has one number on its whole way, and every frame says what its TTL is and whence a router has it.
func TestDatagramsKeepTheirNumber(t *testing.T) {
	flood := "lan0 0 16, lan1 r1 14 via wan0, lan2 r2 14 via wan2, wan0 r0 15 via lan0, wan1 r1 14 via wan0, wan1 r2 14 via wan2, " +
		"wan2 r0 15 via lan0, wan3 r2 14 via wan2, wan3 r3 15 via lan0"
	tree := "lan0 0 16, lan1 r1 14 via wan0, lan2 r2 14 via wan2, wan0 r0 15 via lan0, wan2 r0 15 via lan0"
	six, sparse := threeLANs, threeLANs
	six.v6, sparse.mode = true, ipmulticast.Sparse
	for _, c := range []struct {
		on   site
		want []string
	}{
		{threeLANs, []string{flood, tree, tree}},
		{six, []string{flood, tree, tree}},
		{site{}, []string{"lan0 0 0", "lan0 0 0", "lan0 0 0"}}, // no IP, no TTL
		{site{subnets: 1, mode: ipmulticast.Dense}, []string{"lan0 0 16", "lan0 0 16", "lan0 0 16"}},
		// The first is registered with r1, the rendezvous point, over r3 and r0; the last comes on the tree that r1 joined.
		{sparse, []string{"lan0 0 16, lan0 r3 64 via lan0, lan1 r1 14, lan2 r2 13 via wan1, wan0 r0 63, wan1 r1 14", "",
			"lan0 0 16, lan1 r1 14 via wan0, lan2 r2 13 via wan1, wan0 r0 15 via lan0, wan1 r1 14 via wan0"}},
		// To whom the snooping switch s0 gives it: its ports are those of 0, 2 and r0.
		{site{subnets: 2, mode: ipmulticast.Dense, switched: true}, []string{"", "",
			"lan0.0 0 16, lan0.1 s0 16, lan0.2 s0 16, lan1.0 s1 14, lan1.1 s1 14, lan1.2 r1 14 via wan0, wan0 r0 15 via lan0.2"}},
	} {
		h, _ := c.on.play(t, sends(0, 10, 210, 100)...)
		ids := datagrams(h, 0)
		for i, want := range c.want {
			if got := path(h, ids[i]); want != "" && got != want {
				t.Errorf("%+v, datagram %d: %s, want %s", c.on, i, got, want)
			}
		}
		for i := range h.Events {
			if e := &h.Events[i]; e.Kind == spec.Receive && h.ExtraOf(e).Op == "data" && !slices.Contains(ids, h.ExtraOf(e).ID) {
				t.Errorf("%+v: node %d took datagram %d: nobody sent it", c.on, e.Node, h.ExtraOf(e).ID)
			}
		}
		if got := reached(h, 0); got != "0123 0123 0123" || received(h, 0) != [4]int{0, 3, 3, 3} {
			t.Errorf("%+v: reached %s, received %v", c.on, got, received(h, 0))
		}
	}
}

// Machines have their names, and stand on the links of the plan.
func TestTopologyInTheHistory(t *testing.T) {
	h, _ := site{subnets: 2, mode: ipmulticast.Dense, switched: true}.play(t, "at 1ms send 0 g 8")
	if got := strings.Join(h.Nodes, " "); got != "0 1 2 3 r0 r1 s0 s1 stranger" {
		t.Errorf("nodes: %s", got)
	}
	var links []string
	for _, l := range h.Topology.Links {
		links = append(links, fmt.Sprint(l.Name, l.Nodes, l.Metric))
	}
	if got, want := strings.Join(links, " "), "lan0.0[0 6] 1 lan0.1[2 6] 1 lan0.2[4 6] 1 lan1.0[1 7] 1 lan1.1[3 7] 1 lan1.2[5 7] 1 wan0[4 5] 2"; got != want {
		t.Errorf("links: %s, want %s", got, want)
	}
	if r, s := fmt.Sprint(h.Topology.Routers), fmt.Sprint(h.Topology.Switches); r != "[4 5]" || s != "[6 7]" {
		t.Errorf("routers %s, switches %s", r, s)
	}
}

// early says something when it is ready, before the scenario begins.
type early struct{ impl.Layer }

func (l early) Step(in impl.Input, out *impl.Effects) {
	l.Layer.Step(in, out)
	if in.Kind == impl.Ready {
		out.Note(impl.Malformed, 0, 0)
		out.Suspect(0)
	}
}

// Time 0 is the beginning of the scenario. Of the warm-up there are no frames, no receipts and no evidence.
func TestTimesBeginWithTheScenario(t *testing.T) {
	n := threeLANs
	n.upper = func(cfg impl.Config) impl.Layer { return early{transport.NewMulticast(cfg)} }
	cfg := n.config()
	cfg.Evidence = true
	warmup, h := 0, &spec.History{}
	cfg.Capture = func(at spec.Time, _ []byte) {
		if at < spec.Time(cfg.Internet.Warmup) {
			warmup++
		}
	}
	if err := New(cfg).Play(scenario(t, "at 0s send 0 g 8", "at 200ms send 0 g 8"), h); err != nil {
		t.Fatal(err)
	}
	last, suspicions := spec.Time(0), 0
	for i := range h.Events {
		e := &h.Events[i]
		if e.T < last {
			t.Fatalf("event %d: %v at %d, after %d", i, e.Kind, e.T, last)
		}
		last = e.T
		if e.Kind == spec.Suspect {
			suspicions++
		} else if i < suspicions {
			t.Errorf("%v before what was said in the warm-up", e.Kind)
		}
	}
	if e := events(h, spec.Send)[0]; e.T != 0 || h.Events[4].Kind != spec.Send || suspicions != 4 {
		t.Errorf("the first send is at %d, event 4 is %v, %d suspicions", e.T, h.Events[4].Kind, suspicions)
	}
	if id := datagrams(h, 0)[0]; warmup < 10 || id != uint64(warmup+1) {
		t.Errorf("the first datagram has the number %d after %d frames of the warm-up, which are captured", id, warmup)
	}
	_ = text(t, h)
}

// network are the faults that a network has besides those of nodes.
var network = spec.SetOf(spec.NICFault, spec.RouterFault, spec.RPFault, spec.ForgetFault, spec.BoundaryFault, spec.TTLFault,
	spec.ReportFault, spec.RogueFault, spec.FloodFault, spec.TableFault)

// The same scenario gives the same bytes: in a new world, in one that has played others, with evidence or without.
func TestReplayOnAnInternet(t *testing.T) {
	runs := uint64(12)
	if testing.Short() {
		runs = 4
	}
	drawn := faults.Params{Faults: spec.EndToEndFaults | network, MinNodes: 3, MaxNodes: 5, OneToOne: true, Joins: true, NonMember: true}
	sparse := threeLANs
	sparse.mode = ipmulticast.Sparse
	for k, n := range []site{threeLANs, sparse, every["switched"], {}} {
		net := n.plan(4)
		drawn.Routers = len(net.Routers)
		with, without := n.config(), n.config()
		with.Evidence = true
		used, usedHistory := New(with), &spec.History{}
		for seed := range runs {
			a, b := faults.Draw(seed, drawn), faults.Draw(seed+1000, drawn)
			want, trace := written(t, New(with), a, &spec.History{})
			for i, s := range []*faults.Scenario{a, b, a} {
				got, again := written(t, used, s, usedHistory)
				if i != 1 && (got != want || !again.Equal(trace)) {
					t.Fatalf("site %d, seed %d, play %d: another history\n%s", k, seed, i, s)
				}
			}
			if _, again := written(t, New(without), a, &spec.History{}); !again.Equal(trace) {
				t.Fatalf("site %d, seed %d: another trace without evidence\n%s", k, seed, a)
			}
		}
	}
}

// A world lays other cables for another number of nodes, and the same again.
func TestANetworkForEachNumberOfNodes(t *testing.T) {
	w, h := New(threeLANs.config()), &spec.History{}
	var got []string
	for _, nodes := range []int{4, 7, 1, 4} {
		s := scenario(t, "at 10ms send 0 g 8")
		s.Nodes, s.Groups[0].Members = nodes, nil
		for n := range spec.NodeID(nodes) {
			s.Groups[0].Members = append(s.Groups[0].Members, n)
		}
		if err := w.Play(s, h); err != nil {
			t.Fatal(err)
		}
		if d := len(events(h, spec.Deliver)); d != nodes || len(h.Nodes) != nodes+5 {
			t.Errorf("%d nodes: %d deliveries, %d names", nodes, d, len(h.Nodes))
		}
		got = append(got, text(t, h))
	}
	if got[0] != got[3] {
		t.Error("another history after other numbers of nodes")
	}
}

// A run that is given up leaves nothing behind: no router that is down, no flood of another group.
func TestARunThatIsGivenUpLeavesNothing(t *testing.T) {
	cfg := threeLANs.config()
	cfg.MaxSteps = 20_000
	used := New(cfg)
	s := siteScenario(t, "group g at 239.7.7.7 0 1 2 3", "at 1ms router-down r0", "at 1ms boundary r1", "at 40ms flood every 1us", "at 50ms pause 2")
	if err := used.Play(s, &spec.History{}); err == nil {
		t.Fatal("it ended")
	}
	after := scenario(t, with(sends(0, 10, 110, 50), "at 20ms flood every 1ms for 50ms", "at 30ms rogue 50% for 50ms")...)
	want, trace := written(t, New(cfg), after, &spec.History{})
	if got, again := written(t, used, after, &spec.History{}); got != want || !again.Equal(trace) {
		t.Error("another history than in a new world")
	}
}

// Faults of nodes and of what is between them strike on links as on one-to-one links: which of them sent, not which
// router forwarded, decides. Each line as in TestWhoReachesWhom.
func TestWhoReachesWhomOnLinks(t *testing.T) {
	for _, c := range []struct{ fault, heard string }{
		{"nothing", "0123 0123 0123 0123"},
		{"partition 0 1 | 2 3", "01 01 23 23"},
		{"oneway 0 > 1 2", "0123 123 123 0123"},
		{"bridge 0 1 | 2 via 3", "013 013 23 0123"},
		{"isolate 1", "023 1 023 023"},
		{"omit-send 0 100%", "0123 123 123 123"},
		{"omit-send 0 to 2 100%", "0123 0123 123 0123"},
		{"omit-receive 2 100%", "0123 0123 2 0123"},
		{"omit-receive 2 from 0 100%", "0123 0123 123 0123"},
		{"loss 100%", "0 1 2 3"},
	} {
		for name, n := range every {
			h, _ := n.play(t, "at 0s "+c.fault, allSend)
			if got := heard(h); got != c.heard {
				t.Errorf("%s, %s: heard %s, want %s", name, c.fault, got, c.heard)
			}
		}
	}
	for name, n := range every {
		h, _ := n.play(t, "at 0s duplicate 100%", "at 10ms send 0 g 8")
		if got := received(h, 0); got != [4]int{0, 2, 2, 2} || len(frames(h, "duplicate")) == 0 {
			t.Errorf("%s: duplicates: received %v", name, got)
		}
		h, _ = n.play(t, "at 0s corrupt 100%", "at 10ms send 0 g 40")
		if got := reached(h, 0); got != "0" || len(events(h, spec.Deliver)) != 1 {
			t.Errorf("%s: with changed bytes it reached %s", name, got)
		}
		h, _ = n.play(t, "at 0s delay 0 to 1 by 100ms", "at 10ms send 0 g 8")
		for _, e := range events(h, spec.Deliver) {
			if slow := e.Node == 1; slow != (e.T >= ms(110)) || e.T > ms(116) {
				t.Errorf("%s: node %d delivered at %v", name, e.Node, time.Duration(e.T))
			}
		}
	}
}
