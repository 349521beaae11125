package transport

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Stream is a simulated TCP (RFC 9293), as far as an application sees it: byte streams that arrive in order or not at
// all. Outside the simulator the kernel stands in its place. Between two nodes there are up to two connections, one for
// each direction, so that both may open at once; acknowledgements flow back.
//
// A connection is opened by the first write (SYN, SYN-ACK). Bytes go in numbered segments with a CRC-32C; they are
// acknowledged cumulatively, and after TS without progress all that is on its way is sent again. After the second TS
// without progress the connection is aborted: what was not acknowledged may have arrived or not, up to any byte. A
// new one is opened then, with tries at every TS, for TL at most. Connections are numbered by the life of the node that
// opens them and a counter, and a receiver takes no number below one that it has seen; segments also name the life of
// the receiver that accepted the connection. So nothing of a former connection is taken for a part of a later one.
//
// The seam to the layer above, where NodeID names the peer:
//
//	send To peer, Body           write these bytes; where no connection is open they are dropped and one is opened
//	send To peer, no Body        only open one
//	send To peer, no Body, Num   refuse connection Num from the peer: it is aborted there, and opened anew
//	packet From peer, Num, Body  bytes of connection Num from the peer, cut anywhere; where Body is empty it is new
//	packet From peer, Num, Flag  a new connection to the peer is open, the former one, if any, is lost
//
// To oneself it is a packet through the layer below, which is not cut. Nothing is acknowledged to the layer above: that
// bytes have arrived does not say that anybody has read them.
type Stream struct {
	cfg    impl.Config
	mss    int
	life   uint32
	peers  []streamPeer
	chunks [][]byte // of one step
}

type streamPeer struct {
	to   outgoing
	from incoming
}

// outgoing is the connection to a peer.
type outgoing struct {
	state    streamState
	conn     uint64
	count    uint32    // connections so far
	since    spec.Time // when it was first tried
	life     uint32    // of the peer that accepted it
	buf      []byte    // buf[head:] is not acknowledged
	head     int
	base     uint64 // the place of buf[head] in the stream
	sent     uint64 // the place of the first byte that is not on its way
	timeouts int    // without progress
}

// incoming is the connection from a peer.
type incoming struct {
	conn    uint64 // 0: there was none
	refused bool
	next    uint64    // the place of the first byte that is missing
	ahead   []segment // what came too early, ascending
}

type segment struct {
	at   uint64
	body []byte
}

type streamState uint8

const (
	streamClosed streamState = iota
	streamOpening
	streamOpen
)

const (
	defaultMSS = 1400
	window     = 64 << 10 // bytes on their way, and bytes that are kept ahead of a missing one
	maxPlace   = 1 << 62  // in a stream: far from an overflow
)

// NewStream makes the layer of one node; mss is the largest number of bytes in a segment, 0 for the usual one.
func NewStream(cfg impl.Config, mss int) *Stream {
	if mss <= 0 {
		mss = defaultMSS
	}
	if cfg.MTU > 0 {
		mss = min(mss, cfg.MTU-streamHeaderLen)
	}
	return &Stream{cfg: cfg, mss: max(mss, 1)}
}

// Step implements [impl.Layer].
func (s *Stream) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		s.life, s.peers = uint32(in.Num), make([]streamPeer, s.cfg.Nodes)
	case impl.Send:
		s.send(in, out)
	case impl.Packet:
		s.receive(in, out)
	case impl.TimerFired:
		s.fire(in, out)
	default:
		out.Pass(in)
	}
}

// streamHeader stands behind the bytes of a segment.
type streamHeader struct {
	conn uint64
	at   uint64 // data: the place of the first byte; ack: of the first that is missing
	life uint32 // syn-ack, data: of the receiver
	kind byte
}

const streamHeaderLen = 8 + 8 + 4 + 1 + 4

