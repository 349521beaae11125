package membership_test

import (
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/spec"
)

// steadyLevels is a group with a server, of so many levels, in which nothing changes: what it gives is one turn of every node, with all
// reports until nobody has more to say. It says how many packets there were.
func steadyLevels(nodes, levels int) (turn func() (packets int)) {
	var arena impl.Arena
	out := impl.NewEffects(&arena)
	cfg := impl.Config{Nodes: nodes, TS: time.Millisecond, TL: 80 * time.Millisecond}
	for n := range spec.NodeID(nodes) {
		cfg.Members = append(cfg.Members, n)
	}
	type packet struct {
		from, to spec.NodeID
		body     []byte
	}
	var layers []*membership.Server
	var under []packet
	now := spec.Time(0)
	step := func(n spec.NodeID, in impl.Input) {
		in.Now = now
		out.Reset()
		layers[n].Step(in, out)
		for _, e := range out.List {
			if e.Kind == impl.Down {
				under = append(under, packet{n, e.To, e.Body})
			}
		}
	}
	for n := range spec.NodeID(nodes) {
		c := cfg
		c.Self = n
		s := membership.NewServer(c, 0)
		if levels > 1 {
			s = membership.NewServerOfLevels(c, 0, levels, true)
		}
		layers = append(layers, s)
		step(n, impl.Input{Kind: impl.Start})
		step(n, impl.Input{Kind: impl.Ready})
	}
	return func() int {
		arena.Reset()
		now += spec.Time(10 * time.Millisecond)
		for n := range spec.NodeID(nodes) {
			step(n, impl.Input{Kind: impl.TimerFired})
		}
		i := 0
		for ; i < len(under); i++ {
			step(under[i].to, impl.Input{Kind: impl.Packet, From: under[i].from, To: under[i].to, Body: under[i].body})
		}
		under = under[:0]
		return i
	}
}

// A report costs nothing where nothing changes, on its way from the members to the root, nor does what the root says of
// it.
func TestReportsAllocateNothing(t *testing.T) {
	for _, levels := range []int{1, 2, 3} {
		turn := steadyLevels(13, levels)
		packets := 0
		for range 20 {
			packets = turn()
		}
		if packets < 24 {
			t.Errorf("%d levels: %d packets a turn, want a report of each node, and an answer to each", levels, packets)
		}
		if n := testing.AllocsPerRun(100, func() { turn() }); n > 0 {
			t.Errorf("%d levels: %v allocations a turn of %d packets", levels, n, packets)
		}
	}
}

func BenchmarkReports(b *testing.B) {
	b.ReportAllocs()
	turn := steadyLevels(13, 2)
	for b.Loop() {
		turn()
	}
}
