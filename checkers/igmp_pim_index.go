package checkers

import (
	"strconv"
	"time"

	"github.com/conform-go/conform/spec"
)

// wireOp is what an event means to the checkers of IGMP and PIM.
type wireOp uint8

const (
	wireNone        wireOp = iota
	wireOrigin             // frame: a datagram to a group leaves the host whose it is
	wireForward            // frame: a router forwards it
	wireCopy               // frame: anybody else puts it on a link
	wireQuery              // frame, as the following
	wireReport             //
	wireDone               // a leave message
	wireHello              //
	wireJoin               // of PIM
	wirePrune              //
	wireGraft              //
	wireAssert             //
	wireRefresh            //
	wireGot                // receive: a datagram to a group was handed to a socket
	wireHeardQuery         // receive: a query came to a host
	wireHeardReport        // receive: somebody's report did
	wireMember             // a call or return of join or leave
	wireCrash              //
	wireRecover            //
	wirePause              //
	wireResume             //
)

// wireStep is an event in eight bytes.
type wireStep struct {
	event uint32
	lan   uint16 // frame: where it is; receive: the LAN of a host that has one
	op    wireOp
}

// noLAN is the LAN of what is on none, or on more than one.
const noLAN = ^uint16(0)

// wireIndex is what the checkers of IGMP and PIM share. It is built when the first of them asks for it. A LAN is what
// switches make one of links. Frames that switches or the fault model made are left out: they are copies of others.
type wireIndex struct {
	ready  bool
	orders bool // the times of the steps never go back
	frames bool // there is any
	end    spec.Time
	steps  []wireStep

	links    map[string]uint16 // LAN of a link
	lanOf    []uint16          // link: its LAN
	lans     int
	roles    []uint8  // node
	on       []bool   // LAN × node
	home     []uint16 // node: its LAN
	hostsAt  []uint32 // LAN: its first host; one more at the end
	hosts    []spec.NodeID
	portsAt  []uint32 // LAN: its first port of a router; one more at the end
	ports    []wirePort
	routes   []uint32 // places in ports, one router after another
	routesAt []uint32 // node: its first place in routes; one more at the end

	streamOf []uint32 // node × group: number + 1 of what the node sends to the group
	streams  []wireStream
	trouble  []wireSpan
	open     []wireFault
	igmp     bool // some frame is of IGMP
	heard    bool // some receive event is of a datagram

	wireDatagrams
	wireReplay
	wireScratch
}

// wireScratch is the memory of the check that is running.
type wireScratch struct {
	base     []uint32 // node × group: reports before the call of a join
	leaves   wireLeaves
	hushed   wireHushed
	declared []bool // LAN × group: there are members from the start
	rivals   wireRivals
	joined   []uint32 // returns of first joins
	begun    []uint32 // stream: its first datagram
	cursor   []uint32 // stream: the next of joined
	wireBranches
}

// wirePort is a router on a LAN.
type wirePort struct {
	router spec.NodeID
	lan    uint16
}

// wireStream is what one node sends to one group.
type wireStream struct {
	from  spec.NodeID
	group spec.GroupID
}

const (
	isRouter uint8 = 1 << iota
	isSwitch
	isRP
)

// Reasons besides those of the other checks of networks.
const (
	wireNoFrames   = "not observed: frame"
	wireDisordered = "not observed: the times of events go back"
)

// wired prepares a checker that needs a declared bound. Without the evidence, reason says what is missing.
func (j *Judge) wired(id spec.ID) (bound spec.Time, reason string) {
	switch d, ok := j.wireBound(id); {
	case j.h.Topology == nil:
		return 0, noTopology
	case !ok:
		return 0, noBound
	default:
		bound = d
	}
	w := &j.ip
	if !w.ready {
		w.build(j.h)
	}
	switch {
	case !w.frames:
		return 0, wireNoFrames
	case !w.orders:
		return 0, wireDisordered
	}
	return bound, ""
}

// wireBound is a declared bound and what clocks may differ.
func (j *Judge) wireBound(id spec.ID) (spec.Time, bool) {
	d, ok := j.h.Bounds[string(id)]
	return spec.Time(d + max(j.h.Epsilon, 0)), ok && d > 0 && d < 1<<40*time.Millisecond
}

