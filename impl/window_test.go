package impl_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/impl"
)

const windowReach = 1 << 16

// A window remembers the numbers it was shown, and takes for seen what it slid over.
func TestWindowAgainstASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w impl.Window
		seen, slid := map[uint64]bool{}, uint64(1) // below slid all count as seen
		has := func(n uint64) bool { return n < slid || seen[n] }
		first := func() uint64 {
			n := slid
			for seen[n] {
				n++
			}
			return n
		}
		near := rapid.Uint64Range(0, 200)
		for range rapid.IntRange(1, 150).Draw(t, "operations") {
			n := near.Draw(t, "n")
			switch rapid.IntRange(0, 9).Draw(t, "distance") {
			case 0:
				n = first()
			case 1, 2:
				n += first()
			case 3:
				n += first() + windowReach - 100
			case 4:
				n += first() + rapid.Uint64Range(windowReach, 1<<40).Draw(t, "far")
			}
			want := impl.New
			if has(n) {
				want = impl.Seen
			}
			if base := first(); n >= base && n-base >= windowReach {
				slid = n - windowReach + 1
			}
			seen[n] = true
			if got := w.Add(n); got != want {
				t.Fatalf("Add(%d) = %d, want %d", n, got, want)
			}
			if got := w.First(); got != first() {
				t.Fatalf("after Add(%d): First = %d, want %d", n, got, first())
			}
			for range 8 {
				m := n + near.Draw(t, "m")
				if m -= min(m, near.Draw(t, "less")); m > 0 && w.Has(m) != has(m) {
					t.Fatalf("after Add(%d): Has(%d) = %v", n, m, !has(m))
				}
			}
		}
	})
}

// A sender that gave something up leaves a hole for ever, and the stream goes on.
func TestAWindowSlidesOverAHole(t *testing.T) {
	var w impl.Window
	for n := uint64(2); n < 3*windowReach; n++ {
		if w.Add(n) != impl.New || w.Add(n) != impl.Seen {
			t.Fatalf("%d is not new, or new twice", n)
		}
	}
	if w.Add(1) != impl.Seen || w.First() != 3*windowReach {
		t.Errorf("the hole was not slid over: first missing %d", w.First())
	}
}

func TestAWindowBearsTheLargestNumbers(t *testing.T) {
	var w impl.Window
	for _, n := range []uint64{1<<64 - 1, 1<<64 - 2, 0, 1} {
		w.Add(n)
	}
	if !w.Has(1<<64-1) || !w.Has(1) {
		t.Error("forgotten")
	}
}

// A ring holds a piece of a sequence; its slots are used again.
func TestRingAgainstAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r impl.Ring[uint64]
		held := map[uint64]uint64{}
		first, last := uint64(1), uint64(0)
		push := func() *uint64 {
			n, x := r.Push()
			if last++; n != last {
				t.Fatalf("pushed %d, want %d", n, last)
			}
			*x = 0
			held[n] = 0
			return x
		}
		for range rapid.IntRange(1, 100).Draw(t, "operations") {
			switch rapid.IntRange(0, 4).Draw(t, "operation") {
			case 0, 1:
				x := push()
				*x = rapid.Uint64().Draw(t, "value")
				held[last] = *x
			case 2:
				r.Drop()
				if first <= last {
					delete(held, first)
					first++
				}
			case 3:
				n := rapid.Uint64Range(0, 40).Draw(t, "n") + first - min(first, 5)
				x := r.Reach(n)
				if (x == nil) != (n < first) {
					t.Fatalf("Reach(%d) = %v with first %d", n, x, first)
				}
				for m := last + 1; m <= n; m++ {
					held[m] = 0
					*r.At(m) = 0
					last = m
				}
			default:
				if r.Reach(first+windowReach) != nil {
					t.Fatalf("reached beyond the reach")
				}
			}
			if r.First() != first || r.Last() != last || r.Len() != len(held) {
				t.Fatalf("holds %d to %d (%d), want %d to %d", r.First(), r.Last(), r.Len(), first, last)
			}
			for n := first - min(first, 3); n < last+4; n++ {
				want, ok := held[n]
				if x := r.At(n); (x != nil) != ok || ok && *x != want {
					t.Fatalf("At(%d) = %v, want %d %v", n, x, want, ok)
				}
			}
		}
	})
}

func TestLives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l impl.Lives[int]
		type life struct {
			node        int
			incarnation uint32
		}
		known := map[life]*int{}
		count := map[int]int{}
		for range rapid.IntRange(1, 300).Draw(t, "operations") {
			k := life{rapid.IntRange(-1, 3).Draw(t, "node"), rapid.Uint32Range(0, 90).Draw(t, "incarnation")}
			got := l.Of(k.node, 3, k.incarnation)
			want, has := known[k]
			switch {
			case k.node < 0 || k.node >= 3:
				if got != nil {
					t.Fatalf("%v is nobody", k)
				}
			case has && got != want:
				t.Fatalf("%v: another value than before", k)
			case !has && (got == nil) != (count[k.node] == 64):
				t.Fatalf("%v: %v after %d lives", k, got, count[k.node])
			case !has && got != nil:
				if *got != 0 {
					t.Fatalf("%v: not new", k)
				}
				*got = len(known) + 1
				known[k] = got
				count[k.node]++
			}
		}
	})
}
