package ipmulticast

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/conform-go/conform/spec"
)

func TestUDPGolden(t *testing.T) {
	for _, c := range []struct{ src, dst, bytes string }{
		{"10.0.0.1", "239.1.2.3", "1388 1389 000c d9b9 01020304"}, // ports, length, checksum
		{"2001:db8::1", "ff05::1:3", "1388 1389 000c a7fb 01020304"},
	} {
		want := wire(c.bytes)
		b := append(make([]byte, UDPLen), 1, 2, 3, 4)
		PutUDP(b, addr(c.src), addr(c.dst), 5000, 5001)
		if !bytes.Equal(b, want) {
			t.Errorf("%x, want %x", b, want)
		}
		h := IP{Src: addr(c.src), Dst: addr(c.dst), Protocol: ProtoUDP, Payload: append(b, 99)} // one byte of padding
		u, ok := ParseUDP(&h)
		if !ok || u.SrcPort != 5000 || u.DstPort != 5001 || !bytes.Equal(u.Payload, []byte{1, 2, 3, 4}) {
			t.Errorf("%+v", u)
		}
		for _, b := range broken(want) {
			h.Payload = b
			if _, ok := ParseUDP(&h); ok {
				t.Errorf("taken: %x", b)
			}
		}
		h.Payload, h.Dst = want, h.Dst.Next()
		if _, ok := ParseUDP(&h); ok {
			t.Error("taken for another address")
		}
	}
}

// TestUDPWithoutChecksum: over IPv4 a checksum of 0 says that there is none; over IPv6 there must be one.
func TestUDPWithoutChecksum(t *testing.T) {
	h := IP{Src: addr("10.0.0.1"), Dst: addr("239.1.2.3"), Protocol: ProtoUDP, Payload: wire("1388 1389 0009 0000 07")}
	if _, ok := ParseUDP(&h); !ok {
		t.Error("IPv4: not taken")
	}
	h.Src, h.Dst = addr("2001:db8::1"), addr("ff05::1:3")
	if _, ok := ParseUDP(&h); ok {
		t.Error("IPv6: taken")
	}
}

// TestUDPChecksumIsNeverZero makes the datagram whose checksum would be 0.
func TestUDPChecksumIsNeverZero(t *testing.T) {
	src, dst := addr("10.0.0.1"), addr("239.1.2.3")
	b := make([]byte, UDPLen+2)
	PutUDP(b, src, dst, 1, 2)
	copy(b[UDPLen:], b[6:8]) // the payload takes the place of the checksum: the sum becomes all ones
	PutUDP(b, src, dst, 1, 2)
	if c := binary.BigEndian.Uint16(b[6:]); c != 0xffff {
		t.Errorf("%04x, want ffff", c)
	}
	if _, ok := ParseUDP(&IP{Src: src, Dst: dst, Protocol: ProtoUDP, Payload: b}); !ok {
		t.Error("not taken")
	}
}

func TestUDPLengths(t *testing.T) {
	h := IP{Src: addr("10.0.0.1"), Dst: addr("239.1.2.3"), Protocol: ProtoUDP}
	for _, s := range []string{"", "13881389000800", "1388 1389 0007 0000", "1388 1389 0009 0000"} {
		h.Payload = wire(s)
		if _, ok := ParseUDP(&h); ok {
			t.Errorf("taken: %s", s)
		}
	}
	h.Payload, h.Protocol = wire("1388 1389 0008 0000"), ProtoIGMP
	if _, ok := ParseUDP(&h); ok {
		t.Error("taken, though it is no UDP")
	}
}

func TestUDPRoundTrip(t *testing.T) {
	r := spec.NewRand(768)
	for i := range 1000 {
		v6 := i%2 == 0
		b := make([]byte, UDPLen+r.IntN(100))
		for k := range b {
			b[k] = byte(r.Uint64())
		}
		payload := append([]byte(nil), b[UDPLen:]...)
		h := IP{Src: anyHost(&r, v6), Dst: anyGroup(&r, v6), Protocol: ProtoUDP, Payload: b}
		src, dst := uint16(r.Uint64()), uint16(r.Uint64())
		PutUDP(b, h.Src, h.Dst, src, dst)
		if u, ok := ParseUDP(&h); !ok || u.SrcPort != src || u.DstPort != dst || !bytes.Equal(u.Payload, payload) {
			t.Fatalf("%+v, %t", u, ok)
		}
	}
}

// anyDatagram is a frame as hosts send them.
func anyDatagram(src, dst string, n int) []byte {
	b := append(make([]byte, UDPLen), strings.Repeat("multicast ", n)[:n]...)
	PutUDP(b, addr(src), addr(dst), 47000, 47001)
	h := IP{Src: addr(src), Dst: addr(dst), Protocol: ProtoUDP, TTL: 16, Payload: b}
	typ := uint16(TypeIPv4)
	if !h.Src.Is4() {
		typ = TypeIPv6
	}
	return AppendIP(AppendEthernet(nil, GroupMAC(h.Dst), MACOf(h.Src), typ), &h)
}

func takeApart(b []byte, h *IP) bool {
	f, ok := ParseFrame(b)
	if !ok || !ParseIP(f.Payload, h) {
		return false
	}
	_, ok = ParseUDP(h)
	return ok
}

func TestReceivingAllocatesNothing(t *testing.T) {
	var h IP
	for _, b := range [][]byte{anyDatagram("10.0.0.1", "239.1.2.3", 64), anyDatagram("2001:db8::1", "ff05::1:3", 64)} {
		if n := testing.AllocsPerRun(100, func() {
			if !takeApart(b, &h) {
				t.Fatal("refused")
			}
		}); n != 0 {
			t.Errorf("%v allocations a frame", n)
		}
	}
}

func BenchmarkReceive(b *testing.B) {
	frame := anyDatagram("10.0.0.1", "239.1.2.3", 64)
	var h IP
	b.ReportAllocs()
	for b.Loop() {
		takeApart(frame, &h)
	}
}

func BenchmarkSend(b *testing.B) {
	src, dst := addr("10.0.0.1"), addr("239.1.2.3")
	datagram := make([]byte, UDPLen+64)
	buf := make([]byte, 0, 200)
	b.ReportAllocs()
	for b.Loop() {
		PutUDP(datagram, src, dst, 5000, 5001)
		h := IP{Src: src, Dst: dst, Protocol: ProtoUDP, TTL: 16, Payload: datagram}
		AppendIP(AppendEthernet(buf, GroupMAC(dst), MACOf(src), TypeIPv4), &h)
	}
}
