package checkers

import (
	"slices"
	"strings"
	"time"

	"github.com/conform-go/conform/spec"
)

// parseNet writes down a history of a network in a few words. First the header:
//
//	a=0,1,r a*3=0,r   a link and its ends, with a metric; hosts are numbers, routers begin with r or q, switches with s,
//	                  rendezvous points with p; nodes are numbered in the order of their names
//	g:0,1             a group and its members
//	dense sparse      the routing; without, routers forward no multicast
//	bound=10 ageing=40 prune=90 cost=2 acks=1 unsettled recovery   (times in ms; the bound is that of ROUTE-REACH and ANYCAST-NEAREST)
//	metrics=0,1;1,0   of anycast
//
// then the events, each 1 ms after the one before; @50 goes on at 50 ms:
//
//	7.0>a         node 0 puts datagram 7 on link a, to group g; the first frame's node is its source, with a TTL of 8
//	7.r>b<a       router r puts it on link b, having received it on a, with a TTL one less
//	              suffixes: :h group h, t3 TTL 3, ~ made by the fault model, ^ an acknowledgement, u unicast
//	7!2           node 2 receives it (:h in group h)
//	A.r>b         router r asserts on link b
//	J2 j2 L2 l2   join called and returned, leave called and returned (:h)
//	c2 r2 P2 R2   crash, recover, pause, resume
//	F1 H1         fault 1 and its healing
//	S0.1 S0.1>2   node 0 sends message 1 to group g (:h), to node 2 alone
//	D2.0.1        node 2 delivers it (:h in group h)
func parseNet(text string) *spec.History {
	b := netBuilder{h: &spec.History{}, ttl: map[string]int{}, source: map[uint64]spec.NodeID{}}
	b.h.Settled = true
	b.h.Topology = &spec.Topology{}
	b.h.Bounds = map[string]time.Duration{}
	b.h.Costs = map[string]int{}
	words := strings.Fields(text)
	b.nodes(words)
	k := slices.IndexFunc(words, func(w string) bool { return !b.header(w) })
	if k < 0 {
		return b.h
	}
	for _, w := range words[k:] {
		if at, ok := strings.CutPrefix(w, "@"); ok {
			b.now = spec.Time(number(at)) * 1e6
			continue
		}
		b.event(w)
		b.now += 1e6
	}
	return b.h
}

type netBuilder struct {
	h      *spec.History
	now    spec.Time
	ttl    map[string]int // datagram and link: of the last frame there
	source map[uint64]spec.NodeID
}

// nodes finds the names of all nodes.
func (b *netBuilder) nodes(words []string) {
	t := b.h.Topology
	for _, w := range words {
		name, ends, ok := strings.Cut(w, "=")
		if !ok || len(strings.TrimRight(name, "*0123456789")) != 1 {
			continue
		}
		b.h.Nodes = append(b.h.Nodes, strings.Split(ends, ",")...)
	}
	slices.Sort(b.h.Nodes)
	b.h.Nodes = slices.Compact(b.h.Nodes)
	for n, name := range b.h.Nodes {
		switch n := spec.NodeID(n); name[0] {
		case 's':
			t.Switches = append(t.Switches, n)
		case 'p':
			t.RPs = append(t.RPs, n)
			t.Routers = append(t.Routers, n)
		case 'r', 'q':
			t.Routers = append(t.Routers, n)
		}
	}
}

func (b *netBuilder) node(name string) spec.NodeID {
	n := slices.Index(b.h.Nodes, name)
	if n < 0 {
		panic("no such node: " + name)
	}
	return spec.NodeID(n)
}

func (b *netBuilder) group(name string) spec.GroupID {
	for g := range b.h.Groups {
		if b.h.Groups[g].Name == name {
			return spec.GroupID(g)
		}
	}
	panic("no such group: " + name)
}

