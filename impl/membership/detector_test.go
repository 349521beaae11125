package membership_test

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
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

var (
	update    = flag.Bool("update", false, "rewrite the transcripts in testdata")
	schedules = flag.Int("schedules", 300, "play so many in each soak; ten times fewer with -short")
)

func played() uint64 {
	if testing.Short() {
		return uint64(max(1, *schedules/10))
	}
	return uint64(*schedules)
}

func detector(p membership.Patience) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer { return membership.NewDetector(cfg, p) }
}

// patiences are both variants, by name.
var patiences = []string{"fixed", "adaptive"}

func patience(t testing.TB, name string) membership.Patience {
	p, ok := membership.ParsePatience(name)
	if !ok {
		t.Fatalf("no patience %q", name)
	}
	return p
}

func TestDetectorKeepsTheContract(t *testing.T) {
	for _, name := range patiences {
		if err := impltest.TestLayer(detector(patience(t, name)), impltest.Checksummed()); err != nil {
			t.Error(err)
		}
	}
	if _, ok := membership.ParsePatience("endless"); ok {
		t.Error("a patience that does not exist is found")
	}
}

// A node crashes, and all suspect it when it has been silent for TL. The heartbeats of another are lost for as long: it
// is suspected wrongly, and trusted when the next one comes.
func TestDetector(t *testing.T) {
	f := impltest.NewFigure(3, detector(membership.FixedPatience))
	f.Drain()
	f.Say("2 crashes; TL is 100 ms, and a heartbeat is sent every 30 ms")
	f.Crash(2)
	for range 3 {
		f.Wait(f.TS)
		f.Drain()
	}
	f.Wait(10 * time.Millisecond)
	f.Say("now the network loses what 1 sends to 0")
	for range 4 {
		f.Wait(f.TS)
		for f.Has(1, 0) {
			f.Lose(1, 0)
		}
		f.Drain()
	}
	f.Say("until a heartbeat comes through")
	f.Wait(f.TS)
	f.Drain()
	if err := f.Golden("testdata/detector.transcript", *update); err != nil {
		t.Error(err)
	}
}

// watcher is the detector of node 0 alone, of which a test sees every effect.
type watcher struct {
	*membership.Detector
	out *impl.Effects
	now spec.Time
}

func newWatcher(t *testing.T, cfg impl.Config, p membership.Patience) *watcher {
	t.Helper()
	w := &watcher{membership.NewDetector(cfg, p), impl.NewEffects(&impl.Arena{Forget: true}), 0}
	w.step(impl.Input{Kind: impl.Start})
	w.step(impl.Input{Kind: impl.Ready})
	return w
}

var three = impl.Config{Self: 0, Nodes: 3, Members: []spec.NodeID{0, 1}, TS: 10 * time.Millisecond, TL: 50 * time.Millisecond}

func (w *watcher) step(in impl.Input) []impl.Effect {
	in.Now = w.now
	w.out.Reset()
	w.Step(in, w.out)
	return w.out.List
}

// beats gives the destinations of a round of heartbeats.
func (w *watcher) beats() (to []spec.NodeID) {
	for _, e := range w.step(impl.Input{Kind: impl.TimerFired}) {
		if e.Kind == impl.Down {
			to = append(to, e.To)
		}
	}
	return to
}

// silence fires the timer of a node and says whether it is suspected then.
func (w *watcher) silence(n spec.NodeID) bool {
	list := w.step(impl.Input{Kind: impl.TimerFired, Num: 1 + uint64(n)})
	return len(list) == 1 && list[0].Kind == impl.Suspect && list[0].From == n
}

// hears gives it a packet of a node and says what comes of it.
func (w *watcher) hears(from spec.NodeID, h impl.Numbered) string {
	b := impl.AppendNumbered(impl.NewEffects(&impl.Arena{Forget: true}), nil, h)
	text := ""
	for _, e := range w.step(impl.Input{Kind: impl.Packet, From: from, Body: b}) {
		if e.Kind != impl.SetTimer {
			text += impltest.Effect(&e) + " "
		}
	}
	return text
}

const traffic, heartbeat = 1, 2

