package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// bare sends every member a copy and delivers what comes.
func bare(cfg impl.Config) impl.Layer { return transport.NewUnicast(cfg) }

// channels has no group protocol, but retransmits.
func channels(cfg impl.Config) impl.Layer {
	return impl.NewStack(transport.NewUnicast(cfg), transport.NewChannel(cfg))
}

// causal is causal order over reliable multicast.
func causal(cfg impl.Config) impl.Layer {
	return impl.NewStack(ordering.NewCausal(cfg), reliability.NewReliable(cfg),
		transport.NewUnicast(cfg), transport.NewChannel(cfg))
}

// heading is how the scenarios of these tests begin: four nodes, one group of all.
const heading = "conform.scenario/1\nnodes 4\ngroup g 0 1 2 3\nseed 11\nnet latency 1ms..5ms\n"

func scenario(t testing.TB, steps ...string) *faults.Scenario {
	t.Helper()
	s, err := faults.Parse(heading + strings.Join(steps, "\n") + "\n")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// play plays steps against a protocol.
func play(t testing.TB, cfg Config, steps ...string) (*spec.History, *World) {
	t.Helper()
	w, h := New(cfg), &spec.History{}
	if err := w.Play(scenario(t, steps...), h); err != nil {
		t.Fatal(err)
	}
	return h, w
}

// told gives the events of these kinds, one a line: the time in milliseconds, the node, what, the message.
func told(h *spec.History, kinds ...spec.Kind) string {
	var lines []string
	for i := range h.Events {
		e := &h.Events[i]
		for _, k := range kinds {
			if e.Kind == k {
				line := fmt.Sprintf("%d %v", e.Node, e.Kind)
				if e.Is(spec.HasMsg) {
					line += " " + e.Msg.String()
				}
				lines = append(lines, line)
			}
		}
	}
	return strings.Join(lines, "\n")
}

// heard gives, for each node, from whom it delivered anything: "013 1 …".
func heard(h *spec.History) string {
	var from [4][4]bool
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == spec.Deliver {
			from[e.Node][e.Msg.Sender] = true
		}
	}
	var parts []string
	for n := range from {
		part := ""
		for m, has := range from[n] {
			if has {
				part += fmt.Sprint(m)
			}
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " ")
}

func events(h *spec.History, k spec.Kind) (list []spec.Event) {
	for _, e := range h.Events {
		if e.Kind == k {
			list = append(list, e)
		}
	}
	return list
}

func ms(n float64) spec.Time { return spec.Time(n * float64(time.Millisecond)) }
