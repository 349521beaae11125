package ipmulticast

import (
	"bytes"
	"net/netip"
	"testing"
)

func TestGroupMAC(t *testing.T) {
	for _, c := range []struct{ group, mac string }{
		{"224.0.0.1", "01:00:5e:00:00:01"},
		{"224.1.1.1", "01:00:5e:01:01:01"},
		{"225.1.1.1", "01:00:5e:01:01:01"},
		{"239.129.1.1", "01:00:5e:01:01:01"}, // the upper bit of the second byte is lost
		{"239.255.255.255", "01:00:5e:7f:ff:ff"},
		{"224.128.64.32", "01:00:5e:00:40:20"},
		{"ff02::1", "33:33:00:00:00:01"},
		{"ff05::1:3", "33:33:00:01:00:03"},
		{"ff0e::dead:beef", "33:33:de:ad:be:ef"},
	} {
		if m := GroupMAC(addr(c.group)); m.String() != c.mac || !m.Multicast() {
			t.Errorf("%s: %s, want %s", c.group, m, c.mac)
		}
	}
}

func TestThirtyTwoGroupsShareAMAC(t *testing.T) {
	n := 0
	for a := range 16 {
		for b := range 256 {
			if GroupMAC(netip.AddrFrom4([4]byte{byte(224 + a), byte(b), 7, 9})) == (MAC{1, 0, 0x5e, 3, 7, 9}) {
				n++
			}
		}
	}
	if n != 32 {
		t.Errorf("%d groups share an address, want 32", n)
	}
}

func TestMACOf(t *testing.T) {
	for a, want := range map[string]string{
		"10.0.1.2":           "02:00:0a:00:01:02",
		"2001:db8::a00:102":  "02:00:0a:00:01:02",
		"fe80::a00:102":      "02:00:0a:00:01:02",
		"fe80::a00:102%eth0": "02:00:0a:00:01:02",
	} {
		if m := MACOf(addr(a)); m.String() != want || m.Multicast() {
			t.Errorf("%s: %s, want %s", a, m, want)
		}
	}
	if !Broadcast.Multicast() {
		t.Error("the broadcast address means several cards")
	}
}

func TestFrame(t *testing.T) {
	b := AppendEthernet(nil, MAC{1, 0, 0x5e, 1, 2, 3}, MAC{2, 0, 10, 0, 0, 1}, TypeIPv4)
	if want := wire("01005e010203 02000a000001 0800"); !bytes.Equal(b, want) {
		t.Fatalf("%x, want %x", b, want)
	}
	f, ok := ParseFrame(append(b, 7))
	if !ok || f.Dst != GroupMAC(addr("239.1.2.3")) || f.Src != MACOf(addr("10.0.0.1")) || f.Type != TypeIPv4 ||
		!bytes.Equal(f.Payload, []byte{7}) {
		t.Errorf("%+v", f)
	}
	for n := range EthernetLen {
		if _, ok := ParseFrame(b[:n]); ok {
			t.Errorf("%d bytes are no frame", n)
		}
	}
}
