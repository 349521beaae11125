package ordering_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// quietRun plays sends on a network where every packet takes 10 ms and nothing goes wrong.
func quietRun(t *testing.T, node maker, nodes int, steps string) (*spec.History, sim.Counts) {
	t.Helper()
	group := ""
	for n := range nodes {
		group += fmt.Sprintf(" %d", n)
	}
	s, err := faults.Parse(fmt.Sprintf("conform.scenario/1\nnodes %d\ngroup g%s\nseed 1\nnet latency 10ms..10ms\n%s", nodes, group, steps))
	if err != nil {
		t.Fatal(err)
	}
	w, h := sim.New(sim.Config{New: node, TS: time.Second, TL: 4 * time.Second}), &spec.History{}
	if err := w.Play(s, h); err != nil {
		t.Fatal(err)
	}
	return h, w.Counts()
}

// How long a message takes from its send to its delivery, in message delays, without faults: 3 by agreement, 2 by
// Lamport's stamps with acknowledgements at once. A delay comes on top of that, and saves packets when all send.
func TestDelayAndCostOfTotalOrder(t *testing.T) {
	one, all := "at 5ms send 0 g 9\n", ""
	for n := range 4 {
		all += fmt.Sprintf("at 5ms send %d g 9\n", n)
	}
	for _, c := range []struct {
		name    string
		order   maker
		steps   string
		delay   time.Duration // of the slowest delivery
		packets int           // one-to-one, between different nodes, in a group of four
	}{
		{"agreement, one sends", agreement, one, 30 * time.Millisecond, 9},           // 3(n-1)
		{"agreement, all send", agreement, all, 30 * time.Millisecond, 36},           // each 3(n-1)
		{"lamport, one sends", lamport, one, 20 * time.Millisecond, 12},              // n(n-1)
		{"lamport, all send", lamport, all, 20 * time.Millisecond, 21},               // each n-1, and all but the last say something later
		{"lamport after 10 ms, one sends", delayed, one, 30 * time.Millisecond, 12},  // the same, later
		{"lamport after 10 ms, all send", delayed, all, 30 * time.Millisecond, 21},   // the same, later
		{"fifo-total over agreement", fifoAgreement, all, 30 * time.Millisecond, 36}, // nothing on top
		{"causal-total over agreement", causalAgreement, all, 30 * time.Millisecond, 36},
	} {
		h, counts := quietRun(t, over(c.order, "unreliable"), 4, c.steps)
		sent, slowest, deliveries := map[spec.MsgID]spec.Time{}, spec.Time(0), 0
		for i := range h.Events {
			switch e := &h.Events[i]; e.Kind {
			case spec.Send:
				sent[e.Msg] = e.T
			case spec.Deliver:
				deliveries++
				slowest = max(slowest, e.T-sent[e.Msg])
			}
		}
		if deliveries != 4*len(sent) {
			t.Errorf("%s: %d deliveries of %d messages", c.name, deliveries, len(sent))
		}
		if time.Duration(slowest) != c.delay || counts.Packets != c.packets {
			t.Errorf("%s: %v and %d packets, want %v and %d", c.name, time.Duration(slowest), counts.Packets, c.delay, c.packets)
		}
	}
}

// Under load one empty message does for many, and more so after a delay: ten messages of one sender, 2 ms apart.
func TestCostOfSilentMembers(t *testing.T) {
	steps := ""
	for k := range 10 {
		steps += fmt.Sprintf("at %dms send 0 g 9\n", 5+2*k)
	}
	for _, c := range []struct {
		delay   time.Duration
		packets int
	}{
		{0, 10*3 + 3*5*3}, // an empty message is later than all that is sent before it is heard
		{10 * time.Millisecond, 10*3 + 3*2*3},
		{50 * time.Millisecond, 10*3 + 3*1*3},
	} {
		order := func(cfg impl.Config) impl.Layer { return ordering.NewLamport(cfg, c.delay) }
		h, counts := quietRun(t, over(order, "unreliable"), 4, steps)
		if counts.Packets != c.packets || counts.Deliveries != 40 {
			t.Errorf("delay %v: %d packets and %d deliveries, want %d and 40", c.delay, counts.Packets, counts.Deliveries, c.packets)
		}
		if !h.Settled {
			t.Errorf("delay %v: not settled", c.delay)
		}
	}
}

var steadyOrders = []string{"agreement", "lamport", "fifo-total over agreement", "causal-total over agreement"}

// Once its memory has grown to its size, a step allocates nothing; and each message is delivered.
func TestAgreedOrdersAllocateNothing(t *testing.T) {
	for _, name := range steadyOrders {
		w := impltest.NewSteady(agreedTotals[name], false)
		const rounds = 3000
		for range rounds {
			w.Round(64)
		}
		if w.Ups != 16*rounds {
			t.Errorf("%s: %d deliveries, want %d", name, w.Ups, 16*rounds)
		}
		if n := testing.AllocsPerRun(50, func() { w.Round(64) }); n > 0 {
			t.Errorf("%s: %v allocations a round", name, n)
		}
	}
}

// BenchmarkAgreedOrder measures a round of four members: four sends, sixteen deliveries, and all between them.
func BenchmarkAgreedOrder(b *testing.B) {
	for _, name := range slices.Sorted(slices.Values(steadyOrders)) {
		b.Run(name, func(b *testing.B) {
			w := impltest.NewSteady(agreedTotals[name], false)
			b.ReportAllocs()
			for b.Loop() {
				w.Round(64)
			}
		})
	}
}
