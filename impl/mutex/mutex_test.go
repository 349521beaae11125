package mutex_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/mutex"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

const stay = 20 * time.Millisecond

type maker func(impl.Config) impl.Layer

func lamport(cfg impl.Config) impl.Layer   { return ordering.NewLamport(cfg, 0) }
func agreement(cfg impl.Config) impl.Layer { return ordering.NewAgreement(cfg) }
func sequencer(cfg impl.Config) impl.Layer { return ordering.NewTotalSequencer(cfg, ordering.BB) }
func fifo(cfg impl.Config) impl.Layer      { return ordering.NewFifo(cfg) }
func causal(cfg impl.Config) impl.Layer    { return ordering.NewCausal(cfg) }

// over gives the lock over reliable multicast in some order.
func over(order maker, change func(*mutex.Rules)) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer {
		m := mutex.New(cfg, stay)
		if change != nil {
			change(&m.Rules)
		}
		return impl.NewStack(m, order(cfg), reliability.NewReliable(cfg), transport.NewUnicast(cfg), transport.NewChannel(cfg))
	}
}

func play(stack func(impl.Config) impl.Layer, s *faults.Scenario, h *spec.History) spec.Finding {
	if err := sim.New(sim.Config{New: stack}).Play(s, h); err != nil {
		panic(err)
	}
	return checkers.Check(h, checkers.MutualExclusion)[0]
}

// entries counts who entered.
func entries(h *spec.History) (n int) {
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == spec.Note && h.ExtraOf(e).Op == spec.OpEnter {
			n++
		}
	}
	return n
}

// Two ask at the same moment, and what each of them says comes late to the others.
const two = `conform.scenario/1
nodes 3
group g 0 1 2
seed 4
net latency 1ms..10ms
at 0s delay 0 by 15ms
at 0s delay 1 by 15ms
at 0s send 0 g 8
at 0s send 1 g 8
`

// Over Lamport's total order one of two that ask at the same moment enters when the other has left.
func Example() {
	s, _ := faults.Parse(two)
	var h spec.History
	f := play(over(lamport, nil), s, &h)
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == spec.Note {
			fmt.Println(e.Node, h.ExtraOf(e).Op)
		}
	}
	fmt.Println(f.ID, f.Verdict)
	// Output:
	// 0 enter
	// 0 exit
	// 1 enter
	// 1 exit
	// MUTUAL-EXCLUSION pass
}

// Over the order of single senders each of the two sees its own request first, and both are inside: the witness.
func Example_fifo() {
	s, _ := faults.Parse(two)
	var h spec.History
	f := play(over(fifo, nil), s, &h)
	fmt.Println(f.ID, f.Verdict)
	fmt.Println(f.Witness.Text)
	// Output:
	// MUTUAL-EXCLUSION fail
	// process 1 entered at 1.000004 ms, and process 0 at 5.937542 ms, while the first was still inside
}

func TestMutexKeepsTheContract(t *testing.T) {
	if err := impltest.TestLayer(func(cfg impl.Config) impl.Layer { return mutex.New(cfg, stay) }); err != nil {
		t.Error(err)
	}
}

// Over any total order nobody enters while another is inside, and everybody who asked gets in. Over other orders, and
// with any of the rules broken, that fails.
func TestMutualExclusion(t *testing.T) {
	runs := uint64(200)
	if testing.Short() {
		runs = 30
	}
	late := spec.SetOf(spec.DelayFault, spec.ReorderFault, spec.DuplicateFault, spec.LossFault, spec.PauseFault)
	alone := func(r *mutex.Rules) {
		r.Enters = func(queue []spec.NodeID, self spec.NodeID) bool { // without hearing what the others have asked before
			for _, p := range queue {
				if p == self {
					return true
				}
			}
			return false
		}
	}
	forgotten := func(r *mutex.Rules) { r.Releases = func(bool) bool { return false } }
	for _, c := range []struct {
		name       string
		order      maker
		change     func(*mutex.Rules)
		safe, live bool
	}{
		{"total-lamport", lamport, nil, true, true},
		{"total-agreement", agreement, nil, true, true},
		{"total-sequencer", sequencer, nil, true, true},
		{"fifo", fifo, nil, false, true},
		{"causal", causal, nil, false, true},
		{"entered without hearing from all", lamport, alone, false, true},
		{"release forgotten", lamport, forgotten, true, false},
	} {
		var s faults.Scenario
		var h spec.History
		bites, broken, starved, witness := 0, 0, 0, ""
		for seed := range runs {
			faults.DrawInto(&s, seed, faults.Params{Faults: late})
			f := play(over(c.order, c.change), &s, &h)
			bites += f.Antecedents
			if f.Verdict == spec.Fail {
				broken, witness = broken+1, f.Witness.Text
			}
			asked := 0
			for i := range h.Events {
				if h.Events[i].Kind == spec.Send {
					asked++
				}
			}
			if h.Settled && entries(&h) != asked {
				starved++
			}
		}
		if (broken == 0) != c.safe || bites == 0 && c.live {
			t.Errorf("%s: broken in %d of %d schedules, %d entries after another's: %s", c.name, broken, runs, bites, witness)
		}
		if c.live && c.safe && starved > 0 || !c.live && starved == 0 {
			t.Errorf("%s: in %d of %d schedules somebody never got in", c.name, starved, runs)
		}
		t.Logf("%s: broken in %d of %d schedules, somebody never got in in %d: %s", c.name, broken, runs, starved, witness)
	}
}

// Who crashes, inside or not, lets nobody else in wrongly: others wait for ever. This needs an order that is uniform, as
// Lamport's is: where those that crash may have delivered in another order, they may have been inside in another one.
func TestSafeThoughMembersCrash(t *testing.T) {
	var s faults.Scenario
	var h spec.History
	bites := 0
	crashes := spec.SetOf(spec.CrashFault, spec.CrashLossyFault, spec.RecoverFault, spec.PartitionFault, spec.DelayFault, spec.PauseFault)
	for seed := range uint64(300) {
		faults.DrawInto(&s, seed, faults.Params{Faults: crashes})
		f := play(over(lamport, nil), &s, &h)
		bites += f.Antecedents
		if f.Verdict == spec.Fail {
			t.Fatalf("seed %d: %s\n%s", seed, f.Witness.Text, s.String())
		}
	}
	if bites == 0 {
		t.Error("nobody entered after another")
	}
}
