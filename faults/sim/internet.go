package sim

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// Internet is a network of links, switches and routers below the nodes, in place of one-to-one links between all of
// them. Every node is a host; its stack stands on the port of its network card.
type Internet struct {
	// Plan is the network for so many hosts. It is called once for each number of hosts.
	Plan func(hosts int) *ipmulticast.Internet
	// Host makes what the stacks of a node stand on, from its sockets down to its card. It serves all groups.
	Host func(cfg impl.Config, at Place) []impl.Layer
	// Router and Switch make the machines of the plan.
	Router func(net *ipmulticast.Internet, router int, seed uint64) impl.Layer
	Switch func(net *ipmulticast.Internet, sw int, seed uint64) impl.Layer
	// RP gives the rendezvous point in use, of the routers that are up; negative: there is none. It may be nil.
	RP func(net *ipmulticast.Internet, up func(router int) bool) int

	Group   func(i int) string // the address of a group that was given none
	Warmup  time.Duration      // before the scenario begins: machines find each other, and who listens is known
	Reroute time.Duration      // how long after the loss or return of a router the unicast routes know of it
	// Noise is a frame with which a stranger floods a group.
	Noise func(p *ipmulticast.Port, group netip.Addr) []byte
}

// Place is where a node stands in the network.
type Place struct {
	Net    *ipmulticast.Internet
	Host   int
	Groups []netip.Addr // by number; not valid for an address that is no IP address
	Names  []string     // by number
	up     func(router int) bool
	hosts  map[netip.Addr]spec.NodeID
}

// HostAt finds the host with an address; machines of the network are none.
func (p *Place) HostAt(a netip.Addr) (spec.NodeID, bool) {
	id, ok := p.hosts[a]
	return id, ok && int(id) < len(p.Net.Hosts)
}

// Gateway gives the address of the first router that is up on the node's link; not valid where there is none.
func (p *Place) Gateway() netip.Addr { return p.Net.Gateway(p.Host, p.up) }

// fabric is an internet while scenarios are played on it.
type fabric struct {
	net      *ipmulticast.Internet
	cables   []cable
	at       [][]int // machine, port: its cable
	inspect  ipmulticast.Inspector
	hosts    map[netip.Addr]spec.NodeID // every address of every machine
	topology spec.Topology
	groups   []netip.Addr
	names    []string
	number   uint32 // of the last datagram
}

// cable is a medium; ends are ascending by machine.
type cable struct {
	name string
	lan  int // the link that it is a part of
	ends []cableEnd
}

type cableEnd struct {
	machine, port int
	mac           ipmulticast.MAC
}

// datagram is what a machine is working on: what it forwards is the same datagram.
type datagram struct {
	number uint32
	origin spec.NodeID
	cable  int32 // on which it came
}

// WireDelay is what a frame takes from machine to machine. To a node's card it takes as long as any packet does.
const WireDelay = 50 * time.Microsecond

// newFabric lays the cables.
func newFabric(net *ipmulticast.Internet) *fabric {
	f := &fabric{net: net, hosts: map[netip.Addr]spec.NodeID{}}
	f.at = make([][]int, len(net.Hosts)+len(net.Routers)+len(net.Switches))
	for l := range net.Links {
		for _, c := range net.Links[l].Cables {
			link := spec.Link{Name: c.Name, Metric: 2}
			if len(net.Links[l].Cables) > 1 {
				link.Metric = 1 // two of them are a link
			}
			k := cable{name: c.Name, lan: l}
			for _, e := range c.Ends {
				for len(f.at[e.Machine]) <= e.Port {
					f.at[e.Machine] = append(f.at[e.Machine], -1)
				}
				f.at[e.Machine][e.Port] = len(f.cables)
				k.ends = append(k.ends, cableEnd{e.Machine, e.Port, f.mac(e)})
				link.Nodes = append(link.Nodes, spec.NodeID(e.Machine))
			}
			f.cables = append(f.cables, k)
			f.topology.Links = append(f.topology.Links, link)
		}
	}
	for i := range net.Hosts {
		f.name(&net.Hosts[i].Port, i)
	}
	for i := range net.Routers {
		m := len(net.Hosts) + i
		f.topology.Routers = append(f.topology.Routers, spec.NodeID(m))
		for p := range net.Routers[i].Ports {
			f.name(&net.Routers[i].Ports[p], m)
		}
	}
	for i := range net.Switches {
		f.topology.Switches = append(f.topology.Switches, spec.NodeID(len(net.Hosts)+len(net.Routers)+i))
	}
	return f
}

