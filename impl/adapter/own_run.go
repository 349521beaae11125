package adapter

import (
	"fmt"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// run does the steps at their times, writes down what is said, and waits until nothing more is.
func (w *Own) run() error {
	limit := w.epoch.Add(ownPatience*w.silence() + w.last())
	for {
		if len(w.later) > 0 {
			if err := w.hear(w.receive()); err != nil {
				return err
			}
			continue
		}
		next, wait := w.next()
		quiet := time.Until(w.seen.Add(w.silence()))
		if next < 0 {
			wait = quiet
		}
		timer := time.NewTimer(max(0, min(wait, time.Until(limit))))
		select {
		case x := <-w.heard:
			timer.Stop()
			if err := w.hear(x); err != nil {
				return err
			}
			continue
		case step := <-w.struck():
			timer.Stop()
			if i := slices.IndexFunc(w.steps, func(x ownStep) bool { return x.step == step && !x.over && !x.turn && !x.done }); i >= 0 {
				if err := w.act(i); err != nil {
					return err
				}
			}
			continue
		case <-timer.C:
		}
		switch {
		case time.Now().After(limit): // it goes on for ever, and is not settled
			return nil
		case next >= 0:
			if err := w.act(next); err != nil {
				return err
			}
		case !w.healed && w.broken():
			w.healed = true // first: no moment may break anything while it is mended
			if w.relay != nil {
				w.relay.watch(nil)
			}
			if err := w.heal(); err != nil {
				return err
			}
			w.seen = time.Now()
		case slices.ContainsFunc(w.nodes, func(x ownNode) bool { return x.starting }):
			w.seen = time.Now()
		default:
			w.h.Settled = true
			for i := range w.steps {
				if !w.steps[i].done {
					w.unplayed = append(w.unplayed, w.steps[i].step)
				}
			}
			return nil
		}
	}
}

// struck gives the steps whose moment relays have seen.
func (w *Own) struck() <-chan int {
	if w.relay == nil {
		return nil
	}
	return w.relay.struck
}

// last is when the last timed step is over.
func (w *Own) last() (d time.Duration) {
	for i := range w.steps {
		d = max(d, w.steps[i].at+w.s.Steps[w.steps[i].step].Action.For)
	}
	return d
}

// next gives the step that is due next, and how long that is from now; -1 where none is left that has a time.
func (w *Own) next() (int, time.Duration) {
	best := -1
	for i := range w.steps {
		if x := &w.steps[i]; !x.done && x.at >= 0 && (best < 0 || x.at < w.steps[best].at) {
			best = i
		}
	}
	if best < 0 {
		return -1, 0
	}
	return best, time.Until(w.epoch.Add(w.steps[best].at))
}

// act does a step.
func (w *Own) act(i int) error {
	w.steps[i].done = true
	step := w.steps[i].step
	a := &w.s.Steps[step].Action
	x := &w.nodes[a.Node]
	switch {
	case w.steps[i].turn:
		return w.flap(step)
	case w.steps[i].over && a.Op != faults.Pause:
		return w.mend(step)
	case w.steps[i].over:
		return w.resume(a.Node)
	}
	switch a.Op {
	case faults.Send:
		if x.paused || x.starting {
			x.due = append(x.due, step)
			return nil
		}
		return w.send(step)
	case faults.Crash, faults.CrashLossy:
		return w.crash(a.Node, step)
	case faults.Recover:
		switch {
		case x.p != nil:
			return nil
		case x.ended <= x.life: // what it said before it was killed is still being heard
			w.steps[i].done, w.steps[i].at = false, max(0, time.Since(w.epoch))
			return nil
		}
		x.life, x.sends, x.msgs = x.life+1, 0, nil
		if err := w.plug(a.Node); err != nil {
			return err
		}
		w.observe(spec.Event{Kind: spec.Recover, Node: a.Node, Has: spec.HasNode})
		if w.relay != nil {
			w.relay.speak(a.Node)
		}
		return w.live(a.Node)
	case faults.Pause:
		if x.p != nil && !x.paused {
			x.paused = true
			x.p.alive(standStill)
			w.observe(spec.Event{Kind: spec.Pause, Node: a.Node, Has: spec.HasNode})
			if a.For > 0 {
				w.steps = append(w.steps, ownStep{at: time.Since(w.epoch) + a.For, step: step, over: true})
			}
		}
	case faults.Heal:
		return w.heal()
	default:
		if _, fault := a.Op.Fault(); fault {
			return w.begins(step)
		}
	}
	return nil
}

func (w *Own) resume(n spec.NodeID) error {
	x := &w.nodes[n]
	if !x.paused {
		return nil
	}
	x.paused = false
	w.observe(spec.Event{Kind: spec.Resume, Node: n, Has: spec.HasNode})
	x.p.alive(goOn)
	return w.sendDue(n)
}

// sendDue lets a node send what waited, if nothing is in the way any more.
func (w *Own) sendDue(n spec.NodeID) error {
	x := &w.nodes[n]
	if x.paused || x.starting {
		return nil
	}
	due := x.due
	x.due = nil
	for _, step := range due {
		if err := w.send(step); err != nil {
			return err
		}
	}
	return nil
}

// receive waits for what is said next.
func (w *Own) receive() heard {
	if len(w.later) == 0 {
		return <-w.heard
	}
	x := w.later[0]
	w.later = w.later[1:]
	return x
}

// crash kills a node's process. What it wrote before counts; what others say meanwhile comes behind the crash, for a step
// that follows it may concern this node. Where what is in flight is to be lost, the node is cut off first.
func (w *Own) crash(n spec.NodeID, step int) error {
	x := &w.nodes[n]
	if x.p == nil {
		return nil
	}
	if w.s.Steps[step].Action.Op == faults.CrashLossy {
		w.lasting = append(w.lasting, lasting{step: step})
		if err := w.breaks(); err != nil {
			return err
		}
	}
	if w.relay != nil {
		x.p.alive(standStill) // it must not deliver what it can send to nobody any more
		w.relay.silence(n, w.s.Steps[step].Action.Op == faults.CrashLossy)
	}
	x.p.kill()
	x.p, x.starting, x.paused, x.due = nil, false, false, nil
	var others []heard
	for x.ended <= x.life {
		l := w.receive()
		if l.node != n {
			others = append(others, l)
			continue
		}
		if err := w.hear(l); err != nil {
			return err
		}
	}
	w.later = append(others, w.later...)
	w.observe(spec.Event{Kind: spec.Crash, Node: n, Has: spec.HasNode})
	return nil
}

// send lets a node send, if it is up.
func (w *Own) send(step int) error {
	a := &w.s.Steps[step].Action
	x := &w.nodes[a.Node]
	if x.p == nil {
		return nil
	}
	stream := uint64(step)
	if a.Content != 0 {
		stream = 1<<32 | uint64(a.Content)
	}
	r := spec.NewRand(w.s.Seed, stream)
	body := make([]byte, a.Size)
	for i := range body {
		body[i] = byte(r.Uint64())
	}
	x.sends++
	id := spec.MsgID{Sender: a.Node, Incarnation: spec.Incarnation(x.life), Number: x.sends}
	x.msgs = append(x.msgs, id)
	w.observe(spec.Event{Kind: spec.Send, Node: a.Node, Msg: id, Sum: spec.Digest(xxhash.Sum64(body)), Len: int32(len(body)),
		Has: spec.HasNode | spec.HasMsg | spec.HasSum | spec.HasLen | spec.HasGroup})
	b, err := encode(callLine{Op: "send", ID: x.sends, Group: w.s.Groups[0].Name, Msg: id.String(), Body: &body})
	if err == nil {
		err = x.p.write(b)
	}
	if err != nil {
		return fmt.Errorf("node %d: %w", a.Node, err)
	}
	return nil
}
