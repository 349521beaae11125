package ipmulticast

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// switched is a switch with four ports, cables 0 to 3, at which nobody is; what goes out is written down.
type switched struct {
	*lan
	s *Switch
}

func newSwitched(t *testing.T, snooping bool) switched {
	l := newLAN(t)
	s := NewSwitch(SwitchConfig{Ports: 4, Snooping: snooping, Timing: RFC})
	l.add("s", s, 0, 1, 2, 3)
	return switched{l, s}
}

// out lets a frame come in on a port, and gives the ports on which it goes out.
func (s switched) out(port int, frame []byte) string {
	s.t.Helper()
	effects := impl.NewEffects(&s.arena)
	s.s.Step(impl.Input{Kind: impl.Packet, Now: s.now, Num: uint64(port), Body: frame}, effects)
	var ports []string
	for _, e := range effects.List {
		if e.Kind == impl.Down {
			ports = append(ports, fmt.Sprint(e.Num))
			if !slices.Equal(e.Body, frame) {
				s.t.Errorf("the frame was changed")
			}
		}
	}
	return strings.Join(ports, " ")
}

// wants checks the ports on which a frame goes out.
func (s switched) wants(what string, port int, frame []byte, want string) {
	s.t.Helper()
	if got := s.out(port, frame); got != want {
		s.t.Errorf("at %v: %s goes to %q, want %q", time.Duration(s.now), what, got, want)
	}
}

func report(n byte, group spec.GroupID) []byte {
	g := group4(group)
	return lanMessageFrom(n, false, g.String(), Listen{Kind: Report, Version: 2, Group: g})
}

func leaving(n byte, group spec.GroupID) []byte {
	return lanMessageFrom(n, false, "224.0.0.2", Listen{Kind: Leave, Version: 2, Group: group4(group)})
}

func specific(group spec.GroupID) []byte {
	return lanMessageFrom(1, false, group4(group).String(), Listen{Kind: Query, Version: 2, Group: group4(group), MaxResponse: time.Second})
}

func data(group spec.GroupID) []byte {
	return datagramFrom("10.0.0.11", group4(group).String(), 5000, "hi")
}

func TestSwitchLearns(t *testing.T) {
	for _, snooping := range []bool{false, true} {
		s := newSwitched(t, snooping)
		to := func(src, dst string) []byte { return datagramFrom(src, dst, 5000, "hi") }
		s.wants("unknown", 0, to("10.0.0.11", "10.0.0.12"), "1 2 3")
		s.wants("known", 2, to("10.0.0.12", "10.0.0.11"), "0")
		s.wants("to the same port", 0, to("10.0.0.13", "10.0.0.11"), "")
		s.wants("moved", 3, to("10.0.0.11", "10.0.0.12"), "2")
		s.wants("known", 2, to("10.0.0.12", "10.0.0.11"), "3")
		s.wants("broadcast", 2, AppendEthernet(nil, Broadcast, MAC{2}, TypeGroup), "0 1 3")
		s.wants("a group's frame of another kind", 2, AppendEthernet(nil, group4Frame, MAC{2}, TypeGroup), "0 1 3")
		s.run(300 * time.Second)
		s.wants("forgotten", 2, to("10.0.0.12", "10.0.0.11"), "0 1 3")
		s.wants("no frame", 2, []byte("short"), "")
	}
}

var group4Frame = GroupMAC(netip.MustParseAddr("224.1.0.1"))

func TestWithoutSnoopingGroupsAreFlooded(t *testing.T) {
	s := newSwitched(t, false)
	s.out(0, general())
	s.run(time.Minute)
	s.wants("report", 1, report(11, 1), "0 2 3")
	s.wants("data", 2, data(1), "0 1 3")
	s.wants("data of another group", 2, data(2), "0 1 3")
}

