package ipmulticast

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"time"

	"github.com/conform-go/conform/spec"
)

// wire reads bytes in hexadecimal; what stands behind # in a line is a comment.
func wire(s string) []byte {
	var b strings.Builder
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, "#")
		b.WriteString(strings.Join(strings.Fields(line), ""))
	}
	out, err := hex.DecodeString(b.String())
	if err != nil {
		panic(err)
	}
	return out
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func addrs(list ...string) (out []netip.Addr) {
	for _, s := range list {
		out = append(out, addr(s))
	}
	return out
}

// anyHost draws a unicast address.
func anyHost(r *spec.Rand, v6 bool) netip.Addr {
	var x [16]byte
	binary.BigEndian.PutUint64(x[8:], r.Uint64())
	if v6 {
		x[0], x[1] = 0x20, 0x01
		return netip.AddrFrom16(x)
	}
	return netip.AddrFrom4([4]byte{10, x[13], x[14], x[15]})
}

// anyGroup draws an address of a group.
func anyGroup(r *spec.Rand, v6 bool) netip.Addr {
	var x [16]byte
	binary.BigEndian.PutUint64(x[8:], r.Uint64())
	if v6 {
		x[0], x[1] = 0xff, byte(r.IntN(256))
		return netip.AddrFrom16(x)
	}
	return netip.AddrFrom4([4]byte{224 + x[12]%16, x[13], x[14], x[15]})
}

// anyHosts draws up to n unicast addresses; none is nil.
func anyHosts(r *spec.Rand, v6 bool, n int) (out []netip.Addr) {
	for range r.IntN(n + 1) {
		out = append(out, anyHost(r, v6))
	}
	return out
}

// anySeconds draws a time of whole seconds that fits a number of bits.
func anySeconds(r *spec.Rand, bits int) time.Duration {
	return time.Duration(r.IntN(1<<bits)) * time.Second
}

// repair writes the checksum of a message into it, where one belongs: so fuzzing reaches what lies behind the check.
func repair(b []byte, sumOf func([]byte) uint16) {
	if len(b) >= 4 {
		b[2], b[3] = 0, 0
		binary.BigEndian.PutUint16(b[2:], sumOf(b))
	}
}

// broken gives a copy of the bytes for each of their bits, with that bit flipped.
func broken(b []byte) (out [][]byte) {
	for i := range 8 * len(b) {
		c := append([]byte(nil), b...)
		c[i/8] ^= 1 << (i % 8)
		out = append(out, c)
	}
	return out
}
