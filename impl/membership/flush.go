package membership

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Flush is the end of a view above a level that has no flush of its own (virtual synchrony, Birman & Joseph, 1987):
// those who come along from the view agree on what has been delivered in it.
//
//	on block, toward the next view:  send nothing new; deliver nothing more
//	                                 multicast a marker: what I have sent in this view, and what I have delivered of each
//	on the markers of all that flush: deliver what has come and is on some marker
//	when all that is on one is delivered here: accept the block
//	on the next view:                discard what has come and is on none, hand the view on
//
// It repairs nothing. What is on a marker comes by the level below, if that promises agreement: what one of those who
// flush has delivered, all get. Where it promises less something may never come; then, half of TL after the block, what
// has come is delivered and the block accepted: who comes along may differ by it.
//
// Those who flush are in the block's view as Came; also one that leaves, so that what it has sent is not lost. When the
// change is called off by an unblock, what has come is delivered.
//
// Its place is right under the gate, above the ordering: a marker comes in the order of its sender's messages.
type Flush struct {
	Rules FlushRules

	cfg     impl.Config
	view    spec.ViewID
	in      bool // a member of it
	sent    uint64
	had     []numberRuns // by node: what was delivered of its messages in this view
	markers []flushMarker
	toward  flushToward
	held    []flushHeld
	up      []impl.Effect // upward effects come last
}

// FlushRules are the rules of the promise.
type FlushRules struct {
	Flushes func(cfg *impl.Config) bool       // whether there is anything to wait for
	Agreed  func(onSomeMarker bool) bool      // whether what has come is delivered at the end of the view
	Awaits  func(flusher, n spec.NodeID) bool // whether its marker is waited for
}

// flushToward is the block that is under way.
type flushToward struct {
	view  spec.ViewID
	who   []spec.NodeID
	ref   impl.Ref
	under bool
	over  bool // accepted
	lossy bool // … though not all has come
}

type flushMarker struct {
	view spec.ViewID // the next
	had  []numberRuns
}

type flushHeld struct {
	up impl.Effect
	n  uint64
}

// NewFlush makes the layer of one node.
func NewFlush(cfg impl.Config) *Flush {
	return &Flush{cfg: cfg, Rules: FlushRules{
		Flushes: func(*impl.Config) bool { return true },
		Agreed:  func(on bool) bool { return on },
		Awaits:  func(_, _ spec.NodeID) bool { return true },
	}}
}

// Step implements [impl.Layer].
func (l *Flush) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		*l = Flush{Rules: l.Rules, cfg: l.cfg, had: make([]numberRuns, l.cfg.Nodes), markers: make([]flushMarker, l.cfg.Nodes)}
	case in.Kind == impl.Send && in.To == impl.Everyone:
		l.sent++
		in.Body = sealFlush(out, in.Body, l.sent, flushData)
		out.Pass(in)
	case in.Kind == impl.Packet && in.To == impl.Everyone:
		l.receive(in, out)
	case in.Kind == impl.Blocked && in.View != nil && in.Ref != 0:
		l.block(in, out)
	case in.Kind == impl.Unblocked:
		l.resume(out)
		l.up = append(l.up, impl.Effect{Kind: impl.Unblock})
	case in.Kind == impl.ViewChanged:
		l.change(in.View, out)
		out.Pass(in)
	case in.Kind == impl.TimerFired:
		l.giveUp(out)
	default:
		out.Pass(in)
	}
	for i := range l.up {
		out.Add(l.up[i])
	}
	clear(l.up)
	l.up = l.up[:0]
}

