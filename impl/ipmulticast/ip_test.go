package ipmulticast

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"

	"github.com/conform-go/conform/spec"
)

var ipGolden = []struct {
	name  string
	bytes []byte
	ip    IP
}{
	{"IPv4", wire(`
		45 00 001c          # version and header length, type of service, total length
		0000 0000           # identification, flags and offset
		40 11 7fcc          # TTL, protocol, checksum
		0a000001 ef010203   # source, destination
		1388 1389 0008 0000`),
		IP{Src: addr("10.0.0.1"), Dst: addr("239.1.2.3"), Protocol: ProtoUDP, TTL: 64, Payload: wire("1388 1389 0008 0000")}},
	{"IPv4 with router alert", wire(`
		46 c0 0020
		0000 0000
		01 02 3a01
		0a000001 e0000016
		94 04 0000          # the option: copied, number 20; length; value
		11 64 ee9b 00000000`),
		IP{Src: addr("10.0.0.1"), Dst: AllIGMPv3Routers, Protocol: ProtoIGMP, TTL: 1, RouterAlert: true,
			Payload: wire("11 64 ee9b 00000000")}},
	{"IPv6", wire(`
		6 00 00000          # version, traffic class, flow label
		0004 67 20          # payload length, next header, hop limit
		20010db8 00000000 00000000 00000001
		ff050000 00000000 00000000 00010003
		20 00 dfff`),
		IP{Src: addr("2001:db8::1"), Dst: addr("ff05::1:3"), Protocol: ProtoPIM, TTL: 32, Payload: wire("20 00 dfff")}},
	{"IPv6 with router alert", wire(`
		6 00 00000
		000c 00 01          # payload length, next header: hop-by-hop
		fe800000 00000000 00000000 00000001
		ff020000 00000000 00000000 00000016
		3a 00               # next header, length 8
		05 02 0000          # router alert: MLD
		01 00               # PadN
		8f 00 0000`),
		IP{Src: addr("fe80::1"), Dst: AllMLDv2Routers, Protocol: ProtoICMPv6, TTL: 1, RouterAlert: true,
			Payload: wire("8f 00 0000")}},
}

func TestIPGolden(t *testing.T) {
	for _, c := range ipGolden {
		if b := AppendIP([]byte{9}, &c.ip); !bytes.Equal(b[1:], c.bytes) {
			t.Errorf("%s: %x, want %x", c.name, b[1:], c.bytes)
		}
		if n := len(c.bytes) - len(c.ip.Payload); c.ip.HeaderLen() != n {
			t.Errorf("%s: the header has %d bytes, want %d", c.name, c.ip.HeaderLen(), n)
		}
		padded := append(append([]byte(nil), c.bytes...), 0, 0, 0)
		var h IP
		if !ParseIP(padded, &h) || !reflect.DeepEqual(h, c.ip) {
			t.Errorf("%s: %+v, want %+v", c.name, h, c.ip)
		}
		for n := range c.bytes {
			if ParseIP(c.bytes[:n], &h) {
				t.Errorf("%s: the first %d bytes are no packet", c.name, n)
			}
		}
	}
}

func TestIPv4HeaderChecksum(t *testing.T) {
	for _, c := range ipGolden[:2] {
		header := c.bytes[:c.ip.HeaderLen()]
		for _, b := range broken(header) {
			if ParseIP(append(b, c.ip.Payload...), &IP{}) {
				t.Errorf("%s: taken with the header %x", c.name, b)
			}
		}
	}
}

// TestIPOptions has packets with correct checksums that must not be taken, and options that must not matter.
func TestIPOptions(t *testing.T) {
	for _, c := range []struct {
		name, packet string
		ok, alert    bool
	}{
		{"a first fragment", "45000014 0000 2000 40110000 0a000001ef010203", false, false},
		{"a later fragment", "45000014 0000 0001 40110000 0a000001ef010203", false, false},
		{"do not fragment", "45000014 0000 4000 40110000 0a000001ef010203", true, false},
		{"a header of 16 bytes", "44000014 0000 0000 40110000 0a000001ef010203", false, false},
		{"a header longer than the packet", "46000014 0000 0000 40110000 0a000001ef010203 01010101", false, false},
		{"no operation, then alert", "4700001c 0000 0000 40110000 0a000001ef010203 01010101 94040000", true, true},
		{"alert behind the end", "4700001c 0000 0000 40110000 0a000001ef010203 00000000 94040000", true, false},
		{"another option", "47000021 0000 0000 40110000 0a000001ef010203 44080500 00000000 0102030405", true, false},
		{"an option without length", "46000018 0000 0000 40110000 0a000001ef010203 01010194", false, false},
		{"an option of length 1", "46000018 0000 0000 40110000 0a000001ef010203 94010000", false, false},
		{"an option that is too long", "46000018 0000 0000 40110000 0a000001ef010203 94050000", false, false},
	} {
		b := wire(c.packet)
		header := b[:4*int(b[0]&0xf)]
		binary.BigEndian.PutUint16(header[10:], checksum(sum(0, header)))
		var h IP
		if ok := ParseIP(b, &h); ok != c.ok || ok && h.RouterAlert != c.alert {
			t.Errorf("%s: %t, alert %t", c.name, ok, h.RouterAlert)
		}
	}
}

