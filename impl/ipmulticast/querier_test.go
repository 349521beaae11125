package ipmulticast

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

func TestGeneralQueries(t *testing.T) {
	for _, c := range []struct {
		version int
		query   string
	}{
		{1, "10.0.0.1 > 224.0.0.1 query1"},
		{2, "10.0.0.1 > 224.0.0.1 query2 within 10s"},
		{3, "10.0.0.1 > 224.0.0.1 query3 within 10s"},
		{11, "fe80::1 > ff02::1 query1 within 10s"},
		{12, "fe80::1 > ff02::1 query2 within 10s"},
	} {
		l := newLAN(t)
		l.add("r", newLANQuerier(1, c.version))
		l.run(290 * time.Second)
		l.sent(fmt.Sprintf("0.000 r: %s\n31.250 r: %s\n156.250 r: %s\n281.250 r: %s", c.query, c.query, c.query, c.query))
	}
}

// The lowest address asks; when it falls silent, another takes over after the Other Querier Present Interval, 255 s.
func TestElection(t *testing.T) {
	for _, version := range []int{2, 3, 11, 12} {
		l := newLAN(t)
		low, high := newLANQuerier(1, version), newLANQuerier(2, version)
		l.add("high", high)
		l.add("low", low)
		l.run(time.Second)
		if !low.elected() || high.elected() {
			t.Fatalf("version %d: low %v, high %v", version, low.elected(), high.elected())
		}
		l.run(400 * time.Second)
		if got := l.take(" high:"); len(got) != 1 {
			t.Errorf("version %d: the router with the higher address asked: %q", version, got)
		}
		l.remove("low") // its last query was at 281.25 s
		l.run(281250*time.Millisecond + 255*time.Second - time.Duration(l.now) - time.Millisecond)
		l.sent("")
		l.run(time.Millisecond)
		if got := times(l.take(" high:", "query")); !slices.Equal(got, []float64{536.25}) || !high.elected() {
			t.Errorf("version %d: took over at %v", version, got)
		}
		l.run(RFC.QueryInterval)
		if got := times(l.take(" high:", "query")); !slices.Equal(got, []float64{661.25}) {
			t.Errorf("version %d: asked again at %v", version, got)
		}
	}
}

func TestNoElection(t *testing.T) {
	l := newLAN(t) // version 1 has none
	one, two := newLANQuerier(1, 1), newLANQuerier(2, 1)
	l.add("one", one)
	l.add("two", two)
	l.run(60 * time.Second)
	if got := l.take("query1"); len(got) != 4 || !one.elected() || !two.elected() {
		t.Errorf("asked %q", got)
	}
	l = newLAN(t) // a switch that asks has no address, and one from afar is none
	r := newLANQuerier(2, 2)
	l.add("r", r)
	query := Listen{Kind: Query, Version: 2, MaxResponse: time.Second}
	l.put(0, lanMessageFrom(1, false, "224.0.0.1", query, func(h *IP) { h.Src = netip.IPv4Unspecified() }))
	l.put(0, lanMessageFrom(1, false, "224.0.0.1", query, func(h *IP) { h.TTL = 2 }))
	l.put(0, lanMessageFrom(1, false, "224.0.0.1", query, func(h *IP) { h.Src = netip.MustParseAddr("9.0.0.1") }))
	l.put(0, lanMessageFrom(3, false, "224.0.0.1", query))
	if !r.elected() {
		t.Error("lost the election to nobody")
	}
	l.put(0, lanMessageFrom(1, false, "224.0.0.1", query))
	if r.elected() {
		t.Error("won the election against a lower address")
	}
}

// A router that is not the querier takes over its variables (RFC 3376 section 4.1.6).
func TestVariablesOfTheQuerier(t *testing.T) {
	l := newLAN(t)
	r := newLANQuerier(2, 3)
	l.add("r", r)
	l.put(0, lanMessageFrom(1, false, "224.0.0.1", Listen{Kind: Query, Version: 3, MaxResponse: time.Second, Robustness: 3, Interval: 20 * time.Second}))
	l.put(0, lanMessageFrom(9, false, "224.1.0.1", Listen{Kind: Report, Version: 2, Group: group4(1)}))
	l.run(200 * time.Second)
	r.told(t, "0.000 224.1.0.1 true", "70.000 224.1.0.1 false")
}