// The router is at port 0, hosts are at the others.
func TestSnooping(t *testing.T) {
	s := newSwitched(t, true)
	s.wants("data without a querier", 2, data(1), "0 1 3")
	s.wants("report without a router", 1, report(11, 1), "")
	s.wants("data without a querier", 2, data(1), "0 1 3")
	s.wants("query", 0, general(), "1 2 3")
	s.wants("data before all hosts have answered", 2, data(1), "0 1 3")
	s.wants("report", 1, report(11, 1), "0")
	s.run(10 * time.Second)
	s.wants("data", 2, data(1), "0 1")
	s.wants("data from the router", 0, data(1), "1")
	s.wants("data of the listener", 1, data(1), "0")
	s.wants("data of a group without listeners", 2, data(2), "0")
	s.wants("data of a group with the same hardware address", 2, data(129), "0")
	s.wants("data for all on the link", 2, datagramFrom("10.0.0.11", "224.0.0.9", 5000, "hi"), "0 1 3")
	s.wants("a group's frame of another kind", 2, AppendEthernet(nil, group4Frame, MAC{2}, TypeGroup), "0 1 3")
	s.wants("a broken packet", 2, AppendEthernet(nil, group4Frame, MAC{2}, TypeIPv4), "")
	s.wants("a broken message", 2, datagramFrom("10.0.0.11", "224.1.0.1", 5000, "hi", func(h *IP) { h.Protocol = ProtoIGMP }), "")
	s.wants("another report", 3, report(13, 1), "0")
	s.wants("data", 2, data(1), "0 1 3")
	s.give("s", impl.Input{Kind: impl.Start, Num: 1})
	s.wants("data after a restart", 2, data(1), "0 1 3")
}

func TestMembershipsOfASwitchAge(t *testing.T) {
	s := newSwitched(t, true)
	s.out(0, general())
	s.out(1, report(11, 1))
	s.out(3, report(13, 1))
	s.run(125 * time.Second)
	s.out(0, general())
	s.out(3, report(13, 1))
	s.run(134 * time.Second)
	s.wants("data", 2, data(1), "0 1 3")
	s.run(time.Second)
	s.wants("data", 2, data(1), "0 3")
	s.out(0, general())
	s.run(125 * time.Second)
	s.wants("data", 2, data(1), "0")
	s.run(130 * time.Second) // the querier has been silent for 255 s
	s.wants("data", 2, data(1), "0 1 3")
	s.wants("report", 1, report(11, 1), "")
}

// A port is dropped when its host has left and nobody has answered the query that follows.
func TestLeavesAtASwitch(t *testing.T) {
	s := newSwitched(t, true)
	s.out(0, general())
	s.run(10 * time.Second)
	for port := 1; port < 4; port++ {
		s.out(port, report(byte(10+port), 1))
	}
	s.wants("leave", 1, leaving(11, 1), "0")
	s.wants("leave", 2, leaving(12, 1), "0")
	s.run(10 * time.Second)
	s.wants("data, before the query", 0, data(1), "1 2 3")
	s.wants("query", 0, specific(1), "1 2 3")
	s.run(time.Second)
	s.wants("data", 0, data(1), "1 2 3")
	s.wants("report", 2, report(22, 1), "0")
	s.wants("query", 0, specific(1), "1 2 3")
	s.run(time.Second)
	s.wants("data", 0, data(1), "2 3") // two queries, one second apart, nobody at port 1
}

func TestWhatEndsALeave(t *testing.T) {
	s := newSwitched(t, true)
	s.out(0, general())
	s.out(1, report(11, 1))
	s.out(2, report(12, 1))
	s.run(100 * time.Second)
	s.out(1, leaving(11, 1))
	s.out(1, report(21, 1)) // another host at that port
	s.out(0, specific(1))
	s.run(100 * time.Second)
	s.wants("data", 0, data(1), "1 2")
	s.run(59 * time.Second) // the report of port 2 is 259 s old
	s.out(0, general())
	s.out(2, leaving(12, 1))
	s.out(0, specific(1))
	s.run(time.Second)
	s.wants("data", 0, data(1), "1")
}

