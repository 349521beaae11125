package ipmulticast

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

func TestHostSends(t *testing.T) {
	hi := []byte("hi")
	for _, c := range []struct {
		name    string
		version int
		ttl     uint8
		in      impl.Input
		sent    string
		said    string
	}{
		{"group", 2, 8, impl.Input{To: impl.Everyone, Group: 1, Body: hi}, "0.000 h: 10.0.0.10 > 224.1.0.1 ttl 8 udp 5000 hi", ""},
		{"group, TTL 0", 2, 0, impl.Input{To: impl.Everyone, Group: 1, Body: hi}, "", ""},
		{"group, IPv6", 12, 8, impl.Input{To: impl.Everyone, Group: 1, Body: hi}, "0.000 h: fd00::a > ff15::1 ttl 8 udp 5000 hi", ""},
		{"unknown group", 2, 8, impl.Input{To: impl.Everyone, Group: -1, Body: hi, Ref: 4}, "", "refuse 4"},
		{"node", 2, 8, impl.Input{To: 3, Body: hi, Ref: 4}, "0.000 h: 10.0.0.10 > 10.0.0.13 ttl 64 udp 5000 hi", ""},
		{"node, TTL 0 is for groups", 2, 0, impl.Input{To: 3, Body: hi}, "0.000 h: 10.0.0.10 > 10.0.0.13 ttl 64 udp 5000 hi", ""},
		{"node behind a router", 2, 8, impl.Input{To: 85, Body: hi}, "0.000 h: 10.0.0.10 > 10.9.0.85 by 02:00:0a:00:00:01 ttl 64 udp 5000 hi", ""},
		{"node behind a router that is not there", 2, 8, impl.Input{To: 86, Body: hi, Ref: 4}, "", ""},
		{"unknown node", 2, 8, impl.Input{To: 99, Body: hi, Ref: 4}, "", "refuse 4"},
		{"too long", 2, 8, impl.Input{To: impl.Everyone, Group: 1, Body: make([]byte, 65508), Ref: 4}, "", "refuse 4"},
		{"nothing", 2, 8, impl.Input{To: impl.Everyone, Group: 1}, "0.000 h: 10.0.0.10 > 224.1.0.1 ttl 8 udp 5000", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLAN(t)
			l.add("h", lanHost(0, c.version, func(h *HostConfig) {
				h.TTL = c.ttl
				if c.in.To == 86 {
					h.Gateway = func() netip.Addr { return netip.Addr{} }
				}
			}))
			l.machines["h"].ups = nil
			c.in.Kind = impl.Send
			l.give("h", c.in)
			l.sent(c.sent)
			if c.said == "" {
				l.said("h")
			} else {
				l.said("h", c.said)
			}
		})
	}
}

func TestWhatIsForOneselfHasNoHeaders(t *testing.T) {
	h, out := lanHost(3, 2), impl.NewEffects(&impl.Arena{})
	h.Step(impl.Input{Kind: impl.Start}, out)
	out.Reset()
	body := []byte("to me")
	h.Step(impl.Input{Kind: impl.Send, To: 3, Body: body}, out)
	if e := out.List[0]; len(out.List) != 1 || e.Kind != impl.Down || e.Num != impl.LoopPort || e.To != 3 || !bytes.Equal(e.Body, body) {
		t.Fatalf("sent %+v", out.List)
	}
	out.Reset()
	h.Step(impl.Input{Kind: impl.Packet, Num: impl.LoopPort, Body: body}, out)
	if e := out.List[0]; len(out.List) != 1 || e.Kind != impl.Up || e.From != 3 || e.To != 3 || !bytes.Equal(e.Body, body) {
		t.Fatalf("received %+v", out.List)
	}
}

// datagramFrom makes a frame with a UDP datagram.
func datagramFrom(src, dst string, port uint16, body string, change ...func(*IP)) []byte {
	h := IP{Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), Protocol: ProtoUDP, TTL: 8}
	h.Payload = append(make([]byte, UDPLen), body...)
	PutUDP(h.Payload, h.Src, h.Dst, 5000, port)
	for _, f := range change {
		f(&h)
	}
	return AppendIP(AppendEthernet(nil, hardware(h.Dst), MACOf(h.Src), frameType(h.Src)), &h)
}

