package reliability_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/spec"
)

// ackWorld is a few nodes, a clock, and links that delay, lose, double and change packets and are cut for a while.
// Nodes may crash and come back without a memory. It knows who has to deliver what.
type ackWorld struct {
	cfgs   []impl.Config
	make   func(impl.Config) impl.Layer
	nodes  []impl.Layer
	lives  []uint64 // incarnations
	up     []bool
	steady []bool // never crashed
	out    *impl.Effects
	rand   spec.Rand
	now    spec.Time
	agenda impltest.Agenda[ackEvent]
	timers []map[uint64]int

	loss, double, corrupt float64
	cut                   func(from, to spec.NodeID, now spec.Time) bool
	sees                  func(body []byte)

	sends     []ackSend
	delivered [][]string // of the present life
	suspected []string
	bare      int
	packets   int
}

type ackSend struct {
	from, to spec.NodeID
	body     string
	life     uint64
	wanted   bool // an acknowledgement
	acked    int
	refused  bool
}

type ackEvent struct {
	node spec.NodeID
	life uint64
	in   impl.Input
	do   func()
}

const ackTS, ackTL = 30 * time.Millisecond, 600 * time.Millisecond

func newAckWorld(n int, seed uint64, newLayer func(impl.Config) impl.Layer, opts ...func(*impl.Config)) *ackWorld {
	w := &ackWorld{make: newLayer, out: impl.NewEffects(&impl.Arena{Forget: true}), rand: spec.NewRand(seed, 7)}
	var members []spec.NodeID
	for i := range n {
		members = append(members, impltest.Node(i))
	}
	for i := range n {
		cfg := impl.Config{Self: impltest.Node(i), Nodes: n, Members: members, Seed: seed<<8 + uint64(i), TS: ackTS, TL: ackTL}
		for _, opt := range opts {
			opt(&cfg)
		}
		w.cfgs = append(w.cfgs, cfg)
	}
	w.nodes, w.lives, w.up = make([]impl.Layer, n), make([]uint64, n), make([]bool, n)
	w.steady, w.timers, w.delivered = make([]bool, n), make([]map[uint64]int, n), make([][]string, n)
	for i := range n {
		w.steady[i] = true
		w.start(impltest.Node(i))
	}
	return w
}

func (w *ackWorld) start(n spec.NodeID) {
	w.nodes[n], w.up[n], w.timers[n], w.delivered[n] = w.make(w.cfgs[n]), true, map[uint64]int{}, nil
	w.step(n, impl.Input{Kind: impl.Start, Num: w.lives[n]})
	w.step(n, impl.Input{Kind: impl.Ready})
}

func (w *ackWorld) crash(n spec.NodeID) {
	w.up[n], w.steady[n] = false, false
	w.lives[n]++
}

// send lets a node send, if it is up.
func (w *ackWorld) send(n, to spec.NodeID, body string, wanted bool) {
	if !w.up[n] {
		return
	}
	body = fmt.Sprintf("%d:%s", len(w.sends), body)
	w.sends = append(w.sends, ackSend{from: n, to: to, body: body, life: w.lives[n], wanted: wanted})
	in := impl.Input{Kind: impl.Send, To: to, Body: []byte(body)}
	if wanted {
		in.Ref = impl.Ref(len(w.sends))
	}
	w.step(n, in)
}

func (w *ackWorld) at(t spec.Time, e ackEvent) int { return w.agenda.Put(t, e) }

func (w *ackWorld) after(d time.Duration, do func()) { w.at(w.now+spec.Time(d), ackEvent{do: do}) }

// run lets everything happen that is to happen within a time.
func (w *ackWorld) run(d time.Duration) {
	until := w.now + spec.Time(d)
	for d, ok := w.agenda.Next(until); ok; d, ok = w.agenda.Next(until) {
		e := d.What
		w.now = d.At
		switch {
		case e.do != nil:
			e.do()
		case !w.up[e.node], e.in.Kind == impl.TimerFired && (e.life != w.lives[e.node] || w.timers[e.node][e.in.Num] != d.Number):
		default:
			w.step(e.node, e.in)
		}
	}
	w.now = until
}

