package transport

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// connect opens a connection to a peer. What the former one had not had acknowledged is dropped.
func (s *Stream) connect(to spec.NodeID, now spec.Time, out *impl.Effects) {
	p := &s.peers[to].to
	count := p.count + 1
	*p = outgoing{state: streamOpening, conn: uint64(s.life)<<32 | uint64(count), count: count, since: now, buf: p.buf[:0]}
	s.synchronize(to, now, out)
}

func (s *Stream) synchronize(to spec.NodeID, now spec.Time, out *impl.Effects) {
	s.down(to, nil, streamHeader{conn: s.peers[to].to.conn, kind: streamSyn}, out)
	s.setTimer(to, now, out)
}

func (s *Stream) setTimer(to spec.NodeID, now spec.Time, out *impl.Effects) {
	out.SetTimer(uint64(to), now+spec.Time(s.cfg.TS))
}

// transmit sends as many segments as the window has room for.
func (s *Stream) transmit(to spec.NodeID, now spec.Time, out *impl.Effects) {
	p := &s.peers[to].to
	idle := p.sent == p.base
	limit := min(p.base+uint64(len(p.buf)-p.head), p.base+window)
	for p.sent < limit {
		at := p.head + int(p.sent-p.base)
		n := min(int(limit-p.sent), s.mss)
		s.down(to, p.buf[at:at+n], streamHeader{conn: p.conn, life: p.life, at: p.sent, kind: streamData}, out)
		p.sent += uint64(n)
	}
	if idle && p.sent > p.base {
		s.setTimer(to, now, out)
	}
}

// answer takes in what the peer says to a connection of mine.
func (s *Stream) answer(in impl.Input, h streamHeader, out *impl.Effects) {
	p := &s.peers[in.From].to
	opening := p.state == streamOpening && h.kind == streamSynAck
	if h.conn != p.conn || !opening && (p.state != streamOpen || h.kind == streamSynAck) {
		out.Note(impl.Stale, uint64(in.From), h.conn)
		return
	}
	switch h.kind {
	case streamSynAck:
		p.state, p.life = streamOpen, h.life
		out.StopTimer(uint64(in.From))
		s.up(in.From, p.conn, nil, true, out)
	case streamAck:
		s.progress(in, h, out)
	case streamReset:
		s.connect(in.From, in.Now, out)
	}
}

// progress lets go of what has been acknowledged and sends what waited for the window.
func (s *Stream) progress(in impl.Input, h streamHeader, out *impl.Effects) {
	p := &s.peers[in.From].to
	if h.at <= p.base || h.at > p.sent {
		out.Note(impl.Duplicate, uint64(in.From), h.at) // or of nothing that I sent
		return
	}
	p.head += int(h.at - p.base)
	p.base = h.at
	p.timeouts = 0
	if p.head > len(p.buf)/2 {
		p.buf, p.head = p.buf[:copy(p.buf, p.buf[p.head:])], 0
	}
	if p.sent > p.base {
		s.setTimer(in.From, in.Now, out)
	} else {
		out.StopTimer(uint64(in.From))
	}
	s.transmit(in.From, in.Now, out)
}

// fire sends again, or gives up the connection, or the attempt to open one.
func (s *Stream) fire(in impl.Input, out *impl.Effects) {
	if in.Num >= uint64(len(s.peers)) {
		return
	}
	to := spec.NodeID(in.Num)
	p := &s.peers[to].to
	switch {
	case p.state == streamOpening && in.Now-p.since >= spec.Time(s.cfg.TL):
		p.state = streamClosed
	case p.state == streamOpening:
		s.synchronize(to, in.Now, out)
	case p.state != streamOpen || p.sent == p.base:
	case p.timeouts > 0:
		s.connect(to, in.Now, out)
	default:
		p.timeouts++
		out.Note(impl.Retransmitted, in.Num, p.base)
		p.sent = p.base
		s.transmit(to, in.Now, out)
	}
}
