package suites

import "github.com/conform-go/conform/spec"

// replays says whether the cell's ordering goes on through a crash and a restart: the level below keeps a log, hands up
// again what it has, and tells what is still under way; and nothing that the ordering has to know went any other way. What
// goes to one node is not logged: a sequencer in form ub, a number server and Kaashoek & Tanenbaum's sequencer are asked
// so, and their members tell them so what they lack. A barrier is no message, and who is in one when it crashes forgets it.
func (c Cell) replays() bool {
	if !c.logged() {
		return false
	}
	switch o := c.Ordering; o.Name {
	case "unordered", "fifo", "causal", "total-agreement":
		return true
	case "fifo-total":
		return o.Get("order", "sequencer") == "agreement"
	}
	return false
}

// awaitsAll lists what is promised only where everyone comes back, of orderings that let one message wait for another:
// an acknowledged one may be held back behind one that is in the log of a dead sender alone.
func (c Cell) awaitsAll() []spec.ID {
	switch {
	case !c.replays() || c.Ordering.Name == "unordered":
		return nil
	case c.Reliability.Name == "atomic-log":
		return []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT", "ALL-OR-NOTHING",
			"TAIL-RECOVERY", "ACKED-DELIVERED", "DURABILITY"}
	}
	return []spec.ID{"UNIFORM-AGREEMENT", "ALL-OR-NOTHING", "ACKED-DELIVERED", "DURABILITY"}
}
