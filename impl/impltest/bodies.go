package impltest

import "hash/crc32"

// bodies remembers every body that was handed to a layer or by one, to find out whether it is changed later.
type bodies struct {
	known []knownBody
}

type knownBody struct {
	bytes  []byte
	sum    uint32
	before int // number of the input with which it was handed over
	whose  string
	bad    bool
}

// remember takes a body up. For one that the harness made, with is all its memory, the guard behind it included.
func (b *bodies) remember(with []byte, input int, whose string) {
	if len(with) > 0 {
		b.known = append(b.known, knownBody{with, crc32.ChecksumIEEE(with), input, whose, false})
	}
}

// changed gives the first body that is no longer what it was, looking at those from a first one on.
func (b *bodies) changed(from int) *knownBody {
	for i := max(0, from); i < len(b.known); i++ {
		if k := &b.known[i]; !k.bad && crc32.ChecksumIEEE(k.bytes) != k.sum {
			k.bad = true
			return k
		}
	}
	return nil
}

const guard = 24 // bytes behind a body that the harness made

// guarded copies a body into memory that goes on behind it, as that of a received packet does.
func guarded(body []byte) (short, whole []byte) {
	whole = make([]byte, len(body)+guard)
	copy(whole, body)
	for i := len(body); i < len(whole); i++ {
		whole[i] = 0xa5
	}
	return whole[:len(body)], whole
}

// inside says whether part is a proper piece of whole.
func inside(part, whole []byte) bool {
	if len(part) == 0 || len(part) >= len(whole) {
		return false
	}
	for i := range whole {
		if &whole[i] == &part[0] {
			return true
		}
	}
	return false
}