func TestIPv6Extensions(t *testing.T) {
	const addresses = "fe800000000000000000000000000001 ff020000000000000000000000000001"
	for _, c := range []struct {
		name, packet string
		ok           bool
		payload      int
	}{
		{"a fragment", "60000000 0008 2c 01" + addresses + "3a000001 00000000", false, 0},
		{"padding", "60000000 0009 00 01" + addresses + "3a00 0104 00000000 77", true, 1},
		{"single bytes of padding", "60000000 0008 00 01" + addresses + "3a00 000000000000", true, 0},
		{"an unknown option to skip", "60000000 0008 00 01" + addresses + "3a00 3e04 00000000", true, 0},
		{"an unknown option to discard for", "60000000 0008 00 01" + addresses + "3a00 7e04 00000000", false, 0},
		{"a long header", "60000000 0010 00 01" + addresses + "3a01 010c 000000000000000000000000", true, 0},
		{"a header that is too long", "60000000 0008 00 01" + addresses + "3a01 0104 00000000", false, 0},
		{"an option that is too long", "60000000 0008 00 01" + addresses + "3a00 0105 00000000", false, 0},
		{"two hop-by-hop headers", "60000000 0010 00 01" + addresses + "0000 010400000000 3a00 010400000000", false, 0},
		{"a fragment behind it", "60000000 0010 00 01" + addresses + "2c00 010400000000 3a00 000100000000", false, 0},
	} {
		var h IP
		if ok := ParseIP(wire(c.packet), &h); ok != c.ok || ok && len(h.Payload) != c.payload {
			t.Errorf("%s: %t, %x", c.name, ok, h.Payload)
		}
	}
}

// TestChecksum has the example of RFC 1071 section 3.
func TestChecksum(t *testing.T) {
	b := wire("0001 f203 f4f5 f6f7")
	if c := checksum(sum(0, b)); c != ^uint16(0xddf2) {
		t.Errorf("%04x, want the complement of ddf2", c)
	}
	for n := range len(b) + 1 { // any length gives what the definition says
		var want uint32
		for i, x := range b[:n] {
			want += uint32(x) << (8 * (1 - i%2))
		}
		if c := checksum(sum(0, b[:n])); uint32(^c) != want>>16+want&0xffff {
			t.Errorf("%d bytes: %04x", n, c)
		}
	}
}

// TestTTL changes TTLs, which must give the packets that AppendIP makes with them.
func TestTTL(t *testing.T) {
	r := spec.NewRand(1071)
	for i := range 2000 {
		v6 := i%2 == 0
		h := IP{Src: anyHost(&r, v6), Dst: anyGroup(&r, v6), Protocol: uint8(r.IntN(256)), TTL: uint8(1 + r.IntN(255)),
			RouterAlert: r.Chance(.5), Payload: make([]byte, r.IntN(9))}
		b := AppendIP(nil, &h)
		DecrementTTL(b)
		h.TTL--
		if want := AppendIP(nil, &h); !bytes.Equal(b, want) {
			t.Fatalf("one less: %x, want %x", b, want)
		}
		h.TTL = uint8(r.IntN(256))
		SetTTL(b, h.TTL)
		if want := AppendIP(nil, &h); !bytes.Equal(b, want) {
			t.Fatalf("set to %d: %x, want %x", h.TTL, b, want)
		}
	}
}

func TestIPRoundTrip(t *testing.T) {
	r := spec.NewRand(791)
	for i := range 2000 {
		v6 := i%2 == 0
		h := IP{Src: anyHost(&r, v6), Dst: anyGroup(&r, v6), Protocol: uint8(1 + r.IntN(40)), TTL: uint8(r.IntN(256)),
			RouterAlert: r.Chance(.5), Payload: make([]byte, 1+r.IntN(1500))}
		for k := range h.Payload {
			h.Payload[k] = byte(r.Uint64())
		}
		var back IP
		if b := AppendIP(nil, &h); !ParseIP(b, &back) || !reflect.DeepEqual(back, h) {
			t.Fatalf("%+v, want %+v", back, h)
		}
	}
}

func FuzzParseIP(f *testing.F) {
	for _, c := range ipGolden {
		f.Add(c.bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = append([]byte(nil), b...)
		if len(b) >= ipv4Len && b[0]>>4 == 4 {
			header := b[:min(len(b), 4*int(b[0]&0xf))]
			if len(header) >= ipv4Len {
				header[10], header[11] = 0, 0
				binary.BigEndian.PutUint16(header[10:], checksum(sum(0, header)))
			}
		}
		var h, back IP
		if !ParseIP(b, &h) {
			return
		}
		ParseUDP(&h)
		if c := AppendIP(nil, &h); !ParseIP(c, &back) || !bytes.Equal(h.Payload, back.Payload) || h.Src != back.Src ||
			h.Dst != back.Dst || h.TTL != back.TTL || h.Protocol != back.Protocol || h.RouterAlert != back.RouterAlert {
			t.Errorf("%x: %+v, read again as %+v", b, h, back)
		}
	})
}