func (f *fabric) name(p *ipmulticast.Port, machine int) {
	f.hosts[p.Addr], f.hosts[p.Local] = spec.NodeID(machine), spec.NodeID(machine)
}

// mac gives the hardware address at an end; a switch has none.
func (f *fabric) mac(e ipmulticast.End) ipmulticast.MAC {
	switch i := e.Machine - len(f.net.Hosts); {
	case i < 0:
		return f.net.Hosts[e.Machine].Port.MAC()
	case i < len(f.net.Routers):
		return f.net.Routers[i].Ports[e.Port].MAC()
	}
	return ipmulticast.MAC{}
}

// machines counts those that are no nodes.
func (f *fabric) machines() int { return len(f.net.Routers) + len(f.net.Switches) }

// lay makes ready the network for a scenario: the one of the last scenario, where it is as large.
func (w *World) lay(s *faults.Scenario) error {
	net := w.cfg.Internet
	if net == nil {
		return nil
	}
	if w.fabric == nil || len(w.fabric.net.Hosts) != s.Nodes {
		w.fabric = newFabric(net.Plan(s.Nodes))
	}
	f := w.fabric
	f.number = 0
	f.groups, f.names = f.groups[:0], f.names[:0]
	for i := range s.Groups {
		name := s.Groups[i].Address
		if name == "" {
			name = net.Group(i)
		}
		a, err := ipmulticast.ParseGroup(name)
		if err != nil {
			return fmt.Errorf("group %s: %w", s.Groups[i].Name, err)
		}
		f.groups, f.names = append(f.groups, a), append(f.names, name)
	}
	f.net.Reroute(func(int) bool { return true })
	return nil
}

// announce names the machines in the history.
func (w *World) announce() {
	f := w.fabric
	for i := range f.net.Routers {
		w.h.Nodes = append(w.h.Nodes, f.net.Routers[i].Name)
	}
	for i := range f.net.Switches {
		w.h.Nodes = append(w.h.Nodes, f.net.Switches[i].Name)
	}
	w.h.Nodes = append(w.h.Nodes, "stranger")
	w.h.Topology = &f.topology
}

// stranger is the machine that belongs to nobody.
func (w *World) stranger() spec.NodeID { return spec.NodeID(len(w.nodes)) }

// place says where a node stands.
func (w *World) place(id spec.NodeID) Place {
	return Place{Net: w.fabric.net, Host: int(id), Groups: w.fabric.groups, Names: w.fabric.names, up: w.routerUp, hosts: w.fabric.hosts}
}

func (w *World) routerUp(router int) bool { return w.nodes[w.procs+router].up }

// machine makes a router or a switch.
func (w *World) machine(id spec.NodeID, seed uint64) impl.Layer {
	i := int(id) - w.procs
	if i < len(w.fabric.net.Routers) {
		return w.cfg.Internet.Router(w.fabric.net, i, seed)
	}
	return w.cfg.Internet.Switch(w.fabric.net, i-len(w.fabric.net.Routers), seed)
}

