package transport

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// TCP is T7, application-level multicast over byte streams: the sender knows the members and writes each a copy, in a
// frame of its own, to the stream of a connection. It stands on [Stream], or on the kernel. A stream has no borders and
// a lost connection may have carried half a frame, so frames have a length, and a half frame is thrown away when
// the connection is new. They also have a number, in the session of the sender's life with the receiver, and are kept
// until the receiver has acknowledged it, on any frame or on one of its own: after a connection is lost they are written
// again, and what the receiver has had it discards. So nothing is lost, nothing comes twice, and what one node sends
// another arrives in the order sent. (Copies to oneself arrive as the world brings them.)
//
// A peer that owes an acknowledgement and has been silent for TL is taken for failed: what waits for it is dropped, and
// the layers above are told by Suspect. When it is heard again they are told by Trust. Until then frames for it are
// written once, and not kept. So the promise holds through cuts and pauses shorter than TL.
//
// A send to the group is acknowledged when all members that are not suspected have acknowledged its frame, or are the
// sender; a send to one node when that node has.
type TCP struct {
	Rules TCPRules

	cfg         impl.Config
	incarnation uint32
	peers       []tcpPeer
	copies      impl.Outbox // sends to the group that are not acknowledged
	letters     impl.Outbox // sends to one node
	own         impl.Ring[[]byte]
	upward      []impl.Effect
}

// TCPRules say what happens when a connection is lost, and what a receiver makes of chunks and numbers.
type TCPRules struct {
	Reconnected func(partial []byte) []byte // what remains of a half frame on a new connection
	Continued   func(partial []byte) []byte // … and at the end of a chunk
	Resends     func(written bool) bool     // on a new connection, a frame that is not acknowledged: whether it was written to one before
	Fresh       func(last, n uint64) bool   // whether frame n is new after the last one that was
}

type tcpPeer struct {
	frames    impl.Ring[tcpFrame] // for it, not acknowledged
	heard     spec.Time
	armed     bool // its timer runs
	suspected bool
	connected bool // there has been a connection to it

	conn    uint64
	deaf    bool   // the frames of the connection make no sense
	partial []byte // a frame of which the rest has not come
	life    uint32 // the newest that was heard
	last    uint64 // number of the last frame of that life
	owed    bool   // an acknowledgement, in this step
}

type tcpFrame struct {
	body []byte
	send uint64 // in copies or letters; 0: nobody asked
	sent spec.Time
	kind byte

	written bool // while there was a connection, or what was taken for one
}

// NewTCP makes the transport of one node.
func NewTCP(cfg impl.Config) *TCP {
	return &TCP{cfg: cfg, Rules: TCPRules{
		Reconnected: func(partial []byte) []byte { return partial[:0] },
		Continued:   func(partial []byte) []byte { return partial },
		Resends:     func(bool) bool { return true },
		Fresh:       func(last, n uint64) bool { return n > last },
	}}
}

// Step implements [impl.Layer].
func (t *TCP) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		t.incarnation, t.peers = uint32(in.Num), make([]tcpPeer, t.cfg.Nodes)
		t.copies, t.letters, t.own = impl.Outbox{}, impl.Outbox{}, impl.Ring[[]byte]{}
	case impl.Send:
		t.send(in, out)
	case impl.Packet:
		t.receive(in, out)
	case impl.TimerFired:
		t.fire(in, out)
	case impl.Acknowledged, impl.Refused: // nothing was asked
	default:
		out.Pass(in)
	}
}

// The header of a frame stands before the body, because a stream is read from its front: the length of the body, kind,
// number and life of the sender, and what the sender has had of the receiver: life and number.
const tcpHeaderLen = 4 + 1 + 8 + 4 + 8 + 4

// maxFrame bounds the body of a frame, and so what a header that makes no sense can cost.
const maxFrame = MaxBody + 1<<12

// The kinds of frames are toGroup, toOne and this one, which has no number.
const tcpAck = 3

type tcpHeader struct {
	length  uint32
	kind    byte
	n       uint64
	life    uint32
	ack     uint64
	ackLife uint32
}

// write puts a frame into the stream to a peer, with the newest acknowledgement.
func (t *TCP) write(to spec.NodeID, kind byte, n uint64, body []byte, out *impl.Effects) {
	p := &t.peers[to]
	b := out.Alloc(tcpHeaderLen + len(body))
	binary.LittleEndian.PutUint32(b, uint32(len(body)))
	b[4] = kind
	binary.LittleEndian.PutUint64(b[5:], n)
	binary.LittleEndian.PutUint32(b[13:], t.incarnation)
	binary.LittleEndian.PutUint64(b[17:], p.last)
	binary.LittleEndian.PutUint32(b[25:], p.life)
	copy(b[tcpHeaderLen:], body)
	out.Down(to, b, 0)
}

