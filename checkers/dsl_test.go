package checkers

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/conform-go/conform/spec"
)

// parse writes a history down in a few words, one event each, for tests that read like the figures of the papers:
//
//	nodes=3  closed  recovery  unsettled  members=0,1  groups=2     header; all nodes are members of all groups
//	s0.1        node 0 sends its message 1 (incarnation 0) to group g0
//	s0.1:h      … to group g1 (h), s0.1>2 to node 2 alone
//	d1.0.1      node 1 delivers 0/0/1; suffixes: :h group g1, > one-to-one, ! wrong sum, f2 told to be from 2, r redelivered
//	a0.1 x0.1   acknowledged, refused
//	c1 r1       crash, recover; r1n: the application has counted what it kept
//	J1 j1 L1 l1 join called and returned, leave called and returned (suffix :h)
//	x0.1a x0.1o refused since it was aborted, or a queue was full; o1: node 1 discards because a queue is full
//	g1.0 g1     node 1 announces a loss from node 0, or from anybody
//	P1 p1       pause and resume; F7 H7: fault 7 and its healing; F7.1: it cuts off node 1
//	k1.3        node 1 keeps 3 copies
//	d1.0.1n5    … told as number 5
//	y1 Y1       node 1 calls sync, and the last one it called returns (suffix :h)
//	b2.1.3      at node 2 the third barrier of node 1 takes effect (suffix :h)
//	v1.3        node 1 installs view 3 (suffix :h)
//	q1.7        the state of node 1 has digest 7 (suffix :h)
//	e1.2        node 1 becomes leader in term 2
//	i1 u1       node 1 enters the critical section, and leaves it
//	S1.0 T1.0   node 1 suspects node 0, and trusts it again; V1.0.2: it installs a view of nodes 0 and 2
//	W1.3.0.1    node 1 installs view 3 of nodes 0 and 1 (suffix :h); t1.0.1: it is told that 0 and 1 come along to its next
//	B1 U1       node 1 is blocked, and unblocked
//	R2.0.1.0.2  node 2 is given a state with 0/0/1 and 0/0/2
//	m1.0.1      node 1 receives 0/0/1; d1.0.1S: it delivers it as safe
//	@20         the next event is at 20 ms
//
// and in the header lies=2 (Byzantine nodes), bound=10 (of TAIL-RECOVERY, in ms), notice=10 (of DETECTOR-COMPLETENESS),
// kept=3 (of STABILITY-TRIM), epsilon=2 (in
// ms), due=5 (of TIMELINESS, in ms), delay=1 and delays=2 (of COST-DELAY: ms a packet, and how many).
//
// A send of a node that has recovered carries its present incarnation; a delivery names 0/1/1 as d1.0+1.1.
func parse(text string) *spec.History {
	h := &spec.History{}
	h.Settled = true
	nodes, groups, closed := 3, 1, false
	var only []spec.NodeID
	lives := map[spec.NodeID]spec.Incarnation{}
	words := strings.Fields(text)
	k := 0
	for ; k < len(words); k++ {
		name, value, _ := strings.Cut(words[k], "=")
		switch name {
		case "nodes":
			nodes = number(value)
		case "groups":
			groups = number(value)
		case "closed":
			closed = true
		case "recovery":
			h.Model = spec.CrashRecovery
		case "lies":
			for _, v := range strings.Split(value, ",") {
				h.Byzantine = append(h.Byzantine, spec.NodeID(number(v)))
			}
		case "bound":
			h.Bounds = map[string]time.Duration{string(TailRecovery): time.Duration(number(value)) * time.Millisecond}
		case "notice":
			h.Bounds = map[string]time.Duration{string(DetectorCompleteness): time.Duration(number(value)) * time.Millisecond}
		case "kept":
			h.Costs = map[string]int{string(StabilityTrim): number(value)}
		case "held":
			if h.Costs == nil {
				h.Costs = map[string]int{}
			}
			h.Costs[spec.CostHeld] = number(value)
		case "epsilon":
			h.Epsilon = time.Duration(number(value)) * time.Millisecond
		case "due":
			h.Bounds = map[string]time.Duration{string(Timeliness): time.Duration(number(value)) * time.Millisecond}
		case "delay":
			h.Bounds = map[string]time.Duration{spec.BoundDelay: time.Duration(number(value)) * time.Millisecond}
		case "delays":
			h.Costs = map[string]int{string(CostDelay): number(value)}
		case "unsettled":
			h.Settled = false
		case "members":
			only = []spec.NodeID{}
			for _, v := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' }) {
				only = append(only, spec.NodeID(number(v)))
			}
		default:
			goto events
		}
	}
