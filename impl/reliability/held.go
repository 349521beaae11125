package reliability

import "github.com/conform-go/conform/impl"

// What each level holds back, as [impl.Holder] tells it, and what bounds it. A message that comes where there is no room
// is discarded with overflow.
//
//	Nack         65,536 numbers ahead of the first that is missing, for each sender; it is asked for when there is room
//	ReliableIP   the window, for each life of a sender; what is beyond it says that this member has been removed
//	Uniform      4,096 messages of a sender are under way; one beyond that gives the oldest up, as its sender has
//	AtomicView   twice the window, for each sender, and 1,024 packets of views to come
//	Byzantine    65,536 numbers ahead of the first that is not delivered, for each life
//	Durable, AtomicLog, AtomicAbort
//	             65,536 numbers ahead of the first that is not settled, for each origin; the hop is not accepted, so that
//	             it comes again
//
// Reliable, BestEffort, Gossip and Unreliable deliver what comes when it comes.

// Held implements [impl.Holder].
func (l *Nack) Held() (n int) {
	for side := range l.came {
		for i := range l.came[side] {
			n += l.came[side][i].held.Count(func(body *[]byte) bool { return *body != nil })
		}
	}
	return n
}

// Held implements [impl.Holder]: behind a message that is missing, and until all have it where that is waited for.
func (l *ReliableIP) Held() int {
	n := l.held
	for _, s := range l.streams {
		n += int(s.r - min(s.delivered, s.r))
	}
	return n
}

// Held implements [impl.Holder].
func (u *Uniform) Held() int {
	return u.streams.Sum(func(s *uniformStream) int {
		return s.ring.Count(func(m *uniformMessage) bool { return m.pending && !m.delivered })
	})
}

// Held implements [impl.Holder].
func (l *AtomicView) Held() int {
	n := len(l.early)
	for i := range l.streams {
		n += l.streams[i].ring.Count(func(c *viewCopy) bool { return c.arrived })
	}
	return n
}

// Held implements [impl.Holder]: a message counts when its content has been heard of.
func (z *Byzantine) Held() (n int) {
	for i := range z.lives {
		for _, l := range z.lives[i] {
			n += l.ring.Count(func(i **byzantineInstance) bool { return *i != nil && len((*i).versions) > 0 })
		}
	}
	return n
}

// Held implements [impl.Holder]: until the disk has the message.
func (d *Durable) Held() (n int) {
	for _, s := range d.streams.list {
		n += s.slots.Count(func(c *copied) bool { return c.fate == placing })
	}
	return n
}

// Held implements [impl.Holder]: until the disk has the message, and the outcome is known and on disk. What is aborted
// before it has come is not held back.
func (p *phased) Held() (n int) {
	for _, s := range p.streams.list {
		n += s.slots.Count(func(m *prepared) bool {
			return m.stage == noting || m.stage == waiting || m.stage == closing && m.record != 0
		})
	}
	return n
}

var _ = []impl.Holder{(*Nack)(nil), (*ReliableIP)(nil), (*Uniform)(nil), (*AtomicView)(nil), (*Byzantine)(nil),
	(*Durable)(nil), (*AtomicLog)(nil), (*AtomicAbort)(nil)}
