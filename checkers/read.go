package checkers

import "github.com/conform-go/conform/spec"

// read makes a step of an event.
func (x *index) read(h *spec.History, e *spec.Event, i int) step {
	if !e.Is(spec.HasNode) || e.Node < 0 || int(e.Node) >= len(h.Nodes) || x.lying && x.idle(e) {
		if e.Kind == spec.Fault || e.Kind == spec.Heal {
			return stepOf(opRare, 0, 0)
		}
		return step{}
	}
	switch e.Kind {
	case spec.Send:
		return x.readSend(h, e, i)
	case spec.Deliver:
		return x.readDeliver(h, e, i)
	case spec.Ack, spec.Refuse:
		return x.readOutcome(h, e)
	case spec.Join, spec.Joined, spec.Leave, spec.Left:
		if !inGroup(h, e) {
			return step{}
		}
		x.final.turn(e, i)
		return stepOf(opMember, int(x.now[e.Node]), 0)
	case spec.Crash:
		p := x.now[e.Node]
		x.procs[p].crash = min(x.procs[p].crash, uint32(i))
		return stepOf(opCrash, int(p), 0)
	case spec.Recover:
		x.now[e.Node]++
		x.final.recover(e.Node, i)
		return stepOf(opRecover, int(x.now[e.Node]), 0)
	case spec.ViewChange:
		x.final.admit(h, e, i)
		return stepOf(opRare, int(x.now[e.Node]), 0)
	case spec.Suspect, spec.Trust, spec.Block, spec.Unblock, spec.Gap, spec.Note, spec.Pause, spec.Resume, spec.Fault, spec.Heal, spec.Sync, spec.Synced, spec.Restore:
		return stepOf(opRare, int(x.now[e.Node]), 0)
	case spec.Discard:
		if e.Extra != 0 && extraOf(h, e).Reason == spec.ReasonOverflow {
			return stepOf(opRare, int(x.now[e.Node]), 0)
		}
	}
	return step{}
}

// idle says whether an event is only what a liar claims of itself.
func (x *index) idle(e *spec.Event) bool {
	if !x.lies(e.Node) {
		return false
	}
	switch e.Kind {
	case spec.Deliver, spec.Ack, spec.Refuse, spec.Gap, spec.Note, spec.Discard, spec.Sync, spec.Synced, spec.ViewChange, spec.Block, spec.Unblock, spec.Restore, spec.Suspect, spec.Trust:
		return true
	}
	return false
}

func inGroup(h *spec.History, e *spec.Event) bool {
	return e.Is(spec.HasGroup) && e.Group >= 0 && int(e.Group) < len(h.Groups)
}

func (x *index) readSend(h *spec.History, e *spec.Event, i int) step {
	if !e.Is(spec.HasMsg) || e.Msg.Sender != e.Node {
		return step{}
	}
	p, ok := x.senderOf(e.Msg)
	if !ok {
		return step{}
	}
	if _, ok := x.find(e.Msg); ok {
		return step{} // the first send counts
	}
	m := message{send: uint32(i), stream: oneToOne}
	mark, o := uint8(0), opPass
	switch {
	case e.Is(spec.HasTo):
		if e.To < 0 || int(e.To) >= len(h.Nodes) {
			return step{}
		}
	case inGroup(h, e):
		m.stream, o = x.streamFor(p, int(e.Group), len(h.Groups)), opSend
		if h.Groups[e.Group].Closed && !x.final.may[x.final.at(e.Node, e.Group)] {
			mark = outsider
		}
	default:
		return step{}
	}
	return stepOf(o, p, x.begin(e.Msg, p, m, mark))
}

// begin gives a message its dense number.
func (x *index) begin(id spec.MsgID, p int, m message, mark uint8) uint32 {
	if x.lies(id.Sender) {
		mark |= lied
	}
	n := uint32(len(x.msgs))
	x.msgs = append(x.msgs, m)
	x.marks = append(x.marks, mark)
	x.enter(id, p, n)
	return n
}

