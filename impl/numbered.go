package impl

import (
	"encoding/binary"
	"hash/crc32"
)

// Numbered is the header of a protocol that numbers and acknowledges what it sends. It ends in a CRC-32C of all that
// stands before it, so that changed bytes are found.
type Numbered struct {
	N           uint64
	Incarnation uint32 // of the sender of the data, also in its acknowledgement
	Kind        byte
}

const numberedLen = 8 + 4 + 1 + 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendNumbered puts the header behind a body.
func AppendNumbered(out *Effects, body []byte, h Numbered) []byte {
	b := out.Extend(body, numberedLen)
	x := b[len(body):]
	binary.LittleEndian.PutUint64(x, h.N)
	binary.LittleEndian.PutUint32(x[8:], h.Incarnation)
	x[12] = h.Kind
	Checksum(b)
	return b
}

// Checksum writes the checksum of a packet into its last four bytes.
func Checksum(packet []byte) {
	n := len(packet) - 4
	binary.LittleEndian.PutUint32(packet[n:], crc32.Update(0, castagnoli, packet[:n]))
}

// Intact says whether the last four bytes of a packet are the checksum that [Checksum] writes.
func Intact(packet []byte) bool {
	n := len(packet) - 4
	return n >= 0 && crc32.Update(0, castagnoli, packet[:n]) == binary.LittleEndian.Uint32(packet[n:])
}

// CutNumbered takes the header off. The code is NoCode, or why the packet must be discarded: Malformed or Corrupted.
func CutNumbered(b []byte) (body []byte, h Numbered, code Code) {
	body, x, ok := Cut(b, numberedLen)
	if !ok {
		return nil, h, Malformed
	}
	if !Intact(b) {
		return nil, h, Corrupted
	}
	h.N, h.Incarnation, h.Kind = binary.LittleEndian.Uint64(x), binary.LittleEndian.Uint32(x[8:]), x[12]
	return body, h, NoCode
}

// OpenNumbered takes the header off a packet that came in. One that must be discarded is noted with the reason.
func OpenNumbered(in Input, nodes int, out *Effects) (body []byte, h Numbered, ok bool) {
	body, h, code := CutNumbered(in.Body)
	if in.From < 0 || int(in.From) >= nodes {
		code = Malformed
	}
	if code != NoCode {
		out.Note(code, uint64(in.From), uint64(len(in.Body)))
	}
	return body, h, code == NoCode
}