func readTCPHeader(b []byte) tcpHeader {
	return tcpHeader{binary.LittleEndian.Uint32(b), b[4], binary.LittleEndian.Uint64(b[5:]), binary.LittleEndian.Uint32(b[13:]),
		binary.LittleEndian.Uint64(b[17:]), binary.LittleEndian.Uint32(b[25:])}
}

func (t *TCP) send(in impl.Input, out *impl.Effects) {
	switch {
	case len(in.Body) > maxFrame:
		out.Refuse(in.Ref, impl.TooLong)
	case in.To == impl.Everyone:
		t.sendAll(in, out)
	case in.To < 0 || int(in.To) >= len(t.peers):
		out.Refuse(in.Ref, impl.NotMember)
	case in.To == t.cfg.Self:
		t.sendOwn(in.Body, toOne, out)
		out.Acknowledge(in.Ref)
	default:
		var n uint64
		if in.Ref != 0 {
			var p *impl.Pending
			n, p = t.letters.Add(nil, in.Ref, in.Now)
			p.Waiting.Add(in.To)
			if t.peers[in.To].suspected { // never acknowledged: the frame is not kept
				t.letters.Drop(n)
			}
		}
		t.sendTo(in.To, tcpFrame{body: in.Body, send: n, sent: in.Now, kind: toOne}, out)
	}
}

func (t *TCP) sendAll(in impl.Input, out *impl.Effects) {
	var n uint64
	if in.Ref != 0 {
		var p *impl.Pending
		n, p = t.copies.Add(nil, in.Ref, in.Now)
		for _, m := range t.cfg.Members {
			if m != t.cfg.Self && !t.peers[m].suspected {
				p.Waiting.Add(m)
			}
		}
	}
	own := false
	for _, m := range t.cfg.Members {
		if own = own || m == t.cfg.Self; m != t.cfg.Self {
			t.sendTo(m, tcpFrame{body: in.Body, send: n, sent: in.Now, kind: toGroup}, out)
		}
	}
	if own { // last, so that a sender that delivers has written every copy
		t.sendOwn(in.Body, toGroup, out)
	}
	if ref, done := t.copies.Settle(n); done {
		out.Acknowledge(ref)
	}
}

// sendOwn hands a message to oneself, which is a packet and not a frame. Packets to oneself are never lost, but need not
// keep their order: each that comes in stands for the oldest message that has not, so that they are a stream as well.
func (t *TCP) sendOwn(body []byte, kind byte, out *impl.Effects) {
	b := out.Extend(body, 1)
	b[len(body)] = kind
	_, oldest := t.own.Push()
	*oldest = b
	out.Down(t.cfg.Self, b, 0)
}

// sendTo writes a new frame, and keeps it.
func (t *TCP) sendTo(to spec.NodeID, frame tcpFrame, out *impl.Effects) {
	p := &t.peers[to]
	n, f := p.frames.Push()
	*f = frame
	f.written = p.connected
	t.write(to, f.kind, n, f.body, out)
	if p.suspected {
		p.frames.Drop()
		return
	}
	t.arm(to, frame.sent, out)
}

func (t *TCP) arm(to spec.NodeID, now spec.Time, out *impl.Effects) {
	if p := &t.peers[to]; !p.armed {
		p.armed = true
		out.SetTimer(uint64(to), now+spec.Time(t.cfg.TS))
	}
}

// fire looks whether a peer that owes an acknowledgement has been silent for too long. If not it has a connection
// opened where none is left.
func (t *TCP) fire(in impl.Input, out *impl.Effects) {
	if in.Num >= uint64(len(t.peers)) {
		return
	}
	to := spec.NodeID(in.Num)
	p := &t.peers[to]
	p.armed = false
	oldest := p.frames.At(p.frames.First())
	if oldest == nil {
		return
	}
	if in.Now-max(oldest.sent, p.heard) < spec.Time(t.cfg.TL) {
		out.Down(to, nil, 0)
		t.arm(to, in.Now, out)
		return
	}
	p.suspected = true
	for ; p.frames.Len() > 0; p.frames.Drop() {
		p.frames.At(p.frames.First()).body = nil
	}
	t.letters.Remove(to, func(impl.Ref) {}) // never acknowledged: they may not have arrived
	out.Note(impl.Removed, in.Num, 0)
	out.Suspect(to)
	t.copies.Remove(to, out.Acknowledge)
}
