package membership

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// give sends the state to those who came in.
func (g *Gate) give(out *impl.Effects) {
	if !g.member || !g.whole {
		return
	}
	for _, m := range g.view.Members {
		if !slices.Contains(g.view.Came, m) {
			out.Down(m, g.seal(g.saved, g.view.ID, gateState, out), 0)
		}
	}
}

// eldest gives the member that sends the state without being asked.
func (g *Gate) eldest() spec.NodeID {
	if len(g.view.Came) == 0 {
		return -1
	}
	return g.view.Came[0]
}

func (g *Gate) seal(b []byte, v spec.ViewID, kind byte, out *impl.Effects) []byte {
	head := appendViewID(nil, v)
	p := out.Alloc(len(b) + len(head) + 2)
	copy(p[copy(p, b):], head)
	p[len(p)-2], p[len(p)-1] = byte(len(head)), kind
	return p
}

// letter takes in what is to this node alone.
func (g *Gate) letter(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.Cut(in.Body, 1)
	if ok && h[0] == gatePassing {
		in.Body = body
		out.Pass(in)
		return
	}
	out.Accept(in.Ref)
	var n, head []byte
	if ok {
		if body, n, ok = impl.Cut(body, 1); ok {
			body, head, ok = impl.Cut(body, int(n[0]))
		}
	}
	r := newsReader{b: head, nodes: g.cfg.Nodes}
	id := r.viewID()
	if !ok || r.bad || len(r.b) > 0 || h[0] > gateAsk && h[0] <= gateGiveLog && !g.logs || h[0] > gateIsWhole || in.From < 0 || int(in.From) >= g.cfg.Nodes {
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	waits := g.member && !g.whole && id == g.view.ID
	switch {
	case h[0] == gateAsk && id == g.view.ID && g.member && g.whole:
		out.Down(in.From, g.seal(g.saved, id, gateState, out), 0)
	case h[0] > gateGiveLog:
		g.wholeLetter(in.From, h[0], id, out)
	case h[0] > gateAsk:
		g.logLetter(in.From, h[0], id, body, out)
	case h[0] == gateState && waits:
		g.arrive(body, out)
	case h[0] == gateState && id.Compare(g.view.ID) > 0:
		g.early = earlyState{id, body}
	}
}

// ask asks the next member for the state.
func (g *Gate) ask(now spec.Time, out *impl.Effects) {
	if !g.member || g.whole || !g.Rules.Repeats() {
		return
	}
	if g.log.gathers {
		g.askLogs(out)
		out.SetTimer(0, now+spec.Time(g.cfg.TL/8))
		return
	}
	for range g.view.Members {
		m := g.view.Members[g.next%len(g.view.Members)]
		g.next++
		if m != g.cfg.Self {
			out.Down(m, g.seal(nil, g.view.ID, gateAsk, out), 0)
			break
		}
	}
	out.SetTimer(0, now+spec.Time(g.cfg.TL/8))
}

// restore gives the application the state, and lets through what has waited for it.
func (g *Gate) restore(state []byte, out *impl.Effects) {
	g.whole = true
	g.state.Load(state)
	g.saved = g.Rules.Snapshot(g.state.Save(nil))
	out.Accept(gateWhole)
	g.sayWhole(out)
	g.absorb(1, out)
	out.Add(g.held[0]) // the view
	out.Finish(impl.RestoreRef, state)
	g.release(1, out)
	g.tellBlocked(out)
}

// absorb takes what has waited into the state, from this on.
func (g *Gate) absorb(first int, out *impl.Effects) {
	for i := first; i < len(g.held); i++ {
		if e := &g.held[i]; e.Kind == impl.Up {
			e.Body = g.deliver(e.From, e.Body, out)
		}
	}
}

// release lets through what has waited, from this on.
func (g *Gate) release(first int, out *impl.Effects) {
	for _, e := range g.held[first:] {
		out.Add(e)
	}
	clear(g.held)
	g.held = g.held[:0]
}
