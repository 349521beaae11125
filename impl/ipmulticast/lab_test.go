package ipmulticast

import (
	"fmt"
	"sort"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// lab carries frames between the machines of an internet: every cable takes 50 µs and keeps the order.
type lab struct {
	net      *Internet
	machines []impl.Layer // hosts, routers, switches; nil: not there
	down     []bool
	lives    []int
	now      spec.Time
	arena    impl.Arena
	events   []labEvent
	seq      int
	ends     map[End]labCable
	timers   []map[uint64]int // machine: timer: seq of the event that counts

	// frame is told of each frame put on a cable; nil: nobody is.
	frame func(at spec.Time, cable string, from End, frame []byte)
	// drop says whether a frame is lost; nil: none is.
	drop func(at spec.Time, cable string, from, to End, frame []byte) bool
	// up is told of every upward effect of a machine; nil: nobody is.
	up func(at spec.Time, machine int, e *impl.Effect)
}

type labCable struct {
	name string
	ends []End
}

type labEvent struct {
	at      spec.Time
	seq     int
	machine int
	life    int
	in      impl.Input
}

const labDelay = spec.Time(50 * time.Microsecond)

// newLab makes a lab. The machines are those of the internet, in its order.
func newLab(n *Internet, machines []impl.Layer) *lab {
	l := &lab{net: n, machines: machines, down: make([]bool, len(machines)), lives: make([]int, len(machines)),
		ends: map[End]labCable{}, timers: make([]map[uint64]int, len(machines))}
	for i := range n.Links {
		for _, c := range n.Links[i].Cables {
			for _, e := range c.Ends {
				l.ends[e] = labCable{c.Name, c.Ends}
			}
		}
	}
	return l
}

// start starts every machine.
func (l *lab) start() {
	for m := range l.machines {
		l.begin(m)
	}
}

// begin starts a machine that is new or was down.
func (l *lab) begin(m int) {
	l.down[m] = false
	l.timers[m] = map[uint64]int{}
	l.step(m, impl.Input{Kind: impl.Start, Num: uint64(l.lives[m])})
	l.step(m, impl.Input{Kind: impl.Ready})
}

// crash stops a machine; begin starts it again.
func (l *lab) crash(m int) {
	l.down[m] = true
	l.lives[m]++
}

// step hands an input to a machine and carries out what it says.
func (l *lab) step(m int, in impl.Input) {
	if l.down[m] || l.machines[m] == nil {
		return
	}
	in.Now = l.now
	out := impl.NewEffects(&l.arena)
	l.machines[m].Step(in, out)
	for i := range out.List {
		l.carry(m, &out.List[i])
	}
}

func (l *lab) carry(m int, e *impl.Effect) {
	switch {
	case e.Kind == impl.SetTimer:
		at := max(e.At, l.now)
		l.timers[m][e.Num] = l.push(labEvent{at: at, machine: m, life: l.lives[m],
			in: impl.Input{Kind: impl.TimerFired, Num: e.Num, Layer: e.Layer}})
	case e.Kind == impl.StopTimer:
		delete(l.timers[m], e.Num)
	case e.Kind == impl.Down && e.Num == impl.LoopPort:
		l.push(labEvent{at: l.now, machine: m, life: l.lives[m],
			in: impl.Input{Kind: impl.Packet, Num: impl.LoopPort, Body: e.Body, From: e.To, To: e.To}})
	case e.Kind == impl.Down:
		l.send(End{m, int(e.Num)}, e.Body)
	case e.Kind.Upward() && l.up != nil:
		l.up(l.now, m, e)
	}
}

// send puts a frame on the cable of a port.
func (l *lab) send(from End, frame []byte) {
	c, ok := l.ends[from]
	if !ok {
		panic(fmt.Sprintf("machine %d has no port %d", from.Machine, from.Port))
	}
	if l.frame != nil {
		l.frame(l.now, c.name, from, frame)
	}
	for _, e := range c.ends {
		if e == from || l.drop != nil && l.drop(l.now, c.name, from, e, frame) {
			continue
		}
		l.push(labEvent{at: l.now + labDelay, machine: e.Machine, life: l.lives[e.Machine],
			in: impl.Input{Kind: impl.Packet, Num: uint64(e.Port), Body: frame, From: -1, To: impl.Everyone}})
	}
}

func (l *lab) push(e labEvent) int {
	l.seq++
	e.seq = l.seq
	i := sort.Search(len(l.events), func(i int) bool { return l.events[i].at > e.at })
	l.events = append(l.events, labEvent{})
	copy(l.events[i+1:], l.events[i:])
	l.events[i] = e
	return e.seq
}

// run lets everything happen up to a time from now.
func (l *lab) run(d time.Duration) {
	until := l.now + spec.Time(d)
	for len(l.events) > 0 && l.events[0].at <= until {
		e := l.events[0]
		l.events = l.events[1:]
		l.now = e.at
		switch {
		case e.life != l.lives[e.machine]:
		case e.in.Kind == impl.TimerFired:
			if l.timers[e.machine][e.in.Num] == e.seq {
				delete(l.timers[e.machine], e.in.Num)
				l.step(e.machine, e.in)
			}
		default:
			l.step(e.machine, e.in)
		}
	}
	l.now = until
}

// reroute computes the routes again over the routers that are up, and tells them.
func (l *lab) reroute() {
	first := len(l.net.Hosts)
	l.net.Reroute(func(r int) bool { return !l.down[first+r] })
	for r := range l.net.Routers {
		l.step(first+r, impl.Input{Kind: impl.Rerouted})
	}
}
