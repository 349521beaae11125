package impl_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

func TestNodeSetAgainstAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s impl.NodeSet
		in := map[spec.NodeID]bool{}
		for range rapid.IntRange(1, 80).Draw(t, "operations") {
			n := spec.NodeID(rapid.IntRange(0, 200).Draw(t, "node"))
			switch rapid.IntRange(0, 8).Draw(t, "operation") {
			case 0:
				s.Clear()
				clear(in)
			case 1, 2, 3:
				if s.Remove(n) != in[n] {
					t.Fatalf("Remove(%d)", n)
				}
				delete(in, n)
			default:
				if s.Add(n) == in[n] {
					t.Fatalf("Add(%d)", n)
				}
				in[n] = true
			}
			if s.Has(n) != in[n] || s.Len() != len(in) || s.Has(-1) {
				t.Fatalf("Has(%d) %v, Len %d, want %v, %d", n, s.Has(n), s.Len(), in[n], len(in))
			}
			var got, want []spec.NodeID
			for m := s.Next(0); m >= 0; m = s.Next(m + 1) {
				got = append(got, m)
			}
			for m := range in {
				want = append(want, m)
			}
			if slices.Sort(want); !slices.Equal(got, want) {
				t.Fatalf("walked %v, want %v", got, want)
			}
		}
	})
}

// modelled is what a naive outbox remembers of a message.
type modelled struct {
	ref     impl.Ref
	sent    spec.Time
	again   spec.Time
	waiting map[spec.NodeID]bool
}

// An outbox keeps each message until the last node that it waits for has acknowledged it, or is removed.
func TestOutboxAgainstAMap(t *testing.T) {
	const nodes, ts = 4, 10
	rapid.Check(t, func(t *rapid.T) {
		var o impl.Outbox
		open := map[uint64]*modelled{}
		next, now := uint64(1), spec.Time(0)
		for range rapid.IntRange(1, 100).Draw(t, "operations") {
			now += spec.Time(rapid.IntRange(0, 5).Draw(t, "time"))
			n := rapid.Uint64Range(0, next).Draw(t, "n")
			node := spec.NodeID(rapid.IntRange(0, nodes-1).Draw(t, "node"))
			m := open[n]
			switch rapid.IntRange(0, 7).Draw(t, "operation") {
			case 0, 1, 2:
				m := &modelled{impl.Ref(next * 10), now, now, map[spec.NodeID]bool{}}
				if o.Next() != next {
					t.Fatalf("Next %d, want %d", o.Next(), next)
				}
				got, p := o.Add([]byte{byte(next)}, m.ref, now)
				for k := range spec.NodeID(nodes) {
					if rapid.Bool().Draw(t, "waits") {
						m.waiting[k] = true
						p.Waiting.Add(k)
					}
				}
				ref, done := o.Settle(next)
				if got != next || done != (len(m.waiting) == 0) || done && ref != m.ref {
					t.Fatalf("Add gave %d, Settle %d %v, of %v", got, ref, done, m)
				}
				if !done {
					open[next] = m
				}
				next++
			case 3, 4:
				ref, done := o.Ack(n, node)
				want := m != nil && m.waiting[node] && len(m.waiting) == 1
				if done != want || done && ref != m.ref {
					t.Fatalf("Ack(%d, %d) = %d %v, want %v", n, node, ref, done, want)
				}
				if m != nil {
					if delete(m.waiting, node); done {
						delete(open, n)
					}
				}
			case 5:
				ref, was := o.Drop(n)
				if was != (m != nil) || was && ref != m.ref {
					t.Fatalf("Drop(%d) = %d %v", n, ref, was)
				}
				delete(open, n)
			case 6:
				var got, want []impl.Ref
				o.Remove(node, func(r impl.Ref) { got = append(got, r) })
				for n := uint64(1); n < next; n++ {
					if m := open[n]; m != nil && m.waiting[node] {
						if delete(m.waiting, node); len(m.waiting) == 0 {
							want = append(want, m.ref)
							delete(open, n)
						}
					}
				}
				if !slices.Equal(got, want) {
					t.Fatalf("Remove(%d) closed %v, want %v", node, got, want)
				}
			default:
				var got, want []uint64
				o.Overdue(now, time.Duration(ts), func(n uint64, p *impl.Pending) {
					if p.Body[0] != byte(n) {
						t.Fatalf("the body of %d is that of %d", n, p.Body[0])
					}
					got = append(got, n)
				})
				for n := uint64(1); n < next; n++ {
					if m := open[n]; m != nil && now-m.again >= ts {
						m.again = now
						want = append(want, n)
					}
				}
				if !slices.Equal(got, want) {
					t.Fatalf("overdue %v, want %v", got, want)
				}
			}
			checkWaits(t, &o, open, node)
		}
	})
}

func checkWaits(t *rapid.T, o *impl.Outbox, open map[uint64]*modelled, node spec.NodeID) {
	first := spec.Time(-1)
	for _, m := range open {
		if m.waiting[node] && (first < 0 || m.sent < first) {
			first = m.sent
		}
	}
	if since, any := o.Waits(node); any != (first >= 0) || any && since != first || o.Open() != len(open) {
		t.Fatalf("waits for %d since %d (%v), want %d; open %d, want %d", node, since, any, first, o.Open(), len(open))
	}
}

func TestAnOutboxFillsUp(t *testing.T) {
	var o impl.Outbox
	for range windowReach / 2 {
		if o.Full() {
			t.Fatal("too early")
		}
		_, p := o.Add(nil, 0, 0)
		p.Waiting.Add(1)
	}
	if !o.Full() {
		t.Error("never")
	}
	o.Ack(2, 1)
	if !o.Full() {
		t.Error("an acknowledgement that leaves a hole made room")
	}
	if o.Ack(1, 1); o.Full() {
		t.Error("no room after the first was acknowledged")
	}
}
