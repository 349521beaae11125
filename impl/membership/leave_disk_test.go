package membership_test

import (
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/spec"
)

// leaves is a scenario in which a node outside asks to come in while nobody can let it, changes its mind, or leaves as a
// member, and crashes before its k-th action, its disk being slow. It comes back when the others could let it in.
func leaves(member bool, k int) *faults.Scenario {
	s := &faults.Scenario{Nodes: 4, Seed: uint64(k), Net: faults.DefaultNet}
	s.Groups = []faults.Group{{Name: "g", Closed: true, Members: []spec.NodeID{0, 1, 2}}}
	at := func(t int, a faults.Action) {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(t) * ms}, Action: a})
	}
	cut := time.Second
	if member {
		at(0, faults.Action{Op: faults.Join, Node: 3})
	} else {
		at(0, faults.Action{Op: faults.Partition, Parts: [][]spec.NodeID{{0, 3}, {1}, {2}}, For: cut})
		at(100, faults.Action{Op: faults.Join, Node: 3})
	}
	at(0, faults.Action{Op: faults.DiskSlow, Node: 3, By: 90 * time.Millisecond, For: cut})
	at(400, faults.Action{Op: faults.Leave, Node: 3})
	s.Steps = append(s.Steps, faults.Step{When: faults.When{On: faults.OnAction, Node: 3, K: k}, Action: faults.Action{Op: faults.CrashLossy, Node: 3}})
	at(2000, faults.Action{Op: faults.Recover, Node: 3})
	at(6000, faults.Action{Op: faults.Send, Node: 0, To: -1, Size: 16})
	return s
}

// Who has been told that it is out is no member in a later life either, whenever it crashes.
func TestLeaveIsOnDiskBeforeItReturns(t *testing.T) {
	for name, newStack := range map[string]func(impl.Config) impl.Layer{"primary": newViews, "both": newPartitionable} {
		for _, member := range []bool{false, true} {
			w, h, between, first, step := sim.New(sim.Config{New: newStack, Model: spec.CrashRecovery}), &spec.History{}, 0, 30, 7
			if testing.Short() {
				step = 40
			}
			for k := first; k < first+220; k += step {
				s := leaves(member, k)
				if err := w.Play(s, h); err != nil {
					t.Fatal(err)
				}
				left, crashed := -1, -1
				for i := range h.Events {
					switch e := &h.Events[i]; {
					case e.Node != 3:
					case e.Kind == spec.Left && crashed < 0:
						left = i
					case e.Kind == spec.Crash:
						crashed = i
					case e.Kind == spec.ViewChange && crashed >= 0 && left >= 0 && !e.Is(spec.IsTransitional):
						t.Fatalf("%s: 3 was told at %v that it has left, and is a member again after its crash\n%s", name, h.Events[left].T, s)
					}
				}
				if left >= 0 && crashed >= 0 {
					between++
				}
			}
			if between == 0 {
				t.Errorf("%s, member %t: it never crashed after its leave had returned", name, member)
			}
			t.Logf("%s, member %t: %d crashes after the leave had returned", name, member, between)
		}
	}
}

// A leave of one that has not come in returns when the disk has it, and not before.
func TestLeaveOfNonMemberWaitsForTheDisk(t *testing.T) {
	cfg := impl.Config{Self: 2, Nodes: 3, Group: 0, Members: []spec.NodeID{0, 1}, TS: 100 * time.Millisecond, TL: time.Second}
	for name, l := range map[string]impl.Layer{"primary": membership.NewViewSync(cfg), "both": membership.NewPartitionable(cfg)} {
		out := impl.NewEffects(&impl.Arena{})
		give := func(in impl.Input) (done bool, saved impl.Ref) {
			out.Reset()
			l.Step(in, out)
			for _, e := range out.List {
				done = done || e.Kind == impl.Finish && e.Ref == 7
				if e.Kind == impl.Persist {
					saved = e.Ref
				}
			}
			return done, saved
		}
		give(impl.Input{Kind: impl.Start})
		give(impl.Input{Kind: impl.Ready})
		_, joined := give(impl.Input{Kind: impl.Join, Ref: 5})
		done, saved := give(impl.Input{Kind: impl.Leave, Ref: 7})
		if done || saved == 0 {
			t.Errorf("%s: the leave returned before it was on disk", name)
		}
		if done, _ = give(impl.Input{Kind: impl.Persisted, Ref: joined}); done {
			t.Errorf("%s: the leave returned when the join before it was on disk", name)
		}
		if done, _ = give(impl.Input{Kind: impl.Persisted, Ref: saved}); !done {
			t.Errorf("%s: the leave did not return when it was on disk", name)
		}
	}
}

// Nor is it a member of a view that is under way when it asks to leave.
func TestNoViewAfterLeave(t *testing.T) {
	for name, newStack := range map[string]func(impl.Config) impl.Layer{"primary": newViews, "both": newPartitionable} {
		w, h, during := sim.New(sim.Config{New: newStack}), &spec.History{}, 0
		for after := 20; after < 200; after++ {
			s := &faults.Scenario{Nodes: 2, Seed: uint64(after), Net: faults.DefaultNet}
			s.Groups = []faults.Group{{Name: "g", Closed: true, Members: []spec.NodeID{0}}}
			for t, op := range map[int]faults.Op{0: faults.Join, after: faults.Leave, 3000: faults.Query} {
				s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(t) * ms}, Action: faults.Action{Op: op, Node: 1}})
			}
			if err := w.Play(s, h); err != nil {
				t.Fatal(err)
			}
			left, called := false, false
			for i := range h.Events {
				switch e := &h.Events[i]; {
				case e.Node != 1:
				case e.Kind == spec.Leave:
					called = true
				case e.Kind == spec.Left:
					left = true
				case e.Kind == spec.ViewChange && left:
					t.Fatalf("%s: 1 is a member after its leave has returned\n%s", name, s)
				case e.Kind == spec.ViewChange && called:
					during++
				}
			}
		}
		if during == 0 {
			t.Errorf("%s: no leave met a view under way", name)
		}
	}
}
