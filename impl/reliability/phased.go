package reliability

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// phased is what the levels of atomic multicast with logs have in common: a message is prepared at all members, and
// then, in a second phase, they are told the outcome.
type phased struct {
	Rules PhasedRules

	cfg         impl.Config
	phases      int
	aborts      bool // the outcome may be to abort
	incarnation uint32
	ready       bool
	early       []impl.Input // sends that came before the node was ready

	book    logbook
	journal impl.Journal // what the disk kept, until the node is ready
	damaged bool         // bits of it have flipped
	due     impl.Ring[phaseLogging]
	streams streams[prepared]
	places  places
	answers []impl.Effect // what goes up at the end of the step

	self    *stream[prepared] // what this node sends
	sent    uint64
	begun   bool // the log says under which incarnation this node counts
	own     impl.Ring[undecided]
	told    uint64    // the last number that the others know to be settled
	telling bool      // the timer for that runs
	alarm   spec.Time // when something is to be sent again; 0: never
	asking  bool      // the timer of those in doubt runs
}

// PhasedRules are what atomicity rests on.
type PhasedRules struct {
	Read    func(log []byte) impl.Journal
	Resumes func(n uint64) bool                           // whether a recovered sender goes on with a message in its log
	Patient func(waited spec.Time, cfg *impl.Config) bool // whether a sender tries again
	Waits   func() bool                                   // whether a recipient waits for the outcome, where there is one
	History int                                           // bytes of settled messages that the log keeps
}

// outcome is what becomes of a message.
type outcome uint8

const (
	open outcome = iota
	commit
	abort
)

// prepared is a message at one member, as long as its sender has to know what became of it there.
type prepared struct {
	body    []byte
	refs    []impl.Ref // hops to accept when it is on disk
	record  uint64     // of its body, in the log
	place   uint64     // of its outcome, in the log
	since   spec.Time  // when it was prepared, or the outcome last asked for
	stage   stage
	outcome outcome
}

// stage is how far a message has come at a member.
type stage uint8

const (
	absent   stage = iota
	noting         // the record of its body is on the way to the disk
	waiting        // acknowledged: waits for the outcome, in doubt
	closing        // the record of the outcome is on the way to the disk
	finished       // delivered, or aborted
)

// undecided is an own message that some member has not acknowledged.
type undecided struct {
	body    []byte
	ref     impl.Ref
	lacking impl.NodeSet // members that have not acknowledged the present phase
	since   spec.Time    // when the phase began
	next    spec.Time    // when to try again
	wait    time.Duration
	record  uint64
	decided uint64 // record of the outcome
	phase   phase
	outcome outcome
}

type phase uint8

const (
	logMessage phase = iota
	prepare
	logOutcome
	announce
	over
)

// phaseLogging is a record on its way to the disk.
type phaseLogging struct {
	record uint64
	s      *stream[prepared]
	n      uint64
	own    bool // of an own message as its sender, and not as its recipient
}

func newPhased(cfg impl.Config, phases int, aborts bool) phased {
	return phased{cfg: cfg, phases: phases, aborts: aborts, Rules: PhasedRules{
		Read:    impl.ReadJournal,
		Resumes: func(uint64) bool { return true },
		Patient: func(spec.Time, *impl.Config) bool { return true },
		Waits:   func() bool { return true },
		History: defaultHistory,
	}}
}

// The kinds of packets.
const (
	phasedData   = 1
	phasedVote   = 2 // my disk has this message
	phasedCommit = 3
	phasedAbort  = 4
	phasedDone   = 5 // my disk has the outcome
	phasedAsk    = 6 // what is the outcome?
	phasedSettle = 7 // the header tells what is over
)

// The kinds of records, besides those that begin a log and tell what is settled.
const (
	recordMessage  = 16 // an own message
	recordVote     = 17 // an identity, where the origin is who has acknowledged it
	recordDecision = 18 // an own message's outcome
	recordDone     = 19 // an identity, where the origin is who has acknowledged the outcome
	recordPrepared = 20 // a message, with one phase also the place of its delivery
	recordCommit   = 21 // the place of its delivery
	recordAbort    = 22
)

// The timers.
const (
	tellTimer = iota
	tryTimer
	askTimer
)

// Step implements [impl.Layer].
func (p *phased) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		*p = phased{Rules: p.Rules, cfg: p.cfg, phases: p.phases, aborts: p.aborts, incarnation: uint32(in.Num)}
		p.self = p.streams.of(p.me(0), p.cfg.Nodes)
	case impl.Recovered:
		p.recover(in.Body)
	case impl.Ready:
		p.begin(in, out)
	case impl.Send:
		p.send(in, out)
	case impl.Packet:
		p.receive(in, out)
	case impl.TimerFired:
		p.fire(in, out)
	case impl.Persisted:
		p.persisted(in, out)
	case impl.StorageFailed:
		p.book.broken = true
		out.Note(impl.StorageBroken, uint64(in.Ref), 0)
	default:
		out.Pass(in)
	}
}

// me names an own message.
func (p *phased) me(n uint64) identity {
	id := identity{n: n, incarnation: p.incarnation, origin: p.cfg.Self}
	if p.self != nil {
		id.incarnation = p.self.incarnation
	}
	return id
}

func (p *phased) send(in impl.Input, out *impl.Effects) {
	switch {
	case in.To != impl.Everyone:
		sendLetter(in, out)
		return
	case !p.ready:
		p.early = append(p.early, in)
		return
	case p.book.broken:
		out.Refuse(in.Ref, impl.StorageBroken)
		return
	case p.own.Len() >= maxOpen:
		out.Refuse(in.Ref, impl.Overflow)
		return
	}
	p.write(in, out)
	p.book.sync(out)
}

// write logs an own message.
func (p *phased) write(in impl.Input, out *impl.Effects) {
	if !p.begun {
		p.begun = true
		p.book.remark(out, recordBegun, putIdentity(out, p.me(p.sent)))
	}
	p.sent++
	n, x := p.own.Push()
	*x = undecided{body: in.Body, ref: in.Ref, lacking: x.lacking}
	x.record = p.book.add(out, recordMessage, putIdentity(out, p.me(n)), in.Body)
	p.later(phaseLogging{x.record, p.self, n, true})
}

func (p *phased) later(x phaseLogging) {
	_, slot := p.due.Push()
	*slot = x
}