// The host is in groups 1 (processes 0 and 2) and 2 (process 1).
func TestHostReceives(t *testing.T) {
	toMAC := func(frame []byte, m MAC) []byte { copy(frame, m[:]); return frame }
	own := MACOf(netip.MustParseAddr("10.0.0.10"))
	one := []string{"from 1 to -1 group 1 process 0 hi", "from 1 to -1 group 1 process 2 hi"}
	for _, c := range []struct {
		name  string
		frame []byte
		port  uint64
		said  []string
		note  impl.Code
		notes int
	}{
		{"a group of two processes", datagramFrom("10.0.0.11", "224.1.0.1", 5000, "hi"), 0, one, impl.Taken, 2},
		{"a group of one process", datagramFrom("10.0.0.11", "224.1.0.2", 5000, "hi"), 0,
			[]string{"from 1 to -1 group 2 process 1 hi"}, impl.Taken, 1},
		{"from a stranger", datagramFrom("10.77.0.11", "224.1.0.2", 5000, "hi"), 0,
			[]string{"from -1 to -1 group 2 process 1 hi"}, impl.Taken, 1},
		{"another group", datagramFrom("10.0.0.11", "224.1.0.3", 5000, "hi"), 0, nil, impl.FilteredByDriver, 1},
		{"another group with the same hardware address", datagramFrom("10.0.0.11", "224.129.0.1", 5000, "hi"), 0, nil,
			impl.FilteredByDriver, 1},
		{"broadcast frame for a group", toMAC(datagramFrom("10.0.0.11", "224.1.0.1", 5000, "hi"), Broadcast), 0, one, impl.Taken, 2},
		{"all systems", datagramFrom("10.0.0.11", "224.0.0.1", 5000, "hi"), 0, nil, impl.FilteredByDriver, 0},
		{"another port", datagramFrom("10.0.0.11", "224.1.0.1", 5001, "hi"), 0, nil, impl.Taken, 0},
		{"this host", datagramFrom("10.0.0.11", "10.0.0.10", 5000, "hi"), 0, []string{"from 1 to 0 group 0 process 0 hi"}, impl.Taken, 0},
		{"another host", datagramFrom("10.0.0.11", "10.0.0.12", 5000, "hi"), 0, nil, impl.FilteredByDriver, 1},
		{"another host, to this card", toMAC(datagramFrom("10.0.0.11", "10.0.0.12", 5000, "hi"), own), 0, nil, impl.FilteredByDriver, 1},
		{"no frame", []byte("short"), 0, nil, impl.Malformed, 1},
		{"no packet", AppendEthernet(nil, own, own, TypeIPv4), 0, nil, impl.Malformed, 1},
		{"no datagram", datagramFrom("10.0.0.11", "224.1.0.1", 5000, "hi", func(h *IP) { h.Payload = h.Payload[:5] }), 0, nil, impl.Malformed, 1},
		{"wrong checksum", datagramFrom("10.0.0.11", "224.1.0.1", 5000, "hi", func(h *IP) { h.Payload[9] ^= 1 }), 0, nil, impl.Malformed, 1},
		{"no message", datagramFrom("10.0.0.11", "224.1.0.1", 5000, "hi", func(h *IP) { h.Protocol = ProtoIGMP }), 0, nil, impl.Malformed, 1},
		{"IPv6", toMAC(datagramFrom("fd00::b", "ff15::1", 5000, "hi"), own), 0, nil, impl.Malformed, 0},
		{"IPv6 that calls itself IPv4", append(AppendEthernet(nil, own, own, TypeIPv4), datagramFrom("fd00::b", "ff15::1", 5000, "hi")[EthernetLen:]...),
			0, nil, impl.Malformed, 1},
		{"a frame of another kind", AppendEthernet(nil, Broadcast, own, TypeGroup), 0, nil, impl.Malformed, 0},
		{"a fault", []byte{ControlForget}, impl.ControlPort, nil, impl.Malformed, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLAN(t)
			l.add("h", lanHost(0, 2))
			l.join("h", 1, 2)
			l.join("h", 1, 0)
			l.join("h", 2, 1)
			l.machines["h"].ups = nil
			l.give("h", impl.Input{Kind: impl.Packet, Num: c.port, Body: c.frame, From: -1, To: impl.Everyone})
			l.said("h", c.said...)
			if n := l.machines["h"].notes[c.note]; n != c.notes {
				t.Errorf("%d notes %v, want %d (%v)", n, c.note, c.notes, l.machines["h"].notes)
			}
		})
	}
}

