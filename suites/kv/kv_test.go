package kv_test

import (
	"flag"
	"fmt"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites/kv"
)

var schedules = flag.Int("schedules", 300, "for each store")

// tried is what some schedules showed of one requirement.
type tried struct {
	passes, fails int
	text          string // of the first fail
}

// try plays random schedules of random commands.
func try(t *testing.T, p kv.Play, under spec.FaultSet) map[spec.ID]*tried {
	t.Helper()
	n := *schedules
	if testing.Short() {
		n /= 2
	}
	return tryMany(t, p, under, n, false)
}

// tryMany plays so many schedules; until one is not linearizable, if that is what is looked for.
func tryMany(t *testing.T, p kv.Play, under spec.FaultSet, n int, wanted bool) map[spec.ID]*tried {
	t.Helper()
	out := map[spec.ID]*tried{"STATE-LINEARIZABLE": {}, "REPLICA-CONVERGENCE": {}}
	var s faults.Scenario
	for i := 0; i < n && !(wanted && out[state].fails > 0); i++ {
		faults.DrawInto(&s, uint64(i)+1, faults.Params{Faults: under, MaxSends: 8, MinNodes: 3, MaxNodes: 4})
		run, err := p.On(&s)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range run.Verdicts().Requirements {
			x := out[row.ID]
			switch row.Verdict {
			case spec.Pass:
				x.passes++
			case spec.Fail:
				if x.fails++; x.fails == 1 {
					x.text = fmt.Sprintf("schedule %d: %s\n%s", i+1, row.Witness.Text, s.String())
				}
			}
		}
	}
	return out
}

const (
	calm  = spec.FaultSet(0)
	state = spec.ID("STATE-LINEARIZABLE")
	equal = spec.ID("REPLICA-CONVERGENCE")
)

var (
	lasting = spec.EndToEndFaults.Without(spec.RecoverFault)
	alive   = lasting.Without(spec.CrashFault, spec.CrashLossyFault)
)

// What stands on one order for all is one object, and its copies converge: over reliable channels as long as nobody
// crashes; where who answered may crash, only over a level that is uniform.
func TestOverTotalOrder(t *testing.T) {
	for _, c := range []struct {
		cell  string
		under spec.FaultSet
	}{
		{"unicast/best-effort/total-sequencer", alive},
		{"unicast/reliable/total-seqserver", alive},
		{"unicast/reliable/total-agreement", alive},
		{"unicast/reliable/total-lamport", alive},
		{"unicast/unreliable/total-kaashoek", alive.Without(spec.CorruptFault)},
		{"unicast/reliable/fifo-total", alive},
		{"unicast/reliable/causal-total", alive},
		{"unicast/reliable/total-sequencer", lasting.Without(spec.CrashLossyFault)},
		{"unicast/uniform/total-sequencer", lasting},
	} {
		t.Run(c.cell, func(t *testing.T) {
			for id, x := range try(t, kv.Play{Cell: c.cell}, c.under) {
				t.Logf("%s: held in %d", id, x.passes)
				if x.fails > 0 {
					t.Errorf("%s is broken in %d schedules: %s", id, x.fails, x.text)
				}
				if x.passes < 10 {
					t.Errorf("%s was tried in %d schedules only", id, x.passes)
				}
			}
		})
	}
}

// Without one order for all the copies diverge, and clients see it, though nothing strikes.
func TestWithoutTotalOrder(t *testing.T) {
	for _, order := range []string{"unordered", "fifo", "causal"} {
		for id, x := range try(t, kv.Play{Cell: "unicast/reliable/" + order}, calm) {
			if t.Logf("%s, %s: %s", order, id, x.text); x.fails == 0 {
				t.Errorf("%s: no schedule broke %s", order, id)
			}
		}
	}
}

// Copies of which each reads for itself converge all the same. What they answer is not linearizable, and where it is
// called by the name of a read that is, the judge finds it.
func TestLocalReads(t *testing.T) {
	play := kv.Play{Cell: "unicast/reliable/total-sequencer", New: func(cfg impl.Config) *kv.Replica { return kv.NewReplica(cfg, kv.Local) }}
	for id, x := range try(t, play, alive) {
		if x.fails > 0 || x.passes < 10 {
			t.Errorf("%s: held in %d, broken in %d: %s", id, x.passes, x.fails, x.text)
		}
	}
	play.New = replica(kv.Local, func(r *kv.Rules) { r.Named = func(kv.Command, bool) bool { return false } })
	got := tryMany(t, play, spec.SetOf(spec.DelayFault), 2000, true)
	if got[state].fails == 0 || got[equal].fails > 0 {
		t.Errorf("called get: %+v, %+v", got[state], got[equal])
	}
	t.Log(got[state].text)
}

