package ipmulticast

import (
	"bytes"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

// pimGolden are messages and their bytes, which were put together by hand from the figures of the RFCs.
var pimGolden = []struct {
	name     string
	src, dst string
	bytes    []byte
	message  PIM
}{
	{"hello", "10.0.1.1", "224.0.0.13", wire(`
		20 00 7562               # version and type, reserved, checksum
		0001 0002 0069           # option, its length: hold time
		0013 0004 00000001       # DR priority
		0014 0004 12345678       # generation ID
		0015 0004 01 3c 0000     # state refresh: version, interval, reserved`),
		PIM{Type: PIMHello, HoldTime: 105 * time.Second, DRPriority: 1, GenerationID: 0x12345678, Refresh: true,
			Interval: time.Minute}},
	{"hello over IPv6", "fe80::1", "ff02::d", wire("20 00 e1b3 0001 0002 ffff 0013 0004 00000000 0014 0004 00000007"),
		PIM{Type: PIMHello, HoldTime: 0xffff * time.Second, GenerationID: 7}},
	{"null register", "10.0.1.1", "10.0.9.9", wire(`
		21 00 9eff               # the checksum covers 8 bytes
		40000000                 # border, null
		45 00 0014 0000 0000 01 67 be7e 0a000001 ef010203`),
		PIM{Type: PIMRegister, Null: true, Packet: wire("45 00 0014 0000 0000 01 67 be7e 0a000001 ef010203")}},
	{"register over IPv6", "2001:db8::1", "2001:db8::2", append(wire("21 00 031b 80000000"), ipGolden[2].bytes...),
		PIM{Type: PIMRegister, Border: true, Packet: ipGolden[2].bytes}},
	{"register-stop", "10.0.9.9", "10.0.1.1", wire(`
		22 00 e0d9
		01 00 00 20 ef010203     # family, encoding, flags, mask length, group
		01 00 0a000001           # family, encoding, source`),
		PIM{Type: PIMRegisterStop, Group: addr("239.1.2.3"), Source: addr("10.0.0.1")}},
	{"join-prune", "10.0.1.1", "224.0.0.13", wire(`
		23 00 a48d
		01 00 0a000102           # upstream neighbor
		00 01 00d2               # reserved, groups, hold time
		01 00 00 20 ef010203     # group
		0001 0002                #   joins, prunes
		01 00 06 20 0a090909     #   S, W
		01 00 05 20 0a000001     #   S, R
		01 00 04 20 0a000002     #   S`),
		PIM{Type: PIMJoinPrune, Upstream: addr("10.0.1.2"), HoldTime: 210 * time.Second,
			Joins: []PIMGroup{{Group: addr("239.1.2.3"), Joins: []PIMSource{{addr("10.9.9.9"), true, true, false}},
				Prunes: []PIMSource{{addr("10.0.0.1"), true, false, true}, {addr("10.0.0.2"), true, false, false}}}}}},
	{"bootstrap", "10.0.1.1", "224.0.0.13", wire(`
		24 00 cf9d
		abcd 1e 40               # fragment tag, hash mask length, priority
		01 00 0a000005           # BSR
		01 00 00 04 e0000000     # groups
		02 02 0000               #   RPs, of them here, reserved
		01 00 0a000005 0096 c0 00 #   RP, hold time, priority, reserved
		01 00 0a000006 0096 80 00
		01 00 00 08 ef000000
		01 01 0000
		01 00 0a000006 0000 01 00`),
		PIM{Type: PIMBootstrap, FragmentTag: 0xabcd, HashMaskLen: 30, Priority: 64, BSR: addr("10.0.0.5"), RPs: []PIMRP{
			{netip.MustParsePrefix("224.0.0.0/4"), addr("10.0.0.5"), 150 * time.Second, 192},
			{netip.MustParsePrefix("224.0.0.0/4"), addr("10.0.0.6"), 150 * time.Second, 128},
			{netip.MustParsePrefix("239.0.0.0/8"), addr("10.0.0.6"), 0, 1}}}},
	{"assert", "10.0.1.1", "224.0.0.13", wire(`
		25 00 5d60
		01 00 00 20 ef010203     # group
		01 00 0a000001           # source
		80000065 00000014        # R and metric preference, metric`),
		PIM{Type: PIMAssert, Group: addr("239.1.2.3"), Source: addr("10.0.0.1"), RPT: true, Preference: 101, Metric: 20}},
	{"graft", "10.0.1.1", "10.0.1.2", wire(`
		26 00 d0b5
		01 00 0a000102           # upstream neighbor
		00 01 0000               # reserved, groups, hold time: not used
		01 00 00 20 ef010203
		0001 0000
		01 00 00 20 0a000001`),
		PIM{Type: PIMGraft, Upstream: addr("10.0.1.2"),
			Joins: []PIMGroup{{Group: addr("239.1.2.3"), Joins: []PIMSource{{Addr: addr("10.0.0.1")}}}}}},
	{"graft-ack", "10.0.1.2", "10.0.1.1",
		wire("27 00 cfb5 01 00 0a000102 00 01 0000 01 00 00 20 ef010203 0001 0000 01 00 00 20 0a000001"),
		PIM{Type: PIMGraftAck, Upstream: addr("10.0.1.2"),
			Joins: []PIMGroup{{Group: addr("239.1.2.3"), Joins: []PIMSource{{Addr: addr("10.0.0.1")}}}}}},
	{"candidate-rp", "10.0.0.5", "10.0.0.6", wire(`
		28 00 f896
		02 c0 0096               # prefixes, priority, hold time
		01 00 0a000005           # RP
		01 00 00 04 e0000000
		01 00 00 08 ef000000`),
		PIM{Type: PIMCandidateRP, Priority: 192, HoldTime: 150 * time.Second, RP: addr("10.0.0.5"),
			Prefixes: []netip.Prefix{netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("239.0.0.0/8")}}},
	{"state-refresh", "10.0.1.1", "224.0.0.13", wire(`
		29 00 d60a
		01 00 00 20 ef010203     # group
		01 00 0a000001           # source
		01 00 0a000009           # originator
		00000065 00000014        # metric preference, metric
		18 10 e0 3c              # mask length, TTL, P, N and O, interval`),
		PIM{Type: PIMStateRefresh, Group: addr("239.1.2.3"), Source: addr("10.0.0.1"), Originator: addr("10.0.0.9"),
			Preference: 101, Metric: 20, MaskLen: 24, TTL: 16, PruneIndicator: true, PruneNow: true, AssertOverride: true,
			Interval: time.Minute}},
}

func pimPacket(src, dst string, b []byte) *IP {
	return &IP{Src: addr(src), Dst: addr(dst), Protocol: ProtoPIM, TTL: 1, Payload: b}
}

func TestPIMGolden(t *testing.T) {
	for _, c := range pimGolden {
		if b := AppendPIM([]byte{9}, addr(c.src), addr(c.dst), &c.message); !bytes.Equal(b[1:], c.bytes) {
			t.Errorf("%s: %x, want %x", c.name, b[1:], c.bytes)
		}
		var m PIM
		if !ParsePIM(pimPacket(c.src, c.dst, c.bytes), &m) || !reflect.DeepEqual(m, c.message) {
			t.Errorf("%s: %+v, want %+v", c.name, m, c.message)
		}
		for i, b := range broken(c.bytes) {
			inside := c.message.Type == PIMRegister && i/8 >= registerLen // what the checksum does not cover
			if ok := ParsePIM(pimPacket(c.src, c.dst, b), &m); ok != inside {
				t.Errorf("%s: %t: %x", c.name, ok, b)
			}
		}
		for n := range c.bytes {
			b := append([]byte(nil), c.bytes[:n]...)
			h := repairPIM(b, addr(c.src))
			if ParsePIM(h, &m) && !endsThere(m.Type, n) {
				t.Errorf("%s: taken, though only %d bytes are left", c.name, n)
			}
		}
	}
}

// endsThere says whether a message may end behind n bytes of the golden ones: between options, ranges, packet bytes.
func endsThere(typ PIMType, n int) bool {
	switch typ {
	case PIMHello:
		return n == 4 || n == 10 || n == 18 || n == 26
	case PIMBootstrap:
		return n == 14 || n == 46
	}
	return typ == PIMRegister && n >= registerLen
}

// repairPIM gives a packet with the message, whose checksum is made right.
func repairPIM(b []byte, src netip.Addr) *IP {
	h := pimPacket(src.String(), "224.0.0.13", b)
	if !src.Is4() {
		h.Dst = AllPIMRouters6
	}
	repair(b, func(b []byte) uint16 { return pimChecksum(h.Src, h.Dst, covered(b)) })
	return h
}

func TestPIMChecksumOverTheWholeRegister(t *testing.T) {
	b := append([]byte(nil), pimGolden[2].bytes...)
	repair(b, func(b []byte) uint16 { return checksum(sum(0, b)) })
	if !ParsePIM(pimPacket("10.0.1.1", "10.0.9.9", b), &PIM{}) {
		t.Error("not taken")
	}
}

func TestPIMAccepts(t *testing.T) {
	const group, source = "01000020ef010203", "01000a000001"
	for _, c := range []struct {
		name, bytes string
		want        *PIM // nil: it is malformed
	}{
		{"no options", "20000000", &PIM{Type: PIMHello, HoldTime: 105 * time.Second, DRPriority: 1}},
		{"an unknown option", "20000000 0018 0003 010203 0001 0002 000a",
			&PIM{Type: PIMHello, HoldTime: 10 * time.Second, DRPriority: 1}},
		{"state refresh of version 2", "20000000 0015 0004 023c0000",
			&PIM{Type: PIMHello, HoldTime: 105 * time.Second, DRPriority: 1}},
		{"a hold time of 3 bytes", "20000000 0001 0003 000a00", nil},
		{"a hold time of 1 byte", "20000000 0001 0001 00", nil},
		{"an option behind the end", "20000000 0014 0004 0000", nil},
		{"version 1", "10000000", nil},
		{"an unknown type", "2f000000", nil},
		{"an assert for any source", "25000000" + group + "010000000000 7fffffff 00000000",
			&PIM{Type: PIMAssert, Group: addr("239.1.2.3"), Preference: 0x7fffffff}},
		{"flags of a group", "22000000 01008120ef010203" + source,
			&PIM{Type: PIMRegisterStop, Group: addr("239.1.2.3"), Source: addr("10.0.0.1")}},
		{"a group that is a range", "22000000 01000018ef010200" + source, nil},
		{"a mask that is too long", "28000000 0100 0096" + source + "01000021ef010203", nil},
		{"no group", "22000000 010000200a000001" + source, nil},
		{"another family", "22000000 02000020ef010203" + source, nil},
		{"another encoding", "22000000" + group + "01010a000001", nil},
		{"a source with a mask", "23000000" + source + "000100d2" + group + "00010000 010004180a000001", nil},
		{"a graft's hold time", "26000000" + source + "000000d2", &PIM{Type: PIMGraft, Upstream: addr("10.0.0.1")}},
		{"all groups", "28000000 00070096" + source,
			&PIM{Type: PIMCandidateRP, Priority: 7, HoldTime: 150 * time.Second, RP: addr("10.0.0.1")}},
		{"a range whose RPs are elsewhere", "24000000 00010000" + source + "01000004e0000000 02000000",
			&PIM{Type: PIMBootstrap, FragmentTag: 1, BSR: addr("10.0.0.1")}},
	} {
		var m PIM
		ok := ParsePIM(repairPIM(wire(c.bytes), addr("10.0.1.1")), &m)
		if ok != (c.want != nil) || ok && !reflect.DeepEqual(m, *c.want) {
			t.Errorf("%s: %t, %+v", c.name, ok, m)
		}
	}
	h := pimPacket("10.0.1.1", "224.0.0.13", pimGolden[0].bytes)
	if h.Protocol = ProtoIGMP; ParsePIM(h, &PIM{}) {
		t.Error("taken, though it is no PIM")
	}
}

// TestPIMSeconds: what is above 0 must not be sent as 0, which takes back.
func TestPIMSeconds(t *testing.T) {
	for given, want := range map[time.Duration]uint16{-time.Second: 0, 0: 0, time.Millisecond: 1, time.Second: 1,
		105 * time.Second: 105, 1500 * time.Millisecond: 2, 24 * time.Hour: 0xffff} {
		if s := seconds(given, 0xffff); s != want {
			t.Errorf("%v: %d, want %d", given, s, want)
		}
	}
}

func TestPIMTypeNames(t *testing.T) {
	for _, c := range pimGolden {
		if name := c.message.Type.String(); !bytes.Contains([]byte(c.name), []byte(name)) {
			t.Errorf("%s is named %q", c.name, name)
		}
	}
	if s := PIMType(12).String(); s != "pim(12)" {
		t.Error(s)
	}
}

// anyPIM draws a message.
func anyPIM(r *spec.Rand, v6 bool) PIM {
	m := PIM{Type: PIMType(r.IntN(int(PIMStateRefresh) + 1))}
	switch m.Type {
	case PIMHello:
		m.HoldTime, m.DRPriority, m.GenerationID = anySeconds(r, 16), uint32(r.Uint64()), uint32(r.Uint64())
		if m.Refresh = r.Chance(.5); m.Refresh {
			m.Interval = anySeconds(r, 8)
		}
	case PIMRegister:
		m.Border, m.Null, m.Packet = r.Chance(.5), r.Chance(.5), make([]byte, 20+r.IntN(50))
	case PIMRegisterStop:
		m.Group, m.Source = anyGroup(r, v6), anyHost(r, v6)
	case PIMJoinPrune, PIMGraft, PIMGraftAck:
		m.Upstream = anyHost(r, v6)
		if m.Type == PIMJoinPrune {
			m.HoldTime = anySeconds(r, 16)
		}
		for range r.IntN(4) {
			m.Joins = append(m.Joins, PIMGroup{anyGroup(r, v6), anySources(r, v6), anySources(r, v6)})
		}
	case PIMBootstrap:
		m.FragmentTag, m.HashMaskLen, m.Priority = uint16(r.Uint64()), uint8(r.IntN(33)), uint8(r.Uint64())
		m.BSR = anyHost(r, v6)
		for range r.IntN(6) {
			p := netip.PrefixFrom(anyGroup(r, v6), 4+r.IntN(29))
			if n := len(m.RPs); n > 0 && r.Chance(.5) {
				p = m.RPs[n-1].Groups
			}
			m.RPs = append(m.RPs, PIMRP{p, anyHost(r, v6), anySeconds(r, 16), uint8(r.Uint64())})
		}
	case PIMAssert:
		m.Group, m.RPT = anyGroup(r, v6), r.Chance(.5)
		m.Preference, m.Metric = uint32(r.Uint64())>>1, uint32(r.Uint64())
		if !m.RPT {
			m.Source = anyHost(r, v6)
		}
	case PIMCandidateRP:
		m.Priority, m.HoldTime, m.RP = uint8(r.Uint64()), anySeconds(r, 16), anyHost(r, v6)
		for range r.IntN(3) {
			m.Prefixes = append(m.Prefixes, netip.PrefixFrom(anyGroup(r, v6), 4+r.IntN(29)))
		}
	case PIMStateRefresh:
		m.Group, m.Source, m.Originator = anyGroup(r, v6), anyHost(r, v6), anyHost(r, v6)
		m.Preference, m.Metric = uint32(r.Uint64())>>1, uint32(r.Uint64())
		m.MaskLen, m.TTL, m.Interval = uint8(r.IntN(33)), uint8(r.Uint64()), anySeconds(r, 8)
		m.PruneIndicator, m.PruneNow, m.AssertOverride = r.Chance(.5), r.Chance(.5), r.Chance(.5)
	}
	return m
}

func anySources(r *spec.Rand, v6 bool) (out []PIMSource) {
	for range r.IntN(4) {
		out = append(out, PIMSource{anyHost(r, v6), r.Chance(.5), r.Chance(.5), r.Chance(.5)})
	}
	return out
}

func TestPIMRoundTrip(t *testing.T) {
	r := spec.NewRand(7761)
	var reused PIM
	for i := range 4000 {
		v6 := i%2 == 0
		m := anyPIM(&r, v6)
		h := IP{Src: anyHost(&r, v6), Dst: anyGroup(&r, v6), Protocol: ProtoPIM}
		h.Payload = AppendPIM(nil, h.Src, h.Dst, &m)
		var back PIM
		if !ParsePIM(&h, &back) || !reflect.DeepEqual(back, m) {
			t.Fatalf("%+v, want %+v", back, m)
		}
		if !ParsePIM(&h, &reused) || !bytes.Equal(AppendPIM(nil, h.Src, h.Dst, &reused), h.Payload) {
			t.Fatalf("%+v in used memory, want %+v", reused, m)
		}
	}
}

func TestPIMAllocatesNothing(t *testing.T) {
	var m PIM
	buf := make([]byte, 0, 200)
	for _, c := range pimGolden {
		h := pimPacket(c.src, c.dst, c.bytes)
		if n := testing.AllocsPerRun(20, func() {
			ParsePIM(h, &m)
			AppendPIM(buf, h.Src, h.Dst, &m)
		}); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

func FuzzParsePIM(f *testing.F) {
	for _, c := range pimGolden {
		f.Add(c.bytes, !addr(c.src).Is4())
	}
	f.Fuzz(func(t *testing.T, b []byte, v6 bool) {
		src := addr("10.0.1.1")
		if v6 {
			src = addr("fe80::1")
		}
		h := repairPIM(append([]byte(nil), b...), src)
		var m, back PIM
		if !ParsePIM(h, &m) {
			return
		}
		h.Payload = AppendPIM(nil, h.Src, h.Dst, &m)
		if !ParsePIM(h, &back) || !bytes.Equal(AppendPIM(nil, h.Src, h.Dst, &back), h.Payload) {
			t.Errorf("%+v, read again as %+v", m, back)
		}
	})
}

func BenchmarkParseJoinPrune(b *testing.B) {
	h := pimPacket("10.0.1.1", "224.0.0.13", pimGolden[5].bytes)
	var m PIM
	b.ReportAllocs()
	for b.Loop() {
		ParsePIM(h, &m)
	}
}
