package ordering_test

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

var totalSchedules = flag.Int("schedules", 150, "play so many schedules of each soak")

type maker func(impl.Config) impl.Layer

func agreement(cfg impl.Config) impl.Layer { return ordering.NewAgreement(cfg) }
func lamport(cfg impl.Config) impl.Layer   { return ordering.NewLamport(cfg, 0) }
func delayed(cfg impl.Config) impl.Layer   { return ordering.NewLamport(cfg, 10*time.Millisecond) }

func fifoAgreement(cfg impl.Config) impl.Layer { return ordering.NewFifoTotal(cfg, agreement(cfg)) }
func fifoLamport(cfg impl.Config) impl.Layer   { return ordering.NewFifoTotal(cfg, lamport(cfg)) }
func causalAgreement(cfg impl.Config) impl.Layer {
	return ordering.NewCausalTotal(cfg, agreement(cfg))
}
func causalLamport(cfg impl.Config) impl.Layer { return ordering.NewCausalTotal(cfg, lamport(cfg)) }

// replayed is agreement over a level with a log, which hands everything up again after a recovery.
func replayed(cfg impl.Config) impl.Layer {
	a := ordering.NewAgreement(cfg)
	a.Replayed = true
	return a
}

var agreedTotals = map[string]maker{"agreement": agreement, "lamport": lamport, "lamport after a delay": delayed,
	"fifo-total over agreement": fifoAgreement, "fifo-total over lamport": fifoLamport,
	"causal-total over agreement": causalAgreement, "causal-total over lamport": causalLamport, "agreement over a log": replayed}

func TestAgreedOrdersKeepTheContract(t *testing.T) {
	for name, newLayer := range agreedTotals {
		t.Run(name, func(t *testing.T) {
			if err := impltest.TestLayer(newLayer); err != nil {
				t.Error(err)
			}
		})
	}
}

// levels are what the orders stand on, top first.
var levels = map[string][]maker{
	"unreliable":         {func(cfg impl.Config) impl.Layer { return reliability.NewUnreliable(cfg) }, unicast},
	"best-effort":        {func(cfg impl.Config) impl.Layer { return reliability.NewBestEffort(cfg) }, unicast},
	"nack":               {func(cfg impl.Config) impl.Layer { return reliability.NewNack(cfg) }, unicast},
	"reliable":           {func(cfg impl.Config) impl.Layer { return reliability.NewReliable(cfg) }, unicast, channel},
	"reliable-ip":        {func(cfg impl.Config) impl.Layer { return reliability.NewReliableIP(cfg, false) }, unicast},
	"reliable-ip:stable": {func(cfg impl.Config) impl.Layer { return reliability.NewReliableIP(cfg, true) }, unicast},
	"uniform":            {func(cfg impl.Config) impl.Layer { return reliability.NewUniform(cfg) }, unicast, channel},
	"durable":            {func(cfg impl.Config) impl.Layer { return reliability.NewDurable(cfg, reliability.Majority) }, unicast, accepting},
	"atomic-log":         {func(cfg impl.Config) impl.Layer { return reliability.NewAtomicLog(cfg, 2) }, unicast, accepting},
}

func unicast(cfg impl.Config) impl.Layer   { return transport.NewUnicast(cfg) }
func channel(cfg impl.Config) impl.Layer   { return transport.NewChannel(cfg) }
func accepting(cfg impl.Config) impl.Layer { return transport.NewAcceptingChannel(cfg) }

// over stacks an order on a level.
func over(order maker, level string) maker {
	return func(cfg impl.Config) impl.Layer {
		parts := []impl.Layer{membership.NewStatic(cfg), order(cfg)}
		for _, m := range levels[level] {
			parts = append(parts, m(cfg))
		}
		return impl.NewStack(parts...)
	}
}

// soak plays schedules and judges them.
type soak struct {
	world  *sim.World
	params faults.Params
	s      faults.Scenario
	h      spec.History
	judge  checkers.Judge
	fails  map[spec.ID]int    // schedules that broke it
	passes map[spec.ID]int    // … that held it, not vacuously
	text   map[spec.ID]string // the first witness
	ran    int
}

