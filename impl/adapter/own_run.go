package adapter

import (
	"slices"
	"time"

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
		quiet := time.Until(w.seen.Add(w.patience()))
		if next < 0 {
			wait = quiet
		}
		wait = max(0, min(wait, time.Until(limit)))
		began, nap := time.Now(), min(wait, ownNap)
		timer := time.NewTimer(nap)
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
		if time.Since(began)-nap > ownNap { // the machine stood still, and that nothing was said meanwhile says nothing
			w.seen = time.Now()
			continue
		}
		if nap < wait {
			continue
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
	case faults.Send, faults.Join, faults.Leave, faults.Sync, faults.Query, faults.Create, faults.Destroy:
		if w.waits(step) {
			x.due = append(x.due, step)
			return nil
		}
		return w.ask(step)
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
		x.life, x.sends, x.calls = x.life+1, 0, nil
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
		if w.waits(step) {
			x.due = append(x.due, step)
		} else if err := w.ask(step); err != nil {
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
