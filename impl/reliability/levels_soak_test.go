package reliability_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/spec"
)

var fieldRuns = flag.Int("field-runs", 1, "play so many times as many random runs")

// field is a few members and a network that carries one packet to many: it loses each copy on its own, delays, doubles
// and changes packets, and is cut for a while. Members crash between any two effects.
type field struct {
	cfgs   []impl.Config
	nodes  []impl.Layer
	make   func(impl.Config) impl.Layer
	out    *impl.Effects
	now    spec.Time
	agenda impltest.Agenda[fieldEvent]
	timers []map[fieldTimer]int // the event that counts
	impltest.Weather

	crashed  []bool
	lossy    []int // what a crashed one sent before this is lost
	crashIn  []int // effects until it crashes; 0 is never
	lossyTo  []bool
	faithful func(n spec.NodeID) bool // whether a node keeps to the protocol
	watch    func(n spec.NodeID, e *impl.Effect)

	sends     map[string]spec.NodeID
	delivered [][]string
	from      []map[string]spec.NodeID // the sender that each body was delivered with
	acked     map[string]bool
	refs      []string
	suspected int
	gaps      int
	packets   int
	depth     uint64 // the largest
	steps     int
}

type fieldTimer struct {
	layer impl.Path
	id    uint64
}

type fieldEvent struct {
	node spec.NodeID
	in   impl.Input
	do   func()
}

const fieldTS, fieldTL = 30 * time.Millisecond, 600 * time.Millisecond

func newField(n int, seed uint64, newLayer func(impl.Config) impl.Layer) *field {
	w := &field{out: impl.NewEffects(&impl.Arena{Forget: true}), Weather: impltest.Weather{Dice: spec.NewRand(seed, 7)}, make: newLayer,
		faithful: func(spec.NodeID) bool { return true },
		sends:    map[string]spec.NodeID{}, acked: map[string]bool{},
		crashed: make([]bool, n), lossy: make([]int, n), crashIn: make([]int, n), lossyTo: make([]bool, n),
		delivered: make([][]string, n)}
	var members []spec.NodeID
	for i := range n {
		members = append(members, impltest.Node(i))
	}
	for i := range n {
		cfg := impl.Config{Self: impltest.Node(i), Nodes: n, Members: members, Closed: true, TS: fieldTS, TL: fieldTL,
			Seed: seed*64 + uint64(i)}
		w.cfgs = append(w.cfgs, cfg)
		w.nodes = append(w.nodes, newLayer(cfg))
		w.timers = append(w.timers, map[fieldTimer]int{})
		w.from = append(w.from, map[string]spec.NodeID{})
	}
	for i := range n {
		w.step(impltest.Node(i), impl.Input{Kind: impl.Start})
		w.step(impltest.Node(i), impl.Input{Kind: impl.Ready})
	}
	return w
}

func (w *field) at(t spec.Time, e fieldEvent) int { return w.agenda.Put(t, e) }

// do lets something happen at a time.
func (w *field) do(at time.Duration, what func()) { w.at(spec.Time(at), fieldEvent{do: what}) }

// run lets everything happen that is to happen before a time.
func (w *field) run(until time.Duration) {
	for d, ok := w.agenda.Next(spec.Time(until)); ok; d, ok = w.agenda.Next(spec.Time(until)) {
		e := d.What
		w.now = d.At
		switch {
		case e.do != nil:
			e.do()
			continue
		case w.crashed[e.node]:
			continue
		case e.in.Kind == impl.TimerFired:
			if w.timers[e.node][fieldTimer{e.in.Layer, e.in.Num}] != d.Number {
				continue
			}
		case e.in.Kind == impl.Packet && d.Number < w.lossy[e.in.From]:
			continue
		}
		w.step(e.node, e.in)
	}
}

func (w *field) crash(n spec.NodeID, lossy bool) {
	w.crashed[n] = true
	if lossy {
		w.lossy[n] = w.agenda.Last() + 1
	}
}

// restart begins a new life of a crashed node, which has forgotten everything.
func (w *field) restart(n spec.NodeID, incarnation uint64) {
	w.crashed[n], w.crashIn[n] = false, 0
	w.timers[n] = map[fieldTimer]int{}
	w.nodes[n] = w.make(w.cfgs[n])
	w.step(n, impl.Input{Kind: impl.Start, Num: incarnation})
	w.step(n, impl.Input{Kind: impl.Ready})
}

// send lets a member send to the group, and asks for an acknowledgement.
func (w *field) send(n spec.NodeID, body string) {
	if w.crashed[n] {
		return
	}
	w.sends[body] = n
	w.refs = append(w.refs, body)
	w.step(n, impl.Input{Kind: impl.Send, To: impl.Everyone, Body: []byte(body), Ref: impl.Ref(len(w.refs))})
}

func (w *field) step(n spec.NodeID, in impl.Input) {
	in.Now = w.now
	w.steps++
	w.out.Reset()
	w.nodes[n].Step(in, w.out)
	for i := range w.out.List {
		if w.crashIn[n] > 0 {
			if w.crashIn[n]--; w.crashIn[n] == 0 {
				w.crash(n, w.lossyTo[n])
				return
			}
		}
		w.carry(n, &w.out.List[i])
	}
}

