package faults

import (
	"testing"

	"github.com/conform-go/conform/spec"
	"pgregory.net/rapid"
)

// cutInHalf stands for the run of an unreliable multicast: a sender that crashes after its first copy and before its
// last, with a member left to miss it.
func cutInHalf(s *Scenario) bool {
	for i := range s.Steps {
		crash := &s.Steps[i]
		if crash.When.On != OnSend || crash.When.K < 2 || crash.When.Node != crash.Action.Node {
			continue
		}
		if op := crash.Action.Op; op != Crash && op != CrashLossy {
			continue
		}
		if crash.When.K < s.Nodes && has(s, func(x *Step) bool {
			return x.Action.Op == Send && x.Action.To < 0 && x.Action.Node == crash.Action.Node && x.When.On == AtTime
		}) {
			return true
		}
	}
	return false
}

func TestShrinkCrashOfTheSender(t *testing.T) {
	const want = "conform.scenario/1\nnodes 3\ngroup g 0\nseed 0\nnet latency 1ms..1ms\nat 0s send 0 g 0\non 0 send 2 crash 0\n"
	p := Params{Faults: spec.AllFaults, MaxNodes: 7, MaxSends: 8}
	shrunk, most := 0, 0
	for seed := range uint64(4000) {
		s := Draw(seed, p)
		if !cutInHalf(s) {
			continue
		}
		shrunk++
		got, runs := Shrink(s, cutInHalf, 0)
		most = max(most, runs)
		if got.String() != want {
			t.Fatalf("after %d runs\n%s\nbecame\n%s", runs, s, got)
		}
	}
	t.Logf("%d scenarios, at most %d runs", shrunk, most)
	if shrunk < 100 {
		t.Errorf("only %d scenarios to shrink", shrunk)
	}
}

// Whatever fails says, the result fails, is valid, and took no more runs than allowed; the scenario given stays as it
// is, and the same comes out again.
func TestShrinkKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := arbitrary().Draw(t, "scenario")
		before := s.String()
		budget := rapid.IntRange(1, 120).Draw(t, "budget")
		salt := rapid.Uint64().Draw(t, "salt")
		calls := 0
		fails := func(c *Scenario) bool {
			calls++
			if err := c.Validate(); err != nil {
				t.Fatalf("tried what is invalid: %v\n%s", err, c)
			}
			return c.String() == before || whim(c, salt)
		}
		got, runs := Shrink(s, fails, budget)
		if runs > budget || runs != calls {
			t.Fatalf("%d runs said, %d made, %d allowed", runs, calls, budget)
		}
		if s.String() != before {
			t.Fatalf("the scenario was changed to\n%s", s)
		}
		if !fails(got) {
			t.Fatalf("the result does not fail:\n%s", got)
		}
		if again, _ := Shrink(s, fails, budget); !again.Equal(got) {
			t.Fatalf("once\n%s\nagain\n%s", got, again)
		}
	})
}

// whim fails three scenarios of four, whatever they are.
func whim(s *Scenario, salt uint64) bool {
	for _, c := range s.AppendText(nil) {
		salt = mix(salt, uint64(c))
	}
	return salt&3 != 0
}

func TestShrinkSimplifies(t *testing.T) {
	for _, test := range []struct {
		name, from, want string
		fails            func(*Scenario) bool
	}{{
		name:  "anything",
		from:  "nodes 9\ngroup g closed 0 1 2\nseed 99\nat 1s crash 8\ndecisions 0102",
		want:  "nodes 1\nseed 0\nnet latency 1ms..1ms",
		fails: func(*Scenario) bool { return true },
	}, {
		name: "a partition of three",
		from: "nodes 6\nseed 12\nnet pct 1ms..10ms depth 3 mtu 99\nat 17ms partition 0 1 | 2 3 | 4 5 for 77ms",
		want: "nodes 3\nseed 0\nnet latency 1ms..1ms\nat 0s partition 0 | 1 | 2 for 1ms",
		fails: func(s *Scenario) bool {
			return has(s, func(x *Step) bool { return x.Action.Op == Partition && len(x.Action.Parts) == 3 })
		},
	}, {
		name: "a bridge that need be none",
		from: "nodes 5\nat 17ms bridge 0 1 | 3 4 via 2",
		want: "nodes 1\nseed 0\nnet latency 1ms..1ms\nat 0s isolate 0",
		fails: func(s *Scenario) bool {
			return has(s, func(x *Step) bool { return x.Action.Op.hasParts() || x.Action.Op == Isolate })
		},
	}, {
		name: "an omission of some packets to one node",
		from: "nodes 3\nnet latency 1ms..1ms\nat 4ms omit-send 0 to 2 30% for 64ms",
		want: "nodes 1\nseed 0\nnet latency 1ms..1ms\nat 0s omit-send 0 100% for 5ms",
		fails: func(s *Scenario) bool {
			return has(s, func(x *Step) bool { return x.Action.Op == OmitSend && x.Action.For >= 5e6 })
		},
	}, {
		name: "a flap that may be a partition",
		from: "nodes 4\nat 4ms flap 0 1 | 2 3 every 5ms for 60ms",
		want: "nodes 4\nseed 0\nnet latency 1ms..1ms\nat 0s partition 0 1 | 2 3 for 1ms",
		fails: func(s *Scenario) bool {
			return has(s, func(x *Step) bool {
				return len(x.Action.Parts) == 2 && len(x.Action.Parts[0]) == 2 && len(x.Action.Parts[1]) == 2
			})
		},
	}, {
		name: "what must stay as it is",
		from: "nodes 4\ngroup g 0 1 2 3\nseed 3\nnet pos 1ms..10ms\n" +
			"at 7ms send 3 g 40 content 2\non 3 ack 4 crash-lossy 3\nat 9ms loss 20% for 35ms\ndecisions 0007",
		want: "nodes 2\ngroup g 0\nseed 0\nnet pos 1ms..1ms\n" +
			"at 0s loss 20% for 18ms\nat 1ms send 0 g 40\non 0 ack 3 crash-lossy 0\ndecisions 0007",
		fails: func(s *Scenario) bool {
			return s.Nodes > 1 && s.Net.Strategy == POS && len(s.Decisions) > 1 && s.Decisions[1] == 7 &&
				has(s, func(x *Step) bool { return x.Action.Size == 40 && x.When.At > 0 }) &&
				has(s, func(x *Step) bool { return x.Action.Op == CrashLossy && x.When.K > 2 }) &&
				has(s, func(x *Step) bool { return x.Action.Percent == 20 && x.Action.For > 15e6 })
		},
	}} {
		t.Run(test.name, func(t *testing.T) {
			s, err := Parse(Schema + "\n" + test.from)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := Shrink(s, test.fails, 0)
			if want := Schema + "\n" + test.want + "\n"; got.String() != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestShrinkLeavesTheTrace(t *testing.T) {
	s := &Scenario{Nodes: 1, Net: DefaultNet, Trace: Trace{Events: 1, Stride: 2}}
	if got, _ := Shrink(s, func(*Scenario) bool { return false }, 0); !got.Equal(s) {
		t.Errorf("nothing simpler fails, and it became\n%s", got)
	}
	if got, _ := Shrink(s, func(*Scenario) bool { return true }, 0); got.Trace.Events != 0 {
		t.Errorf("another run has the trace of the first\n%s", got)
	}
}
