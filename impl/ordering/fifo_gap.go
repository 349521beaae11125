package ordering

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// FIFO order that goes on after a loss (FIFO order by itself does not forbid gaps: Hadzilacos & Toueg, 1994; that a gap
// must not be silent is this project's):
//
//	on receiving ⟨m, S⟩ of p, S > R[p]+1:  hold m back, for TL at most
//	after that:                           announce that R[p]+1 to S-1 are lost; deliver m, R[p] := S, and what is held
//	                                      back behind it
//	on receiving what was announced:      discard it: it is overdue
//
// A loss behind which nothing more comes is not noticed. TL is longer than any level below takes to repair what it
// repairs, so that over such a level nothing is announced but what has died with its sender.

// NewAnnouncingFifo makes the layer of one node, which announces what has not come for TL and goes on behind it.
func NewAnnouncingFifo(cfg impl.Config) *Fifo {
	f := NewFifo(cfg)
	f.announces = true
	return f
}

// timerOf gives the timer of a sender's life.
func timerOf(from spec.NodeID, incarnation uint32) uint64 {
	return uint64(uint32(from))<<32 | uint64(incarnation)
}

// past says why a message is discarded whose number has gone by.
func (s *stream) past(n uint64) impl.Code {
	if s.lost.first <= n && n <= s.lost.last {
		return impl.Overdue
	}
	return impl.Duplicate
}

// watch sets the timer of a stream in which something is held back.
func (f *Fifo) watch(s *stream, timer uint64, at spec.Time, out *impl.Effects) {
	if f.announces && !s.armed {
		s.armed = true
		out.SetTimer(timer, at)
	}
}

// giveUp goes on over what is missing before a message that has been held back for TL. What is before others, that came
// later, has time until those have waited as long.
func (f *Fifo) giveUp(in impl.Input, out *impl.Effects) {
	from, incarnation := spec.NodeID(in.Num>>32), uint32(in.Num)
	s := f.streams.Of(int(from), f.cfg.Nodes, incarnation)
	if s == nil || !s.armed {
		return
	}
	s.armed = false
	tl := spec.Time(f.cfg.TL)
	last, oldest := s.overdue(in.Now - tl)
	if oldest > 0 {
		f.watch(s, in.Num, oldest+tl, out)
	}
	for first := s.held.First(); first <= last; first = s.held.First() {
		if s.held.At(first).body != nil {
			f.deliver(s, from, out)
			continue
		}
		for s.held.First() < last && s.held.At(s.held.First()).body == nil {
			s.held.Drop()
		}
		s.lost.first, s.lost.last = first, s.held.First()-1
		f.Rules.Tells(out, from, s.lost.first, s.lost.last)
	}
}

// overdue gives the last message that has been held back since some time or longer, 0 where none has, and when the
// oldest one behind it came that will still be held back when all before it is over; 0 where none will.
func (s *stream) overdue(since spec.Time) (last uint64, oldest spec.Time) {
	for n := s.held.First(); n <= s.held.Last(); n++ {
		if m := s.held.At(n); m.body != nil && m.since <= since {
			last = n
		}
	}
	gap := false
	for n := max(last+1, s.held.First()); n <= s.held.Last(); n++ {
		switch m := s.held.At(n); {
		case m.body == nil:
			gap = true
		case gap && (oldest == 0 || m.since < oldest):
			oldest = m.since
		}
	}
	return last, oldest
}
