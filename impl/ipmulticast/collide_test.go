package ipmulticast

import (
	"net/netip"
	"testing"
)

func TestCollidingIPv4(t *testing.T) {
	for group, others := range map[string]int{"239.1.2.3": 31, "224.1.1.1": 31, "224.0.0.7": 31,
		"230.0.0.7": 30, "230.128.0.7": 30} {
		g := addr(group)
		seen := map[netip.Addr]bool{}
		for i := range others {
			a := CollidingIPv4(g, i)
			if seen[a] || a == g || !IsGroup(a) || LinkLocal(a) || GroupMAC(a) != GroupMAC(g) {
				t.Errorf("%s: the %d-th is %s", g, i, a)
			}
			seen[a] = true
		}
		if a := CollidingIPv4(g, others); a != CollidingIPv4(g, 0) {
			t.Errorf("%s: more than %d others: %s", g, others, a)
		}
	}
	if a := CollidingIPv4(addr("239.1.2.3"), 0); a != addr("239.129.2.3") {
		t.Errorf("%s: private use comes first", a)
	}
}

func TestSameBin(t *testing.T) {
	for _, group := range []string{"239.1.2.3", "224.0.1.7", "ff05::1:3"} {
		for _, bins := range []int{64, 512} {
			g := addr(group)
			seen := map[MAC]bool{GroupMAC(g): true}
			for i := range 20 {
				a := SameBin(g, bins, i)
				m := GroupMAC(a)
				if seen[m] || !IsGroup(a) || LinkLocal(a) || Bin(m, bins) != Bin(GroupMAC(g), bins) || a.Is4() != g.Is4() {
					t.Errorf("%s with %d bins: the %d-th is %s", g, bins, i, a)
				}
				seen[m] = true
			}
		}
	}
}

func TestSameBinMAC(t *testing.T) {
	a := MAC{3, 0, 0, 0x80, 1, 2}
	for i := range 50 {
		if m := SameBinMAC(a, 512, i); m == a || Bin(m, 512) != Bin(a, 512) || [3]byte(m[:3]) != [3]byte(a[:3]) {
			t.Errorf("the %d-th is %s", i, m)
		}
	}
}
