package transport_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/spec"
)

// soak is a few nodes, a clock, and links that lose, delay, double and change packets and are cut for a while.
type soak struct {
	nodes  []impl.Layer
	out    *impl.Effects
	now    spec.Time
	agenda impltest.Agenda[soakEvent]
	timers []map[soakTimer]int // the event that counts
	impltest.Weather

	delivered []map[string][]string // by sender and group or node
	acked     map[impl.Ref]int
	upward    []string // of suspicions
	packets   int
	opened    int // handshakes begun, tries again among them
}

type soakTimer struct {
	layer impl.Path
	id    uint64
}

type soakEvent struct {
	node spec.NodeID
	in   impl.Input
	do   func()
}

const soakTS, soakTL = 30 * time.Millisecond, 600 * time.Millisecond

func newSoak(n int, seed uint64, newLayer func(impl.Config) impl.Layer) *soak {
	w := &soak{out: impl.NewEffects(&impl.Arena{Forget: true}), Weather: impltest.Weather{Dice: spec.NewRand(seed, 7)}, acked: map[impl.Ref]int{}}
	var members []spec.NodeID
	for i := range n {
		members = append(members, impltest.Node(i))
	}
	for i := range n {
		w.nodes = append(w.nodes, newLayer(impl.Config{Self: impltest.Node(i), Nodes: n, Members: members, TS: soakTS, TL: soakTL}))
		w.timers = append(w.timers, map[soakTimer]int{})
		w.delivered = append(w.delivered, map[string][]string{})
	}
	for i := range n {
		w.step(impltest.Node(i), impl.Input{Kind: impl.Start})
		w.step(impltest.Node(i), impl.Input{Kind: impl.Ready})
	}
	return w
}

func (w *soak) at(t spec.Time, e soakEvent) int { return w.agenda.Put(t, e) }

// run lets everything happen that is to happen before a time.
func (w *soak) run(until spec.Time) {
	for d, ok := w.agenda.Next(until); ok; d, ok = w.agenda.Next(until) {
		e := d.What
		w.now = d.At
		switch {
		case e.do != nil:
			e.do()
			continue
		case e.in.Kind == impl.TimerFired:
			if w.timers[e.node][soakTimer{e.in.Layer, e.in.Num}] != d.Number {
				continue
			}
		}
		w.step(e.node, e.in)
	}
}

func (w *soak) step(n spec.NodeID, in impl.Input) {
	in.Now = w.now
	w.out.Reset()
	w.nodes[n].Step(in, w.out)
	for i := range w.out.List {
		switch e := &w.out.List[i]; e.Kind {
		case impl.Down:
			w.transmit(n, e.To, e.Body)
		case impl.SetTimer:
			w.timers[n][soakTimer{e.Layer, e.Num}] = w.at(e.At, soakEvent{node: n,
				in: impl.Input{Kind: impl.TimerFired, Layer: e.Layer, Num: e.Num}})
		case impl.StopTimer:
			delete(w.timers[n], soakTimer{e.Layer, e.Num})
		case impl.Up:
			k := fmt.Sprintf("%d to %d", e.From, e.To)
			w.delivered[n][k] = append(w.delivered[n][k], string(e.Body))
		case impl.Acknowledge:
			w.acked[e.Ref]++
		case impl.Suspect, impl.Trust:
			w.upward = append(w.upward, fmt.Sprintf("%d: %s", n, impltest.Effect(e)))
		}
	}
}

func (w *soak) transmit(from, to spec.NodeID, body []byte) {
	if from != to {
		w.packets++
		if body[len(body)-5] == 1 {
			w.opened++
		}
	}
	w.Carry(from, to, w.now, body, func(after time.Duration, body []byte) {
		w.at(w.now+spec.Time(after), soakEvent{node: to, in: impl.Input{Kind: impl.Packet, From: from, To: to, Body: body}})
	})
}

// Through losses, duplicates, changed bytes and cuts shorter than TL, every message arrives everywhere, once and in the
// order sent, and every send is acknowledged.
func TestTCPSoak(t *testing.T) {
	reconnected := 0
	for seed := range uint64(60) {
		mss := []int{1400, 100, 30}[seed%3]
		w := newSoak(3+int(seed%2), seed, overStream(mss))
		r := w.Rough(seed, len(w.nodes))
		want := make([]map[string][]string, len(w.nodes))
		for n := range want {
			want[n] = map[string][]string{}
		}
		const sends = 60
		for i := range impl.Ref(sends) {
			n := impltest.Node(r.IntN(len(w.nodes)))
			to := impl.Everyone
			if r.Chance(.3) {
				to = impltest.Node(r.IntN(len(w.nodes)))
			}
			size := r.IntN(60)
			if r.Chance(.2) {
				size = r.IntN(4000)
			}
			body := fmt.Sprintf("%d:%s", i, strings.Repeat("x", size))
			w.at(spec.Time(r.IntN(int(1200*time.Millisecond))), soakEvent{do: func() {
				for at := range want {
					if to == impl.Everyone || to == impltest.Node(at) {
						k := fmt.Sprintf("%d to %d", n, to)
						want[at][k] = append(want[at][k], body)
					}
				}
				w.step(n, impl.Input{Kind: impl.Send, To: to, Body: []byte(body), Ref: i + 1})
			}})
		}
		w.run(spec.Time(30 * time.Second))
		for n := range want {
			for k, bodies := range want[n] {
				if got := w.delivered[n][k]; !slices.Equal(got, bodies) {
					t.Fatalf("seed %d: node %d delivered of %s\n%.300q, want\n%.300q", seed, n, k, got, bodies)
				}
				delete(w.delivered[n], k)
			}
			if len(w.delivered[n]) > 0 {
				t.Fatalf("seed %d: node %d delivered %.300q, which nobody sent", seed, n, w.delivered[n])
			}
		}
		for i := range impl.Ref(sends) {
			if w.acked[i+1] != 1 {
				t.Errorf("seed %d: send %d was acknowledged %d times", seed, i+1, w.acked[i+1])
			}
		}
		if len(w.upward) > 0 {
			t.Errorf("seed %d: %q", seed, w.upward)
		}
		if w.agenda.Len() > 0 {
			t.Errorf("seed %d: %d things are still to happen", seed, w.agenda.Len())
		}
		reconnected += w.opened - len(w.nodes)*(len(w.nodes)-1)
	}
	if reconnected < 100 {
		t.Errorf("only %d handshakes more than there are pairs", reconnected)
	}
}
