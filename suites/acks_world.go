package suites

import (
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// ackNet is the network of all measurements: every packet takes its own time.
var ackNet = faults.Net{Strategy: faults.Latency, Min: time.Millisecond, Max: 5 * time.Millisecond}

// ackBody is the length of a message in bytes.
const ackBody = 64

// ackScenario is a group of so many members to which nothing is sent yet.
func (p *AcksPlan) ackScenario(c Cell, members int, purpose, i uint64) *faults.Scenario {
	s := &faults.Scenario{Subject: c.String(), Nodes: members, Seed: seedOf(p.Seed, p.Transport.String(), purpose, i), Net: ackNet,
		Groups: []faults.Group{{Name: "g"}}}
	for n := range spec.NodeID(members) {
		s.Groups[0].Members = append(s.Groups[0].Members, n)
	}
	return s
}

// ending ends a run when all that was sent has been delivered, and acknowledged where the level does that, and TS has
// passed; or at the deadline.
type ending struct {
	members  int
	acks     bool // the level acknowledges
	sends    int  // of the scenario
	deadline spec.Time

	read       int // events of the history
	refused    int
	deliveries int
	answers    int
	last       spec.Time
}

func (e *ending) enough(now spec.Time, h *spec.History) bool {
	for ; e.read < len(h.Events); e.read++ {
		x := &h.Events[e.read]
		switch x.Kind {
		case spec.Deliver:
			e.deliveries++
		case spec.Ack:
			e.answers++
		case spec.Refuse:
			e.refused++
		default:
			continue
		}
		e.last = x.T
	}
	if now > e.deadline {
		return true
	}
	all := e.missing() <= 0 && (!e.acks || e.answers+e.refused >= e.sends)
	return all && now > e.last+spec.Time(sim.DefaultTS)
}

// missing counts the deliveries that have not happened.
func (e *ending) missing() int { return (e.sends-e.refused)*e.members - e.deliveries }

// ackWorld makes a world for one run of a cell, with a probe below the upper part of each node.
func (c Cell) ackWorld(e *ending, g *gauge) *sim.World {
	cfg := c.world(func(x impl.Config) impl.Layer { return impl.NewStack(c.Member(x), &probe{x.Self, g}) }, nil)
	cfg.Declare = func(_ *faults.Scenario, h *spec.Header) {
		h.Costs = map[string]int{"STABILITY-TRIM": 1 << 30} // so that what levels keep is written down
	}
	cfg.Even, cfg.Enough = true, e.enough
	return sim.New(cfg)
}

// gauge reads what goes to the first node, the sender.
type gauge struct {
	acks int         // packets of acknowledgements that are sent to it, or to all
	came []spec.Time // when packets of others came
}

// probe is the lowest layer of a node that does not stand for the network; it changes nothing.
type probe struct {
	self  spec.NodeID
	gauge *gauge
}

// Step implements [impl.Layer].
func (p *probe) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Packet && p.self == 0 && in.From != 0:
		p.gauge.came = append(p.gauge.came, in.Now)
	case in.Kind == impl.Send && in.Code == impl.BareAck && p.self != 0 && (in.To == 0 || in.To == impl.Everyone):
		p.gauge.acks++
	}
	out.Pass(in)
}
