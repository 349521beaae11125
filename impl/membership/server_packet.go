package membership

import (
	"encoding/binary"
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// The kinds of packets, behind each of them.
const (
	serverPassing     = 0 // of a layer above
	serverRequestKind = 1 // to the server: op, number
	serverStatus      = 2 // to the server: what I have, and whether I want to be a member
	serverReady       = 3 // to the server
	serverInstalled   = 4 // to the server
	serverAnswer      = 5 // of the server: number, code, members
	serverPrepare     = 6 // of the server: view
	serverDecision    = 7 // of the server: view
	serverHere        = 8 // of the server: heard
	serverRelay       = 9 // of a member: view
)

// serverPacket is what a packet says. Life is that of the node that is not the server; a relay has none.
type serverPacket struct {
	groupView
	kind byte
	op   byte
	code uint64
	life uint32
	n    uint64
	flag bool
}

func appendGroupMembers(b []byte, members []groupMember) []byte {
	b = binary.AppendUvarint(b, uint64(len(members)))
	for _, m := range members {
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(m.node)), uint64(m.life))
	}
	return b
}

func (r *newsReader) groupMembers() (members []groupMember) {
	n := r.number()
	for r.bad = r.bad || n > uint64(r.nodes); n > 0 && !r.bad; n-- {
		m := groupMember{node: spec.NodeID(r.number()), life: uint32(r.number())}
		r.bad = r.bad || m.node < 0 || int(m.node) >= r.nodes
		members = append(members, m)
	}
	return members
}

func (p *serverPacket) append(b []byte) []byte {
	b = append(b, p.op, newsFlag(p.flag, 1))
	for _, x := range [...]uint64{p.code, uint64(p.life), p.n, p.id, p.from} {
		b = binary.AppendUvarint(b, x)
	}
	b = impl.AppendMembers(appendGroupMembers(b, p.members), p.came)
	return append(b, p.kind)
}

// parseServerPacket reads a packet without its kind.
func parseServerPacket(b []byte, kind byte, nodes int) (p serverPacket, ok bool) {
	if len(b) < 2 || kind > serverRelay || b[1] > 1 {
		return p, false
	}
	r := newsReader{b: b[2:], nodes: nodes}
	p.kind, p.op, p.flag = kind, b[0], b[1] == 1
	p.code, p.life, p.n = r.number(), uint32(r.number()), r.number()
	p.id, p.from = r.number(), r.number()
	p.members = r.groupMembers()
	p.came = r.list()
	return p, !r.bad && len(r.b) == 0
}

func (l *Server) send(to spec.NodeID, p *serverPacket, out *impl.Effects) {
	if l.climb(to, p, out) {
		return
	}
	if to >= 0 && int(to) < l.cfg.Nodes {
		out.Down(to, l.pack(p.append(l.text[:0]), out), 0)
	}
}

// pack gives bytes that were put together in the text of this node, for a packet.
func (l *Server) pack(text []byte, out *impl.Effects) []byte {
	l.text = text
	b := out.Alloc(len(text))
	copy(b, text)
	return b
}

// receive takes in what is to this node alone.
func (l *Server) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.Cut(in.Body, 1)
	if ok && h[0] == serverPassing {
		in.Body = body
		out.Pass(in)
		return
	}
	out.Accept(in.Ref)
	if ok && l.levels != nil && h[0] > serverRelay && in.From >= 0 && int(in.From) < l.cfg.Nodes {
		l.receiveLevels(in.From, body, h[0], out)
		return
	}
	var p serverPacket
	if ok {
		p, ok = parseServerPacket(body, h[0], l.cfg.Nodes)
	}
	if !ok || in.From < 0 || int(in.From) >= l.cfg.Nodes {
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	switch {
	case p.kind == serverRelay:
		l.install(&p, true, out)
	case p.kind < serverAnswer:
		if l.cfg.Self == l.at && l.ready {
			l.serve(in.From, &p, in.Now, out)
		}
	case p.flag && p.code == 0 && (p.kind == serverPrepare || p.kind == serverDecision): // of the coordinator
		if l.ready && l.concerns(&p) {
			l.take(&p, out)
		}
	case in.From != l.at:
		out.Note(impl.Forged, uint64(in.From), uint64(p.kind))
	case p.life != l.incarnation || !l.ready:
		out.Note(impl.Stale, uint64(in.From), uint64(p.kind))
	default:
		l.heard = in.Now
		l.take(&p, out)
	}
}

// take takes in what the server says. A coordinator tells the others.
func (l *Server) take(p *serverPacket, out *impl.Effects) {
	switch p.kind {
	case serverAnswer:
		l.answered(p, out)
	case serverPrepare:
		l.prepare(p, out)
	case serverDecision:
		l.install(p, false, out)
	}
	if p.n != coordinates {
		return
	}
	on := serverPacket{kind: p.kind, flag: true, groupView: p.groupView}
	for n := range spec.NodeID(l.cfg.Nodes) {
		_, in := l.memberOf(p.members, n)
		if n != l.cfg.Self && (in || slices.Contains(p.came, n)) {
			l.send(n, &on, out)
		}
	}
}

// coordinates marks what the one who gets it is to tell the others.
const coordinates = 1 << 62

// concerns says whether a question or a decision is for this life of the node.
func (l *Server) concerns(p *serverPacket) bool {
	m, in := l.memberOf(p.members, l.cfg.Self)
	return in && m.life == l.incarnation || !in && l.view.id != 0 && p.from == l.view.id
}
