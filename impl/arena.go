package impl

// Arena hands out the bytes of bodies and headers. What it has handed out stays as it is until Reset.
//
// A simulated world has one and resets it between schedules; a world that runs on for ever makes one with
// [Arena.Forget] set, which leaves full chunks to the garbage collector.
type Arena struct {
	Forget bool

	chunk  []byte // its length is what has been handed out
	chunks [][]byte
	next   int // chunks[next:] are free
}

const chunkSize = 64 << 10

// Reset takes all bytes back.
func (a *Arena) Reset() {
	a.next = 0
	a.chunk = nil
}

// Alloc gives n zeroed bytes.
func (a *Arena) Alloc(n int) []byte {
	if len(a.chunk)+n > cap(a.chunk) {
		a.grow(n)
	}
	l := len(a.chunk)
	a.chunk = a.chunk[:l+n]
	b := a.chunk[l : l+n : l+n]
	clear(b)
	return b
}

// Extend gives body and n zeroed bytes behind it: in place where body is the last piece that was handed out, else in
// a copy. (To append in place anywhere else would write over the bytes of somebody else's packet.)
func (a *Arena) Extend(body []byte, n int) []byte {
	l, used := len(body), len(a.chunk)
	if l > 0 && used >= l && &body[l-1] == &a.chunk[used-1] && used+n <= cap(a.chunk) {
		a.chunk = a.chunk[:used+n]
		clear(a.chunk[used:])
		return a.chunk[used-l : used+n : used+n]
	}
	b := a.Alloc(l + n)
	copy(b, body)
	return b
}

func (a *Arena) grow(n int) {
	if a.Forget {
		a.chunk = make([]byte, 0, max(n, chunkSize))
		return
	}
	for a.next < len(a.chunks) {
		c := a.chunks[a.next]
		a.next++
		if cap(c) >= n {
			a.chunk = c[:0]
			return
		}
	}
	c := make([]byte, 0, max(n, chunkSize))
	a.chunks = append(a.chunks, c)
	a.next = len(a.chunks)
	a.chunk = c
}