func newSoak(node maker, under spec.FaultSet) *soak {
	return &soak{world: sim.New(sim.Config{New: node}), params: faults.Params{Faults: under, OneToOne: true, NonMember: true},
		fails: map[spec.ID]int{}, passes: map[spec.ID]int{}, text: map[spec.ID]string{}}
}

func (k *soak) play(t testing.TB, seed uint64) {
	t.Helper()
	faults.DrawInto(&k.s, seed, k.params)
	if err := k.world.Play(&k.s, &k.h); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	k.ran++
	if text := diverge(&k.h); text != "" {
		if k.fails[prefix]++; k.fails[prefix] == 1 {
			k.text[prefix] = fmt.Sprintf("seed %d: %s", seed, text)
		}
	}
	k.judge.Load(&k.h)
	for _, id := range checkers.Judged() {
		switch f := k.judge.Check(id); f.Verdict {
		case spec.Pass:
			k.passes[id]++
		case spec.Fail:
			if k.fails[id]++; k.fails[id] == 1 {
				k.text[id] = fmt.Sprintf("seed %d: %s", seed, f.Witness.Text)
			}
		}
	}
}

// prefix stands for what is told of all these orders: whatever two members have delivered, crashed or not, one sequence
// begins with the other.
const prefix spec.ID = "prefix"

// diverge says which two members of a group have delivered sequences of which neither begins with the other. What a
// member delivers a second time after a recovery does not count; what is only marked so, because the node crashed on the
// way to it, does.
func diverge(h *spec.History) string {
	sequences := make([][]spec.MsgID, len(h.Nodes))
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == spec.Deliver && e.Is(spec.HasGroup) {
			if e.Is(spec.IsRedelivered) && slices.Contains(sequences[e.Node], e.Msg) {
				continue
			}
			sequences[e.Node] = append(sequences[e.Node], e.Msg)
		}
	}
	for a := range sequences {
		for b := range sequences[:a] {
			n := min(len(sequences[a]), len(sequences[b]))
			if !slices.Equal(sequences[a][:n], sequences[b][:n]) {
				return fmt.Sprintf("%d delivered %v, and %d delivered %v", a, sequences[a], b, sequences[b])
			}
		}
	}
	return ""
}

var (
	nothingFalse = []spec.ID{"NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY", "SENDER-INTEGRITY", "DESTINATION-INTEGRITY",
		"CLOSED-GROUP", "NO-RESURRECTION"}
	oneOrder   = []spec.ID{prefix, "TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE", "LOCAL-ORDER"}
	causalAlso = []spec.ID{"NO-SILENT-GAP", "FIFO-ORDER", "FIFO-GAPFREE", "CAUSAL-ORDER", "CAUSAL-GAPFREE"}
	live       = []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT", "ALL-OR-NOTHING"}

	anything  = spec.EndToEndFaults
	noCrashes = anything.Without(spec.CrashFault, spec.CrashLossyFault, spec.RecoverFault)
	noReturn  = anything.Without(spec.RecoverFault)
)

// What the orders promise, over what, and under which faults.
func TestTotalOrdersKeepTheirPromises(t *testing.T) {
	everywhere := []string{"unreliable", "best-effort", "nack", "reliable", "reliable-ip", "reliable-ip:stable", "uniform"}
	repairing := everywhere[1:]
	acknowledging := []string{"best-effort", "reliable", "reliable-ip", "reliable-ip:stable", "uniform"}
	agreeing := []string{"reliable", "reliable-ip", "reliable-ip:stable", "uniform"}
	all := []string{"agreement", "lamport", "lamport after a delay", "fifo-total over agreement", "fifo-total over lamport",
		"causal-total over agreement", "causal-total over lamport"}
	for _, c := range []struct {
		orders, levels []string
		under          spec.FaultSet
		ids            []spec.ID
	}{
		{all, everywhere, anything, slices.Concat(nothingFalse, oneOrder)},
		{all[1:], everywhere, anything, causalAlso}, // without a total order of FIFO input
		{all, repairing, noCrashes, live},
		{all, acknowledging, noCrashes, []spec.ID{"ACKED-DELIVERED"}},
		{[]string{"lamport", "lamport after a delay"}, agreeing, noReturn, []spec.ID{"AGREEMENT"}},
	} {
		for _, o := range c.orders {
			for _, l := range c.levels {
				under := c.under
				if l == "unreliable" { // has no checksum
					under = under.Without(spec.CorruptFault)
				}
				k := newSoak(over(agreedTotals[o], l), under)
				k.run(t)
				k.holds(t, o+" over "+l, c.ids)
			}
		}
	}
}