// The card is asked once for a group, whatever the number of processes; of two groups that share an address one may go.
func TestWhatTheCardIsAsked(t *testing.T) {
	l := newLAN(t)
	l.add("h", lanHost(0, 2))
	l.said("h", "card join 01:00:5e:00:00:01")
	step := func(kind impl.InputKind, group spec.GroupID, process uint64, want ...string) {
		t.Helper()
		l.give("h", impl.Input{Kind: kind, Group: group, Num: process, Ref: 9})
		l.said("h", append(want, "finish 9")...)
	}
	step(impl.Join, 1, 0, "card join 01:00:5e:01:00:01")
	step(impl.Join, 1, 1)
	step(impl.Join, 1, 1) // again
	step(impl.Join, 129, 0, "card join 01:00:5e:01:00:01")
	step(impl.Leave, 1, 7) // was not in
	step(impl.Leave, 1, 0)
	step(impl.Leave, 1, 1, "card leave 01:00:5e:01:00:01")
	step(impl.Leave, 1, 1)
	l.give("h", impl.Input{Kind: impl.Packet, Body: datagramFrom("10.0.0.11", "224.129.0.1", 5000, "hi")})
	l.said("h", "from 1 to -1 group 129 process 0 hi")
	l.give("h", impl.Input{Kind: impl.Packet, Body: datagramFrom("10.0.0.11", "224.1.0.1", 5000, "hi")})
	l.said("h")
	step(impl.Leave, 129, 0, "card leave 01:00:5e:01:00:01")
	step(impl.Join, 200, 0, "card join 01:00:5e:00:00:01") // all systems: given back as often as asked for
	step(impl.Leave, 200, 0, "card leave 01:00:5e:00:00:01")
	l.give("h", impl.Input{Kind: impl.Join, Group: -1, Ref: 9})
	l.said("h", "refuse 9")
	l.give("h", impl.Input{Kind: impl.Start, Num: 1})
	l.said("h", "card join 01:00:5e:00:00:01")
}

// One of two processes leaves: the host stays, and says nothing.
func TestOneOfTwoProcessesLeaves(t *testing.T) {
	for _, version := range []int{1, 2, 3} {
		l := newLAN(t)
		l.add("h", lanHost(0, version))
		l.join("h", 1, 0)
		l.run(100 * time.Second)
		l.take()
		l.join("h", 1, 1)
		l.leave("h", 1, 0)
		l.sent("")
		l.machines["h"].ups = nil
		l.put(0, datagramFrom("10.0.0.11", "224.1.0.1", 5000, "hi"))
		l.said("h", "from 1 to -1 group 1 process 1 hi")
	}
}

