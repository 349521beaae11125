package checkers

import (
	"time"

	"github.com/conform-go/conform/spec"
)

// listening lets r1 know of a member on c.
func (m *wireModel) listening(g int) {
	m.members[g] = m.now + modelAgeing
	if m.cut[g] && !m.bug.noGraft {
		m.grafts[g]++
		m.graft(g, m.grafts[g])
	}
}

// graft asks until it is answered.
func (m *wireModel) graft(g int, id uint64) {
	r0, r1 := m.h.Topology.Routers[0], m.ask[0].node
	if m.grafts[g] != id || !m.ask[0].up {
		return
	}
	m.cut[g] = false
	m.put("pim-graft", "b", r1, g, spec.Extra{}, func(e *spec.Event) {
		e.From, e.To, e.Has = 0, r0, e.Has|spec.HasFrom|spec.HasTo
	}, func() {
		if m.lost() {
			return
		}
		m.pruned[g] = 0
		m.put("pim-graft-ack", "b", r0, g, spec.Extra{}, nil, func() {
			if !m.lost() {
				m.grafts[g]++
			}
		})
	})
	m.after(modelRepeat/4, func() { m.graft(g, id) })
}

// data sends a datagram of the source 0.
func (m *wireModel) data(g int) {
	m.ids++
	id := m.ids
	r0, r1 := m.h.Topology.Routers[0], m.ask[0].node
	own := func(e *spec.Event) { e.From, e.Has = 0, e.Has|spec.HasFrom|spec.HasID }
	m.put("data", "a", 0, g, spec.Extra{ID: id, TTL: 16}, own, func() {
		if m.lost() || m.pruned[g] > m.now && !m.bug.notPruned {
			return
		}
		m.put("data", "b", r0, g, spec.Extra{ID: id, TTL: 15, Via: "a"}, own, func() {
			if m.lost() || !m.ask[0].up {
				return
			}
			if m.members[g] < m.now && !m.bug.noAgeing || m.members[g] == 0 {
				m.prune(g)
				return
			}
			m.put("data", "c", r1, g, spec.Extra{ID: id, TTL: 14, Via: "b"}, own, func() {
				for n := 1; n < len(m.hosts); n++ {
					if x := &m.hosts[n]; x.up && x.in[g] && !m.lost() {
						m.heard(spec.NodeID(n), "data", g, 0, id)
					}
				}
			})
		})
	})
}

func (m *wireModel) prune(g int) {
	if m.silent[g] > m.now {
		return
	}
	m.silent[g], m.cut[g] = m.now+2*modelRepeat, true
	m.grafts[g]++
	m.put("pim-prune", "b", m.ask[0].node, g, spec.Extra{}, func(e *spec.Event) {
		e.From, e.To, e.Has = 0, m.h.Topology.Routers[0], e.Has|spec.HasFrom|spec.HasTo
	}, func() {
		if m.lost() {
			return
		}
		graft := m.grafts[g]
		m.after(modelOverride, func() {
			if m.grafts[g] == graft {
				m.pruned[g] = m.now + modelHold - modelOverride
				if m.bug.neverExpires {
					m.pruned[g] = forever
				}
			}
		})
	})
}

func (m *wireModel) join(n, g int) {
	x := &m.hosts[n]
	if !x.up || x.in[g] {
		return
	}
	m.note(spec.Join, spec.NodeID(n), g)
	x.in[g] = true
	m.report(n, g)
	if !m.bug.noRepeat {
		m.answer(n, g, m.span(modelRepeat))
	}
	m.note(spec.Joined, spec.NodeID(n), g)
}

func (m *wireModel) leave(n, g int) {
	x := &m.hosts[n]
	if !x.up || !x.in[g] {
		return
	}
	m.note(spec.Leave, spec.NodeID(n), g)
	x.in[g], x.timer[g] = false, 0
	if x.last[g] && !m.bug.noLeave {
		m.put("igmp-leave", "c", spec.NodeID(n), g, spec.Extra{}, nil, func() {
			for k := range m.ask {
				if a := &m.ask[k]; a.up && a.silent <= m.now && !m.lost() && !m.bug.noAsking && (k > 0 || m.members[g] > m.now) {
					m.askLast(a, g)
				}
			}
		})
	}
	m.note(spec.Left, spec.NodeID(n), g)
}

// askLast asks who else listens, twice.
func (m *wireModel) askLast(a *wireAsker, g int) {
	m.members[g] = min(m.members[g], m.now+2*modelLast)
	m.query(a, g)
	m.after(modelLast, func() { m.query(a, g) })
}

func (m *wireModel) crash(n int) {
	x := &m.hosts[n]
	m.note(spec.Crash, spec.NodeID(n), -1)
	x.up, x.timer, x.last = false, [2]uint64{}, [2]bool{}
}

func (m *wireModel) recover(n int) {
	m.note(spec.Recover, spec.NodeID(n), -1)
	m.hosts[n].up = true
	for g, in := range m.hosts[n].in {
		if in {
			m.report(n, g)
		}
	}
}

// play lets people come and go for a while.
func (m *wireModel) play(until spec.Time, losses bool) *spec.History {
	for k := range m.ask {
		m.general(&m.ask[k])
	}
	var tick, act func()
	tick = func() {
		if m.now < until-spec.Time(time.Second) {
			m.data(int(m.ids % 2))
			m.after(spec.Time(150*time.Millisecond), tick)
		}
	}
	act = func() {
		n, g := 1+m.r.IntN(len(m.hosts)-1), m.r.IntN(2)
		switch k := m.r.IntN(20); {
		case k < 8:
			m.join(n, g)
		case k < 15:
			m.leave(n, g)
		case k < 17 && m.hosts[n].up:
			m.crash(n)
		case k < 19 && !m.hosts[n].up:
			m.recover(n)
		case k == 19 && losses && !m.lossy:
			m.lossy = true
			m.h.AddExtra(spec.Event{T: m.now, Kind: spec.Fault}, spec.Extra{Text: "loss", ID: m.ids})
			id := m.ids
			m.after(m.span(modelResponse), func() {
				m.lossy = false
				m.h.AddExtra(spec.Event{T: m.now, Kind: spec.Heal}, spec.Extra{Text: "loss", ID: id})
			})
		}
		m.after(m.span(modelQuery), act)
	}
	m.after(modelRepeat, tick)
	m.after(modelRepeat, act)
	if len(m.ask) > 1 && m.r.IntN(2) == 0 {
		m.after(until/2, func() {
			m.note(spec.Crash, m.ask[0].node, -1)
			m.ask[0].up = false
		})
	}
	m.run(until)
	return m.h
}
