package reliability

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// identity names a message of a group: who sent it first, in which of its lives, and as which of its messages.
type identity struct {
	n           uint64
	incarnation uint32
	origin      spec.NodeID
}

// identityLen is the length of an identity in a packet.
const identityLen = 8 + 4 + 2

func (id identity) put(b []byte) {
	binary.LittleEndian.PutUint64(b, id.n)
	binary.LittleEndian.PutUint32(b[8:], id.incarnation)
	binary.LittleEndian.PutUint16(b[12:], uint16(id.origin))
}

// behind puts the identity behind a body.
func (id identity) behind(body []byte, out *impl.Effects) []byte {
	b := out.Extend(body, identityLen)
	id.put(b[len(body):])
	return b
}

// identityOf reads an identity from its bytes.
func identityOf(b []byte) identity {
	return identity{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:]),
		spec.NodeID(binary.LittleEndian.Uint16(b[12:]))}
}

// cutIdentity takes the identity off that stands behind a body.
func cutIdentity(b []byte) (body []byte, id identity, ok bool) {
	body, h, ok := impl.Cut(b, identityLen)
	if !ok {
		return nil, id, false
	}
	return body, identityOf(h), true
}
