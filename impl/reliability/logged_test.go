package reliability_test

import (
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// quiet is three nodes on a network that loses nothing, with disks that forget at once and memory that is used again.
type quiet struct {
	nodes []impl.Layer
	arena impl.Arena
	out   *impl.Effects
	todo  []quietInput
	alarm [3][32]spec.Time // of the level's timers
	now   spec.Time
	up    int
	acked int
}

type quietInput struct {
	node spec.NodeID
	in   impl.Input
}

func newQuiet(level func(impl.Config) impl.Layer) *quiet {
	w := &quiet{}
	w.out = impl.NewEffects(&w.arena)
	members := []spec.NodeID{0, 1, 2}
	for _, n := range members {
		cfg := impl.Config{Self: n, Nodes: 3, Members: members, TS: 30 * time.Millisecond, TL: time.Minute}
		w.nodes = append(w.nodes, impl.NewStack(level(cfg), transport.NewUnicast(cfg), transport.NewAcceptingChannel(cfg)))
		w.step(n, impl.Input{Kind: impl.Start})
		w.step(n, impl.Input{Kind: impl.Ready})
	}
	return w
}

func (w *quiet) step(n spec.NodeID, in impl.Input) {
	in.Now = w.now
	w.out.Reset()
	w.nodes[n].Step(in, w.out)
	for i := range w.out.List {
		switch e := &w.out.List[i]; e.Kind {
		case impl.Up:
			w.up++
		case impl.Acknowledge:
			w.acked++
		case impl.Down:
			w.todo = append(w.todo, quietInput{e.To, impl.Input{Kind: impl.Packet, From: n, To: e.To, Body: e.Body}})
		case impl.Persist:
			w.todo = append(w.todo, quietInput{n, impl.Input{Kind: impl.Persisted, Layer: e.Layer, Ref: e.Ref}})
		case impl.SetTimer:
			if e.Layer == 1 {
				w.alarm[n][e.Num] = e.At
			}
		}
	}
}

// round lets every node send, and everything happen that follows.
func (w *quiet) round(body []byte) {
	w.arena.Reset()
	w.now += spec.Time(time.Second)
	for n := range w.nodes {
		w.step(impltest.Node(n), impl.Input{Kind: impl.Send, To: impl.Everyone, Body: body, Ref: 1})
	}
	for range 3 {
		for i := 0; i < len(w.todo); i++ {
			w.step(w.todo[i].node, w.todo[i].in)
		}
		w.todo = w.todo[:0]
		w.now += spec.Time(time.Second)
		for n := range w.alarm {
			for id, at := range w.alarm[n] {
				if at > 0 && at <= w.now {
					w.alarm[n][id] = 0
					w.step(impltest.Node(n), impl.Input{Kind: impl.TimerFired, Layer: 1, Num: uint64(id)})
				}
			}
		}
	}
}

// Once its memory has grown to its size, a step of a level with a log allocates nothing.
func TestLoggedLevelsAllocateNothing(t *testing.T) {
	for name, level := range map[string]func(impl.Config) impl.Layer{"durable": durable(reliability.Majority), "atomic-log": atomicLog(2),
		"atomic-log:phases=1": atomicLog(1), "atomic-abort": atomicAbort} {
		w := newQuiet(short(level))
		body := make([]byte, 500)
		const rounds = 500
		for range rounds {
			w.round(body)
		}
		if w.up != 9*rounds || w.acked != 3*rounds {
			t.Errorf("%s: %d deliveries and %d acknowledgements, want %d and %d", name, w.up, w.acked, 9*rounds, 3*rounds)
		}
		if n := testing.AllocsPerRun(50, func() { w.round(body) }); n > 0 {
			t.Errorf("%s: %v allocations a round", name, n)
		}
	}
}

// Whatever a disk gives back, nobody panics, and nothing is delivered that was not sent.
func TestLoggedLevelsBearAnyLog(t *testing.T) {
	invents := func(err error) bool { return err != nil && strings.Contains(err.Error(), "nobody sent") }
	for name, level := range map[string]func(impl.Config) impl.Layer{"durable": durable(reliability.Majority), "atomic-log": atomicLog(2),
		"atomic-log:phases=1": atomicLog(1), "atomic-abort": atomicAbort} {
		for seed := range storms() {
			s := newStorm(seed, short(level))
			s.begin()
			s.sendsSome(30)
			s.crashes(600 * time.Millisecond)
			spoil := spec.NewRand(seed, 14)
			s.spoil = func(log []byte) []byte {
				switch spoil.IntN(4) {
				case 0:
					for range 1 + spoil.IntN(5) {
						if len(log) > 0 {
							log[spoil.IntN(len(log))] ^= 1 << spoil.IntN(8)
						}
					}
				case 1:
					log = log[:spoil.IntN(len(log)+1)]
				case 2:
					log = log[spoil.IntN(len(log)+1):]
				}
				return log
			}
			if err := s.end(false); invents(err) {
				t.Fatalf("%s, seed %d: %v", name, seed, err)
			}
		}
		bearJunk(level)
	}
}

// bearJunk starts a node with bytes that are no log, and records that are whole and of any content.
func bearJunk(level func(impl.Config) impl.Layer) {
	r := spec.NewRand(15)
	for range 4 * storms() {
		log := make([]byte, r.IntN(300))
		for i := range log {
			log[i] = byte(r.IntN(4) * r.IntN(80))
		}
		out := impl.NewEffects(&impl.Arena{})
		for k := range 20 {
			junk := make([]byte, r.IntN(40))
			for i := range junk {
				junk[i] = byte(r.IntN(1+k) * r.IntN(3))
			}
			impl.AppendRecord(out, byte(1+r.IntN(24)), junk)
			log = append(log, out.List[k].Body...)
		}
		w := newQuiet(level)
		w.step(0, impl.Input{Kind: impl.Start, Num: 1})
		w.step(0, impl.Input{Kind: impl.Recovered, Layer: 1, Body: log})
		w.step(0, impl.Input{Kind: impl.Ready})
		w.round([]byte("m"))
		w.round([]byte("n"))
	}
}

// A letter to the group is no message: no log would have it, and nobody would know it again.
func TestNoLevelWithALogTakesALetterForAMessage(t *testing.T) {
	for name, level := range map[string]func(impl.Config) impl.Layer{
		"durable":      func(c impl.Config) impl.Layer { return reliability.NewDurable(c, reliability.All) },
		"atomic-log":   func(c impl.Config) impl.Layer { return reliability.NewAtomicLog(c, 2) },
		"atomic-abort": func(c impl.Config) impl.Layer { return reliability.NewAtomicAbort(c) },
	} {
		l, out := level(impl.Config{Nodes: 2, Members: []spec.NodeID{0, 1}}), impl.NewEffects(&impl.Arena{})
		l.Step(impl.Input{Kind: impl.Start}, out)
		l.Step(impl.Input{Kind: impl.Ready}, out)
		for to, want := range map[spec.NodeID]int{0: 1, impl.Everyone: 0} {
			out.Reset()
			l.Step(impl.Input{Kind: impl.Packet, From: 1, To: to, Body: []byte("m\xff")}, out)
			up := 0
			for i := range out.List {
				if out.List[i].Kind == impl.Up {
					up++
				}
			}
			if up != want {
				t.Errorf("%s: a letter to %d was handed up %d times", name, to, up)
			}
		}
	}
}
