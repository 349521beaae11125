package suites_test

import (
	"context"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// TestCorrectStacksHold are schedules in which the harness once blamed a correct stack, or a stack was at fault.
func TestCorrectStacksHold(t *testing.T) {
	for name, text := range map[string]string{
		"a node that is resumed by healing triggers an isolation": `
subject unicast/best-effort/unordered
nodes 3
group g 0 1 2
net latency 1ms..1ms
at 0s pause 1
at 1ms send 0 g 0
at 5ms send 1 g 8
on 1 receive 1 isolate 2`,
		"… and the pause of a node that has been resumed already": `
subject unicast/reliable/unordered
nodes 3
group g 0 1 2
net latency 1ms..1ms
at 0s pause 1
at 1ms send 0 g 0
at 2ms send 1 g 8
on 1 receive 1 pause 0`,
		"more pieces than the channel's window has room for": `
subject unicast:mtu=160/reliable/unordered
nodes 2
group g 0 1
net latency 1ms..1ms mtu 160
at 1ms send 0 g 1000000
at 1ms send 0 g 1000000
at 1ms send 0 g 1000000`,
	} {
		s, err := faults.Parse("conform.scenario/1" + text)
		if err != nil {
			t.Fatal(err)
		}
		r, err := suites.Replay(s)
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != spec.Pass {
			for _, row := range r.Requirements {
				t.Errorf("%s: %s is %s %s", name, row.ID, row.Verdict, row.Reason)
			}
		}
	}
}

// waitForAll delivers its own message when every member that is not suspected has acknowledged it, as an all-ack
// broadcast does (Cachin, Guerraoui, Rodrigues, 2011): with a crashed member that is at TL, and no sooner.
type waitForAll struct {
	cfg  impl.Config
	next impl.Ref
	open map[impl.Ref][]byte
}

func newWaitForAll(cfg impl.Config) impl.Layer {
	return impl.NewStack(&waitForAll{cfg: cfg, open: map[impl.Ref][]byte{}}, transport.NewUnicast(cfg), transport.NewChannel(cfg))
}

func (w *waitForAll) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Send && in.To == impl.Everyone:
		w.next++
		w.open[w.next] = in.Body
		out.Down(impl.Everyone, in.Body, w.next)
	case in.Kind == impl.Packet && in.From == w.cfg.Self: // its own copy waits for the others
	case in.Kind == impl.Acknowledged:
		out.Up(w.cfg.Self, impl.Everyone, w.open[in.Ref])
		delete(w.open, in.Ref)
	default:
		out.Pass(in)
	}
}

// TestRunsLastUntilTL: what a correct protocol does only when it has given a member up still counts.
func TestRunsLastUntilTL(t *testing.T) {
	promise := suites.Requirements("SELF-DELIVERY").Under(spec.CrashFault)
	if err := suites.Check(context.Background(), newWaitForAll, promise); err != nil {
		t.Error(err)
	}
}

// TestPanicIsReported: a member that panics is reported with its scenario, shrunk.
func TestPanicIsReported(t *testing.T) {
	err := suites.Check(context.Background(), func(cfg impl.Config) impl.Layer { return panicking{} }, suites.Profile("reliable"))
	if err == nil || !contains([]string{firstLine(err.Error())}, `node 0 panicked at 0s on the input "send": no room`) {
		t.Error(err)
	}
}

type panicking struct{}

func (panicking) Step(in impl.Input, _ *impl.Effects) {
	if in.Kind == impl.Send {
		panic("no room")
	}
}

func firstLine(s string) string {
	for i := range s {
		if s[i] == '\n' {
			return s[:i]
		}
	}
	return s
}
