package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// A paused node takes in what its card has kept, in order, when it goes on: its own sends, its joins, and what others
// ask it about its groups, too.
func TestPauseOnLinks(t *testing.T) {
	for name, n := range every {
		h, _ := n.play(t, "at 5ms pause 1 for 60ms", "at 10ms send 0 g 8", "at 20ms send 1 to 0 8", "at 30ms send 0 g 8", "at 40ms send 2 to 1 8",
			"at 100ms send 0 g 8")
		var got []string
		var ids []uint64
		for i := range h.Events {
			e := &h.Events[i]
			if e.Node != 1 || !e.Is(spec.HasNode) {
				continue
			}
			switch x := h.ExtraOf(e); {
			case e.Kind == spec.Receive && x.Op != "data", e.Kind == spec.Frame:
			case e.Kind == spec.Receive && e.T == ms(65):
				got, ids = append(got, "took"), append(ids, x.ID)
			case e.Is(spec.HasMsg) && e.T == ms(65):
				got = append(got, e.Kind.String()+" "+e.Msg.String())
			case e.T != ms(65) && e.T != ms(5) && e.T < ms(100):
				t.Errorf("%s: %v at %v", name, e.Kind, time.Duration(e.T))
			}
		}
		want := "took, deliver 0/0/1, send 1/0/1, took, deliver 0/0/2, deliver 2/0/1"
		if g := strings.Join(got, ", "); g != want || !slices.Equal(ids, datagrams(h, 0)[:2]) {
			t.Errorf("%s: at the end of the pause: %s, datagrams %d, want %s", name, g, ids, want)
		}
		if a, b := reached(h, 0), reached(h, 1); a != "0123 0123 0123" || b != "0" {
			t.Errorf("%s: reached %s and %s", name, a, b)
		}
	}
}

// What a node has put on the network arrives when it has crashed; after a lossy crash, only what a router has already.
// Its next life joins again.
func TestCrashOnLinks(t *testing.T) {
	for name, n := range every {
		taken := "-" // by those behind a router or a switch that has the packet already
		if n.subnets > 1 {
			taken = "023"
		}
		for _, c := range []struct{ crash, want string }{
			{"at 10ms crash 1", "023 0123"},
			{"at 10ms crash-lossy 1", "- 0123"},
			{"at 10.04ms crash-lossy 1", "- 0123"},
			{"at 10.06ms crash-lossy 1", taken + " 0123"},
			{"on 1 send 2 crash 1", "0123 - 0123"},
			{"on 1 deliver 2 crash 1", "0123 023 0123"},
			{"at 40ms crash 1", "0123 0123 0123"},
		} {
			h, _ := n.play(t, "at 10ms send 1 g 8", c.crash, "at 30ms send 1 g 8", "at 60ms recover 1", "at 200ms send 1 g 8", "at 300ms send 0 g 8")
			if a, b := reached(h, 1), reached(h, 0); a != c.want || b != "0123" {
				t.Errorf("%s, %s: reached %s, and %s from another, want %s", name, c.crash, a, b, c.want)
			}
			if got := told(h, spec.Crash, spec.Recover); got != "1 crash\n1 recover" {
				t.Errorf("%s, %s:\n%s", name, c.crash, got)
			}
		}
	}
}

// Triggers count what nodes send to each other and receive from each other, from the beginning of the scenario on:
// not what a host and the routers tell one another.
func TestTriggersOnLinks(t *testing.T) {
	steps := func(trigger string) []string {
		return with(append(sends(0, 10, 410, 100), sends(2, 60, 460, 100)...), trigger)
	}
	for _, c := range []struct {
		trigger, by0, by2 string
	}{
		{"on 0 send 3 crash 0", "0123 0123 -", "0123 0123 123 123 123"},
		{"on 1 receive 3 crash 1", "0123 023 023 023 023", "0123 023 023 023 023"},
		{"on 1 deliver 3 crash 1", "0123 023 023 023 023", "0123 023 023 023 023"},
		{"on 1 action 5 crash 1", "0123 023 023 023 023", "0123 023 023 023 023"},
		{"on 3 send 1 crash 3", "0123 0123 0123 0123 0123", "0123 0123 0123 0123 0123"}, // it sends nothing
		{"on 1 receive 3 pause 1 for 20ms", "0123 0123 0123 0123 0123", "0123 0123 0123 0123 0123"},
		{"on 0 send 3 heal", "0123 0123 0123 0123 0123", "0123 0123 0123 0123 0123"},
		{"on 1 deliver 2 send 1 to 0 8", "0123 0123 0123 0123 0123", "0123 0123 0123 0123 0123"},
	} {
		for name, n := range every {
			h, _ := n.play(t, steps(c.trigger)...)
			if a, b := reached(h, 0), reached(h, 2); a != c.by0 || b != c.by2 {
				t.Errorf("%s, %s: reached %s and %s, want %s and %s", name, c.trigger, a, b, c.by0, c.by2)
			}
		}
	}
}

// What a host is told and says about listeners is no packet: neither counts for a trigger, and nobody pays for it.
func TestCountsOnAnInternet(t *testing.T) {
	h, w := threeLANs.play(t, "at 10ms send 0 g 8", "at 20ms send 1 to 2 8", "at 30ms send 3 to 3 8", "at 40ms send 3 g 8")
	c := w.Counts()
	if c.Sends != 4 || c.Deliveries != 10 || c.Packets != 3 || c.Receipts != 10 || c.TooLong != 0 {
		t.Errorf("%+v", c)
	}
	recorded, reports := len(frames(h)), len(frames(h, ": igmp-report "))
	if c.Frames < recorded+10 || reports == 0 { // those of the warm-up too
		t.Errorf("%d frames, %d recorded, %d reports among them", c.Frames, recorded, reports)
	}
	if got := reached(h, 3); got != "3 0123" {
		t.Errorf("a message to oneself reached %s", got)
	}
}