func (w *field) carry(n spec.NodeID, e *impl.Effect) {
	if w.watch != nil {
		w.watch(n, e)
	}
	switch e.Kind {
	case impl.Down:
		for _, m := range w.cfgs[n].Members {
			if e.To == m || e.To == impl.Everyone {
				w.transmit(n, m, e.To, e.Body)
			}
		}
	case impl.SetTimer:
		w.timers[n][fieldTimer{e.Layer, e.Num}] = w.at(e.At, fieldEvent{node: n,
			in: impl.Input{Kind: impl.TimerFired, Layer: e.Layer, Num: e.Num}})
	case impl.StopTimer:
		delete(w.timers[n], fieldTimer{e.Layer, e.Num})
	case impl.Up:
		body := string(e.Body)
		w.delivered[n] = append(w.delivered[n], body)
		w.from[n][body] = e.From
	case impl.Acknowledge:
		w.acked[w.refs[e.Ref-1]] = true
	case impl.Suspect:
		w.suspected++
	case impl.Gap:
		w.gaps++
	case impl.Note:
		if e.Code == impl.BufferDepth {
			w.depth = max(w.depth, e.Num)
		}
	}
}

func (w *field) transmit(from, at, to spec.NodeID, body []byte) {
	if from != at {
		w.packets++
	}
	w.Carry(from, at, w.now, body, func(after time.Duration, body []byte) {
		w.at(w.now+spec.Time(after), fieldEvent{node: at, in: impl.Input{Kind: impl.Packet, From: from, To: to, Body: body}})
	})
}

// rough makes the network of a seed lose, double and change packets and be cut, each cut shorter than half of TL, and
// lets some members crash.
func (w *field) rough(seed uint64, crashes int) {
	r := w.Rough(seed, len(w.nodes))
	for range crashes {
		n, after, lossy := r.IntN(len(w.nodes)), 1+r.IntN(30), r.Chance(.5)
		w.do(time.Duration(r.IntN(int(600*time.Millisecond))), func() {
			w.crashIn[n], w.lossyTo[n] = after, lossy
		})
	}
}

// talk lets members send in the first 600ms, single messages and bursts.
func (w *field) talk(seed uint64, sends int) {
	r := spec.NewRand(seed, 9)
	for i := 0; i < sends; {
		n, at := impltest.Node(r.IntN(len(w.nodes))), time.Duration(r.IntN(int(600*time.Millisecond)))
		for range 1 + r.IntN(4)*r.IntN(2) {
			body := fmt.Sprintf("%d of %d:%s", i, n, strings.Repeat("x", r.IntN(40)))
			w.do(at, func() { w.send(n, body) })
			i++
		}
	}
}

func (w *field) correct(n int) bool { return !w.crashed[n] && w.faithful(impltest.Node(n)) }

// broken says what does not hold of the promises that have names here; they are judged as of all that happened.
func (w *field) broken(promises ...string) (out []string) {
	has := make([]map[string]int, len(w.nodes))
	for n := range w.nodes {
		has[n] = map[string]int{}
		for _, b := range w.delivered[n] {
			has[n][b]++
		}
	}
	everyone := func(what string, body string) {
		for n := range w.nodes {
			if w.correct(n) && has[n][body] == 0 {
				out = append(out, fmt.Sprintf("%s: %d never delivered %q", what, n, body))
			}
		}
	}
	for _, p := range promises {
		switch p {
		case "integrity":
			for n := range w.nodes {
				for _, b := range w.delivered[n] {
					from, sent := w.sends[b]
					if w.faithful(impltest.Node(n)) && (!sent || has[n][b] > 1 || w.from[n][b] != from) {
						out = append(out, fmt.Sprintf("%s: %d delivered %q %d times, from %d", p, n, b, has[n][b], w.from[n][b]))
					}
				}
			}
		case "validity":
			for b, n := range w.sends {
				if w.correct(int(n)) {
					everyone(p, b)
				}
			}
		case "agreement", "uniform":
			for n := range w.nodes {
				for b := range has[n] {
					if w.correct(n) || p == "uniform" && w.faithful(impltest.Node(n)) {
						everyone(p, b)
					}
				}
			}
		case "acked":
			for b := range w.acked {
				everyone(p, b)
			}
		case "answered":
			for b, n := range w.sends {
				if w.correct(int(n)) && !w.acked[b] {
					out = append(out, fmt.Sprintf("%s: %q of %d was not acknowledged", p, b, n))
				}
			}
		case "fifo":
			out = append(out, w.outOfOrder()...)
		default:
			panic(p)
		}
	}
	slices.Sort(out)
	return out
}

// outOfOrder compares what each delivered of each with what that one sent, in order: it must be a beginning.
func (w *field) outOfOrder() (out []string) {
	for n := range w.nodes {
		next := map[spec.NodeID]int{}
		sent := map[spec.NodeID][]string{}
		for _, b := range w.refs {
			sent[w.sends[b]] = append(sent[w.sends[b]], b)
		}
		for _, b := range w.delivered[n] {
			s := w.sends[b]
			if next[s] >= len(sent[s]) || sent[s][next[s]] != b {
				out = append(out, fmt.Sprintf("fifo: %d delivered %q out of turn", n, b))
				break
			}
			next[s]++
		}
	}
	return out
}

// holds fails the test where a promise does not hold.
func (w *field) holds(t *testing.T, seed uint64, promises ...string) {
	t.Helper()
	if b := w.broken(promises...); len(b) > 0 {
		t.Fatalf("seed %d: %d broken; %s", seed, len(b), strings.Join(b[:min(3, len(b))], "; "))
	}
}
