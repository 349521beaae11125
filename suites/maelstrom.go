package suites

import (
	"fmt"
	"slices"

	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
)

// MaelstromSubject is what scenarios say that a Maelstrom node has to play.
const MaelstromSubject = "maelstrom"

// maelstromFaults are the faults that can strike Maelstrom nodes: lines that are none are not in their protocol, and they
// have neither a disk nor a clock that the harness could break.
const maelstromFaults = spec.EndToEndFaults &^ (1 << spec.CorruptFault)

// maelstromIDs are the requirements that reads can be held to. A read is a set of numbers: it shows no order, no sender and
// no bytes.
var maelstromIDs = []spec.ID{"NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY", "DESTINATION-INTEGRITY", "SELF-DELIVERY",
	"VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT", "ACKED-DELIVERED", "ALL-OR-NOTHING"}

func (c *Certification) speaksMaelstrom() bool { return c.Adapter.Speak == adapter.Maelstrom }

func (c *Certification) subject() string {
	if c.speaksMaelstrom() {
		return MaelstromSubject
	}
	return AdapterSubject
}

// readable says which of the requirements that are asked for can't be seen in what Maelstrom nodes show.
func (c *Certification) readable(asked []spec.ID) error {
	if !c.speaksMaelstrom() {
		return nil
	}
	if p, ok := spec.LookupProfile(c.Profile); ok {
		asked = p.Must
	}
	for _, id := range asked {
		if !slices.Contains(maelstromIDs, id) {
			return fmt.Errorf("%s can't be judged: a Maelstrom read shows a set of numbers, and no more than %s", id, joinIDs(maelstromIDs))
		}
	}
	switch {
	case c.Network == "own":
		return fmt.Errorf("--network own: the network of Maelstrom nodes is the harness's")
	case c.Adapter.Connect != "" && c.Adapter.Connect != "stdio":
		return fmt.Errorf("--connect %s: a Maelstrom node speaks over stdio", c.Adapter.Connect)
	}
	return nil
}

// waits says whether most of a run is waiting for real time.
func (t *trial) waits() bool {
	return t.plan.speaksMaelstrom() && t.plan.Adapter.Pace == adapter.PaceReal
}

// chunk is how many schedules are one unit of work.
func (t *trial) chunk() int {
	switch {
	case t.waits():
		return 1
	case t.plan.speaksMaelstrom():
		return certChunk / 4
	}
	return certChunk
}

// workers are more than there are cores, where most of a run is waiting.
func (t *trial) workers() int {
	if t.waits() {
		return 4 * max(1, t.plan.Parallel)
	}
	return t.plan.Parallel
}

func (s *Tested) whose() string {
	if s.Protocol != adapter.Maelstrom {
		return whose(s.Network)
	}
	if s.Pace == adapter.PaceReal {
		return "the harness (Maelstrom; the program has timers, so that virtual time waits for real time)"
	}
	return "the harness (Maelstrom, in virtual time)"
}
