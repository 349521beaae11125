package sim

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Faults strike just before the K-th thing that a node does.
func TestTriggersStrikeJustBefore(t *testing.T) {
	for _, c := range []struct {
		name, steps string
		stack       func(impl.Config) impl.Layer
		want        string // deliveries, acknowledgements and crashes
	}{
		{"the second packet out", "at 1ms send 0 g 8\non 0 send 2 crash 0", bare, "0 crash\n1 deliver 0/0/1"},
		{"the first packet out", "at 1ms send 0 g 8\non 0 send 1 crash 0", bare, "0 crash"},
		{"a receipt", "at 1ms send 0 to 1 8\non 1 receive 1 crash 1", bare, "1 crash"},
		{"the second delivery", "at 1ms send 0 to 1 8\nat 10ms send 0 to 1 8\non 1 deliver 2 crash 1", bare,
			"1 deliver 0/0/1\n1 crash"},
		{"an acknowledgement", "at 1ms send 0 to 1 8\non 0 ack 1 crash 0", channels, "1 deliver 0/0/1\n0 crash"},
		{"the third action", "at 1ms send 0 g 8\non 0 action 3 crash 0", bare, "0 crash\n2 deliver 0/0/1\n1 deliver 0/0/1"},
		{"a point", "at 1ms send 0 g 8\non 1 point relayed 1 crash 1", causal, ""},
		{"another life's count goes on", "at 1ms send 0 to 1 8\nat 10ms crash 0\nat 11ms recover 0\nat 12ms send 0 to 1 8\n" +
			"on 0 send 2 crash 0", bare, "1 deliver 0/0/1\n0 crash\n0 crash"},
		{"never", "at 1ms send 0 to 1 8\non 1 deliver 9 crash 1", bare, "1 deliver 0/0/1"},
	} {
		h, _ := play(t, Config{New: c.stack}, c.steps)
		got := told(h, spec.Deliver, spec.Ack, spec.Crash)
		if c.name == "a point" {
			if n := strings.Count(got, "1 deliver"); n != 0 || !strings.Contains(got, "1 crash") || strings.Count(got, "deliver") != 3 {
				t.Errorf("%s:\n%s", c.name, got)
			}
		} else if got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// Operations of applications follow what they waited for.
func TestTriggeredOperationsFollow(t *testing.T) {
	h, _ := play(t, Config{New: bare}, "at 1ms send 0 to 1 8", "on 1 deliver 1 send 1 to 0 8")
	if got := told(h, spec.Send, spec.Deliver); got != "0 send 0/0/1\n1 deliver 0/0/1\n1 send 1/0/1\n0 deliver 1/0/1" {
		t.Errorf("got\n%s", got)
	}
}

func TestAPauseStrikesJustBeforeAReceipt(t *testing.T) {
	h, _ := play(t, Config{New: bare}, "at 1ms send 0 to 1 8", "at 20ms send 0 to 1 8", "on 1 receive 1 pause 1 for 40ms",
		"on 1 receive 2 crash 1")
	if got := told(h, spec.Pause, spec.Resume, spec.Deliver, spec.Crash); got != "1 pause\n1 resume\n1 deliver 0/0/1\n1 crash" {
		t.Errorf("got\n%s", got)
	}
}

func TestATriggeredPartitionLastsFromThenOn(t *testing.T) {
	h, _ := play(t, Config{New: bare}, "at 1ms send 0 g 8", "on 0 send 2 isolate 0")
	if got := heard(h); got != "0 0  " {
		t.Errorf("heard %q", got)
	}
}

// A run settles when all is answered: after cuts that end, after crashes of whom a send waits for.
func TestSettled(t *testing.T) {
	for _, steps := range [][]string{
		{"at 1ms send 0 g 8"},
		{"at 0s loss 100% for 200ms", "at 1ms send 0 g 8"},
		{"at 0s loss 100%", "at 1ms send 0 g 8"}, // healed by the world
		{"at 0s crash 3", "at 1ms send 0 g 8"},
		{"at 0s pause 3", "at 1ms send 0 g 8"},
		{"at 1ms send 0 g 8", "at 1ms crash-lossy 0"},
	} {
		h, _ := play(t, Config{New: channels}, steps...)
		if !h.Settled {
			t.Errorf("%v: not settled", steps)
		}
		up := 4 - len(events(h, spec.Crash))
		if n := len(events(h, spec.Deliver)); n != up && steps[len(steps)-1] != "at 1ms crash-lossy 0" {
			t.Errorf("%v: %d deliveries at %d nodes\n%s", steps, n, up, told(h, spec.Deliver, spec.Crash))
		}
	}
}

// A run is not over while something is still to be observed, however long the silence before it.
func TestALateStepIsWaitedFor(t *testing.T) {
	h, _ := play(t, Config{New: channels}, "at 1ms send 0 g 8", "at 5s send 0 g 8")
	if n := len(events(h, spec.Deliver)); n != 8 {
		t.Errorf("%d deliveries", n)
	}
}

// endless sends everything it gets back, and delivers it.
type endless struct{}

func (endless) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Send:
		out.Down(in.To, in.Body, 0)
	case impl.Packet:
		out.Down(in.From, in.Body, 0)
		out.Up(in.From, in.To, in.Body)
	}
}