func TestAgeing(t *testing.T) {
	for _, version := range []int{1, 2, 3, 11, 12} {
		l := newLAN(t)
		r := newLANQuerier(1, version)
		l.add("r", r)
		h := lanHost(0, version, func(c *HostConfig) { c.Rules.Repeats = 1 })
		l.add("h", h)
		l.join("h", 1, 0)
		group := lanGroup(version > 10)(1)
		r.told(t, fmt.Sprintf("0.000 %v true", group))
		l.run(1000 * time.Second)
		r.told(t)
		if !r.listening(group) || !slices.Equal(r.groups(), []netip.Addr{group}) {
			t.Errorf("version %d: groups %v", version, r.groups())
		}
		last := times(l.take(" h:"))
		l.remove("h")
		l.run(260 * time.Second)
		r.told(t, fmt.Sprintf("%.3f %v false", last[len(last)-1]+260, group))
		if r.listening(group) || len(r.groups()) != 0 {
			t.Errorf("version %d: groups %v", version, r.groups())
		}
	}
}

func TestAgeingRuleIsAsked(t *testing.T) {
	l := newLAN(t)
	r := newLANQuerier(1, 2)
	r.rules.Ages = func() bool { return false }
	l.add("r", r)
	l.put(0, lanMessageFrom(9, false, "224.1.0.1", Listen{Kind: Report, Version: 2, Group: group4(1)}))
	l.run(1000 * time.Second)
	r.told(t, "0.000 224.1.0.1 true")
	l.put(0, lanMessageFrom(9, false, "224.0.0.2", Listen{Kind: Leave, Version: 2, Group: group4(1)}))
	l.run(10 * time.Second)
	r.told(t, "1002.000 224.1.0.1 false")
}

// The last leaves: the querier asks twice, and after two seconds the group is gone (RFC 2236 section 3).
func TestLeave(t *testing.T) {
	for _, c := range []struct {
		version     int
		leave, asks string
	}{
		{2, "10.0.0.10 > 224.0.0.2 leave2 224.1.0.1", "10.0.0.1 > 224.1.0.1 query2 224.1.0.1 within 1s"},
		{3, "10.0.0.10 > 224.0.0.22 report3 to-in 224.1.0.1", "10.0.0.1 > 224.1.0.1 query3 224.1.0.1 within 1s"},
		{11, "fe80::a > ff02::2 leave1 ff15::1", "fe80::1 > ff15::1 query1 ff15::1 within 1s"},
		{12, "fe80::a > ff02::16 report2 to-in ff15::1", "fe80::1 > ff15::1 query2 ff15::1 within 1s"},
	} {
		l := newLAN(t)
		r := newLANQuerier(1, c.version)
		l.add("r", r)
		l.add("h", lanHost(0, c.version, func(h *HostConfig) { h.Timing.Robustness = 1 }))
		l.join("h", 1, 0)
		l.run(100 * time.Second)
		l.take()
		r.changes = nil
		l.leave("h", 1, 0)
		l.run(10 * time.Second)
		l.sent(fmt.Sprintf("100.000 h: %s\n100.000 r: %s\n101.000 r: %s", c.leave, c.asks, c.asks))
		r.told(t, fmt.Sprintf("102.000 %v false", lanGroup(c.version > 10)(1)))
	}
}

// Another host is still in the group: it answers, and nothing changes. Without the query its membership would end.
func TestAnotherHostKeepsTheGroup(t *testing.T) {
	for _, version := range []int{2, 3, 11, 12} {
		for _, asks := range []bool{true, false} {
			l := newLAN(t)
			r, other := newLANQuerier(1, version), newLANQuerier(2, version)
			r.rules.SpecificQueries = func() bool { return asks }
			l.add("r", r)
			l.add("other", other)
			l.add("h0", lanHost(0, version))
			l.add("h1", lanHost(1, version))
			l.join("h1", 1, 0)
			l.join("h0", 1, 0)
			l.run(100 * time.Second)
			l.take()
			r.changes, other.changes = nil, nil
			queries := 2 // in version 3 the second one with the S flag
			if r.level == 2 {
				queries = 1
			}
			leave := Listen{Kind: Leave, Version: 2, Group: group4(1)}
			if version < 10 {
				l.put(0, lanMessageFrom(10, false, "224.0.0.2", leave))
			} else {
				leave.Version, leave.Group = 1, lanGroup(true)(1)
				l.put(0, lanMessageFrom(10, true, "ff02::2", leave))
			}
			l.run(50 * time.Second)
			if asks {
				if got := l.take(" r:", "within 1s"); len(got) != queries {
					t.Errorf("version %d: asked %q, want %d queries", version, got, queries)
				}
				r.told(t)
				other.told(t)
			} else {
				r.told(t, fmt.Sprintf("102.000 %v false", lanGroup(version > 10)(1)))
				other.told(t)
			}
		}
	}
}

