package checkers

import (
	"fmt"
	"slices"

	"github.com/conform-go/conform/spec"
)

// What a send costs. Frames are counted where a node of the protocol put them on a link: what routers forward, or a
// rendezvous point takes out of a register, and what switches repeat is the network's work.

const noCost = "not observed: the header declares no cost"

// costPackets judges COST-PACKETS: without faults a send costs no more packets than declared.
func (j *Judge) costPackets() spec.Finding { return j.cost(CostPackets, "packets", (*Judge).isPacket) }

// costAcks judges COST-ACKS: without faults a send costs no more acknowledgements than declared.
func (j *Judge) costAcks() spec.Finding { return j.cost(CostAcks, "acknowledgements", (*Judge).isAck) }

func (j *Judge) isPacket(e *spec.Event) bool {
	switch x := extraOf(j.h, e); x.Op {
	case "data", "unicast", "pim-register":
		return j.original(e, x)
	}
	return false
}

func (j *Judge) isAck(e *spec.Event) bool {
	x := extraOf(j.h, e)
	return x.Reason == spec.ReasonAck && j.original(e, x)
}

// original says whether a frame comes from a node of the protocol.
func (j *Judge) original(e *spec.Event, x *spec.Extra) bool {
	t := j.h.Topology
	if x.Via != "" {
		return false
	}
	if t == nil {
		return true
	}
	decapsulated := x.Op == "data" && e.Is(spec.HasFrom) && e.From != e.Node && slices.Contains(t.Routers, e.Node)
	return !decapsulated && !slices.Contains(t.Switches, e.Node)
}

func (j *Judge) cost(id spec.ID, what string, counts func(*Judge, *spec.Event) bool) spec.Finding {
	limit, ok := j.h.Costs[string(id)]
	if !ok {
		return inconclusive(0, noCost)
	}
	sends, total, frames := 0, 0, 0
	for i := range j.h.Events {
		e := &j.h.Events[i]
		switch e.Kind {
		case spec.Fault, spec.Crash, spec.Pause:
			return inconclusive(0, "vacuous: there were faults")
		case spec.Send:
			if e.Is(spec.HasTo) {
				return inconclusive(0, "not observed: which packets are those of sends to one node")
			}
			if e.Is(spec.HasGroup) {
				sends++
			}
		case spec.Frame:
			frames++
			if counts(j, e) {
				total++
			}
		}
	}
	switch {
	case sends == 0:
		return inconclusive(0, "vacuous: nothing was sent to a group")
	case frames == 0:
		return inconclusive(0, "not observed: frame")
	case total > limit*sends:
		return j.tooDear(id, what, limit, sends, total, counts)
	}
	return held(sends, "")
}

// tooDear shows the first packets beyond what the first send may cost.
func (j *Judge) tooDear(id spec.ID, what string, limit, sends, total int, counts func(*Judge, *spec.Event) bool) spec.Finding {
	const shown = 4
	var events []int
	for i := range j.h.Events {
		if e := &j.h.Events[i]; len(events) < shown && e.Kind == spec.Frame && counts(j, e) {
			events = append(events, i)
		}
	}
	return violated(sends, fmt.Sprintf("%d sends cost %d %s; %d a send were declared, %d in all. The first of them: %s",
		sends, total, what, limit, limit*sends, j.frameList(events)), events...)
}

func (j *Judge) frameList(events []int) string {
	text := ""
	for k, i := range events {
		if k > 0 {
			text += ", "
		}
		x := extraOf(j.h, &j.h.Events[i])
		text += fmt.Sprintf("%s of %s on %s at %s", x.Op, j.h.NodeName(j.h.Events[i].Node), x.Link, j.time(i))
	}
	return text
}
