package reliability

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// The kinds of packets.
const (
	viewData = 1 // a message with its identity, from its sender or from whoever forwards it
	viewTold = 2 // of some senders: up to which number I have their messages, and up to which they are stable
	viewAsk  = 3 // the same, and tell me yours
	viewMark = 4 // the flush: what I have of this view, toward the next
)

// The header of every packet, the kind last: the view that it is of, the life of the node that sends the packet, kind.
const viewHeader = viewIDLen + 4 + 1

const viewIDLen = 8 + 8

// noNode stands for the node of a view's id that has none.
const noNode = ^uint64(0)

func putViewID(b []byte, v spec.ViewID) {
	node := noNode
	if v.HasNode {
		node = v.Node
	}
	binary.LittleEndian.PutUint64(b, v.Epoch)
	binary.LittleEndian.PutUint64(b[8:], node)
}

func viewIDOf(b []byte) spec.ViewID {
	v := spec.ViewID{Epoch: binary.LittleEndian.Uint64(b), Node: binary.LittleEndian.Uint64(b[8:])}
	if v.HasNode = v.Node != noNode; !v.HasNode {
		v.Node = 0
	}
	return v
}

// seal puts the header behind what a packet says.
func (l *AtomicView) seal(b []byte, kind byte, out *impl.Effects) []byte {
	p := out.Extend(b, viewHeader)
	h := p[len(b):]
	putViewID(h, l.view)
	binary.LittleEndian.PutUint32(h[viewIDLen:], l.incarnation)
	h[viewIDLen+4] = kind
	return p
}

// An entry says something of one sender: its identity has the number up to which, or from which, and behind it stands
// another number.
const viewEntry = identityLen + 8

func putEntry(b []byte, id identity, n uint64) {
	id.put(b)
	binary.LittleEndian.PutUint64(b[identityLen:], n)
}

func entryOf(b []byte) (identity, uint64) {
	return identityOf(b), binary.LittleEndian.Uint64(b[identityLen:])
}

// id names a message of a stream.
func (l *AtomicView) id(k int, n uint64) identity {
	return identity{n, l.streams[k].incarnation, l.members[k]}
}

// toldOf writes the entry of what is here of one stream.
func (l *AtomicView) toldOf(k int, b []byte) {
	s := &l.streams[k]
	stable := s.stable
	if !l.Rules.Tells(true) {
		stable = 0
	}
	putEntry(b, l.id(k, l.Rules.Claims(s.has[l.me])), stable)
}

// tell tells all what is here of one stream.
func (l *AtomicView) tell(k int, out *impl.Effects) {
	b := out.Alloc(viewEntry)
	l.toldOf(k, b)
	out.Down(impl.Everyone, l.seal(b, viewTold, out), 0)
}

// perPacket keeps packets of entries short.
const perPacket = 3

// tellAll tells all what is here of every stream; as a question, or as the answer to one.
func (l *AtomicView) tellAll(kind byte, out *impl.Effects) {
	for k := 0; k < len(l.streams); {
		b, used := out.Alloc(perPacket*viewEntry), 0
		for ; k < len(l.streams) && used < len(b); k++ {
			if l.streams[k].known {
				l.toldOf(k, b[used:])
				used += viewEntry
			}
		}
		if used > 0 {
			out.Down(impl.Everyone, l.seal(b[:used:used], kind, out), 0)
		}
	}
}

// viewPacket is what a packet says.
type viewPacket struct {
	kind        byte
	view        spec.ViewID
	incarnation uint32
	rest        []byte // data: the message with its identity; else entries
	next        spec.ViewID
}

// parseView reads a packet, as far as it can be read without knowing its view.
func parseView(body []byte) (p viewPacket, ok bool) {
	rest, h, ok := impl.Cut(body, viewHeader)
	if !ok {
		return p, false
	}
	p = viewPacket{kind: h[viewIDLen+4], view: viewIDOf(h), incarnation: binary.LittleEndian.Uint32(h[viewIDLen:]), rest: rest}
	switch p.kind {
	case viewData:
		return p, len(rest) >= identityLen
	case viewTold, viewAsk:
		return p, len(rest) > 0 && len(rest)%viewEntry == 0
	case viewMark:
		var next []byte
		if p.rest, next, ok = impl.Cut(rest, viewIDLen); ok {
			p.next = viewIDOf(next)
		}
		return p, ok && len(p.rest)%viewEntry == 0
	}
	return p, false
}

// streamOf gives the stream that an identity is of, and its position; nil where it makes no sense in this view.
func (l *AtomicView) streamOf(id identity) (*viewStream, int) {
	k := l.index(id.origin)
	if k < 0 {
		return nil, k
	}
	s := &l.streams[k]
	if !s.known {
		s.known, s.incarnation = true, id.incarnation
	}
	if s.incarnation != id.incarnation {
		return nil, k
	}
	return s, k
}
