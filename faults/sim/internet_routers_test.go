package sim

import (
	"slices"
	"strings"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// Each line: a fault from 50 ms to 250 ms, while node 0 sends every 100 ms from 10 ms on; who delivers each message.
func TestWhoIsReachedWhenARouterFails(t *testing.T) {
	sparse := threeLANs
	sparse.mode = ipmulticast.Sparse
	six := threeLANs
	six.v6 = true
	line := threeLANs
	line.shape = ipmulticast.Line
	tests := []struct {
		on      site
		fault   string
		reached string
	}{
		{threeLANs, "nothing", "0123 0123 0123 0123 0123"},
		{threeLANs, "router-down r0", "0123 0123 0123 0123 0123"}, // r3 stands in for it
		{threeLANs, "router-down r1", "0123 023 023 0123 0123"},
		{threeLANs, "router-down r2", "0123 013 013 0123 0123"},
		{threeLANs, "router-down r3", "0123 0123 0123 0123 0123"},
		{line, "router-down r1", "0123 03 03 0123 0123"},
		{threeLANs, "boundary r0", "0123 03 03 0123 0123"}, // it is up: nobody stands in for it
		{threeLANs, "boundary r1", "0123 023 023 0123 0123"},
		{threeLANs, "boundary r3", "0123 0123 0123 0123 0123"},
		{threeLANs, "ttl 0 1", "0123 03 03 0123 0123"},
		{threeLANs, "ttl 0 2", "0123 03 03 0123 0123"},
		{threeLANs, "ttl 0 3", "0123 0123 0123 0123 0123"},
		{threeLANs, "ttl 3 1", "0123 0123 0123 0123 0123"}, // another's
		{threeLANs, "ttl 0 256", "0123 0123 0123 0123 0123"},
		{threeLANs, "table-full r0", "0123 0123 0123 0123 0123"}, // its entry is there already
		{threeLANs, "rp-down", "0123 0123 0123 0123 0123"},       // there is none
		{six, "router-down r0", "0123 0123 0123 0123 0123"},
		{six, "router-down r1", "0123 023 023 0123 0123"},
		{six, "boundary r0", "0123 03 03 0123 0123"},
		{six, "ttl 0 2", "0123 03 03 0123 0123"},
		{sparse, "nothing", "0123 0123 0123 0123 0123"},
		{sparse, "rp-down", "0123 023 023 0123 0123"}, // it is the router of lan1 too
		{sparse, "boundary r1", "0123 03 03 0123 0123"},
	}
	for _, c := range tests {
		for _, until := range []string{" for 200ms", ""} {
			steps := with(sends(0, 10, 410, 100), "at 50ms "+c.fault+until)
			switch {
			case c.fault == "nothing":
				steps[0] = "at 50ms " + c.fault
			case until == "":
				steps = append(steps, "at 250ms heal")
			}
			h, _ := c.on.play(t, steps...)
			if got := reached(h, 0); got != c.reached {
				t.Errorf("%v, %s: reached %s, want %s", c.on, steps[0], got, c.reached)
			}
			if !h.Settled {
				t.Errorf("%s: not settled", steps[0])
			}
		}
	}
}

// A router that is down says nothing, the routes go around it after a while, for multicast and for unicast, and it
// comes back with an empty memory.
func TestRouterDown(t *testing.T) {
	const r0 = 4
	h, _ := threeLANs.play(t, with(sends(0, 10, 410, 100), "at 50ms router-down r0 for 200ms",
		"at 55ms send 0 g 8", "at 115ms send 0 to 1 8", "at 400ms send 0 to 1 8")...)
	changes, up := 0, true
	for i := range h.Events {
		e := &h.Events[i]
		if e.Node != r0 || !e.Is(spec.HasNode) {
			continue
		}
		switch e.Kind {
		case spec.Crash, spec.Recover:
			up = e.Kind == spec.Recover
			changes++
			if want := map[bool]spec.Time{false: ms(50), true: ms(250)}[up]; e.T != want {
				t.Errorf("%v at %d, want %d", e.Kind, e.T, want)
			}
		case spec.Frame:
			if !up {
				t.Errorf("a frame of r0 while it is down, at %d", e.T)
			}
		}
	}
	if changes != 2 {
		t.Errorf("%d crashes and recoveries of r0", changes)
	}
	if got := reached(h, 0); got != "0123 03 0123 1 0123 0123 1 0123" {
		t.Errorf("reached %s", got)
	}
	ids := datagrams(h, 0)
	for i, want := range map[int]string{
		1: "lan0 0 16",
		2: "lan0 0 16, lan1 r1 13 via wan1, lan2 r2 14 via wan3, wan0 r1 13 via wan1, wan1 r2 14 via wan3, wan2 r2 14 via wan3, wan3 r3 15 via lan0",
		5: "lan0 0 16, lan1 r1 14 via wan0, lan2 r2 14 via wan2, wan0 r0 15 via lan0, wan2 r0 15 via lan0",
	} {
		if got := path(h, ids[i]); got != want {
			t.Errorf("datagram %d: %s, want %s", i, got, want)
		}
	}
	var unicast []string
	for _, f := range frames(h, ": unicast ") {
		unicast = append(unicast, strings.Join(strings.Fields(f)[1:3], " "))
	}
	if want := []string{"lan0 0:", "wan3 r3:", "wan1 r2:", "lan1 r1:", "lan0 0:", "wan0 r0:", "lan1 r1:"}; !slices.Equal(unicast, want) {
		t.Errorf("unicast went %v, want %v", unicast, want)
	}
}

// Two faults of one router: it is back when the last one is over.
func TestFaultsOfARouterOverlap(t *testing.T) {
	for _, fault := range []string{"router-down r1", "boundary r1"} {
		h, _ := threeLANs.play(t, with(sends(0, 10, 610, 100), "at 50ms "+fault+" for 100ms", "at 120ms "+fault+" for 300ms")...)
		if got := reached(h, 0); got != "0123 023 023 023 023 0123 0123" {
			t.Errorf("%s: reached %s", fault, got)
		}
		h, _ = threeLANs.play(t, with(sends(0, 10, 310, 100), "at 50ms "+fault, "at 150ms heal", "at 150ms "+fault+" for 100ms")...)
		if got := reached(h, 0); got != "0123 023 023 0123" {
			t.Errorf("%s, healed and at once again: reached %s", fault, got)
		}
	}
}

// A router may fail in the middle of a node's step, and recover.
func TestARouterFailsOnTrigger(t *testing.T) {
	h, _ := threeLANs.play(t, with(sends(0, 10, 410, 100), "on 0 send 2 router-down r1 for 150ms")...)
	if got := reached(h, 0); got != "0123 023 023 0123 0123" {
		t.Errorf("reached %s", got)
	}
	if got := told(h, spec.Crash, spec.Recover); got != "5 crash\n5 recover" {
		t.Errorf("got %s", got)
	}
}

// A router that has lost its prunes floods again, and is pruned again.
func TestPruneLost(t *testing.T) {
	h, _ := threeLANs.play(t, with(sends(0, 10, 310, 100), "at 150ms prune-lost r1")...)
	var wan1 []bool
	for _, id := range datagrams(h, 0) {
		wan1 = append(wan1, strings.Contains(path(h, id), "wan1 r1"))
	}
	if !slices.Equal(wan1, []bool{true, false, true, false}) {
		t.Errorf("flooded to r2: %v, want the first packet, and the first one after the loss", wan1)
	}
	if got := reached(h, 0); got != "0123 0123 0123 0123" {
		t.Errorf("reached %s", got)
	}
	prunes := frames(h, "wan1 r2: pim-prune")
	if len(prunes) != 2 || !strings.HasPrefix(prunes[1], "210.") {
		t.Errorf("prunes: %q", prunes)
	}
}

// With a full table a router forwards what it knows, and nothing new; r1, for whom the source is new, too.
func TestTableFull(t *testing.T) {
	h, _ := threeLANs.play(t, with(append(sends(0, 10, 310, 100), sends(3, 60, 360, 100)...), "at 50ms table-full r0 for 200ms")...)
	if got := reached(h, 0); got != "0123 0123 0123 0123" {
		t.Errorf("the old source reached %s", got)
	}
	if got := reached(h, 3); got != "03 03 0123 0123" {
		t.Errorf("the new source reached %s", got)
	}
}

// The rendezvous point that is in use goes down: while the first is, that is the second.
func TestRPDown(t *testing.T) {
	n := threeLANs
	n.mode = ipmulticast.Sparse
	h, _ := n.play(t, with(sends(3, 10, 610, 100), "at 50ms rp-down for 400ms", "at 150ms rp-down for 100ms")...)
	if got := told(h, spec.Crash, spec.Recover); got != "5 crash\n4 crash\n4 recover\n5 recover" {
		t.Errorf("got\n%s", got)
	}
	if got := reached(h, 3); !strings.HasPrefix(got, "0123 ") || !strings.HasSuffix(got, " 0123") {
		t.Errorf("reached %s", got)
	}
	if n := len(frames(h, ": pim-register ")); n == 0 {
		t.Error("nothing was registered")
	}
	for _, f := range frames(h, ": data ", "via ") {
		if strings.Contains(f, "ttl 64") {
			t.Errorf("%s: a register is no data", f)
		}
	}
}

// What a machine does not have can't fail.
func TestPossibleFaults(t *testing.T) {
	line := threeLANs
	line.shape = ipmulticast.Line
	for _, c := range []struct {
		on   Config
		step string
		want string // of the error; empty: it can be played
	}{
		{threeLANs.config(), "router-down r3", ""},
		{threeLANs.config(), "router-down r4", "the number of routers is 4"},
		{line.config(), "boundary r3", "the number of routers is 3"},
		{line.config(), "prune-lost r3", "the number of routers is 3"},
		{line.config(), "table-full r3", "the number of routers is 3"},
		{site{}.config(), "router-down r0", "the number of routers is 0"},
		{site{}.config(), "overflow 0 3", ""},
		{site{}.config(), "listen 0", ""},
		{Config{New: bare}, "router-down r0", "no network of links"},
		{Config{New: bare}, "rp-down", "no network of links"},
		{Config{New: bare}, "overflow 0 3", "no network of links"},
		{Config{New: bare}, "flood every 1ms", "no network of links"},
		{Config{New: bare}, "isolate 0", ""},
	} {
		err := New(c.on).Play(scenario(t, "at 1ms "+c.step), &spec.History{})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.step, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.step)):
			t.Errorf("%s: %v, want %q", c.step, err, c.want)
		}
	}
	var w faults.World = New(Config{})
	for _, op := range faults.Ops() {
		if err := w.Can(op); err != nil {
			t.Errorf("%v: %v", op, err)
		}
	}
}
