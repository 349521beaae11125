package impl

// reach is how far ahead of the first missing number a window or a ring keeps anything.
const reach = 1 << 16

// Window remembers which numbers of a stream, counted from 1, have been seen: all below a first missing one, and some
// of the next 65,536. A number beyond that lets the window slide, and what it slides over counts as seen: a sender
// that gave something up leaves a hole, and must not stop the stream for ever. ([Outbox.Full] keeps a sender from
// getting there with anything it still wants to arrive.)
type Window struct {
	base uint64 // 1 + the numbers seen without a gap: 0 only before the first use
	bits []uint64
}

// Fate is what becomes of a number that a window is shown.
type Fate uint8

const (
	New  Fate = iota // not seen before
	Seen             // seen before, or so far back that it counts as seen
)

// Add marks a number as seen, and says whether it had been.
func (w *Window) Add(n uint64) Fate {
	if w.base == 0 {
		w.base = 1
	}
	if n < w.base {
		return Seen
	}
	if n-w.base >= reach {
		w.slide(n - reach + 1) // perhaps up to n
	}
	if n > w.base {
		return w.addAhead(n)
	}
	w.base++
	w.settle()
	return New
}

// settle moves on over what has been seen.
func (w *Window) settle() {
	for len(w.bits) > 0 && w.bit(w.base) {
		w.flip(w.base)
		w.base++
	}
}

func (w *Window) slide(base uint64) {
	if base-w.base >= uint64(len(w.bits))*64 {
		clear(w.bits)
		w.base = base
		return
	}
	for ; w.base < base; w.base++ {
		if w.bit(w.base) {
			w.flip(w.base)
		}
	}
	w.settle()
}

func (w *Window) addAhead(n uint64) Fate {
	for n-w.base >= uint64(len(w.bits))*64 {
		w.widen()
	}
	if w.bit(n) {
		return Seen
	}
	w.flip(n)
	return New
}

// Has says whether a number has been seen.
func (w *Window) Has(n uint64) bool {
	return n < w.base || w.base > 0 && n-w.base < uint64(len(w.bits))*64 && w.bit(n)
}

// First gives the first number that is missing.
func (w *Window) First() uint64 { return max(w.base, 1) }

func (w *Window) bit(n uint64) bool {
	n %= uint64(len(w.bits)) * 64
	return w.bits[n>>6]&(1<<(n&63)) != 0
}

func (w *Window) flip(n uint64) {
	n %= uint64(len(w.bits)) * 64
	w.bits[n>>6] ^= 1 << (n & 63)
}

func (w *Window) widen() {
	old := Window{bits: w.bits}
	w.bits = make([]uint64, max(1, 2*len(old.bits)))
	for n := w.base; n < w.base+uint64(len(old.bits))*64; n++ {
		if old.bit(n) {
			w.flip(n)
		}
	}
}

// Ring holds things that are numbered from 1, from a first to a last, and gives room for the next. Its zero value is
// empty.
type Ring[T any] struct {
	base  uint64 // number of the first, less one
	n     int
	slots []T
}

// First and Last give the numbers held; First is Last+1 where there are none.
func (r *Ring[T]) First() uint64 { return r.base + 1 }

// Last gives the number of the last held.
func (r *Ring[T]) Last() uint64 { return r.base + uint64(r.n) }

// At gives the slot of a number, or nil where it is not held.
func (r *Ring[T]) At(n uint64) *T {
	if n <= r.base || n > r.Last() {
		return nil
	}
	return &r.slots[n&uint64(len(r.slots)-1)]
}

// Reach gives the slot of a number, with the slots before it as they are left by those that had them; nil where the
// number has gone by or is too far ahead.
func (r *Ring[T]) Reach(n uint64) *T {
	if n <= r.base || n-r.base > reach {
		return nil
	}
	for n > r.Last() {
		r.Push()
	}
	return r.At(n)
}

// Push gives the slot of the next number, as it was left by the one that had it: its memory can be used again.
func (r *Ring[T]) Push() (uint64, *T) {
	if r.n == len(r.slots) {
		r.grow()
	}
	r.n++
	return r.Last(), &r.slots[r.Last()&uint64(len(r.slots)-1)]
}

// Drop lets go of the first.
func (r *Ring[T]) Drop() {
	if r.n > 0 {
		r.base++
		r.n--
	}
}

// Restart lets go of all, and goes on behind the number n.
func (r *Ring[T]) Restart(n uint64) { r.base, r.n = n, 0 }

// Len counts the slots held.
func (r *Ring[T]) Len() int { return r.n }

func (r *Ring[T]) grow() {
	slots := make([]T, max(4, 2*len(r.slots)))
	for n := r.First(); n <= r.Last(); n++ {
		slots[n&uint64(len(slots)-1)] = r.slots[n&uint64(len(r.slots)-1)]
	}
	r.slots = slots
}

// Lives keeps something for each life of each node.
type Lives[T any] struct {
	nodes [][]life[T]
}

type life[T any] struct {
	incarnation uint32
	value       *T
}

// maxLives bounds what forged incarnations can cost.
const maxLives = 64

// Of gives what is kept of a life, a new zero T at first; nil where the node is unknown or has had too many.
func (l *Lives[T]) Of(node int, nodes int, incarnation uint32) *T {
	if node < 0 || node >= nodes {
		return nil
	}
	for len(l.nodes) < nodes {
		l.nodes = append(l.nodes, nil)
	}
	for _, x := range l.nodes[node] {
		if x.incarnation == incarnation {
			return x.value
		}
	}
	if len(l.nodes[node]) == maxLives {
		return nil
	}
	v := new(T)
	l.nodes[node] = append(l.nodes[node], life[T]{incarnation, v})
	return v
}
