package membership

import (
	"encoding/binary"
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// What the gates of a group that comes back from its logs tell each other; see [gateLog].
const (
	gateKept    = 3 // the state of this view is on disk here, and these messages of yours
	gateKeeps   = 4 // which of my messages are, from this number on?
	gateAskLog  = 5
	gateGiveLog = 6
)

// tellKept tells the senders what of theirs is on disk, and when the state is all members that it is.
func (g *Gate) tellKept(out *impl.Effects) {
	l := &g.log
	if !g.member || !g.whole || l.base != g.view.ID || !l.begun {
		return
	}
	if l.begin.Add(g.cfg.Self) && l.told == 0 && g.view.ID.Epoch > 1 {
		for _, m := range g.view.Members {
			if m != g.cfg.Self {
				out.Down(m, g.seal(l.receipt(m, 0, 0, 0), g.view.ID, gateKept, out), 0)
			}
		}
	}
	for end := g.Rules.Kept(l.kept, len(l.msgs)); l.told < end; l.told++ {
		m := &l.msgs[l.told]
		if m.from != g.cfg.Self {
			out.Down(m.from, g.seal(l.receipt(m.from, m.life, l.told, l.told+1), g.view.ID, gateKept, out), 0)
		} else if m.life == l.life {
			l.has(m.n, m.from)
		}
	}
}

// receipt lists some of the messages of a life of a sender.
func (l *gateLog) receipt(from spec.NodeID, life uint32, first, end int) []byte {
	b := binary.AppendUvarint(nil, uint64(life))
	for i := first; i < end; i++ {
		if m := &l.msgs[i]; m.from == from && m.life == life {
			b = binary.AppendUvarint(b, m.n)
		}
	}
	return b
}

// has notes that a member has a message of this node on disk.
func (l *gateLog) has(n uint64, member spec.NodeID) {
	for i := range l.waiting {
		if l.waiting[i].n == n {
			l.waiting[i].has.Add(member)
		}
	}
}

// enter begins to wait for what the members of a view have on disk. Who does not come to it waits no more.
func (l *gateLog) enter(came bool) {
	l.begin.Clear()
	l.given, l.givenRef, l.due, l.gathers = nil, 0, false, false
	if !came {
		l.waiting = l.waiting[:0]
	}
	for i := range l.waiting {
		w := &l.waiting[i]
		w.before = w.before || w.here
		w.has.Clear()
	}
}

// acknowledge acknowledges what all members of the view have on disk.
func (g *Gate) acknowledge(out *impl.Effects) {
	l := &g.log
	kept := l.waiting[:0]
	for i := range l.waiting {
		w := &l.waiting[i]
		all := true
		for _, m := range g.view.Members {
			all = all && (w.has.Has(m) || w.before && l.begin.Has(m))
		}
		if all {
			out.Acknowledge(w.ref)
		} else {
			kept = append(kept, *w)
		}
	}
	clear(l.waiting[len(kept):])
	l.waiting = kept
}

// askKept asks those whose answer is missing.
func (g *Gate) askKept(now spec.Time, out *impl.Effects) {
	l := &g.log
	l.armed = len(l.waiting) > 0
	if !l.armed {
		return
	}
	out.SetTimer(gateAsks, now+spec.Time(g.cfg.TL/4))
	for _, m := range g.view.Members {
		lacks := slices.ContainsFunc(l.waiting, func(w gateWaiting) bool { return !w.has.Has(m) && !(w.before && l.begin.Has(m)) })
		if lacks && m != g.cfg.Self {
			b := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(l.life)), l.waiting[0].n)
			out.Down(m, g.seal(b, g.view.ID, gateKeeps, out), 0)
		}
	}
}