func TestRouterPorts(t *testing.T) {
	hello := func(hold time.Duration) []byte {
		h := IP{Src: netip.MustParseAddr("10.0.0.2"), Dst: AllPIMRouters, Protocol: ProtoPIM, TTL: 1}
		h.Payload = AppendPIM(nil, h.Src, h.Dst, &PIM{Type: PIMHello, HoldTime: hold})
		return AppendIP(AppendEthernet(nil, GroupMAC(h.Dst), MACOf(h.Src), TypeIPv4), &h)
	}
	s := newSwitched(t, true)
	s.out(0, general())
	s.run(10 * time.Second)
	s.wants("data", 1, data(1), "0")
	s.wants("hello", 2, hello(105*time.Second), "0 1 3")
	s.wants("data", 1, data(1), "0 2")
	s.wants("report", 1, report(11, 1), "0 2")
	s.run(105 * time.Second)
	s.wants("data", 3, data(1), "0 1")
	s.out(2, hello(105*time.Second))
	s.wants("data", 3, data(1), "0 1 2")
	s.out(2, hello(0)) // good-bye
	s.wants("data", 3, data(1), "0 1")
	s.out(3, lanMessageFrom(1, false, "224.0.0.1", Listen{Kind: Query, Version: 2, MaxResponse: time.Second},
		func(h *IP) { h.Src = netip.IPv4Unspecified() }))
	s.wants("data, after another switch has asked", 2, data(1), "0 1")
	s.out(3, lanMessageFrom(1, false, "224.0.0.1", Listen{Kind: Query, Version: 2, MaxResponse: time.Second},
		func(h *IP) { h.TTL = 2 }))
	s.wants("data, after a query from afar", 2, data(1), "0 1")
}

// What version 3 of IGMP and version 2 of MLD say (RFC 3376 section 4.2.12).
func TestSwitchReadsRecords(t *testing.T) {
	for _, c := range []struct {
		record string
		want   string // where data goes
	}{
		{"is-ex", "0 1"}, {"to-ex a", "0 1"}, {"is-in a", "0 1"}, {"to-in a", "0 1"}, {"allow a", "0 1"},
		{"is-in", "0"}, {"allow", "0"}, {"block a", "0"}, {"to-in", "0"},
	} {
		s := newSwitched(t, true)
		s.out(0, general(3))
		s.run(10 * time.Second)
		s.wants(c.record, 1, recordFrame(c.record), "0")
		s.wants(c.record+", then data", 2, data(1), c.want)
		s.out(1, recordFrame("to-in"))
		s.out(0, specific(1))
		s.run(2 * time.Second)
		s.wants(c.record+", left, data", 2, data(1), "0")
	}
	s := newSwitched(t, true)
	s.out(0, lanMessageFrom(1, true, "ff02::1", Listen{Kind: Query, Version: 2, MaxResponse: time.Second}))
	s.run(10 * time.Second)
	s.out(1, lanMessageFrom(9, true, "ff02::16", Listen{Kind: Report, Version: 2, Records: []Record{{Type: ToEx, Group: lanGroup(true)(1)}}}))
	s.wants("IPv6 data", 2, datagramFrom("fd00::b", "ff15::1", 5000, "hi"), "0 1")
	s.wants("IPv6 data of another group", 2, datagramFrom("fd00::b", "ff15::2", 5000, "hi"), "0")
	s.wants("IPv6 data for all", 2, datagramFrom("fd00::b", "ff02::9", 5000, "hi"), "0 1 3")
}

// A whole LAN around a switch: hosts hear no reports of others, so that nobody is suppressed and each port is known;
// datagrams reach the members and no other host's cable.
func TestHostsAroundASwitch(t *testing.T) {
	for _, version := range []int{1, 2, 3, 12} {
		l := newLAN(t)
		l.add("s", NewSwitch(SwitchConfig{Ports: 5, Snooping: true, Timing: RFC}), 0, 1, 2, 3, 4)
		l.add("r", newLANQuerier(1, version), 0)
		for i := range 4 {
			l.add(fmt.Sprint("h", i), lanHost(spec.NodeID(i), version), i+1)
		}
		l.join("h1", 1, 0)
		l.join("h2", 1, 0)
		l.run(1000 * time.Second)
		l.take()
		send := func() (n int) {
			for i := range 4 {
				l.machines[fmt.Sprint("h", i)].ups = nil
			}
			l.give("h0", impl.Input{Kind: impl.Send, To: impl.Everyone, Group: 1, Body: []byte("hi")})
			l.run(0)
			return len(l.take("s:", "udp"))
		}
		if n := send(); n != 3 {
			t.Errorf("version %d: %d copies leave the switch, want 3: for the router and two hosts", version, n)
		}
		l.said("h1", "from 0 to -1 group 1 process 0 hi")
		l.said("h2", "from 0 to -1 group 1 process 0 hi")
		l.said("h3")
		l.leave("h1", 1, 0)
		l.run(300 * time.Second)
		if n := send(); n != 2 {
			t.Errorf("version %d: %d copies leave the switch after a host has left, want 2", version, n)
		}
		l.said("h1")
		l.said("h2", "from 0 to -1 group 1 process 0 hi")
	}
}
