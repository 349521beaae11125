package spec

import (
	"fmt"
	"strconv"
	"strings"
)

// NodeID is a node: its index in [History.Nodes].
type NodeID int32

// GroupID is a group: its index in [History.Groups].
type GroupID int32

// Incarnation counts the lives of a node: 0 from the start, one more at every recovery.
type Incarnation uint32

// Time is nanoseconds since the start of a run.
type Time int64

// Digest stands for a message body: two digests are equal if and only if the bodies are.
type Digest uint64

// MsgID is the identity that the harness gives to a message when it is sent. It is never part of the body, so two
// messages with equal bodies differ.
type MsgID struct {
	Number      uint64 // counts the sends of one incarnation, from 1
	Sender      NodeID
	Incarnation Incarnation
}

// String gives sender/incarnation/number, with the sender's index.
func (m MsgID) String() string {
	return fmt.Sprintf("%d/%d/%d", m.Sender, m.Incarnation, m.Number)
}

// ViewID orders views. It prints as a decimal number, or as epoch.node where a node is part of the identity; both
// parts are compared as numbers.
type ViewID struct {
	Epoch   uint64
	Node    uint64
	HasNode bool
}

// Compare orders by epoch, then by node; an id without a node comes before one with.
func (v ViewID) Compare(w ViewID) int {
	switch {
	case v.Epoch != w.Epoch:
		return cmp(v.Epoch, w.Epoch)
	case v.HasNode != w.HasNode:
		if w.HasNode {
			return -1
		}
		return 1
	}
	return cmp(v.Node, w.Node)
}

func cmp(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// String is the inverse of [ParseViewID].
func (v ViewID) String() string {
	if v.HasNode {
		return strconv.FormatUint(v.Epoch, 10) + "." + strconv.FormatUint(v.Node, 10)
	}
	return strconv.FormatUint(v.Epoch, 10)
}

// ParseViewID reads "7" or "7.2".
func ParseViewID(s string) (ViewID, error) {
	epoch, node, has := strings.Cut(s, ".")
	e, err := strconv.ParseUint(epoch, 10, 64)
	if err != nil {
		return ViewID{}, fmt.Errorf("view id %q: want a decimal number, or epoch.node", s)
	}
	v := ViewID{Epoch: e, HasNode: has}
	if has {
		if v.Node, err = strconv.ParseUint(node, 10, 64); err != nil {
			return ViewID{}, fmt.Errorf("view id %q: want a decimal number, or epoch.node", s)
		}
	}
	return v, nil
}

// View is one membership of a group, as installed by a member.
type View struct {
	ID      ViewID
	Members []NodeID
	// Came are those of the members who come to this view from the one before it, and have what was delivered there. The
	// others come in with it. Nil where the service does not tell.
	Came []NodeID
}
