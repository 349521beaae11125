package membership

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
)

// groupRecord is the kind of a record of the log: the whole database.
const groupRecord = 1

// write appends the database to the log, and waits until it is there.
func (l *Server) write(b *groupBase, out *impl.Effects) {
	l.saves++
	l.doing.save = l.saves
	if l.Rules.Saves() {
		l.doing.size = uint64(impl.AppendRecord(out, groupRecord, b.append(nil)))
		l.logged += l.doing.size
	}
	out.Persist(impl.Ref(l.saves))
}

func (g *groupBase) append(b []byte) []byte {
	b = binary.AppendUvarint(binary.AppendUvarint(b, g.id), g.used)
	b = append(b, newsFlag(g.destroyed, 1))
	b = appendGroupMembers(appendGroupMembers(b, g.members), g.belong)
	for i := range g.sessions {
		s := &g.sessions[i]
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(s.life)), s.n)
		b = appendGroupMembers(binary.AppendUvarint(b, uint64(s.code)), s.members)
	}
	return b
}

func readGroupBase(b []byte, nodes int) (g groupBase, ok bool) {
	r := newsReader{b: b, nodes: nodes}
	g.id, g.used, g.destroyed = r.number(), r.number(), r.number() != 0
	g.members, g.belong = r.groupMembers(), r.groupMembers()
	g.sessions = make([]groupSession, nodes)
	for i := range g.sessions {
		s := &g.sessions[i]
		s.life, s.n = uint32(r.number()), r.number()
		s.code, s.members = impl.Code(r.number()), r.groupMembers()
	}
	return g, !r.bad && len(r.b) == 0
}

// recover reads what earlier lives have written.
func (l *Server) recover(log []byte) {
	l.journal = impl.ReadJournal(log)
	l.logged = uint64(len(log))
	if n := len(l.journal.Records); n > 0 && l.cfg.Self == l.at && l.Rules.Saves() {
		i := min(max(l.Rules.Newest(n), 0), n-1)
		if g, ok := readGroupBase(l.journal.Records[i].Payload, l.cfg.Nodes); ok {
			l.base = g
		}
	}
}