// A second leave while the querier asks changes nothing (RFC 2236 section 7).
func TestTwoLeaves(t *testing.T) {
	l := newLAN(t)
	r := newLANQuerier(1, 2)
	l.add("r", r)
	l.put(0, lanMessageFrom(9, false, "224.1.0.1", Listen{Kind: Report, Version: 2, Group: group4(1)}))
	l.take()
	for range 2 {
		l.put(0, lanMessageFrom(9, false, "224.0.0.2", Listen{Kind: Leave, Version: 2, Group: group4(1)}))
		l.run(500 * time.Millisecond)
	}
	l.run(10 * time.Second)
	l.sent(`
		0.000 r: 10.0.0.1 > 224.1.0.1 query2 224.1.0.1 within 1s
		1.000 r: 10.0.0.1 > 224.1.0.1 query2 224.1.0.1 within 1s`)
	r.told(t, "0.000 224.1.0.1 true", "2.000 224.1.0.1 false")
}

// A router that is not the querier obeys its group-specific queries, not the leave itself.
func TestOthersObeyTheQuerier(t *testing.T) {
	for _, version := range []int{2, 3} {
		l := newLAN(t)
		r := newLANQuerier(2, version)
		l.add("r", r)
		report := lanMessageFrom(9, false, "224.1.0.1", Listen{Kind: Report, Version: 2, Group: group4(1)})
		query := Listen{Kind: Query, Version: uint8(version), Group: group4(1), MaxResponse: time.Second}
		l.put(0, general(uint8(version)))
		l.put(0, report)
		l.put(0, lanMessageFrom(9, false, "224.0.0.2", Listen{Kind: Leave, Version: 2, Group: group4(1)}))
		l.run(100 * time.Second)
		r.told(t, "0.000 224.1.0.1 true")
		if version == 3 { // told to leave its timers alone
			query.Suppress = true
			l.put(0, lanMessageFrom(1, false, "224.1.0.1", query))
			l.run(100 * time.Second)
			r.told(t)
			query.Suppress = false
		}
		at := time.Duration(l.now)
		l.put(0, lanMessageFrom(1, false, "224.1.0.1", query))
		l.run(time.Second)
		l.put(0, report)
		l.run(10 * time.Second)
		r.told(t)
		l.put(0, lanMessageFrom(1, false, "224.1.0.1", query))
		l.run(10 * time.Second)
		r.told(t, fmt.Sprintf("%.3f 224.1.0.1 false", (at+13*time.Second).Seconds()))
	}
}

// While a host of version 1 is in the group, leaves are ignored (RFC 2236 section 5).
func TestOldHosts(t *testing.T) {
	for _, version := range []int{2, 3} {
		l := newLAN(t)
		r := newLANQuerier(1, version)
		l.add("r", r)
		one := lanMessageFrom(8, false, "224.1.0.1", Listen{Kind: Report, Version: 1, Group: group4(1)})
		two := lanMessageFrom(9, false, "224.1.0.1", Listen{Kind: Report, Version: 2, Group: group4(1)})
		leave := lanMessageFrom(9, false, "224.0.0.2", Listen{Kind: Leave, Version: 2, Group: group4(1)})
		l.put(0, one)
		l.run(100 * time.Second)
		l.put(0, two)
		l.put(0, leave)
		l.run(159 * time.Second)
		l.put(0, leave)
		if got := l.take("224.1.0.1 within"); len(got) != 0 {
			t.Errorf("version %d: asked %q", version, got)
		}
		r.told(t, "0.000 224.1.0.1 true")
		l.run(2 * time.Second) // the host of version 1 has been silent for 260 s
		l.put(0, leave)
		l.run(10 * time.Second)
		if got := l.take("224.1.0.1 within"); len(got) != 2 {
			t.Errorf("version %d: asked %q", version, got)
		}
		r.told(t, "263.000 224.1.0.1 false")
	}
}

// What is known of the hosts in a group ends with it.
func TestOldHostsGoWithTheGroup(t *testing.T) {
	l := newLAN(t)
	r := newLANQuerier(2, 2)
	l.add("r", r)
	l.put(0, general())
	l.put(0, lanMessageFrom(8, false, "224.1.0.1", Listen{Kind: Report, Version: 1, Group: group4(1)}))
	if got := r.oldest(group4(1)); got != 1 {
		t.Errorf("the oldest host has version %d, want 1", got)
	}
	l.put(0, lanMessageFrom(1, false, "224.1.0.1", Listen{Kind: Query, Version: 2, Group: group4(1), MaxResponse: time.Second}))
	l.run(3 * time.Second)
	r.told(t, "0.000 224.1.0.1 true", "2.000 224.1.0.1 false")
	if got := r.oldest(group4(1)); got != 2 {
		t.Errorf("the oldest host has version %d, want 2", got)
	}
}

