package impltest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Figure is a few nodes whose packets the reader of a test moves by hand. It writes down everything that happens.
type Figure struct {
	TS, TL time.Duration

	layers    []impl.Layer
	newLayer  func(impl.Config) impl.Layer
	out       *impl.Effects
	flying    []move
	timers    []map[timerKey]spec.Time
	crashed   []bool
	delivered [][]string
	now       spec.Time
	text      strings.Builder
	leftover  int // effects that may still leave before a crash; negative: no crash is near
}

// move is a packet on its way between two nodes.
type move struct {
	from, at, to spec.NodeID
	body         []byte
}

// FigureOption changes what the nodes of a figure are told.
type FigureOption func(*impl.Config)

// NewFigure starts the nodes 0 to n-1, all members of one group, all ready.
func NewFigure(n int, newLayer func(impl.Config) impl.Layer, opts ...FigureOption) *Figure {
	f := &Figure{newLayer: newLayer, out: impl.NewEffects(&impl.Arena{Forget: true}), leftover: -1,
		crashed: make([]bool, n), delivered: make([][]string, n), TS: 30 * time.Millisecond, TL: 100 * time.Millisecond}
	var members []spec.NodeID
	for i := range n {
		members = append(members, spec.NodeID(i))
		f.timers = append(f.timers, map[timerKey]spec.Time{})
	}
	for i := range n {
		cfg := impl.Config{Self: spec.NodeID(i), Nodes: n, Members: members, Closed: true, TS: f.TS, TL: f.TL}
		for _, opt := range opts {
			opt(&cfg)
		}
		f.layers = append(f.layers, newLayer(cfg))
	}
	for i := range n {
		f.quiet(spec.NodeID(i), impl.Input{Kind: impl.Start})
		f.quiet(spec.NodeID(i), impl.Input{Kind: impl.Ready})
	}
	return f
}

// String gives everything that has happened.
func (f *Figure) String() string { return f.text.String() }

// Say writes a remark between what happens.
func (f *Figure) Say(format string, args ...any) {
	fmt.Fprintf(&f.text, "\n# %s\n", fmt.Sprintf(format, args...))
}

// Delivered gives the bodies that a node has delivered, in order.
func (f *Figure) Delivered(n spec.NodeID) []string { return f.delivered[n] }

// Give hands a node any input.
func (f *Figure) Give(n spec.NodeID, in impl.Input) { f.step(n, in) }

// Send lets a node send.
func (f *Figure) Send(n, to spec.NodeID, body string, ref impl.Ref) {
	f.step(n, impl.Input{Kind: impl.Send, To: to, Body: []byte(body), Ref: ref})
}

// Has says whether a packet flies between two nodes.
func (f *Figure) Has(from, to spec.NodeID) bool { return f.oldest(from, to) >= 0 }

func (f *Figure) oldest(from, at spec.NodeID) int {
	return slices.IndexFunc(f.flying, func(m move) bool { return m.from == from && m.at == at })
}

// Take lets the oldest packet between two nodes arrive.
func (f *Figure) Take(from, to spec.NodeID) { f.TakeUpTo(from, to, -1) }

// TakeUpTo lets the oldest packet between two nodes arrive; of what then leaves the receiver only the first k effects
// happen. It says whether that was all.
func (f *Figure) TakeUpTo(from, to spec.NodeID, k int) (all bool) {
	i := f.oldest(from, to)
	if i < 0 {
		panic(fmt.Sprintf("impltest: no packet flies from %d to %d:\n%s", from, to, f))
	}
	m := f.flying[i]
	f.flying = slices.Delete(f.flying, i, i+1)
	f.leftover = k
	f.step(to, impl.Input{Kind: impl.Packet, From: m.from, To: m.to, Body: m.body})
	all = f.leftover != 0 || k < 0
	f.leftover = -1
	return all
}

// Again lets a copy of the oldest packet between two nodes arrive and leaves it where it is; change may alter its bytes.
func (f *Figure) Again(from, to spec.NodeID, change func([]byte)) {
	m := f.flying[f.oldest(from, to)]
	body := slices.Clone(m.body)
	if change != nil {
		change(body)
	}
	f.step(to, impl.Input{Kind: impl.Packet, From: m.from, To: m.to, Body: body})
}