func (b *netBuilder) header(w string) bool {
	t := b.h.Topology
	switch w {
	case "dense", "sparse":
		t.Routing = w
		return true
	case "unsettled":
		b.h.Settled = false
		return true
	case "recovery":
		b.h.Model = spec.CrashRecovery
		return true
	case "bare":
		b.h.Topology = nil
		return true
	}
	if name, ends, ok := strings.Cut(w, "="); ok {
		ms := func() time.Duration { return time.Duration(number(ends)) * time.Millisecond }
		switch name {
		case "bound":
			b.h.Bounds["ROUTE-REACH"], b.h.Bounds["ANYCAST-NEAREST"] = ms(), ms()
		case "ageing":
			b.h.Bounds["IGMP-AGEING"] = ms()
		case "prune":
			b.h.Bounds["PIM-PRUNE"] = ms()
		case "cost":
			b.h.Costs["COST-PACKETS"] = number(ends)
		case "acks":
			b.h.Costs["COST-ACKS"] = number(ends)
		case "metrics":
			for _, row := range strings.Split(ends, ";") {
				for _, m := range strings.Split(row, ",") {
					t.Metrics = append(t.Metrics, number(m))
				}
			}
		default:
			l := spec.Link{Name: name}
			if name, metric, ok := strings.Cut(name, "*"); ok {
				l.Name, l.Metric = name, number(metric)
			}
			for _, n := range strings.Split(ends, ",") {
				l.Nodes = append(l.Nodes, b.node(n))
			}
			slices.Sort(l.Nodes)
			t.Links = append(t.Links, l)
		}
		return true
	}
	name, members, ok := strings.Cut(w, ":")
	if !ok || len(name) != 1 {
		return false
	}
	g := spec.Group{Name: name}
	for _, n := range strings.FieldsFunc(members, func(r rune) bool { return r == ',' }) {
		g.Members = append(g.Members, b.node(n))
	}
	b.h.Groups = append(b.h.Groups, g)
	return true
}

var netKinds = map[byte]spec.Kind{
	'J': spec.Join, 'j': spec.Joined, 'L': spec.Leave, 'l': spec.Left, 'c': spec.Crash, 'r': spec.Recover,
	'P': spec.Pause, 'R': spec.Resume, 'F': spec.Fault, 'H': spec.Heal,
}

func (b *netBuilder) event(w string) {
	e := spec.Event{T: b.now, Has: spec.HasNode | spec.HasGroup}
	if rest, name, ok := strings.Cut(w, ":"); ok {
		w, e.Group = rest, b.group(name)
	}
	switch c := w[0]; {
	case c == 'S' || c == 'D':
		b.message(e, w)
	case c == 'A':
		node, link, _ := strings.Cut(w[2:], ">")
		e.Kind, e.Node = spec.Frame, b.node(node)
		b.h.AddExtra(e, spec.Extra{Op: "pim-assert", Link: link})
	case netKinds[c] != spec.KindNone:
		e.Kind = netKinds[c]
		if e.Kind >= spec.Crash {
			e.Has &^= spec.HasGroup
		}
		if e.Kind == spec.Fault || e.Kind == spec.Heal {
			e.Has = spec.HasID
			b.h.AddExtra(e, spec.Extra{ID: uint64(number(w[1:])), Text: "loss"})
			return
		}
		e.Node = b.node(w[1:])
		b.h.Add(e)
	default:
		b.datagram(e, w)
	}
}

func (b *netBuilder) message(e spec.Event, w string) {
	e.Kind, e.Has = spec.Send, e.Has|spec.HasMsg
	parts := strings.Split(w[1:], ".")
	e.Node = b.node(parts[0])
	e.Msg.Sender = e.Node
	if w[0] == 'D' {
		e.Kind, parts = spec.Deliver, parts[1:]
		e.Msg.Sender = b.node(parts[0])
	}
	n, to, alone := strings.Cut(parts[1], ">")
	e.Msg.Number = uint64(number(n))
	if alone {
		e.Has = e.Has&^spec.HasGroup | spec.HasTo
		e.To = b.node(to)
	}
	b.h.Add(e)
}

func (b *netBuilder) datagram(e spec.Event, w string) {
	x := spec.Extra{Op: "data", TTL: 8}
	e.Has |= spec.HasID | spec.HasFrom
	if id, node, ok := strings.Cut(w, "!"); ok {
		x.ID, x.TTL, e.Kind, e.Node = uint64(number(id)), 0, spec.Receive, b.node(node)
		e.From = b.source[x.ID]
		b.h.AddExtra(e, x)
		return
	}
	e.Kind = spec.Frame
	for strings.ContainsAny(w[len(w)-1:], "~^u") {
		switch w[len(w)-1] {
		case '~':
			x.Reason = "duplicate"
		case '^':
			x.Reason, x.Op = "ack", "unicast"
		case 'u':
			x.Op = "unicast"
		}
		w = w[:len(w)-1]
	}
	w, ttl, told := strings.Cut(w, "t")
	id, rest, _ := strings.Cut(w, ".")
	node, rest, _ := strings.Cut(rest, ">")
	x.ID, e.Node = uint64(number(id)), b.node(node)
	x.Link, x.Via, _ = strings.Cut(rest, "<")
	if before, ok := b.ttl[id+x.Via]; ok && x.Via != "" {
		x.TTL = before - 1
	} else if before, ok := b.ttl[id]; ok {
		x.TTL = before
	}
	if told {
		x.TTL = number(ttl)
	}
	b.ttl[id+x.Link] = x.TTL
	if _, ok := b.source[x.ID]; !ok {
		b.source[x.ID], b.ttl[id] = e.Node, x.TTL
	}
	e.From = b.source[x.ID]
	b.h.AddExtra(e, x)
}
