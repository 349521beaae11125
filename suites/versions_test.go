package suites

import (
	"slices"
	"testing"

	"github.com/conform-go/conform/spec"
)

// Every LAN with enough hosts has them of all versions, next to each other.
func TestVersionsByTurns(t *testing.T) {
	for _, c := range []struct {
		options []Setting
		want    []int
	}{
		{[]Setting{{"igmp", "mixed"}}, []int{1, 2, 3, 2, 3, 1, 3, 1, 2}},
		{[]Setting{{"igmp", "mixed"}, {"subnets", "2"}}, []int{1, 2, 2, 3, 3, 1}},
		{[]Setting{{"igmp", "mixed"}, {"subnets", "1"}}, []int{1, 2, 3, 1}},
		{[]Setting{{"igmp", "mixed"}, {"subnets", "1"}, {"version", "6"}}, []int{2, 3, 2}},
		{[]Setting{{"igmp", "3"}, {"querier", "1"}}, []int{3, 3, 3}},
	} {
		n, _ := Cell{Transport: Variant{Name: "ip", Options: c.options}}.network()
		for h, want := range c.want {
			if got := n.known(h); got != want {
				t.Errorf("%v: host %d knows version %d, want %d", c.options, h, got, want)
			}
		}
	}
}

// What a mix promises follows from its oldest host and from the routers: who can't say that it leaves makes leaves
// of others unbelievable (RFC 3376 section 7.3.2), and of MLD every version can.
func TestVersionsClaimed(t *testing.T) {
	for _, c := range []struct {
		options                          string
		leave, suppression, query, apart bool
	}{
		{"igmp=1", false, true, false, false},
		{"igmp=2", true, true, true, false},
		{"igmp=3", true, false, true, false},
		{"igmp=mixed", false, true, true, true},
		{"igmp=mixed,querier=2", false, true, true, true},
		{"igmp=mixed,querier=1", false, true, false, false},
		{"igmp=mixed,version=6", true, true, true, false},
		{"igmp=3,querier=2", true, true, true, false},
		{"igmp=1,querier=3", false, true, true, false},
	} {
		cell, err := ParseCell("ip:" + c.options + "/unreliable/unordered/anonymous")
		if err != nil {
			t.Fatal(err)
		}
		claims := func(id spec.ID) bool { _, ok := cell.Claims().Get(id); return ok }
		if claims("IGMP-LEAVE") != c.leave || claims("IGMP-SUPPRESSION") != c.suppression || claims("IGMP-QUERIER") != c.query {
			t.Errorf("%s claims %v", c.options, cell.Claims())
		}
		if slices.ContainsFunc(cell.Separations(), func(s Separation) bool { return s.ID == "IGMP-LEAVE" }) != c.apart {
			t.Errorf("%s: a leave that nobody asks about is wanted: %v", c.options, !c.apart)
		}
	}
	for _, bad := range []string{"igmp=1,version=6", "querier=1,version=6", "igmp=mixed,querier=1,version=6"} {
		if c, err := ParseCell("ip:" + bad + "/unreliable/unordered"); err == nil && c.Applicable() == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
