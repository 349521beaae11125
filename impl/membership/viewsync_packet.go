package membership

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// The kinds of packets, behind each of them. Every one says what its sender is and the last view that it knows decided.
const (
	newsPassing = 0 // of a layer above: no news
	newsStatus  = 1
	newsAsk     = 2 // ballot
	newsPromise = 3 // ballot, and what was agreed to
	newsRefuse  = 4 // ballot that is followed instead
	newsPropose = 5 // ballot and view
	newsReady   = 6 // ballot
)

// viewNews is what a packet says.
type viewNews struct {
	kind        byte
	incarnation uint32
	member      bool   // has installed the last view, in this life
	whole       bool   // … and has the state of the group
	wants       bool   // to be one
	pending     bool   // is in a flush
	first       uint64 // the epoch of its first attempt in this life; 0: none
	last        viewRecord
	ballot      spec.ViewID
	agreed      viewVote
	view        viewRecord
}

func (l *ViewSync) news(kind byte, ballot spec.ViewID) *viewNews {
	return &viewNews{kind: kind, incarnation: l.incarnation, member: l.member, whole: l.whole, wants: l.wants, pending: l.pending.under,
		first: l.first, last: l.last, ballot: ballot}
}

func newsFlag(b bool, bit byte) byte {
	if b {
		return bit
	}
	return 0
}

func appendViewID(b []byte, v spec.ViewID) []byte {
	b = binary.AppendUvarint(b, v.Epoch)
	if v.HasNode {
		return binary.AppendUvarint(b, v.Node+1)
	}
	return binary.AppendUvarint(b, 0)
}

func appendRecord(b []byte, r *viewRecord) []byte {
	b = appendViewID(appendViewID(b, r.id), r.before)
	return impl.AppendMembers(impl.AppendMembers(b, r.members), r.came)
}

func appendVote(b []byte, v *viewVote) []byte {
	return appendRecord(appendViewID(b, v.ballot), &v.view)
}

func (p *viewNews) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(p.incarnation))
	b = append(b, newsFlag(p.member, 1)|newsFlag(p.wants, 2)|newsFlag(p.pending, 4)|newsFlag(p.whole, 8))
	b = binary.AppendUvarint(b, p.first)
	b = appendViewID(appendRecord(b, &p.last), p.ballot)
	return append(appendRecord(appendVote(b, &p.agreed), &p.view), p.kind)
}

// newsReader reads from the front; bad once anything made no sense.
type newsReader struct {
	b     []byte
	nodes int
	bad   bool
}

func (r *newsReader) number() uint64 {
	n, k := binary.Uvarint(r.b)
	if k <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[k:]
	return n
}

func (r *newsReader) viewID() (v spec.ViewID) {
	v.Epoch = r.number()
	if n := r.number(); n > 0 {
		v.Node, v.HasNode = n-1, true
	}
	return v
}

func (r *newsReader) list() []spec.NodeID {
	nodes, rest, ok := impl.CutMembers(r.b)
	for _, n := range nodes {
		ok = ok && int(n) < r.nodes
	}
	r.bad, r.b = r.bad || !ok, rest
	return nodes
}

func (r *newsReader) record() viewRecord {
	return viewRecord{id: r.viewID(), before: r.viewID(), members: r.list(), came: r.list()}
}

func (r *newsReader) vote() viewVote { return viewVote{ballot: r.viewID(), view: r.record()} }

// parseNews reads a packet without its kind.
func parseNews(b []byte, kind byte, nodes int) (p viewNews, ok bool) {
	r := newsReader{b: b, nodes: nodes}
	p.kind = kind
	p.incarnation = uint32(r.number())
	flags := r.number()
	p.member, p.wants, p.pending, p.whole = flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&8 != 0
	p.first = r.number()
	p.last, p.ballot, p.agreed, p.view = r.record(), r.viewID(), r.vote(), r.record()
	return p, !r.bad && len(r.b) == 0 && flags < 16 && kind <= newsReady
}

// send hands a packet down at once.
func (l *ViewSync) send(to spec.NodeID, p *viewNews, out *impl.Effects) {
	out.Down(to, p.append(nil), 0)
}

// sendSaved hands a packet down when all that has been promised so far is on disk.
func (l *ViewSync) sendSaved(to spec.NodeID, p *viewNews, out *impl.Effects) {
	l.standing.sendSaved(to, p.append(nil), l.Rules.Saves(), out)
}

// viewSaved is the kind of a record of the log.
const viewSaved = 1

// save writes down what has been promised, agreed to and decided.
func (l *ViewSync) save(out *impl.Effects) {
	l.saves++
	if !l.Rules.Saves() {
		return
	}
	b := appendViewID(nil, l.promised)
	b = appendRecord(appendVote(b, &l.agreed), &l.last)
	impl.AppendRecord(out, viewSaved, append(b, newsFlag(l.wants, 1)))
	out.Persist(impl.Ref(l.saves))
}

// recover reads what earlier lives have written.
func (l *ViewSync) recover(log []byte) {
	l.journal = impl.ReadJournal(log)
	if n := len(l.journal.Records); n > 0 && l.Rules.Saves() {
		r := newsReader{b: l.journal.Records[n-1].Payload, nodes: l.cfg.Nodes}
		promised, agreed, last, again := r.viewID(), r.vote(), r.record(), r.number() != 0
		if !r.bad {
			promised.Epoch = l.Rules.Recovers(promised.Epoch)
			l.promised, l.agreed, l.last, l.again = promised, agreed, last, again
		}
	}
}
