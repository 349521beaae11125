package ordering_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

func fifo(cfg impl.Config) impl.Layer { return ordering.NewFifo(cfg) }

func members(n int) (all []spec.NodeID) {
	for i := range n {
		all = append(all, spec.NodeID(i))
	}
	return all
}

// numbered gives message S of a sender's first life, as it comes from below.
func numbered(body string, s uint64) []byte {
	b := binary.LittleEndian.AppendUint64([]byte(body), s)
	return binary.LittleEndian.AppendUint32(b, 0)
}

// Coulouris et al.: S = R+1 is delivered, S > R+1 held back, S ≤ R discarded.
func TestFifoHoldBackQueue(t *testing.T) {
	f := impltest.NewFigure(2, fifo)
	give := func(body string, s uint64) {
		f.Give(1, impl.Input{Kind: impl.Packet, From: 0, To: impl.Everyone, Body: numbered(body, s)})
	}
	f.Say("S = R+1: deliver")
	give("one", 1)
	delivered(t, f, 1, "one")
	f.Say("S > R+1: hold back")
	give("three", 3)
	give("four", 4)
	delivered(t, f, 1, "one")
	f.Say("S ≤ R, or held back already: discard")
	give("one", 1)
	give("four", 4)
	delivered(t, f, 1, "one")
	f.Say("the gap closes: deliver, and what is held back behind it")
	give("two", 2)
	delivered(t, f, 1, "one", "two", "three", "four")
	f.Say("another life of the sender begins at 1")
	b := numbered("again", 1)
	b[len(b)-4] = 1
	f.Give(1, impl.Input{Kind: impl.Packet, From: 0, To: impl.Everyone, Body: b})
	delivered(t, f, 1, "one", "two", "three", "four", "again")
	golden(t, f, "fifo-hold-back")
}

// In whatever order packets come, and however often, messages are delivered in the order sent, each once.
func TestFifoOfAnyArrivalOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := impltest.NewFigure(2, fifo)
		n := rapid.IntRange(1, 12).Draw(t, "messages")
		var want []string
		var arrivals []int
		for i := range n {
			want = append(want, string(rune('a'+i)))
			for range rapid.IntRange(1, 2).Draw(t, "copies") {
				arrivals = append(arrivals, i)
			}
		}
		for _, i := range rapid.Permutation(arrivals).Draw(t, "order") {
			f.Give(1, impl.Input{Kind: impl.Packet, From: 0, To: impl.Everyone, Body: numbered(want[i], uint64(i+1))})
			if got := f.Delivered(1); !slices.Equal(got, want[:len(got)]) {
				t.Fatalf("delivered %q", got)
			}
		}
		if len(f.Delivered(1)) != n {
			t.Fatalf("delivered %q of %d", f.Delivered(1), n)
		}
	})
}

// A number too far ahead is not held back, and costs no memory.
func TestFifoOverflow(t *testing.T) {
	f := impltest.NewFigure(2, fifo)
	for _, s := range []uint64{1<<16 + 1, 1 << 40, 1<<64 - 1} {
		f.Give(1, impl.Input{Kind: impl.Packet, From: 0, To: impl.Everyone, Body: numbered("far", s)})
	}
	if n := strings.Count(f.String(), "note overflow"); n != 3 {
		t.Errorf("%d notes\n%s", n, f)
	}
}

// An empty message is a message.
func TestFifoDeliversEmptyBodies(t *testing.T) {
	f := impltest.NewFigure(2, fifo)
	f.Give(1, impl.Input{Kind: impl.Packet, From: 0, To: impl.Everyone, Body: numbered("", 2)})
	f.Give(1, impl.Input{Kind: impl.Packet, From: 0, To: impl.Everyone, Body: numbered("", 1)})
	delivered(t, f, 1, "", "")
}
