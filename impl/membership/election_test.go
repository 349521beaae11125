package membership_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

func election(cfg impl.Config) impl.Layer { return membership.NewElection(cfg) }

func TestElectionKeepsTheContract(t *testing.T) {
	if err := impltest.TestLayer(election); err != nil {
		t.Error(err)
	}
}

// ballots lets a node's vote get to its disk.
func ballots(f *impltest.Figure, n spec.NodeID, ref impl.Ref) {
	f.Give(n, impl.Input{Kind: impl.Persisted, Ref: ref})
}

// 0 asks first, and leads with the vote of 1; the vote of 2 is not needed. 1 tells its vote only when it is on disk.
func TestElection(t *testing.T) {
	f := impltest.NewFigure(3, election)
	f.Say("the wait of 0 is over: it votes for itself, and asks when that is on disk")
	f.Give(0, impl.Input{Kind: impl.TimerFired, Num: 0})
	ballots(f, 0, 1)
	f.Say("1 votes for it, but does not say so before its vote is on disk")
	f.Take(0, 1)
	if f.Has(1, 0) {
		t.Error("a vote is told that is not on disk")
	}
	ballots(f, 1, 1)
	f.Say("0 has two votes of three: it leads")
	f.Take(1, 0)
	f.Say("2 has asked in the meantime, in the same term: nobody has a vote left for it")
	f.Give(2, impl.Input{Kind: impl.TimerFired, Num: 0})
	ballots(f, 2, 1)
	f.Take(2, 0)
	f.Take(2, 1)
	f.Say("and it hears who leads")
	f.Drain()
	if err := f.Golden("testdata/election.transcript", *update); err != nil {
		t.Error(err)
	}
}

// voter is the election at node 0 of three, of which a test sees every effect.
type voter struct {
	*membership.Election
	out *impl.Effects
}

func newVoter(log []byte, inc uint64) *voter {
	v := &voter{membership.NewElection(impl.Config{Self: 0, Nodes: 4, Members: []spec.NodeID{0, 1, 2}, TS: 30 * time.Millisecond, TL: 600 * time.Millisecond}),
		impl.NewEffects(&impl.Arena{Forget: true})}
	v.step(impl.Input{Kind: impl.Start, Num: inc})
	if log != nil {
		v.step(impl.Input{Kind: impl.Recovered, Body: log})
	}
	v.step(impl.Input{Kind: impl.Ready})
	return v
}

func (v *voter) step(in impl.Input) []impl.Effect {
	v.out.Reset()
	v.Step(in, v.out)
	return v.out.List
}

const asks, grants, leads, newer = 2, 3, 4, 5

// hears gives it a packet of the election, and says what it sends and notes: "grants 7 to 1".
func (v *voter) hears(from spec.NodeID, kind byte, term uint64) (log []byte, text string) {
	b := impl.AppendNumbered(impl.NewEffects(&impl.Arena{Forget: true}), nil, impl.Numbered{N: term, Kind: kind})
	return v.shown(v.step(impl.Input{Kind: impl.Packet, From: from, Body: b}))
}

func (v *voter) shown(list []impl.Effect) (log []byte, text string) {
	var words []string
	for _, e := range list {
		switch e.Kind {
		case impl.Down:
			_, h, _ := impl.CutNumbered(e.Body)
			words = append(words, fmt.Sprintf("%s %d to %d", [...]string{"", "letter", "asks", "grants", "leads", "newer"}[h.Kind], h.N, e.To))
		case impl.Note, impl.Persist:
			words = append(words, impltest.Effect(&e))
		case impl.Append:
			log = append(log, e.Body...)
		}
	}
	return log, strings.Join(words, "; ")
}

func (v *voter) expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// One vote a term, and after a restart the same one.
func TestOneVoteATerm(t *testing.T) {
	v := newVoter(nil, 0)
	log, text := v.hears(1, asks, 7)
	v.expect(t, text, "persist ref 1")
	_, text = v.hears(2, asks, 7)
	v.expect(t, text, "")
	_, text = v.shown(v.step(impl.Input{Kind: impl.Persisted, Ref: 1}))
	v.expect(t, text, "grants 7 to 1")
	_, text = v.hears(1, asks, 7)
	v.expect(t, text, "grants 7 to 1") // the first may have been lost
	_, text = v.hears(2, asks, 6)
	v.expect(t, text, "newer 7 to 2")

	v = newVoter(log, 1)
	_, text = v.hears(2, asks, 7)
	v.expect(t, text, "")
	_, text = v.hears(1, asks, 7)
	v.expect(t, text, "grants 7 to 1")
	_, text = v.hears(2, asks, 8)
	v.expect(t, text, "persist ref 1")

	v = newVoter(log[:len(log)-3], 1) // torn: it never told that vote
	if _, term := v.Leader(); term != 0 {
		t.Errorf("a torn vote counts: term %d", term)
	}
}

