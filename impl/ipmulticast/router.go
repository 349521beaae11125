package ipmulticast

import (
	"net/netip"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Routing is what a router does with multicast.
type Routing uint8

// The protocols.
const (
	NoRouting Routing = iota // a querier that forwards unicast only
	Dense                    // PIM dense mode (RFC 3973)
	Sparse                   // PIM sparse mode (RFC 7761)
)

// RouterConfig is what a router is made of.
type RouterConfig struct {
	Name    string
	Ports   []Port
	Routes  *Routes // unicast routes: shared by all routers of an internet, and changed by the world
	Self    int     // the router's number there
	Mode    Routing
	Timing  Timing
	Version int // of IGMP (1 to 3), or of MLD (1 or 2) where the ports have IPv6 addresses
	Seed    uint64

	RPs        []netip.Addr // sparse: the configured rendezvous points, the preferred first; empty: announced (RFC 5059)
	Candidate  uint8        // sparse, announced: my priority as candidate RP and BSR; 0: I am none
	SourceTree bool         // sparse: switch to the source tree at the first packet
	Refresh    bool         // dense: originate state refresh

	Rules RouterRules
}

// RouterRules are the rules that mutants break. What is nil becomes the rule of the RFC.
type RouterRules struct {
	// RPF says whether a packet that came in on a port may be forwarded, where want is the port that is right.
	RPF func(port, want int) bool
	// Back says whether a packet that came in on a port may go out of another; the wrong answer is the same one.
	Back func(in, out int) bool
	// DecrementsTTL says whether a packet that is forwarded loses one of its TTL.
	DecrementsTTL func() bool
	// Expires says whether prune state ends (dense).
	Expires func() bool
	// Grafts says whether a graft is sent (dense).
	Grafts func() bool
	// Retries says whether a graft is sent again until it is acknowledged (dense).
	Retries func() bool
	// Stops says whether a register-stop is honoured (sparse).
	Stops func() bool
	// KeepsRP says whether a rendezvous point is kept though it has failed (sparse); the right answer is no.
	KeepsRP func() bool
	// Asserts says whether routers agree by assert who forwards on a link (dense).
	Asserts func() bool
	// Overrides says whether a join answers another router's prune (dense).
	Overrides func() bool

	Querier QuerierRules
}

// defaults fills in the rules of the RFC.
func (s *RouterRules) defaults() {
	if s.RPF == nil {
		s.RPF = func(port, want int) bool { return port == want }
	}
	if s.Back == nil {
		s.Back = func(in, out int) bool { return in != out }
	}
	if s.KeepsRP == nil {
		s.KeepsRP = func() bool { return false }
	}
	for _, f := range []*func() bool{&s.Stops, &s.DecrementsTTL, &s.Expires, &s.Grafts, &s.Retries, &s.Asserts, &s.Overrides} {
		if *f == nil {
			*f = func() bool { return true }
		}
	}
}

// Router is a router on the links of its ports: querier of IGMP or MLD on each, forwarder of unicast packets, and of
// multicast packets as its mode says.
//
// Inputs: Start, Ready, Packet (a frame on port Num), TimerFired, Rerouted (the unicast routes have changed). A packet
// on [impl.ControlPort] is a fault (see the commands in control.go). A router loses all its state when it restarts.
type Router struct {
	cfg        RouterConfig
	agenda     agenda
	rand       spec.Rand
	ports      []routerPort
	routing    routing
	generation uint32 // drawn anew whenever state was lost, so that neighbors know
	ready      bool

	// What a step needs and nobody keeps.
	ip     IP
	pim    PIM
	listen Listen
	buf    []byte
}

// routerPort is what a router knows about one link.
type routerPort struct {
	*Port
	mac       MAC
	querier   querier
	neighbors []neighbor // PIM, ascending by address
	dr        netip.Addr // the designated router of the link: the neighbor, or I, with the highest priority, then address
	blocked   bool       // a boundary: no multicast passes
	greeted   bool       // all neighbors have had a hello from this life of mine
}

// neighbor is a PIM router on a link.
type neighbor struct {
	addr         netip.Addr
	priority     uint32
	generation   uint32
	stateRefresh bool
}

// routing is a multicast routing protocol on a router. Its methods get the time and the effects of the router's step.
type routing interface {
	// data is given every multicast packet that may be forwarded (its group is not link-local, its TTL is above 1,
	// the port is no boundary), parsed, with the IP packet as raw bytes. It sends what it forwards by forward.
	data(now spec.Time, port int, h *IP, raw []byte, out *impl.Effects)
	// message is given the PIM messages other than hello that came from a known neighbor, or (register, register-stop,
	// candidate-rp) by unicast.
	message(now spec.Time, port int, src netip.Addr, m *PIM, out *impl.Effects)
	// listening is told when a group gets its first listener on a port, or has lost its last one, and when the
	// listeners that it has may want other sources than before.
	listening(now spec.Time, port int, group netip.Addr, any bool, out *impl.Effects)
	// neighbor is told of a neighbor that appeared, restarted (up again, though it was) or was lost, and after it when
	// the designated router of the link has changed.
	neighbor(now spec.Time, port int, addr netip.Addr, up bool, out *impl.Effects)
	designated(now spec.Time, port int, out *impl.Effects)
	// rerouted is told that unicast routes have changed.
	rerouted(now spec.Time, out *impl.Effects)
	// fire is given the timers of the protocol's range.
	fire(now spec.Time, k timer, out *impl.Effects)
	// forget loses all state of sources and groups, as a fault.
	forget(now spec.Time, out *impl.Effects)
	// limit sets how many (S,G) and (*,G) entries there may be, as a fault; negative: any number.
	limit(entries int)
}

// NewRouter makes a router.
func NewRouter(cfg RouterConfig) *Router {
	cfg.Rules.defaults()
	r := &Router{cfg: cfg, ports: make([]routerPort, len(cfg.Ports)), routing: still{}}
	for i := range r.ports {
		r.ports[i].Port = &r.cfg.Ports[i]
		r.ports[i].mac = r.ports[i].MAC()
	}
	return r
}

// Step implements [impl.Layer].
func (r *Router) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		r.start(in.Num)
	case in.Kind == impl.Ready:
		r.wake(in.Now, out)
	case !r.ready:
		return // nobody is at home yet
	case in.Kind == impl.Packet && in.Num == impl.ControlPort:
		r.control(in.Now, in.Body, out)
	case in.Kind == impl.Packet && in.Num < uint64(len(r.ports)):
		r.receive(in.Now, int(in.Num), in.Body, out)
	case in.Kind == impl.TimerFired:
		r.agenda.fired()
		for k, ok := r.agenda.due(in.Now); ok; k, ok = r.agenda.due(in.Now) {
			r.fire(in.Now, k, out)
		}
	case in.Kind == impl.Rerouted:
		r.routing.rerouted(in.Now, out)
	}
	r.agenda.arm(out)
}

