package membership

import (
	"encoding/binary"
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// The kinds of packets between levels, behind each of them.
const (
	levelsUp     = 10 // a request, and whose
	levelsDown   = 11 // an answer, and to whom
	levelsTell   = 12 // of the root to all whom it concerns: a question or a decision
	levelsReport = 13 // what has been heard of nodes
	levelsHere   = 14 // of the root: heard
)

// levelsWho is the length of a node's number in a packet that is carried up or down.
const levelsWho = 2

// carry hands a packet of a node, or to it, to the next level.
func (l *Server) carry(next, who spec.NodeID, p *serverPacket, kind byte, out *impl.Effects) {
	b := binary.BigEndian.AppendUint16(p.append(l.text[:0]), uint16(who))
	out.Down(next, l.pack(append(b, kind), out), 0)
}

// tell asks or tells all whom a packet concerns, by those below.
func (l *Server) tell(p *serverPacket, concerned func(n spec.NodeID) bool, out *impl.Effects) {
	leave := slices.ContainsFunc(p.came, func(n spec.NodeID) bool { _, in := l.memberOf(p.members, n); return !in })
	for _, b := range l.branches(concerned) {
		if l.levels.rules.Passes(l.cfg.Self, leave && p.kind == serverDecision) {
			l.tellOne(b, p, out)
		}
	}
}

func (l *Server) tellOne(to spec.NodeID, p *serverPacket, out *impl.Effects) {
	out.Down(to, l.pack(append(p.append(l.text[:0]), levelsTell), out), 0)
}

// sayHere tells a node that the root was heard.
func (l *Server) sayHere(to spec.NodeID, out *impl.Effects) {
	out.Down(to, l.pack(append(l.text[:0], levelsHere), out), 0)
}

func (p *serverPacket) concerned() (who []spec.NodeID) {
	who = nodesOf(p.members)
	for _, n := range p.came {
		if !slices.Contains(who, n) {
			who = append(who, n)
		}
	}
	return who
}

// receiveLevels takes in what comes from another level.
func (l *Server) receiveLevels(from spec.NodeID, b []byte, kind byte, out *impl.Effects) {
	t := l.levels
	if !l.ready {
		return
	}
	ok, forged := true, false
	switch above := slices.Contains(t.over[l.cfg.Self], from); kind {
	case levelsUp, levelsDown:
		var w []byte
		if b, w, ok = impl.Cut(b, levelsWho); !ok {
			break
		}
		who := spec.NodeID(binary.BigEndian.Uint16(w))
		var p serverPacket
		if p, ok = parseInner(b, l.cfg.Nodes); !ok {
			break
		}
		if forged = kind == levelsDown && !above || kind == levelsUp && (!t.below(who, l.cfg.Self) || who != from && !t.below(who, from)); !forged {
			l.pass(from, who, &p, kind, out)
		}
	case levelsTell:
		var p serverPacket
		if p, ok = parseInner(b, l.cfg.Nodes); ok {
			ok = p.kind == serverPrepare || p.kind == serverDecision
		}
		if forged = !above && !(p.kind == serverDecision && l.beside(from)); ok && !forged {
			l.takeTold(from, above, &p, out)
		}
	case levelsReport:
		forged, ok = l.takeReport(from, b, out)
	case levelsHere:
		if forged = !above; !forged {
			l.hearRoot(from)
			for _, c := range l.branches(func(n spec.NodeID) bool { return t.said[n].known || t.over[n][0] == l.cfg.Self }) {
				l.sayHere(c, out)
			}
		}
	default:
		ok = false
	}
	switch {
	case !ok:
		out.Note(impl.Malformed, uint64(from), uint64(kind))
	case forged:
		out.Note(impl.Forged, uint64(from), uint64(kind))
	}
}

func parseInner(b []byte, nodes int) (p serverPacket, ok bool) {
	b, h, ok := impl.Cut(b, 1)
	if !ok {
		return p, false
	}
	return parseServerPacket(b, h[0], nodes)
}

// beside says whether a node is right below the root, as this one is.
func (l *Server) beside(n spec.NodeID) bool {
	return l.cfg.Self != l.at && n != l.at && len(l.levels.over[n]) == 1 && len(l.levels.over[l.cfg.Self]) == 1
}

// hearRoot notes that the root is there, and through whom.
func (l *Server) hearRoot(through spec.NodeID) {
	l.heard, l.levels.heard[through] = l.now, l.now
}

// pass hands a request up, and an answer down, until it is there.
func (l *Server) pass(from, who spec.NodeID, p *serverPacket, kind byte, out *impl.Effects) {
	t := l.levels
	switch {
	case kind == levelsUp && p.kind != serverRequestKind || kind == levelsDown && p.kind != serverAnswer:
		out.Note(impl.Malformed, uint64(from), uint64(kind))
	case kind == levelsUp && l.cfg.Self == l.at:
		t.via[who] = from
		l.serve(who, p, l.now, out)
	case kind == levelsUp:
		t.via[who] = from
		if impl.InputKind(p.op) == impl.Leave && t.rules.Answers(false) {
			l.carry(l.toward(who), who, &serverPacket{kind: serverAnswer, life: p.life, n: p.n}, levelsDown, out)
		}
		l.carry(l.above(), who, p, levelsUp, out)
	case who == l.cfg.Self && p.life != l.incarnation:
		out.Note(impl.Stale, uint64(from), uint64(p.kind))
	case who == l.cfg.Self:
		l.hearRoot(from)
		l.take(p, out)
	case t.below(who, l.cfg.Self):
		l.carry(l.toward(who), who, p, levelsDown, out)
	}
}

// takeTold takes in a question or a decision, and hands it on.
func (l *Server) takeTold(from spec.NodeID, above bool, p *serverPacket, out *impl.Effects) {
	t := l.levels
	newer := p.id > t.told.id || p.id == t.told.id && p.kind > t.told.kind
	if above {
		l.hearRoot(from)
	} else if !newer {
		return
	}
	if newer || p.id == t.told.id && p.kind == t.told.kind {
		t.told = subgroupTold{id: p.id, kind: p.kind, who: p.concerned()}
		for n := range t.said {
			t.said[n].answered = false
		}
	}
	l.tell(p, func(n spec.NodeID) bool { return slices.Contains(t.told.who, n) }, out)
	if newer && p.kind == serverDecision {
		for n := range spec.NodeID(l.cfg.Nodes) {
			if n != l.cfg.Self && n != from && l.beside(n) {
				l.tellOne(n, p, out)
			}
		}
	}
	if l.coordinates() {
		l.reportWhole(out)
	}
	if slices.Contains(t.told.who, l.cfg.Self) && l.concerns(p) { // who was removed by mistake is not told that it has left
		p.n = 0
		l.take(p, out)
	}
}

func appendSaid(b []byte, n spec.NodeID, s *subgroupSaid) []byte {
	for _, x := range [...]uint64{uint64(n), uint64(s.life), s.installed, s.ready, s.moves} {
		b = binary.AppendUvarint(b, x)
	}
	return append(b, newsFlag(s.wants, 1))
}

// subgroupEntry is a line of a report.
type subgroupEntry struct {
	node spec.NodeID
	said subgroupSaid
}

// takeReport takes in what a node says of itself and of those below it.
func (l *Server) takeReport(from spec.NodeID, b []byte, out *impl.Effects) (forged, ok bool) {
	t := l.levels
	entries := t.entries[:0]
	r := newsReader{b: b, nodes: l.cfg.Nodes}
	for len(r.b) > 0 && !r.bad {
		n := spec.NodeID(min(r.number(), uint64(l.cfg.Nodes)))
		e := subgroupEntry{n, subgroupSaid{known: true, fresh: true, life: uint32(r.number()), installed: r.number(), ready: r.number(), moves: r.number()}}
		e.said.wants = r.number() != 0
		if !r.bad && (!t.below(n, l.cfg.Self) || n != from && !t.below(n, from)) {
			return true, true
		}
		entries = append(entries, e)
		t.entries = entries
	}
	if r.bad || len(entries) == 0 {
		return false, false
	}
	for i := range entries {
		l.hearSaid(from, entries[i].node, &entries[i].said)
	}
	if l.cfg.Self != l.at {
		l.reportWhole(out)
		return false, true
	}
	l.sayHere(from, out)
	for i := range entries { // who is heard through others has to be heard by the layers below, or they never trust it again
		l.unmute(entries[i].node)
		if n := entries[i].node; n != from && l.suspected.Has(n) {
			l.sayHere(n, out)
		}
	}
	if t.anew && l.doing.stage == isAsking {
		l.doing = serverChange{}
	}
	t.anew = false
	for i := range entries {
		e := &entries[i].said
		l.serve(entries[i].node, &serverPacket{kind: serverStatus, life: e.life, flag: e.wants, groupView: groupView{id: e.installed}}, l.now, out)
		if e.ready > 0 {
			l.strike(entries[i].node, e, out)
			l.serve(entries[i].node, &serverPacket{kind: serverReady, life: e.life, groupView: groupView{id: e.ready}}, l.now, out)
		}
		l.serve(entries[i].node, &serverPacket{kind: serverInstalled, life: e.life, groupView: groupView{id: e.installed}}, l.now, out)
	}
	return false, true
}

// strike is where the list of those who are not ready could be shortened by one that is no longer on it.
func (l *Server) strike(n spec.NodeID, e *subgroupSaid, out *impl.Effects) {
	d := &l.doing
	if d.stage != isAsking || e.ready != d.view.id || d.await.Has(n) {
		return
	}
	if other := d.await.Next(0); other >= 0 && l.levels.rules.Strikes(false) {
		d.await.Remove(other)
	}
}

// hearSaid keeps what a node has said, and through whom.
func (l *Server) hearSaid(from, n spec.NodeID, e *subgroupSaid) {
	t := l.levels
	s := &t.said[n]
	if s.known && e.life < s.life {
		return
	}
	if s.known && (e.life > s.life && slices.ContainsFunc(t.over, func(above []spec.NodeID) bool { return slices.Contains(above, n) }) || e.life == s.life && e.moves != s.moves) {
		t.anew = true
	}
	if !s.known || e.life > s.life {
		*s = subgroupSaid{life: e.life, known: true}
	}
	s.installed, s.ready, s.moves = max(s.installed, e.installed), max(s.ready, e.ready), max(s.moves, e.moves)
	s.wants, s.fresh = e.wants, true
	t.via[n] = from
	l.answerTold(n)
}
