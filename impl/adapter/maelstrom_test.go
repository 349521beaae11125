package adapter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/adapter/adaptertest"
	"github.com/conform-go/conform/spec"
)

func maelstromPool(t *testing.T, mode string) *Pool {
	t.Helper()
	p, err := Open(Options{Command: adaptertest.Command(mode, "token"), Speak: Maelstrom, Pace: PaceVirtual})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// steps lets one node of three live, and writes down what it wants done.
type steps struct {
	node impl.Layer
	out  *impl.Effects
	text strings.Builder
}

func (s *steps) take(in impl.Input) {
	s.out.Reset()
	s.node.Step(in, s.out)
	for _, e := range s.out.List {
		switch e.Kind {
		case impl.Down:
			fmt.Fprintf(&s.text, "  to %d %s\n", e.To, e.Body)
		case impl.Up:
			_, id, _ := impl.Open(e.Body)
			fmt.Fprintf(&s.text, "  deliver %v\n", id)
		case impl.Acknowledge:
			fmt.Fprintf(&s.text, "  acknowledge %d\n", e.Ref)
		default:
			fmt.Fprintf(&s.text, "  %v\n", e.Kind)
		}
	}
}

// TestMaelstromNode: a broadcast is handed on, acknowledged, and read; so is what another says, once; what comes again
// changes nothing.
func TestMaelstromNode(t *testing.T) {
	p := maelstromPool(t, "maelstrom")
	var arena impl.Arena
	s := &steps{node: p.Member(impl.Config{Self: 0, Nodes: 3, Members: []spec.NodeID{0, 1, 2}}), out: impl.NewEffects(&arena)}
	s.take(impl.Input{Kind: impl.Start})
	s.take(impl.Input{Kind: impl.Ready})
	s.text.WriteString("send\n")
	s.take(impl.Input{Kind: impl.Send, To: impl.Everyone, Ref: 7, Body: impl.Seal(s.out, []byte("hello"), spec.MsgID{Number: 1})})
	p.nodes.said[MaelstromValue(spec.MsgID{Sender: 1, Number: 1})] = said{spec.MsgID{Sender: 1, Number: 1}, []byte("you")}
	for range 2 {
		s.text.WriteString("packet\n")
		s.take(impl.Input{Kind: impl.Packet, From: 1, Body: []byte(`{"src":"n1","dest":"n0","body":{"type":"numbers","numbers":[2000001]}}`)})
	}
	const want = `send
  to 1 {"src":"n0","dest":"n1","body":{"numbers":[1000001],"type":"numbers"}}
  to 2 {"src":"n0","dest":"n2","body":{"numbers":[1000001],"type":"numbers"}}
  acknowledge 7
  deliver 0/0/1
packet
  to 2 {"src":"n0","dest":"n2","body":{"numbers":[2000001],"type":"numbers"}}
  deliver 1/0/1
packet
`
	if got := s.text.String(); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	if err := p.Err(); err != nil {
		t.Error(err)
	}
	x := p.nodes.seats[0]
	if !x.proved {
		t.Error("the node was not seen to be still")
	}
	p.Close()
	select {
	case <-x.exited:
	default:
		t.Error("the process is left")
	}
}

// TestMaelstromStill: who never sleeps is taken to be still after a while, and who speaks after it was still has timers.
func TestMaelstromStill(t *testing.T) {
	if testing.Short() {
		t.Skip("in real time")
	}
	p := maelstromPool(t, "maelstrom-busy")
	if err := p.nodes.try(); err != nil {
		t.Error(err)
	}
	p = maelstromPool(t, "maelstrom-timer")
	l, out := p.nodes.alone()
	if p.err != nil {
		t.Fatal(p.err)
	}
	if err := l.x.fill(5 * time.Second); err != nil || len(l.x.raw) == 0 {
		t.Fatalf("it says nothing: %v", err)
	}
	l.Step(impl.Input{Kind: impl.Packet, From: 1, Body: []byte(`{"src":"n1","dest":"n0","body":{"type":"numbers","numbers":[]}}`)}, out)
	if !errors.Is(p.Err(), ErrTimers) {
		t.Errorf("it spoke of its own accord: %v", p.Err())
	}
}

// TestMaelstromWatch: timers are found by watching, and with them how long a run has to be silent until it is over.
func TestMaelstromWatch(t *testing.T) {
	if testing.Short() {
		t.Skip("in real time")
	}
	for mode, pace := range map[string]string{"maelstrom": PaceVirtual, "maelstrom-timer": PaceReal} {
		p, err := Open(Options{Command: adaptertest.Command(mode, "token"), Speak: Maelstrom})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Options(); got.Pace != pace || got.Settle < shortSettle {
			t.Errorf("%s: pace %q, settle %v", mode, got.Pace, got.Settle)
		}
		p.Close()
	}
}

// TestProgramName: interpreters and their options are not what a program is called.
func TestProgramName(t *testing.T) {
	for command, want := range map[string]string{"python3 -u samples/broadcast.py --once": "broadcast.py", "./gossip": "gossip",
		"/usr/bin/node server.js": "server.js", "maelstrom-node x": "maelstrom-node", "python3": "python3"} {
		if got := programName(strings.Fields(command)); got != want {
			t.Errorf("%q is called %q, want %q", command, got, want)
		}
	}
}

// BenchmarkMaelstromExchange: one line, and until the node is seen to be still, and a read.
func BenchmarkMaelstromExchange(b *testing.B) {
	p, err := Open(Options{Command: adaptertest.Command("maelstrom", "token"), Speak: Maelstrom, Pace: PaceVirtual})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	l, out := p.nodes.alone()
	line := []byte(`{"src":"n1","dest":"n0","body":{"type":"numbers","numbers":[]}}`)
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		l.Step(impl.Input{Kind: impl.Packet, From: 1, Body: line}, out)
	}
	if p.err != nil {
		b.Fatal(p.err)
	}
}

// TestMaelstromValue: what stands for a message can be read, and no two are the same.
func TestMaelstromValue(t *testing.T) {
	var all []int64
	for sender := range spec.NodeID(3) {
		for life := range spec.Incarnation(3) {
			for number := range uint64(3) {
				all = append(all, MaelstromValue(spec.MsgID{Sender: sender, Incarnation: life, Number: number + 1}))
			}
		}
	}
	if slices.Sort(all); len(slices.Compact(all)) != 27 || all[0] != 1000001 {
		t.Error(all)
	}
}