// A vote that may not be on disk is never told, nor any other from then on.
func TestWhoseDiskFailsDoesNotVote(t *testing.T) {
	v := newVoter(nil, 0)
	v.hears(1, asks, 7)
	_, text := v.shown(v.step(impl.Input{Kind: impl.StorageFailed, Ref: 1}))
	v.expect(t, text, "note storage-failed 7 0")
	for _, term := range []uint64{7, 8} {
		_, text = v.hears(1, asks, term)
		v.expect(t, text, "")
	}
	v.step(impl.Input{Kind: impl.TimerFired})
	if leader, term := v.Leader(); leader != -1 || term != 8 {
		t.Errorf("it follows %d in term %d", leader, term)
	}
}

// The terms of a view are later than all before it, and what is of another view is not heard.
func TestTermsOfViews(t *testing.T) {
	v := newVoter(nil, 0)
	v.hears(1, leads, 7)
	if leader, term := v.Leader(); leader != 1 || term != 7 {
		t.Errorf("it follows %d in term %d", leader, term)
	}
	view := func(id spec.ViewID, members ...spec.NodeID) {
		v.step(impl.Input{Kind: impl.ViewChanged, Flag: true, View: &spec.View{ID: id, Members: members}})
	}
	view(spec.ViewID{Epoch: 2}, 0, 3)
	if leader, term := v.Leader(); leader != -1 || term != 2<<40 {
		t.Errorf("it follows %d in term %d", leader, term)
	}
	_, text := v.hears(1, leads, 9)
	v.expect(t, text, "note not-member 1 9")
	_, text = v.hears(3, leads, 9)
	v.expect(t, text, "note stale 3 9")
	v.hears(3, leads, 2<<40+1)
	view(spec.ViewID{Epoch: 2, Node: 0, HasNode: true}, 0, 1)
	_, text = v.hears(3, leads, 2<<40+1)
	v.expect(t, text, fmt.Sprintf("note not-member 3 %d", uint64(2<<40+1)))
	log, text := v.hears(1, asks, 2<<40+1<<24+5)
	v.expect(t, text, "persist ref 1")

	v = newVoter(log, 1) // who comes back is no member until a view says so
	_, text = v.hears(1, asks, 1)
	v.expect(t, text, fmt.Sprintf("note not-member 1 %d", 1))
}

// elected is a world of elections, of which a test sees what each node thinks in the end.
type elected struct {
	world *sim.World
	nodes map[spec.NodeID]*membership.Election
	s     faults.Scenario
	h     spec.History
}

func newElected(model spec.CrashModel, change func(*membership.Election)) *elected {
	e := &elected{nodes: map[spec.NodeID]*membership.Election{}}
	e.world = sim.New(sim.Config{Model: model, New: func(cfg impl.Config) impl.Layer {
		x := membership.NewElection(cfg)
		if change != nil {
			change(x)
		}
		e.nodes[cfg.Self] = x
		return impl.NewStack(transport.NewUnicast(cfg), x)
	}})
	return e
}

// electionFaults are those through which no two lead in a term.
var electionFaults = spec.SetOf(spec.CrashFault, spec.CrashLossyFault, spec.RecoverFault, spec.PauseFault, spec.LossFault,
	spec.OmitSendFault, spec.OmitReceiveFault, spec.PartitionFault, spec.DelayFault, spec.ReorderFault, spec.DuplicateFault,
	spec.CorruptFault, spec.TornFault, spec.DiskSlowFault, spec.SkewFault, spec.DriftFault)

func (e *elected) play(t *testing.T, seed uint64, set spec.FaultSet) spec.Finding {
	t.Helper()
	p := faults.Params{Faults: set, MinNodes: 3, MaxNodes: 5, Window: time.Second, Hold: 400 * time.Millisecond}
	if seed%3 == 0 {
		p.Window = 400 * time.Millisecond // most of it while the first leader is elected
	}
	faults.DrawInto(&e.s, seed, p)
	if seed%2 == 1 {
		e.s.Steps = append(e.s.Steps, turmoil(seed, e.s.Nodes, set)...)
	}
	if err := e.world.Play(&e.s, &e.h); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	return checkers.Check(&e.h, checkers.ElectionSafety)[0]
}