events:
	for n := range nodes {
		h.Nodes = append(h.Nodes, strconv.Itoa(n))
	}
	for g := range groups {
		x := spec.Group{Name: "g" + strconv.Itoa(g), Closed: closed, Members: only}
		if only == nil {
			for n := range nodes {
				x.Members = append(x.Members, spec.NodeID(n))
			}
		}
		h.Groups = append(h.Groups, x)
	}
	called := map[spec.NodeID]uint64{}
	now := spec.Time(500_000)
	for ; k < len(words); k++ {
		if words[k][0] == '@' {
			now = spec.Time(number(words[k][1:])) * 1_000_000
			continue
		}
		e, x := word(words[k], lives)
		e.T = now
		now += 500_000
		if e.Kind == spec.Sync {
			x.ID = uint64(len(h.Events))
			called[e.Node] = x.ID
		}
		if e.Kind == spec.Synced {
			x.Of = called[e.Node]
		}
		if x.Op != "" || x.Reason != "" || x.ID != 0 || e.Kind == spec.ViewChange || e.Kind == spec.Restore || e.Has&(spec.HasPos|spec.HasView|spec.HasOf) != 0 {
			h.AddExtra(e, x)
		} else {
			h.Add(e)
		}
	}
	return h
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

var kindOf = map[byte]spec.Kind{
	'W': spec.ViewChange, 't': spec.ViewChange, 'B': spec.Block, 'U': spec.Unblock, 'R': spec.Restore, 'm': spec.Receive,
	's': spec.Send, 'd': spec.Deliver, 'a': spec.Ack, 'x': spec.Refuse, 'c': spec.Crash, 'r': spec.Recover,
	'g': spec.Gap, 'P': spec.Pause, 'p': spec.Resume, 'F': spec.Fault, 'H': spec.Heal, 'k': spec.Note, 'w': spec.Note, 'o': spec.Discard,
	'S': spec.Suspect, 'T': spec.Trust, 'V': spec.ViewChange,
	'J': spec.Join, 'j': spec.Joined, 'L': spec.Leave, 'l': spec.Left,
	'y': spec.Sync, 'Y': spec.Synced, 'b': spec.Note, 'v': spec.ViewChange, 'q': spec.Note, 'e': spec.Note, 'i': spec.Note, 'u': spec.Note,
}

func word(w string, lives map[spec.NodeID]spec.Incarnation) (spec.Event, spec.Extra) {
	e := spec.Event{Kind: kindOf[w[0]], Has: spec.HasNode}
	if e.Kind == spec.KindNone {
		panic("no such event: " + w)
	}
	end := strings.IndexAny(w[1:], ":>!fraonS")
	if end < 0 {
		end = len(w) - 1
	}
	parts, rest := strings.Split(w[1:1+end], "."), w[1+end:]
	e.Node = spec.NodeID(number(parts[0]))
	var x spec.Extra
	switch e.Kind {
	case spec.Crash, spec.Pause, spec.Resume:
		return e, x
	case spec.Recover:
		lives[e.Node]++
		if rest == "n" {
			e.Has |= spec.IsCounted
		}
		return e, x
	case spec.Fault, spec.Heal:
		x.ID = uint64(e.Node)
		e.Node, e.Has = 0, spec.HasID
		if len(parts) > 1 {
			e.Node, e.Has = spec.NodeID(number(parts[1])), spec.HasID|spec.HasNode
		}
		return e, x
	case spec.Gap:
		if len(parts) > 1 {
			e.From, e.Has = spec.NodeID(number(parts[1])), e.Has|spec.HasFrom
		}
	case spec.Suspect, spec.Trust:
		e.To, e.Has = spec.NodeID(number(parts[1])), e.Has|spec.HasTo
	case spec.Sync:
		e.Has |= spec.HasID
	case spec.Synced:
		e.Has |= spec.HasOf
	case spec.ViewChange:
		e.Has |= spec.HasView
		if w[0] == 'v' {
			x.View.Epoch = uint64(number(parts[1]))
			break
		}
		if w[0] == 'W' {
			x.View.Epoch, parts = uint64(number(parts[1])), parts[1:]
		}
		if w[0] == 't' {
			e.Has |= spec.IsTransitional
		}
		for _, m := range parts[1:] {
			x.Members = append(x.Members, spec.NodeID(number(m)))
		}
	case spec.Note:
		return note(w[0], e, parts, rest)
	case spec.Discard:
		x.Reason = spec.ReasonOverflow
	case spec.Send, spec.Ack, spec.Refuse:
		e.Msg = spec.MsgID{Sender: e.Node, Incarnation: lives[e.Node], Number: uint64(number(parts[1]))}
	case spec.Restore:
		for ; len(parts) > 2; parts = parts[2:] {
			x.Msgs = append(x.Msgs, spec.MsgID{Sender: spec.NodeID(number(parts[1])), Number: uint64(number(parts[2]))})
		}
	case spec.Deliver, spec.Receive:
		sender, inc, ok := strings.Cut(parts[1], "+")
		e.Msg = spec.MsgID{Sender: spec.NodeID(number(sender)), Number: uint64(number(parts[2]))}
		if ok {
			e.Msg.Incarnation = spec.Incarnation(number(inc))
		}
	}
	e.Has |= spec.HasGroup
	if e.Kind < spec.Gap || e.Kind == spec.Receive {
		e.Has |= spec.HasMsg
	}
	if e.Kind == spec.Send || e.Kind == spec.Deliver {
		e.Has |= spec.HasSum
		e.Sum = sumOf(e.Msg)
	}
	if e.Kind == spec.Deliver {
		e.Has |= spec.HasFrom
		e.From = e.Msg.Sender
	}
	for rest != "" {
		c := rest[0]
		rest = rest[1:]
		switch c {
		case ':':
			e.Group, rest = 1, rest[1:]
		case '>':
			e.Has = e.Has&^spec.HasGroup | spec.HasTo
			e.To = e.Node
			if e.Kind == spec.Send {
				e.To, rest = spec.NodeID(number(rest[:1])), rest[1:]
			}
		case '!':
			e.Sum++
		case 'f':
			e.From, rest = spec.NodeID(number(rest[:1])), rest[1:]
		case 'n':
			e.Has |= spec.HasPos
			x.Pos, rest = uint64(number(rest[:1])), rest[1:]
		case 'S':
			e.Has |= spec.IsSafe
		case 'r':
			e.Has |= spec.IsRedelivered
		case 'a':
			x.Reason = spec.ReasonAborted
		case 'o':
			x.Reason = spec.ReasonOverflow
		}
	}
	return e, x
}