func TestMessagesThatARouterIgnores(t *testing.T) {
	report := Listen{Kind: Report, Version: 2, Group: group4(1)}
	record := Listen{Kind: Report, Version: 3, Records: []Record{{Type: ToEx, Group: group4(1)}}}
	for _, c := range []struct {
		name    string
		version int
		frame   []byte
		want    bool
	}{
		{"report", 2, lanMessageFrom(9, false, "224.1.0.1", report), true},
		{"report of a host without an address", 2, lanMessageFrom(9, false, "224.1.0.1", report, func(h *IP) { h.Src = netip.IPv4Unspecified() }), true},
		{"newer report", 1, lanMessageFrom(9, false, "224.1.0.1", report), false},
		{"report from afar", 2, lanMessageFrom(9, false, "224.1.0.1", report, func(h *IP) { h.TTL = 2 }), false},
		{"report of a stranger", 2, lanMessageFrom(9, false, "224.1.0.1", report, func(h *IP) { h.Src = netip.MustParseAddr("10.7.0.1") }), false},
		{"report to another address", 2, lanMessageFrom(9, false, "224.0.0.2", report), false},
		{"records", 3, lanMessageFrom(9, false, "224.0.0.22", record), true},
		{"newer records", 2, lanMessageFrom(9, false, "224.0.0.22", record), false},
		{"records to another address", 3, lanMessageFrom(9, false, "224.1.0.1", record), false},
		{"all systems", 2, lanMessageFrom(9, false, "224.0.0.1", Listen{Kind: Report, Version: 2, Group: AllSystems}), false},
	} {
		l := newLAN(t)
		r := newLANQuerier(1, c.version)
		l.add("r", r)
		l.put(0, c.frame)
		if got := len(r.groups()) > 0; got != c.want {
			t.Errorf("%s: groups %v", c.name, r.groups())
		}
	}
	l := newLAN(t)
	r := newLANQuerier(1, 2)
	l.add("r", r)
	l.take()
	l.put(0, lanMessageFrom(9, false, "224.0.0.2", Listen{Kind: Leave, Version: 2, Group: group4(1)}))
	l.run(10 * time.Second)
	l.sent("")
	r.told(t)
}

// Hosts of all versions on one link with a router of version 3.
func TestMixedVersions(t *testing.T) {
	l := newLAN(t)
	r := newLANQuerier(1, 3)
	l.add("r", r)
	for i, v := range []int{1, 2, 3} {
		l.add(fmt.Sprint("h", v), lanHost(spec.NodeID(i), v))
		l.join(fmt.Sprint("h", v), 1, 0)
		l.join(fmt.Sprint("h", v), spec.GroupID(v+1), 0)
	}
	l.run(1000 * time.Second)
	if got := r.groups(); !slices.Equal(got, []netip.Addr{group4(1), group4(2), group4(3), group4(4)}) {
		t.Fatalf("groups %v", got)
	}
	r.changes = nil
	from := time.Duration(l.now).Seconds()
	for v := 1; v <= 3; v++ {
		l.leave(fmt.Sprint("h", v), spec.GroupID(v+1), 0)
	}
	l.run(20 * time.Second)
	r.told(t, fmt.Sprintf("%.3f 224.1.0.3 false", from+2), fmt.Sprintf("%.3f 224.1.0.4 false", from+2))
	l.leave("h2", 1, 0)
	l.leave("h3", 1, 0)
	l.run(400 * time.Second)
	if r.listening(group4(2)) || !r.listening(group4(1)) {
		t.Errorf("groups %v", r.groups())
	}
}

func TestQuerierStartsAgain(t *testing.T) {
	l := newLAN(t)
	r := newLANQuerier(2, 2)
	l.add("r", r)
	l.put(0, general())
	l.put(0, lanMessageFrom(9, false, "224.1.0.1", Listen{Kind: Report, Version: 2, Group: group4(1)}))
	l.give("r", impl.Input{Kind: impl.Start, Num: 1})
	if !r.elected() || r.listening(group4(1)) {
		t.Error("it remembers its last life")
	}
}
