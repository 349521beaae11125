package suites

import (
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// draw makes schedule i of a cell in s. What few claims are about is not left to luck: some schedules have a message
// to one node, some a sender that is no member, of a closed group or an open one, and some a node that crashes when it
// has delivered.
func (p *Plan) draw(s *faults.Scenario, seed uint64, c Cell, model spec.FaultSet, i int) {
	x := faults.Params{Subject: c.String(), Faults: model, MinNodes: p.Nodes, MaxNodes: p.Nodes, MaxSends: p.Messages,
		OneToOne: i%4 == 0, MTU: c.mtu()}
	if c.mtu() > 0 {
		x.MaxSize = 4 * c.mtu()
	}
	faults.DrawInto(s, seed, x)
	last := spec.NodeID(s.Nodes - 1)
	if i%4 == 0 {
		s.Steps = append(s.Steps, faults.Step{Action: faults.Action{Op: faults.Send, Node: last, To: 0, Size: 8}})
	}
	if i%8 == 1 && last > 0 {
		s.Exclude(last)
		s.Groups[0].Closed = i%16 == 1
		s.Steps = append(s.Steps, faults.Step{Action: faults.Action{Op: faults.Send, Node: last, To: impl.Everyone, Size: 8}})
	}
	if crash := (faults.Action{Op: faults.Crash, Node: spec.NodeID(seed % uint64(s.Nodes))}); model.Has(spec.CrashFault) {
		switch i % 8 {
		case 3:
			s.Steps = append(s.Steps, faults.Step{When: faults.When{On: faults.OnDeliver, Node: crash.Node, K: 2}, Action: crash})
		case 6:
			s.Steps = append(s.Steps, faults.Step{When: faults.When{At: lateCrash}, Action: crash})
		}
	}
}

// lateCrash is when a node crashes that has had the time to deliver what was sent at the start.
const lateCrash = spec.Time(40 * time.Millisecond)
