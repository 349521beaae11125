package membership

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Election elects a leader among the members, for coordinators and sequencers, as Raft does (Ongaro & Ousterhout, In
// Search of an Understandable Consensus Algorithm, 2014, section 5.2): at most one member becomes leader in a term,
// whatever is lost, late, cut off or restarted; and while a majority is up and hears each other, one is.
//
//	on silence of the leader for a random time:  term := term+1; vote for myself; write that down; then ask all for theirs
//	on being asked in a term:                    if it is later than mine: follow in it, without a vote
//	                                             if I have no vote there, or it is this one's: write it down; then grant it
//	on votes of a majority in my term:           lead: say so to all, every TS
//	on hearing of a leader in my term, or later: follow it
//	on hearing of a term later than mine:        follow in it
//
// A vote is told when it is on disk, so that whoever comes back does not vote twice in a term. Terms without a vote are
// not written down: who comes back in an earlier one has no vote in those that it has forgotten. A disk that loses what
// it has confirmed, or of which the log is damaged, breaks the promise; one that fails makes its node vote no more.
//
// The majority is that of the view, and each view has terms of its own, all later than those of the view before: two
// majorities of two memberships need not have a member in common. Who leads is told by a note (impl.Leads), and by
// [Election.Leader] to whoever stands beside it.
//
// What it sends goes to one node, and may be lost, so that it stands on a channel or below it. What others send to one
// node gets its header; what goes to the group passes as it is. A suspicion of the leader, where a detector lies below,
// makes the wait shorter.
type Election struct {
	Rules ElectionRules

	cfg     impl.Config
	rand    spec.Rand
	ready   bool
	view    uint64 // where the terms of the present view begin
	members []spec.NodeID
	term    uint64
	vote    spec.NodeID // in the term; nobody: none yet
	role    Role
	leader  spec.NodeID // of the term, or nobody
	told    uint64      // the last term that this node has said that it leads
	votes   impl.NodeSet
	ballots ballotBox
}

// Role is what a member is in its term.
type Role uint8

// The roles.
const (
	Follower Role = iota
	Candidate
	Leader
)

// ElectionRules are the rules that safety stands on.
type ElectionRules struct {
	Grants  func(vote, candidate spec.NodeID) bool // whether one with that vote grants it
	Quorum  func(votes, members int) bool
	Writes  func() bool          // whether a vote is on disk before it is told
	Deposed func(role Role) Role // what a member is when it hears of a later term
}

// nobody is the vote of who has none.
const nobody spec.NodeID = -1

// NewElection makes the layer of one node.
func NewElection(cfg impl.Config) *Election {
	return &Election{cfg: cfg, Rules: ElectionRules{
		Grants:  func(vote, candidate spec.NodeID) bool { return vote == nobody || vote == candidate },
		Quorum:  func(votes, members int) bool { return votes > members/2 },
		Writes:  func() bool { return true },
		Deposed: func(Role) Role { return Follower },
	}}
}

// Leader gives whom this node follows, itself if it leads, and in which term; -1 where it knows of none.
func (e *Election) Leader() (spec.NodeID, uint64) { return e.leader, e.term }

// The kinds of packets. The number in the header is the term.
const (
	electionLetter = 1 // not of this layer
	electionAsks   = 2
	electionGrants = 3
	electionLeads  = 4
	electionNewer  = 5 // to who asks or leads in a term that is over
)

// The timers.
const (
	patienceTimer = 0 // to ask for votes
	roundTimer    = 1 // to say again what may have been lost
)

// Step implements [impl.Layer].
func (e *Election) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		*e = Election{Rules: e.Rules, cfg: e.cfg, rand: spec.NewRand(e.cfg.Seed, 0xe1ec, uint64(e.cfg.Self), in.Num), vote: nobody, leader: nobody}
	case impl.Recovered:
		e.term, e.vote = e.ballots.read(in.Body)
	case impl.Ready:
		e.ready = true
		e.ballots.mend(out)
		if viewOf(e.term) == 0 { // else only a view can say who votes
			e.members = e.cfg.Members
		}
		e.wait(in.Now, out)
	case impl.TimerFired:
		e.fire(in, out)
	case impl.Persisted:
		e.written(in, out)
	case impl.StorageFailed:
		e.unwritten(out)
	case impl.Suspected:
		if in.From == e.leader && e.role == Follower {
			e.waitFor(in.Now, 0, out)
		}
		out.Pass(in)
	case impl.ViewChanged:
		e.change(in.View, in.Now, out)
		out.Pass(in)
	case impl.Send:
		if in.To != impl.Everyone {
			in.Body = impl.AppendNumbered(out, in.Body, impl.Numbered{Kind: electionLetter})
		}
		out.Pass(in)
	case impl.Packet:
		if in.To == impl.Everyone {
			out.Pass(in)
			return
		}
		e.receive(in, out)
	default:
		out.Pass(in)
	}
}

