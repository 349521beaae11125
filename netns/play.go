package netns

import (
	"slices"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// since is the time since the scenario began.
func (w *World) since() spec.Time { return Now() - w.epoch - w.base }

// forever is after how long what has not come will not come.
func (w *World) forever() time.Duration { return 2*w.cfg.TL + 4*w.cfg.TS }

// deadline is how many times that long a run is waited for that does not get quiet.
const deadline = 10

// run plays the steps, heals the faults, and waits until nothing happens any more. It says whether it got so far.
func (w *World) run() (settled bool, err error) {
	w.plan()
	w.mu.Lock()
	w.last = Now()
	w.mu.Unlock()
	var mended spec.Time
	for {
		if err := w.due(); err != nil {
			return false, err
		}
		for _, r := range w.nodes {
			if err := r.dead(); err != nil {
				return false, err
			}
		}
		switch quiet := w.quiet(); {
		case quiet && w.healed:
			return true, nil
		case w.healed && w.since()-mended > spec.Time(w.cfg.Least+deadline*w.forever()):
			return false, nil
		case quiet:
			w.healed = true // first: no moment may break anything while it is mended
			if err := w.heal(); err != nil {
				return false, err
			}
			mended = w.since()
			w.mu.Lock()
			w.last = Now()
			w.mu.Unlock()
		}
		if err := w.wait(); err != nil {
			return false, err
		}
	}
}

// plan puts the timed steps on the agenda.
func (w *World) plan() {
	for i := range w.s.Steps {
		st := &w.s.Steps[i]
		if st.When.On != faults.AtTime {
			continue
		}
		w.at(st.When.At, func() error { return w.act(i) })
		w.script = max(w.script, st.When.At+spec.Time(st.Action.For))
	}
}

// at lets the harness do something; of what is due at the same time, in the order in which it was asked for.
func (w *World) at(t spec.Time, do func() error) {
	i := len(w.agenda)
	for i > 0 && w.agenda[i-1].at > t {
		i--
	}
	w.agenda = slices.Insert(w.agenda, i, errand{t, do})
}

// due does what the agenda wants done by now.
func (w *World) due() error {
	for len(w.agenda) > 0 {
		e := w.agenda[0]
		late := time.Duration(w.since() - e.at)
		if late < 0 {
			return nil
		}
		w.late = max(w.late, late)
		w.agenda = w.agenda[1:]
		if err := e.do(); err != nil {
			return err
		}
	}
	return nil
}

// wait waits for the next thing to do, and not for long.
func (w *World) wait() error {
	const tick = 5 * time.Millisecond
	d := tick
	if len(w.agenda) > 0 {
		d = min(d, max(0, time.Duration(w.agenda[0].at-w.since())))
	}
	before := time.Now()
	select {
	case m := <-w.moments:
		return w.come(m)
	case <-time.After(d):
		w.late = max(w.late, time.Since(before)-d)
	}
	return nil
}

// come lets the step happen that has waited for a moment; its node waits for the end of it.
func (w *World) come(m moment) error {
	r := w.nodes[m.node]
	if !r.up() || len(r.seat.lives) != m.life {
		return nil // the life that told of it is over
	}
	a := &w.s.Steps[m.step].Action
	w.fired[m.step] = true
	_, fault := a.Op.Fault()
	switch {
	case !fault || a.Op == faults.Recover:
		w.at(w.since(), func() error { return w.act(m.step) })
	case !w.healed:
		if err := w.act(m.step); err != nil {
			return err
		}
		w.script = max(w.script, w.since()+spec.Time(a.For))
	}
	if r.up() && len(r.seat.lives) == m.life {
		return r.say("go")
	}
	return nil
}

// quiet says whether nothing has been observed for long enough to go on to the next part of the run.
func (w *World) quiet() bool {
	w.mu.Lock()
	last := w.last
	w.mu.Unlock()
	if len(w.agenda) > 0 {
		return false
	}
	silence := time.Duration(w.since() - max(last-w.epoch-w.base, w.script))
	if !w.healed {
		return silence > 4*w.cfg.TS
	}
	if w.since() < spec.Time(w.cfg.Least) {
		return false
	}
	return silence > w.forever() || silence > 6*w.cfg.TS && w.finished()
}

// finished says whether everyone is up and has delivered everything: nothing is left to come but what should not.
func (w *World) finished() bool {
	if w.cfg.Views || comesAndGoes(w.s) {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	sent, due, delivered := 0, 0, 0
	for _, r := range w.nodes {
		if !r.up() || len(r.seat.lives) != 1 {
			return false
		}
		x := r.seat.up()
		if sent += x.sent; x.sent < x.asked {
			return false
		}
		for _, e := range x.events {
			switch {
			case e.Kind == spec.Deliver:
				delivered++
			case e.Kind == spec.Send && e.Has&spec.HasTo != 0:
				due++
			case e.Kind == spec.Send:
				due += len(w.s.Groups[e.Group].Members)
			}
		}
	}
	return delivered == due
}

// remark writes down what the harness does.
func (w *World) remark(e spec.Event, x *spec.Extra) {
	e.T = Now() - w.epoch
	o := observed{Event: e}
	if x != nil {
		o.extra, o.rare = *x, true
	}
	w.own = append(w.own, o)
}
