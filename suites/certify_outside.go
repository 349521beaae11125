package suites

import (
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
)

// suit makes of a drawn schedule one that the kernel's network can play on programs of which nothing is seen but what they
// say. A clock is ahead from the start and for good; the only router is the switch, which asks who listens; and the way
// is too long on one LAN for who sends with no time to live at all. What would wait for a packet waits for a delivery,
// or comes when it should be about to leave: else it would never come.
func suit(s *faults.Scenario) {
	sends, first := 0, map[spec.NodeID]spec.Time{}
	for i := range s.Steps {
		if x := &s.Steps[i]; x.Action.Op == faults.Send {
			sends++
			if at, ok := first[x.Action.Node]; x.When.On == faults.AtTime && (!ok || x.When.At < at) {
				first[x.Action.Node] = x.When.At
			}
		}
	}
	for i := range s.Steps {
		x := &s.Steps[i]
		switch x.Action.Op {
		case faults.Skew:
			x.When, x.Action.For = faults.When{}, 0
		case faults.RouterDown:
			x.Action.Router = 0
		case faults.TTL:
			x.Action.Size = 0
		}
		if w := &x.When; w.On != faults.AtTime && w.On != faults.OnDeliver && w.On != faults.OnAck {
			at, ok := first[w.Node]
			if ok && (w.On == faults.OnSend || w.On == faults.OnAction) {
				*w = faults.When{At: at + spec.Time(w.K)*spec.Time(strikeEvery)}
			} else {
				*w = faults.When{On: faults.OnDeliver, Node: w.Node, K: 1 + (w.K-1)%max(1, sends)}
			}
		}
	}
}

// strikeEvery is about how far apart the packets of a program are that was just told to send.
const strikeEvery = 250 * time.Microsecond

// refusals says of each kind of fault that is not played why that is so.
func (t *trial) refusals(cannot spec.FaultSet) (why []string) {
	if t.hello.Network != "own" {
		return nil
	}
	for _, k := range cannot.Kinds() {
		if t.plan.World == "netns" {
			why = append(why, k.String()+": "+outsideCan(k))
		} else if ops := faults.OpsOf(k); len(ops) > 0 {
			if err := adapter.NewOwn(t.plan.Adapter, t.hello).Can(ops[0]); err != nil {
				why = append(why, err.Error())
			}
		}
	}
	return why
}

// ofStrangers are the faults that strike a program by the address of its group only.
var ofStrangers = spec.SetOf(spec.RogueFault, spec.FloodFault, spec.ReportFault, spec.TTLFault, spec.RouterFault, spec.NICFault)

// deaf says what of the faults that were played could strike nothing, where no program has joined the address of its group.
func (t *trial) deaf() {
	struck := (t.model | t.more) & ofStrangers
	if t.plan.World != "netns" || struck == 0 || t.outside.heard() || t.r.Error != "" {
		return
	}
	if t.r.NotPlayed != "" {
		t.r.NotPlayed += ","
	}
	t.r.NotPlayed += struck.String()
	t.r.NotPlayedWhy = append(t.r.NotPlayedWhy, struck.String()+": no node has joined the address of its group (init, groups.NAME.address), so that there is nothing to strike")
}