// votesHere says whether a node is one of those that vote.
func (e *Election) votesHere(n spec.NodeID) bool {
	for _, m := range e.members {
		if m == n {
			return true
		}
	}
	return false
}

// wait begins to wait for a sign of the leader: for a random time, so that seldom two members ask at once; the paper's
// 150 to 300 ms where TL is 600 ms.
func (e *Election) wait(now spec.Time, out *impl.Effects) { e.waitFor(now, e.least(), out) }

func (e *Election) least() time.Duration { return max(e.cfg.TL/4, 4*e.cfg.TS) }

func (e *Election) waitFor(now spec.Time, least time.Duration, out *impl.Effects) {
	if e.ready && e.votesHere(e.cfg.Self) {
		out.SetTimer(patienceTimer, now+spec.Time(least)+spec.Time(e.rand.IntN(int(e.least())+1)))
	}
}

func (e *Election) fire(in impl.Input, out *impl.Effects) {
	switch {
	case !e.ready || !e.votesHere(e.cfg.Self):
	case in.Num == patienceTimer && e.role != Leader:
		e.campaign(in.Now, out)
	case in.Num == roundTimer && e.role != Follower:
		e.round(in.Now, out)
	}
}

// campaign stands for election in a new term.
func (e *Election) campaign(now spec.Time, out *impl.Effects) {
	e.wait(now, out)
	if e.ballots.broken {
		return
	}
	e.term++
	e.role, e.leader = Candidate, nobody
	e.votes.Clear()
	e.elect(e.cfg.Self, now, out)
}

// elect gives this node's vote in its term, and tells the candidate when it is on disk.
func (e *Election) elect(candidate spec.NodeID, now spec.Time, out *impl.Effects) {
	e.vote = candidate
	if e.Rules.Writes() {
		e.ballots.write(e.term, candidate, out)
		return
	}
	e.tell(e.term, candidate, now, out)
}

// tell tells a candidate that it has this node's vote.
func (e *Election) tell(term uint64, candidate spec.NodeID, now spec.Time, out *impl.Effects) {
	switch {
	case candidate != e.cfg.Self:
		e.send(candidate, electionGrants, term, out)
	case term == e.term && e.role == Candidate:
		e.count(e.cfg.Self, now, out)
		if e.role == Candidate {
			e.round(now, out)
		}
	}
}

// count counts a vote, and leads with those of a majority.
func (e *Election) count(from spec.NodeID, now spec.Time, out *impl.Effects) {
	if e.votes.Add(from); e.Rules.Quorum(e.votes.Len(), len(e.members)) {
		e.role, e.leader = Leader, e.cfg.Self
		out.StopTimer(patienceTimer)
		e.round(now, out)
	}
}

// round says to the others that this node leads, or asks those for their votes that have not given them.
func (e *Election) round(now spec.Time, out *impl.Effects) {
	kind := byte(electionAsks)
	if e.role == Leader {
		kind = electionLeads
		if e.told != e.term {
			e.told = e.term
			out.Note(impl.Leads, e.term, 0)
		}
	}
	for _, m := range e.members {
		if m != e.cfg.Self && (e.role == Leader || !e.votes.Has(m)) {
			e.send(m, kind, e.term, out)
		}
	}
	out.SetTimer(roundTimer, now+spec.Time(e.cfg.TS))
}

