package ipmulticast

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

var mldGolden = []listenGolden{
	{"MLD v1 general query", "fe80::1", "ff02::1", wire(`
		82 00 5917          # type, code, checksum
		2710 0000           # maximal response delay in milliseconds, reserved
		00000000000000000000000000000000`),
		Listen{Kind: Query, Version: 1, MaxResponse: 10 * time.Second}},
	{"MLD v1 group-specific query", "fe80::1", "ff05::1:3", wire(`
		82 00 7d2f
		03e8 0000
		ff050000000000000000000000010003`),
		Listen{Kind: Query, Version: 1, MaxResponse: time.Second, Group: addr("ff05::1:3")}},
	{"MLD v1 report", "fe80::1", "ff05::1:3", wire("83 00 8017 0000 0000 ff050000000000000000000000010003"),
		Listen{Kind: Report, Version: 1, Group: addr("ff05::1:3")}},
	{"MLD v1 done", "fe80::1", "ff02::2", wire("84 00 7f1c 0000 0000 ff050000000000000000000000010003"),
		Listen{Kind: Leave, Version: 1, Group: addr("ff05::1:3")}},
	{"MLD v2 general query", "fe80::1", "ff02::1", wire(`
		82 00 5696
		2710 0000           # code of the maximal response delay, reserved
		00000000000000000000000000000000
		02 7d 0000          # S flag and robustness, code of the query interval, number of sources`),
		Listen{Kind: Query, Version: 2, MaxResponse: 10 * time.Second, Robustness: 2, Interval: 125 * time.Second}},
	{"MLD v2 group-and-source-specific query", "fe80::1", "ff05::1:3", wire(`
		82 00 9aea
		8001 0000           # mantissa 1, exponent 0: 0x1001 << 3 milliseconds
		ff050000000000000000000000010003
		0a 90 0002
		20010db8000000000000000000000001
		20010db8000000000000000000000002`),
		Listen{Kind: Query, Version: 2, MaxResponse: 32776 * time.Millisecond, Group: addr("ff05::1:3"), Suppress: true,
			Robustness: 2, Interval: 256 * time.Second, Sources: addrs("2001:db8::1", "2001:db8::2")}},
	{"MLD v2 report", "fe80::1", "ff02::16", wire(`
		8f 00 3dd2          # type, reserved, checksum
		0000 0002           # reserved, number of records
		04 00 0000          # to exclude; length of auxiliary data, number of sources
		ff050000000000000000000000010003
		05 00 0001          # allow
		ff0e0000000000000000000000000042
		20010db8000000000000000000000001`),
		Listen{Kind: Report, Version: 2, Records: []Record{{Type: ToEx, Group: addr("ff05::1:3")},
			{Type: Allow, Group: addr("ff0e::42"), Sources: addrs("2001:db8::1")}}}},
}

// mldPacket is a packet that came with a message of MLD, as it must.
func mldPacket(src, dst string, b []byte) *IP {
	return &IP{Src: addr(src), Dst: addr(dst), Protocol: ProtoICMPv6, TTL: 1, RouterAlert: true, Payload: b}
}

func TestMLDGolden(t *testing.T) {
	for _, c := range mldGolden {
		if b := AppendMLD([]byte{9}, addr(c.src), addr(c.dst), &c.message); !bytes.Equal(b[1:], c.bytes) {
			t.Errorf("%s: %x, want %x", c.name, b[1:], c.bytes)
		}
		var m Listen
		if !ParseMLD(mldPacket(c.src, c.dst, c.bytes), &m) || !reflect.DeepEqual(m, c.message) {
			t.Errorf("%s: %+v, want %+v", c.name, m, c.message)
		}
		if ParseMLD(mldPacket("fe80::2", c.dst, c.bytes), &m) {
			t.Errorf("%s: taken, though the checksum is for another source", c.name)
		}
		for _, b := range broken(c.bytes) {
			if ParseMLD(mldPacket(c.src, c.dst, b), &m) {
				t.Errorf("%s: taken: %x", c.name, b)
			}
		}
	}
}

// repairMLD gives a packet with the message, whose checksum is made right.
func repairMLD(b []byte) *IP {
	h := mldPacket("fe80::1", "ff02::1", b)
	repair(b, func(b []byte) uint16 { return checksum(sum(pseudoHeader(h.Src, h.Dst, ProtoICMPv6, len(b)), b)) })
	return h
}

