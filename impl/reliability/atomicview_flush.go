package reliability

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// How a view ends (Birman, Schiper, Stephenson, 1991, the flush): the survivors, who are in this view and in the next,
// finish the job of those that leave.
//
//	on block, toward the next view:  send nothing new, and tell nobody any more of what comes
//	                                 send to all the messages here that are not delivered, of those that leave
//	                                 send to all a marker, the list of the messages here that are not delivered
//	when the marker of every survivor is here, and every message on it:  accept the block
//	on the next view:                deliver what is on a marker, up to the first number of a sender that is on none
//	                                 discard the rest: no survivor had it when it was asked
//	                                 then hand the view on, and begin it with nothing in it
//	on unblock:                      send what has waited
//
// What a member has delivered every survivor had, and has on its marker or has delivered. So all survivors deliver the
// same in the view, whoever has delivered and crashed.
//
// A block with a view is the question whether this layer is ready for it, and is accepted by its Ref as a packet is; a
// block that comes before the view does begins again, with another next view. Who decides on views must wait for all
// the answers before it announces the view, so that the survivor that dies in the middle is not in it. Where a view
// comes without having been asked for, the flush begins with it, and the view is handed on when it is over; then all
// survivors must live to the end of it, and no other view may come before.
//
// A view that was installed above has been handed on already: there is nobody to deliver to in the old one, and what is
// not delivered is discarded.

// viewFlush is the end of a view.
type viewFlush struct {
	under   bool      // it has begun
	toward  spec.View // the next
	ref     impl.Ref  // of the block that waits for the end
	arrived bool      // the view is here
	unblock bool      // … and the unblocking that follows it
}

// viewMarker is what a survivor has.
type viewMarker struct {
	known bool
	next  spec.ViewID
	runs  []viewRun
}

// viewRun is some messages of a stream, one behind the other.
type viewRun struct {
	stream      int
	first, last uint64
}

func (l *AtomicView) block(in impl.Input, out *impl.Effects) {
	if in.View != nil && l.flush.under && in.View.ID.Compare(l.flush.toward.ID) < 0 {
		out.Note(impl.Stale, in.View.ID.Epoch, 0) // a later question has overtaken it
		return
	}
	l.blocked = true
	l.up = append(l.up, impl.Effect{Kind: impl.Block, View: in.View})
	if in.View == nil || in.View.ID.Compare(l.view) <= 0 {
		out.Accept(in.Ref) // nothing to flush
		return
	}
	l.toward(in.View, in.Ref, in.Now, out)
}

// unblock goes on: in the next view, or in this one, where the change was called off.
func (l *AtomicView) unblock(in impl.Input, out *impl.Effects) {
	if l.flush.arrived {
		l.flush.unblock = true
		return
	}
	l.blocked = false
	if l.flush.under {
		l.flush = viewFlush{}
		for k := range l.streams {
			s := &l.streams[k]
			news := s.r > s.has[l.me]
			s.has[l.me] = max(s.has[l.me], s.r)
			l.settle(k, news, out)
		}
	}
	l.drain(in.Now, out)
	l.up = append(l.up, impl.Effect{Kind: impl.Unblock})
}

// change takes in a view.
func (l *AtomicView) change(in impl.Input, out *impl.Effects) {
	switch order := in.View.ID.Compare(l.view); {
	case order < 0:
		out.Note(impl.Stale, in.View.ID.Epoch, 0)
	case order == 0:
		if !in.Flag {
			l.hand(in.View)
		}
	case in.Flag:
		l.discard(out)
		l.install(in.View, false, in.Now, out)
	case l.me < 0:
		l.install(in.View, true, in.Now, out)
	default:
		unblock := l.flush.unblock
		// The view may have been decided without this node, though it was asked about it as a member.
		if !l.flush.under || l.flush.toward.ID != in.View.ID || !slices.Contains(in.View.Members, l.cfg.Self) {
			l.toward(in.View, 0, in.Now, out)
		}
		l.flush.arrived, l.flush.unblock = true, unblock
		l.proceed(in.Now, out)
	}
}

// hand hands a view on.
func (l *AtomicView) hand(v *spec.View) {
	l.up = append(l.up, impl.Effect{Kind: impl.InstallView, View: v, Flag: true})
}

// toward begins the end of the view.
func (l *AtomicView) toward(next *spec.View, ref impl.Ref, now spec.Time, out *impl.Effects) {
	if l.me < 0 {
		out.Accept(ref)
		return
	}
	l.flush = viewFlush{under: true, toward: spec.View{ID: next.ID, Members: slices.Clone(next.Members), Came: slices.Clone(next.Came)}, ref: ref}
	l.forward(out)
	l.peers[l.me].marker = viewMarker{known: true, next: next.ID, runs: l.runs()}
	l.sendMarker(out)
	l.arm(now, out)
	l.proceed(now, out)
}

// leaves says whether a member of this view does not come along to the next. One that is in the next all the same comes to
// it from elsewhere, or without what was delivered here.
func (l *AtomicView) leaves(n spec.NodeID) bool {
	if next := &l.flush.toward; next.Came != nil {
		return !slices.Contains(next.Came, n)
	}
	return !slices.Contains(l.flush.toward.Members, n)
}

// forward sends on the messages of those that leave.
func (l *AtomicView) forward(out *impl.Effects) {
	for k, m := range l.members {
		if k != l.me && l.leaves(m) && l.Rules.Forwards(&l.cfg, m) {
			s := &l.streams[k]
			l.again(k, s.delivered+1, s.ring.Last(), out)
		}
	}
}