// emit puts a frame of a machine on the cable of its port.
func (w *World) emit(id spec.NodeID, e *impl.Effect) {
	if e.Num == impl.LoopPort {
		w.launch(id, id, w.about(e), e.Body, 0, flight{port: impl.LoopPort})
		return
	}
	f := w.fabric
	if e.Num >= uint64(len(f.at[id])) {
		return
	}
	c := f.at[id][e.Num]
	info := f.inspect.Read(e.Body)
	body := e.Body
	var d datagram
	if w.cause.number != 0 && int(id) >= w.procs && (info.Kind.Carries() || int(id) >= w.procs+len(f.net.Routers)) {
		d = datagram{w.cause.number, w.cause.origin, int32(c)}
	} else {
		f.number++
		d = datagram{f.number, id, int32(c)}
	}
	w.counts.Frames++
	if int(id) < w.procs {
		if body = w.leaving(id, &info, body, e.Code); body == nil {
			return
		}
	}
	w.capture(body)
	w.frame(id, c, &info, d, reasonOf(e.Code))
	w.spread(id, c, &info, d, body)
	if int(id) < w.procs && info.Kind == ipmulticast.DataFrame {
		w.echo(c, &info, body)
	}
}

// isPacket says whether what leaves a node is for other nodes; what it tells routers is not.
func (w *World) isPacket(body []byte) bool {
	return w.fabric == nil || w.fabric.inspect.Read(body).Kind.Carries()
}

// capture shows a frame to who captures them, with the world's time, the warm-up's included.
func (w *World) capture(frame []byte) {
	if w.cfg.Capture != nil {
		w.cfg.Capture(spec.Time(w.now), frame)
	}
}

// leaving counts what a node sends, and lets the faults of its host act on it; nil where the frame is lost.
func (w *World) leaving(id spec.NodeID, info *ipmulticast.Inspected, frame []byte, code impl.Code) []byte {
	if info.Kind == ipmulticast.DataFrame || info.Kind == ipmulticast.UnicastFrame {
		w.tally(frame, code)
		if mtu := w.s.Net.MTU; mtu > 0 && len(frame)-ipmulticast.EthernetLen > mtu {
			w.counts.TooLong++
			w.evidence(id, spec.Discard, "longer than the MTU")
			return nil
		}
	}
	for i := range w.active {
		f := &w.active[i]
		switch a := &w.s.Steps[f.step].Action; {
		case a.Node != id:
		case a.Op == faults.TTL && info.Kind == ipmulticast.DataFrame && info.TTL > 0:
			b := w.arena.Alloc(len(frame))
			copy(b, frame)
			info.TTL, frame = uint8(min(a.Size, 255)), b
			ipmulticast.SetTTL(b[ipmulticast.EthernetLen:], info.TTL)
		case a.Op == faults.IGMPLoss && (info.Kind == ipmulticast.ReportFrame || info.Kind == ipmulticast.LeaveFrame) && hits(f, a):
			return nil
		}
	}
	return frame
}

// spread carries a frame to the other ends of a cable; one to a single machine to that one alone, as a switch does.
func (w *World) spread(from spec.NodeID, c int, info *ipmulticast.Inspected, d datagram, frame []byte) {
	var dst ipmulticast.MAC
	copy(dst[:], frame)
	lan := &w.fabric.cables[c]
	for i := range lan.ends {
		e := &lan.ends[i]
		if e.machine == int(from) || !dst.Multicast() && e.mac != dst && e.mac != (ipmulticast.MAC{}) {
			continue
		}
		to := spec.NodeID(e.machine)
		fl := flight{port: uint64(e.port), datagram: d, kind: info.Kind}
		if e.machine >= w.procs || !info.Kind.Carries() && info.Kind != ipmulticast.OtherFrame {
			w.launchWire(from, to, frame, fl)
			continue
		}
		if d.origin == w.stranger() {
			w.overrun(from, to, frame, fl)
			continue
		}
		if w.nodes[to].flooded >= ring {
			continue
		}
		origin := d.origin
		if int(origin) >= w.procs {
			origin = from
		}
		body, copies, extra := w.cross(origin, to, frame)
		for k := range copies {
			if k > 0 {
				w.frame(from, c, info, d, "duplicate")
			}
			w.launch(from, to, 0, body, extra, fl)
		}
	}
}

// ring is how many frames of a flood wait at a node's card until it has no room for others.
const ring = 32

