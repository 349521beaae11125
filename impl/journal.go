package impl

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// The records of a layer's log. Each has a kind, a payload and a CRC-32C of both; its bytes are stuffed so that none
// of them is 0 (Cheshire & Baker, Consistent Overhead Byte Stuffing, 1999: one byte more for 254), and a 0 ends it:
//
//	record = stuffed(kind, payload, checksum) 0
//
// The mark at the end takes the place of a length in front. A log can be cut at its head only, so that what a crash
// has torn stays where it is, and the next life writes behind it: a length that lies would swallow what follows, and a
// reader that looked for the next good checksum might find one inside a torn payload. A mark can't be mistaken: damage
// costs the records that it touches, and no other is lost and none invented.

// mended is the kind of the record that stands behind a torn tail which a later life has closed.
const mended = 0

// Record is one record of a log.
type Record struct {
	Payload []byte
	End     int  // where it ends in the log
	Kind    byte // never 0
}

// Journal is what a disk has kept of a layer's log.
type Journal struct {
	Records   []Record // the whole ones, in the order written
	Corrupted int      // damaged ones with a whole one behind them: bits have flipped
	Torn      int      // damaged bytes at the end: what a crash has left of the last writes

	unmarked bool // the last record is whole but for its mark
}

// AppendRecord adds a record to the layer's log, its payload in parts, and gives its length in the log. The kind is
// not 0.
func AppendRecord(out *Effects, kind byte, parts ...[]byte) (length int) {
	ends := out.Alloc(1 + 4)
	ends[0] = kind
	n, sum := len(ends), crc32.Update(0, castagnoli, ends[:1])
	for _, p := range parts {
		n += len(p)
		sum = crc32.Update(sum, castagnoli, p)
	}
	binary.LittleEndian.PutUint32(ends[1:], sum)
	s := stuffing{b: out.Alloc(n + n/254 + 2)[:1]}
	s.write(ends[:1])
	for _, p := range parts {
		s.write(p)
	}
	s.write(ends[1:])
	s.close()
	b := append(s.b, 0)
	out.Append(b)
	return len(b)
}

// stuffing writes blocks of up to 254 bytes that are not 0. The first byte of a block tells its length, and the place
// of the 0 that follows it in the data.
type stuffing struct {
	b     []byte
	block int // where the present one begins
}

func (s *stuffing) write(p []byte) {
	for len(p) > 0 {
		room := 255 - (len(s.b) - s.block)
		n := bytes.IndexByte(p[:min(room, len(p))], 0)
		zero := n >= 0
		if !zero {
			n = min(room, len(p))
		}
		s.b = append(s.b, p[:n]...)
		if p = p[n:]; zero {
			p = p[1:]
		}
		if zero || len(s.b)-s.block == 255 {
			s.close()
			s.block = len(s.b)
			s.b = append(s.b, 0)
		}
	}
}

func (s *stuffing) close() { s.b[s.block] = byte(len(s.b) - s.block) }

// unstuff writes the data of a record without its mark behind dst, as far as it makes sense.
func unstuff(dst, record []byte) (data []byte, whole bool) {
	for len(record) > 0 {
		n := int(record[0])
		if n == 0 || n > len(record) || n == 255 && n == len(record) { // a full block is followed by another
			return append(dst, record[1:]...), false
		}
		dst = append(dst, record[1:n]...)
		if record = record[n:]; n < 255 && len(record) > 0 {
			dst = append(dst, 0)
		}
	}
	return dst, true
}

// DecodeRecord reads the bytes of a record before its mark. Where it is not whole, the record is a guess: what is left
// of it, and not to be trusted.
func DecodeRecord(b []byte) (r Record, whole bool) { return decodeRecord(make([]byte, 0, len(b)), b) }

func decodeRecord(dst, b []byte) (r Record, whole bool) {
	data, whole := unstuff(dst, b)
	if len(data) == 0 {
		return r, false
	}
	r.Kind, r.Payload = data[0], data[1:]
	if n := len(data) - 4; whole && n >= 1 {
		r.Payload = data[1:n:n]
		return r, crc32.Update(0, castagnoli, data[:n]) == binary.LittleEndian.Uint32(data[n:])
	}
	return r, false
}

// ReadJournal reads a log. It takes any bytes, and gives those records that are whole.
func ReadJournal(log []byte) Journal {
	var j Journal
	memory := make([]byte, 0, len(log)) // of all payloads
	damaged, from := 0, 0               // records since the last whole one, which ends there
	for at := 0; at < len(log); {
		n := bytes.IndexByte(log[at:], 0)
		last := n < 0
		if last {
			n = len(log) - at
		}
		r, whole := decodeRecord(memory[len(memory):], log[at:at+n])
		at += n + 1
		if !whole {
			damaged++
			continue
		}
		memory = memory[:len(memory)+1+len(r.Payload)]
		if r.Kind != mended {
			j.Corrupted += damaged
			r.End = min(at, len(log))
			j.Records = append(j.Records, r)
		}
		j.unmarked = last // only its mark is missing
		damaged, from = 0, min(at, len(log))
	}
	j.Torn = len(log) - from
	return j
}

// Mend closes a torn tail, so that what is written from now on can be read. Each life does so before it writes
// anything else. It gives the length of what it adds to the log.
func (j *Journal) Mend(out *Effects) (length int) {
	if j.Torn == 0 && !j.unmarked {
		return 0
	}
	mark := out.Alloc(1)
	out.Append(mark)
	if j.Torn == 0 {
		return 1
	}
	return 1 + AppendRecord(out, mended)
}