func (l *Flush) receive(in impl.Input, out *impl.Effects) {
	body, n, kind, ok := openFlush(in.Body)
	if !ok || in.From < 0 || int(in.From) >= len(l.had) {
		out.Accept(in.Ref)
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	in.Body = body
	switch {
	case kind == flushMark:
		out.Accept(in.Ref)
		l.mark(in.From, body, out)
	case l.toward.under && !l.toward.lossy:
		l.held = append(l.held, flushHeld{upOf(in), n})
		l.proceed(out)
	default:
		l.had[in.From].add(n)
		l.up = append(l.up, upOf(in))
	}
}

// block begins the end of the view, or begins it again toward another one.
func (l *Flush) block(in impl.Input, out *impl.Effects) {
	v := in.View
	if l.toward.under && v.ID.Compare(l.toward.view) <= 0 {
		out.Note(impl.Stale, v.ID.Epoch, 0)
		return
	}
	l.up = append(l.up, impl.Effect{Kind: impl.Block})
	if !l.in || !slices.Contains(v.Came, l.cfg.Self) || !l.Rules.Flushes(&l.cfg) {
		out.Accept(in.Ref)
		return
	}
	l.toward = flushToward{view: v.ID, who: slices.Clone(v.Came), ref: in.Ref, under: true}
	out.Down(impl.Everyone, sealFlush(out, l.marker(), 0, flushMark), 0)
	out.SetTimer(0, in.Now+spec.Time(l.cfg.TL/2))
	l.proceed(out)
}

// marker tells what this node has sent and delivered.
func (l *Flush) marker() []byte {
	b := appendViewID(nil, l.toward.view)
	for n := range l.had {
		r := l.had[n]
		if spec.NodeID(n) == l.cfg.Self && l.sent > 0 {
			r = numberRuns{{1, l.sent}}
		}
		b = r.append(b)
	}
	return b
}

func (l *Flush) mark(from spec.NodeID, b []byte, out *impl.Effects) {
	r := newsReader{b: b, nodes: l.cfg.Nodes}
	m := flushMarker{view: r.viewID(), had: make([]numberRuns, l.cfg.Nodes)}
	for n := range m.had {
		m.had[n] = readRuns(&r)
	}
	if r.bad || len(r.b) > 0 {
		out.Note(impl.Malformed, uint64(from), uint64(len(b)))
		return
	}
	if m.view.Compare(l.markers[from].view) > 0 {
		l.markers[from] = m
		l.proceed(out)
	}
}

// proceed delivers what is on a marker when all are here, and accepts when all that is on one has been delivered.
func (l *Flush) proceed(out *impl.Effects) {
	if !l.toward.under || l.toward.over {
		return
	}
	for _, n := range l.toward.who {
		if l.Rules.Awaits(l.cfg.Self, n) && l.markers[n].view != l.toward.view {
			return
		}
	}
	l.deliver(func(from spec.NodeID, n uint64) bool {
		on := slices.ContainsFunc(l.toward.who, func(m spec.NodeID) bool {
			return l.markers[m].view == l.toward.view && l.markers[m].had[from].has(n)
		})
		return l.Rules.Agreed(on)
	})
	for _, m := range l.toward.who {
		for n := range l.had {
			if l.markers[m].view == l.toward.view && !l.had[n].hasAll(l.markers[m].had[n]) && l.Rules.Agreed(true) {
				return
			}
		}
	}
	l.toward.over = true
	out.StopTimer(0)
	out.Accept(l.toward.ref)
}

// deliver hands up what is held and wanted, in the order in which it came.
func (l *Flush) deliver(wanted func(from spec.NodeID, n uint64) bool) {
	kept := l.held[:0]
	for _, h := range l.held {
		if !wanted(h.up.From, h.n) {
			kept = append(kept, h)
			continue
		}
		l.had[h.up.From].add(h.n)
		l.up = append(l.up, h.up)
	}
	clear(l.held[len(kept):])
	l.held = kept
}

func all(spec.NodeID, uint64) bool { return true }

// giveUp does not wait any longer for what the level below seems to have lost.
func (l *Flush) giveUp(out *impl.Effects) {
	if l.toward.under && !l.toward.over {
		l.toward.over, l.toward.lossy = true, true
		l.deliver(all)
		out.Accept(l.toward.ref)
	}
}

// resume goes on in the view.
func (l *Flush) resume(out *impl.Effects) {
	if l.toward.under {
		l.toward = flushToward{}
		l.deliver(all)
		out.StopTimer(0)
	}
}

func (l *Flush) change(v *spec.View, out *impl.Effects) {
	for _, h := range l.held {
		out.Accept(h.up.Ref)
		out.Note(impl.Stale, uint64(h.up.From), h.n)
	}
	clear(l.held)
	l.held = l.held[:0]
	if l.toward.under && !l.toward.over {
		out.StopTimer(0)
	}
	l.view, l.in, l.sent, l.toward = v.ID, slices.Contains(v.Members, l.cfg.Self), 0, flushToward{}
	for n := range l.had {
		l.had[n] = l.had[n][:0]
		l.markers[n] = flushMarker{}
	}
}
