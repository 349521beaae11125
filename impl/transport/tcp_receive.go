package transport

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// receive takes in what the stream below has to say about a peer.
func (t *TCP) receive(in impl.Input, out *impl.Effects) {
	if in.From < 0 || int(in.From) >= len(t.peers) {
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	if in.From == t.cfg.Self {
		t.receiveOwn(in, out)
		return
	}
	p := &t.peers[in.From]
	p.heard, p.owed = in.Now, false
	t.upward = t.upward[:0]
	if p.suspected {
		p.suspected = false
		t.upward = append(t.upward, impl.Effect{Kind: impl.Trust, From: in.From})
	}
	if in.Flag {
		t.reconnected(in.From, out)
	} else {
		if len(in.Body) == 0 || in.Num != p.conn {
			p.conn, p.deaf, p.partial = in.Num, false, t.Rules.Reconnected(p.partial)
		}
		if !p.deaf {
			t.read(in.From, in.Body, out)
		}
	}
	if p.owed {
		t.write(in.From, tcpAck, 0, nil, out)
	}
	out.List = append(out.List, t.upward...)
	clear(t.upward)
}

func (t *TCP) receiveOwn(in impl.Input, out *impl.Effects) {
	b := in.Body
	if t.own.Len() > 0 {
		b = *t.own.At(t.own.First())
		t.own.Drop()
	}
	body, h, ok := impl.Cut(b, 1)
	switch {
	case !ok || h[0] != toGroup && h[0] != toOne:
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
	case h[0] == toOne:
		out.Up(in.From, t.cfg.Self, body)
	default:
		out.Up(in.From, impl.Everyone, body)
	}
}

// reconnected writes again what was not acknowledged, which may be lost with the connection before; and, where there is
// nothing to carry it, an acknowledgement, which may be lost too.
func (t *TCP) reconnected(to spec.NodeID, out *impl.Effects) {
	p := &t.peers[to]
	p.connected, p.owed = true, p.last > 0
	for n := p.frames.First(); n <= p.frames.Last(); n++ {
		if f := p.frames.At(n); t.Rules.Resends(f.written) {
			t.write(to, f.kind, n, f.body, out)
			f.written, p.owed = true, false
		}
	}
}

// read takes the frames out of a chunk of a stream. A frame that is whole in the chunk is not copied; of one that is
// not, no more memory is taken than has come.
func (t *TCP) read(from spec.NodeID, chunk []byte, out *impl.Effects) {
	p := &t.peers[from]
	for len(chunk) > 0 {
		if len(p.partial) == 0 && complete(chunk) {
			n := frameLen(chunk)
			t.take(from, chunk[:n:n], out)
			chunk = chunk[n:]
			continue
		}
		n := min(frameLen(p.partial)-len(p.partial), len(chunk))
		p.partial = append(p.partial, chunk[:n]...)
		chunk = chunk[n:]
		if !sane(p.partial) {
			t.deafen(from, out)
			return
		}
		if complete(p.partial) {
			frame := out.Alloc(len(p.partial))
			copy(frame, p.partial)
			p.partial = p.partial[:0]
			t.take(from, frame, out)
		}
	}
	p.partial = t.Rules.Continued(p.partial)
}

// frameLen says how long a frame is that begins like this, or how long its header where that is not there yet.
func frameLen(b []byte) int {
	if len(b) < tcpHeaderLen {
		return tcpHeaderLen
	}
	return tcpHeaderLen + int(readTCPHeader(b).length)
}

// sane is false where the header is there and makes no sense.
func sane(b []byte) bool {
	if len(b) < tcpHeaderLen {
		return true
	}
	h := readTCPHeader(b)
	return h.length <= maxFrame && h.kind >= toGroup && h.kind <= tcpAck
}

func complete(b []byte) bool { return sane(b) && len(b) >= frameLen(b) }

// deafen gives a connection up of which the frames make no sense: nobody can say where the next one begins.
func (t *TCP) deafen(from spec.NodeID, out *impl.Effects) {
	p := &t.peers[from]
	out.Note(impl.Malformed, uint64(from), uint64(len(p.partial)))
	p.deaf, p.partial = true, p.partial[:0]
	out.Add(impl.Effect{Kind: impl.Down, To: from, Num: p.conn})
}

// take takes in a frame.
func (t *TCP) take(from spec.NodeID, frame []byte, out *impl.Effects) {
	p := &t.peers[from]
	h, body := readTCPHeader(frame), frame[tcpHeaderLen:]
	t.acknowledged(from, h, out)
	switch {
	case h.kind == tcpAck:
		return
	case h.life < p.life:
		out.Note(impl.Stale, uint64(from), h.n)
		return
	case h.life > p.life:
		p.life, p.last = h.life, 0
	}
	p.owed = true
	if !t.Rules.Fresh(p.last, h.n) {
		out.Note(impl.Duplicate, uint64(from), h.n)
		return
	}
	p.last = max(p.last, h.n)
	to := t.cfg.Self
	if h.kind == toGroup {
		to = impl.Everyone
		if t.cfg.Index(t.cfg.Self) < 0 {
			out.Note(impl.NotMember, uint64(from), h.n)
			return
		}
	}
	t.upward = append(t.upward, impl.Effect{Kind: impl.Up, From: from, To: to, Body: body})
}

// acknowledged lets go of the frames that the peer has had.
func (t *TCP) acknowledged(from spec.NodeID, h tcpHeader, out *impl.Effects) {
	p := &t.peers[from]
	switch {
	case h.ack == 0:
	case h.ackLife != t.incarnation:
		out.Note(impl.Stale, uint64(from), h.ack)
	case h.ack > p.frames.Last():
		out.Note(impl.Malformed, uint64(from), h.ack)
	default:
		for ; p.frames.Len() > 0 && p.frames.First() <= h.ack; p.frames.Drop() {
			f := p.frames.At(p.frames.First())
			f.body = nil
			box := &t.copies
			if f.kind == toOne {
				box = &t.letters
			}
			if ref, done := box.Ack(f.send, from); done && ref != 0 {
				t.upward = append(t.upward, impl.Effect{Kind: impl.Acknowledge, Ref: ref})
			}
		}
	}
}