// runs lists what is here and not delivered.
func (l *AtomicView) runs() (runs []viewRun) {
	for k := range l.streams {
		s := &l.streams[k]
		for n := s.delivered + 1; n <= s.ring.Last(); n++ {
			if s.ring.At(n).numbered == nil {
				continue
			}
			if last := len(runs) - 1; last >= 0 && runs[last].stream == k && runs[last].last == n-1 {
				runs[last].last = n
			} else {
				runs = append(runs, viewRun{k, n, n})
			}
		}
	}
	return runs
}

func (l *AtomicView) sendMarker(out *impl.Effects) {
	m := &l.peers[l.me].marker
	b := out.Alloc(len(m.runs)*viewEntry + viewIDLen)
	for i, r := range m.runs {
		putEntry(b[i*viewEntry:], l.id(r.stream, r.first), r.last)
	}
	putViewID(b[len(m.runs)*viewEntry:], m.next)
	out.Down(impl.Everyone, l.seal(b, viewMark, out), 0)
}

// mark takes in what a survivor has. That of a later question counts.
func (l *AtomicView) mark(from int, p *viewPacket, now spec.Time, out *impl.Effects) {
	m := &l.peers[from].marker
	if from == l.me || m.known && p.next.Compare(m.next) <= 0 {
		out.Note(impl.Duplicate, uint64(l.members[from]), p.next.Epoch)
		return
	}
	var runs []viewRun
	for b := p.rest; len(b) > 0; b = b[viewEntry:] {
		id, last := entryOf(b)
		s, k := l.streamOf(id)
		if s == nil || id.n == 0 || last < id.n || last-id.n > 2*AtomicViewWindow || k == l.me && last > l.sent {
			out.Note(impl.Malformed, uint64(id.origin), id.n)
			return
		}
		runs = append(runs, viewRun{k, id.n, last})
	}
	*m = viewMarker{known: true, next: p.next, runs: runs}
	l.proceed(now, out)
}

// flushed says whether the marker of every survivor is here, with all that it lists.
func (l *AtomicView) flushed() bool {
	if l.leaves(l.cfg.Self) {
		return true
	}
	for i, m := range l.members {
		if l.leaves(m) || !l.Rules.Waits(&l.cfg, m) && i != l.me {
			continue
		}
		if !l.marked(i) {
			return false
		}
		for _, r := range l.peers[i].marker.runs {
			s := &l.streams[r.stream]
			for n := max(r.first, s.delivered+1); n <= r.last; n++ {
				if c := s.ring.At(n); c == nil || c.numbered == nil {
					return false
				}
			}
		}
	}
	return true
}

// marked says whether the marker of a member toward the next view is here.
func (l *AtomicView) marked(i int) bool {
	m := &l.peers[i].marker
	return m.known && m.next == l.flush.toward.ID
}

// listed says whether a message is on the marker of a survivor.
func (l *AtomicView) listed(k int, n uint64) bool {
	for i, m := range l.members {
		if l.leaves(m) || !l.marked(i) {
			continue
		}
		for _, r := range l.peers[i].marker.runs {
			if r.stream == k && r.first <= n && n <= r.last {
				return true
			}
		}
	}
	return false
}

// proceed answers the block when the flush is over, and ends the view when the next one is here too.
func (l *AtomicView) proceed(now spec.Time, out *impl.Effects) {
	if !l.flush.under || !l.flushed() {
		return
	}
	out.Accept(l.flush.ref)
	l.flush.ref = 0
	if l.flush.arrived {
		l.end(now, out)
	}
}

// end delivers what the survivors agree on, and begins the next view.
func (l *AtomicView) end(now spec.Time, out *impl.Effects) {
	next, unblock := l.flush.toward, l.flush.unblock
	if !l.leaves(l.cfg.Self) {
		for k := range l.streams {
			s := &l.streams[k]
			for c := s.ring.At(s.delivered + 1); c != nil && c.numbered != nil; c = s.ring.At(s.delivered + 1) {
				if s.delivered+1 > s.stable && !l.Rules.Agreed(l.listed(k, s.delivered+1)) {
					break
				}
				l.deliver(k)
			}
		}
	}
	l.discard(out)
	l.install(&next, true, now, out)
	if unblock {
		l.blocked = false
		l.up = append(l.up, impl.Effect{Kind: impl.Unblock})
		l.drain(now, out)
	}
}

// discard gives up what is not delivered.
func (l *AtomicView) discard(out *impl.Effects) {
	for k, m := range l.members {
		s := &l.streams[k]
		for n := s.delivered + 1; n <= s.ring.Last(); n++ {
			if s.ring.At(n).numbered != nil {
				out.Note(impl.Stale, uint64(m), n)
			}
		}
	}
}

// install begins a view, hands it on, and takes in what has come of it. One without this node is not installed: the
// node is outside from then on.
func (l *AtomicView) install(v *spec.View, hand bool, now spec.Time, out *impl.Effects) {
	member := l.me >= 0
	l.enter(v, now)
	if l.me < 0 && member {
		out.Note(impl.Removed, uint64(l.cfg.Self), v.ID.Epoch)
	} else if l.me >= 0 && hand {
		l.hand(v)
	}
	kept := l.early[:0]
	for _, e := range l.early {
		switch order := e.view.Compare(v.ID); {
		case order > 0:
			kept = append(kept, e)
		case order < 0 || l.me < 0:
			out.Note(impl.Stale, uint64(e.from), e.view.Epoch)
		default:
			if p, ok := parseView(e.body); ok {
				l.take(e.from, &p, now, out)
			}
		}
	}
	clear(l.early[len(kept):])
	l.early = kept
	l.drain(now, out)
}
