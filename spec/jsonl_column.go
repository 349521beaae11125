package spec

import "strings"

// A column is a field of an event line that this version knows; a set of them is their sum.
type column uint32

// The columns, in the order in which they are written.
const (
	colT column = 1 << iota
	colNode
	colKind
	colGroup
	colTo
	colMsg
	colSum
	colFrom
	colLen
	colPos
	colView
	colMembers
	colTransitional
	colSafe
	colRedelivered
	colCounted
	colID
	colOf
	colMsgs
	colObject
	colOp
	colValue
	colReason
	colLink
	colVia
	colTTL
	colDepth
	colText
)

var columnNames = [...]string{"t", "node", "kind", "group", "to", "msg", "sum", "from", "len", "pos", "view", "members",
	"transitional", "safe", "redelivered", "counted", "id", "of", "msgs", "object", "op", "value", "reason", "link", "via", "ttl", "depth", "text"}

// String lists the names with commas.
func (c column) String() string {
	var names []string
	for i, name := range columnNames {
		if c&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// columnOf gives the column of a name, 0 for a field that this version does not know.
func columnOf(name []byte) column {
	switch string(name) {
	case "t":
		return colT
	case "node":
		return colNode
	case "kind":
		return colKind
	case "group":
		return colGroup
	case "to":
		return colTo
	case "msg":
		return colMsg
	case "sum":
		return colSum
	case "from":
		return colFrom
	case "len":
		return colLen
	case "pos":
		return colPos
	case "view":
		return colView
	}
	for i := len(columnNames) - 1; 1<<i > colView; i-- {
		if columnNames[i] == string(name) {
			return 1 << i
		}
	}
	return 0
}

// needed has the columns without which an event of a kind means nothing. What only some property needs is not
// here: a history may lack it, and the property is then not observed.
var needed = [kinds]column{
	Send:    colNode | colMsg, // and a group, or to
	Deliver: colNode | colMsg, // and a group, or to
	Ack:     colNode | colMsg, Refuse: colNode | colMsg, Gap: colNode,
	Receive: colNode, Hold: colNode, Discard: colNode,
	Join: colNode | colGroup, Leave: colNode | colGroup, Sync: colNode | colGroup, Query: colNode,
	Create: colNode | colGroup, Destroy: colNode | colGroup,
	Joined: colNode | colGroup, Left: colNode | colGroup, Synced: colNode | colGroup, Answered: colNode,
	Created: colNode | colGroup, Destroyed: colNode | colGroup,
	ViewChange: colNode | colGroup | colView | colMembers,
	Block:      colNode, Unblock: colNode,
	Suspect: colNode | colTo, Trust: colNode | colTo,
	Restore: colNode | colMsgs,
	Invoke:  colNode | colObject | colOp, Return: colNode,
	Crash: colNode, Recover: colNode, Pause: colNode, Resume: colNode,
}

// missing says which columns an event of a kind lacks, in words; it is empty when none is.
func missing(k Kind, has column) string {
	lacks := (needed[k] &^ has).String()
	if (k == Send || k == Deliver) && has&(colGroup|colTo) == 0 {
		if lacks != "" {
			lacks += ", "
		}
		lacks += "group or to"
	}
	if lacks == "" {
		return ""
	}
	wants := needed[k].String()
	if k == Send || k == Deliver {
		wants += ", and group or to"
	}
	return k.String() + " without " + lacks + ": want " + wants
}

// columnsOf gives the columns that the marks of an event stand for.
func columnsOf(f Field) column {
	var c column
	for _, pair := range [...]struct {
		field  Field
		column column
	}{{HasNode, colNode}, {HasGroup, colGroup}, {HasMsg, colMsg}, {HasTo, colTo}, {HasView, colView}} {
		if f&pair.field != 0 {
			c |= pair.column
		}
	}
	return c
}
