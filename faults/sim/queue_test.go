package sim

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The wheel gives events in the order of their times, and of their arrival where these are equal.
func TestTheWheelSorts(t *testing.T) {
	var q queue
	rapid.Check(t, func(t *rapid.T) {
		q.reset()
		var want []event
		now := int64(0)
		distance := rapid.OneOf(
			rapid.Int64Range(0, 3),          // the slot that is being served
			rapid.Int64Range(0, 40_000),     // near slots
			rapid.Int64Range(0, 33_600_000), // the whole wheel, and just beyond
			rapid.Int64Range(0, 1<<40),      // far beyond
			rapid.SampledFrom([]int64{1 << slotBits, slots << slotBits, slots<<slotBits - 1, (slots - 1) << slotBits}),
		)
		for range rapid.IntRange(1, 120).Draw(t, "operations") {
			switch rapid.IntRange(0, 4).Draw(t, "operation") {
			case 0, 1, 2:
				at := now + distance.Draw(t, "after")
				seq := q.push(at, uint32(len(want)))
				want = append(want, event{at, seq, uint32(len(want))})
			case 3:
				now = popOne(t, &q, &want, now)
			default:
				first := int64(-1)
				for _, e := range want {
					if first < 0 || e.at < first {
						first = e.at
					}
				}
				if at, any := q.peek(); any != (len(want) > 0) || any && at != first {
					t.Fatalf("peek: %d %v, want %d", at, any, first)
				}
			}
		}
		for len(want) > 0 {
			now = popOne(t, &q, &want, now)
		}
		if _, any := q.pop(); any {
			t.Fatal("an event too many")
		}
	})
}

func popOne(t *rapid.T, q *queue, want *[]event, now int64) int64 {
	slices.SortFunc(*want, func(a, b event) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	e, any := q.pop()
	if any != (len(*want) > 0) {
		t.Fatalf("pop: %v, want %d events", any, len(*want))
	}
	if !any {
		return now
	}
	if w := (*want)[0]; e.at != w.at || e.seq != w.seq {
		t.Fatalf("popped %v, want %v", e, w)
	}
	*want = (*want)[1:]
	return e.at
}

func TestManyEventsOfOneSlotAreSorted(t *testing.T) {
	var q queue
	q.reset()
	for i := range 500 {
		q.push(100_000+int64(i*7919%501), 0)
	}
	last := event{}
	for range 500 {
		e, _ := q.pop()
		if e.before(last) {
			t.Fatalf("%v after %v", e, last)
		}
		last = e
	}
}
