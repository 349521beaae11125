package ipmulticast

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// SwitchConfig is what a switch is made of.
type SwitchConfig struct {
	Ports    int
	Snooping bool
	Timing   Timing // of the hosts and routers, which says how long what they have said is true
	Seed     uint64 // nothing is drawn at present
}

// Switch is an Ethernet switch. It learns behind which port each machine is (IEEE 802.1D section 7.8) and floods what is
// for machines that it does not know.
//
// With Snooping it reads IGMP and MLD, as RFC 4541 section 2.1 says, and sends what is for a group to the ports where
// somebody listens and where routers are. Reports go to routers only: a host that heard another's would not send its
// own, and the switch would not know of it. All of this rests on queries that make hosts report again and again; while
// there is no querier on the link, group frames are flooded.
type Switch struct {
	cfg     SwitchConfig
	now     spec.Time
	macs    map[MAC]station
	routers []routerAt // by port
	trusted spec.Time  // from when on what was learned is complete: the hosts have answered a query
	members []listener // ascending by group and port

	ip    IP     // of the packet being looked at
	heard Listen // of the message being looked at
	pim   PIM
	ports []bool // where the frame being looked at goes
}

// station is where a machine was seen, and until when that counts.
type station struct {
	port  int
	until spec.Time
}

// routerAt says until when a port has routers behind it.
type routerAt struct {
	querier spec.Time // heard by its queries
	pim     spec.Time // heard by its hellos
}

// listener is a group with listeners behind a port.
type listener struct {
	group netip.Addr
	port  int
	until spec.Time
	left  bool // somebody has left, and the querier will ask whether others are there
}

// stationAge is how long a machine is remembered that does not send (IEEE 802.1D table 7-5).
const stationAge = 300 * time.Second

// NewSwitch makes a switch.
func NewSwitch(cfg SwitchConfig) *Switch {
	s := &Switch{cfg: cfg}
	s.reset()
	return s
}

func (s *Switch) reset() {
	*s = Switch{cfg: s.cfg, macs: map[MAC]station{}, members: s.members[:0], heard: s.heard, pim: s.pim,
		routers: make([]routerAt, s.cfg.Ports), ports: make([]bool, s.cfg.Ports)}
}

// Step implements [impl.Layer].
func (s *Switch) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		s.reset()
	case in.Kind == impl.Packet && in.Num < uint64(s.cfg.Ports):
		s.now = in.Now
		s.receive(int(in.Num), in.Body, out)
	}
}

// until gives when a time on the switch's own clock will have passed.
func (s *Switch) until(d time.Duration) spec.Time {
	return s.now + spec.Time(d)/spec.Time(max(1, s.cfg.Timing.Speed))
}

// receive sends a frame on to where it belongs, and never back to where it came from.
func (s *Switch) receive(port int, frame []byte, out *impl.Effects) {
	f, ok := ParseFrame(frame)
	if !ok {
		out.Note(impl.Malformed, uint64(len(frame)), uint64(port))
		return
	}
	if !f.Src.Multicast() {
		s.macs[f.Src] = station{port, s.until(stationAge)}
	}
	clear(s.ports)
	switch {
	case !f.Dst.Multicast():
		s.unicast(f.Dst)
	case !s.cfg.Snooping || f.Dst == Broadcast || f.Type != TypeIPv4 && f.Type != TypeIPv6:
		s.flood()
	case !ParseIP(f.Payload, &s.ip):
		out.Note(impl.Malformed, uint64(len(frame)), uint64(port))
	default:
		s.snoop(port, out)
	}
	s.ports[port] = false
	for p, to := range s.ports {
		if to {
			SendFrame(out, p, frame)
		}
	}
}

func (s *Switch) flood() {
	for p := range s.ports {
		s.ports[p] = true
	}
}

func (s *Switch) unicast(dst MAC) {
	if at, ok := s.macs[dst]; ok && s.now < at.until {
		s.ports[at.port] = true
		return
	}
	s.flood()
}