// Lose loses the oldest packet between two nodes.
func (f *Figure) Lose(from, to spec.NodeID) {
	i := f.oldest(from, to)
	fmt.Fprintf(&f.text, "lost: %d → %d\n", from, to)
	f.flying = slices.Delete(f.flying, i, i+1)
}

// Hold keeps the oldest packet between two nodes back, while others overtake it; what it gives lets it arrive.
func (f *Figure) Hold(from, to spec.NodeID) (arrive func()) {
	i := f.oldest(from, to)
	m := f.flying[i]
	f.flying = slices.Delete(f.flying, i, i+1)
	fmt.Fprintf(&f.text, "slow: %d → %d\n", from, to)
	return func() { f.step(to, impl.Input{Kind: impl.Packet, From: m.from, To: m.to, Body: m.body}) }
}

// LoseAllBut loses every packet but those between these two.
func (f *Figure) LoseAllBut(from, to spec.NodeID) {
	f.flying = slices.DeleteFunc(f.flying, func(m move) bool { return m.from != from || m.at != to })
	fmt.Fprintf(&f.text, "lost: all but %d → %d\n", from, to)
}

// Crash stops a node. What it has sent still arrives, but for what it sent to itself.
func (f *Figure) Crash(n spec.NodeID) {
	f.crashed[n] = true
	clear(f.timers[n])
	fmt.Fprintf(&f.text, "%d crashes\n", n)
}

// Drain lets all packets arrive, oldest first, until none flies.
func (f *Figure) Drain() {
	for k := 0; len(f.flying) > 0; k++ {
		if k == 10_000 {
			panic("impltest: packets without end")
		}
		f.Take(f.flying[0].from, f.flying[0].at)
	}
}

// Wait lets time pass, and the timers that are due fire, in the order of their times.
func (f *Figure) Wait(d time.Duration) {
	end := f.now + spec.Time(d)
	for {
		node, key, at := spec.NodeID(-1), timerKey{}, end+1
		for n := range f.timers {
			for k, t := range f.timers[n] {
				if t < at || t == at && node == spec.NodeID(n) && (k.layer < key.layer || k.layer == key.layer && k.id < key.id) {
					node, key, at = spec.NodeID(n), k, t
				}
			}
		}
		if node < 0 {
			break
		}
		f.now = max(f.now, at)
		delete(f.timers[node], key)
		f.step(node, impl.Input{Kind: impl.TimerFired, Layer: key.layer, Num: key.id})
	}
	f.now = end
}

// step lets a node take an input, and writes both down.
func (f *Figure) step(n spec.NodeID, in impl.Input) {
	if f.crashed[n] {
		return
	}
	fmt.Fprintf(&f.text, "%v %d: %s\n", clock(f.now), n, Input(in))
	f.quiet(n, in)
}

func (f *Figure) quiet(n spec.NodeID, in impl.Input) {
	in.Now = f.now
	f.out.Reset()
	f.layers[n].Step(in, f.out)
	for i := range f.out.List {
		if f.leftover == 0 {
			return
		}
		f.leftover--
		f.carry(n, &f.out.List[i])
	}
	if f.leftover == 0 { // all effects happened, and no more were allowed
		f.leftover = 1
	}
}

func (f *Figure) carry(n spec.NodeID, e *impl.Effect) {
	fmt.Fprintf(&f.text, "    %s\n", Effect(e))
	switch e.Kind {
	case impl.Down:
		for at := range f.layers {
			if e.To == spec.NodeID(at) || e.To == impl.Everyone {
				f.flying = append(f.flying, move{n, spec.NodeID(at), e.To, e.Body})
			}
		}
	case impl.SetTimer:
		f.timers[n][timerKey{e.Layer, e.Num}] = e.At
	case impl.StopTimer:
		delete(f.timers[n], timerKey{e.Layer, e.Num})
	case impl.Up:
		f.delivered[n] = append(f.delivered[n], string(e.Body))
	}
}

// Node gives the id of the n-th node.
func Node(n int) spec.NodeID { return spec.NodeID(n) }
