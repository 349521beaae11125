package ipmulticast

import (
	"net/netip"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
)

// say lets a router hear a PIM message, as if another router had sent it on a link to all.
func (s *site) say(to int, link string, from netip.Addr, m *PIM) {
	for p, l := range s.net.Routers[to].Links {
		if s.net.Links[l].Name == link {
			s.step(s.router(to), impl.Input{Kind: impl.Packet, Num: uint64(p), Body: sparseFrame(from, m)})
		}
	}
}

// sparseFrame is a PIM message to all PIM routers.
func sparseFrame(from netip.Addr, m *PIM) []byte {
	dst := AllPIMRouters
	if !from.Is4() {
		dst = AllPIMRouters6
	}
	return sparsePacket(from, dst, AppendPIM(nil, from, dst, m))
}

func sparsePacket(from, dst netip.Addr, message []byte) []byte {
	h := IP{Src: from, Dst: dst, Protocol: ProtoPIM, TTL: 1, Payload: message}
	return AppendIP(AppendEthernet(nil, hardware(dst), MACOf(from), frameType(from)), &h)
}

// A source that is pruned off the shared tree stays so only as long as every join of the tree repeats it, or until it is
// joined again, or the prune's hold time has passed (section 4.5.3).
func TestPrunedSource(t *testing.T) {
	s := sparseLine(t, false)
	me, rp := s.net.Routers[2].Ports[1].Local, s.net.Routers[1].Ports[0].Addr // r2 on wan1, which is below the RP
	source := s.net.Hosts[0].Port.Addr
	tree, off := PIMSource{rp, true, true, true}, PIMSource{source, true, false, true}
	other := PIMSource{s.net.Hosts[1].Port.Addr, true, false, true}
	for i, c := range []struct {
		wait          time.Duration
		joins, prunes []PIMSource
		hold          time.Duration
		flows         bool
	}{
		{joins: []PIMSource{tree}, hold: 210 * time.Second, flows: true},
		{prunes: []PIMSource{off}, hold: 210 * time.Second},
		{joins: []PIMSource{tree}, prunes: []PIMSource{off}, hold: 210 * time.Second},
		{joins: []PIMSource{tree}, prunes: []PIMSource{other}, hold: 210 * time.Second, flows: true},
		{joins: []PIMSource{tree}, prunes: []PIMSource{other, off}, hold: 210 * time.Second},
		{joins: []PIMSource{off}, hold: 210 * time.Second, flows: true},
		{prunes: []PIMSource{off}, hold: 20 * time.Second},
		{wait: 25 * time.Second, flows: true},
		{joins: []PIMSource{{source, true, false, false}}, prunes: []PIMSource{tree}, hold: 210 * time.Second, flows: true},
		{prunes: []PIMSource{{source, true, false, false}}, hold: 210 * time.Second},
		{joins: []PIMSource{{me, true, true, true}}, hold: 210 * time.Second}, // another RP
		{joins: []PIMSource{tree}, hold: 20 * time.Second, flows: true},
		{wait: 25 * time.Second},
	} {
		s.pass(c.wait)
		if len(c.joins)+len(c.prunes) > 0 {
			s.say(1, "wan1", me, &PIM{Type: PIMJoinPrune, Upstream: s.net.Routers[1].Ports[2].Local, HoldTime: c.hold,
				Joins: []PIMGroup{{Group: s.group, Joins: c.joins, Prunes: c.prunes}}})
		}
		_, last := s.stream(0, 3)
		if got := s.copies("wan1", last) == 1; got != c.flows {
			t.Errorf("step %d: packets flow: %v, want %v", i, got, c.flows)
		}
	}
}

// What neighbors send may be anything. Nothing of it may stop a router, or make it send what is malformed.
func FuzzSparse(f *testing.F) {
	plan := NewInternet(InternetConfig{Hosts: 3, Subnets: 3, Shape: Line})
	group, source := netip.MustParseAddr("239.1.2.3"), plan.Hosts[0].Port.Addr
	from, rp := plan.Routers[2].Ports[1].Local, plan.Routers[1].Ports[0].Addr
	me := plan.Routers[1].Ports[2].Local
	inner := Datagram(&plan.Hosts[0].Port, group, 9, 1, 2, []byte("x"))[EthernetLen:]
	everything := []PIMSource{{rp, true, true, true}, {source, true, false, true}, {source, true, false, false}}
	for _, m := range []PIM{
		{Type: PIMJoinPrune, Upstream: me, HoldTime: time.Minute, Joins: []PIMGroup{{Group: group, Joins: everything}}},
		{Type: PIMJoinPrune, Upstream: me, HoldTime: time.Minute, Joins: []PIMGroup{{Group: group, Prunes: everything}}},
		{Type: PIMAssert, Group: group, Source: source, Preference: 101, Metric: 1},
		{Type: PIMAssert, Group: group, RPT: true, Preference: cancelPreference, Metric: cancelMetric},
		{Type: PIMRegister, Packet: inner},
		{Type: PIMRegisterStop, Group: group, Source: source},
		{Type: PIMBootstrap, BSR: from, Priority: 3, RPs: []PIMRP{{Groups: allGroups(group), RP: rp, HoldTime: time.Minute}}},
		{Type: PIMCandidateRP, RP: from, HoldTime: time.Minute, Prefixes: []netip.Prefix{allGroups(group)}},
	} {
		f.Add(AppendPIM(nil, from, AllPIMRouters, &m), true)
	}
	f.Fuzz(func(t *testing.T, message []byte, configured bool) {
		s := newSite(t, InternetConfig{}, plan, Sparse, func(_ int, c *RouterConfig) {
			if c.SourceTree, c.Candidate = true, 7; configured {
				c.RPs = rps(plan, 1)
			}
		})
		s.join(2)
		s.pass(greeted)
		s.stream(0, 2)
		if len(message) < pimLen {
			return
		}
		message[2], message[3] = 0, 0
		for _, dst := range []netip.Addr{AllPIMRouters, me} {
			c := pimChecksum(from, dst, covered(message))
			message[2], message[3] = byte(c>>8), byte(c)
			s.step(s.router(1), impl.Input{Kind: impl.Packet, Num: 2, Body: sparsePacket(from, dst, message)})
			message[2], message[3] = 0, 0
		}
		s.stream(0, 2)
		s.pass(10 * time.Minute)
	})
}
