package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// The stretches of time follow each other without a gap, and the last has no end.
func TestHeldBuckets(t *testing.T) {
	want := []time.Duration{1000, 1500, 2000, 3000, 4000, 6000, 8000, 12000}
	for k, us := range want {
		if got := HeldUntil(k); got != us*time.Microsecond {
			t.Errorf("stretch %d ends at %v, want %v", k, got, us*time.Microsecond)
		}
	}
	for k := range HeldBuckets - 1 {
		end := int64(HeldUntil(k))
		if before, after := heldBucket(end-1), heldBucket(end); before != k || after != k+1 {
			t.Errorf("around %v are the stretches %d and %d, want %d and %d", time.Duration(end), before, after, k, k+1)
		}
	}
	if k := heldBucket(1 << 60); k != HeldBuckets-1 || HeldUntil(k) != 0 {
		t.Errorf("stretch %d, which ends at %v, is the last", k, HeldUntil(k))
	}
}

// What is held back from 2 ms to 5 ms counts 3 ms, and in the stretches that these are in; two runs add up in either
// order.
func TestHeldAddsUp(t *testing.T) {
	var a, b Held
	a.stay(2, int64(2*time.Millisecond), int64(5*time.Millisecond))
	b.stay(3, int64(4*time.Millisecond), int64(4*time.Millisecond)) // for no time, but it was so many
	a.stay(0, 0, int64(time.Hour))
	if a.Depth != int64(6*time.Millisecond) || b.Depth != 0 {
		t.Errorf("%d and %d message-nanoseconds", a.Depth, b.Depth)
	}
	ab, ba := a, b
	ab.Add(&b)
	ba.Add(&a)
	if ab != ba || ab.Depth != a.Depth {
		t.Errorf("%+v\n%+v", ab, ba)
	}
	if want := [HeldBuckets]int32{3: 2, 4: 2, 5: 3}; ab.Over != want {
		t.Errorf("%v, want %v", ab.Over, want)
	}
}

// fifoWorld is fifo order over packets that can be lost.
func fifoWorld(evidence bool) *World {
	return New(Config{Evidence: evidence, New: func(cfg impl.Config) impl.Layer {
		return impl.NewStack(ordering.NewFifo(cfg), transport.NewUnicast(cfg))
	}})
}

func smallScenario(t *testing.T, lines ...string) *faults.Scenario {
	t.Helper()
	s, err := faults.Parse("conform.scenario/1\n" + strings.Join(lines, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A message is lost on its way to node 1, and what its sender sends after it is held back there for ever: so long as
// anything happens.
func TestHeldBehindALoss(t *testing.T) {
	s := smallScenario(t, "nodes 2\ngroup g 0 1\nnet latency 1ms..1ms", "at 0ms loss 100% for 500us", "at 0ms send 0 g 0", "at 4ms send 0 g 0", "at 8ms send 0 g 0",
		"at 15ms send 1 g 0")
	w := fifoWorld(true)
	var h spec.History
	if err := w.Play(s, &h); err != nil {
		t.Fatal(err)
	}
	x := w.Held()
	if x.Messages != 2 || x.Most != 2 {
		t.Errorf("%d messages held back, %d at a time, want 2 and 2\n%+v", x.Messages, x.Most, x)
	}
	end := h.Events[len(h.Events)-1].T
	if want := 2*int64(end) - int64(5*time.Millisecond) - int64(9*time.Millisecond); x.Depth != want || x.Time != 2*int64(end) {
		t.Errorf("%d message-ns of %d node-ns, want %d of %d", x.Depth, x.Time, want, 2*end)
	}
	var depths, holds []int64
	for i := range h.Events {
		switch e := &h.Events[i]; {
		case e.Kind == spec.Hold:
			holds = append(holds, h.ExtraOf(e).Depth)
		case e.Kind == spec.Note && h.ExtraOf(e).Op == spec.OpHeld:
			depths = append(depths, h.ExtraOf(e).Depth)
		}
	}
	if len(depths) != 2 || depths[0] != 1 || depths[1] != 2 || len(holds) != 2 || holds[1] != 2 {
		t.Errorf("notes tell depths %v, and hold-backs %v; want 1 2 both times", depths, holds)
	}
	trace := w.Trace()
	plain := fifoWorld(false)
	if err := plain.Play(s, &h); err != nil {
		t.Fatal(err)
	}
	if plain.Trace().Digest != trace.Digest || plain.Held() != x {
		t.Errorf("without evidence it is another run: %+v, want %+v", plain.Held(), x)
	}
}

// A crash forgets what was held back.
func TestACrashHoldsNothing(t *testing.T) {
	s := smallScenario(t, "nodes 2\ngroup g 0 1\nnet latency 1ms..1ms", "at 0ms loss 100% for 500us", "at 0ms send 0 g 0", "at 4ms send 0 g 0", "at 8ms crash 1", "at 20ms send 0 g 0")
	w := fifoWorld(false)
	var h spec.History
	if err := w.Play(s, &h); err != nil {
		t.Fatal(err)
	}
	if x := w.Held(); x.Messages != 1 || x.Depth != int64(3*time.Millisecond) {
		t.Errorf("%+v: one message was held back, from 5 ms to 8 ms", x)
	}
}
