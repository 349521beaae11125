package impl_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// What an arena has handed out stays as it is, whatever is extended and cut later.
func TestArenaNeverChangesWhatItHandedOut(t *testing.T) {
	for _, forget := range []bool{false, true} {
		rapid.Check(t, func(t *rapid.T) {
			a := impl.Arena{Forget: forget}
			var pieces, copies [][]byte
			fill := byte(0)
			hand := func(b []byte, from int) {
				for i := from; i < len(b); i++ {
					if b[i] != 0 {
						t.Fatalf("a new byte is %d", b[i])
					}
					fill++
					b[i] = fill
				}
				if cap(b) != len(b) {
					t.Fatalf("room for %d bytes more", cap(b)-len(b))
				}
				pieces, copies = append(pieces, b), append(copies, slices.Clone(b))
			}
			size := rapid.OneOf(rapid.IntRange(0, 40), rapid.IntRange(0, 200_000))
			for range rapid.IntRange(1, 40).Draw(t, "operations") {
				k := rapid.IntRange(0, len(pieces)).Draw(t, "piece")
				if k == len(pieces) {
					hand(a.Alloc(size.Draw(t, "bytes")), 0)
					continue
				}
				b := pieces[k]
				switch rapid.IntRange(0, 5).Draw(t, "cut") {
				case 0:
					b, _, _ = impl.Cut(b, min(len(b), 3))
				case 1:
					b = b[:len(b):len(b)][len(b)/2:]
				case 2:
					b = slices.Clone(b) // not of the arena
				}
				extended := a.Extend(b, rapid.IntRange(0, 40).Draw(t, "more"))
				if !bytes.Equal(extended[:len(b)], b) {
					t.Fatal("the body has changed")
				}
				hand(extended, len(b))
				for i := range pieces {
					if !bytes.Equal(pieces[i], copies[i]) {
						t.Fatalf("piece %d of %d has changed", i, len(pieces))
					}
				}
			}
		})
	}
}

func TestAnArenaUsesItsMemoryAgain(t *testing.T) {
	var a impl.Arena
	round := func() {
		a.Reset()
		for range 100 {
			b := a.Alloc(3000)
			if b[0] != 0 || b[2999] != 0 {
				t.Fatal("not zeroed")
			}
			b[0], b[2999] = 1, 1
			a.Extend(b, 20)
		}
		a.Alloc(200_000)
	}
	round()
	if n := testing.AllocsPerRun(10, round); n > 0 {
		t.Errorf("%v allocations a round", n)
	}
}

func TestCutCapsTheCapacity(t *testing.T) {
	b := []byte("bodyhead")
	body, header, ok := impl.Cut(b, 4)
	if !ok || string(body) != "body" || string(header) != "head" || cap(body) != 4 {
		t.Errorf("%q %q %v, capacity %d", body, header, ok, cap(body))
	}
	if _, _, ok := impl.Cut(b, 9); ok {
		t.Error("cut more than there is")
	}
}

func TestNumberedRoundTrip(t *testing.T) {
	var arena impl.Arena
	out := impl.NewEffects(&arena)
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "body")
		h := impl.Numbered{N: rapid.Uint64().Draw(t, "n"), Incarnation: rapid.Uint32().Draw(t, "incarnation"),
			Kind: rapid.Byte().Draw(t, "kind")}
		packet := impl.AppendNumbered(out, body, h)
		got, back, code := impl.CutNumbered(packet)
		if code != impl.NoCode || back != h || !bytes.Equal(got, body) {
			t.Fatalf("%v %v %x", code, back, got)
		}
		changed := slices.Clone(packet) // a CRC-32 finds every burst of up to 32 bits
		i := rapid.IntRange(0, len(changed)-1).Draw(t, "at")
		changed[i] ^= rapid.ByteRange(1, 255).Draw(t, "by")
		if _, _, code := impl.CutNumbered(changed); code != impl.Corrupted {
			t.Fatalf("byte %d changed: %v", i, code)
		}
		n := rapid.IntRange(0, len(packet)-1).Draw(t, "length")
		if _, _, code := impl.CutNumbered(packet[:n]); code == impl.NoCode || n < 17 && code != impl.Malformed {
			t.Fatalf("cut to %d bytes: %v", n, code)
		}
	})
}

func TestEnvelopeRoundTrip(t *testing.T) {
	var arena impl.Arena
	out := impl.NewEffects(&arena)
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "body")
		id := spec.MsgID{Sender: spec.NodeID(rapid.Int32().Draw(t, "sender")),
			Incarnation: spec.Incarnation(rapid.Uint32().Draw(t, "incarnation")), Number: rapid.Uint64().Draw(t, "number")}
		got, back, ok := impl.Open(impl.Seal(out, body, id))
		if !ok || back != id || !bytes.Equal(got, body) {
			t.Fatalf("%v %v %x", ok, back, got)
		}
	})
	if _, _, ok := impl.Open(make([]byte, impl.EnvelopeLen-1)); ok {
		t.Error("opened what is shorter than an envelope")
	}
}

func TestIndexOfMembers(t *testing.T) {
	for _, members := range [][]spec.NodeID{nil, {0, 1, 2}, {1, 2}, {0, 2}, {2}} {
		cfg := impl.Config{Members: members}
		for n := spec.NodeID(-2); n < 5; n++ {
			if got, want := cfg.Index(n), slices.Index(members, n); got != want {
				t.Errorf("%d among %v: %d, want %d", n, members, got, want)
			}
		}
	}
}
