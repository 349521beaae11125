package ipmulticast

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// What the neighbors downstream ask for: the state machines of section 4.5.1 (*,G), 4.5.2 (S,G) and 4.5.3 (S,G,rpt).

// joinPrune takes a join/prune that is for me, or for another router on the link.
func (s *sparse) joinPrune(now spec.Time, port int, m *PIM, out *impl.Effects) {
	mine := m.Upstream == s.ports[port].Local
	for i := range m.Joins {
		said := &m.Joins[i]
		if LinkLocal(said.Group) {
			out.Note(impl.Malformed, uint64(m.Type), uint64(port))
			continue
		}
		if !mine {
			s.overhear(now, port, m.Upstream, said)
			continue
		}
		s.joined(now, port, said, m.HoldTime)
		s.pruned(now, port, said, m.HoldTime, out)
		if g := s.group(said.Group); g != nil {
			s.review(now, g, out)
		}
	}
}

// joined takes the joins for a group. Joins of a shared tree with another RP than the one known here are ignored: they
// come again when both know the same.
func (s *sparse) joined(now spec.Time, port int, said *PIMGroup, hold time.Duration) {
	for _, e := range said.Joins {
		g := s.group(said.Group)
		if g == nil && (!e.RPT || e.WC) {
			g = s.addGroup(now, said.Group)
		}
		switch {
		case g == nil:
		case e.WC:
			s.chooseRP(g)
			if g.shared.root.IsValid() && e.Addr == g.shared.root {
				s.downJoin(now, port, g, nil, &g.shared, hold)
				for _, src := range g.sources { // what the message does not prune once more is not pruned any more
					src.prunes[port].unsaid = src.prunes[port].state != notPruned
				}
			}
		case e.RPT:
			if src := g.source(e.Addr); src != nil {
				s.unprune(port, g, src)
			}
		default:
			if src := s.addSource(now, g, e.Addr); src != nil {
				s.downJoin(now, port, g, src, &src.branch, hold)
			}
		}
	}
}

// pruned takes the prunes for a group.
func (s *sparse) pruned(now spec.Time, port int, said *PIMGroup, hold time.Duration, out *impl.Effects) {
	g := s.group(said.Group)
	if g == nil {
		return
	}
	for _, e := range said.Prunes {
		switch {
		case e.WC:
			s.downLeave(now, port, g, nil, &g.shared, out)
		case e.RPT:
			if src := s.addSource(now, g, e.Addr); src != nil {
				s.prune(now, port, g, src, hold)
			}
		default:
			if src := g.source(e.Addr); src != nil {
				s.downLeave(now, port, g, src, &src.branch, out)
			}
		}
	}
	for _, src := range g.sources {
		if src.prunes[port].unsaid {
			s.unprune(port, g, src)
		}
	}
}

// downJoin: a neighbor wants the packets of a branch. Who lost an assert on the port and is joined all the same has
// forgotten that another router won.
func (s *sparse) downJoin(now spec.Time, port int, g *sparseGroup, src *sparseSource, b *branch, hold time.Duration) {
	if b.ports[port].assert == assertLoser {
		s.unassert(port, g, src, b)
	}
	b.ports[port].down = downJoined
	s.agenda.stop(key(downPruneTimer, port, g, src))
	s.atLeast(key(downTimer, port, g, src), now, hold)
}

// downLeave: a neighbor does not want the packets any more. Where there are several, one may object.
func (s *sparse) downLeave(now spec.Time, port int, g *sparseGroup, src *sparseSource, b *branch, out *impl.Effects) {
	p := &b.ports[port]
	switch {
	case p.down != downJoined:
	case len(s.ports[port].neighbors) > 1:
		p.down = downPruning
		s.agenda.set(key(downPruneTimer, port, g, src), now, s.overrideTime())
	default:
		s.downGone(port, g, src, b)
	}
}

// downGone: no neighbor wants the packets.
func (s *sparse) downGone(port int, g *sparseGroup, src *sparseSource, b *branch) {
	b.ports[port].down = notJoined
	s.agenda.stop(key(downTimer, port, g, src))
	s.agenda.stop(key(downPruneTimer, port, g, src))
}

// echo tells the neighbors that a prune was obeyed. Who still wants the packets, and whose objection was lost, hears of
// it and joins again: PruneEcho.
func (s *sparse) echo(port int, g *sparseGroup, e PIMSource, out *impl.Effects) {
	if len(s.ports[port].neighbors) > 1 {
		s.joins, s.prunes = s.joins[:0], append(s.prunes[:0], e)
		s.sendJoinPrune(port, s.ports[port].Local, g, s.cfg.Timing.JoinHold, out)
	}
}

// prune: a neighbor does not want the packets of a source on the shared tree.
func (s *sparse) prune(now spec.Time, port int, g *sparseGroup, src *sparseSource, hold time.Duration) {
	p := &src.prunes[port]
	switch {
	case p.state != notPruned:
		p.unsaid = false
	case len(s.ports[port].neighbors) > 1:
		p.state = prunePending
		s.agenda.set(key(rptPruneTimer, port, g, src), now, s.overrideTime())
	default:
		p.state = pruned
	}
	s.atLeast(key(rptTimer, port, g, src), now, hold)
}

// unprune: it wants them again, or the prune has ended.
func (s *sparse) unprune(port int, g *sparseGroup, src *sparseSource) {
	src.prunes[port] = rptPort{}
	s.agenda.stop(key(rptTimer, port, g, src))
	s.agenda.stop(key(rptPruneTimer, port, g, src))
}

// atLeast lets a timer run for a time more, or longer if it does already.
func (s *sparse) atLeast(k timer, now spec.Time, d time.Duration) {
	if left, ok := s.agenda.left(k, now); !ok || left < d {
		s.agenda.set(k, now, d)
	}
}

// overrideTime is how long others have to object to a prune: J/P_Override_Interval.
func (s *sparse) overrideTime() time.Duration {
	return s.cfg.Timing.PropagationDelay + s.cfg.Timing.OverrideInterval
}
