package ordering

import "github.com/conform-go/conform/impl"

// What each order holds back, as [impl.Holder] tells it, and what bounds it. A message that comes where there is no room
// is discarded with overflow; whoever sends through a level that repairs never has so much under way.
//
//	Fifo, TotalSequencer bb     65,536 numbers ahead of the first that is missing, for each life of a sender
//	TotalSequencer ub           65,536 positions ahead of the next
//	TotalSeqServer, Kaashoek    the same; Kaashoek never more than the places of the history, and one message of each
//	                            sender that has no number yet, which does not count
//	Lamport                     65,536 numbers of a member
//	Causal, Agreement, Sync,    65,536 messages in all
//	RealTime, and across groups

// Held implements [impl.Holder].
func (f *Fifo) Held() int {
	return f.streams.Sum(func(s *stream) int {
		return s.held.Count(func(m *waitingMessage) bool { return m.body != nil })
	})
}

// Held implements [impl.Holder].
func (c *Causal) Held() int { return len(c.held) }

// Held implements [impl.Holder].
func (c *CausalAcross) Held() int { return len(c.held) }

// Held implements [impl.Holder].
func (t *TotalAcross) Held() int { return len(t.held) }

// Held implements [impl.Holder]: in bb the message is with what has come of its sender, in ub with its position.
func (t *TotalSequencer) Held() int {
	if t.form == UB {
		return t.places.Count(func(p *place) bool { return p.body != nil })
	}
	return t.streams.Sum(func(s *arrivals) int {
		return s.held.Count(func(m *arrival) bool { return m.body != nil })
	})
}

// Held implements [impl.Holder].
func (t *TotalSeqServer) Held() int {
	return t.places.Count(func(p *numberedPlace) bool { return p.state == heldPlace })
}

// Held implements [impl.Holder].
func (k *Kaashoek) Held() int {
	return k.member.held.Count(func(m *kaashoekMessage) bool { return m.has })
}

// Held implements [impl.Holder]: empty messages are none.
func (l *Lamport) Held() (n int) {
	for k := range l.streams {
		n += l.streams[k].ring.Count(func(m *stampedBody) bool { return m.kind == lamportMessage })
	}
	return n
}

// Held implements [impl.Holder].
func (a *Agreement) Held() int { return len(a.queue) }

// Held implements [impl.Holder]: what waits for its turn to be sent is no message yet.
func (s *Sync) Held() int { return len(s.held) }

// Held implements [impl.Holder].
func (r *RealTime) Held() int { return len(r.held) }

var _ = []impl.Holder{(*Fifo)(nil), (*Causal)(nil), (*CausalAcross)(nil), (*TotalAcross)(nil), (*TotalSequencer)(nil),
	(*TotalSeqServer)(nil), (*Kaashoek)(nil), (*Lamport)(nil), (*Agreement)(nil), (*Sync)(nil), (*RealTime)(nil)}
