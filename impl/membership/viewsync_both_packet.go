package membership

import (
	"encoding/binary"
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// The kinds of packets, behind each of them. 0 is of a layer above.
const (
	partStatus  = 1
	partAsk     = 2 // ballot
	partPromise = 3 // ballot, and the views that are known to have been installed
	partRefuse  = 4 // ballot that is followed instead
	partPropose = 5 // ballot and view
	partReady   = 6 // ballot
	partPoll    = 7 // ballot, view, commit
	partVoted   = 8 // ballot
	partOutcome = 9 // view, commit
)

// partNews is what a packet says.
type partNews struct {
	kind        byte
	incarnation uint32
	member      bool
	whole       bool
	wants       bool
	again       bool // the configuration has it, or an earlier life was a member: it may begin anew
	pending     bool
	commit      bool
	first       uint64 // the epoch of its first attempt in this life; 0: none
	last        partView
	bound       partView
	vote        partVote
	ballot      spec.ViewID
	view        partView
	past        []spec.ViewID
	forgot      spec.ViewID
}

func (l *Partitionable) news(kind byte, ballot spec.ViewID) *partNews {
	bound := l.bound
	if !l.Rules.Binds() {
		bound = partView{}
	}
	return &partNews{kind: kind, incarnation: l.incarnation, member: l.member, whole: l.Rules.Holds(l.whole), wants: l.wants, again: l.again,
		pending: l.pending.under, first: l.first, last: l.last, bound: bound, vote: l.vote, ballot: ballot}
}

func appendIDs(b []byte, ids []spec.ViewID) []byte {
	b = binary.AppendUvarint(b, uint64(len(ids)))
	for _, id := range ids {
		b = appendViewID(b, id)
	}
	return b
}

func appendPart(b []byte, v *partView) []byte {
	return appendIDs(impl.AppendMembers(appendViewID(b, v.id), v.members), v.before)
}

func (p *partNews) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(p.incarnation))
	b = append(b, newsFlag(p.member, 1)|newsFlag(p.whole, 2)|newsFlag(p.wants, 4)|newsFlag(p.pending, 8)|
		newsFlag(p.commit, 16)|newsFlag(p.vote.commit, 32)|newsFlag(p.again, 64))
	b = binary.AppendUvarint(b, p.first)
	b = appendViewID(appendPart(appendPart(b, &p.last), &p.bound), p.vote.ballot)
	b = appendPart(appendViewID(b, p.ballot), &p.view)
	return append(appendViewID(appendIDs(b, p.past), p.forgot), p.kind)
}

func (r *newsReader) ids() (ids []spec.ViewID) {
	n := r.number()
	if n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	for range n {
		ids = append(ids, r.viewID())
	}
	return ids
}

// part reads a view: its members ascending, and as many views before.
func (r *newsReader) part() partView {
	v := partView{id: r.viewID(), members: r.list(), before: r.ids()}
	r.bad = r.bad || len(v.members) != len(v.before) || !slices.IsSorted(v.members)
	return v
}

// parsePart reads a packet without its kind.
func parsePart(b []byte, kind byte, nodes int) (p partNews, ok bool) {
	r := newsReader{b: b, nodes: nodes}
	p.kind, p.incarnation = kind, uint32(r.number())
	flags := r.number()
	p.member, p.whole, p.wants = flags&1 != 0, flags&2 != 0, flags&4 != 0
	p.pending, p.commit, p.vote.commit = flags&8 != 0, flags&16 != 0, flags&32 != 0
	p.again = flags&64 != 0
	p.first, p.last, p.bound = r.number(), r.part(), r.part()
	p.vote.ballot, p.ballot, p.view = r.viewID(), r.viewID(), r.part()
	p.past, p.forgot = r.ids(), r.viewID()
	return p, !r.bad && len(r.b) == 0 && flags < 128 && kind <= partOutcome
}

func (l *Partitionable) send(to spec.NodeID, p *partNews, out *impl.Effects) {
	out.Down(to, p.append(nil), 0)
}

// sendSaved hands a packet down when all that has been promised so far is on disk.
func (l *Partitionable) sendSaved(to spec.NodeID, p *partNews, out *impl.Effects) {
	l.standing.sendSaved(to, p.append(nil), l.Rules.Saves(), out)
}

// tell tells all nodes what this one is, whether it can hear them or not.
func (l *Partitionable) tell(out *impl.Effects) {
	for n := range spec.NodeID(l.cfg.Nodes) {
		if n != l.cfg.Self {
			l.send(n, l.news(partStatus, spec.ViewID{}), out)
		}
	}
}

// maxPast is how many installed views a node remembers.
const maxPast = 64

// learn remembers that a view was installed.
func (l *Partitionable) learn(v spec.ViewID) {
	if slices.Contains(l.past, v) {
		return
	}
	l.past = append(l.past, v)
	slices.SortFunc(l.past, spec.ViewID.Compare)
	if len(l.past) > maxPast {
		l.forgot = l.past[0]
		l.past = slices.Delete(l.past, 0, 1)
	}
}

func (l *Partitionable) save(out *impl.Effects) {
	l.saves++
	if !l.Rules.Saves() {
		return
	}
	b := appendPart(appendPart(appendViewID(nil, l.promised), &l.last), &l.bound)
	b = append(appendViewID(b, l.vote.ballot), newsFlag(l.vote.commit, 1)|newsFlag(l.wants, 2))
	impl.AppendRecord(out, viewSaved, appendViewID(appendIDs(b, l.past), l.forgot))
	out.Persist(impl.Ref(l.saves))
}

// recover reads what earlier lives have written.
func (l *Partitionable) recover(log []byte) {
	l.journal = impl.ReadJournal(log)
	n := len(l.journal.Records)
	if n == 0 || !l.Rules.Saves() {
		return
	}
	r := newsReader{b: l.journal.Records[n-1].Payload, nodes: l.cfg.Nodes}
	promised, last, bound := r.viewID(), r.part(), r.part()
	vote := partVote{ballot: r.viewID()}
	flags := r.number()
	vote.commit = flags&1 != 0
	past, forgot := r.ids(), r.viewID()
	if !r.bad {
		promised.Epoch = l.Rules.Recovers(promised.Epoch)
		l.promised, l.last, l.bound, l.vote, l.past, l.forgot = promised, last, bound, vote, past, forgot
		l.again = flags&2 != 0
	}
}
