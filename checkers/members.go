package checkers

import "github.com/conform-go/conform/spec"

// never is later than every event.
const never = ^uint32(0)

// members replays who is a member of what. Calls and returns are read in favour of the protocol: a process may
// deliver from the call of its join to the return of its leave, and is owed messages only from the return of its join
// to the call of its leave.
type members struct {
	groups int
	may    []bool   // node × group: may deliver, and send to a closed group
	since  []uint32 // node × group: owed what was sent after this event; never if no member
	span   []uint32 // the same for the present incarnation: what was sent before its recovery is not addressed to it
}

// reset goes back to the header: its members are members from the start.
func (m *members) reset(h *spec.History) {
	m.groups = len(h.Groups)
	n := len(h.Nodes) * m.groups
	m.may = zeroed(m.may, n)
	m.since = sized(m.since, n)
	m.span = sized(m.span, n)
	for i := range m.since {
		m.since[i], m.span[i] = never, never
	}
	for g := range h.Groups {
		for _, node := range h.Groups[g].Members {
			if node < 0 || int(node) >= len(h.Nodes) {
				continue
			}
			k := m.at(node, spec.GroupID(g))
			m.may[k], m.since[k], m.span[k] = true, 0, 0
		}
	}
}

func (m *members) at(n spec.NodeID, g spec.GroupID) int { return int(n)*m.groups + int(g) }

// turn takes in a call or return of join or leave.
func (m *members) turn(e *spec.Event, i int) {
	k := m.at(e.Node, e.Group)
	switch e.Kind {
	case spec.Join:
		m.may[k], m.since[k], m.span[k] = true, never, never
	case spec.Joined:
		m.may[k], m.since[k], m.span[k] = true, uint32(i), uint32(i)
	case spec.Leave:
		m.since[k], m.span[k] = never, never
	case spec.Left:
		m.may[k], m.since[k], m.span[k] = false, never, never
	}
}

// recover begins the next incarnation of a node: it is still a member, but nothing sent before is addressed to it.
func (m *members) recover(n spec.NodeID, i int) {
	for g := range m.groups {
		if k := m.at(n, spec.GroupID(g)); m.span[k] != never {
			m.span[k] = uint32(i)
		}
	}
}
