package suites

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// patience is how long after the last send a stream may take to come to its end.
const patience = 10 * time.Minute

// stream sends one stream of messages while packets are lost.
func (u *ackUnit) stream() error {
	p := u.plan
	s := p.ackScenario(u.cell, p.Nodes, 4, uint64(u.percent)<<1|uint64(len(u.traffic)&1))
	if u.percent > 0 {
		s.Steps = append(s.Steps, faults.Step{Action: faults.Action{Op: faults.Loss, Percent: u.percent, For: 2 * patience}})
	}
	last := time.Duration(0)
	for k := range p.Messages {
		node, at := spec.NodeID(0), time.Duration(k)*p.Every
		if u.traffic == "all" { // each member sends one every so often, and they take turns
			node, at = spec.NodeID(k%p.Nodes), at/time.Duration(p.Nodes)
		}
		step := send(node, at)
		step.Action.Size = ackBody
		s.Steps = append(s.Steps, step)
		last = at
	}
	e := &ending{members: p.Nodes, acks: u.cell.premises().acks, sends: p.Messages, deadline: spec.Time(last + patience)}
	world := u.cell.ackWorld(e, &gauge{})
	var h spec.History
	if err := world.Play(s, &h); err != nil {
		return err
	}
	c := world.Counts()
	cost := AckCost{Reliability: u.cell.Reliability.String(), Traffic: u.traffic, Percent: u.percent, Sends: c.Sends,
		Deliveries: c.Deliveries, Missing: e.missing(), Refused: e.refused,
		Packets: c.Packets, AckPackets: c.AckPackets, NackPackets: c.NackPackets}
	cost.read(&h)
	if u.cell.Reliability.Name != "unreliable" {
		cost.Buffer = bufferOf(&h, p.Nodes)
	}
	u.costs = append(u.costs, cost)
	return nil
}

// read takes the latencies, and what levels told of their copies, from a history.
func (c *AckCost) read(h *spec.History) {
	sent := map[spec.MsgID]spec.Time{}
	var delivered, acked []int64
	for i := range h.Events {
		e := &h.Events[i]
		switch e.Kind {
		case spec.Send:
			sent[e.Msg] = e.T
		case spec.Deliver:
			delivered = append(delivered, int64(e.T-sent[e.Msg]))
		case spec.Ack:
			acked = append(acked, int64(e.T-sent[e.Msg]))
		case spec.Note:
			if x := h.ExtraOf(e); x.Op == spec.OpKept {
				c.KeptTold = max(c.KeptTold, int(x.Depth))
			}
		}
	}
	if l := latencyOf(delivered); l != nil {
		c.Delivery = *l
	}
	c.Acknowledged = latencyOf(acked)
}

// bufferOf gives how many messages of its own a sender had at a time, at the most, of which it did not know that all have
// them: sends that were accepted, and not acknowledged to the application. It has to keep these, whether on their way or
// waiting to leave. One that is never told keeps all.
func bufferOf(h *spec.History, nodes int) *int {
	open, most := make([]int, nodes), 0
	for i := range h.Events {
		e := &h.Events[i]
		switch e.Kind {
		case spec.Send:
			open[e.Node]++
			most = max(most, open[e.Node])
		case spec.Ack, spec.Refuse:
			open[e.Node]--
		}
	}
	return &most
}

// groups sends once to groups of all sizes, up to the first that is likely to cost too much.
func (u *ackUnit) groups() error {
	p := u.plan
	var before, last float64 // packets or receipts, whichever are more
	for i, n := range p.Sizes {
		if i > 0 {
			growth := 2. // nobody sends each of the others more than so many packets: until two sizes tell
			if i > 1 {
				growth = math.Log(last/before) / math.Log(float64(p.Sizes[i-1])/float64(p.Sizes[i-2]))
			}
			likely := last * math.Pow(float64(n)/float64(p.Sizes[i-1]), min(max(growth, 1), 3))
			if likely > float64(p.Limit) {
				u.out = &LeftOut{Of: "implosion", Reliability: u.cell.Reliability.String(), Members: slices.Clone(p.Sizes[i:]),
					Reason: fmt.Sprintf("a send to %d members is likely to cost %s packets or receipts, more than --limit %s",
						n, grouped(rounded(likely)), grouped(p.Limit))}
				return nil
			}
		}
		x, cost, err := u.group(n)
		if err != nil {
			return fmt.Errorf("%d members: %w", n, err)
		}
		u.implosions = append(u.implosions, x)
		before, last = last, float64(max(cost, 1))
	}
	return nil
}

// group sends once to a group of n members, and says how much work that was.
func (u *ackUnit) group(n int) (x Implosion, cost int, err error) {
	s := u.plan.ackScenario(u.cell, n, 5, uint64(n))
	s.Steps = []faults.Step{{Action: faults.Action{Op: faults.Send, To: impl.Everyone, Size: ackBody}}}
	e := &ending{members: n, acks: u.cell.premises().acks, sends: 1, deadline: spec.Time(10 * time.Second)}
	var g gauge
	world := u.cell.ackWorld(e, &g)
	var h spec.History
	if err := world.Play(s, &h); err != nil {
		return x, 0, err
	}
	c := world.Counts()
	return Implosion{Reliability: u.cell.Reliability.String(), Members: n, Packets: c.Packets, AckPackets: c.AckPackets,
		AtSender: g.acks, Received: len(g.came), Peak: busiest(g.came, spec.Time(time.Millisecond)), Missing: e.missing(),
	}, max(c.Packets, c.Receipts), nil
}

// busiest gives the most of some ascending times that lie within a span.
func busiest(times []spec.Time, span spec.Time) (most int) {
	first := 0
	for i, t := range times {
		for t-times[first] >= span {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// rounded keeps two digits.
func rounded(x float64) int {
	unit := math.Pow(10, max(0, math.Floor(math.Log10(x))-1))
	return int(math.Round(x/unit) * unit)
}
