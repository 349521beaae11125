package ipmulticast

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// A host of every version joins and leaves where no router is.
func TestJoinAndLeave(t *testing.T) {
	for _, c := range []struct {
		version    int
		join, left string
		again      int // reports repeated after joining
		leftAgain  int // and after leaving
	}{
		{1, "0.000 h: 10.0.0.10 > 224.1.0.1 report1 224.1.0.1", "", 1, 0},
		{2, "0.000 h: 10.0.0.10 > 224.1.0.1 report2 224.1.0.1", "100.000 h: 10.0.0.10 > 224.0.0.2 leave2 224.1.0.1", 1, 0},
		{3, "0.000 h: 10.0.0.10 > 224.0.0.22 report3 to-ex 224.1.0.1", "100.000 h: 10.0.0.10 > 224.0.0.22 report3 to-in 224.1.0.1", 1, 1},
		{11, "0.000 h: fe80::a > ff15::1 report1 ff15::1", "100.000 h: fe80::a > ff02::2 leave1 ff15::1", 1, 0},
		{12, "0.000 h: fe80::a > ff02::16 report2 to-ex ff15::1", "100.000 h: fe80::a > ff02::16 report2 to-in ff15::1", 1, 1},
	} {
		t.Run(fmt.Sprint(c.version), func(t *testing.T) {
			l := newLAN(t)
			l.add("h", lanHost(0, c.version))
			l.join("h", 1, 0)
			l.sent(c.join)
			l.run(100 * time.Second)
			checkRepeats(t, l.take(), c.join, c.again, 0)
			l.leave("h", 1, 0)
			l.sent(c.left)
			l.run(100 * time.Second)
			checkRepeats(t, l.take(), c.left, c.leftAgain, 100)
		})
	}
}

// checkRepeats checks that a line is repeated so many times, each within the unsolicited report interval.
func checkRepeats(t *testing.T, got []string, line string, n int, since float64) {
	t.Helper()
	if len(got) != n {
		t.Errorf("repeated %d times, want %d: %q", len(got), n, got)
	}
	for i, at := range times(got) {
		if at <= since || at > since+RFC.UnsolicitedReport.Seconds() {
			t.Errorf("repeated at %v, after %v", at, since)
		}
		_, want, _ := strings.Cut(line, " ")
		if !strings.HasSuffix(got[i], want) {
			t.Errorf("repeated %q, want %q", got[i], want)
		}
		since = at
	}
}

func TestRepeatsFollowTheRobustness(t *testing.T) {
	for _, version := range []int{1, 2, 3, 12} {
		l := newLAN(t)
		l.add("h", lanHost(0, version, func(c *HostConfig) { c.Timing.Robustness = 4 }))
		l.add("once", lanHost(1, version, func(c *HostConfig) { c.Rules.Repeats = 1 }), 1)
		l.join("h", 1, 0)
		l.join("once", 1, 0)
		l.run(100 * time.Second)
		all := l.text
		if n := len(l.take(" h:")); n != 4 {
			t.Errorf("version %d: %d reports, want 4: %q", version, n, all)
		}
		l.text = all
		if n := len(l.take(" once:")); n != 1 {
			t.Errorf("version %d: %d reports of the host that does not repeat, want 1", version, n)
		}
	}
}

func TestAllSystemsIsNeverReported(t *testing.T) {
	for _, version := range []int{1, 2, 3} {
		l := newLAN(t)
		l.add("h", lanHost(0, version))
		l.join("h", 200, 0)
		l.put(0, lanMessageFrom(1, false, "224.0.0.1", Listen{Kind: Query, Version: uint8(version), MaxResponse: time.Second}))
		l.run(20 * time.Second)
		l.leave("h", 200, 0)
		l.run(20 * time.Second)
		l.sent("")
	}
}

// general is a general query of version 2, or of the one that is named.
func general(version ...uint8) []byte {
	v := append(version, 2)[0]
	return lanMessageFrom(1, false, "224.0.0.1", Listen{Kind: Query, Version: v, MaxResponse: 10 * time.Second})
}

