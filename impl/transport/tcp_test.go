package transport_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// loseAll loses every packet between two nodes.
func loseAll(f *impltest.Figure) {
	for _, from := range []spec.NodeID{0, 1} {
		for f.Has(from, 1-from) {
			f.Lose(from, 1-from)
		}
	}
}

// A connection is cut in the middle of a frame. The half that has arrived is thrown away, and the frame comes whole
// with the next connection; so does the one behind it, of which nothing had arrived.
func TestTCPCutInMidFrame(t *testing.T) {
	f := impltest.NewFigure(2, overStream(24))
	f.Say("a connection is opened for it")
	f.Send(0, 1, "a frame in pieces", 7)
	f.Take(0, 1)
	f.Take(1, 0)
	f.Say("half of it arrives, then the link is cut")
	f.Take(0, 1)
	loseAll(f)
	f.Wait(f.TS)
	loseAll(f)
	f.Say("the connection is given up; what is written now is written to nobody")
	f.Wait(f.TS)
	f.Send(0, 1, "and another", 8)
	f.Say("a new one is opened")
	f.Drain()
	delivered(t, f, 1, "a frame in pieces", "and another")
	golden(t, f, "tcp-cut-in-mid-frame")
}

// The frames have arrived, the acknowledgement is lost with its connection: they are written again, and discarded.
func TestTCPDiscardsDuplicates(t *testing.T) {
	f := impltest.NewFigure(2, overStream(0))
	f.Send(0, 1, "m", 7)
	f.Take(0, 1)
	f.Take(1, 0)
	f.Take(0, 1)
	loseAll(f)
	f.Wait(f.TS)
	loseAll(f)
	f.Wait(f.TS)
	f.Drain()
	delivered(t, f, 1, "m")
	if s := f.String(); strings.Count(s, "duplicate") != 1 || strings.Count(s, "acknowledge ref 7") != 1 {
		t.Error(s)
	}
}

// A peer that is silent for TL is given up; when it is heard again it is trusted, and what is sent from then on is kept.
func TestTCPGivesUpAndTrustsAgain(t *testing.T) {
	f := impltest.NewFigure(3, overStream(0))
	f.Send(0, impl.Everyone, "first", 7)
	f.Drain()
	f.Crash(2)
	f.Send(0, impl.Everyone, "second", 8)
	for range 10 {
		f.Drain()
		f.Wait(f.TS)
	}
	if s := f.String(); strings.Count(s, "suspect 2") != 1 || !strings.Contains(s, "suspect 2\n    acknowledge ref 8") {
		t.Error(s)
	}
	f.Send(0, impl.Everyone, "third", 9)
	f.Drain()
	delivered(t, f, 1, "first", "second", "third")
	if s := f.String(); !strings.Contains(s, "acknowledge ref 9") {
		t.Error(s)
	}

	f = impltest.NewFigure(2, overStream(0))
	f.Send(0, 1, "lost", 7)
	for range 10 {
		loseAll(f)
		f.Wait(f.TS)
	}
	f.Send(0, 1, "for a connection", 8)
	f.Drain()
	f.Send(0, 1, "kept", 9)
	loseAll(f)
	for range 3 {
		f.Wait(f.TS)
		f.Drain()
	}
	delivered(t, f, 1, "kept")
	s := f.String()
	if strings.Contains(s, "acknowledge ref 7") || strings.Contains(s, "acknowledge ref 8") || !strings.Contains(s, "acknowledge ref 9") ||
		!strings.Contains(s, "suspect 1") || !strings.Contains(s, "trust 1") {
		t.Error(s)
	}
}

// frames drives node 0 of two with what a stream says, and gives what the layer says to it.
type frames struct {
	layer impl.Layer
	out   *impl.Effects
	down  []impl.Effect
	up    []string
	notes []string
}

func newFrames() *frames {
	cfg := impl.Config{Self: 0, Nodes: 2, TS: time.Second, TL: time.Minute}
	cfg.Members = append(cfg.Members, 0, 1)
	f := &frames{layer: transport.NewTCP(cfg), out: impl.NewEffects(&impl.Arena{Forget: true})}
	f.layer.Step(impl.Input{Kind: impl.Start, Num: 5}, f.out)
	return f
}

func (f *frames) step(in impl.Input) {
	f.out.Reset()
	f.layer.Step(in, f.out)
	for i := range f.out.List {
		switch e := &f.out.List[i]; e.Kind {
		case impl.Down:
			f.down = append(f.down, *e)
		case impl.Note:
			f.notes = append(f.notes, e.Code.String())
		case impl.Up:
			f.up = append(f.up, string(e.Body))
		}
	}
}

func (f *frames) chunk(conn uint64, b []byte) {
	f.step(impl.Input{Kind: impl.Packet, From: 1, To: 0, Num: conn, Body: b})
}

// frame is one to the group, of a peer in life 3.
func frame(n uint64, body string) []byte {
	b := make([]byte, 29, 29+len(body))
	binary.LittleEndian.PutUint32(b, uint32(len(body)))
	b[4] = 1
	binary.LittleEndian.PutUint64(b[5:], n)
	binary.LittleEndian.PutUint32(b[13:], 3)
	return append(b, body...)
}

// However the stream is cut, the frames are the same.
func TestTCPChunks(t *testing.T) {
	var stream []byte
	var want []string
	for n, body := range []string{"first", "", "third, a longer one", "x"} {
		stream = append(stream, frame(uint64(n)+1, body)...)
		want = append(want, body)
	}
	for size := 1; size <= len(stream); size++ {
		f := newFrames()
		for rest := stream; len(rest) > 0; {
			n := min(size, len(rest))
			f.chunk(1, rest[:n:n])
			rest = rest[n:]
		}
		if !slices.Equal(f.up, want) {
			t.Errorf("in chunks of %d: %q", size, f.up)
		}
	}
}

