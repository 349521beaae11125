package impl

import (
	"encoding/binary"

	"github.com/conform-go/conform/spec"
)

// EnvelopeLen is the length of the harness's own header, which carries the message id beside the body: to every layer
// it is a part of the body it can't look into, so that two messages with equal bodies are two messages.
const EnvelopeLen = 16

// Seal appends the envelope to a body.
func Seal(e *Effects, body []byte, id spec.MsgID) []byte {
	b := e.Extend(body, EnvelopeLen)
	h := b[len(body):]
	binary.LittleEndian.PutUint32(h, uint32(id.Sender))
	binary.LittleEndian.PutUint32(h[4:], uint32(id.Incarnation))
	binary.LittleEndian.PutUint64(h[8:], id.Number)
	return b
}

// Open cuts the envelope off.
func Open(b []byte) (body []byte, id spec.MsgID, ok bool) {
	body, h, ok := Cut(b, EnvelopeLen)
	if !ok {
		return nil, id, false
	}
	id.Sender = spec.NodeID(int32(binary.LittleEndian.Uint32(h)))
	id.Incarnation = spec.Incarnation(binary.LittleEndian.Uint32(h[4:]))
	id.Number = binary.LittleEndian.Uint64(h[8:])
	return body, id, true
}

// Cut takes the last n bytes, a header, off a body. The body's capacity ends where it ends, so that nobody can append
// over the header of a packet that others still read.
func Cut(b []byte, n int) (body, header []byte, ok bool) {
	if len(b) < n {
		return nil, nil, false
	}
	k := len(b) - n
	return b[:k:k], b[k:], true
}