// What a dead incarnation has left on the network is no sign of the life that follows it.
func TestHeartbeatsOfADeadIncarnation(t *testing.T) {
	w := newWatcher(t, three, membership.FixedPatience)
	w.hears(1, impl.Numbered{N: 7, Kind: heartbeat})
	w.hears(1, impl.Numbered{N: 1, Incarnation: 1, Kind: heartbeat})
	w.now = spec.Time(50 * time.Millisecond)
	if !w.silence(1) {
		t.Fatal("it is not suspected")
	}
	if got := w.hears(1, impl.Numbered{N: 8, Kind: heartbeat}); got != "note stale 1 8 " {
		t.Errorf("a heartbeat of its former life: %s", got)
	}
	if got := w.hears(1, impl.Numbered{Kind: traffic}); got != `up from 1 to 0 "" ` {
		t.Errorf("a message of its former life: %s", got)
	}
	if got := w.hears(1, impl.Numbered{N: 1, Incarnation: 1, Kind: heartbeat}); got != "note duplicate 1 1 " {
		t.Errorf("the same heartbeat again: %s", got)
	}
	if got := w.hears(1, impl.Numbered{Incarnation: 1, Kind: traffic}); got != `trust 1 up from 1 to 0 "" ` {
		t.Errorf("a message of its present life: %s", got)
	}
}

// Who is watched changes with the views; who watches is answered; and who comes anew is trusted.
func TestDetectorFollowsTheViews(t *testing.T) {
	w := newWatcher(t, three, membership.FixedPatience)
	if got := w.beats(); !slices.Equal(got, []spec.NodeID{1}) {
		t.Errorf("heartbeats to %v", got)
	}
	w.hears(2, impl.Numbered{N: 1, Kind: heartbeat})
	if got := w.beats(); !slices.Equal(got, []spec.NodeID{1, 2}) {
		t.Errorf("a stranger watches it: heartbeats to %v", got)
	}
	w.now = spec.Time(50 * time.Millisecond)
	if !w.silence(1) || w.silence(2) {
		t.Error("a member is suspected, and a stranger is not")
	}
	if got := w.beats(); !slices.Equal(got, []spec.NodeID{1}) {
		t.Errorf("who is silent watches no more: heartbeats to %v", got)
	}
	view := func(members ...spec.NodeID) string {
		return impltest.Effects(w.step(impl.Input{Kind: impl.ViewChanged, Flag: true, View: &spec.View{ID: spec.ViewID{Epoch: 2}, Members: members}}))
	}
	if got := view(0, 2); got != "set-timer 3 at 100ms" {
		t.Errorf("without 1, with 2: %s", got)
	}
	if got := view(0, 1, 2); got != "set-timer 2 at 100ms; trust 1" {
		t.Errorf("1 is back: %s", got)
	}
	if w.now = spec.Time(100 * time.Millisecond); !w.silence(1) || !w.silence(2) {
		t.Error("both are watched")
	}
}

// A timer that fires late says nothing of the other node.
func TestWhoStoodStillSuspectsNobody(t *testing.T) {
	w := newWatcher(t, three, membership.FixedPatience)
	w.now = spec.Time(200 * time.Millisecond)
	if w.silence(1) {
		t.Error("it is suspected though its heartbeats wait to be taken in")
	}
	w.now += spec.Time(10 * time.Millisecond)
	if !w.silence(1) {
		t.Error("it is not suspected though there were none")
	}
}

