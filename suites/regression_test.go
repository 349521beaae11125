package suites_test

import (
	"context"
	"strings"
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
		"a stream is given up after TL, and has a hole": `
subject tcp/unreliable/unordered
nodes 2
group g 0 1
net latency 1ms..1ms
at 0s send 0 g 8
at 10ms partition 0 | 1 for 2s
at 20ms send 0 g 9
at 2100ms send 0 g 10
at 2300ms send 0 g 11`,
		"an omission without an end lasts as long as sends go on": `
subject unicast/best-effort/unordered
nodes 3
group g 0 1 2
net latency 90ms..90ms
at 0s omit-receive 2 100%
at 0s send 0 g 8
on 1 deliver 1 send 1 g 8
on 0 deliver 2 send 0 g 8
on 1 deliver 3 send 1 g 8
on 0 deliver 4 send 0 g 8
on 1 deliver 5 send 1 g 8
on 0 deliver 6 send 0 g 8
on 1 deliver 7 send 1 g 8
on 0 deliver 8 send 0 g 8`,
		"an acknowledgement that takes longer than TS costs a repetition": `
subject unicast/best-effort/unordered
nodes 3
group g 0 1 2
net latency 20ms..20ms
at 0s send 0 g 8`,
		"a byte of the header is changed that names the origin": `
subject coordinator/best-effort/unordered
nodes 3
group g 0 1 2
seed 4
net latency 1ms..1ms
at 0s send 1 g 8
at 0s corrupt 100% for 20ms`,
		"who comes back with a state goes on from no view": `
subject unicast/atomic-view/causal/view-synchronous:partition=both
nodes 3
group g 0 1 2
net latency 1ms..1ms
at 0s isolate 2 for 990ms
at 90ms send 1 g 0
at 1.36s recover 0
at 1.49s isolate 1 for 900ms
on 0 deliver 1 crash 0`,
		"a leave that meets a view under way waits for it": `
subject ip/atomic-view/total-sequencer/view-synchronous
nodes 2
group g closed 1
net latency 1ms..1ms
at 130ms join 0 g
at 186ms leave 0 g
at 210ms send 1 g 0
at 210ms send 0 g 0`,
		"… and one for which the others wait": `
subject ip/atomic-view/total-seqserver/view-synchronous:restart=log
nodes 4
group g closed 2 3
net latency 1ms..1ms
at 0s join 0 g
at 50ms join 1 g
at 150ms leave 1 g
at 370ms send 1 g 0
on 2 send 1 partition 3 | 0 for 150ms`,
		"what is written to a stream dies with its sender, who comes back": `
subject tcp/reliable/fifo/server
nodes 3
group g 0 1
net latency 1ms..1ms
at 0s send 1 g 0
on 1 receive 1 crash 1
at 200ms recover 1`,
		"who was removed while all waited for the dead has gaps when those are back": `
subject ip/atomic-log/total-kaashoek/static
nodes 4
group g 0 1 2 3
net latency 1ms..1ms
at 0s send 0 g 0
at 0s send 0 g 0
at 0s send 1 g 0
at 760ms send 1 g 0
on 0 send 1 crash 2
on 3 receive 1 recover 0`,
		"what waits for a number is lost with who was cut off": `
subject unicast/atomic-view/total-kaashoek/view-synchronous
nodes 4
group g 0 1 2 3
net latency 1ms..1ms
at 0s send 0 g 0
at 680ms crash 1
at 1.3s send 2 g 0
at 1.31s send 2 g 0
at 1.34s send 2 g 0
at 3s send 2 g 0
on 2 deliver 2 isolate 2 for 1.11s`,
		"and with who leaves, and joins again": `
subject ip/atomic-view/total-kaashoek/view-synchronous
nodes 3
group g 0 1 2
net latency 1ms..10ms
at 0s send 1 g 0
at 0s send 1 g 0
at 0s send 2 g 0
at 650ms leave 1 g
at 790ms join 1 g
at 1.5s send 1 g 0
on 2 deliver 1 isolate 1 for 10ms
on 0 receive 1 crash 0`,
		"a view that died with its only member": `
subject ip/atomic-view/total-seqserver/view-synchronous
nodes 3
group g 0 1 2
seed 8953909198274245414
net pos 1ms..10ms
at 0s send 0 g 0
at 0s leave 0 g
at 0s send 1 g 0
at 0s send 1 g 0
at 0s send 1 g 0
at 1ms send 0 g 0
at 607ms crash 1
at 610ms send 2 g 0
at 1.13s join 0 g
on 1 receive 1 partition 0 | 2 for 830ms`,
		"nobody in whom those who had given a view up could go on": `
subject unicast/best-effort/causal/server
nodes 3
group g 0 1 2
net latency 1ms..1ms
at 0s leave 0 g
on 0 persist 2 oneway 0 > 1 2 for 1.11s`,
		"a node is deaf to a flood that it never took in": `
subject ip:refresh=on/unreliable/unordered/anonymous
nodes 2
group g 0 1
net latency 1ms..1ms
at 0s flood every 25us for 2ms
at 900ms send 0 g 0
on 1 action 1 omit-receive 1 100% for 2ms`,
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

// TestUnplayable are scenarios that a cell's network can't play as they are meant.
func TestUnplayable(t *testing.T) {
	for name, text := range map[string]string{
		"one address for two groups":      "subject ip/unreliable/unordered\nnodes 4\ngroup g at 239.1.1.1 0 1\ngroup h at 239.1.1.1 2 3",
		"one hardware address for two":    "subject hardware/unreliable/unordered\nnodes 4\ngroup g at 239.1.1.1 0 1\ngroup h at 238.129.1.1 2 3",
		"an address that stays on a link": "subject ip/unreliable/unordered\nnodes 2\ngroup g at 224.0.0.99 0 1",
		"an address of the other family":  "subject ip/unreliable/unordered\nnodes 2\ngroup g at ff05::101 0 1",
		"an address without a network":    "subject unicast/unreliable/unordered\nnodes 2\ngroup g at 239.1.1.1 0 1",
		"no address of a group":           "subject ip/unreliable/unordered\nnodes 2\ngroup g at 244.0.0.1 0 1",
	} {
		s, err := faults.Parse("conform.scenario/1\n" + text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := suites.Playable(s); err == nil {
			t.Errorf("%s: played", name)
		}
	}
}

// TestStoriesKeepTheirFaults: what is shown with a fault is shown with that fault.
func TestStoriesKeepTheirFaults(t *testing.T) {
	r := run(t, suites.Plan{Cells: cellsOf(t, "coordinator,hierarchy", "reliable", "unordered"), Seed: 1, Schedules: 1})
	for i := range r.Cells {
		for _, row := range r.Cells[i].Requirements {
			if row.Claimed || row.Witness == nil || row.With != "crash-lossy" {
				continue
			}
			if !strings.Contains(row.Witness.Scenario, "crash-lossy ") {
				t.Errorf("%s, %s with %s:\n%s", r.Cells[i].Name(), row.ID, row.With, row.Witness.Scenario)
			}
		}
	}
}
