package suites_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// newCausal is the member under test of this file: causal order over relay over the reliable channel.
func newCausal(cfg impl.Config) impl.Layer {
	return impl.NewStack(ordering.NewCausal(cfg), reliability.NewReliable(cfg), transport.NewUnicast(cfg), transport.NewChannel(cfg))
}

func TestConformance(t *testing.T) {
	suites.Test(t, newCausal, suites.Profile("causal").Schedules(500))
}

func FuzzFaults(f *testing.F) { suites.Fuzz(f, newCausal, suites.Profile("causal")) }

func TestCheckFindsViolations(t *testing.T) {
	newFifo := func(cfg impl.Config) impl.Layer {
		return impl.NewStack(ordering.NewFifo(cfg), reliability.NewBestEffort(cfg), transport.NewUnicast(cfg))
	}
	err := suites.Check(context.Background(), newFifo, suites.Profile("causal"))
	broken := map[spec.ID]bool{}
	for _, e := range errs(err) {
		var v *suites.Violation
		if !errors.As(e, &v) || v.Verdict != spec.Fail {
			t.Errorf("unexpected: %v", e)
			continue
		}
		broken[v.ID] = true
		for _, want := range []string{string(v.ID), "scenario:", "node 0", "send"} {
			if !strings.Contains(v.Error(), want) {
				t.Errorf("%s: the story lacks %q:\n%s", v.ID, want, v.Error())
			}
		}
	}
	for _, id := range []spec.ID{"AGREEMENT", "CAUSAL-ORDER", "CAUSAL-GAPFREE", "LOCAL-ORDER"} {
		if !broken[id] {
			t.Errorf("best-effort under crashes with FIFO order was not found to break %s", id)
		}
	}
	for _, id := range []spec.ID{"FIFO-GAPFREE", "NO-DUPLICATION", "VALIDITY"} {
		if broken[id] {
			t.Errorf("false alarm: %s", id)
		}
	}
}