// start begins a life: whatever was known is lost.
func (r *Router) start(incarnation uint64) {
	r.ready = false
	r.rand = spec.NewRand(r.cfg.Seed, routerSeed, uint64(r.cfg.Self), incarnation)
	r.generation = uint32(r.rand.Uint64())
	r.agenda.reset(&r.cfg.Timing)
	for i := range r.ports {
		p := &r.ports[i]
		*p = routerPort{Port: p.Port, mac: p.mac, neighbors: p.neighbors[:0], dr: p.Local}
	}
	switch r.cfg.Mode {
	case Dense:
		r.routing = newDense(r)
	case Sparse:
		r.routing = newSparse(r)
	default:
		r.routing = still{}
	}
}

// routerSeed tells a router's random numbers from others drawn from the same seed.
const routerSeed = 0x7067

// wake starts to query and to greet.
func (r *Router) wake(now spec.Time, out *impl.Effects) {
	r.ready = true
	for i := range r.ports {
		p := &r.ports[i]
		p.querier.changed = r.changed
		p.querier.start(p.Port, &r.cfg.Timing, r.cfg.Version, &r.agenda, &r.cfg.Rules.Querier, now, out)
		if r.cfg.Mode != NoRouting {
			r.trigger(now, i)
		}
	}
	if s, ok := r.routing.(starter); ok {
		s.begin(now, out)
	}
}

// starter is a routing protocol that has something to do when its router becomes ready.
type starter interface {
	begin(now spec.Time, out *impl.Effects)
}

// changed is told by a querier that a group got listeners, or has none any more.
func (r *Router) changed(now spec.Time, port int, group netip.Addr, any bool, out *impl.Effects) {
	r.routing.listening(now, port, group, any, out)
}

// resourced is told that the listeners of a group may want other sources.
func (r *Router) resourced(now spec.Time, port int, group netip.Addr, out *impl.Effects) {
	if r.ports[port].querier.listening(group) {
		r.routing.listening(now, port, group, true, out)
	}
}

// fire gives a timer to the part of the router that it belongs to.
func (r *Router) fire(now spec.Time, k timer, out *impl.Effects) {
	switch {
	case k.kind == helloTimer:
		r.hello(now, int(k.port), out)
	case k.kind == neighborTimer:
		r.lose(now, int(k.port), k.source, out)
	case k.kind&^0xf == querierTimers:
		r.ports[k.port].querier.fire(now, k, out)
		if k.kind == sourceTimer {
			r.resourced(now, int(k.port), k.group, out)
		}
	default:
		r.routing.fire(now, k, out)
	}
}

// control commits a fault.
func (r *Router) control(now spec.Time, command []byte, out *impl.Effects) {
	if len(command) == 0 {
		out.Note(impl.Malformed, 0, impl.ControlPort)
		return
	}
	switch command[0] {
	case ControlForget:
		// As after a restart, the neighbors are told by a new generation that what they said before is lost.
		r.routing.forget(now, out)
		r.generation = uint32(r.rand.Uint64())
		for i := range r.ports {
			if r.cfg.Mode != NoRouting {
				r.ports[i].greeted = false
				r.trigger(now, i)
			}
		}
	case ControlBlock, ControlUnblock:
		for i := range r.ports {
			r.ports[i].blocked = command[0] == ControlBlock
		}
	case ControlFull:
		r.routing.limit(0)
	case ControlNotFull:
		r.routing.limit(-1)
	}
}

// still is the routing of a router that does not forward multicast.
type still struct{}

func (still) data(spec.Time, int, *IP, []byte, *impl.Effects)           {}
func (still) message(spec.Time, int, netip.Addr, *PIM, *impl.Effects)   {}
func (still) listening(spec.Time, int, netip.Addr, bool, *impl.Effects) {}
func (still) neighbor(spec.Time, int, netip.Addr, bool, *impl.Effects)  {}
func (still) designated(spec.Time, int, *impl.Effects)                  {}
func (still) rerouted(spec.Time, *impl.Effects)                         {}
func (still) fire(spec.Time, timer, *impl.Effects)                      {}
func (still) forget(spec.Time, *impl.Effects)                           {}
func (still) limit(int)                                                 {}
