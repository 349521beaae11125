package netns

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/spec"
)

// Timers fire in the order of their times, of equal ones the one that was set first; what was replaced or stopped never
// does. The twin keeps a list.
func TestTimersFireInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x timers
		var twin []timer
		drop := func(k timerKey) {
			for i := range twin {
				if twin[i].key == k {
					twin = append(twin[:i], twin[i+1:]...)
					return
				}
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			k := timerKey{id: rapid.Uint64Range(0, 7).Draw(t, "id")}
			at := spec.Time(rapid.IntRange(0, 9).Draw(t, "at"))
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				drop(k)
				twin = append(twin, timer{at: at, key: k})
				x.reset(k, at)
			case 2:
				drop(k)
				x.stop(k)
			case 3:
				first := -1
				for i := range twin {
					if twin[i].at <= at && (first < 0 || twin[i].at < twin[first].at) {
						first = i
					}
				}
				got, ok := x.due(at)
				if ok != (first >= 0) || ok && got != twin[first].key {
					t.Fatalf("at %d: %v %v, want number %d of %v", at, got, ok, first, twin)
				}
				if ok {
					drop(got)
				}
			}
			if len(x.heap) != len(twin) || len(x.place) != len(twin) {
				t.Fatalf("%d timers, want %d", len(x.heap), len(twin))
			}
		}
	})
}
