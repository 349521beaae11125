package ipmulticast

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/conform-go/conform/spec"
)

func TestKindsOfGroups(t *testing.T) {
	for _, c := range []struct {
		a                            string
		group, linkLocal, reportable bool
	}{
		{"223.255.255.255", false, false, false},
		{"224.0.0.0", true, true, true},
		{"224.0.0.1", true, true, false},
		{"224.0.0.2", true, true, true},
		{"224.0.0.255", true, true, true},
		{"224.0.1.0", true, false, true},
		{"239.255.255.255", true, false, true},
		{"240.0.0.0", false, false, false},
		{"244.0.0.1", false, false, false},
		{"255.255.255.255", false, false, false},
		{"::ffff:224.0.0.5", false, false, false},
		{"fe80::1", false, false, false},
		{"ff00::1", true, true, false}, // reserved
		{"ff01::1", true, true, false}, // the interface
		{"ff02::1", true, true, false},
		{"ff02::2", true, true, true},
		{"ff12::1", true, true, true},
		{"ff05::1:3", true, false, true},
		{"ff0e::1", true, false, true},
	} {
		a := addr(c.a)
		if IsGroup(a) != c.group || LinkLocal(a) != c.linkLocal || Reportable(a) != c.reportable {
			t.Errorf("%s: group %t, link-local %t, reportable %t", a, IsGroup(a), LinkLocal(a), Reportable(a))
		}
	}
	if none := (netip.Addr{}); IsGroup(none) || LinkLocal(none) || Reportable(none) {
		t.Error("no address is no group")
	}
}

func TestParseGroup(t *testing.T) {
	for s, want := range map[string]string{
		"224.0.0.1": "224.0.0.1", "all-systems": "224.0.0.1", "All-Routers": "224.0.0.2", "igmpv3-routers": "224.0.0.22",
		"sgi-dogfight": "224.0.1.2", "audionews": "224.0.1.7", "amex-market-data": "224.0.23.52",
		"microsoft-and-msnbc-0": "224.0.12.0", "microsoft-and-msnbc-63": "224.0.12.63",
		"rip-routers-v6": "ff02::9", "FF02:0:0:0:0:0:0:9": "ff02::9", "239.1.2.3": "239.1.2.3", "ff05::1:3": "ff05::1:3",
	} {
		if a, err := ParseGroup(s); err != nil || a != addr(want) {
			t.Errorf("%s: %v, %v; want %s", s, a, err, want)
		}
	}
	for s, why := range map[string]string{
		"244.0.0.1":              "some texts print it for 224.0.0.1",
		"240.0.0.1":              "class E",
		"255.255.255.255":        "broadcast",
		"10.0.0.1":               "not of class D",
		"2001:db8::1":            "ff00::/8",
		"::ffff:224.0.0.1":       "ff00::/8",
		"ff02::1%eth0":           "interface",
		"nobody":                 "neither an address nor a well-known name",
		"":                       "neither",
		"microsoft-and-msnbc-64": "end at microsoft-and-msnbc-63",
		"microsoft-and-msnbc-":   "neither",
	} {
		if a, err := ParseGroup(s); err == nil || !strings.Contains(err.Error(), why) || a.IsValid() {
			t.Errorf("%q: %v, %v; the error must say %q", s, a, err, why)
		}
	}
}

func TestGroupNamesAreInverse(t *testing.T) {
	groups := addrs("224.0.12.0", "224.0.12.63", "224.0.12.64", "224.0.0.77", "ff02::77")
	for _, k := range known {
		groups = append(groups, k.group)
		if got := GroupName(k.group); got != k.name {
			t.Errorf("%s is %q, want %q", k.group, got, k.name)
		}
	}
	r := spec.NewRand(1)
	for i := range 200 {
		groups = append(groups, anyGroup(&r, i%2 == 0))
	}
	for _, g := range groups {
		if a, err := ParseGroup(GroupName(g)); err != nil || a != g {
			t.Errorf("%s is named %q, which is read as %v, %v", g, GroupName(g), a, err)
		}
	}
}
