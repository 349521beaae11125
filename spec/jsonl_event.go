package spec

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// event makes an event of the fields of a line; rare says whether r.extra belongs to it.
func (r *Reader) event() (e Event, rare bool, reason string) {
	r.extra = Extra{}
	if reason := r.kind(&e); reason != "" {
		return e, false, reason
	}
	var seen column
	for i := range r.fields {
		f := &r.fields[i]
		c := columnOf(f.name)
		if c == 0 || c == colText && e.Kind == Extension {
			r.extra.Unknown = appendField(r.extra.Unknown, *f)
			rare = true
			continue
		}
		if seen&c != 0 {
			return e, false, fmt.Sprintf("field %q twice", f.name)
		}
		seen |= c
		if c == colKind {
			continue
		}
		reason, isRare := r.column(c, f.value, &e)
		if reason != "" {
			if e.Kind != Extension || c == colT || c == colNode {
				return e, false, fmt.Sprintf("field %q: %s", f.name, reason)
			}
			// Anybody may mean something else by the name.
			r.extra.Unknown = appendField(r.extra.Unknown, *f)
			isRare = true
		}
		rare = rare || isRare
	}
	if seen&colT == 0 {
		return e, false, `no t: want "t", nanoseconds since the start`
	}
	return e, rare || e.Kind == Extension, missing(e.Kind, seen)
}

// kind finds the kind of an event, on which the meaning of the other fields depends.
func (r *Reader) kind(e *Event) (reason string) {
	for i := range r.fields {
		if string(r.fields[i].name) != "kind" {
			continue
		}
		name, ok := unquote(r.fields[i].value)
		if !ok {
			return `field "kind": want a string, found ` + excerpt(r.fields[i].value)
		}
		if k, ok := kindIndex[string(name)]; ok {
			e.Kind = k
			return ""
		}
		if len(name) > 2 && string(name[:2]) == "x-" {
			e.Kind, r.extra.Text = Extension, string(name)
			return ""
		}
		return fmt.Sprintf("unknown kind %q: want one of the schema, or one that begins with \"x-\"%s",
			clip(string(name)), didYouMean(clip(string(name)), kindNames[Send:Extension]))
	}
	return `no kind: want "kind", as "send" or "deliver"`
}

var kindIndex = func() map[string]Kind {
	index := make(map[string]Kind, kinds)
	for k := Send; k < Extension; k++ {
		index[kindNames[k]] = k
	}
	return index
}()

// column reads the columns that most events have, and leaves the others to rareColumn.
func (r *Reader) column(c column, v []byte, e *Event) (reason string, rare bool) {
	var has Field
	switch c {
	case colT:
		var n uint64
		n, reason = natural(v, math.MaxInt64, "nanoseconds since the start, a whole number from 0")
		e.T = Time(n)
	case colLen:
		var n uint64
		n, reason = natural(v, math.MaxInt32, "bytes, a whole number from 0 to 2147483647")
		e.Len, has = int32(n), HasLen
	case colSafe:
		has, reason = mark(IsSafe, v)
	case colRedelivered:
		has, reason = mark(IsRedelivered, v)
	case colCounted:
		has, reason = mark(IsCounted, v)
	case colTransitional:
		has, reason = mark(IsTransitional, v)
	case colNode, colTo, colFrom, colGroup, colMsg, colSum:
		has, reason = r.named(c, v, e)
	default:
		return r.rareColumn(c, v, e)
	}
	if reason == "" {
		e.Has |= has
	}
	return reason, false
}

// mark gives the field if the value is true.
func mark(f Field, v []byte) (Field, string) {
	on, reason := boolean(v)
	if !on {
		f = 0
	}
	return f, reason
}

// named reads the columns that name a node, a group, a message or a body.
func (r *Reader) named(c column, v []byte, e *Event) (has Field, reason string) {
	text, ok := unquote(v)
	if !ok {
		return 0, "want a string, found " + excerpt(v)
	}
	switch c {
	case colNode:
		has = HasNode
		e.Node, reason = r.node(text)
	case colTo:
		has = HasTo
		e.To, reason = r.node(text)
	case colFrom:
		has = HasFrom
		e.From, reason = r.node(text)
	case colGroup:
		has = HasGroup
		e.Group, reason = r.group(text)
	case colMsg:
		has = HasMsg
		e.Msg, reason = r.msg(text)
	case colSum:
		has = HasSum
		e.Sum = r.h.parseSum(text)
	}
	return has, reason
}