func (w *wireIndex) build(h *spec.History) {
	w.ready, w.orders, w.frames, w.igmp, w.heard = true, true, false, false, false
	w.numbered, w.end = false, 0
	w.steps, w.streams, w.trouble, w.open = w.steps[:0], w.streams[:0], w.trouble[:0], w.open[:0]
	w.streamOf = zeroed(w.streamOf, len(h.Nodes)*len(h.Groups))
	w.layOut(h)
	last := spec.Time(0)
	for i := range h.Events {
		e := &h.Events[i]
		w.end = max(w.end, e.T)
		s := wireStep{event: uint32(i), lan: noLAN}
		switch e.Kind {
		case spec.Frame:
			w.frames = true
			w.readFrame(h, e, &s)
		case spec.Receive:
			w.readReceive(h, e, &s)
		case spec.Join, spec.Joined, spec.Leave, spec.Left:
			if w.knows(h, e.Node) && e.Is(spec.HasNode) && inGroup(h, e) {
				s.op = wireMember
			}
		case spec.Crash, spec.Recover, spec.Pause, spec.Resume:
			if w.knows(h, e.Node) && e.Is(spec.HasNode) {
				s.op = wireCrash + wireOp(e.Kind-spec.Crash)
			}
		case spec.Fault, spec.Heal:
			w.readFault(h, i)
			continue
		}
		if s.op == wireNone {
			continue
		}
		w.orders = w.orders && e.T >= last
		last = max(last, e.T)
		w.readTrouble(e, s.op)
		w.steps = append(w.steps, s)
	}
	w.endTrouble()
}

func (w *wireIndex) knows(h *spec.History, n spec.NodeID) bool {
	return n >= 0 && int(n) < len(h.Nodes)
}

func (w *wireIndex) readFrame(h *spec.History, e *spec.Event, s *wireStep) {
	x := h.ExtraOf(e)
	lan, ok := w.links[x.Link]
	if !ok || !e.Is(spec.HasNode) || !w.knows(h, e.Node) || w.roles[e.Node]&isSwitch != 0 || x.Reason == "duplicate" {
		return
	}
	s.lan = lan
	router := w.roles[e.Node]&isRouter != 0
	switch x.Op {
	case "data":
		if !inGroup(h, e) || !e.Is(spec.HasFrom) || !w.knows(h, e.From) {
			return
		}
		s.op = wireCopy
		if router && x.Via != "" {
			s.op = wireForward
		} else if e.Node == e.From && x.Via == "" {
			s.op = wireOrigin
		}
		w.streamFor(h, e.From, e.Group)
		return
	case "igmp-report":
		s.op, w.igmp = wireReport, true
		return
	case "igmp-leave":
		s.op, w.igmp = wireDone, true
		return
	case "igmp-query":
		s.op, w.igmp = wireQuery, true
	case "pim-hello":
		s.op = wireHello
	case "pim-join":
		s.op = wireJoin
	case "pim-prune":
		s.op = wirePrune
	case "pim-graft":
		s.op = wireGraft
	case "pim-assert":
		s.op = wireAssert
	case "pim-state-refresh":
		s.op = wireRefresh
	default:
		return
	}
	if !router { // a stranger plays router: what the real ones do for it is nobody's fault
		w.trouble = append(w.trouble, wireSpan{e.T, e.T})
		s.op = wireNone
	}
}

func (w *wireIndex) streamFor(h *spec.History, from spec.NodeID, g spec.GroupID) {
	at := &w.streamOf[int(from)*len(h.Groups)+int(g)]
	if *at == 0 {
		w.streams = append(w.streams, wireStream{from: from, group: g})
		*at = uint32(len(w.streams))
	}
}

func (w *wireIndex) readReceive(h *spec.History, e *spec.Event, s *wireStep) {
	if !e.Is(spec.HasNode) || !w.knows(h, e.Node) {
		return
	}
	s.lan = w.home[e.Node]
	switch h.ExtraOf(e).Op {
	case "data":
		if inGroup(h, e) && h.ExtraOf(e).ID != 0 { // a socket of the kernel does not say which datagram it got
			s.op, w.heard = wireGot, true
		}
	case "igmp-query":
		s.op = wireHeardQuery
	case "igmp-report":
		s.op = wireHeardReport
	}
}

// wireNode names a router, a switch or a host.
func (j *Judge) wireNode(n spec.NodeID) string {
	if j.ip.knows(j.h, n) {
		switch role := j.ip.roles[n]; {
		case role&isRouter != 0:
			return "router " + j.h.NodeName(n)
		case role&isSwitch != 0:
			return "switch " + j.h.NodeName(n)
		}
	}
	return j.node(n)
}

// lanName names a LAN by its first link.
func (j *Judge) lanName(lan uint16) string {
	for l, x := range j.ip.lanOf {
		if x == lan {
			return "link " + j.h.Topology.Links[l].Name
		}
	}
	return "an unknown link"
}

// moment is a time in milliseconds.
func moment(t spec.Time) string { return strconv.FormatFloat(float64(t)/1e6, 'f', -1, 64) + " ms" }