func (e *Election) send(to spec.NodeID, kind byte, term uint64, out *impl.Effects) {
	out.Down(to, impl.AppendNumbered(out, nil, impl.Numbered{N: term, Kind: kind}), 0)
}

func (e *Election) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.OpenNumbered(in, e.cfg.Nodes, out)
	if ok && h.Kind == electionLetter {
		in.Body = body
		out.Pass(in)
		return
	}
	out.Accept(in.Ref)
	switch {
	case !ok:
	case h.Kind < electionAsks || h.Kind > electionNewer || len(body) > 0:
		out.Note(impl.Malformed, uint64(in.From), h.N)
	case !e.ready || in.From == e.cfg.Self || !e.votesHere(in.From) || !e.votesHere(e.cfg.Self):
		out.Note(impl.NotMember, uint64(in.From), h.N)
	case viewOf(h.N) != e.view:
		out.Note(impl.Stale, uint64(in.From), h.N) // of another membership
	default:
		e.take(in.From, h, in.Now, out)
	}
}

// take takes in what another member says of a term.
func (e *Election) take(from spec.NodeID, h impl.Numbered, now spec.Time, out *impl.Effects) {
	switch {
	case h.N > e.term:
		e.follow(h.N, now, out)
	case h.N < e.term:
		if h.Kind == electionAsks || h.Kind == electionLeads {
			e.send(from, electionNewer, e.term, out)
		}
		return
	}
	switch h.Kind {
	case electionAsks:
		e.asked(from, now, out)
	case electionGrants:
		if e.role == Candidate {
			e.count(from, now, out)
		}
	case electionLeads:
		if e.role != Leader {
			e.role, e.leader = Follower, from
			e.wait(now, out)
		}
	}
}

// follow goes on to a later term.
func (e *Election) follow(term uint64, now spec.Time, out *impl.Effects) {
	if e.role == Leader {
		e.wait(now, out)
	}
	e.term, e.vote, e.leader = term, nobody, nobody
	e.role = e.Rules.Deposed(e.role)
}

// asked answers one that asks for a vote in this node's term.
func (e *Election) asked(candidate spec.NodeID, now spec.Time, out *impl.Effects) {
	switch {
	case e.ballots.broken || !e.Rules.Grants(e.vote, candidate):
	case e.vote != candidate:
		e.elect(candidate, now, out)
		e.wait(now, out)
	case !e.ballots.writing(): // it has not heard
		e.tell(e.term, candidate, now, out)
	}
}

// written tells the votes that have got to the disk.
func (e *Election) written(in impl.Input, out *impl.Effects) {
	for _, b := range e.ballots.persisted(in.Ref, out) {
		e.tell(b.term, b.candidate, in.Now, out)
	}
}

// unwritten gives up voting: what this node promises it might forget.
func (e *Election) unwritten(out *impl.Effects) {
	e.ballots.broken, e.ballots.told = true, nil
	if e.role == Candidate {
		e.role = Follower
	}
	out.Note(impl.StorageBroken, e.term, 0)
}

// change goes on to the terms of a new view.
func (e *Election) change(v *spec.View, now spec.Time, out *impl.Effects) {
	view := termsOf(v.ID)
	switch {
	case view < viewOf(e.term):
		return // this node has voted in a later one
	case view > viewOf(e.term):
		e.term, e.vote = view, nobody
		e.role, e.leader = Follower, nobody
		out.StopTimer(roundTimer)
	}
	e.view, e.members = view, v.Members
	e.wait(now, out)
}

// Terms are numbered from 1 in each view. The number of the view stands before them: its epoch, and its node where it
// has one.
const (
	termBits = 24
	nodeBits = 16
)

func termsOf(v spec.ViewID) uint64 {
	t := v.Epoch << (nodeBits + termBits)
	if v.HasNode {
		t |= (v.Node + 1) & (1<<nodeBits - 1) << termBits
	}
	return t
}

// viewOf gives where the terms of a term's view begin.
func viewOf(term uint64) uint64 { return term >> termBits << termBits }