// overrun brings a frame of a stranger to a node.
func (w *World) overrun(from, to spec.NodeID, frame []byte, fl flight) {
	n := &w.nodes[to]
	if n.flooded >= ring {
		return
	}
	n.flooded++
	fl.overruns = true
	w.launch(from, to, 0, frame, 0, fl)
}

// launchWire sends a frame to a machine that takes it in at once.
func (w *World) launchWire(from, to spec.NodeID, frame []byte, fl flight) {
	i := w.slot(packet{body: frame, from: from, to: to, life: w.lifeOf(from), sent: w.queue.seq, flight: fl})
	w.queue.push(w.now+int64(WireDelay), arrival|i)
}

// lifeOf counts the lives of a machine; a stranger has one.
func (w *World) lifeOf(id spec.NodeID) uint32 {
	if int(id) >= len(w.nodes) {
		return 0
	}
	return w.nodes[id].life
}

// frame writes down that a frame is on a cable.
func (w *World) frame(id spec.NodeID, c int, info *ipmulticast.Inspected, d datagram, reason string) {
	if w.now < w.epoch {
		return
	}
	f := w.fabric
	e := spec.Event{T: spec.Time(w.now - w.epoch), Kind: spec.Frame, Node: id, From: d.origin,
		Has: spec.HasNode | spec.HasFrom | spec.HasID}
	x := spec.Extra{ID: uint64(d.number), Link: f.cables[c].name, Op: info.Kind.String(), TTL: int(info.TTL), Reason: reason}
	if g, ok := f.group(info); ok {
		e.Group, e.Has = g, e.Has|spec.HasGroup
	} else if info.Group.IsValid() && !info.Kind.Carries() { // about a group of others: without its name it would be about all
		return
	}
	if info.Dst.IsValid() && info.Dst != info.Group { // to a machine, or about one
		if to, ok := f.hosts[info.Dst]; ok {
			e.To, e.Has = to, e.Has|spec.HasTo
		}
	}
	if info.Source.IsValid() && info.Kind > ipmulticast.HelloFrame && info.Kind != ipmulticast.RegisterFrame {
		if s, ok := f.hosts[info.Source]; ok {
			e.From = s
		}
	}
	if forwards := int(id) >= w.procs && int(id) < w.procs+len(f.net.Routers); forwards && info.Kind.Carries() && w.cause.number == d.number && w.cause.kind != ipmulticast.RegisterFrame {
		x.Via = f.cables[w.cause.cable].name
	}
	w.h.AddExtra(e, x)
}

// group finds the scenario's group that a frame is about.
func (f *fabric) group(info *ipmulticast.Inspected) (spec.GroupID, bool) {
	if !info.Group.IsValid() {
		if info.Kind == ipmulticast.DataFrame && int(info.Number) < len(f.groups) {
			return spec.GroupID(info.Number), true
		}
		return 0, false
	}
	for i, a := range f.groups {
		if a == info.Group {
			return spec.GroupID(i), true
		}
	}
	return 0, false
}

// taken writes down that a frame came to a node: a datagram for one of its sockets, or a word about listeners.
func (w *World) taken(id spec.NodeID, p *packet) {
	if w.now < w.epoch || p.kind > ipmulticast.LeaveFrame {
		return
	}
	e := spec.Event{T: spec.Time(w.now - w.epoch), Kind: spec.Receive, Node: id, From: p.datagram.origin,
		Has: spec.HasNode | spec.HasFrom | spec.HasID | spec.HasGroup}
	if p.kind != ipmulticast.DataFrame || w.several {
		info := w.fabric.inspect.Read(p.body)
		var ok bool
		if e.Group, ok = w.fabric.group(&info); !ok {
			if info.Group.IsValid() {
				return
			}
			e.Has &^= spec.HasGroup
		}
	}
	w.h.AddExtra(e, spec.Extra{ID: uint64(p.datagram.number), Op: p.kind.String()})
}

// GroupAddress is the address that [Internet.Group] may give to group i: administratively scoped (RFC 2365).
func GroupAddress(i int) string { return "239.129.1." + strconv.Itoa(i+1) }