// note reads the notes that judges know.
func note(c byte, e spec.Event, parts []string, rest string) (spec.Event, spec.Extra) {
	var x spec.Extra
	if c != 'e' && c != 'i' && c != 'u' {
		e.Has |= spec.HasGroup
	}
	if rest != "" {
		e.Has, e.Group = e.Has|spec.HasGroup, 1
	}
	switch c {
	case 'k':
		x.Op, x.Depth = spec.OpKept, int64(number(parts[1]))
	case 'w':
		x.Op, x.Depth = spec.OpHeld, int64(number(parts[1]))
	case 'b':
		x.Op, e.Has = spec.OpBarrier, e.Has|spec.HasMsg
		e.Msg = spec.MsgID{Sender: spec.NodeID(number(parts[1])), Number: uint64(number(parts[2]))}
	case 'q':
		x.Op, e.Has, e.Sum = spec.OpState, e.Has|spec.HasSum, spec.Digest(number(parts[1]))
	case 'e':
		x.Op, e.Has, x.Pos = spec.OpLeader, e.Has|spec.HasPos, uint64(number(parts[1]))
	case 'i':
		x.Op = spec.OpEnter
	case 'u':
		x.Op = spec.OpExit
	}
	return e, x
}

func sumOf(m spec.MsgID) spec.Digest {
	return spec.Digest(m.Number<<16 | uint64(m.Sender)<<8 | uint64(m.Incarnation)<<4)
}

// show prints a history so that a failure can be read.
func show(h *spec.History) string {
	var b strings.Builder
	fmt.Fprintf(&b, "nodes %v groups %+v model %v settled %v lie %v bounds %v costs %v epsilon %v\n", h.Nodes, h.Groups, h.Model, h.Settled,
		h.Byzantine, h.Bounds, h.Costs, h.Epsilon)
	for i := range h.Events {
		e := &h.Events[i]
		fmt.Fprintf(&b, "%3d %v node %d", i, e.Kind, e.Node)
		if e.Is(spec.HasMsg) {
			fmt.Fprintf(&b, " msg %v", e.Msg)
		}
		if e.Is(spec.HasGroup) {
			fmt.Fprintf(&b, " group %d", e.Group)
		}
		if e.Is(spec.HasTo) {
			fmt.Fprintf(&b, " to %d", e.To)
		}
		if e.Is(spec.HasFrom) {
			fmt.Fprintf(&b, " from %d", e.From)
		}
		if e.Is(spec.HasSum) {
			fmt.Fprintf(&b, " sum %x", uint64(e.Sum))
		}
		if x := h.ExtraOf(e); e.Extra != 0 {
			fmt.Fprintf(&b, " %s%s id %d of %d depth %d pos %d view %v msgs %v has %b", x.Op, x.Reason, x.ID, x.Of, x.Depth, x.Pos, x.View, x.Msgs, e.Has)
		}
		if e.Kind == spec.ViewChange {
			fmt.Fprintf(&b, " members %v", h.ExtraOf(e).Members)
		}
		if e.Is(spec.IsRedelivered) {
			b.WriteString(" redelivered")
		}
		if e.Is(spec.IsCounted) {
			b.WriteString(" counted")
		}
		if e.Is(spec.IsTransitional) {
			b.WriteString(" transitional")
		}
		if e.Is(spec.IsSafe) {
			b.WriteString(" safe")
		}
		b.WriteByte('\n')
	}
	return b.String()
}
