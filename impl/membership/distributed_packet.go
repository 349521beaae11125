package membership

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// The kinds of packets, behind each of them.
const (
	listPassing = 0 // of a layer above
	listTold    = 1 // a list, and whether its sender is a member
)

// tell sends the list to a node.
func (l *Distributed) tell(n spec.NodeID, out *impl.Effects) {
	if n == l.cfg.Self || !l.Rules.Tells(l.cfg.Self, n) {
		return
	}
	var b []byte
	for i := range l.list {
		e := &l.list[i]
		if l.returning && spec.NodeID(i) == l.cfg.Self {
			e = &listEntry{in: l.cfg.Index(l.cfg.Self) >= 0} // so that it is told what is known of its last life
		}
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(e.life)), e.n)
		b = append(b, newsFlag(e.in, 1)|newsFlag(e.removed, 2))
	}
	out.Down(n, append(b, newsFlag(l.member, 1), listTold), 0)
}

// tellAll sends the list to all that are on it, also to those that were removed and may not know.
func (l *Distributed) tellAll(out *impl.Effects) {
	for n := range l.list {
		if l.list[n].in {
			l.tell(spec.NodeID(n), out)
		}
	}
}

// receive takes in what is to this node alone.
func (l *Distributed) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.Cut(in.Body, 1)
	if ok && h[0] == listPassing {
		in.Body = body
		out.Pass(in)
		return
	}
	out.Accept(in.Ref)
	var f []byte
	if ok {
		body, f, ok = impl.Cut(body, 1)
	}
	if !ok || h[0] != listTold || f[0] > 1 || in.From < 0 || int(in.From) >= l.cfg.Nodes || in.From == l.cfg.Self {
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	r := newsReader{b: body, nodes: l.cfg.Nodes}
	list := make([]listEntry, l.cfg.Nodes)
	for n := range list {
		list[n] = listEntry{life: uint32(r.number()), n: r.number()}
		flags := r.number()
		list[n].in, list[n].removed = flags&1 != 0, flags&2 != 0
		r.bad = r.bad || flags > 3 || list[n].n >= 1<<22
	}
	if r.bad || len(r.b) > 0 {
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	if l.ready {
		l.merge(in.From, list, f[0] == 1, out)
	}
}

// merge takes in what is later on the list of another node.
func (l *Distributed) merge(from spec.NodeID, list []listEntry, member bool, out *impl.Effects) {
	if mine := list[l.cfg.Self]; mine.rank() > l.knows[from].rank() {
		l.knows[from] = mine
	}
	l.heard[from] = l.heard[from] || member
	if l.returning && member {
		l.comeBack(list[l.cfg.Self].in, out)
	}
	news, lacks := false, false
	for n := range list {
		e, x := &l.list[n], &list[n]
		switch {
		case spec.NodeID(n) == l.cfg.Self:
			news = l.reclaim(x) || news
			lacks = lacks || e.rank() > x.rank()
		case l.Rules.Later(x.rank(), e.rank()):
			*e, news = *x, true
		case x.rank() < e.rank():
			lacks = true
		}
	}
	switch {
	case news:
		l.changed = true
		l.tellAll(out)
		if !l.list[from].in {
			l.tell(from, out)
		}
	case lacks:
		l.tell(from, out)
	}
}

// comeBack joins after a crash, if the last life had not left.
func (l *Distributed) comeBack(was bool, out *impl.Effects) {
	l.calls[0].ref = 0
	if was {
		l.begin(impl.Join, l.since, out)
		return
	}
	l.returning, l.wants, l.calls = false, false, l.calls[:0]
	l.up = append(l.up, impl.Effect{Kind: impl.Refuse, Ref: gateRejoin, Code: impl.NotMember})
}

// reclaim looks at what others say of this node. Who was removed and wants to be a member is one anew; of an earlier life
// nothing counts.
func (l *Distributed) reclaim(x *listEntry) bool {
	e := l.me()
	if x.rank() <= e.rank() || x.life != l.incarnation {
		return false
	}
	if l.wants && l.Rules.Returns() {
		*e = listEntry{life: l.incarnation, n: x.n + 1, in: true}
	} else {
		*e = *x
	}
	return true
}