func TestSuppression(t *testing.T) {
	for _, c := range []struct {
		name     string
		versions [3]int // of h0, h1 in group 1, and h2 in group 2
		query    uint8
		want     int // reports of group 1
	}{
		{"version 1", [3]int{1, 1, 1}, 1, 1},
		{"version 2", [3]int{2, 2, 2}, 2, 1},
		{"version 2 hosts, version 1 query", [3]int{2, 2, 2}, 1, 1},
		{"version 3 hosts, version 2 query", [3]int{3, 3, 3}, 2, 1},
		{"version 3 does not suppress", [3]int{3, 3, 3}, 3, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLAN(t)
			for i, v := range c.versions {
				l.add(fmt.Sprint("h", i), lanHost(spec.NodeID(i), v))
				l.join(fmt.Sprint("h", i), spec.GroupID(1+i/2), 0)
			}
			l.run(100 * time.Second)
			l.take()
			for range 20 { // whoever draws the shorter time
				l.put(0, general(c.query))
				l.run(11 * time.Second)
				all := l.text
				if got := l.take("224.1.0.1"); len(got) != c.want {
					t.Fatalf("%d reports of the group of two hosts, want %d: %q", len(got), c.want, got)
				}
				l.text = all
				if got := l.take("224.1.0.2"); len(got) != 1 {
					t.Fatalf("%d reports of the other group, want 1: %q", len(got), got)
				}
			}
		})
	}
}

// A report of another group, or of a version that the host does not know, suppresses nothing.
func TestWhatDoesNotSuppress(t *testing.T) {
	for _, c := range []struct {
		name  string
		host  int
		frame []byte
		want  int
	}{
		{"same group", 2, lanMessageFrom(9, false, "224.1.0.1", Listen{Kind: Report, Version: 2, Group: group4(1)}), 0},
		{"same group, older version", 2, lanMessageFrom(9, false, "224.1.0.1", Listen{Kind: Report, Version: 1, Group: group4(1)}), 0},
		{"other group", 2, lanMessageFrom(9, false, "224.1.0.2", Listen{Kind: Report, Version: 2, Group: group4(2)}), 1},
		{"other address", 2, lanMessageFrom(9, false, "224.0.0.1", Listen{Kind: Report, Version: 2, Group: group4(1)}), 1},
		{"from afar", 2, lanMessageFrom(9, false, "224.1.0.1", Listen{Kind: Report, Version: 2, Group: group4(1)},
			func(h *IP) { h.TTL = 2 }), 1},
		{"newer version", 1, lanMessageFrom(9, false, "224.1.0.1", Listen{Kind: Report, Version: 2, Group: group4(1)}), 1},
	} {
		l := newLAN(t)
		l.add("h", lanHost(0, c.host))
		l.join("h", 1, 0)
		l.join("h", 2, 0)
		l.run(100 * time.Second)
		l.take()
		l.put(0, general())
		l.put(0, c.frame)
		l.run(11 * time.Second)
		if got := l.take("224.1.0.1 report"); len(got) != c.want {
			t.Errorf("%s: %d reports, want %d", c.name, len(got), c.want)
		}
	}
}

func TestSuppressionRuleIsAsked(t *testing.T) {
	l := newLAN(t)
	l.add("h", lanHost(0, 2, func(c *HostConfig) { c.Rules.Suppresses = func(_, _ netip.Addr) bool { return true } }))
	l.join("h", 1, 0)
	l.join("h", 2, 0)
	l.run(100 * time.Second)
	l.take()
	l.put(0, general())
	l.put(0, lanMessageFrom(9, false, "224.1.0.2", Listen{Kind: Report, Version: 2, Group: group4(2)}))
	l.run(11 * time.Second)
	l.sent("")
}

// Only the host that reported last says that it leaves (RFC 2236 section 3).
func TestOnlyTheLastReporterLeavesAloud(t *testing.T) {
	l := newLAN(t)
	l.add("h0", lanHost(0, 2))
	l.add("h1", lanHost(1, 2))
	l.join("h0", 1, 0)
	l.join("h1", 1, 0) // its report suppresses the repetition of h0's
	l.run(100 * time.Second)
	l.take()
	l.leave("h0", 1, 0)
	l.sent("")
	l.leave("h1", 1, 0)
	l.sent("100.000 h1: 10.0.0.11 > 224.0.0.2 leave2 224.1.0.1")
}

func TestQueriesThatAreIgnored(t *testing.T) {
	query := Listen{Kind: Query, Version: 2, MaxResponse: time.Second}
	specific := Listen{Kind: Query, Version: 2, Group: group4(1), MaxResponse: time.Second}
	other := Listen{Kind: Query, Version: 2, Group: group4(2), MaxResponse: time.Second}
	afar := func(h *IP) { h.TTL = 2 }
	for _, c := range []struct {
		name  string
		host  int
		frame []byte
		want  int
	}{
		{"general", 2, lanMessageFrom(1, false, "224.0.0.1", query), 1},
		{"specific", 2, lanMessageFrom(1, false, "224.1.0.1", specific), 1},
		{"specific, version 1", 1, lanMessageFrom(1, false, "224.1.0.1", specific), 0},
		{"from afar", 2, lanMessageFrom(1, false, "224.0.0.1", query, afar), 0},
		{"general to a group", 2, lanMessageFrom(1, false, "224.1.0.1", query), 0},
		{"specific to all", 2, lanMessageFrom(1, false, "224.0.0.1", specific), 0},
		{"specific to another", 2, lanMessageFrom(1, false, "224.1.0.2", other), 0},
	} {
		l := newLAN(t)
		l.add("h", lanHost(0, c.host))
		l.join("h", 1, 0)
		l.run(100 * time.Second)
		l.take()
		l.put(0, c.frame)
		l.run(20 * time.Second)
		if got := l.take("report"); len(got) != c.want {
			t.Errorf("%s: %d answers, want %d", c.name, len(got), c.want)
		}
	}
}

