package checkers

import "github.com/conform-go/conform/spec"

// state replays who is up, and with the judge's live members, who is a member, up to one datagram after another.
type state struct {
	cursor int
	down   []bool
	back   []uint32 // node: its last recovery; 0 if it had none
	turns  uint64   // counts the changes
}

// rewind goes back to the start of the history.
func (j *Judge) rewind() {
	s := &j.net.state
	s.cursor = 0
	s.down = zeroed(s.down, len(j.h.Nodes))
	s.back = zeroed(s.back, len(j.h.Nodes))
	s.turns++ // what was found for the last history, or check, is of no use
	j.live.reset(j.h)
	j.net.paths.reset(len(j.net.wires))
	j.net.needs.rows = j.net.needs.rows[:0]
	for f := range j.net.flows {
		j.net.flows[f].stamp = 0
	}
}

// follow takes in all that came before an event.
func (j *Judge) follow(event uint32) {
	s := &j.net.state
	for ; s.cursor < len(j.net.changes) && j.net.changes[s.cursor] < event; s.cursor++ {
		i := j.net.changes[s.cursor]
		e := &j.h.Events[i]
		switch e.Kind {
		case spec.Join, spec.Joined, spec.Leave, spec.Left:
			j.live.turn(e, int(i))
		case spec.Crash:
			s.down[e.Node] = true
		case spec.Recover:
			s.down[e.Node], s.back[e.Node] = false, i
			j.live.recover(e.Node, int(i))
		default:
			continue
		}
		s.turns++
		if e.Kind >= spec.Crash && j.net.role[e.Node] != 0 {
			j.net.paths.reset(len(j.net.wires))
		}
	}
	if !j.net.paths.made {
		j.segments()
	}
}

// up says whether a machine with this role forwards.
func (j *Judge) up(m spec.NodeID, role uint8) bool {
	return j.net.knows(m) && j.net.role[m]&role != 0 && !j.net.state.down[m]
}

// listens says whether a node is up and may be a member: from the call of its join to the return of its leave.
func (j *Judge) listens(m spec.NodeID, g spec.GroupID) bool {
	return j.live.may[j.live.at(m, g)] && !j.net.state.down[m]
}
