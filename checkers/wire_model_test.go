package checkers

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/conform-go/conform/spec"
)

// wireModel is a small network that is right by construction: hosts that speak IGMP version 2, source 0 on link a, a
// router r0 between a and b, a router r1 between b and c, where the other hosts are, and perhaps a router r2 that has
// nothing but a port on c. r0 and r1 speak a dense mode without asserts and refreshes.
type wireModel struct {
	r       *rand.Rand
	h       *spec.History
	now     spec.Time
	queue   []wireTask // by time
	hosts   []wireHost
	ask     []wireAsker // r1, r2
	lossy   bool
	ids     uint64
	members [2]spec.Time // group: until when r1 believes in a member on c
	pruned  [2]spec.Time // group: until when r0 forwards nothing to b
	silent  [2]spec.Time // group: until when r1 sends no prune
	cut     [2]bool      // group: r1 has pruned, and not grafted since
	grafts  [2]uint64
	bug     wireBug
}

// wireBug is what a model may do wrong.
type wireBug struct {
	noRepeat, noLeave, noAsking, hasty, acrossGroups, noAgeing, bothAsk, neverAsks, notPruned, neverExpires, noGraft bool
}

type wireTask struct {
	at spec.Time
	do func()
}

type wireHost struct {
	up     bool
	in     [2]bool
	last   [2]bool // the last to report
	timer  [2]uint64
	at     [2]spec.Time
	timers uint64
}

type wireAsker struct {
	node   spec.NodeID
	up     bool
	silent spec.Time // until then somebody else asks
}

const (
	modelDelay    = spec.Time(time.Millisecond)
	modelQuery    = spec.Time(10 * time.Second)
	modelResponse = spec.Time(2 * time.Second)
	modelLast     = spec.Time(500 * time.Millisecond)
	modelRepeat   = spec.Time(time.Second)
	modelAgeing   = 2*modelQuery + modelResponse
	modelOther    = 2*modelQuery + modelResponse/2
	modelHold     = spec.Time(8 * time.Second)
	modelOverride = spec.Time(300 * time.Millisecond)
)

// newWireModel makes a network with so many hosts on c, of which about half are members from the start.
func newWireModel(r *rand.Rand, hosts int, second bool, bug wireBug) *wireModel {
	m := &wireModel{r: r, h: &spec.History{}, bug: bug}
	h := m.h
	h.Settled = true
	const slack = 100 * time.Millisecond
	h.Bounds = map[string]time.Duration{
		"IGMP-JOIN": time.Duration(modelRepeat) + slack, "IGMP-LEAVE": 2*time.Duration(modelLast) + slack,
		"IGMP-SUPPRESSION": time.Duration(modelResponse) + slack, "IGMP-AGEING": time.Duration(modelAgeing),
		"IGMP-QUERIER": time.Duration(modelOther), "IGMP-QUERIER-INTERVAL": time.Second, "PIM-PRUNE": time.Duration(modelHold),
		"PIM-OVERRIDE": 500 * time.Millisecond, "PIM-GRAFT": time.Second, "PIM-ASSERT": time.Second, "ROUTE-REACH": time.Second,
	}
	for n := range hosts + 1 {
		h.Nodes = append(h.Nodes, strconv.Itoa(n))
	}
	h.Nodes = append(h.Nodes, "r0", "r1", "r2")
	r0 := spec.NodeID(hosts + 1)
	c := spec.Link{Name: "c", Nodes: []spec.NodeID{}}
	for n := range hosts {
		c.Nodes = append(c.Nodes, spec.NodeID(n+1))
	}
	c.Nodes = append(c.Nodes, r0+1)
	m.ask = []wireAsker{{node: r0 + 1, up: true}}
	if second {
		c.Nodes = append(c.Nodes, r0+2)
		m.ask = append(m.ask, wireAsker{node: r0 + 2, up: true})
	}
	h.Topology = &spec.Topology{Routing: "dense", IGMP: 2, Routers: []spec.NodeID{r0, r0 + 1, r0 + 2}, Links: []spec.Link{
		{Name: "a", Nodes: []spec.NodeID{0, r0}}, {Name: "b", Nodes: []spec.NodeID{r0, r0 + 1}}, c}}
	m.hosts = make([]wireHost, hosts+1)
	h.Groups = []spec.Group{{Name: "g0"}, {Name: "g1"}}
	for n := range m.hosts {
		m.hosts[n].up = true
		for g := range h.Groups {
			if n > 0 && r.IntN(2) == 0 {
				h.Groups[g].Members = append(h.Groups[g].Members, spec.NodeID(n))
				m.hosts[n].in[g] = true
			}
		}
	}
	return m
}

