package netns

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// Strange machines on the links of hosts repeat what these send, listen where nobody does, and flood the group: members
// deliver what they would, routers forward the strangers' packets like anybody's, and to where they listen; and all of it
// is told as theirs.
func TestStrangersBetweenSubnets(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	for name, x := range map[string]spread{
		"dense":                  {mode: ipmulticast.Dense, igmp: 2, plan: ipmulticast.InternetConfig{Hosts: 4}},
		"sparse, IPv6, switches": {mode: ipmulticast.Sparse, igmp: 3, plan: ipmulticast.InternetConfig{Hosts: 4, IPv6: true, Switched: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := x.build(t)
			// Nobody is a member on the third LAN, where node 2 is.
			s, err := faults.Parse("conform.scenario/1\nnodes 4\ngroup g 0 1 3\nseed 1\nat 0s send 0 g 8\nat 300ms rogue 100% for 200ms\nat 300ms listen 2 for 200ms\n" +
				"at 330ms flood every 5ms for 60ms\nat 420ms send 0 g 8\nat 450ms send 1 g 8\nat 900ms send 0 g 8\n")
			if err != nil {
				t.Fatal(err)
			}
			h := settledPlay(t, siteWorld(t, l, "dense"), s, 60*time.Millisecond)
			for n, got := range byNode(h)[:4] {
				all := strings.Fields(got)
				slices.Sort(all) // the flood may hold one sender's up
				if want := "0/1 0/2 0/3 1/1"; n == 2 && got != "" || n != 2 && strings.Join(all, " ") != want {
					t.Errorf("node %d has delivered%s", n, got)
				}
			}
			judged(t, h, "NO-CREATION", "NO-DUPLICATION", "SENDER-INTEGRITY", "ROUTE-ONE-COPY")
			noise, echoes, across, third := 0, map[string]int{}, 0, map[spec.Time]bool{}
			for i := range h.Events {
				e := &h.Events[i]
				x := h.ExtraOf(e)
				if e.Kind != spec.Frame || x.Op != "data" {
					continue
				}
				byStranger := h.NodeName(e.Node) == "stranger"
				switch {
				case byStranger && e.T < spec.Time(400*time.Millisecond):
					noise++
				case byStranger:
					echoes[x.Link]++
				case h.NodeName(e.From) == "stranger" && slices.Contains(h.Topology.Routers, e.Node):
					across++
				}
				if len(x.Link) >= 4 && x.Link[:4] == "lan2" {
					third[e.T] = true
				}
			}
			listening := 0
			for at := range third {
				if at > spec.Time(300*time.Millisecond) && at < spec.Time(520*time.Millisecond) {
					listening++
				}
			}
			if noise < 5 || len(echoes) != 2 || across < 5 || listening == 0 {
				t.Errorf("%d frames of a flood, echoes %v, %d forwarded, %d to where a stranger listens", noise, echoes, across, listening)
			}
			if at := l.strangers(); len(at) == 0 {
				t.Error("no stranger was plugged in")
			}
			if h.Nodes[len(h.Nodes)-1] != "stranger" {
				t.Error(h.Nodes)
			}
		})
	}
}