// snoop finds the ports for a group's packet, and learns from it.
func (s *Switch) snoop(port int, out *impl.Effects) {
	h := &s.ip
	igmp := h.Protocol == ProtoIGMP && h.Src.Is4()
	switch {
	case igmp && ParseIGMP(h.Payload, &s.heard), h.Protocol == ProtoICMPv6 && ParseMLD(h, &s.heard):
		if s.heard.Kind == Query {
			s.query(port)
			s.flood()
			return
		}
		s.report(port)
		s.toRouters()
	case igmp:
		out.Note(impl.Malformed, uint64(len(h.Payload)), uint64(port))
	case LinkLocal(h.Dst) || !IsGroup(h.Dst):
		if h.Protocol == ProtoPIM && ParsePIM(h, &s.pim) && s.pim.Type == PIMHello {
			s.routers[port].pim = s.until(s.pim.HoldTime)
		}
		s.flood()
	case !s.querier() || s.now < s.trusted:
		s.flood()
	default:
		s.toRouters()
		i, _ := s.find(h.Dst, 0)
		for ; i < len(s.members) && s.members[i].group == h.Dst; i++ {
			s.ports[s.members[i].port] = s.ports[s.members[i].port] || s.now < s.members[i].until
		}
	}
}

// querier says whether there is one on the link.
func (s *Switch) querier() bool {
	return slices.ContainsFunc(s.routers, func(r routerAt) bool { return s.now < r.querier })
}

func (s *Switch) toRouters() {
	for p := range s.ports {
		s.ports[p] = s.now < max(s.routers[p].querier, s.routers[p].pim)
	}
}

// membershipInterval is how long a listener is remembered that does not report.
func (s *Switch) membershipInterval() time.Duration {
	t := &s.cfg.Timing
	return time.Duration(t.Robustness)*t.QueryInterval + t.QueryResponse
}

// query learns where the querier is, and that it asks whether those remain of which somebody has left. A switch that
// asks has no address, and is no router (RFC 4541 section 2.1.1).
func (s *Switch) query(port int) {
	t, m := &s.cfg.Timing, &s.heard
	if s.ip.TTL != 1 || s.ip.Src.IsUnspecified() {
		return
	}
	if !s.querier() {
		most := m.MaxResponse
		if s.ip.Src.Is4() && m.Version == 1 {
			most = version1Response
		}
		s.trusted = s.until(most)
	}
	s.routers[port].querier = s.until(time.Duration(t.Robustness)*t.QueryInterval + t.QueryResponse/2)
	if !m.Group.IsValid() || len(m.Sources) > 0 || m.Suppress {
		return
	}
	end := s.until(m.MaxResponse * time.Duration(t.LastMemberCount))
	i, _ := s.find(m.Group, 0)
	for ; i < len(s.members) && s.members[i].group == m.Group; i++ {
		if l := &s.members[i]; l.left {
			l.until, l.left = min(l.until, end), false
		}
	}
}

// report learns who listens behind a port.
func (s *Switch) report(port int) {
	m := &s.heard
	switch {
	case s.ip.TTL != 1:
	case m.Kind == Leave:
		s.leaves(m.Group, port)
	case m.Group.IsValid():
		s.listens(m.Group, port)
	}
	for i := range m.Records {
		switch r := &m.Records[i]; {
		case r.Type == BlockRT, r.Type == IsIn && len(r.Sources) == 0, r.Type == Allow && len(r.Sources) == 0:
		case r.Type == ToIn && len(r.Sources) == 0:
			s.leaves(r.Group, port)
		default:
			s.listens(r.Group, port)
		}
	}
}

func (s *Switch) find(group netip.Addr, port int) (int, bool) {
	return slices.BinarySearchFunc(s.members, listener{group: group, port: port}, func(a, b listener) int {
		if c := a.group.Compare(b.group); c != 0 {
			return c
		}
		return a.port - b.port
	})
}

func (s *Switch) listens(group netip.Addr, port int) {
	i, ok := s.find(group, port)
	if !ok {
		s.members = slices.DeleteFunc(s.members, func(l listener) bool { return l.until <= s.now })
		i, _ = s.find(group, port)
		s.members = slices.Insert(s.members, i, listener{group: group, port: port})
	}
	s.members[i].until, s.members[i].left = s.until(s.membershipInterval()), false
}

func (s *Switch) leaves(group netip.Addr, port int) {
	if i, ok := s.find(group, port); ok {
		s.members[i].left = true
	}
}