func (m *wireModel) after(d spec.Time, do func()) {
	at := m.now + d
	k, _ := slices.BinarySearchFunc(m.queue, at, func(t wireTask, at spec.Time) int {
		if t.at <= at {
			return -1
		}
		return 1
	})
	m.queue = slices.Insert(m.queue, k, wireTask{at, do})
}

func (m *wireModel) run(until spec.Time) {
	for len(m.queue) > 0 && m.queue[0].at <= until {
		t := m.queue[0]
		m.queue = m.queue[1:]
		m.now = t.at
		t.do()
	}
}

func (m *wireModel) span(d spec.Time) spec.Time { return spec.Time(m.r.Int64N(int64(d))) }

func (m *wireModel) note(k spec.Kind, n spec.NodeID, g int) {
	e := spec.Event{T: m.now, Kind: k, Node: n, Has: spec.HasNode}
	if g >= 0 {
		e.Group, e.Has = spec.GroupID(g), e.Has|spec.HasGroup
	}
	m.h.Add(e)
}

// put records a frame and hands it on to those that hear it, a little later and if it is not lost.
func (m *wireModel) put(op, link string, n spec.NodeID, g int, x spec.Extra, change func(*spec.Event), hear func()) {
	e := spec.Event{T: m.now, Kind: spec.Frame, Node: n, Has: spec.HasNode}
	if g >= 0 {
		e.Group, e.Has = spec.GroupID(g), e.Has|spec.HasGroup
	}
	if change != nil {
		change(&e)
	}
	x.Op, x.Link = op, link
	m.h.AddExtra(e, x)
	m.after(modelDelay, hear)
}

func (m *wireModel) lost() bool { return m.lossy && m.r.IntN(2) == 0 }

func (m *wireModel) heard(n spec.NodeID, op string, g int, from spec.NodeID, id uint64) {
	e := spec.Event{T: m.now, Kind: spec.Receive, Node: n, From: from, Has: spec.HasNode | spec.HasFrom}
	if g >= 0 {
		e.Group, e.Has = spec.GroupID(g), e.Has|spec.HasGroup
	}
	m.h.AddExtra(e, spec.Extra{Op: op, ID: id})
}

// query lets a router ask, on c.
func (m *wireModel) query(a *wireAsker, g int) {
	if !a.up {
		return
	}
	most := modelResponse
	if g >= 0 {
		most = modelLast
	}
	m.put("igmp-query", "c", a.node, g, spec.Extra{}, nil, func() {
		for k := range m.ask {
			if o := &m.ask[k]; o.node > a.node && o.up && g < 0 && !m.lost() {
				o.silent = m.now + modelOther
			}
		}
		for n := 1; n < len(m.hosts); n++ {
			if !m.hosts[n].up || m.lost() {
				continue
			}
			m.heard(spec.NodeID(n), "igmp-query", g, a.node, 0)
			for k := range m.h.Groups {
				if m.hosts[n].in[k] && (g < 0 || g == k) {
					m.answer(n, k, m.span(most))
				}
			}
		}
	})
}

// general asks now and then, as long as no router with a lower address does.
func (m *wireModel) general(a *wireAsker) {
	if a.silent > m.now && !m.bug.bothAsk {
		m.after(a.silent-m.now, func() { m.general(a) })
		return
	}
	if a != &m.ask[0] && m.bug.neverAsks {
		return
	}
	m.query(a, -1)
	m.after(modelQuery, func() { m.general(a) })
}

// answer sets the timer of a report, if there is not one that ends earlier.
func (m *wireModel) answer(n, g int, d spec.Time) {
	x := &m.hosts[n]
	if x.timer[g] != 0 && x.at[g] <= m.now+d {
		return
	}
	x.timers++
	id := x.timers
	x.timer[g], x.at[g] = id, m.now+d
	m.after(d, func() {
		if x.timer[g] == id {
			m.report(n, g)
		}
	})
}

func (m *wireModel) report(n, g int) {
	x := &m.hosts[n]
	x.timer[g], x.last[g] = 0, true
	m.put("igmp-report", "c", spec.NodeID(n), g, spec.Extra{}, nil, func() {
		if m.ask[0].up && !m.lost() {
			m.listening(g)
		}
		for k := 1; k < len(m.hosts); k++ {
			y := &m.hosts[k]
			if k == n || !y.up || m.lost() {
				continue
			}
			m.heard(spec.NodeID(k), "igmp-report", g, spec.NodeID(n), 0)
			y.last[g] = false
			if !m.bug.hasty {
				y.timer[g] = 0
			}
			if m.bug.acrossGroups {
				y.timer = [2]uint64{}
			}
		}
	})
}
