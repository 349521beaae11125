package membership

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// What a [Gate] holds back, and what bounds it: messages of the view wait for the state that they come after. While others
// may wait for it a member sends so many messages and no more: what is beyond is refused with overflow, until those who came
// in have said that they have the state. They are asked only then, so that nobody pays who sends less. A node holds back no
// more than twice that of every node, for one that comes back begins to count anew; what is beyond comes of nobody that
// keeps to this, and is discarded with overflow.
type gateWindow struct {
	places int
	sent   int          // while somebody is waited for
	waits  impl.NodeSet // who came in, and has not said that it has the state
	askers impl.NodeSet // who want to hear it of this node
}

// GateWindow is how many messages a member sends while others wait for the state, unless [Gate.SetWindow] says otherwise.
const GateWindow = 1 << 16

// The kinds of letters about it; see [gateState].
const (
	gateAskWhole = 7 // have you the state of this view?
	gateIsWhole  = 8
)

// SetWindow sets how many messages a member sends while others wait for the state: 1 at least.
func (g *Gate) SetWindow(places int) { g.window.places = max(1, places) }

// Held implements [impl.Holder].
func (g *Gate) Held() (n int) {
	for i := range g.held {
		if g.held[i].Kind == impl.Up {
			n++
		}
	}
	return n
}

var _ impl.Holder = (*Gate)(nil)

// hold keeps a message until the state is here.
func (g *Gate) hold(in impl.Input, out *impl.Effects) {
	if !g.Rules.Room(len(g.held), 2*g.window.places*g.cfg.Nodes+1) { // one for the view
		out.Accept(in.Ref)
		out.Note(impl.Overflow, uint64(in.From), in.Num)
		return
	}
	g.held = append(g.held, upOf(in))
	out.Note(impl.HeldBack, uint64(in.From), in.Num)
}

// full counts a message, and says whether there is no place for it where others wait.
func (g *Gate) full() bool {
	w := &g.window
	if w.waits.Len() == 0 {
		return false
	}
	if w.sent >= w.places {
		return true
	}
	w.sent++
	return false
}

// expect takes in who begins to wait with a view, before it is the one of this node.
func (g *Gate) expect(v *spec.View) {
	w := &g.window
	if v.Came != nil {
		w.waits.Clear()
	}
	for n := w.waits.Next(0); n >= 0; n = w.waits.Next(n + 1) {
		if !slices.Contains(v.Members, n) {
			w.waits.Remove(n)
		}
	}
	for _, m := range v.Members {
		if m != g.cfg.Self && (v.Came != nil && !slices.Contains(v.Came, m) || v.Came == nil && !slices.Contains(g.view.Members, m)) {
			w.waits.Add(m)
		}
	}
	if w.waits.Len() == 0 {
		w.sent = 0
	}
}

// askWhole asks those who are waited for whether they have the state.
func (g *Gate) askWhole(out *impl.Effects) {
	for n := g.window.waits.Next(0); n >= 0; n = g.window.waits.Next(n + 1) {
		out.Down(n, g.seal(nil, g.view.ID, gateAskWhole, out), 0)
	}
}

// sayWhole answers those who have asked too early.
func (g *Gate) sayWhole(out *impl.Effects) {
	for n := g.window.askers.Next(0); n >= 0; n = g.window.askers.Next(n + 1) {
		out.Down(n, g.seal(nil, g.view.ID, gateIsWhole, out), 0)
	}
	g.window.askers.Clear()
}

// wholeLetter takes in a question, or its answer. Where nobody says who comes along there is no state to wait for, and the
// ids of views are each node's own.
func (g *Gate) wholeLetter(from spec.NodeID, kind byte, id spec.ViewID, out *impl.Effects) {
	w, own := &g.window, g.view.Came == nil
	switch {
	case kind == gateAskWhole && g.member && g.whole && (own || id.Compare(g.view.ID) <= 0):
		out.Down(from, g.seal(nil, id, gateIsWhole, out), 0)
	case kind == gateAskWhole:
		w.askers.Add(from)
	case own || id == g.view.ID:
		w.waits.Remove(from)
		if w.waits.Len() == 0 {
			w.sent = 0
		}
	}
}
