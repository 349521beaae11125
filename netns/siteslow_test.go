package netns

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// alteredPlay plays sends of node 0 to nodes 3 (on its LAN), and 1 and 2 (each on another one), while something is done to
// packets number 4 to 13, and gives the history. Before that trees are built: a kernel keeps four packets of a source that
// is new until it is told where they go.
func alteredPlay(t *testing.T, x spread, fault string) *spec.History {
	t.Helper()
	x.plan.Subnets, x.plan.Hosts = 3, 4
	l := x.build(t)
	if err := l.wide.slow.lacks; err != nil {
		orSkip(t, nil, err)
	}
	text := "conform.scenario/1\nnodes 4\ngroup g 0 1 2 3\nseed 7\nat 0s send 0 g 8\nat 60ms send 0 g 8\nat 120ms send 0 g 8\nat 250ms " + fault + "\n"
	for i := range 10 {
		text += fmt.Sprintf("at %dms send 0 g %d\n", 300+4*i, 8+i)
	}
	s, err := faults.Parse(text + "at 750ms send 0 g 8\n")
	if err != nil {
		t.Fatal(err)
	}
	return settledPlay(t, siteWorld(t, l, "dense"), s, 60*time.Millisecond)
}

// copiesOf gives how often a node has delivered what; and the messages in the order of the first copies.
func copiesOf(h *spec.History, node spec.NodeID) (copies map[uint64]int, order []uint64) {
	copies = map[uint64]int{}
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == spec.Deliver && e.Node == node {
			if copies[e.Msg.Number]++; copies[e.Msg.Number] == 1 {
				order = append(order, e.Msg.Number)
			}
		}
	}
	return copies, order
}

// What is done to packets is done on the cables of receivers, on whatever LAN they are, and to those that the fault names
// only; it ends with the fault. The evidence tells a doubled packet from one that routers have doubled.
func TestAltered(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a run of seconds")
	}
	fifo := func(h *spec.History) spec.Finding {
		var j checkers.Judge
		j.Load(h)
		return j.Check("FIFO-ORDER")
	}
	for name, x := range map[string]struct {
		spread
		fault string
		check func(t *testing.T, h *spec.History)
	}{
		"duplicate": {spread{mode: ipmulticast.Dense, igmp: 2}, "duplicate 100% for 300ms", func(t *testing.T, h *spec.History) {
			for n := spec.NodeID(1); n < 4; n++ {
				copies, _ := copiesOf(h, n)
				for m := range uint64(14) {
					want := 1
					if m+1 >= 4 && m+1 <= 13 {
						want = 2
					}
					if copies[m+1] != want {
						t.Errorf("node %d has delivered %v", n, copies)
						break
					}
				}
			}
			marked := 0
			for i := range h.Events {
				if e := &h.Events[i]; e.Kind == spec.Frame && h.ExtraOf(e).Reason == "duplicate" {
					marked++
				}
			}
			if marked != 3*10 {
				t.Errorf("%d frames are told to be the fault's, want %d", marked, 3*10)
			}
			judged(t, h, "ROUTE-ONE-COPY", "AGREEMENT")
		}},
		"corrupt": {spread{mode: ipmulticast.Dense, plan: ipmulticast.InternetConfig{Switched: true}, igmp: 2}, "corrupt 100% for 300ms", func(t *testing.T, h *spec.History) {
			for n := spec.NodeID(1); n < 4; n++ {
				if copies, order := copiesOf(h, n); len(copies) != 4 || order[3] != 14 {
					t.Errorf("node %d has delivered %v", n, order)
				}
			}
			for i := range h.Events { // what nobody has sent in this form nobody has received
				if e := &h.Events[i]; e.Kind == spec.Receive && e.T > spec.Time(270*time.Millisecond) && e.T < spec.Time(500*time.Millisecond) {
					t.Errorf("node %d has received datagram %d", e.Node, h.ExtraOf(e).ID)
				}
			}
			judged(t, h, "CONTENT-INTEGRITY", "ROUTE-ONE-COPY")
		}},
		"reorder": {spread{mode: ipmulticast.Sparse}, "reorder 100% by 60ms for 300ms", func(t *testing.T, h *spec.History) {
			judged(t, h, "AGREEMENT", "NO-DUPLICATION")
			if f := fifo(h); f.Verdict != spec.Fail {
				t.Errorf("nothing has overtaken anything: %v %s", f.Verdict, f.Reason)
			} else {
				t.Log(f.Witness.Text)
			}
		}},
		"delay, IPv6": {spread{mode: ipmulticast.Dense, plan: ipmulticast.InternetConfig{IPv6: true}}, "delay 0 to 2 by 90ms for 300ms", func(t *testing.T, h *spec.History) {
			judged(t, h, "AGREEMENT", "FIFO-ORDER", "NO-DUPLICATION")
			late := map[spec.NodeID]time.Duration{}
			sent := map[uint64]spec.Time{}
			for i := range h.Events {
				e := &h.Events[i]
				switch m := e.Msg.Number; {
				case e.Kind == spec.Send:
					sent[m] = e.T
				case e.Kind == spec.Deliver && e.Node > 0 && m > 3 && m < 14:
					if d := time.Duration(e.T - sent[m]); late[e.Node] == 0 || d < late[e.Node] {
						late[e.Node] = d
					}
				}
			}
			if late[2] < 90*time.Millisecond || late[1] >= 90*time.Millisecond || late[3] >= 90*time.Millisecond {
				t.Errorf("at least so late: %v", late)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := alteredPlay(t, x.spread, x.fault)
			x.check(t, h)
			if t.Failed() {
				t.Log(strings.Join(byNode(h), "\n"))
			}
		})
	}
}