func (w *ackWorld) step(n spec.NodeID, in impl.Input) {
	in.Now = w.now
	w.out.Reset()
	w.nodes[n].Step(in, w.out)
	for i := range w.out.List {
		switch e := &w.out.List[i]; e.Kind {
		case impl.Down:
			if e.Code == impl.BareAck {
				w.bare++
			}
			for to := range w.nodes {
				if e.To == impltest.Node(to) || e.To == impl.Everyone && w.cfgs[n].Index(impltest.Node(to)) >= 0 {
					w.transmit(n, impltest.Node(to), e.To, e.Body)
				}
			}
		case impl.SetTimer:
			w.timers[n][e.Num] = w.at(e.At, ackEvent{node: n, life: w.lives[n], in: impl.Input{Kind: impl.TimerFired, Num: e.Num}})
		case impl.StopTimer:
			delete(w.timers[n], e.Num)
		case impl.Up:
			w.delivered[n] = append(w.delivered[n], fmt.Sprintf("%d>%d %s", e.From, e.To, e.Body))
		case impl.Acknowledge:
			w.sends[e.Ref-1].acked++
		case impl.Refuse:
			w.sends[e.Ref-1].refused = true
		case impl.Suspect:
			w.suspected = append(w.suspected, fmt.Sprintf("%d suspects %d at %v", n, e.From, time.Duration(w.now)))
		}
	}
}

func (w *ackWorld) transmit(from, at, to spec.NodeID, body []byte) {
	if w.sees != nil {
		w.sees(body)
	}
	in := impl.Input{Kind: impl.Packet, From: from, To: to, Body: body}
	if from == at {
		life := w.lives[at]
		w.after(time.Millisecond, func() {
			if w.up[at] && w.lives[at] == life {
				w.step(at, in)
			}
		})
		return
	}
	w.packets++
	if w.rand.Chance(w.loss) || w.cut != nil && w.cut(from, at, w.now) {
		return
	}
	if w.rand.Chance(w.corrupt) {
		in.Body = slices.Clone(body)
		in.Body[w.rand.IntN(len(body))] ^= 0x40
	}
	for copies := 0; copies == 0 || copies == 1 && w.rand.Chance(w.double); copies++ {
		w.at(w.now+spec.Time(time.Millisecond)+spec.Time(w.rand.IntN(int(9*time.Millisecond))), ackEvent{node: at, in: in})
	}
}

// as is how a delivery of a send is written down.
func (s *ackSend) as(body string) string { return fmt.Sprintf("%d>%d %s", s.from, s.to, body) }

func (s *ackSend) concerns(n spec.NodeID) bool { return s.to == impl.Everyone || s.to == n }

// check finds out whether what never-crashed nodes sent was delivered by never-crashed nodes, once, and acknowledged
// once; and that nothing was delivered twice, or by whom it was not for.
func (w *ackWorld) check(t *testing.T, name string) {
	t.Helper()
	count := make([]map[string]int, len(w.nodes))
	for n := range w.nodes {
		count[n] = map[string]int{}
		for _, d := range w.delivered[n] {
			if count[n][d]++; count[n][d] > 1 {
				t.Fatalf("%s: node %d delivered %q twice", name, n, d)
			}
		}
	}
	sent := make([]map[string]bool, len(w.nodes))
	for n := range sent {
		sent[n] = map[string]bool{}
	}
	for i := range w.sends {
		s := &w.sends[i]
		for n := range w.nodes {
			if !s.concerns(impltest.Node(n)) || s.refused {
				continue
			}
			sent[n][s.as(s.body)] = true
			if w.steady[n] && w.steady[s.from] && count[n][s.as(s.body)] == 0 {
				t.Fatalf("%s: node %d never delivered %q", name, n, s.as(s.body))
			}
		}
		reached := s.to == impl.Everyone || w.steady[s.to]
		if s.wanted && w.steady[s.from] && reached && s.acked != 1 || s.acked > 1 {
			t.Fatalf("%s: %q was acknowledged %d times", name, s.as(s.body), s.acked)
		}
	}
	for n := range w.nodes {
		for d := range count[n] {
			if !sent[n][d] {
				t.Fatalf("%s: node %d delivered %q, which nobody sent it", name, n, d)
			}
		}
	}
}

// inOrder finds out whether each node delivered the messages of one sender's life, to the group and to itself, in the
// order in which they were sent, and without gaps.
func (w *ackWorld) inOrder(t *testing.T, name string) {
	t.Helper()
	for n := range w.nodes {
		for from := range w.nodes {
			for _, to := range []spec.NodeID{impl.Everyone, impltest.Node(n)} {
				for life := range w.lives[from] + 1 {
					w.prefix(t, name, impltest.Node(n), impltest.Node(from), to, life)
				}
			}
		}
	}
}

func (w *ackWorld) prefix(t *testing.T, name string, n, from, to spec.NodeID, life uint64) {
	t.Helper()
	var want, got []string
	for i := range w.sends {
		if s := &w.sends[i]; s.from == from && s.to == to && s.life == life && !s.refused {
			want = append(want, s.as(s.body))
		}
	}
	for _, d := range w.delivered[n] {
		if slices.Contains(want, d) {
			got = append(got, d)
		}
	}
	if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
		t.Fatalf("%s: node %d delivered %q, sent was %q", name, n, got, want)
	}
}