// rareColumn reads what stands in [Extra].
func (r *Reader) rareColumn(c column, v []byte, e *Event) (reason string, rare bool) {
	x := &r.extra
	switch c {
	case colPos:
		x.Pos, reason = natural(v, math.MaxUint64, "a number, a whole one from 0")
		return reason, e.markRare(HasPos, reason)
	case colID:
		x.ID, reason = natural(v, math.MaxUint64, "the id of a call, a whole number from 0")
		return reason, e.markRare(HasID, reason)
	case colOf:
		x.Of, reason = natural(v, math.MaxUint64, "the id of a call, a whole number from 0")
		return reason, e.markRare(HasOf, reason)
	case colTTL:
		n, reason := natural(v, math.MaxUint8, "a time to live, a whole number from 0 to 255")
		x.TTL = int(n)
		return reason, n != 0
	case colDepth:
		n, err := strconv.ParseInt(string(v), 10, 64)
		if err != nil {
			return "want a whole number, found " + excerpt(v), false
		}
		x.Depth = n
		return "", n != 0
	case colValue:
		x.Value = string(v)
		return "", true
	case colMembers:
		members, reason := r.members(v)
		if reason == "" {
			x.Members = members
		}
		return reason, len(x.Members) > 0
	case colMsgs:
		msgs, reason := r.msgs(v)
		if reason == "" {
			x.Msgs = msgs
		}
		return reason, len(x.Msgs) > 0
	}
	text, ok := unquote(v)
	if !ok {
		return "want a string, found " + excerpt(v), false
	}
	return r.rareText(c, string(text), e)
}

func (e *Event) markRare(f Field, reason string) bool {
	if reason == "" {
		e.Has |= f
	}
	return reason == ""
}

func (r *Reader) rareText(c column, text string, e *Event) (reason string, rare bool) {
	x := &r.extra
	switch c {
	case colView:
		id, err := ParseViewID(text)
		if err != nil {
			return "want a decimal number, or epoch.node, found " + excerpt([]byte(strconv.Quote(text))), false
		}
		x.View = id
		return "", e.markRare(HasView, "")
	case colObject:
		x.Object = text
	case colOp:
		x.Op = text
	case colReason:
		x.Reason = text
	case colLink:
		x.Link = text
	case colVia:
		x.Via = text
	case colText:
		x.Text = text
	}
	return "", text != ""
}

func (r *Reader) members(v []byte) (members []NodeID, reason string) {
	reason = eachText(v, "a list of node names", func(name []byte) string {
		n, reason := r.node(name)
		members = append(members, n)
		return reason
	})
	return members, reason
}

func (r *Reader) msgs(v []byte) (msgs []MsgID, reason string) {
	reason = eachText(v, "a list of message ids", func(text []byte) string {
		m, reason := r.msg(text)
		msgs = append(msgs, m)
		return reason
	})
	return msgs, reason
}

// msg reads sender/incarnation/number. The name of the sender may have slashes in it.
func (r *Reader) msg(text []byte) (MsgID, string) {
	last := bytes.LastIndexByte(text, '/')
	if last > 0 {
		if first := bytes.LastIndexByte(text[:last], '/'); first > 0 {
			incarnation, ok1 := digitsValue(text[first+1:last], math.MaxUint32)
			number, ok2 := digitsValue(text[last+1:], math.MaxUint64)
			if ok1 && ok2 {
				sender, reason := r.node(text[:first])
				if reason != "" {
					return MsgID{}, reason
				}
				return MsgID{Sender: sender, Incarnation: Incarnation(incarnation), Number: number}, ""
			}
		}
	}
	return MsgID{}, fmt.Sprintf("malformed message id %s: want sender/incarnation/number",
		strconv.Quote(clip(string(text))))
}
