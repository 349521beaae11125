package ipmulticast

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

func TestPcap(t *testing.T) {
	var b bytes.Buffer
	p, err := NewPcapWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Write(spec.Time(3*time.Second+7), []byte{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if want := wire(`
		4d3cb2a1 0200 0400      # magic number, version; little-endian
		00000000 00000000       # reserved
		00000400 01000000       # the longest frame, the kind of link
		03000000 07000000       # seconds, nanoseconds
		03000000 03000000       # bytes here, bytes on the link
		010203`); !bytes.Equal(b.Bytes(), want) {
		t.Errorf("%x, want %x", b.Bytes(), want)
	}
}

type fullDisk struct{ room int }

func (f *fullDisk) Write(b []byte) (int, error) {
	if f.room--; f.room < 0 {
		return 0, errors.New("full")
	}
	return len(b), nil
}

func TestPcapErrors(t *testing.T) {
	if _, err := NewPcapWriter(&fullDisk{}); err == nil {
		t.Error("the header was not written, and nobody is told")
	}
	p, err := NewPcapWriter(&fullDisk{room: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Write(0, []byte{1}); err == nil {
		t.Error("the frame was not written, and nobody is told")
	}
}

// oneOfEach gives a frame of every kind, by name.
func oneOfEach() (names []string, frames [][]byte) {
	add := func(name string, h *IP) {
		typ := uint16(TypeIPv4)
		if !h.Src.Is4() {
			typ = TypeIPv6
		}
		dst := MACOf(h.Dst)
		if IsGroup(h.Dst) {
			dst = GroupMAC(h.Dst)
		}
		names = append(names, name)
		frames = append(frames, AppendIP(AppendEthernet(nil, dst, MACOf(h.Src), typ), h))
	}
	for _, c := range igmpGolden {
		add(c.name, &IP{Src: addr(c.src), Dst: addr(c.dst), Protocol: ProtoIGMP, TTL: 1, RouterAlert: true, Payload: c.bytes})
	}
	for _, c := range mldGolden {
		add(c.name, mldPacket(c.src, c.dst, c.bytes))
	}
	for _, c := range pimGolden {
		h := pimPacket(c.src, c.dst, c.bytes)
		if !IsGroup(h.Dst) {
			h.TTL = 64
		}
		if c.name == "register over IPv6" { // with a packet that is whole
			m := PIM{Type: PIMRegister, Packet: anyDatagram("2001:db8::1", "ff05::1:3", 20)[EthernetLen:]}
			h.Payload = AppendPIM(nil, h.Src, h.Dst, &m)
		}
		add(c.name, h)
	}
	m := PIM{Type: PIMRegister, Packet: anyDatagram("10.0.0.1", "239.1.2.3", 20)[EthernetLen:]}
	h := pimPacket("10.0.1.1", "10.0.9.9", nil)
	h.Payload, h.TTL = AppendPIM(nil, h.Src, h.Dst, &m), 64
	add("register", h)
	names = append(names, "UDP", "UDP over IPv6", "UDP after a router")
	forwarded := anyDatagram("10.0.0.1", "239.1.2.3", 30)
	DecrementTTL(forwarded[EthernetLen:])
	return names, append(frames, anyDatagram("10.0.0.1", "239.1.2.3", 30), anyDatagram("2001:db8::1", "ff05::1:3", 31),
		forwarded)
}

// TestTsharkReadsEveryFrame lets Wireshark's dissectors, which others wrote from the same RFCs, judge the formats.
func TestTsharkReadsEveryFrame(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed: nobody else judges the formats")
	}
	names, frames := oneOfEach()
	lines := dissect(t, tshark, frames)
	if len(lines) != len(frames) {
		t.Fatalf("%d lines for %d frames:\n%s", len(lines), len(frames), strings.Join(lines, "\n"))
	}
	for i, line := range lines {
		if c := complaint(line); c != "" {
			t.Errorf("%s: %s: %s", names[i], c, line)
		}
	}

	// A judge who never complains proves nothing.
	badIP, badIGMP := append([]byte(nil), frames[0]...), append([]byte(nil), frames[0]...)
	badUDP := anyDatagram("10.0.0.1", "239.1.2.3", 9)
	badIP[EthernetLen+8]++ // the TTL
	badIGMP[len(badIGMP)-1]++
	badUDP[len(badUDP)-1]++
	short := AppendIP(AppendEthernet(nil, Broadcast, cardMAC, TypeIPv4),
		&IP{Src: addr("10.0.0.1"), Dst: AllIGMPv3Routers, Protocol: ProtoIGMP, Payload: repairIGMP(wire("22000000 00000005"))})
	for i, line := range dissect(t, tshark, [][]byte{badIP, badIGMP, badUDP, short}) {
		if complaint(line) == "" {
			t.Errorf("tshark finds nothing wrong with broken frame %d: %s", i, line)
		}
	}
}

// complaint says what is wrong with a frame by a line of dissect; "": nothing.
func complaint(line string) string {
	f := strings.Split(line, "|")
	if f[0] != "" || f[1] != "" {
		return "malformed"
	}
	checked := 0
	for _, status := range strings.FieldsFunc(strings.Join(f[2:7], ","), func(c rune) bool { return c == ',' }) {
		if checked++; status != "1" && status != "Good" {
			return "a bad checksum"
		}
	}
	want := 1 // of the protocol itself
	if strings.Contains(f[7], "ethertype:ip:") {
		want++
	}
	if checked < want {
		return "a checksum that was not looked at"
	}
	return ""
}

// dissect gives what tshark says of each frame: malformed, complaints, the checksums' states, the protocols.
func dissect(t *testing.T, tshark string, frames [][]byte) []string {
	t.Helper()
	var b bytes.Buffer
	p, err := NewPcapWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range frames {
		if err := p.Write(spec.Time(i)*spec.Time(time.Second)+5, f); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "frames.pcap")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-n", "-r", file, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
		"-d", "udp.port==47001,data", // or it guesses at what the payload is
		"-T", "fields", "-E", "separator=|"}
	for _, f := range []string{"_ws.malformed", "_ws.expert.message", "ip.checksum.status", "udp.checksum.status",
		"igmp.checksum.status", "icmpv6.checksum.status", "pim.cksum.status", "frame.protocols"} {
		args = append(args, "-e", f)
	}
	said, err := exec.Command(tshark, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimRight(string(said), "\n"), "\n")
}
