package ipmulticast

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// The well-known groups that hosts and routers use.
var (
	AllSystems       = netip.MustParseAddr("224.0.0.1")
	AllRouters       = netip.MustParseAddr("224.0.0.2")
	AllPIMRouters    = netip.MustParseAddr("224.0.0.13")
	AllIGMPv3Routers = netip.MustParseAddr("224.0.0.22")

	AllNodes6       = netip.MustParseAddr("ff02::1")
	AllRouters6     = netip.MustParseAddr("ff02::2")
	AllPIMRouters6  = netip.MustParseAddr("ff02::d")
	AllMLDv2Routers = netip.MustParseAddr("ff02::16")
)

// known are groups that the registries of IANA name, each name once.
var known = []struct {
	group netip.Addr
	name  string
}{
	{AllSystems, "all-systems"},
	{AllRouters, "all-routers"},
	{netip.MustParseAddr("224.0.0.5"), "ospf-all-routers"},
	{netip.MustParseAddr("224.0.0.9"), "rip2-routers"},
	{AllPIMRouters, "all-pim-routers"},
	{netip.MustParseAddr("224.0.0.18"), "vrrp"},
	{AllIGMPv3Routers, "igmpv3-routers"},
	{netip.MustParseAddr("224.0.0.251"), "mdns"},
	{netip.MustParseAddr("224.0.1.1"), "ntp"},
	{netip.MustParseAddr("224.0.1.2"), "sgi-dogfight"},
	{netip.MustParseAddr("224.0.1.7"), "audionews"},
	{netip.MustParseAddr("224.0.23.52"), "amex-market-data"},
	{netip.MustParseAddr("224.0.23.173"), "philips-health"},

	{AllNodes6, "all-nodes-v6"},
	{AllRouters6, "all-routers-v6"},
	{netip.MustParseAddr("ff02::9"), "rip-routers-v6"},
	{AllPIMRouters6, "all-pim-routers-v6"},
	{AllMLDv2Routers, "mldv2-routers"},
}

// 224.0.12.0 to 224.0.12.63 have one name together; here each has its number behind it.
const (
	rangeName = "microsoft-and-msnbc-"
	rangeLen  = 64
)

var rangeFirst = [4]byte{224, 0, 12, 0}

// IsGroup says whether the address is one of a group: class D (224.0.0.0/4) or ff00::/8.
func IsGroup(a netip.Addr) bool { return a.IsMulticast() && !a.Is4In6() }

// LinkLocal says whether packets to the group are never forwarded, whatever their TTL: 224.0.0.0/24, and IPv6 groups
// of interface- or link-local scope (RFC 4291 section 2.7), or of the reserved scope 0.
func LinkLocal(group netip.Addr) bool {
	if group.Is4() {
		x := group.As4()
		return x[0] == 224 && x[1] == 0 && x[2] == 0
	}
	return IsGroup(group) && scope(group) <= 2
}

// Reportable says whether hosts report the group: all but 224.0.0.1, ff02::1 and IPv6 groups of scope 0 and 1
// (RFC 3376 section 5, RFC 3810 section 6).
func Reportable(group netip.Addr) bool {
	if !IsGroup(group) || group == AllSystems || group == AllNodes6 {
		return false
	}
	return group.Is4() || scope(group) > 1
}

// scope gives the scope of an IPv6 group.
func scope(group netip.Addr) byte {
	x := group.As16()
	return x[1] & 0xf
}

// ParseGroup reads the address or the well-known name of a group; the error says what is wrong with it, for 244.0.0.1
// that it is printed in some texts for 224.0.0.1.
func ParseGroup(s string) (netip.Addr, error) {
	for _, k := range known {
		if strings.EqualFold(k.name, s) {
			return k.group, nil
		}
	}
	if len(s) > len(rangeName) && strings.EqualFold(s[:len(rangeName)], rangeName) {
		n, err := strconv.ParseUint(s[len(rangeName):], 10, 8)
		if err != nil || n >= rangeLen {
			return netip.Addr{}, fmt.Errorf("group %q: the names end at %s%d", s, rangeName, rangeLen-1)
		}
		x := rangeFirst
		x[3] += byte(n)
		return netip.AddrFrom4(x), nil
	}
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return netip.Addr{}, fmt.Errorf("group %q: neither an address nor a well-known name", s)
	case a.Zone() != "":
		return netip.Addr{}, fmt.Errorf("group %s: a group has no interface behind it", s)
	case IsGroup(a):
		return a, nil
	}
	return netip.Addr{}, fmt.Errorf("group %s: %s", s, notGroup(a))
}

// notGroup says why an address is none of a group.
func notGroup(a netip.Addr) string {
	if !a.Is4() {
		return "not in ff00::/8, so it is no group"
	}
	x := a.As4()
	switch {
	case x == [4]byte{244, 0, 0, 1}:
		return "of class E (240.0.0.0/4, reserved), so it is no group; some texts print it for 224.0.0.1, all-systems"
	case x == [4]byte{255, 255, 255, 255}:
		return "the broadcast address is no group"
	case x[0] >= 240:
		return "of class E (240.0.0.0/4, reserved), so it is no group; those are of class D, 224.0.0.0/4"
	}
	return "not of class D (224.0.0.0/4), so it is no group"
}

// GroupName gives the well-known name of a group ("all-systems"), or its address.
func GroupName(group netip.Addr) string {
	for _, k := range known {
		if k.group == group {
			return k.name
		}
	}
	if group.Is4() {
		if x := group.As4(); [3]byte(x[:3]) == [3]byte(rangeFirst[:3]) && x[3] < rangeLen {
			return rangeName + strconv.Itoa(int(x[3]))
		}
	}
	return group.String()
}
