package adapter

import (
	"fmt"
	"slices"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// Multicast is a [Network] that carries IP multicast.
type Multicast interface {
	// GroupAddresses gives each group of the run that has begun an address, host and port.
	GroupAddresses(groups int) ([]string, error)
	// Invite plugs in the machine that belongs to nobody, for faults of strangers.
	Invite() error
	// Await waits until what is sent to these addresses reaches all who have joined them by now.
	Await() error
}

// Clocks is a [Network] that can let the clocks of a program be ahead.
type Clocks interface {
	// Ahead lets the clocks of a node's program be so far ahead when it is next started, for as long as it lives.
	Ahead(n spec.NodeID, by time.Duration)
}

// askTime is how long a switch that is no longer kept from asking, or hosts from answering, needs until it knows again who
// listens to what: it asks once a second.
const askTime = 3 * time.Second

// Fits says why a scenario can't be played, or nil. The clock of a program is settled when it is started: it is ahead for
// good, in each of its lives.
func (w *Own) Fits(s *faults.Scenario) error {
	for i := range s.Steps {
		x := &s.Steps[i]
		if err := w.Can(x.Action.Op); err != nil {
			return fmt.Errorf("%q: %w", s.StepText(i), err)
		}
		if x.Action.Op == faults.Skew && (x.When.On != faults.AtTime || x.When.At != 0 || x.Action.For != 0) {
			return fmt.Errorf("%q: the clock of a program can be ahead from its start and for good (at 0s skew NODE by TIME), and not set while it runs", s.StepText(i))
		}
	}
	if most := max(1, w.hello.Groups); len(s.Groups) < 1 || len(s.Groups) > most {
		return fmt.Errorf("want 1 to %d groups, as its hello says (\"groups\"): the scenario has %d", most, len(s.Groups))
	}
	return nil
}

// furnish gives the groups addresses and the nodes clocks, where the network has any.
func (w *Own) furnish() (err error) {
	w.multicast = make([]string, len(w.s.Groups))
	if m, ok := w.net.(Multicast); ok {
		if w.multicast, err = m.GroupAddresses(len(w.s.Groups)); err != nil {
			return err
		}
		if w.s.Faults()&spec.SetOf(spec.RogueFault, spec.FloodFault) != 0 {
			if err := m.Invite(); err != nil {
				return err
			}
		}
	}
	by := map[spec.NodeID]time.Duration{}
	for i := range w.s.Steps {
		if a := &w.s.Steps[i].Action; a.Op == faults.Skew {
			by[a.Node] = max(by[a.Node], a.By)
		}
	}
	if len(by) == 0 {
		return nil
	}
	c, ok := w.net.(Clocks)
	if !ok {
		return fmt.Errorf("%v: nobody here can set the clock of a program", faults.Skew)
	}
	for n := range w.nodes {
		c.Ahead(spec.NodeID(n), by[spec.NodeID(n)])
	}
	return nil
}

// greet hears what programs say right after they are ready, as in which view they are: before anything is asked of them.
func (w *Own) greet() error {
	const pause, most = 20 * time.Millisecond, 200 * time.Millisecond
	for end := time.Now().Add(most); time.Now().Before(end); {
		select {
		case x := <-w.heard:
			if err := w.hear(x); err != nil {
				return err
			}
		case <-time.After(pause):
			return nil
		}
	}
	return nil
}

// skewed writes down which clocks are ahead. They stay so to the end, so that this is no fault to be healed.
func (w *Own) skewed() {
	for i := range w.steps {
		if x := &w.steps[i]; w.s.Steps[x.step].Action.Op == faults.Skew {
			x.done = true
			w.fault(spec.Fault, x.step)
		}
	}
}

// silence is how long nothing is said when a run is over.
func (w *Own) silence() time.Duration {
	if w.s.Faults()&spec.SetOf(spec.ReportFault, spec.RouterFault) != 0 {
		return max(w.quiet, askTime)
	}
	return w.quiet
}

// ownNap is how long the harness sleeps at a time. Where it is late by as much again, so may be the programs.
const ownNap = 100 * time.Millisecond

// patience is how long nothing is said until a run goes on: longer where somebody has not answered, who may only be slow.
func (w *Own) patience() time.Duration {
	d := w.silence()
	for n := range w.nodes {
		if x := &w.nodes[n]; x.p != nil && !x.paused && slices.ContainsFunc(x.calls, func(c ownCall) bool { return !c.over }) {
			return d + min(2*d, 5*time.Second)
		}
	}
	return d
}
