package ipmulticast

import (
	"encoding/binary"
	"net/netip"
)

// CollidingIPv4 gives the i-th other IPv4 group that has the same hardware address, from those of private use
// (239.0.0.0/8) downward. There are 31, without those in 224.0.0.0/24; after the last they begin again. What is asked
// for must be an IPv4 group.
func CollidingIPv4(group netip.Addr, i int) netip.Addr {
	const shared = 1<<23 - 1 // the bits that the hardware address keeps
	x := group.As4()
	low := binary.BigEndian.Uint32(x[:]) & shared
	var all [32]netip.Addr
	n := 0
	for top := uint32(31); top < 32; top-- { // 0 is followed by the greatest number
		binary.BigEndian.PutUint32(x[:], 0xe0000000|top<<23|low)
		if a := netip.AddrFrom4(x); a != group && !LinkLocal(a) {
			all[n] = a
			n++
		}
	}
	return all[i%n]
}

// SameBin gives the i-th group that has another hardware address than a, but falls into the same of 64 or 512 bins of a
// hash filter: an IPv4 group in 239.128.0.0/9, or an IPv6 group with the first 96 bits of a.
func SameBin(a netip.Addr, bins, i int) netip.Addr {
	m := SameBinMAC(GroupMAC(a), bins, i)
	if a.Is4() {
		return netip.AddrFrom4([4]byte{239, 128 | m[3], m[4], m[5]})
	}
	x := a.As16()
	copy(x[12:], m[2:])
	return netip.AddrFrom16(x)
}

// SameBinMAC gives the i-th other hardware address with the same first 25 bits that falls into the same of 64 or 512
// bins of a hash filter. There are enough for i in the thousands; the search is over 23 bits.
func SameBinMAC(a MAC, bins, i int) MAC {
	bin := Bin(a, bins)
	for change := uint32(1); change < 1<<23; change++ {
		m := a
		m[3] ^= byte(change >> 16)
		m[4] ^= byte(change >> 8)
		m[5] ^= byte(change)
		if Bin(m, bins) != bin {
			continue
		}
		if i == 0 {
			return m
		}
		i--
	}
	return a
}