// Half a frame does not outlive its connection.
func TestTCPHalfAFrame(t *testing.T) {
	whole := frame(1, "whole")
	for n := range whole {
		f := newFrames()
		f.chunk(1, whole[:n:n])
		f.chunk(2, nil)
		f.chunk(2, whole)
		if !slices.Equal(f.up, []string{"whole"}) {
			t.Errorf("after %d bytes: %q", n, f.up)
		}
	}
}

// A header that makes no sense makes a connection useless: it is refused, the rest of it goes by, and no more memory is
// taken than has come.
func TestTCPNonsense(t *testing.T) {
	long := frame(1, "")
	binary.LittleEndian.PutUint32(long, 1<<32-1)
	kind := frame(1, "")
	kind[4] = 9
	for name, nonsense := range map[string][]byte{"length": long, "kind": kind} {
		for _, size := range []int{1, 29} {
			f := newFrames()
			f.chunk(1, nil)
			for b := nonsense; len(b) > 0; b = b[size:] {
				f.chunk(1, b[:size:size])
			}
			f.chunk(1, frame(1, "unheard"))
			if fmt.Sprint(f.notes) != "[malformed]" || len(f.down) != 1 || f.down[0].Num != 1 || len(f.down[0].Body) != 0 {
				t.Errorf("%s, in %d: %v, %d down", name, size, f.notes, len(f.down))
			}
			f.chunk(2, nil)
			f.chunk(2, frame(1, "heard"))
			if !slices.Equal(f.up, []string{"heard"}) {
				t.Errorf("%s, in %d: %q", name, size, f.up)
			}
		}
	}
}

// Frames are told apart by number and by the sender's life; one that comes again is acknowledged again.
func TestTCPSessions(t *testing.T) {
	f := newFrames()
	old, next := frame(9, "of a life before"), frame(1, "of the next life")
	binary.LittleEndian.PutUint32(old[13:], 2)
	binary.LittleEndian.PutUint32(next[13:], 4)
	for _, b := range [][]byte{frame(1, "one"), frame(1, "one"), frame(2, "two"), frame(1, "one"), old, next, frame(3, "late")} {
		f.chunk(1, b)
	}
	if want := []string{"one", "two", "of the next life"}; !slices.Equal(f.up, want) {
		t.Errorf("%q, want %q", f.up, want)
	}
	if want := []string{"duplicate", "duplicate", "stale", "stale"}; !slices.Equal(f.notes, want) {
		t.Errorf("%q, want %q", f.notes, want)
	}
	if len(f.down) != 5 {
		t.Errorf("%d acknowledgements", len(f.down))
	}
}

// What can't be carried is refused, and acknowledgements of what was never sent, or by another life, count for nothing.
func TestTCPRefusesAndIgnores(t *testing.T) {
	f := newFrames()
	answer := func(in impl.Input) string {
		f.step(in)
		return impltest.Effects(f.out.List)
	}
	ack := func(n uint64, life uint32) impl.Input {
		b := frame(0, "")
		b[4] = 3
		binary.LittleEndian.PutUint64(b[17:], n)
		binary.LittleEndian.PutUint32(b[25:], life)
		return impl.Input{Kind: impl.Packet, From: 1, Num: 1, Body: b}
	}
	for _, c := range []struct {
		in   impl.Input
		want string
	}{
		{impl.Input{Kind: impl.Send, To: impl.Everyone, Ref: 1, Body: make([]byte, transport.MaxBody+1<<12+1)}, "refuse too-long ref 1"},
		{impl.Input{Kind: impl.Send, To: 2, Ref: 2}, "refuse not-member ref 2"},
		{impl.Input{Kind: impl.Send, To: -2, Ref: 3}, "refuse not-member ref 3"},
		{impl.Input{Kind: impl.Send, To: 0, Ref: 4, Body: []byte("m")}, `down to 0 "m" 02; acknowledge ref 4`},
		{impl.Input{Kind: impl.Packet, From: 0, Body: []byte{'m', 2}}, `up from 0 to 0 "m"`},
		{impl.Input{Kind: impl.Packet, From: 0, Body: []byte{'m', 3}}, "note malformed 0 2"},
		{impl.Input{Kind: impl.Packet, From: 2, Body: []byte{'m', 2}}, "note malformed 2 2"},
		{ack(1, 5), "note malformed 1 1"},
		{ack(1, 4), "note stale 1 1"},
		{impl.Input{Kind: impl.Acknowledged, Ref: 9}, "nothing"},
		{impl.Input{Kind: impl.TimerFired, Num: 9}, "nothing"},
	} {
		if got := answer(c.in); got != c.want {
			t.Errorf("%s: %s, want %s", impltest.Input(c.in), got, c.want)
		}
	}
}

// Nothing that a stream may bring does harm.
func FuzzTCPChunks(f *testing.F) {
	f.Add(frame(1, "m"), uint8(7))
	f.Add(append(frame(1, ""), frame(2, "two")...), uint8(40))
	f.Fuzz(func(t *testing.T, b []byte, size uint8) {
		fr := newFrames()
		fr.step(impl.Input{Kind: impl.Send, To: 1, Body: []byte("m"), Ref: 1})
		for k := uint64(1); len(b) > 0; k++ {
			n := min(int(size)+1, len(b))
			fr.chunk(k/8, b[:n:n])
			b = b[n:]
		}
		last := frame(1<<64-1, "heard")
		binary.LittleEndian.PutUint32(last[13:], 1<<32-1) // no life is newer
		fr.chunk(1000, nil)
		fr.chunk(1000, last)
		if len(fr.up) == 0 {
			t.Error("nothing is heard any more")
		}
	})
}