// turmoil cuts off one node after the other, for longer than a member waits for its leader, and lets some crash and come
// back in between: so that a term has voters who hear of another candidate in it.
func turmoil(seed uint64, nodes int, set spec.FaultSet) (steps []faults.Step) {
	r := spec.NewRand(seed, 0x707)
	at := spec.Time(0)
	add := func(a faults.Action) { steps = append(steps, faults.Step{When: faults.When{At: at}, Action: a}) }
	for range 8 {
		n := spec.NodeID(r.IntN(nodes))
		add(faults.Action{Op: faults.Isolate, Node: spec.NodeID(r.IntN(nodes)), For: time.Duration(100+r.IntN(300)) * time.Millisecond})
		at += spec.Time(r.IntN(200)) * spec.Time(time.Millisecond)
		if set.Has(spec.DiskGoneFault) {
			add(faults.Action{Op: faults.DiskGone, Node: n})
		}
		if set.Has(spec.LostSyncFault) {
			add(faults.Action{Op: faults.LostSync, Node: n})
		}
		add(faults.Action{Op: faults.Crash, Node: n})
		at += spec.Time(1+r.IntN(10)) * spec.Time(time.Millisecond)
		add(faults.Action{Op: faults.Recover, Node: n})
	}
	return steps
}

// inOffice says what is wrong with what the nodes think at the end of a settled run: where a majority is up, one of them
// leads, and all that are up follow it.
func (e *elected) inOffice() error {
	_, down := opinions(&e.h)
	up, members := 0, len(e.s.Groups[0].Members)
	for _, n := range e.s.Groups[0].Members {
		if !down[n] {
			up++
		}
	}
	if up <= members/2 {
		return nil
	}
	first := true
	var leader spec.NodeID
	var term uint64
	for _, n := range e.s.Groups[0].Members {
		if down[n] {
			continue
		}
		l, t := e.nodes[n].Leader()
		switch {
		case l < 0 || down[l]:
			return fmt.Errorf("%d follows %d in term %d", n, l, t)
		case !first && (l != leader || t != term):
			return fmt.Errorf("%d follows %d in term %d, and another one %d in term %d", n, l, t, leader, term)
		}
		first, leader, term = false, l, t
	}
	return nil
}

// No two lead in a term, whatever happens; and in the end one does.
func TestElectionSoak(t *testing.T) {
	for _, c := range []struct {
		name   string
		model  spec.CrashModel
		faults spec.FaultSet
		live   bool
	}{
		{"crash-recovery", spec.CrashRecovery, electionFaults, true},
		{"crash-stop", spec.CrashStop, electionFaults, true},
		{"failing disks", spec.CrashRecovery, electionFaults.With(spec.DiskErrorFault).With(spec.DiskFullFault), false},
	} {
		e := newElected(c.model, nil)
		terms, more, unsettled := 0, 0, 0
		for seed := range 2 * played() {
			f := e.play(t, seed, c.faults)
			if f.Verdict == spec.Fail {
				t.Fatalf("%s, seed %d: %s\n%s", c.name, seed, f.Witness.Text, e.s.String())
			}
			terms += f.Antecedents
			if f.Antecedents > 1 {
				more++
			}
			if !e.h.Settled {
				unsettled++
				continue
			}
			if err := e.inOffice(); err != nil && c.live {
				t.Fatalf("%s, seed %d: %v\n%s", c.name, seed, err, e.s.String())
			}
		}
		if more == 0 || unsettled > 0 {
			t.Errorf("%s: %d schedules with more than one term, %d not settled", c.name, more, unsettled)
		}
		t.Logf("%s: %d terms with a leader in %d schedules, more than one in %d", c.name, terms, 2*played(), more)
	}
}

// Each rule is needed: without it two lead in a term. And a disk that loses what it has confirmed breaks the promise of
// correct members: that is why it is outside the model.
func TestElectionNeedsItsRules(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults spec.FaultSet
		change func(*membership.Election)
	}{
		{"votes twice", electionFaults, func(e *membership.Election) {
			e.Rules.Grants = func(_, _ spec.NodeID) bool { return true }
		}},
		{"votes in memory", electionFaults, func(e *membership.Election) {
			e.Rules.Writes = func() bool { return false }
		}},
		{"half is enough", electionFaults, func(e *membership.Election) {
			e.Rules.Quorum = func(votes, members int) bool { return votes >= members/2 }
		}},
		{"is never deposed", electionFaults, func(e *membership.Election) {
			e.Rules.Deposed = func(r membership.Role) membership.Role { return r }
		}},
		{"a disk that lies", spec.SetOf(spec.CrashFault, spec.RecoverFault, spec.PauseFault, spec.PartitionFault, spec.LostSyncFault), nil},
		{"a disk that is gone", spec.SetOf(spec.CrashFault, spec.RecoverFault, spec.PauseFault, spec.PartitionFault, spec.DiskGoneFault), nil},
	} {
		e := newElected(spec.CrashRecovery, c.change)
		seed, found := uint64(0), false
		for ; seed < 20_000 && !found; seed++ {
			if f := e.play(t, seed, c.faults); f.Verdict == spec.Fail {
				found = true
				t.Logf("%s: schedule %d: %s", c.name, seed+1, f.Witness.Text)
			}
		}
		if !found {
			t.Errorf("%s: %d schedules, and never two leaders in a term", c.name, seed)
		}
	}
}