// senderOf gives the process that an id names. A liar may name any incarnation of its own, and is one process here.
func (x *index) senderOf(id spec.MsgID) (p int, ok bool) {
	if id.Sender < 0 || int(id.Sender) >= len(x.first)-1 {
		return 0, false
	}
	if x.lies(id.Sender) {
		return int(x.first[id.Sender]), true
	}
	n := uint64(x.first[id.Sender]) + uint64(id.Incarnation)
	return int(n), n < uint64(x.first[id.Sender+1])
}

func (x *index) streamFor(p, g, groups int) uint32 {
	at := &x.streamOf[p*groups+g]
	if *at == 0 {
		x.streams = append(x.streams, stream{proc: uint32(p), group: uint32(g)})
		*at = uint32(len(x.streams))
	}
	return *at - 1
}

// enter remembers the dense number of a message: by its place in a slice while numbers are near each other.
func (x *index) enter(id spec.MsgID, p int, n uint32) {
	s := x.numbers[p]
	if id.Number > uint64(2*len(s)+64) || x.lies(id.Sender) {
		if x.sparse == nil {
			x.sparse = make(map[spec.MsgID]uint32)
		}
		x.sparse[id] = n
		return
	}
	for uint64(len(s)) <= id.Number {
		s = append(s, 0)
	}
	s[id.Number] = n + 1
	x.numbers[p] = s
}

// find gives the dense number of a message that was sent before.
func (x *index) find(id spec.MsgID) (uint32, bool) {
	if id.Sender < 0 || int(id.Sender) >= len(x.first)-1 {
		return 0, false
	}
	p := uint64(x.first[id.Sender]) + uint64(id.Incarnation)
	if p >= uint64(x.first[id.Sender+1]) {
		if !x.lying {
			return 0, false
		}
		n, ok := x.sparse[id] // where a liar's ids are all
		return n, ok
	}
	if s := x.numbers[p]; id.Number < uint64(len(s)) && s[id.Number] != 0 {
		return s[id.Number] - 1, true
	}
	if len(x.sparse) == 0 {
		return 0, false
	}
	n, ok := x.sparse[id]
	return n, ok
}

func (x *index) readDeliver(h *spec.History, e *spec.Event, i int) step {
	toOne := e.Is(spec.HasTo)
	if !e.Is(spec.HasMsg) || !toOne && !inGroup(h, e) {
		return step{}
	}
	p := int(x.now[e.Node])
	m, ok := x.find(e.Msg)
	first, again, stray := opDeliver, opAgain, opStray
	if toOne {
		first, again, stray = opGet, opGetAgain, opGetStray
		ok = ok && x.msgs[m].stream == oneToOne
	} else {
		ok = ok && x.msgs[m].stream != oneToOne && x.streams[x.msgs[m].stream].group == uint32(e.Group)
	}
	if x.lying {
		if e.Is(spec.HasFrom) && e.From != e.Msg.Sender && x.lies(e.From) {
			return step{} // told to come from a liar, who may write any id into what it sends
		}
		if _, known := x.find(e.Msg); !known && !toOne && x.lies(e.Msg.Sender) {
			from, _ := x.senderOf(e.Msg)
			m = x.begin(e.Msg, from, message{send: uint32(i), stream: x.streamFor(from, int(e.Group), len(h.Groups))}, 0)
			ok = true
		}
		if !ok && x.lies(e.Msg.Sender) {
			return step{}
		}
	}
	if !ok {
		return stepOf(stray, p, 0)
	}
	at, bit := int(m)*x.stride+p>>3, uint8(1)<<(p&7)
	if x.had[at]&bit != 0 {
		return stepOf(again, p, m)
	}
	x.had[at] |= bit
	return stepOf(first, p, m)
}

func (x *index) readOutcome(h *spec.History, e *spec.Event) step {
	m, ok := x.find(e.Msg)
	if !ok || !e.Is(spec.HasMsg) || e.Msg.Sender != e.Node {
		return step{}
	}
	p := int(x.now[e.Node])
	if e.Kind == spec.Ack {
		return stepOf(opAck, p, m)
	}
	x.marks[m] |= refused
	if e.Extra != 0 && extraOf(h, e).Reason == spec.ReasonAborted {
		x.marks[m] |= aborted
	}
	return stepOf(opRefuse, p, m)
}