func errs(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

func TestCheckWithinTheModel(t *testing.T) {
	newBestEffort := func(cfg impl.Config) impl.Layer {
		return impl.NewStack(reliability.NewBestEffort(cfg), transport.NewUnicast(cfg))
	}
	p := suites.Profile("reliable").Without(spec.CrashFault, spec.CrashLossyFault)
	if err := suites.Check(context.Background(), newBestEffort, p); err != nil {
		t.Errorf("without crashes best-effort is reliable: %v", err)
	}
}

func TestPromiseErrors(t *testing.T) {
	err := suites.Check(context.Background(), newCausal, suites.Profile("casual"))
	if err == nil || !strings.Contains(err.Error(), `unknown profile "casual": did you mean causal`) {
		t.Error(err)
	}
	err = suites.Check(context.Background(), newCausal, suites.Requirements("AGREEMENTS"))
	if err == nil || !strings.Contains(err.Error(), `unknown requirement "AGREEMENTS"`) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := suites.Check(ctx, newCausal, suites.Profile("causal")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestInconclusiveIsSaid: what no schedule tests is no pass.
func TestInconclusiveIsSaid(t *testing.T) {
	err := suites.Check(context.Background(), newCausal, suites.Requirements("CHANNEL-INTEGRITY").Schedules(20))
	var v *suites.Violation
	if !errors.As(err, &v) || v.Verdict != spec.Inconclusive || !strings.Contains(v.Error(), "vacuous") {
		t.Errorf("no message went to one node, and Check says %v", err)
	}
}

// TestMutants: a planted bug is caught by a requirement that it breaks, and by none that it does not. The command
// `conform mutants` hunts all of them; this hunts every second one, from another seed.
func TestMutants(t *testing.T) {
	const seed = 0
	step := 2
	if testing.Short() {
		step = 40
	}
	var names []string
	for i, m := range mutant.All() {
		if i%step == 0 {
			names = append(names, m.Name)
		}
	}
	table, err := suites.Mutants(context.Background(), suites.KillPlan{Names: names, Seed: seed, Parallel: 2})
	if err != nil {
		t.Fatal(err)
	}
	if table.Total == 0 || table.Verdict() != spec.Pass {
		t.Errorf("seed %d: %d of %d killed, %d false alarms", seed, table.Killed, table.Total, table.FalseAlarms)
	}
	for _, k := range table.Mutants {
		if !k.Killed || len(k.FalseAlarms) > 0 {
			t.Errorf("seed %d, %s: killed %v by %v, false alarms %v", seed, k.Name, k.Killed, k.By, k.FalseAlarms)
		}
		small := 8
		if strings.Count(k.Cell, "/") > 2 { // members have to come, or go, before anything can go wrong
			small = 10
		}
		if k.Killed && (k.Witness == nil || k.Witness.Steps > small) {
			t.Errorf("seed %d, %s: no small witness: %+v", seed, k.Name, k.Witness)
		}
	}
}

// TestMutantsNeedTheirJudges: without the judges that it breaks, a mutant survives; so nothing else catches it by
// accident, and the table can say no.
func TestMutantsNeedTheirJudges(t *testing.T) {
	few := mutant.All()[:6]
	if testing.Short() {
		few = few[:1]
	}
	for _, m := range few {
		table, err := suites.Mutants(context.Background(), suites.KillPlan{Names: []string{m.Name}, Without: m.Breaks, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if table.Killed != 0 || table.Verdict() != spec.Fail {
			t.Errorf("%s is killed without %v, by %v", m.Name, m.Breaks, table.Mutants[0].By)
		}
	}
	if _, err := suites.Mutants(context.Background(), suites.KillPlan{Names: []string{"no-relai"}}); err == nil || !strings.Contains(err.Error(), "no-relay") {
		t.Errorf("an unknown mutant: %v", err)
	}
}

// newFlooding is an implementation of one's own: it relays what it has not seen, and tells messages apart by their
// bytes. Can you see what is wrong with it?
func newFlooding(cfg impl.Config) impl.Layer { return &flooding{cfg: cfg, seen: map[string]bool{}} }

type flooding struct {
	cfg  impl.Config
	seen map[string]bool
}

func (f *flooding) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Send:
		for _, m := range f.cfg.Members {
			out.Down(m, in.Body, 0)
		}
	case impl.Packet:
		if f.seen[string(in.Body)] {
			return
		}
		f.seen[string(in.Body)] = true
		out.Up(in.From, impl.Everyone, in.Body) // deliver …
		for _, m := range f.cfg.Members {
			out.Down(m, in.Body, 0) // … and relay
		}
	}
}

func ExampleCheck() {
	promise := suites.Requirements("UNIFORM-AGREEMENT").Under(spec.CrashFault)
	err := suites.Check(context.Background(), newFlooding, promise)
	var v *suites.Violation
	if errors.As(err, &v) {
		fmt.Println(v.Story.Text)
		fmt.Print(v.Story.Scenario)
	}
	// Output:
	// process 2, a correct member, never delivered 0/0/1, but process 1 delivered 0/0/1 at 1 ms and crashed at 1 ms
	// conform.scenario/1
	// subject requirements
	// expect UNIFORM-AGREEMENT
	// nodes 3
	// group g 0 1 2
	// seed 0
	// net latency 1ms..1ms
	// at 0s send 0 g 0
	// on 0 send 2 crash 0
	// on 1 send 1 crash 1
	// trace 4 0760e2c3535f1bfc 1 02a50207
}

// TestPlay keeps a found schedule as a regression test: it breaks the layer above, and not the reference stack.
func TestPlay(t *testing.T) {
	const found = `conform.scenario/1
nodes 3
group g 1 2
net latency 1ms..1ms
at 0s send 0 g 0
on 0 send 2 crash 0
on 1 send 1 crash 1
`
	uniform := suites.Requirements("UNIFORM-AGREEMENT")
	var v *suites.Violation
	if err := suites.Play(newFlooding, found, uniform); !errors.As(err, &v) || v.ID != "UNIFORM-AGREEMENT" {
		t.Errorf("relaying after delivering: %v", err)
	}
	if err := suites.Play(newReliable, found, uniform); err != nil {
		t.Errorf("relaying before delivering: %v", err)
	}
	if err := suites.Play(newReliable, "nodes three", uniform); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("malformed: %v", err)
	}
}

func newReliable(cfg impl.Config) impl.Layer {
	return impl.NewStack(reliability.NewReliable(cfg), transport.NewUnicast(cfg), transport.NewChannel(cfg))
}