func TestARunThatNeverEndsIsGivenUp(t *testing.T) {
	w, h := New(Config{New: func(impl.Config) impl.Layer { return endless{} }, MaxSteps: 5000}), &spec.History{}
	if err := w.Play(scenario(t, "at 1ms send 0 to 1 8"), h); err == nil || h.Settled {
		t.Errorf("error %v, settled %v", err, h.Settled)
	}
}

// busy sets timers all the time, and delivers.
type busy struct{ impl.Layer }

func (b busy) Step(in impl.Input, out *impl.Effects) {
	if in.Kind == impl.Ready || in.Kind == impl.TimerFired && in.Now < ms(100) {
		out.SetTimer(1, in.Now+spec.Time(20*time.Microsecond))
	}
	if in.Kind != impl.TimerFired {
		b.Layer.Step(in, out)
	}
}

// No packet takes longer than the bound, whatever else happens in the meantime and whoever chooses the order.
func TestNoPacketTakesLongerThanMax(t *testing.T) {
	var steps []string
	for i := range 100 {
		steps = append(steps, "at "+(time.Duration(i)*300*time.Microsecond).String()+" send 0 g 8")
	}
	for _, net := range []faults.Net{
		{Strategy: faults.Latency, Min: time.Millisecond, Max: 10 * time.Millisecond},
		{Strategy: faults.POS, Max: 10 * time.Millisecond},
		{Strategy: faults.PCT, Max: 10 * time.Millisecond, Depth: 3},
	} {
		for seed := range uint64(5) {
			s := scenario(t, steps...)
			s.Net, s.Seed = net, seed
			h := &spec.History{}
			if err := New(Config{New: func(cfg impl.Config) impl.Layer { return busy{bare(cfg)} }}).Play(s, h); err != nil {
				t.Fatal(err)
			}
			sent := map[spec.MsgID]spec.Time{}
			worst := spec.Time(0)
			for _, e := range h.Events {
				if e.Kind == spec.Send {
					sent[e.Msg] = e.T
				} else if e.Kind == spec.Deliver {
					worst = max(worst, e.T-sent[e.Msg])
				}
			}
			if worst > ms(10.5) || worst < ms(3) {
				t.Errorf("%v, seed %d: the slowest took %v", net.Strategy, seed, time.Duration(worst))
			}
		}
	}
}

var everything = faults.Params{Faults: spec.EndToEndFaults, MinNodes: 2, MaxNodes: 5, MaxSends: 8, MTU: 1400,
	OneToOne: true, NonMember: true, Joins: true, Syncs: true, Queries: true}

func written(t *testing.T, w *World, s *faults.Scenario, h *spec.History) (string, faults.Trace) {
	if err := w.Play(s, h); err != nil {
		t.Fatalf("%v\n%s", err, s)
	}
	var b bytes.Buffer
	if err := spec.WriteHistory(&b, h); err != nil {
		t.Fatalf("%v\n%s", err, s)
	}
	return b.String(), w.Trace()
}

// The same scenario gives the same bytes, in a new world and in one that has played others.
func TestReplay(t *testing.T) {
	runs := uint64(150)
	if testing.Short() {
		runs = 30
	}
	used, usedHistory := New(Config{New: causal, Evidence: true}), &spec.History{}
	for seed := range runs {
		a, b := faults.Draw(seed, everything), faults.Draw(seed+1000, everything)
		want, trace := written(t, New(Config{New: causal, Evidence: true}), a, &spec.History{})
		for i, s := range []*faults.Scenario{a, b, a} {
			got, again := written(t, used, s, usedHistory)
			if i != 1 && (got != want || !again.Equal(trace)) {
				t.Fatalf("seed %d, play %d: another history\n%s", seed, i, s)
			}
		}
	}
}

// The trace of a run is the same whether evidence is recorded or not.
func TestEvidenceLeavesTheTraceAlone(t *testing.T) {
	for seed := range uint64(30) {
		s := faults.Draw(seed, everything)
		_, with := written(t, New(Config{New: causal, Evidence: true}), s, &spec.History{})
		_, without := written(t, New(Config{New: causal}), s, &spec.History{})
		if !with.Equal(without) {
			t.Fatalf("seed %d", seed)
		}
	}
}