// The kinds of segments.
const (
	streamSyn = 1 + iota
	streamSynAck
	streamData
	streamAck
	streamReset
	streamOwn // to oneself
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (s *Stream) down(to spec.NodeID, body []byte, h streamHeader, out *impl.Effects) {
	b := out.Extend(body, streamHeaderLen)
	x := b[len(body):]
	binary.LittleEndian.PutUint64(x, h.conn)
	binary.LittleEndian.PutUint64(x[8:], h.at)
	binary.LittleEndian.PutUint32(x[16:], h.life)
	x[20] = h.kind
	impl.Checksum(b)
	if e := out.Down(to, b, 0); h.kind == streamAck {
		e.Code = impl.BareAck
	}
}

// open takes the header off a packet. One that must be discarded is noted with the reason.
func (s *Stream) open(in impl.Input, out *impl.Effects) (body []byte, h streamHeader, ok bool) {
	body, x, ok := impl.Cut(in.Body, streamHeaderLen)
	code := impl.NoCode
	if !ok {
		code = impl.Malformed
	} else if n := len(in.Body) - 4; crc32.Checksum(in.Body[:n], castagnoli) != binary.LittleEndian.Uint32(in.Body[n:]) {
		code = impl.Corrupted
	} else {
		h = streamHeader{conn: binary.LittleEndian.Uint64(x), at: binary.LittleEndian.Uint64(x[8:]),
			life: binary.LittleEndian.Uint32(x[16:]), kind: x[20]}
		own := in.From == s.cfg.Self
		if in.From < 0 || int(in.From) >= len(s.peers) || h.kind < streamSyn || h.kind > streamOwn || h.at > maxPlace || own != (h.kind == streamOwn) {
			code = impl.Malformed
		}
	}
	if code != impl.NoCode {
		out.Note(code, uint64(in.From), uint64(len(in.Body)))
	}
	return body, h, code == impl.NoCode
}

func (s *Stream) send(in impl.Input, out *impl.Effects) {
	if in.To < 0 || int(in.To) >= len(s.peers) {
		out.Refuse(in.Ref, impl.NotMember)
		return
	}
	if in.To == s.cfg.Self {
		s.down(in.To, in.Body, streamHeader{kind: streamOwn}, out)
		return
	}
	p := &s.peers[in.To]
	switch {
	case len(in.Body) == 0 && in.Num != 0:
		if p.from.conn == in.Num {
			p.from.refused = true
			s.down(in.To, nil, streamHeader{conn: in.Num, kind: streamReset}, out)
		}
	case p.to.state == streamClosed:
		s.connect(in.To, in.Now, out)
	case p.to.state == streamOpen:
		p.to.buf = append(p.to.buf, in.Body...)
		s.transmit(in.To, in.Now, out)
	}
}

func (s *Stream) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := s.open(in, out)
	if !ok {
		return
	}
	switch h.kind {
	case streamOwn:
		out.Up(in.From, in.To, body)
	case streamData:
		s.data(in, h, body, out)
	case streamSyn:
		s.accept(in, h, out)
	default:
		s.answer(in, h, out)
	}
}

// up hands a chunk of a connection to the layer above.
func (s *Stream) up(from spec.NodeID, conn uint64, body []byte, outgoing bool, out *impl.Effects) {
	out.Add(impl.Effect{Kind: impl.Up, From: from, To: s.cfg.Self, Num: conn, Body: body, Flag: outgoing})
}

// accept takes part in the opening of a connection from a peer.
func (s *Stream) accept(in impl.Input, h streamHeader, out *impl.Effects) {
	p := &s.peers[in.From].from
	if h.conn < p.conn || h.conn == 0 {
		out.Note(impl.Stale, uint64(in.From), h.conn)
		return
	}
	s.down(in.From, nil, streamHeader{conn: h.conn, life: s.life, kind: streamSynAck}, out)
	if h.conn > p.conn {
		clear(p.ahead)
		*p = incoming{conn: h.conn, ahead: p.ahead[:0]}
		s.up(in.From, h.conn, nil, false, out)
	}
}

// data takes bytes in, and keeps for a while what came too early.
func (s *Stream) data(in impl.Input, h streamHeader, body []byte, out *impl.Effects) {
	p := &s.peers[in.From].from
	switch {
	case h.conn < p.conn:
		out.Note(impl.Stale, uint64(in.From), h.conn)
		return
	case h.conn > p.conn || h.life != s.life || p.refused: // I don't know it, or not any more
		out.Note(impl.Stale, uint64(in.From), h.conn)
		s.down(in.From, nil, streamHeader{conn: h.conn, kind: streamReset}, out)
		return
	}
	s.chunks = s.chunks[:0]
	switch end := h.at + uint64(len(body)); {
	case end <= p.next:
		out.Note(impl.Duplicate, uint64(in.From), h.at)
	case end > p.next+window:
		out.Note(impl.Overflow, uint64(in.From), h.at)
	case h.at > p.next:
		out.Note(impl.HeldBack, uint64(in.From), h.at)
		p.keep(segment{h.at, body})
	default:
		s.chunks = p.take(segment{h.at, body}, s.chunks)
	}
	s.down(in.From, nil, streamHeader{conn: h.conn, at: p.next, kind: streamAck}, out)
	for _, c := range s.chunks {
		s.up(in.From, h.conn, c, false, out)
	}
}

func (p *incoming) keep(x segment) {
	i, known := slices.BinarySearchFunc(p.ahead, x.at, func(a segment, at uint64) int {
		switch {
		case a.at < at:
			return -1
		case a.at > at:
			return 1
		}
		return 0
	})
	switch {
	case !known:
		p.ahead = slices.Insert(p.ahead, i, x)
	case len(p.ahead[i].body) < len(x.body): // sent again with other borders
		p.ahead[i] = x
	}
}

// take appends the bytes that a segment makes complete: its own, and those of segments that waited for it.
func (p *incoming) take(x segment, chunks [][]byte) [][]byte {
	n := 0
	for {
		if end := x.at + uint64(len(x.body)); end > p.next {
			chunks = append(chunks, x.body[p.next-x.at:])
			p.next = end
		}
		if n == len(p.ahead) || p.ahead[n].at > p.next {
			break
		}
		x = p.ahead[n]
		n++
	}
	p.ahead = slices.Delete(p.ahead, 0, n)
	return chunks
}
