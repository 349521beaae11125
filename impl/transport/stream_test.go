package transport_test

import (
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

// pipe is two nodes and the segments between them, moved by hand.
type pipe struct {
	t      *testing.T
	cfgs   [2]impl.Config
	nodes  [2]impl.Layer
	out    *impl.Effects
	flying [2][][]byte // by sender
	timer  [2]spec.Time
	now    spec.Time
	up     [2][]string
	notes  [2][]string
}

const pipeTS, pipeTL = spec.Time(30 * time.Millisecond), spec.Time(100 * time.Millisecond)

// newPipe makes two streams in segments of four bytes.
func newPipe(t *testing.T) *pipe {
	p := &pipe{t: t, out: impl.NewEffects(&impl.Arena{Forget: true})}
	for n := range p.nodes {
		p.cfgs[n] = impl.Config{Self: impltest.Node(n), Nodes: 2, TS: time.Duration(pipeTS), TL: time.Duration(pipeTL)}
		p.restart(n, 0)
	}
	return p
}

func (p *pipe) restart(n int, life uint64) {
	p.nodes[n] = transport.NewStream(p.cfgs[n], 4)
	p.timer[n] = 0
	p.step(n, impl.Input{Kind: impl.Start, Num: life})
}

func (p *pipe) step(n int, in impl.Input) {
	in.Now = p.now
	p.out.Reset()
	p.nodes[n].Step(in, p.out)
	for i := range p.out.List {
		switch e := &p.out.List[i]; e.Kind {
		case impl.Down:
			p.flying[n] = append(p.flying[n], e.Body)
		case impl.SetTimer:
			p.timer[n] = e.At
		case impl.StopTimer:
			p.timer[n] = 0
		case impl.Note:
			p.notes[n] = append(p.notes[n], e.Code.String())
		case impl.Up:
			what := fmt.Sprintf("in %d.%d", e.Num>>32, e.Num&0xff)
			if e.Flag {
				what = "out" + what[2:]
			}
			if len(e.Body) > 0 {
				what += " " + string(e.Body)
			}
			p.up[n] = append(p.up[n], what)
		}
	}
}

func (p *pipe) write(n int, text string) {
	p.step(n, impl.Input{Kind: impl.Send, To: impltest.Node(1 - n), Body: []byte(text)})
}

func (p *pipe) arrive(from int, b []byte) {
	p.step(1-from, impl.Input{Kind: impl.Packet, From: impltest.Node(from), To: impltest.Node(1 - from), Body: b})
}

// take lets the oldest segment of a node arrive.
func (p *pipe) take(from int) {
	b := p.flying[from][0]
	p.flying[from] = p.flying[from][1:]
	p.arrive(from, b)
}

func (p *pipe) lose() { p.flying = [2][][]byte{} }

func (p *pipe) drain() {
	for len(p.flying[0])+len(p.flying[1]) > 0 {
		for n := range p.flying {
			for len(p.flying[n]) > 0 {
				p.take(n)
			}
		}
	}
}

// wait lets the timer of a node fire.
func (p *pipe) wait(n int) {
	p.t.Helper()
	if p.timer[n] == 0 {
		p.t.Fatalf("node %d waits for nothing", n)
	}
	p.now, p.timer[n] = max(p.now, p.timer[n]), 0
	p.step(n, impl.Input{Kind: impl.TimerFired, Num: uint64(1 - n)})
}

// said checks what has come up at a node since it was asked last.
func (p *pipe) said(n int, want ...string) {
	p.t.Helper()
	if !slices.Equal(p.up[n], want) {
		p.t.Errorf("at node %d came up %q, want %q", n, p.up[n], want)
	}
	p.up[n] = nil
}

// opened gives two nodes with a connection from 0 to 1.
func opened(t *testing.T) *pipe {
	p := newPipe(t)
	p.write(0, "dropped: there is no connection")
	p.drain()
	p.said(0, "out 0.1")
	p.said(1, "in 0.1")
	return p
}

func TestStreamCarriesBytes(t *testing.T) {
	p := opened(t)
	p.write(0, "bytes in ")
	p.write(0, "order")
	p.drain()
	p.said(1, "in 0.1 byte", "in 0.1 s in", "in 0.1  ", "in 0.1 orde", "in 0.1 r")
	p.said(0)
	if p.timer[0] != 0 {
		t.Error("all is acknowledged, and the timer runs")
	}
}

// Segments that overtake others wait; what comes twice, and what is cut elsewhere the second time, comes up once.
func TestStreamPutsInOrder(t *testing.T) {
	p := opened(t)
	p.write(0, "one two th")
	for _, k := range []int{2, 2, 1, 0, 0, 1, 2} {
		p.arrive(0, p.flying[0][k])
	}
	p.said(1, "in 0.1 one ", "in 0.1 two ", "in 0.1 th")
	p.write(0, "ree")
	p.lose()
	p.wait(0)
	p.drain()
	p.said(1, "in 0.1 re", "in 0.1 e")
}

// A changed bit anywhere, and a segment cut short, is discarded and not answered.
func TestStreamChecksums(t *testing.T) {
	p := opened(t)
	p.write(0, "m")
	whole := p.flying[0][0]
	p.lose()
	for i := range len(whole) * 8 {
		b := slices.Clone(whole)
		b[i/8] ^= 1 << (i % 8)
		p.arrive(0, b)
		p.arrive(0, whole[:i/8])
	}
	p.said(1)
	if len(p.flying[1]) > 0 {
		t.Errorf("%d answers", len(p.flying[1]))
	}
}

// After two TS without progress the connection is aborted, and what was not acknowledged is dropped; a new one opens.
func TestStreamAborts(t *testing.T) {
	p := opened(t)
	p.write(0, "half of it")
	p.take(0)
	late := p.flying[0][0]
	p.lose()
	p.wait(0)
	p.lose()
	p.wait(0)
	p.write(0, "dropped too")
	p.drain()
	p.said(0, "out 0.2")
	p.said(1, "in 0.1 half", "in 0.2")
	p.arrive(0, late)
	p.write(0, "new")
	p.drain()
	p.said(1, "in 0.2 new")
	if got := p.notes[1][len(p.notes[1])-1]; got != "stale" {
		t.Errorf("a segment of the former connection was %s", got)
	}
}

// Progress, however slow, keeps a connection.
func TestStreamWithProgressIsNotAborted(t *testing.T) {
	p := opened(t)
	p.write(0, "a byte at a time, or nearly")
	for range 6 {
		p.wait(0)
		p.take(0)
		p.take(1)
		p.lose()
	}
	p.wait(0)
	p.drain()
	var all strings.Builder
	for _, s := range p.up[1] {
		all.WriteString(strings.TrimPrefix(s, "in 0.1 "))
	}
	if got := all.String(); got != "a byte at a time, or nearly" {
		t.Errorf("%q", got)
	}
	p.said(0)
}

// Two that open at once have two connections.
func TestStreamsOpenAtOnce(t *testing.T) {
	p := newPipe(t)
	p.write(0, "x")
	p.write(1, "y")
	p.drain()
	p.write(0, "from")
	p.write(1, "back")
	p.drain()
	p.said(0, "in 0.1", "out 0.1", "in 0.1 back")
	p.said(1, "in 0.1", "out 0.1", "in 0.1 from")
}

// An attempt to open is repeated at every TS, and given up after TL; the next write begins another.
func TestStreamGivesUpOpening(t *testing.T) {
	p := newPipe(t)
	p.write(0, "x")
	for range 4 {
		p.lose()
		p.wait(0)
	}
	if len(p.flying[0]) > 0 || p.timer[0] != 0 {
		t.Error("it still tries")
	}
	p.write(0, "y")
	p.drain()
	p.said(0, "out 0.2")
}

// A receiver that has been restarted knows nothing of the connection and says so; what the sender opens next is another.
func TestStreamToANewLife(t *testing.T) {
	p := opened(t)
	p.restart(1, 1)
	p.write(0, "lost")
	p.drain()
	p.said(0, "out 0.2")
	p.said(1, "in 0.2")
	p.write(0, "ok")
	p.drain()
	p.said(1, "in 0.2 ok")
}

// A SYN of a former connection that comes late, after the receiver was restarted, opens nothing that takes bytes.
func TestStreamIgnoresALateSyn(t *testing.T) {
	p := newPipe(t)
	p.write(0, "x")
	syn := p.flying[0][0]
	p.drain()
	p.write(0, "old")
	old := p.flying[0][0]
	p.lose()
	p.restart(1, 1)
	p.arrive(0, syn)
	p.up[1] = nil
	p.arrive(0, old)
	p.said(1)
	p.drain()
	p.write(0, "new")
	p.drain()
	p.said(1, "in 0.2", "in 0.2 new")
}

// The connections of a sender's next life are newer than all of its former lives.
func TestStreamFromANewLife(t *testing.T) {
	p := opened(t)
	p.write(0, "old")
	late := p.flying[0][0]
	p.lose()
	p.restart(0, 1)
	p.write(0, "x")
	p.drain()
	p.arrive(0, late)
	p.write(0, "new")
	p.drain()
	p.said(0, "out 1.1")
	p.said(1, "in 1.1", "in 1.1 new")
}

// A connection that the layer above refuses is aborted at the peer, and opened anew.
func TestStreamIsRefused(t *testing.T) {
	p := opened(t)
	p.write(0, "non")
	p.write(0, "sense")
	p.take(0)
	p.step(1, impl.Input{Kind: impl.Send, To: 0, Num: 1})
	p.take(0)
	p.drain()
	p.said(1, "in 0.1 non", "in 0.2")
	p.said(0, "out 0.2")
}

// No more is on its way than the window has room for, and no more ahead is kept.
func TestStreamWindow(t *testing.T) {
	p := opened(t)
	p.write(0, strings.Repeat("x", 100_000))
	if got := len(p.flying[0]); got != 1<<14 {
		t.Errorf("%d segments on their way", got)
	}
	for i := len(p.flying[0]) - 1; i >= 0; i-- {
		p.arrive(0, p.flying[0][i])
	}
	p.flying[0] = nil
	p.drain()
	n := 0
	for _, s := range p.up[1] {
		n += len(strings.TrimPrefix(s, "in 0.1 "))
	}
	if n != 100_000 {
		t.Errorf("%d bytes have arrived", n)
	}
}

func TestStreamToOneself(t *testing.T) {
	p := newPipe(t)
	p.step(0, impl.Input{Kind: impl.Send, To: 0, Body: []byte("a packet to myself")})
	p.step(0, impl.Input{Kind: impl.Packet, From: 0, To: 0, Body: p.flying[0][0]})
	p.said(0, "in 0.0 a packet to myself")
	p.arrive(0, p.flying[0][0]) // and to nobody else
	p.said(1)
}
