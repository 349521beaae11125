package membership

import (
	"encoding/binary"
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// A group that comes back from its logs. A gate made by [NewLoggedGate] writes down what it delivers, and the state at the
// beginning of each view, which takes the place of what is before it. Where all have died, the group begins again with what
// is in the logs (restart of the group: Birman & Joseph, 1987, on logging; the service waits for all members of the last
// view, as in Skeen, Determining the Last Process to Fail, 1985):
//
//	to multicast m:                 multicast ⟨m, n⟩, n a number of this life
//	on delivering ⟨m, n⟩ of q:      write it down; when it is on disk tell q
//	on a view, and with a state:    write the state down; when it is on disk tell all members
//	when all members of the view have told, of m, or of the state of a view that began after m was delivered here:
//	                                acknowledge m
//	on a view to which nobody comes: its first member asks all members for their logs, and when all are here begins with the
//	                                newest state in them and, behind it, the messages of that view: those of the longest
//	                                log, then what another has besides, in the order in which it has it. It gives the others
//	                                this state
//
// So what has been acknowledged is not lost though all die, as long as disks keep what they say they have kept:
//
//   - An acknowledged message is on the disks of all members of some view X, as a message of X or in the state at its
//     beginning.
//   - All who come from a view to the next have delivered the same before it, and a state that is given is on disk before
//     its receiver counts as one who has come (gateWhole). So every view after X begins with a state that has the message,
//     and whoever comes to it has on disk the state or the messages of X, or the state of a later view.
//   - The members of the last view are all members of the one with which the group begins again, those too who want to
//     leave, which comes after it. If the newest state in their logs is of X, all logs of X have the message, or the state
//     has it; if it is of a later view, the state has it; an older one it cannot be.
//   - A log is cut only when a newer state is on disk. If all die again before that, there is as much as before.
//
// A message that was delivered and not acknowledged may be lost or kept, for all alike. FIFO and causal order hold in the
// state, for each log has what comes before what it has; a total order too, for the logs of a view are beginnings of it, but
// for what one that was left behind has ordered by itself.
//
// A log is bounded by the traffic of a view. It travels in one packet.
type gateLog struct {
	base  spec.ViewID   // the view of the state
	state []byte        // at its beginning
	msgs  []gateMessage // delivered since
	kept  int           // how many of them are on disk
	told  int           // … and their senders know
	begun bool          // the state is on disk

	life    uint32
	sent    uint64
	waiting []gateWaiting // sends that are not acknowledged, by number
	begin   impl.NodeSet  // who has the state of this view on disk
	armed   bool

	saves    []gateSave // under way
	last     impl.Ref
	cut, end uint64 // the log goes from here to here, counted from what this life has found
	durable  uint64 // and is on disk up to here
	failing  bool   // something is missing on disk, and nothing more is written before all is again
	readable bool   // what earlier lives have left is on disk
	journal  impl.Journal

	given    []byte // a state that waits until it is on disk
	givenRef impl.Ref
	due      bool // it is
	gathers  bool
	logs     []gateLogged // by node, while this one gathers them
}

// gateMessage is a message that was delivered, its number behind its body.
type gateMessage struct {
	from spec.NodeID
	life uint32
	n    uint64
	body []byte
}

type gateWaiting struct {
	n      uint64
	ref    impl.Ref
	here   bool // delivered here
	before bool // … in a view before this one
	has    impl.NodeSet
}

type gateSave struct {
	ref   impl.Ref
	base  spec.ViewID
	msgs  int
	state bool   // is written with it
	begin uint64 // … from here
	end   uint64
}

// gateLogged is the log of a member.
type gateLogged struct {
	known bool
	base  spec.ViewID
	state []byte
	msgs  []gateMessage
}

// The timers of these gates.
const (
	gateAsks   = 2 // while acknowledgements are waited for
	gateWrites = 3 // after the disk has failed
)

const (
	gateRefs impl.Ref = 1 << 58 // marks the references of sends below the gate
	gateHead          = 8 + 4   // number and life
)

// The kinds of records.
const (
	gateStateRecord   = 1 // view, state
	gateMessageRecord = 2 // view, sender, body
)

// NewLoggedGate makes the top of one node whose group comes back from its logs. It goes with [NewLoggedViewSync].
func NewLoggedGate(cfg impl.Config, state State) *Gate {
	g := NewGate(cfg, state)
	g.logs = true
	return g
}

// NewLoggedViewSync makes the service of one node whose group comes back from its logs: who was a member of the last
// view is one of the view in which it comes back, though it wants to leave, for its log may be the only one.
func NewLoggedViewSync(cfg impl.Config) *ViewSync {
	l := NewViewSync(cfg)
	l.Rules.Returns = func(bool) bool { return true }
	return l
}

// start begins a life: with the first view, whose state is empty and needs no writing, or outside.
func (l *gateLog) start(life uint32) {
	l.base, l.life, l.begun, l.readable = spec.ViewID{Epoch: 1}, life, life == 0, true
}

// recover reads what earlier lives have written.
func (g *Gate) recover(log []byte) {
	l := &g.log
	l.journal = impl.ReadJournal(log)
	l.end = uint64(len(log))
	for _, rec := range l.journal.Records {
		r := newsReader{b: rec.Payload, nodes: g.cfg.Nodes}
		switch v := r.viewID(); {
		case r.bad:
		case rec.Kind == gateStateRecord:
			l.base, l.state, l.msgs = v, r.b, nil
		case rec.Kind == gateMessageRecord && v == l.base:
			from := spec.NodeID(r.number())
			if m, ok := messageOf(from, r.b); ok && !r.bad && !holds(l.msgs, &m) {
				l.msgs = append(l.msgs, m)
			}
		}
	}
	l.kept, l.readable = len(l.msgs), l.end == 0
}

// reopen makes sure that what this life has read stays on disk before it tells anybody.
func (g *Gate) reopen(out *impl.Effects) {
	l := &g.log
	if l.readable {
		return
	}
	l.end += uint64(l.journal.Mend(out))
	g.persist(gateSave{}, out)
}

// retell tells the application what is in the log. It is not to be: the state that it is given has that.
func (g *Gate) retell(out *impl.Effects) {
	for i := range g.log.msgs {
		body, _, _ := impl.Cut(g.log.msgs[i].body, gateHead)
		out.Up(g.log.msgs[i].from, impl.Everyone, body)
	}
}

// messageOf reads a body with its number behind it.
func messageOf(from spec.NodeID, body []byte) (m gateMessage, ok bool) {
	_, h, ok := impl.Cut(body, gateHead)
	if !ok {
		return m, false
	}
	return gateMessage{from, binary.LittleEndian.Uint32(h[8:]), binary.LittleEndian.Uint64(h), body}, true
}

func holds(list []gateMessage, m *gateMessage) bool {
	return slices.ContainsFunc(list, func(o gateMessage) bool { return m.from == o.from && m.life == o.life && m.n == o.n })
}

// number gives a message its number, and keeps its reference until it is acknowledged.
func (g *Gate) number(in impl.Input, out *impl.Effects) {
	l := &g.log
	l.sent++
	b := out.Extend(in.Body, gateHead)
	binary.LittleEndian.PutUint64(b[len(in.Body):], l.sent)
	binary.LittleEndian.PutUint32(b[len(in.Body)+8:], l.life)
	l.waiting = append(l.waiting, gateWaiting{n: l.sent, ref: in.Ref})
	in.Body, in.Ref = b, gateRefs|impl.Ref(l.sent)
	out.Pass(in)
	if !l.armed {
		l.armed = true
		out.SetTimer(gateAsks, in.Now+spec.Time(g.cfg.TL/4))
	}
}

// refused forgets a send, and gives its reference.
func (l *gateLog) refused(ref impl.Ref) (original impl.Ref, ok bool) {
	for i := range l.waiting {
		if l.waiting[i].n == uint64(ref&^gateRefs) {
			original = l.waiting[i].ref
			l.waiting = slices.Delete(l.waiting, i, i+1)
			return original, true
		}
	}
	return 0, false
}

// write takes a message down that is delivered, and gives its body.
func (g *Gate) write(from spec.NodeID, numbered []byte, out *impl.Effects) (body []byte) {
	l := &g.log
	m, _ := messageOf(from, numbered)
	l.msgs = append(l.msgs, m)
	for i := range l.waiting {
		if w := &l.waiting[i]; from == g.cfg.Self && m.life == l.life && w.n == m.n {
			w.here = true
		}
	}
	if !l.failing {
		g.append(&m, out)
		g.persist(gateSave{}, out)
	}
	g.tellKept(out)
	body, _, _ = impl.Cut(numbered, gateHead)
	return body
}

func (g *Gate) append(m *gateMessage, out *impl.Effects) {
	head := binary.AppendUvarint(appendViewID(nil, g.log.base), uint64(m.from))
	g.log.end += uint64(impl.AppendRecord(out, gateMessageRecord, head, m.body))
}

func (g *Gate) persist(s gateSave, out *impl.Effects) {
	l := &g.log
	l.last++
	s.ref, s.base, s.msgs, s.end = l.last, l.base, len(l.msgs), l.end
	l.saves = append(l.saves, s)
	out.Persist(l.last)
}

// checkpoint takes down the state at the beginning of a view. What is before it in the log is forgotten when it is on disk.
func (g *Gate) checkpoint(v spec.ViewID, state []byte, out *impl.Effects) {
	l := &g.log
	l.base, l.state, l.msgs, l.kept, l.told, l.begun = v, slices.Clone(state), nil, 0, 0, false
	g.rewrite(out)
}

func (g *Gate) rewrite(out *impl.Effects) {
	l := &g.log
	l.failing = false
	s := gateSave{state: true, begin: l.end}
	l.end += uint64(impl.AppendRecord(out, gateStateRecord, appendViewID(nil, l.base), l.state))
	for i := range l.msgs {
		g.append(&l.msgs[i], out)
	}
	g.persist(s, out)
}

// persisted goes on with what is on disk now.
func (g *Gate) persisted(ref impl.Ref, now spec.Time, out *impl.Effects) {
	l := &g.log
	n := 0
	for ; n < len(l.saves) && l.saves[n].ref <= ref; n++ {
		s := &l.saves[n]
		l.durable, l.readable = s.end, true
		if s.base != l.base {
			continue
		}
		l.kept = max(l.kept, s.msgs)
		if s.state && s.begin > l.cut {
			out.Truncate(s.begin - l.cut)
			l.cut = s.begin
		}
		l.begun = l.begun || s.state
	}
	l.saves = slices.Delete(l.saves, 0, n)
	if l.givenRef != 0 && l.givenRef <= ref {
		l.due = true
		g.begin(now, out)
		return
	}
	g.tellKept(out)
	g.acknowledge(out)
}

// begin lets the application begin with the state that is on disk. Not while a view ends: the service has been told by this
// node that it has no state, and the next view would not be for one who comes from this one.
func (g *Gate) begin(now spec.Time, out *impl.Effects) {
	l := &g.log
	if !l.due || g.blocked {
		return
	}
	state := l.given
	l.given, l.givenRef, l.due, g.whole = nil, 0, false, true
	if len(g.view.Came) == 0 && g.view.Members[0] == g.cfg.Self {
		out.SetTimer(gateGives, now) // the others wait for it
	}
	g.tellKept(out)
	g.restore(state, out)
}

// failed writes all of the log again, after a while.
func (g *Gate) failed(ref impl.Ref, now spec.Time, out *impl.Effects) {
	l := &g.log
	if len(l.saves) == 0 || ref < l.saves[0].ref {
		return
	}
	l.saves, l.end, l.failing = l.saves[:0], l.durable, true
	out.SetTimer(gateWrites, now+spec.Time(g.cfg.TL/8))
}

// writeAgain does so. A state that waits for the disk waits for this.
func (g *Gate) writeAgain(out *impl.Effects) {
	if !g.log.failing {
		return
	}
	g.rewrite(out)
	if g.log.givenRef != 0 {
		g.log.givenRef = g.log.last
	}
}
