package ipmulticast

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// The timers of the core of a router.
const (
	helloTimer    = routerTimers + iota // my next hello on a port
	neighborTimer                       // a neighbor that is silent till then is lost
)

// ever is the hold time of a neighbor that is never taken for lost (RFC 7761 section 4.9.2: 0xffff).
const ever = 0xffff * time.Second

// defaultPriority is the priority of all routers here in the election of the designated router.
const defaultPriority = 1

// trigger lets the next hello on a port come early, after a random time: not all routers may answer at once (RFC 7761
// section 4.3.1).
func (r *Router) trigger(now spec.Time, port int) {
	k := timer{kind: helloTimer, port: int16(port)}
	after := r.within(r.cfg.Timing.TriggeredHello)
	if left, ok := r.agenda.left(k, now); !ok || after < left {
		r.agenda.set(k, now, after)
	}
}

// hello sends a hello and plans the next one.
func (r *Router) hello(now spec.Time, port int, out *impl.Effects) {
	r.sendHello(port, out)
	r.agenda.set(timer{kind: helloTimer, port: int16(port)}, now, r.cfg.Timing.Hello)
}

// sendHello sends a hello on a port.
func (r *Router) sendHello(port int, out *impl.Effects) {
	r.ports[port].greeted = true
	m := PIM{Type: PIMHello, HoldTime: r.cfg.Timing.HelloHold, DRPriority: defaultPriority,
		GenerationID: r.generation, Refresh: r.cfg.Mode == Dense && r.cfg.Refresh}
	r.sendPIM(port, r.allPIM(port), &m, out)
}

// greetedBy takes a hello from a neighbor (RFC 7761 section 4.3.1, RFC 3973 section 4.3.1).
func (r *Router) greetedBy(now spec.Time, port int, src netip.Addr, m *PIM, out *impl.Effects) {
	p := &r.ports[port]
	k := timer{kind: neighborTimer, port: int16(port), source: src}
	i, known := p.find(src)
	if m.HoldTime == 0 {
		if known {
			r.agenda.stop(k)
			r.lose(now, port, src, out)
		}
		return
	}
	if m.HoldTime >= ever {
		r.agenda.stop(k)
	} else {
		r.agenda.set(k, now, m.HoldTime)
	}
	n := neighbor{addr: src, priority: m.DRPriority, generation: m.GenerationID, stateRefresh: m.Refresh}
	fresh := !known || p.neighbors[i].generation != n.generation
	if known {
		p.neighbors[i] = n
	} else {
		p.neighbors = slices.Insert(p.neighbors, i, n)
	}
	if fresh {
		// It may not know me, and what I say before my hello it would ignore.
		p.greeted = false
		r.trigger(now, port)
		r.routing.neighbor(now, port, src, true, out)
	}
	r.elect(now, port, out)
}

// lose drops a neighbor that said good-bye or was silent for too long.
func (r *Router) lose(now spec.Time, port int, addr netip.Addr, out *impl.Effects) {
	p := &r.ports[port]
	i, known := p.find(addr)
	if !known {
		return
	}
	p.neighbors = slices.Delete(p.neighbors, i, i+1)
	r.routing.neighbor(now, port, addr, false, out)
	r.elect(now, port, out)
}

// elect finds the designated router of a link (RFC 7761 section 4.3.2).
func (r *Router) elect(now spec.Time, port int, out *impl.Effects) {
	p := &r.ports[port]
	best := neighbor{addr: p.Local, priority: defaultPriority}
	for _, n := range p.neighbors {
		if n.priority > best.priority || n.priority == best.priority && best.addr.Less(n.addr) {
			best = n
		}
	}
	if best.addr != p.dr {
		p.dr = best.addr
		r.routing.designated(now, port, out)
	}
}

// find gives where a neighbor stands, or would stand.
func (p *routerPort) find(addr netip.Addr) (int, bool) {
	return slices.BinarySearchFunc(p.neighbors, addr, func(n neighbor, a netip.Addr) int { return n.addr.Compare(a) })
}

// isDR says whether I am the designated router of a link.
func (r *Router) isDR(port int) bool { return r.ports[port].dr == r.ports[port].Local }

// hasNeighbors says whether there is another PIM router on a link.
func (r *Router) hasNeighbors(port int) bool { return len(r.ports[port].neighbors) > 0 }

// within draws a time below d.
func (r *Router) within(d time.Duration) time.Duration { return time.Duration(r.rand.IntN(int(d))) }
