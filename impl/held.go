package impl

// Holder is a layer that holds messages back: it has taken them in, and will deliver them when something else has come
// or happened. What it holds back anew it says so of in the same step, by a note [HeldBack]; a life that begins may hold
// back what its log gave back. It may be asked after every step, and must not answer slowly where it holds nothing back.
type Holder interface {
	// Held gives how many messages are held back now: pieces, sends that wait for their turn and copies kept for others
	// do not count.
	Held() int
}

// Held implements [Holder]: the sum of what the layers hold back.
func (s *Stack) Held() (n int) {
	for _, h := range s.holders {
		n += h.Held()
	}
	return n
}

// holdersOf lists the layers that hold messages back.
func holdersOf(layers []Layer) (out []Holder) {
	for _, l := range layers {
		if h, ok := l.(Holder); ok {
			out = append(out, h)
		}
	}
	return out
}

// Count counts the slots of which something holds.
func (r *Ring[T]) Count(holds func(*T) bool) (n int) {
	for i := r.First(); i <= r.Last(); i++ {
		if holds(r.At(i)) {
			n++
		}
	}
	return n
}

// Sum adds up a figure of every life.
func (l *Lives[T]) Sum(of func(*T) int) (n int) {
	for i := range l.nodes {
		for _, x := range l.nodes[i] {
			n += of(x.value)
		}
	}
	return n
}