// logLetter takes in what another such gate tells.
func (g *Gate) logLetter(from spec.NodeID, kind byte, v spec.ViewID, body []byte, out *impl.Effects) {
	l := &g.log
	r := newsReader{b: body, nodes: g.cfg.Nodes}
	current := g.member && v == g.view.ID && slices.Contains(g.view.Members, from)
	switch {
	case !current:
		out.Note(impl.Stale, uint64(from), v.Epoch)
	case kind == gateKept:
		l.begin.Add(from)
		for life := uint32(r.number()); len(r.b) > 0 && !r.bad; {
			if n := r.number(); !r.bad && life == l.life {
				l.has(n, from)
			}
		}
		g.acknowledge(out)
	case kind == gateKeeps:
		life, first := uint32(r.number()), r.number()
		if r.bad || !g.whole || l.base != v || !l.begun {
			return
		}
		i := slices.IndexFunc(l.msgs[:l.told], func(m gateMessage) bool { return m.from == from && m.life == life && m.n >= first })
		out.Down(from, g.seal(l.receipt(from, life, max(i, 0), l.told), v, gateKept, out), 0)
	case kind == gateAskLog:
		if l.readable && !g.whole {
			out.Down(from, g.seal(l.pack(), v, gateGiveLog, out), 0)
		}
	case kind == gateGiveLog && l.gathers:
		x := unpack(&r)
		if r.bad {
			out.Note(impl.Malformed, uint64(from), uint64(len(body)))
			return
		}
		l.logs[from] = x
		g.regroup(out)
	}
}

// pack writes the log as another member reads it.
func (l *gateLog) pack() []byte {
	b := appendBytes(appendViewID(nil, l.base), l.state)
	for i := range l.msgs {
		b = appendBytes(binary.AppendUvarint(b, uint64(l.msgs[i].from)), l.msgs[i].body)
	}
	return b
}

func appendBytes(b, p []byte) []byte { return append(binary.AppendUvarint(b, uint64(len(p))), p...) }

func (r *newsReader) bytes() []byte {
	n := r.number()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

func unpack(r *newsReader) gateLogged {
	x := gateLogged{known: true, base: r.viewID(), state: r.bytes()}
	for len(r.b) > 0 && !r.bad {
		from := spec.NodeID(r.number())
		m, ok := messageOf(from, r.bytes())
		r.bad = r.bad || !ok || from < 0 || int(from) >= r.nodes
		x.msgs = append(x.msgs, m)
	}
	return x
}

// gather begins to collect the logs of all members of a view to which nobody has come.
func (g *Gate) gather(out *impl.Effects) {
	l := &g.log
	l.gathers = true
	l.logs = make([]gateLogged, g.cfg.Nodes)
	l.logs[g.cfg.Self] = gateLogged{true, l.base, l.state, l.msgs}
	g.askLogs(out)
	g.regroup(out)
}

func (g *Gate) askLogs(out *impl.Effects) {
	for _, m := range g.view.Members {
		if !g.log.logs[m].known {
			out.Down(m, g.seal(nil, g.view.ID, gateAskLog, out), 0)
		}
	}
}

// regroup makes one state of the logs, when all are here.
func (g *Gate) regroup(out *impl.Effects) {
	l := &g.log
	var logs []gateLogged
	var newest spec.ViewID
	for _, m := range g.view.Members {
		x := l.logs[m]
		if !x.known && g.Rules.Gathers(&g.cfg, m) {
			return
		}
		if x.known && g.Rules.Gathers(&g.cfg, m) {
			logs = append(logs, x)
			if x.base.Compare(newest) > 0 {
				newest = x.base
			}
		}
	}
	l.gathers = false
	logs = slices.DeleteFunc(logs, func(x gateLogged) bool { return x.base != newest })
	slices.SortStableFunc(logs, func(a, b gateLogged) int { return len(b.msgs) - len(a.msgs) })
	g.state.Load(logs[0].state)
	var all []gateMessage
	for _, x := range logs {
		for i := range x.msgs {
			if m := &x.msgs[i]; g.Rules.Replays() && !holds(all, m) {
				all = append(all, *m)
				body, _, _ := impl.Cut(m.body, gateHead)
				g.state.Deliver(m.from, body)
			}
		}
	}
	clear(l.logs)
	g.arrive(g.state.Save(nil), out)
}

// arrive takes in the state of the group: at once, or when it is on disk.
func (g *Gate) arrive(state []byte, out *impl.Effects) {
	if !g.logs {
		g.restore(state, out)
		return
	}
	l := &g.log
	if l.givenRef != 0 {
		return
	}
	g.checkpoint(g.view.ID, state, out)
	l.given, l.givenRef = l.state, l.last
}