// A running timer is set again only where it would be too late (RFC 2236 section 3), and never by a host of version 1.
func TestASecondQuery(t *testing.T) {
	for _, c := range []struct {
		host   int
		second time.Duration
		before float64 // by when the answer must be there
	}{
		{2, time.Second, 101},
		{2, 20 * time.Second, 110},
		{1, time.Second, 110},
	} {
		for seed := range uint64(20) {
			l := newLAN(t)
			l.add("h", lanHost(0, c.host, func(h *HostConfig) { h.Seed = seed }))
			l.join("h", 1, 0)
			l.run(100 * time.Second)
			l.take()
			l.put(0, general())
			l.put(0, lanMessageFrom(1, false, "224.0.0.1", Listen{Kind: Query, Version: 2, MaxResponse: c.second}))
			l.run(30 * time.Second)
			at := times(l.take("report"))
			if len(at) != 1 || at[0] <= 100 || at[0] > c.before {
				t.Errorf("version %d, second query %v: answers at %v, want one before %v", c.host, c.second, at, c.before)
			}
		}
	}
}

// While a querier of an older version is around, a host speaks that version (RFC 2236 section 4, RFC 3376 section 7.2).
func TestOlderQuerier(t *testing.T) {
	for _, c := range []struct {
		name    string
		host    int
		query   uint8
		now     string        // how it joins a group
		leaves  string        // how it leaves a group
		for_    time.Duration // how long it lasts
		joining string        // how it joins later
	}{
		{"2 hears 1", 2, 1, "report1 224.1.0.1", "", RFC.Version1RouterPresent, "report2 224.1.0.2"},
		{"3 hears 1", 3, 1, "report1 224.1.0.1", "", 260 * time.Second, "report3 to-ex 224.1.0.2"},
		{"3 hears 2", 3, 2, "report2 224.1.0.1", "leave2 224.1.0.1", 260 * time.Second, "report3 to-ex 224.1.0.2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLAN(t)
			l.add("h", lanHost(0, c.host))
			l.put(0, general(c.query))
			l.join("h", 1, 0)
			l.run(0)
			if got := l.take(); len(got) != 1 || !strings.HasSuffix(got[0], c.now) {
				t.Errorf("joined by %q, want %q", got, c.now)
			}
			l.run(100 * time.Second)
			l.take()
			l.leave("h", 1, 0)
			if got := l.take(); len(got) > 1 || len(got) == 0 != (c.leaves == "") || len(got) == 1 && !strings.HasSuffix(got[0], c.leaves) {
				t.Errorf("left by %q, want %q", got, c.leaves)
			}
			l.run(c.for_ - 101*time.Second)
			l.join("h", 3, 0)
			if got := l.take(); len(got) != 1 || !strings.HasSuffix(got[0], "224.1.0.3 "+strings.Fields(c.now)[0]+" 224.1.0.3") {
				t.Errorf("just before the end joined by %q", got)
			}
			l.run(time.Second)
			l.take()
			l.join("h", 2, 0)
			if got := l.take(); len(got) != 1 || !strings.HasSuffix(got[0], c.joining) {
				t.Errorf("later joined by %q, want %q", got, c.joining)
			}
		})
	}
}

// A change of the version drops what a host of version 3 was about to say.
func TestAChangeOfVersionCancels(t *testing.T) {
	l := newLAN(t)
	l.add("h", lanHost(0, 3))
	l.join("h", 1, 0)
	l.join("h", 2, 0)
	l.leave("h", 2, 0)
	l.take()
	l.put(0, general(2))
	l.run(20 * time.Second)
	got := l.take()
	if len(got) != 1 || !strings.HasSuffix(got[0], "report2 224.1.0.1") {
		t.Errorf("sent %q, want one report of version 2", got)
	}
}