// run plays as many schedules as are asked for.
func (k *soak) run(t *testing.T) {
	n := *totalSchedules
	if testing.Short() {
		n /= 8
	}
	for i := range uint64(n) {
		k.play(t, i+1)
	}
}

// holds checks that none of these was broken, and that the order was judged.
func (k *soak) holds(t *testing.T, what string, ids []spec.ID) {
	t.Helper()
	for _, id := range ids {
		if k.fails[id] > 0 {
			t.Errorf("%s: %s is broken in %d of %d schedules, first in %s", what, id, k.fails[id], k.ran, k.text[id])
		}
	}
	if 3*k.passes["TOTAL-ORDER"] < k.ran {
		t.Errorf("%s: TOTAL-ORDER was judged in %d of %d schedules", what, k.passes["TOTAL-ORDER"], k.ran)
	}
}

// Over a level with a log agreement goes on where it was, though all members crash and come back, and again. So does
// FIFO order above it, and the two are causal.
func TestAgreementOverALogSurvivesEverybodysCrash(t *testing.T) {
	fifoAgain := func(cfg impl.Config) impl.Layer { return ordering.NewFifoTotal(cfg, replayed(cfg)) }
	for _, level := range []string{"durable", "atomic-log"} {
		for _, c := range []struct {
			order maker
			ids   []spec.ID
		}{
			{replayed, slices.Concat(nothingFalse, oneOrder, live, []spec.ID{"ACKED-DELIVERED", "DURABILITY", "NO-DUPLICATION/restart"})},
			{fifoAgain, slices.Concat(oneOrder, causalAlso, live, []spec.ID{"ACKED-DELIVERED", "DURABILITY", "NO-DUPLICATION/restart"})},
		} {
			k := newSoak(over(c.order, level), anything.With(spec.TornFault, spec.DiskSlowFault))
			k.params.NonMember, k.params.Revive = false, true
			k.world = sim.New(sim.Config{New: over(c.order, level), Revive: true, Model: spec.CrashRecovery})
			k.run(t)
			k.holds(t, level, c.ids)
		}
	}
}

// What they don't promise is broken by the weakest fault that can, so that the judges see the difference.
func TestWhatTotalOrdersDoNotPromise(t *testing.T) {
	for _, c := range []struct {
		order, level string
		under        spec.FaultSet
		breaks       []spec.ID
	}{
		{"agreement", "reliable", spec.NoFaults, []spec.ID{"FIFO-ORDER", "CAUSAL-ORDER"}},
		{"agreement", "uniform", spec.SetOf(spec.CrashFault), []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ACKED-DELIVERED"}},
		{"agreement", "unreliable", spec.SetOf(spec.LossFault), []spec.ID{"VALIDITY", "AGREEMENT"}},
		{"lamport", "uniform", spec.SetOf(spec.CrashFault), []spec.ID{"SELF-DELIVERY", "VALIDITY", "ACKED-DELIVERED"}},
		{"lamport", "best-effort", spec.SetOf(spec.CrashFault), []spec.ID{"AGREEMENT"}},
		{"lamport", "unreliable", spec.SetOf(spec.LossFault), []spec.ID{"VALIDITY", "AGREEMENT"}},
	} {
		k := newSoak(over(agreedTotals[c.order], c.level), c.under)
		for i := uint64(1); i <= 2000; i++ {
			k.play(t, i)
			if !slices.ContainsFunc(c.breaks, func(id spec.ID) bool { return k.fails[id] == 0 }) {
				break
			}
		}
		for _, id := range c.breaks {
			if k.fails[id] == 0 {
				t.Errorf("%s over %s: %d schedules with %v don't break %s", c.order, c.level, k.ran, c.under, id)
			}
			t.Logf("%s over %s with %v: %s: %s", c.order, c.level, c.under, id, k.text[id])
		}
	}
}