func TestLongPacketsAreLostOnLinks(t *testing.T) {
	for name, n := range every {
		s := scenario(t, "at 10ms send 0 g 50", "at 20ms send 0 g 300")
		s.Net.MTU = 200
		h, w := n.playScenario(t, s)
		if got := reached(h, 0); got != "0123 0" || w.Counts().TooLong != 1 || len(datagrams(h, 0)) != 1 {
			t.Errorf("%s: reached %s, %d too long", name, got, w.Counts().TooLong)
		}
	}
}

// Two groups that share no node; and none is played whose address is none.
func TestGroupsOnAnInternet(t *testing.T) {
	for name, n := range every {
		h, _ := n.play(t, "group g 0 1", "group h 2 3", "at 10ms send 0 g 8", "at 20ms send 2 h 8", "at 30ms send 1 g 8")
		if a, b, c := reached(h, 0), reached(h, 1), reached(h, 2); a != "01" || b != "01" || c != "23" {
			t.Errorf("%s: reached %s, %s and %s", name, a, b, c)
		}
		for _, e := range events(h, spec.Frame) {
			if h.ExtraOf(&e).Op == "data" && (!e.Is(spec.HasGroup) || (e.From == 2) != (e.Group == 1)) {
				t.Errorf("%s: a frame of node %d with group %d", name, e.From, e.Group)
			}
		}
	}
	// One that is in no group may send, and hears nothing.
	h, _ := threeLANs.play(t, "group g 1 2", "at 10ms send 0 g 8", "at 20ms send 1 g 8", "at 300ms join 0 g", "at 400ms send 3 g 8",
		"at 500ms leave 0 g", "at 600ms send 3 g 8")
	if a, b, c := reached(h, 0), reached(h, 1), reached(h, 3); a != "12" || b != "12" || c != "012 12" {
		t.Errorf("reached %s, %s and %s", a, b, c)
	}
	for _, address := range []string{"nonsense", "10.0.0.1"} {
		s := siteScenario(t, "group g at "+address+" 0 1", "at 10ms send 0 g 8")
		if err := New(threeLANs.config()).Play(s, &spec.History{}); err == nil || !strings.HasPrefix(err.Error(), "group g: ") {
			t.Errorf("address %s: %v", address, err)
		}
	}
	// An address of the other family reaches nobody, whatever strangers do with it.
	h, _ = threeLANs.play(t, "group g at ff05::1 0 1", "at 10ms rogue 100%", "at 10ms listen 1", "at 10ms flood every 1ms for 5ms", "at 20ms send 0 g 8")
	if a := reached(h, 0); a != "0" || len(datagrams(h, 0)) != 0 {
		t.Errorf("an address of the other family: reached %s, %d datagrams", a, len(datagrams(h, 0)))
	}
}

// Every scenario that shrinking tries can be played, and the smallest shows what was looked for.
func TestShrinkOnAnInternet(t *testing.T) {
	params := faults.Params{Faults: spec.EndToEndFaults | network, MinNodes: 4, MaxNodes: 5, Routers: 4, MaxSends: 6}
	w, h := New(threeLANs.config()), &spec.History{}
	starved := func(s *faults.Scenario) bool { // a router was down, and some message did not reach all
		if err := w.Play(s, h); err != nil {
			t.Fatalf("%v\n%s", err, s)
		}
		down := slices.ContainsFunc(h.Events, func(e spec.Event) bool { return e.Kind == spec.Crash && int(e.Node) >= s.Nodes })
		return down && len(events(h, spec.Deliver)) < len(events(h, spec.Send))*len(s.Groups[0].Members)
	}
	for seed := uint64(0); ; seed++ {
		s := faults.Draw(seed, params)
		if !starved(s) {
			continue
		}
		small, runs := faults.Shrink(s, starved, 150)
		if len(small.Steps) > 3 || !starved(small) || runs == 0 {
			t.Errorf("seed %d: after %d runs\n%s", seed, runs, small)
		}
		return
	}
}

// Hosts of a LAN know each other by hardware address, and no machine of the network is one of them.
func TestPlace(t *testing.T) {
	n := threeLANs
	net := n.plan(4)
	w := New(n.config())
	if err := w.Play(scenario(t, "at 10ms router-down r0"), &spec.History{}); err != nil {
		t.Fatal(err)
	}
	p := w.place(3)
	for id := range net.Hosts {
		if got, ok := p.HostAt(net.Hosts[id].Port.Addr); !ok || got != spec.NodeID(id) {
			t.Errorf("host %d: %d, %v", id, got, ok)
		}
	}
	if id, ok := p.HostAt(net.Routers[0].Ports[0].Addr); ok {
		t.Errorf("a router is host %d", id)
	}
	if _, ok := p.HostAt(ipmulticast.AllSystems); ok {
		t.Error("a group is a host")
	}
	if p.Host != 3 || p.Names[0] != GroupAddress(0) || p.Groups[0] != addr(GroupAddress(0)) {
		t.Errorf("place %+v", p)
	}
	for _, c := range []struct {
		down int
		want string
	}{{-1, net.Routers[0].Ports[0].Addr.String()}, {0, net.Routers[3].Ports[0].Addr.String()}} {
		if c.down >= 0 {
			w.nodes[w.procs+c.down].up = false
		}
		if got := p.Gateway().String(); got != c.want {
			t.Errorf("gateway %s, want %s", got, c.want)
		}
	}
}
