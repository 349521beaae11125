package ipmulticast

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/conform-go/conform/impl"
)

// frameOn makes the frame of a packet.
func frameOn(h *IP) []byte {
	p := Port{Addr: h.Src}
	return AppendIP(AppendEthernet(nil, hardware(h.Dst), p.MAC(), frameType(h.Src)), h)
}

// readText gives what an inspector reads, what is not told left out.
func readText(in Inspected) string {
	s := in.Kind.String()
	if in.TTL > 0 {
		s += fmt.Sprint(" ttl ", in.TTL)
	}
	if in.Number > 0 {
		s += fmt.Sprint(" number ", int32(in.Number))
	}
	if in.Group.IsValid() {
		s += fmt.Sprint(" group ", in.Group)
	}
	if in.Source.IsValid() {
		s += fmt.Sprint(" source ", in.Source)
	}
	if in.Dst.IsValid() && in.Dst != in.Group {
		s += fmt.Sprint(" to ", in.Dst)
	}
	return s
}

// What stands in each kind of frame. The messages of PIM are those of its own test.
func TestInspector(t *testing.T) {
	four, six := lanPortOf(false, 9), lanPortOf(true, 9)
	v4, v6 := addr("239.1.2.3"), addr("ff15::7")
	udp := func(p Port, dst string) []byte {
		h := IP{Src: p.Addr, Dst: addr(dst), Protocol: ProtoUDP, TTL: 7, Payload: make([]byte, UDPLen)}
		return frameOn(&h)
	}
	broken := frameOn(&IP{Src: four.Addr, Dst: v4, Protocol: ProtoUDP, TTL: 7})
	broken[EthernetLen+8]++ // the header's checksum is wrong
	for _, c := range []struct {
		name  string
		frame []byte
		want  string
	}{
		{"data", Datagram(&four, v4, 5, 1, 2, []byte("x")), "data ttl 5 group 239.1.2.3"},
		{"data over IPv6", Datagram(&six, v6, 5, 1, 2, []byte("x")), "data ttl 5 group ff15::7"},
		{"unicast", udp(four, "10.0.0.8"), "unicast ttl 7 to 10.0.0.8"},
		{"unicast over IPv6", udp(six, "fd00::8"), "unicast ttl 7 to fd00::8"},
		{"data of a LAN without IP", frameOf(four.MAC(), Broadcast, 3, "x"), "data number 3"},
		{"unicast of a LAN without IP", frameOf(four.MAC(), six.MAC(), ^uint32(0), "x"), "unicast number -1"},
		{"report", ReportBy(&four, v4), "igmp-report ttl 1 group 239.1.2.3"},
		{"report of MLD", ReportBy(&six, v6), "igmp-report ttl 1 group ff15::7"},
		{"leave", lanMessageFrom(9, false, "224.0.0.2", Listen{Kind: Leave, Version: 2, Group: v4}), "igmp-leave ttl 1 group 239.1.2.3"},
		{"done of MLD", lanMessageFrom(9, true, "ff02::2", Listen{Kind: Leave, Version: 1, Group: v6}), "igmp-leave ttl 1 group ff15::7"},
		{"general query", lanMessageFrom(9, false, "224.0.0.1", Listen{Kind: Query, Version: 2}), "igmp-query ttl 1"},
		{"query of a group", lanMessageFrom(9, false, "239.1.2.3", Listen{Kind: Query, Version: 2, Group: v4}), "igmp-query ttl 1 group 239.1.2.3"},
		{"query of MLD", lanMessageFrom(9, true, "ff02::1", Listen{Kind: Query, Version: 2}), "igmp-query ttl 1"},
		{"report of one record", lanMessageFrom(9, false, "224.0.0.22", Listen{Kind: Report, Version: 3,
			Records: []Record{{Type: ToEx, Group: v4}}}), "igmp-report ttl 1 group 239.1.2.3"},
		{"report of two", lanMessageFrom(9, false, "224.0.0.22", Listen{Kind: Report, Version: 3,
			Records: []Record{{Type: ToEx, Group: v4}, {Type: ToEx, Group: addr("239.1.2.4")}}}), "igmp-report ttl 1"},
		{"a broken header", broken, "other"},
		{"a protocol of others", frameOn(&IP{Src: four.Addr, Dst: v4, Protocol: 6, TTL: 7}), "other ttl 7 to 239.1.2.3"},
		{"ARP", AppendEthernet(nil, Broadcast, four.MAC(), 0x0806), "other"},
		{"a frame of a LAN without IP, too short", AppendEthernet(nil, Broadcast, four.MAC(), TypeGroup), "other"},
		{"too short", []byte{1, 2, 3}, "other"},
		{"nothing", nil, "other"},
	} {
		var x Inspector
		if got := readText(x.Read(c.frame)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Each message of PIM, with the group and the source that it speaks of.
func TestInspectorReadsPIM(t *testing.T) {
	want := map[string]string{
		"hello":           "pim-hello ttl 1 to 224.0.0.13",
		"hello over IPv6": "pim-hello ttl 1 to ff02::d",
		"null register":   "pim-register ttl 1 group 239.1.2.3 source 10.0.0.1 to 10.0.9.9",
		"register-stop":   "pim-register-stop ttl 1 group 239.1.2.3 source 10.0.0.1 to 10.0.1.1",
		"join-prune":      "pim-join ttl 1 group 239.1.2.3 source 10.9.9.9 to 10.0.1.2",
		"bootstrap":       "pim-bootstrap ttl 1 to 224.0.0.13",
		"assert":          "pim-assert ttl 1 group 239.1.2.3 source 10.0.0.1 to 224.0.0.13",
		"graft":           "pim-graft ttl 1 group 239.1.2.3 source 10.0.0.1 to 10.0.1.2",
		"graft-ack":       "pim-graft-ack ttl 1 group 239.1.2.3 source 10.0.0.1 to 10.0.1.2",
		"candidate-rp":    "pim-candidate-rp ttl 1 to 10.0.0.6",
		"state-refresh":   "pim-state-refresh ttl 1 group 239.1.2.3 source 10.0.0.1 to 224.0.0.13",
	}
	seen := 0
	var x Inspector // one for all: nothing of a message is left over in the next
	for _, g := range pimGolden {
		h := IP{Src: addr(g.src), Dst: addr(g.dst), Protocol: ProtoPIM, TTL: 1, Payload: g.bytes}
		if w, ok := want[g.name]; ok {
			seen++
			if got := readText(x.Read(frameOn(&h))); got != w {
				t.Errorf("%s: %s, want %s", g.name, got, w)
			}
		}
	}
	if seen != len(want) {
		t.Errorf("%d messages of %d", seen, len(want))
	}
	prune := PIM{Type: PIMJoinPrune, Upstream: addr("10.0.1.2"),
		Joins: []PIMGroup{{Group: addr("239.1.2.3"), Prunes: []PIMSource{{Addr: addr("10.0.0.1")}}}}}
	empty := PIM{Type: PIMJoinPrune, Upstream: addr("10.0.1.2")}
	for m, w := range map[*PIM]string{&prune: "pim-prune ttl 1 group 239.1.2.3 source 10.0.0.1 to 10.0.1.2", &empty: "pim-join ttl 1 to 10.0.1.2"} {
		h := IP{Src: addr("10.0.1.1"), Dst: AllPIMRouters, Protocol: ProtoPIM, TTL: 1}
		h.Payload = AppendPIM(nil, h.Src, h.Dst, m)
		if got := readText(x.Read(frameOn(&h))); got != w {
			t.Errorf("%s, want %s", got, w)
		}
	}
}

// Every kind has a name of its own, and data, unicast and register are those that carry a datagram.
func TestFrameKinds(t *testing.T) {
	names, carry := map[string]bool{}, ""
	for k := range frameKinds {
		names[k.String()] = true
		if k.Carries() {
			carry += k.String() + " "
		}
	}
	if len(names) != int(frameKinds) || names[""] || carry != "data unicast pim-register " {
		t.Errorf("%d names of %d kinds; %sare carried", len(names), frameKinds, carry)
	}
}

// A stranger sends again what it has overheard: a host takes it, from nobody it knows.
func TestUnder(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		n := NewInternet(InternetConfig{Hosts: 2, Subnets: 2, Routed: true, IPv6: v6})
		s, group := n.Stranger(1), lanGroup(v6)(5)
		frame := Datagram(&n.Hosts[1].Port, group, 9, 5000, 5001, []byte("body"))
		again := Under(frame, &s)
		if want := Datagram(&s, group, 9, 5000, 5001, []byte("body")); !bytes.Equal(again, want) {
			t.Errorf("%x, want %x", again, want)
		}
		if Under(ReportBy(&n.Hosts[1].Port, group), &s) != nil || Under(frame[:20], &s) != nil || Under(nil, &s) != nil {
			t.Error("what is no datagram is sent again")
		}
		corrupt := bytes.Clone(frame)
		corrupt[len(corrupt)-1]++
		if Under(corrupt, &s) != nil {
			t.Error("what is corrupted is sent again")
		}
	}
	s := lanPortOf(false, 77)
	b := newBench(false)
	b.call(impl.Join, 5, 1, 0)
	frame := frameOf(cardOf(2), GroupMAC(group4(5)), 5, "body")
	if got := b.takes(Under(frame, &s)); got != "note taken 5; up from -1 to -1 body" {
		t.Errorf("without IP: %s", got)
	}
	if Under(frame[:driverHeader], &s) != nil {
		t.Error("a frame that is cut short is sent again")
	}
}

// What is in a frame never breaks who reads it, and what a stranger sends again is the same kind of thing.
func FuzzInspector(f *testing.F) {
	four, six := lanPortOf(false, 9), lanPortOf(true, 9)
	f.Add(Datagram(&four, addr("239.1.2.3"), 5, 1, 2, []byte("x")))
	f.Add(Datagram(&six, addr("ff15::7"), 5, 1, 2, []byte("x")))
	f.Add(ReportBy(&four, addr("239.1.2.3")))
	f.Add(ReportBy(&six, addr("ff15::7")))
	f.Add(frameOf(four.MAC(), Broadcast, 3, "x"))
	for _, g := range pimGolden {
		f.Add(frameOn(&IP{Src: addr(g.src), Dst: addr(g.dst), Protocol: ProtoPIM, TTL: 1, Payload: g.bytes}))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		var x Inspector
		in := x.Read(frame)
		if in.Kind >= frameKinds || in.Kind.String() == "" {
			t.Fatalf("kind %d", in.Kind)
		}
		if again := x.Read(frame); again != in {
			t.Fatalf("%+v, and then %+v", in, again)
		}
		for _, p := range []Port{four, six} {
			if (in.Src.IsValid() && in.Src.Is4() != p.Addr.Is4()) || in.Kind != DataFrame {
				continue
			}
			if u := Under(frame, &p); u != nil {
				if got := x.Read(u); got.Kind != in.Kind || got.Group != in.Group || got.Number != in.Number || got.TTL != in.TTL {
					t.Fatalf("%+v under another name is %+v", in, got)
				}
			}
		}
	})
}
