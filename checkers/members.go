package checkers

import (
	"slices"

	"github.com/conform-go/conform/spec"
)

// never is later than every event.
const never = ^uint32(0)

// members replays who is a member of what. Calls and returns are read in favour of the protocol: a process may
// deliver from the call of its join to the return of its leave, and is owed messages only from the return of its join
// to the call of its leave.
type members struct {
	groups int
	may    []bool   // node × group: may deliver, and send to a closed group
	since  []uint32 // node × group: owed what was sent after this event; never if no member
	gone   []uint8  // node × group: it has left
	span   []uint32 // the same for the present incarnation: what was sent before its recovery is not addressed to it
}

// A node that left, crashed and came back has forgotten that it left, if the configuration has it as a member.
const (
	goneNow uint8 = 1 + iota // it has called leave in this life
	forgot                   // … in an earlier one
)

// reset goes back to the header: its members are members from the start.
func (m *members) reset(h *spec.History) {
	m.groups = len(h.Groups)
	n := len(h.Nodes) * m.groups
	m.may, m.gone = zeroed(m.may, n), zeroed(m.gone, n)
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
		m.may[k], m.gone[k], m.since[k], m.span[k] = true, 0, never, never
	case spec.Joined:
		m.may[k], m.gone[k], m.since[k], m.span[k] = true, 0, uint32(i), uint32(i)
	case spec.Leave:
		m.gone[k], m.since[k], m.span[k] = goneNow, never, never
	case spec.Left:
		m.may[k], m.gone[k], m.since[k], m.span[k] = false, goneNow, never, never
	}
}

// recover begins the next incarnation of a node: it is still a member, but nothing sent before is addressed to it.
func (m *members) recover(n spec.NodeID, i int) {
	for g := range m.groups {
		k := m.at(n, spec.GroupID(g))
		if m.span[k] != never {
			m.span[k] = uint32(i)
		}
		if m.gone[k] == goneNow {
			m.gone[k] = forgot
		}
	}
}

// admit takes in the installation of a view: with it a configured member that has forgotten that it left is one again.
func (m *members) admit(h *spec.History, e *spec.Event, i int) bool {
	if !inGroup(h, e) || !e.Is(spec.HasView) || e.Is(spec.IsTransitional) {
		return false
	}
	k := m.at(e.Node, e.Group)
	if m.gone[k] != forgot || !h.Groups[e.Group].Is(e.Node) || !slices.Contains(extraOf(h, e).Members, e.Node) {
		return false
	}
	m.may[k], m.gone[k], m.since[k], m.span[k] = true, 0, uint32(i), uint32(i)
	return true
}
