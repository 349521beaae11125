package spec

import (
	"strconv"
	"time"
)

// CrashModel says what a crash means, and with it who is correct.
type CrashModel uint8

const (
	// CrashStop: correct is who never crashed in the run. A node that comes back is somebody new, and nothing is
	// promised across it.
	CrashStop CrashModel = iota
	// CrashRecovery: correct is who is up at the end.
	CrashRecovery
)

// String gives the model as a history file spells it.
func (m CrashModel) String() string {
	if m == CrashRecovery {
		return "crash-recovery"
	}
	return "crash-stop"
}

// Group is a set of members under one name.
type Group struct {
	Name    string
	Members []NodeID // from the start; those who join later are not here
	Closed  bool     // only members may send
}

// Header is what the first line of a history says.
type Header struct {
	Nodes  []string
	Groups []Group // in the order of their names
	Model  CrashModel
	// Byzantine are the nodes that may lie. They are not correct, and what they claim to have delivered, acknowledged or
	// refused proves nothing. Of what is delivered in their name the id is that under which the protocol knows it.
	Byzantine []NodeID
	Settled   bool                     // faults were healed and traffic has drained: liveness may be judged
	Epsilon   time.Duration            // how far apart the clocks were, at most
	Bounds    map[string]time.Duration // declared bounds on liveness, by requirement
	Costs     map[string]int           // declared bounds by requirement: on packets a send, on copies kept
	Topology  *Topology                // nil: not told
	Unknown   []byte                   // fields this version does not know: the inside of a JSON object
}

// History is what the nodes of one run observed, in observation order. It is the only thing that a checker reads.
type History struct {
	Header
	Events    []Event
	Extras    []Extra // Extras[0] is unused
	Truncated bool    // the last line was cut off; Settled is then false

	digests map[Digest]string // the digests that are not sixteen hexadecimal digits
}

// Reset empties the history of events and keeps the memory and the header.
func (h *History) Reset() {
	h.Events = h.Events[:0]
	h.Extras = h.Extras[:0]
	h.Settled, h.Truncated = false, false
	h.digests = nil
}

// Add appends an event.
func (h *History) Add(e Event) { h.Events = append(h.Events, e) }

// AddExtra appends an event with its rare part.
func (h *History) AddExtra(e Event, x Extra) {
	if len(h.Extras) == 0 {
		h.Extras = append(h.Extras, Extra{})
	}
	e.Extra = uint32(len(h.Extras))
	h.Extras = append(h.Extras, x)
	h.Events = append(h.Events, e)
}

// ExtraOf gives the rare part of an event; empty where it has none.
func (h *History) ExtraOf(e *Event) *Extra {
	if e.Extra == 0 || int(e.Extra) >= len(h.Extras) {
		return &Extra{}
	}
	return &h.Extras[e.Extra]
}

// NodeName gives the name of a node.
func (h *History) NodeName(n NodeID) string {
	if n >= 0 && int(n) < len(h.Nodes) {
		return h.Nodes[n]
	}
	return strconv.Itoa(int(n))
}

// GroupName gives the name of a group.
func (h *History) GroupName(g GroupID) string {
	if g >= 0 && int(g) < len(h.Groups) {
		return h.Groups[g].Name
	}
	return strconv.Itoa(int(g))
}

// MsgName gives sender/incarnation/number with the sender's name.
func (h *History) MsgName(m MsgID) string {
	return h.NodeName(m.Sender) + "/" + strconv.FormatUint(uint64(m.Incarnation), 10) + "/" + strconv.FormatUint(m.Number, 10)
}

// SumText gives a digest as it was written.
func (h *History) SumText(d Digest) string {
	if s, ok := h.digests[d]; ok {
		return s
	}
	const digits = "0123456789abcdef"
	var b [16]byte
	for i := 15; i >= 0; i-- {
		b[i] = digits[d&15]
		d >>= 4
	}
	return string(b[:])
}

// Is says whether node n is a member of the group from the start.
func (g *Group) Is(n NodeID) bool {
	for _, m := range g.Members {
		if m == n {
			return true
		}
	}
	return false
}