// TestMLDFromElsewhere: a message that routers could have forwarded must not be taken (RFC 3810 section 6.2).
func TestMLDFromElsewhere(t *testing.T) {
	var m Listen
	for name, change := range map[string]func(h *IP){
		"a hop limit of 64": func(h *IP) { h.TTL = 64 },
		"no router alert":   func(h *IP) { h.RouterAlert = false },
		"a global source": func(h *IP) {
			h.Src = addr("2001:db8::1")
			h.Payload = AppendMLD(nil, h.Src, h.Dst, &mldGolden[0].message)
		},
		"another protocol": func(h *IP) { h.Protocol = ProtoPIM },
	} {
		h := mldPacket("fe80::1", "ff02::1", mldGolden[0].bytes)
		if change(h); ParseMLD(h, &m) {
			t.Errorf("%s: taken", name)
		}
	}
	h := mldPacket("::", "ff02::16", nil)
	h.Payload = AppendMLD(nil, h.Src, h.Dst, &mldGolden[6].message)
	if !ParseMLD(h, &m) {
		t.Error("from a host without an address: not taken")
	}
}

func TestMLDAccepts(t *testing.T) {
	const group = "ff050000000000000000000000010003"
	for _, c := range []struct {
		name, bytes string
		want        *Listen // nil: it is ignored
	}{
		{"a code", "83070000 00000000" + group, &Listen{Kind: Report, Version: 1, Group: addr("ff05::1:3")}},
		{"a query of 25 bytes", "82000000 03e80000" + group + "00", nil},
		{"a query of 27 bytes", "82000000 03e80000" + group + "000000", nil},
		{"a query for no group", "82000000 03e80000 20010db8000000000000000000000001", nil},
		{"a report of no group", "83000000 00000000 20010db8000000000000000000000001", nil},
		{"a short report", "83000000 00000000 ff05", nil},
		{"a neighbor solicitation", "87000000 00000000" + group, nil},
		{"too few records", "8f000000 00000001", nil},
		{"an unknown record", "8f000000 00000001 09000000" + group, &Listen{Kind: Report, Version: 2}},
	} {
		var m Listen
		ok := ParseMLD(repairMLD(wire(c.bytes)), &m)
		if ok != (c.want != nil) || ok && !reflect.DeepEqual(m, *c.want) {
			t.Errorf("%s: %t, %+v", c.name, ok, m)
		}
	}
}

func TestMLDRoundTrip(t *testing.T) {
	r := spec.NewRand(3810)
	var reused Listen
	for range 3000 {
		m := anyListen(&r, true, uint8(1+r.IntN(2)))
		h := mldPacket("fe80::7", "ff02::1", nil)
		h.Payload = AppendMLD(nil, h.Src, h.Dst, &m)
		var back Listen
		if !ParseMLD(h, &back) || !reflect.DeepEqual(back, m) {
			t.Fatalf("%+v, want %+v", back, m)
		}
		if !ParseMLD(h, &reused) || !bytes.Equal(AppendMLD(nil, h.Src, h.Dst, &reused), h.Payload) {
			t.Fatalf("%+v in used memory, want %+v", reused, m)
		}
	}
}

func TestMLDAllocatesNothing(t *testing.T) {
	var m Listen
	buf := make([]byte, 0, 200)
	for _, c := range mldGolden {
		h := mldPacket(c.src, c.dst, c.bytes)
		if n := testing.AllocsPerRun(20, func() {
			ParseMLD(h, &m)
			AppendMLD(buf, h.Src, h.Dst, &m)
		}); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

func FuzzParseMLD(f *testing.F) {
	for _, c := range mldGolden {
		f.Add(c.bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h := repairMLD(append([]byte(nil), b...))
		var m, back Listen
		if !ParseMLD(h, &m) {
			return
		}
		c := AppendMLD(nil, h.Src, h.Dst, &m)
		if !ParseMLD(mldPacket("fe80::1", "ff02::1", c), &back) || !bytes.Equal(AppendMLD(nil, h.Src, h.Dst, &back), c) {
			t.Errorf("%+v, read again as %+v", m, back)
		}
	})
}
