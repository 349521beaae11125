package netns

import (
	"fmt"
	"math"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// The clocks of nodes. A process that is to be ahead from its start, and stay so, is started in a time namespace: its
// kernel gives it another CLOCK_MONOTONIC and CLOCK_BOOTTIME, by the vDSO as well, and it can't tell. But the offsets of
// such a namespace are settled when the first process is in it, and a process of several threads, as every one in Go is,
// can't change over to another one (setns gives EUSERS): so nobody's clock can jump, drift or be set right by the kernel.
// That is the node's own doing, as in the simulated world: its layers are told another time than the kernel's, and the
// times of their timers are taken off that clock when they are set. CLOCK_REALTIME is in no namespace, and nobody here
// reads it.
//
// The history is on the clock that all share: a node knows how far its namespace is ahead, and takes it off.
//
// What is made for clocks that agree within milliseconds, and for packets that take no longer than some, runs in slow
// motion: the clock of its layers goes so many times slower, and so does all that they wait for. The machine is then so
// many times faster for them.

// wrong is what a clock says beyond the right time: an offset and so many percent of the time since the epoch.
type wrong struct {
	ahead   int64 // nanoseconds
	percent int64
}

// at gives what the clock says.
func (c *wrong) at(now spec.Time) spec.Time {
	if c == nil {
		return now
	}
	return now + spec.Time(c.ahead+c.beyond(now))
}

// beyond is what the clock has gained; in two parts, so that it does not overflow.
func (c *wrong) beyond(now spec.Time) int64 {
	t := int64(now)
	return t/100*c.percent + t%100*c.percent/100
}

// right gives when the clock has gone on to that time, if it goes on as it does now. No timer fires before its time.
func (c *wrong) right(now, at spec.Time) spec.Time {
	if c == nil {
		return at
	}
	left := max(int64(at-c.at(now)), 0)
	fast := 100 + c.percent
	return now + spec.Time(left/fast*100+(left%fast*100+fast-1)/fast)
}

// clock is what the layers are told.
func (n *Node) clock() spec.Time { return n.wrong.Load().at(n.now()) / n.motion() }

// rightTime is when a timer fires that is set by the node's clock.
func (n *Node) rightTime(at spec.Time) spec.Time {
	k := n.motion()
	return n.wrong.Load().right(n.now(), min(at, math.MaxInt64/4/k)*k)
}

// motion is how many times slower the layers' clock goes than the one that all share.
func (n *Node) motion() spec.Time { return spec.Time(max(1, n.cfg.Motion)) }

// SetClock lets the layers be told a time that is so far ahead, and gains so many percent since the epoch.
func (n *Node) SetClock(ahead time.Duration, percent int) {
	n.wrong.Store(&wrong{int64(ahead), int64(percent)})
}

// aheadOf gives what the clock of a node says beyond the right time. Of several that are wrong by as much from the start,
// the largest counts, as in the simulated world.
func (w *World) aheadOf(n spec.NodeID) (c wrong) {
	skew := int64(0)
	for _, f := range w.active {
		if f.step < 0 {
			continue
		}
		a := &w.s.Steps[f.step].Action
		if a.Node != n {
			continue
		}
		switch a.Op {
		case faults.Skew:
			skew = max(skew, int64(a.By))
		case faults.Jump:
			c.ahead += int64(a.By)
		case faults.Drift:
			p := wrong{percent: int64(a.Percent)}
			c.ahead -= p.beyond(f.since + w.base)
			c.percent += p.percent
		}
	}
	c.ahead += skew
	return c
}

// fromStart gives by how much the clock of a node is ahead from the start.
func fromStart(s *faults.Scenario, n spec.NodeID) (by time.Duration) {
	for i := range s.Steps {
		if x := &s.Steps[i]; x.Action.Op == faults.Skew && x.Action.Node == n && x.When.On == faults.AtTime && x.When.At == 0 {
			by = max(by, x.Action.By)
		}
	}
	if by > 0 && !inOtherTime() {
		return 0
	}
	return by
}

// inOtherTime says whether this machine has time namespaces for us. Where it has not, the node itself is told another time
// from the start, too.
var inOtherTime = sync.OnceValue(func() bool {
	end, err := ahead(namespace{}, time.Second, func() error { return nil })
	if err == nil {
		end()
	}
	return err == nil
})

// setClock tells a node what its clock says from now on.
func (w *World) setClock(n spec.NodeID) error {
	if r := w.nodes[n]; r.up() {
		c := w.aheadOf(n)
		return r.say(fmt.Sprintf("clock %d %d", c.ahead, c.percent))
	}
	return nil
}

// ahead starts a process in a namespace of the network, and in one of its own of the time, that is so far ahead. What it
// gives has to be called when the process has ended, and not before: the process dies with the thread that started it.
func ahead(host namespace, by time.Duration, start func() error) (end func(), err error) {
	t, err := threadAhead(by)
	if err != nil {
		return nil, err
	}
	if err := t.in(host, start); err != nil {
		t.end()
		return nil, err
	}
	return t.end, nil
}

// threadAhead makes a thread whose processes, all of them, are in a namespace of the time that is so far ahead.
func threadAhead(by time.Duration) (*thread, error) {
	t, err := newThread()
	if err != nil {
		return nil, err
	}
	err = t.in(namespace{}, func() error {
		if err := unix.Unshare(unix.CLONE_NEWTIME); err != nil {
			return can("make a time namespace (CONFIG_TIME_NS, CAP_SYS_ADMIN)", err)
		}
		name := fmt.Sprintf("/proc/%d/timens_offsets", unix.Gettid())
		s, ns := int64(by/time.Second), int64(by%time.Second)
		if err := os.WriteFile(name, fmt.Appendf(nil, "monotonic %d %d\nboottime %d %d\n", s, ns, s, ns), 0); err != nil {
			return can("set the clocks of a time namespace (CAP_SYS_TIME)", err)
		}
		return nil
	})
	if err != nil {
		t.end()
		return nil, err
	}
	return t, nil
}

// Ahead lets the clocks of a node's program be so far ahead when it is next started, for as long as it lives.
func (s *Sockets) Ahead(n spec.NodeID, by time.Duration) {
	if s.ahead == nil {
		s.ahead = map[spec.NodeID]time.Duration{}
	}
	s.ahead[n] = by
}