func TestHostRulesAreAsked(t *testing.T) {
	always := func(MAC, func(MAC) bool, MAC) bool { return true }
	all := func(netip.Addr, func(netip.Addr) bool) bool { return true }
	byMAC := func(dst, group netip.Addr) bool { return GroupMAC(dst) == GroupMAC(group) }
	for _, c := range []struct {
		name  string
		rules HostRules
		dst   string // the host is in 224.1.0.1 and 224.1.0.2
		want  string
	}{
		{"the card is trusted", HostRules{Takes: always, Wants: all, Gets: byMAC}, "224.129.0.1", "from 1 to -1 group 1 process 0 hi"},
		{"every group is wanted, by nobody", HostRules{Wants: all}, "224.129.0.1", ""},
		{"every socket gets all", HostRules{Gets: func(_, _ netip.Addr) bool { return true }}, "224.1.0.1",
			"from 1 to -1 group 1 process 0 hi, from 1 to -1 group 2 process 0 hi"},
		{"another mapping", HostRules{GroupMAC: func(netip.Addr) MAC { return MAC{1} }}, "224.1.0.1", ""},
	} {
		l := newLAN(t)
		l.add("h", lanHost(0, 2, func(h *HostConfig) { h.Rules = c.rules }))
		l.join("h", 1, 0)
		l.join("h", 2, 0)
		l.machines["h"].ups = nil
		l.put(0, datagramFrom("10.0.0.11", c.dst, 5000, "hi"))
		if got := strings.Join(l.machines["h"].ups, ", "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	l := newLAN(t)
	l.add("h", lanHost(0, 2, func(h *HostConfig) { h.Rules.LastLeaves = func(int) bool { return true } }))
	l.join("h", 1, 0)
	l.join("h", 1, 1)
	l.take()
	l.leave("h", 1, 0)
	l.sent("0.000 h: 10.0.0.10 > 224.0.0.2 leave2 224.1.0.1")
	l.leave("h", 1, 1)
	l.sent("")
}

// Two hosts made alike do the same, and one that starts again forgets.
func TestHostsRepeat(t *testing.T) {
	play := func() []string {
		l := newLAN(t)
		l.add("a", lanHost(0, 3))
		l.add("b", lanHost(1, 2))
		l.join("a", 1, 0)
		l.join("b", 1, 0)
		for range 5 {
			l.put(0, general(3))
			l.run(30 * time.Second)
		}
		l.give("a", impl.Input{Kind: impl.Start, Num: 1})
		l.put(0, general(3))
		l.run(30 * time.Second)
		return l.take()
	}
	a, b := play(), play()
	if strings.Join(a, "\n") != strings.Join(b, "\n") {
		t.Errorf("played twice:\n%s\nand:\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
	if len(a) < 10 || !strings.Contains(a[len(a)-1], "b:") {
		t.Errorf("played %q", a)
	}
}

func TestHostAllocatesNothing(t *testing.T) {
	for _, version := range []int{2, 12} {
		arena := &impl.Arena{}
		h, out := lanHost(0, version), impl.NewEffects(arena)
		h.Step(impl.Input{Kind: impl.Start}, out)
		h.Step(impl.Input{Kind: impl.Join, Group: 1}, out)
		frame := datagramFrom("10.0.0.11", "224.1.0.1", 5000, "hi")
		query := general(2)
		if version > 10 {
			frame = datagramFrom("fd00::b", "ff15::1", 5000, "hi")
			query = lanMessageFrom(1, true, "ff02::1", Listen{Kind: Query, Version: 2, MaxResponse: time.Second})
		}
		body := []byte("hello")
		for name, in := range map[string]impl.Input{
			"send":    {Kind: impl.Send, To: impl.Everyone, Group: 1, Body: body},
			"unicast": {Kind: impl.Send, To: 2, Body: body},
			"receive": {Kind: impl.Packet, Body: frame},
			"query":   {Kind: impl.Packet, Body: query},
		} {
			if n := testing.AllocsPerRun(100, func() {
				arena.Reset()
				out.Reset()
				h.Step(in, out)
			}); n > 0 {
				t.Errorf("version %d: %s allocates %v times", version, name, n)
			}
		}
	}
}

// No frame makes a machine panic, and none is written to.
func FuzzMachines(f *testing.F) {
	f.Add(datagramFrom("10.0.0.11", "224.1.0.1", 5000, "hi"))
	f.Add(general(1))
	f.Add(general(3))
	f.Add(lanMessageFrom(9, false, "224.0.0.22", Listen{Kind: Report, Version: 3, Records: []Record{
		{Type: BlockRT, Group: group4(1), Sources: []netip.Addr{netip.MustParseAddr("10.9.0.1")}}}}))
	f.Add(lanMessageFrom(9, true, "ff02::16", Listen{Kind: Report, Version: 2, Records: []Record{{Type: ToIn, Group: netip.MustParseAddr("ff15::1")}}}))
	f.Fuzz(func(t *testing.T, frame []byte) {
		l := newLAN(t)
		l.add("h3", lanHost(0, 3))
		l.add("h6", lanHost(1, 12))
		l.add("r3", newLANQuerier(1, 3))
		l.add("r6", newLANQuerier(2, 12))
		l.add("s", NewSwitch(SwitchConfig{Ports: 2, Snooping: true, Timing: RFC}), 0, 1)
		l.join("h3", 1, 0)
		l.join("h6", 1, 0)
		before := bytes.Clone(frame)
		for range 2 {
			l.put(0, frame)
			l.run(3 * time.Second)
		}
		if !bytes.Equal(frame, before) {
			t.Error("the frame was written to")
		}
	})
}
