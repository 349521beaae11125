package reliability

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// What the levels that keep a log have in common: the header of their packets, the numbers of each origin, and the
// order of what a node has delivered.
//
// The numbers of a node go on over its lives, as its log tells them. The incarnation in an identity is the one that
// began the log: a node that has lost its disk, or finds its log corrupted, counts anew under a new one, so that no
// number is ever used twice.

// header stands behind the body of a packet.
type header struct {
	identity
	settled uint64 // of the identity's origin: no member needs the messages up to this number any more
	kind    byte
}

const headerLen = identityLen + 8 + 1

func (h header) behind(body []byte, out *impl.Effects) []byte {
	b := out.Extend(body, headerLen)
	x := b[len(body):]
	h.put(x)
	binary.LittleEndian.PutUint64(x[identityLen:], h.settled)
	x[headerLen-1] = h.kind
	return b
}

// letter is the kind of what an application sends to one node. Its header is the kind alone.
const letter = 0xff

// cutHeader takes the header off. A letter to the group makes no sense: it would be a message that no log has.
func cutHeader(in impl.Input) (body []byte, h header, ok bool) {
	b := in.Body
	if len(b) > 0 && b[len(b)-1] == letter {
		return b[: len(b)-1 : len(b)-1], header{kind: letter}, in.To != impl.Everyone
	}
	body, x, ok := impl.Cut(b, headerLen)
	if !ok {
		return nil, h, false
	}
	return body, header{identityOf(x), binary.LittleEndian.Uint64(x[identityLen:]), x[headerLen-1]}, true
}

// sendLetter passes on what is for one node.
func sendLetter(in impl.Input, out *impl.Effects) {
	b := out.Extend(in.Body, 1)
	b[len(in.Body)] = letter
	out.Down(in.To, b, in.Ref).Code = in.Code
}

// stream is what one origin sends, from the first number that is not settled.
type stream[T any] struct {
	identity // without a number
	slots    impl.Ring[T]
	known    bool
	settled  uint64 // as its origin told
}

// streams has those of all origins.
type streams[T any] struct {
	lives impl.Lives[stream[T]]
	list  []*stream[T] // in the order in which they were heard of
}

// of gives the stream of an identity; nil where there can be none.
func (a *streams[T]) of(id identity, nodes int) *stream[T] {
	s := a.lives.Of(int(id.origin), nodes, id.incarnation)
	if s != nil && !s.known {
		s.known, s.identity = true, identity{incarnation: id.incarnation, origin: id.origin}
		a.list = append(a.list, s)
	}
	return s
}

// settle begins each stream behind what a log says is settled: that need not be kept, wherever its record stands.
func (a *streams[T]) settle(records []impl.Record, nodes int) {
	for _, r := range records {
		if r.Kind == recordSettled && len(r.Payload) == identityLen {
			id := identityOf(r.Payload)
			if s := a.of(id, nodes); s != nil {
				s.settled = max(s.settled, id.n)
			}
		}
	}
	for _, s := range a.list {
		s.slots.Restart(s.settled)
	}
}

// frontier is the number up to which this node has let go of everything.
func (s *stream[T]) frontier() uint64 { return s.slots.First() - 1 }

// places is the order in which a node delivers, as its log tells it: each delivery has an index, counted from 1 over
// all lives.
type places struct {
	last  uint64
	found []place // in the log
}

type place struct {
	index   uint64 // of what is aborted, that of the delivery before it
	origin  spec.NodeID
	body    []byte
	aborted uint64 // the number of one that is; 0: it was delivered
}

// next gives the index of the next delivery.
func (p *places) next() uint64 {
	p.last++
	return p.last
}

// find takes up a delivery of the log. One without a body has lost it with the head of the log: what can be handed up
// again begins behind it.
func (p *places) find(x place, known bool) {
	p.last = max(p.last, x.index)
	if p.found = append(p.found, x); !known {
		p.found = p.found[:0]
	}
}

// again hands up what the log has: what is beyond that which the application has kept, where it says how much that is;
// else all of it, marked, because nobody knows.
func (p *places) again(ready impl.Input, out *impl.Effects) {
	if ready.Flag {
		p.last = max(p.last, ready.Num)
		if len(p.found) > 0 && p.found[0].index > ready.Num+1 {
			out.Note(impl.Corrupted, ready.Num+1, p.found[0].index-1) // the application lacks them, and so does the log
		}
	}
	for _, x := range p.found {
		if x.aborted > 0 {
			if !ready.Flag || x.index >= ready.Num {
				out.Add(impl.Effect{Kind: impl.Gap, From: x.origin, Num: x.aborted, Last: x.aborted, Body: x.body})
			}
			continue
		}
		if !ready.Flag || x.index > ready.Num {
			out.Add(impl.Effect{Kind: impl.Up, From: x.origin, To: impl.Everyone, Body: x.body, Flag: !ready.Flag})
		}
	}
	p.found = nil
}

// The fields of records.

func putIdentity(out *impl.Effects, id identity) []byte {
	b := out.Alloc(identityLen)
	id.put(b)
	return b
}

// cutFront takes off an identity that stands before a body.
func cutFront(b []byte) (id identity, rest []byte, ok bool) {
	if len(b) < identityLen {
		return id, nil, false
	}
	return identityOf(b), b[identityLen:], true
}

const placeLen = identityLen + 8

// putPlace writes an identity and an index.
func putPlace(out *impl.Effects, id identity, index uint64) []byte {
	b := out.Alloc(placeLen)
	writePlace(b, id, index)
	return b
}

func writePlace(b []byte, id identity, index uint64) {
	id.put(b)
	binary.LittleEndian.PutUint64(b[identityLen:], index)
}

// fields reads what putPlace has written, and what stands behind it.
func fields(b []byte) (id identity, index uint64, rest []byte, ok bool) {
	if len(b) < placeLen {
		return id, 0, nil, false
	}
	return identityOf(b), binary.LittleEndian.Uint64(b[identityLen:]), b[placeLen:], true
}