func TestVersion3Answers(t *testing.T) {
	a, b := netip.MustParseAddr("10.9.0.1"), netip.MustParseAddr("10.9.0.2")
	ask := func(within time.Duration, sources ...netip.Addr) []byte {
		return lanMessageFrom(1, false, "224.1.0.1", Listen{Kind: Query, Version: 3, Group: group4(1), MaxResponse: within, Sources: sources})
	}
	all := func(within time.Duration) []byte {
		return lanMessageFrom(1, false, "224.0.0.1", Listen{Kind: Query, Version: 3, MaxResponse: within})
	}
	for _, c := range []struct {
		name    string
		queries [][]byte
		want    []string
	}{
		{"general", [][]byte{all(time.Second)}, []string{"is-ex 224.1.0.1 is-ex 224.1.0.2"}},
		{"group", [][]byte{ask(time.Second)}, []string{"is-ex 224.1.0.1"}},
		{"sources", [][]byte{ask(time.Second, b, a)}, []string{"is-in 224.1.0.1[10.9.0.1 10.9.0.2]"}},
		{"more sources", [][]byte{ask(time.Second, b), ask(time.Second, a, b)}, []string{"is-in 224.1.0.1[10.9.0.1 10.9.0.2]"}},
		{"sources, then the group", [][]byte{ask(time.Second, b), ask(time.Second)}, []string{"is-ex 224.1.0.1"}},
		{"the group, then sources", [][]byte{ask(time.Second), ask(time.Second, b)}, []string{"is-ex 224.1.0.1"}},
		{"the longer time second", [][]byte{ask(time.Second, b), ask(1000 * time.Second)}, []string{"is-ex 224.1.0.1"}},
		{"general first", [][]byte{all(time.Nanosecond), ask(time.Second)}, []string{"is-ex 224.1.0.1 is-ex 224.1.0.2"}},
	} {
		l := newLAN(t)
		l.add("h", lanHost(0, 3))
		for g := range spec.GroupID(3) {
			l.join("h", g+1, 0)
		}
		l.leave("h", 3, 0)
		l.run(100 * time.Second)
		l.take()
		for _, q := range c.queries {
			// Straight to the machine, so that a time of 0 has not passed before the next one.
			l.give("h", impl.Input{Kind: impl.Packet, Body: q})
		}
		l.run(5 * time.Second)
		var got []string
		for i, at := range times(l.text) {
			if at > 101 {
				t.Errorf("%s: answered at %v", c.name, at)
			}
			_, s, _ := strings.Cut(l.text[i], "report3 ")
			got = append(got, s)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: answered %q, want %q", c.name, got, c.want)
		}
	}
}

// What a host was about to say of a group that it leaves is not said.
func TestALeaveCancels(t *testing.T) {
	for i := range 20 {
		version := 2 + i%2
		l := newLAN(t)
		l.add("h", lanHost(0, version, func(c *HostConfig) { c.Seed = uint64(i) }))
		l.join("h", 1, 0)
		l.run(100 * time.Second)
		l.put(0, lanMessageFrom(1, false, "224.1.0.1", Listen{Kind: Query, Version: uint8(version), Group: group4(1), MaxResponse: 10 * time.Second}))
		l.leave("h", 1, 0)
		l.take()
		l.run(20 * time.Second)
		for _, line := range l.take() {
			if !strings.Contains(line, "to-in") {
				t.Errorf("version %d: %q", version, line)
			}
		}
	}
}

func TestManyGroupsFitSeveralReports(t *testing.T) {
	for _, version := range []int{3, 12} {
		l := newLAN(t)
		l.add("h", lanHost(0, version))
		for g := range spec.GroupID(100) {
			l.join("h", g, 0)
		}
		l.run(100 * time.Second)
		l.take()
		frame := general(3)
		if version == 12 {
			frame = lanMessageFrom(1, true, "ff02::1", Listen{Kind: Query, Version: 2, MaxResponse: time.Second})
		}
		l.put(0, frame)
		l.run(20 * time.Second)
		got := l.take("is-ex")
		if n := strings.Count(strings.Join(got, ""), "is-ex"); len(got) != 2 || n != 100 {
			t.Errorf("version %d: %d reports with %d records, want 2 with 100", version, len(got), n)
		}
	}
}

// All times are on the host's clock; those inside of messages are not scaled.
func TestFastClock(t *testing.T) {
	l := newLAN(t)
	l.add("h", lanHost(0, 2, func(c *HostConfig) { c.Timing.Speed = 100 }))
	l.join("h", 1, 0)
	l.run(time.Second)
	l.take()
	l.put(0, general())
	l.run(time.Second)
	if at := times(l.take("report")); len(at) != 1 || at[0] > 1.1 {
		t.Errorf("answered at %v, want within 0.1 s", at)
	}
}
