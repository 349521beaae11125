package checkers

import "github.com/conform-go/conform/spec"

// op is what an event means to a checker.
type op uint8

const (
	opNone     op = iota
	opSend        // the first send of a message to a group
	opDeliver     // the first delivery of it by a process
	opAgain       // a later one by the same process
	opStray       // a delivery of what was not sent to this group before
	opPass        // a send to one node
	opGet         // the first delivery of it by a process
	opGetAgain    // a later one
	opGetStray    // a one-to-one delivery of what was not sent to one node before
	opAck         // the sender's application was told that its send is acknowledged
	opRefuse      // … refused
	opMember      // a call or return of join or leave
	opCrash       // the process crashed
	opRecover     // the process began
	opRare        // one of many things that few checkers ask for: its event has what it is
)

// step is an event in eight bytes: what the walks need, so that they don't pull whole events through the cache.
type step struct {
	msg uint32 // dense number of the message, for the ops that have one
	who uint32 // process<<8 | op
}

func (s step) op() op    { return op(s.who) }
func (s step) proc() int { return int(s.who >> 8) }

func stepOf(o op, proc int, msg uint32) step { return step{msg: msg, who: uint32(proc)<<8 | uint32(o)} }

// message is a send that counts. Its dense number is its place in the order of sends.
type message struct {
	send   uint32 // the event
	stream uint32 // sender process and group; oneToOne for a message to one node
	seq    uint32 // 1, 2, … in its stream in the order of sends; 0 if it is owed to nobody
}

const oneToOne = ^uint32(0)

// Marks of a message.
const (
	refused  uint8 = 1 << iota // definite: it is not sent
	outsider                   // to a closed group, by a process that is no member
	aborted                    // refused, because its sender gave up
	lied                       // in the name of a Byzantine node: what it sent, and whether, is not known
	crossing                   // its sender had delivered a message of another process of the group before
)

// stream is what one process sends to one group. Numbers of messages count a process's sends to all groups, so order
// within a stream is by seq.
type stream struct {
	proc  uint32
	group uint32
}

// process is one incarnation of a node.
type process struct {
	node  spec.NodeID
	inc   spec.Incarnation
	crash uint32 // its crash event; never if it did not crash
}

// ower is a correct node that is a member until the end.
type ower struct {
	node   spec.NodeID
	since  uint32
	joined uint32 // the return of its join; 0 if it was there from the start
	after  uint32 // with views: what is sent in views that were first installed from this event on; 0 is all
	out    bool   // no view has it in the end: it owes nothing
	strict bool   // it is in no view yet, and owes only what was sent after since
}

// index is what all checkers share. Beyond the history it takes about twelve bytes an event.
type index struct {
	steps []step
	msgs  []message
	marks []uint8
	procs []process
	first []uint32 // node: its first process; one more at the end
	now   []uint32 // node: its present process, during the build

	numbers [][]uint32            // process: dense number + 1 by MsgID.Number
	sparse  map[spec.MsgID]uint32 // the same for numbers far apart

	stride int     // bytes of a row of bits with one bit a process
	had    []uint8 // message × process: delivered it

	lying       bool    // some node is Byzantine
	liar        []bool  // node, if so
	correct     []bool  // node
	correctBits []uint8 // processes of correct nodes
	crashedBits []uint8 // processes that crashed
	everyBits   []uint8 // all processes; liars deliver nothing here
	just        []uint8 // message × process: a correct one delivered it, and was not removed from the group afterwards; empty if nobody was removed

	streams   []stream // in the order of groups
	columns   []uint32 // group: its first stream; one more at the end
	width     int      // streams of the group that has most
	streamOf  []uint32 // process × group: stream + 1
	renumber  []uint32 // stream, as numbered by first sends: its place in streams
	unordered []stream
	count     []uint32 // stream: its messages

	final  members  // at the end of the history
	live   members  // as replayed by a check
	owers  []ower   // in the order of groups
	owedBy []uint32 // group: its first ower; one more at the end

	viewIndex
	lazy
}

// lazy is what is built when the first checker asks for it.
type lazy struct {
	hasCrossings bool
	crossings    int      // deliveries of messages marked crossing
	sequenced    int      // lanes of the sequences; 0 if there are none yet
	sequencedOf  bool     // they are those of just
	sequences    []uint32 // messages in the order of delivery, one process and lane after another
	sequenceAt   []uint32 // process × lane: where it begins; one more at the end
}

func (x *index) build(h *spec.History) {
	x.hasCrossings, x.sequenced = false, 0
	x.markLiars(h)
	sends := x.census(h)
	x.steps = sized(x.steps, len(h.Events))
	x.msgs = sized(x.msgs, sends)[:0]
	x.marks = sized(x.marks, sends)[:0]
	x.stride = (len(x.procs) + 7) / 8
	x.had = zeroed(x.had, sends*x.stride)
	x.streams = x.streams[:0]
	x.streamOf = zeroed(x.streamOf, len(x.procs)*len(h.Groups))
	x.final.reset(h)
	for i := range h.Events {
		x.steps[i] = x.read(h, &h.Events[i], i)
	}
	x.had = x.had[:len(x.msgs)*x.stride]
	x.orderStreams(h)
	x.readViews(h)
	x.judgeNodes(h)
	x.readJust(h)
}

// maxLives bounds the incarnations that message ids may claim without a recover event.
const maxLives = 1 << 10