// With regular heartbeats three must be missing; the more some are late or lost, the more patience; never more than TL.
func TestPhiAccrual(t *testing.T) {
	const ts, tl = 30 * time.Millisecond, 600 * time.Millisecond
	after := func(gaps ...time.Duration) time.Duration {
		w := newWatcher(t, impl.Config{Self: 0, Nodes: 2, Members: []spec.NodeID{0, 1}, TS: ts, TL: tl}, membership.PhiAccrual)
		n := uint64(1)
		w.hears(1, impl.Numbered{N: n, Kind: heartbeat})
		for range 80 {
			for _, gap := range gaps {
				n++
				w.now += spec.Time(gap)
				w.hears(1, impl.Numbered{N: n, Kind: heartbeat})
			}
		}
		begin := w.now
		for !w.silence(1) {
			w.now += spec.Time(time.Millisecond)
		}
		return time.Duration(w.now - begin)
	}
	for _, c := range []struct {
		gaps []time.Duration
		want time.Duration
	}{
		{[]time.Duration{ts}, 115 * time.Millisecond}, // 30 + 5.612 · 15
		{[]time.Duration{ts, 3 * ts}, 229 * time.Millisecond},
		{[]time.Duration{ts, 19 * ts}, tl},
	} {
		if got := after(c.gaps...); got != c.want {
			t.Errorf("heartbeats every %v: suspected after %v, want %v", c.gaps, got, c.want)
		}
	}
}

// The window gives the mean and the deviation of the last 64 times, as if they were added up anew.
func TestArrivals(t *testing.T) {
	w := newWatcher(t, three, membership.FixedPatience)
	r := spec.NewRand(5, 1)
	var seen *membership.Arrivals
	w.Rules.Patience = func(a *membership.Arrivals, _, tl time.Duration) time.Duration { seen = a; return tl }
	var gaps []float64
	for n := uint64(1); n < 200; n++ {
		gap := time.Duration(r.IntN(60_000)) * time.Microsecond // TL is 50 ms
		w.now += spec.Time(gap)
		w.hears(1, impl.Numbered{N: n, Kind: heartbeat})
		if n > 1 {
			gaps = append(gaps, float64(min(gap, three.TL).Microseconds()))
		}
		last := gaps[max(0, len(gaps)-64):]
		sum, squares := 0., 0.
		for _, x := range last {
			sum += x
			squares += x * x
		}
		k := float64(max(1, len(last)))
		mean, variance := sum/k, squares/k-sum/k*sum/k
		if seen.Len() != len(last) || abs(float64(seen.Mean().Microseconds())-mean) > 1 ||
			abs(float64(seen.Deviation().Microseconds()*seen.Deviation().Microseconds())-variance) > 2e5 {
			t.Fatalf("after %d: %v ± %v, want %v, variance %v", n, seen.Mean(), seen.Deviation(), mean, variance)
		}
	}
}

func abs(x float64) float64 { return max(x, -x) }

// watchedStack is plain multicast above a detector: nothing in it suspects anybody but the detector.
func watchedStack(p membership.Patience) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer {
		return impl.NewStack(membership.NewStatic(cfg), reliability.NewUnreliable(cfg), transport.NewUnicast(cfg),
			membership.NewDetector(cfg, p))
	}
}

// hold is the longest that a drawn fault holds anything back.
const hold = 150 * time.Millisecond

// opinions gives what each node thinks at the end of a run, and who is up.
func opinions(h *spec.History) (suspects map[[2]spec.NodeID]bool, down map[spec.NodeID]bool) {
	suspects, down = map[[2]spec.NodeID]bool{}, map[spec.NodeID]bool{}
	for i := range h.Events {
		switch e := &h.Events[i]; e.Kind {
		case spec.Suspect, spec.Trust:
			suspects[[2]spec.NodeID{e.Node, e.To}] = e.Kind == spec.Suspect
		case spec.Crash, spec.Recover:
			down[e.Node] = e.Kind == spec.Crash
			for n := range spec.NodeID(len(h.Nodes)) {
				delete(suspects, [2]spec.NodeID{e.Node, n})
			}
		}
	}
	return suspects, down
}

// Whatever happens: every run settles, and then who is up suspects exactly those that are down. A death is noticed
// within the bound. With the usual timers no drawn fault lasts for TL; with short ones many suspicions are wrong.
func TestDetectorSoak(t *testing.T) {
	for _, name := range patiences {
		for _, timers := range [][2]time.Duration{{sim.DefaultTS, sim.DefaultTL}, {8 * time.Millisecond, 60 * time.Millisecond}} {
			deaths, wrong := soakDetector(t, name, timers[0], timers[1])
			if short := timers[1] < sim.DefaultTL; deaths == 0 || short && wrong == 0 {
				t.Errorf("%s: %d deaths, %d suspicions taken back: nothing was tested", name, deaths, wrong)
			}
			t.Logf("%s, TL %v: %d deaths noticed, %d suspicions taken back in %d schedules", name, timers[1], deaths, wrong, played())
		}
	}
}

