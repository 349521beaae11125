package impl

import (
	"encoding/binary"

	"github.com/conform-go/conform/spec"
)

// RestoreRef marks a Finish that answers no call: its body is the state of the group, as it was at the beginning of the
// view that was installed just before, and is for an application that comes into the group with that view.
const RestoreRef Ref = 1 << 63

// AppendMsg writes the id of a message behind b: to the harness, the state of a group is the messages delivered in it.
func AppendMsg(b []byte, id spec.MsgID) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(id.Sender))
	b = binary.LittleEndian.AppendUint32(b, uint32(id.Incarnation))
	return binary.LittleEndian.AppendUint64(b, id.Number)
}

// ReadMsgs reads what AppendMsg has written; false where the bytes are no such list.
func ReadMsgs(b []byte) (ids []spec.MsgID, ok bool) {
	for len(b) > 0 {
		_, id, ok := Open(b[:min(EnvelopeLen, len(b))])
		if !ok {
			return nil, false
		}
		ids, b = append(ids, id), b[EnvelopeLen:]
	}
	return ids, true
}