// markLiars finds the Byzantine nodes.
func (x *index) markLiars(h *spec.History) {
	x.lying = len(h.Byzantine) > 0
	if !x.lying {
		return
	}
	x.liar = zeroed(x.liar, len(h.Nodes))
	for _, n := range h.Byzantine {
		if n >= 0 && int(n) < len(x.liar) {
			x.liar[n] = true
		}
	}
}

// lies says whether a node is Byzantine.
func (x *index) lies(n spec.NodeID) bool {
	return x.lying && n >= 0 && int(n) < len(x.liar) && x.liar[n]
}

// census finds the processes: every recover event begins one, and so does an incarnation in the id of a send, for
// histories that do not record recoveries. It gives the number of messages that there are at most: of what is delivered
// in the name of a liar, every delivery may be the first that is seen of it.
func (x *index) census(h *spec.History) int {
	n := len(h.Nodes)
	x.first = zeroed(x.first, n+1)
	x.now = zeroed(x.now, n) // here: the highest incarnation that a send claims
	sends := 0
	for i := range h.Events {
		e := &h.Events[i]
		switch e.Kind {
		case spec.Send:
			sends++
			inc := uint32(e.Msg.Incarnation)
			if s := e.Msg.Sender; inc != 0 && s >= 0 && int(s) < n && inc < maxLives {
				x.now[s] = max(x.now[s], inc)
			}
		case spec.Deliver:
			if x.lies(e.Msg.Sender) {
				sends++
			}
		case spec.Recover:
			if e.Is(spec.HasNode) && e.Node >= 0 && int(e.Node) < n {
				x.first[e.Node+1]++
			}
		}
	}
	x.procs = x.procs[:0]
	for node := range n {
		lives := max(x.first[node+1], x.now[node]) + 1
		x.first[node] = uint32(len(x.procs))
		x.now[node] = x.first[node]
		for inc := range lives {
			x.procs = append(x.procs, process{node: spec.NodeID(node), inc: spec.Incarnation(inc), crash: never})
		}
	}
	x.first[n] = uint32(len(x.procs))
	x.resetNumbers()
	return sends
}

func (x *index) resetNumbers() {
	for i := range x.numbers {
		x.numbers[i] = x.numbers[i][:0]
	}
	for len(x.numbers) < len(x.procs) {
		x.numbers = append(x.numbers, nil)
	}
	if len(x.sparse) > 0 {
		clear(x.sparse)
	}
}

// orderStreams puts the streams of one group side by side, and numbers the messages of each that are owed to anybody.
func (x *index) orderStreams(h *spec.History) {
	groups := len(h.Groups)
	x.columns = zeroed(x.columns, groups+1)
	for _, s := range x.streams {
		x.columns[s.group+1]++
	}
	x.width = 0
	for g := range groups {
		x.width = max(x.width, int(x.columns[g+1]))
		x.columns[g+1] += x.columns[g]
	}
	// A stream's new place is its group's first column plus how many of the group came before it.
	x.renumber = sized(x.renumber, len(x.streams)+groups)
	place, used := x.renumber[:len(x.streams)], x.renumber[len(x.streams):]
	copy(used, x.columns)
	x.unordered = append(x.unordered[:0], x.streams...)
	for i, s := range x.unordered {
		place[i] = used[s.group]
		used[s.group]++
		x.streams[place[i]] = s
	}
	x.numberMessages(place)
}

// numberMessages gives the messages that are owed to somebody their numbers in their streams.
func (x *index) numberMessages(place []uint32) {
	x.count = zeroed(x.count, len(x.streams))
	for i := range x.msgs {
		m := &x.msgs[i]
		void := x.marks[i]&(refused|outsider|lied) != 0
		if m.stream == oneToOne {
			if !void {
				m.seq = 1
			}
			continue
		}
		m.stream = place[m.stream]
		if !void {
			x.count[m.stream]++
			m.seq = x.count[m.stream]
		}
	}
}

// judgeNodes finds who is correct and what is owed to whom.
func (x *index) judgeNodes(h *spec.History) {
	x.correct = sized(x.correct, len(h.Nodes))
	x.correctBits = zeroed(x.correctBits, x.stride)
	x.crashedBits = zeroed(x.crashedBits, x.stride)
	x.everyBits = sized(x.everyBits, x.stride)
	for i := range x.everyBits {
		x.everyBits[i] = 0xff
	}
	for n := range h.Nodes {
		from, to := x.first[n], x.first[n+1]
		if h.Model == spec.CrashRecovery {
			x.correct[n] = x.procs[x.now[n]].crash == never
		} else {
			x.correct[n] = true
			for p := from; p < to; p++ {
				x.correct[n] = x.correct[n] && x.procs[p].crash == never
			}
		}
		x.correct[n] = x.correct[n] && !x.lies(spec.NodeID(n))
		for p := from; p < to; p++ {
			if x.correct[n] {
				x.correctBits[p>>3] |= 1 << (p & 7)
			}
			if x.procs[p].crash != never {
				x.crashedBits[p>>3] |= 1 << (p & 7)
			}
		}
	}
	x.owers = x.owers[:0]
	x.owedBy = sized(x.owedBy, len(h.Groups)+1)
	for g := range h.Groups {
		x.owedBy[g] = uint32(len(x.owers))
		for n := range h.Nodes {
			since := x.final.since[x.final.at(spec.NodeID(n), spec.GroupID(g))]
			if o := (ower{node: spec.NodeID(n), since: since, joined: since}); x.correct[n] && since != never {
				x.fitViews(&o, g)
				x.owers = append(x.owers, o)
			}
		}
	}
	x.owedBy[len(h.Groups)] = uint32(len(x.owers))
}
