package membership

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// InView keeps views apart for the ordering above it: what was sent in a view is handed up in that view, and nowhere
// else (sending view delivery, Chockler, Keidar, Vitenberg, 2001). So an ordering can begin its numbers anew in each.
//
//	to multicast m in view v:  multicast ⟨m, v⟩
//	on receiving ⟨m, v⟩:        v is my view: hand m up; v is newer: keep m until v comes; v is older: discard m
//
// It stands above the level of reliability, so that what that level sends again or relays keeps the view of its sender.
// A block with a view that has no members says that the group is no more, or that this node has gone: then nothing is
// handed up before the next view.
type InView struct {
	Rules InViewRules

	cfg   impl.Config
	view  spec.ViewID
	out   bool // no member, or not yet
	early []earlyMessage
}

// InViewRules are the rules of the promise.
type InViewRules struct {
	Discards func(order int) bool // whether what was sent in a view is discarded here; order: of that view against this one
	Keeps    func(order int) bool // … and whether it is kept until that view is here
}

type earlyMessage struct {
	view spec.ViewID
	up   impl.Effect
}

// NewInView makes the layer of one node.
func NewInView(cfg impl.Config) *InView {
	return &InView{cfg: cfg, Rules: InViewRules{Discards: func(order int) bool { return order < 0 }, Keeps: func(order int) bool { return order > 0 }}}
}

const (
	inViewHeader = 8 + 8
	maxEarly     = 1 << 12 // a view comes long before so much that was sent in it
)

// Step implements [impl.Layer].
func (l *InView) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		*l = InView{Rules: l.Rules, cfg: l.cfg, early: l.early[:0], out: true}
	case in.Kind == impl.Send && in.To == impl.Everyone:
		b := out.Extend(in.Body, inViewHeader)
		h := b[len(in.Body):]
		binary.LittleEndian.PutUint64(h, l.view.Epoch)
		if l.view.HasNode {
			binary.LittleEndian.PutUint64(h[8:], l.view.Node+1)
		}
		in.Body = b
		out.Pass(in)
	case in.Kind == impl.Packet && in.To == impl.Everyone:
		l.receive(in, out)
	case in.Kind == impl.ViewChanged:
		l.view, l.out = in.View.ID, false
		out.Pass(in)
		if !in.Flag {
			l.release(out)
		}
	case in.Kind == impl.Blocked && in.View != nil && len(in.View.Members) == 0 && in.Ref == 0:
		l.out = true
		out.Pass(in)
	default:
		out.Pass(in)
	}
}

func (l *InView) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.Cut(in.Body, inViewHeader)
	if !ok {
		out.Accept(in.Ref)
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	v := spec.ViewID{Epoch: binary.LittleEndian.Uint64(h)}
	if n := binary.LittleEndian.Uint64(h[8:]); n > 0 {
		v.Node, v.HasNode = n-1, true
	}
	in.Body = body
	order := v.Compare(l.view)
	switch {
	case l.Rules.Discards(order) || order == 0 && l.out:
		out.Accept(in.Ref)
		out.Note(impl.Stale, uint64(in.From), v.Epoch)
	case !l.Rules.Keeps(order):
		out.Pass(in)
	case len(l.early) >= maxEarly:
		out.Accept(in.Ref)
		out.Note(impl.Overflow, uint64(in.From), v.Epoch)
	default:
		l.early = append(l.early, earlyMessage{v, upOf(in)})
		out.Note(impl.HeldBack, uint64(in.From), v.Epoch)
	}
}

// upOf hands a packet up later.
func upOf(in impl.Input) impl.Effect {
	return impl.Effect{Kind: impl.Up, From: in.From, To: in.To, Body: in.Body, Num: in.Num, Flag: in.Flag, Ref: in.Ref}
}

// release hands up what was sent in the view that has come, in the order of arrival.
func (l *InView) release(out *impl.Effects) {
	kept := l.early[:0]
	for _, m := range l.early {
		switch order := m.view.Compare(l.view); {
		case order == 0:
			out.Add(m.up)
		case order > 0:
			kept = append(kept, m)
		}
	}
	clear(l.early[len(kept):])
	l.early = kept
}
