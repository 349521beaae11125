package sim_test

import (
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// ticking sets a timer ten milliseconds ahead, by its clock, whenever one fires, and shows what its clock says.
type ticking struct {
	self spec.NodeID
	show func(self spec.NodeID, clock time.Duration)
}

func (l *ticking) Step(in impl.Input, out *impl.Effects) {
	if in.Kind == impl.TimerFired {
		l.show(l.self, time.Duration(in.Now))
	}
	if (in.Kind == impl.Ready || in.Kind == impl.TimerFired) && in.Now < spec.Time(80*time.Millisecond) {
		out.SetTimer(0, in.Now+spec.Time(10*time.Millisecond))
	}
}

// What a node's clock says when its timers fire, one every 10ms by that clock, and that the others see nothing of it.
func TestClockFaults(t *testing.T) {
	ms := func(list ...float64) (out []time.Duration) {
		for _, x := range list {
			out = append(out, time.Duration(x*1e6))
		}
		return out
	}
	for _, c := range []struct {
		steps string
		want  []time.Duration
	}{
		{"", ms(10, 20, 30, 40, 50, 60, 70, 80)},
		// The timer that is set runs on: it fires after 10ms, at a time that the clock passed over.
		{"at 15ms skew 0 by 3ms for 10ms\n", ms(10, 23, 30, 40, 50, 60, 70, 80)},
		// The larger of two skews counts; jumps add up.
		{"at 15ms skew 0 by 3ms\nat 15ms skew 0 by 2ms\n", ms(10, 23, 33, 43, 53, 63, 73, 83)},
		{"at 15ms jump 0 by 20ms\nat 25ms jump 0 by 5ms\nat 25ms skew 0 by 1ms\n", ms(10, 40, 56, 66, 76, 86)},
		// A clock that is set back says the same times again.
		{"at 15ms jump 0 by 40ms for 20ms\n", ms(10, 60, 70, 40, 50, 60, 70, 80)},
		// It says 10ms in every 6.67. Set right, it loses what it had gained.
		{"at 10ms drift 0 50% for 20ms\n", ms(10, 20, 30, 30, 40, 50, 60, 70, 80)},
	} {
		s, err := faults.Parse("conform.scenario/1\nnodes 2\ngroup g 0 1\nseed 1\n" + c.steps)
		if err != nil {
			t.Fatal(err)
		}
		said := make([][]time.Duration, 2)
		w := sim.New(sim.Config{New: func(cfg impl.Config) impl.Layer {
			return &ticking{cfg.Self, func(n spec.NodeID, at time.Duration) { said[n] = append(said[n], at) }}
		}})
		var h spec.History
		if err := w.Play(s, &h); err != nil {
			t.Fatal(err)
		}
		if !near(said[0], c.want) || !near(said[1], ms(10, 20, 30, 40, 50, 60, 70, 80)) {
			t.Errorf("%s0 says %v, want %v; 1 says %v", c.steps, said[0], c.want, said[1])
		}
		if !h.Settled {
			t.Errorf("%sit never settled", c.steps)
		}
	}
}

// near compares to a microsecond.
func near(a, b []time.Duration) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if (a[i] - b[i]).Abs() > time.Microsecond {
			return false
		}
	}
	return true
}