func replica(reads kv.Reads, change func(*kv.Rules)) func(impl.Config) *kv.Replica {
	return func(cfg impl.Config) *kv.Replica {
		r := kv.NewReplica(cfg, reads)
		change(&r.Rules)
		return r
	}
}

// Bugs of the replica, over an order that has none.
func TestMutantsAreCaught(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*kv.Rules)
		breaks []spec.ID
	}{
		"own-command-at-once": {func(r *kv.Rules) { r.Early = func(kv.Command) bool { return true } }, []spec.ID{state, equal}},
		"own-additions-at-once": { // they commute, so that the sums are right in the end; but not what was answered
			func(r *kv.Rules) {
				r.Early = func(c kv.Command) bool { return c.Op == kv.Add }
				right := r.Apply
				r.Apply = func(s *kv.Store, c kv.Command) int64 { c.Op = max(c.Op, kv.Add); return right(s, c) }
			}, []spec.ID{state}},
		"put-keeps-the-larger": {func(r *kv.Rules) { // converges without any order, and is no put
			right := r.Apply
			r.Apply = func(s *kv.Store, c kv.Command) int64 {
				if c.Op == kv.Put && s[c.Key] > int64(c.Value) {
					return -1
				}
				return right(s, c)
			}
		}, []spec.ID{state}},
	} {
		t.Run(name, func(t *testing.T) {
			got := try(t, kv.Play{Cell: "unicast/reliable/total-sequencer", New: replica(kv.Ordered, c.change)}, calm)
			for id, x := range got {
				breaks := false
				for _, b := range c.breaks {
					breaks = breaks || b == id
				}
				if t.Logf("%s: %s", id, x.text); breaks != (x.fails > 0) {
					t.Errorf("%s is broken in %d schedules", id, x.fails)
				}
			}
		})
	}
}

// Who answers and then loses what it had sent takes its answer with it: 1 has the number of its put and applies it, but
// the packets to the others are lost with it, and they agree that the number has no message. What 2 reads then no single
// copy would answer. Over a level that is uniform nobody applies what others may never have.
func TestAnswerDiesWithItsReplica(t *testing.T) {
	s, err := faults.Parse(`conform.scenario/1
nodes 3
group g 0 1 2
net latency 1ms..1ms
at 1ms send 1 g 8
at 2.5ms delay 1 to 0 by 50ms for 10ms
at 2.5ms delay 1 to 2 by 50ms for 10ms
at 10ms crash-lossy 1
at 3s send 2 g 8
`)
	if err != nil {
		t.Fatal(err)
	}
	for cell, want := range map[string]spec.Verdict{"unicast/best-effort/total-seqserver": spec.Fail, "unicast/uniform/total-seqserver": spec.Pass} {
		run, err := kv.Play{Cell: cell, Commands: []kv.Command{{Op: kv.Put, Value: 7}, {Op: kv.Get}}}.On(s)
		if err != nil {
			t.Fatal(err)
		}
		row := run.Verdicts().Requirements[0]
		if row.Verdict != want {
			t.Errorf("%s: %s, want %s: %+v", cell, row.Verdict, want, row)
		}
		if row.Witness != nil {
			t.Log(row.Witness.Text)
		}
	}
}

func TestReplicaIsALayer(t *testing.T) {
	for _, reads := range []kv.Reads{kv.Ordered, kv.Local} {
		if err := impltest.TestLayer(func(cfg impl.Config) impl.Layer { return kv.NewReplica(cfg, reads) }); err != nil {
			t.Error(err)
		}
	}
}

func TestCommands(t *testing.T) {
	c := kv.Command{Op: kv.Add, Key: 1, Value: 5}
	got, ok := kv.Parse(append(c.Body(), make([]byte, impl.EnvelopeLen)...))
	if !ok || got != c || got.String() != "add y 5" {
		t.Errorf("%v, %v", got, ok)
	}
	if _, ok := kv.Parse([]byte{1, 2}); ok {
		t.Error("two bytes are a command")
	}
}