func soakDetector(t *testing.T, name string, ts, tl time.Duration) (deaths, wrong int) {
	all := spec.SetOf(spec.CrashFault, spec.CrashLossyFault, spec.RecoverFault, spec.PauseFault, spec.LossFault, spec.OmitSendFault,
		spec.OmitReceiveFault, spec.PartitionFault, spec.DelayFault, spec.ReorderFault, spec.DuplicateFault, spec.CorruptFault)
	world := sim.New(sim.Config{New: watchedStack(patience(t, name)), TS: ts, TL: tl, Declare: func(s *faults.Scenario, h *spec.Header) {
		// After the last packet, which a fault may have held back; and TS for a timer that fired late.
		h.Bounds = map[string]time.Duration{string(checkers.DetectorCompleteness): tl + 2*ts + 2*s.Net.Max + hold}
	}})
	var s faults.Scenario
	var h spec.History
	for seed := range played() {
		faults.DrawInto(&s, seed, faults.Params{Faults: all, Hold: hold})
		if err := world.Play(&s, &h); err != nil {
			t.Fatal(err)
		}
		if !h.Settled {
			t.Fatalf("%s, seed %d: not settled\n%s", name, seed, s.String())
		}
		f := checkers.Check(&h, checkers.DetectorCompleteness)[0]
		if f.Verdict == spec.Fail {
			t.Fatalf("%s, seed %d: %s\n%s", name, seed, f.Witness.Text, s.String())
		}
		deaths += f.Antecedents
		suspects, down := opinions(&h)
		for p := range spec.NodeID(s.Nodes) {
			for q := range spec.NodeID(s.Nodes) {
				if got := suspects[[2]spec.NodeID{p, q}]; p != q && !down[p] && got != down[q] {
					t.Fatalf("%s, seed %d: %d is down: %v; %d suspects it: %v\n%s", name, seed, q, down[q], p, got, s.String())
				}
			}
		}
		for i := range h.Events {
			if h.Events[i].Kind == spec.Trust {
				wrong++
			}
		}
	}
	return deaths, wrong
}

// steady is a watched group that exchanges heartbeats and traffic.
func steady(tb testing.TB, p membership.Patience) func() {
	var arena impl.Arena
	out := impl.NewEffects(&arena)
	d := membership.NewDetector(impl.Config{Self: 0, Nodes: 4, Members: []spec.NodeID{0, 1, 2, 3}, TS: time.Millisecond, TL: time.Second}, p)
	now := spec.Time(0)
	step := func(in impl.Input) {
		in.Now = now
		out.Reset()
		d.Step(in, out)
	}
	step(impl.Input{Kind: impl.Start})
	step(impl.Input{Kind: impl.Ready})
	n := uint64(0)
	return func() {
		arena.Reset()
		n++
		now += spec.Time(time.Millisecond)
		step(impl.Input{Kind: impl.TimerFired})
		for from := spec.NodeID(1); from < 4; from++ {
			out.Reset()
			b := impl.AppendNumbered(out, nil, impl.Numbered{N: n, Kind: heartbeat})
			step(impl.Input{Kind: impl.Packet, From: from, Body: b})
		}
		out.Reset()
		step(impl.Input{Kind: impl.Send, To: 1, Body: arena.Alloc(64)})
	}
}

func TestDetectorAllocatesNothing(t *testing.T) {
	for _, name := range patiences {
		round := steady(t, patience(t, name))
		for range 200 {
			round()
		}
		if n := testing.AllocsPerRun(100, round); n > 0 {
			t.Errorf("%s: %v allocations a round", name, n)
		}
	}
}

func BenchmarkDetector(b *testing.B) {
	for _, name := range patiences {
		b.Run(fmt.Sprint(name), func(b *testing.B) {
			b.ReportAllocs()
			round := steady(b, patience(b, name))
			for b.Loop() {
				round()
			}
		})
	}
}
