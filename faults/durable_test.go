package faults

import (
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
	"pgregory.net/rapid"
)

// durable is what protocols with a log must stand: disks that fail, and nodes that crash and come back.
var durable = Params{Faults: spec.DiskFaults.With(spec.CrashFault, spec.CrashLossyFault, spec.RecoverFault), Revive: true}

func comesBack(s *Scenario, node spec.NodeID) bool {
	return has(s, func(x *Step) bool { return x.Action.Op == Recover && x.Action.Node == node })
}

// crashesAfter says whether the node of a fault crashes at the same k-th thing, or at a later one.
func crashesAfter(s *Scenario, fault *Step) bool {
	return has(s, func(x *Step) bool {
		return x.Action.Op.crashes() && x.Action.Node == fault.Action.Node &&
			x.When.On == fault.When.On && x.When.K >= fault.When.K && x.When.At >= fault.When.At
	})
}

func TestDrawLetsDisksFail(t *testing.T) {
	disk := func(x *Step) bool { return x.Action.Op.onDisk() }
	for _, test := range []struct {
		what      string
		low, high float64
		has       func(*Scenario) bool
	}{
		{"a fault of a disk", .4, .8, func(s *Scenario) bool { return has(s, disk) }},
		{"one at a persist of its node", .2, .6, func(s *Scenario) bool {
			return has(s, func(x *Step) bool { return disk(x) && x.When.On == OnPersist && x.When.Node == x.Action.Node })
		}},
		{"one and then a crash", .2, .7, func(s *Scenario) bool {
			return has(s, func(x *Step) bool { return disk(x) && crashesAfter(s, x) && comesBack(s, x.Action.Node) })
		}},
		{"a torn write at the very crash", .02, .3, func(s *Scenario) bool {
			return has(s, func(x *Step) bool {
				return x.Action.Op == Torn && x.When.On == OnPersist && has(s, func(y *Step) bool {
					return y.Action.Op.crashes() && y.When == x.When
				})
			})
		}},
		{"a crash at a point of a log", .05, .4, func(s *Scenario) bool {
			return has(s, func(x *Step) bool { return x.When.Point == "recovering" || x.When.Point == "logged" })
		}},
		{"a crash of all nodes", .05, .4, func(s *Scenario) bool {
			var crashed uint64
			for i := range s.Steps {
				if s.Steps[i].Action.Op.crashes() {
					crashed |= 1 << s.Steps[i].Action.Node
				}
			}
			return crashed == 1<<s.Nodes-1
		}},
	} {
		share := count(t, durable, test.has)
		t.Logf("%.2f have %s", share, test.what)
		if share < test.low || share > test.high {
			t.Errorf("%.2f have %s: want %.2f to %.2f", share, test.what, test.low, test.high)
		}
	}
}

// With Revive every node that crashes is told to come back, once all timed faults are over and before the sentinels.
func TestRevive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyParams().Draw(t, "params")
		p.Revive = true
		p.Faults = p.Faults.With(spec.CrashFault, spec.RecoverFault)
		s := Draw(rapid.Uint64().Draw(t, "seed"), p)
		p = p.withDefaults()
		at := p.reviveTime()
		for i := range s.Steps {
			step := &s.Steps[i]
			if a := &step.Action; a.Op.crashes() {
				if !has(s, func(x *Step) bool {
					return x.Action.Op == Recover && x.Action.Node == a.Node && x.When == When{At: at}
				}) {
					t.Fatalf("node %d stays down\n%s", a.Node, s)
				}
			}
			if _, fault := step.Action.Op.Fault(); fault && step.When.At+spec.Time(step.Action.For) > at {
				t.Fatalf("%s: it lasts longer than to %v", s.StepText(i), time.Duration(at))
			}
		}
		if p.sentinelTime() <= at {
			t.Fatal("the sentinels do not wait for those that come back")
		}
	})
	p := durable
	p.Faults = p.Faults.Without(spec.RecoverFault)
	count(t, p, func(s *Scenario) bool {
		if s.Faults().Has(spec.RecoverFault) {
			t.Fatalf("a recovery that is not allowed\n%s", s)
		}
		return false
	})
}

// While a disk fails nothing is acknowledged: for those who wait that is silence.
func TestSilenceOfDisks(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"at 10ms disk-error 0 50% for 30ms":                                                30 * time.Millisecond,
		"at 10ms disk-full 0 for 30ms\non 1 persist 2 disk-full 1 for 20ms":                50 * time.Millisecond,
		"at 10ms disk-full 0":                                                              210 * time.Millisecond,
		"at 10ms disk-slow 0 by 5ms for 30ms":                                              5 * time.Millisecond,
		"at 10ms lost-sync 0 for 30ms\nat 0s torn 0\nat 0s disk-flip 0\nat 0s disk-gone 0": 0,
	} {
		s, err := Parse(Schema + "\nnodes 2\n" + text)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Silence(); got != want {
			t.Errorf("%s: silent for %v, want %v", text, got, want)
		}
	}
}

// A fault of a disk shrinks as others do: fewer nodes, the first of its moments, all of the calls, a short time.
func TestShrinkDisk(t *testing.T) {
	s, err := Parse(Schema + "\nnodes 4\ngroup g 0 1 2 3\nseed 5\non 2 persist 4 disk-error 2 20% for 120ms\n" +
		"on 2 persist 4 torn 2\non 2 persist 5 crash-lossy 2\nat 90ms recover 2\nat 3ms disk-slow 1 by 70ms for 30ms")
	if err != nil {
		t.Fatal(err)
	}
	got, _ := Shrink(s, func(s *Scenario) bool {
		return has(s, func(x *Step) bool { return x.Action.Op == DiskError }) && has(s, func(x *Step) bool {
			return x.Action.Op == Torn && comesBack(s, x.Action.Node)
		}) && has(s, func(x *Step) bool { return x.Action.Op == DiskSlow && x.Action.By > 8e6 })
	}, 0)
	const want = Schema + "\nnodes 2\nseed 0\nnet latency 1ms..1ms\nat 0s recover 0\nat 0s disk-slow 1 by 10ms for 1ms\n" +
		"on 0 persist 1 disk-error 0 100% for 1ms\non 0 persist 1 torn 0\n"
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
