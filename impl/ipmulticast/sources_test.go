package ipmulticast

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// The tables of RFC 3376 sections 6.4.1 and 6.4.2. A state is the mode and the sources, blocked ones with a minus. The
// group has been there for 100 s.
func TestRecords(t *testing.T) {
	for _, c := range []struct {
		before, record, after, asks string
	}{
		{"in a b", "is-in b c", "in a b c", ""},
		{"in a b", "is-ex b c", "ex b -c", ""},
		{"ex a b -y", "is-in a y c", "ex a b c y", ""},
		{"ex a b -y -z", "is-ex a y c", "ex a c -y", ""},

		{"in a b", "allow b c", "in a b c", ""},
		{"in a b", "block b c", "in a b", "[b]"},
		{"in a b", "to-ex b c", "ex b -c", "[b]"},
		{"in a b", "to-in b c", "in a b c", "[a]"},
		{"ex a b -y", "allow a y c", "ex a b c y", ""},
		{"ex a b -y", "block a y c", "ex a b c -y", "[a c]"},
		{"ex a b -y -z", "to-ex a y c", "ex a c -y", "[a c]"},
		{"ex a b -y", "to-in a c", "ex a b c -y", "[b] group"},

		{"in", "to-ex", "ex", ""},
		{"in", "to-in", "in", ""},
		{"in", "to-in a", "in a", ""},
		{"in", "block a", "in", ""},
		{"in", "is-ex a", "ex -a", ""},
		{"ex", "to-in", "ex", "group"},
		{"in a", "to-in", "in a", "[a]"},
	} {
		t.Run(c.before+", "+c.record, func(t *testing.T) {
			l := newLAN(t)
			r := newLANQuerier(1, 3)
			l.add("r", r)
			build(l, c.before)
			if got := state(r); got != c.before {
				t.Fatalf("built %q, want %q", got, c.before)
			}
			l.run(100 * time.Second)
			l.take()
			l.put(0, recordFrame(c.record))
			if got := state(r); got != c.after {
				t.Errorf("state %q, want %q", got, c.after)
			}
			if got := asked(l.take("query3")); got != c.asks {
				t.Errorf("asked %q, want %q", got, c.asks)
			}
		})
	}
}

// recordFrame makes a report of version 3 with one record for group 1: "to-in a b".
func recordFrame(s string) []byte {
	f := strings.Fields(s)
	r := Record{Group: group4(1), Type: map[string]RecordType{"is-in": IsIn, "is-ex": IsEx, "to-in": ToIn, "to-ex": ToEx,
		"allow": Allow, "block": BlockRT}[f[0]]}
	for _, a := range f[1:] {
		r.Sources = append(r.Sources, source(a))
	}
	return lanMessageFrom(9, false, "224.0.0.22", Listen{Kind: Report, Version: 3, Records: []Record{r}})
}

// source gives the source of a letter.
func source(letter string) netip.Addr { return netip.AddrFrom4([4]byte{10, 9, 0, letter[0]}) }

// build brings group 1 into a state.
func build(l *lan, s string) {
	f := strings.Fields(s)
	if f[0] == "ex" {
		blocked, wanted := "is-ex", "is-in"
		for _, a := range f[1:] {
			if strings.HasPrefix(a, "-") {
				blocked += " " + a[1:]
			} else {
				wanted += " " + a
			}
		}
		l.put(0, recordFrame(blocked))
		l.put(0, recordFrame(wanted))
	} else if len(f) > 1 {
		l.put(0, recordFrame("is-in "+strings.Join(f[1:], " ")))
	}
}

// state gives the state of group 1: the wanted sources first.
func state(r *lanQuerier) string {
	i, ok := r.find(group4(1))
	if !ok {
		return "in"
	}
	g := &r.list[i]
	s := map[bool]string{false: "in", true: "ex"}[g.exclude]
	for _, blocked := range []bool{false, true} {
		for _, w := range g.sources {
			if w.blocked == blocked {
				s += map[bool]string{false: " ", true: " -"}[blocked] + string(rune(low32(w.addr)[3]))
			}
			if r.wants(group4(1), w.addr) == w.blocked {
				s += "?"
			}
		}
	}
	if r.wants(group4(1), source("q")) != g.exclude {
		s += "?"
	}
	return s
}

// asked gives what queries ask: the sources, or the group.
func asked(lines []string) string {
	var list []string
	for _, line := range lines {
		_, s, _ := strings.Cut(line, "query3 224.1.0.1 ")
		if !strings.HasPrefix(s, "[") {
			list = append(list, "group")
			continue
		}
		s, _, _ = strings.Cut(s, "]")
		for a := 'a'; a <= 'z'; a++ {
			s = strings.ReplaceAll(s, source(string(a)).String(), string(a))
		}
		list = append(list, s+"]")
	}
	return strings.Join(list, " ")
}

// The timers of RFC 3376 section 6.
func TestSourceTimers(t *testing.T) {
	for _, c := range []struct {
		name   string
		states []any // a record, a time to pass, or "= state"
		told   []string
	}{
		{"a source that nobody wants any more", []any{"is-in a b", 100 * time.Second, "is-in b", 161 * time.Second, "= in b"},
			[]string{"0.000 224.1.0.1 true"}},
		{"the last source", []any{"is-in a", 261 * time.Second, "= in"}, []string{"0.000 224.1.0.1 true", "260.000 224.1.0.1 false"}},
		{"the mode ends", []any{"is-ex", 100 * time.Second, "is-in a", "= ex a", 161 * time.Second, "= in a"}, []string{"0.000 224.1.0.1 true"}},
		{"blocked sources go with the mode", []any{"is-ex a", 261 * time.Second, "= in"},
			[]string{"0.000 224.1.0.1 true", "260.000 224.1.0.1 false"}},
		{"a wanted source is blocked again", []any{"is-in a", 100 * time.Second, "to-ex a", "= ex a", 3 * time.Second, "= ex -a"},
			[]string{"0.000 224.1.0.1 true"}},
		{"somebody answers for a source", []any{"is-in a b", "to-in", time.Second, "is-in a", 2 * time.Second, "= in a"},
			[]string{"0.000 224.1.0.1 true"}},
		{"nobody answers", []any{"is-in a b", "to-in", 3 * time.Second, "= in"}, []string{"0.000 224.1.0.1 true", "2.000 224.1.0.1 false"}},
		{"nobody answers, said twice", []any{"is-in a b", "to-in", time.Second, "to-in", 3 * time.Second, "= in"},
			[]string{"0.000 224.1.0.1 true", "2.000 224.1.0.1 false"}},
		{"the group is left, a source is not", []any{"to-ex", "to-in a", 3 * time.Second, "= in a"}, []string{"0.000 224.1.0.1 true"}},
		{"a source is blocked", []any{"to-ex", "block a", "= ex a", 3 * time.Second, "= ex -a"}, []string{"0.000 224.1.0.1 true"}},
	} {
		l := newLAN(t)
		r := newLANQuerier(1, 3)
		l.add("r", r)
		for _, x := range c.states {
			switch x := x.(type) {
			case time.Duration:
				l.run(x)
			case string:
				if want, ok := strings.CutPrefix(x, "= "); !ok {
					l.put(0, recordFrame(x))
				} else if got := state(r); got != want {
					t.Errorf("%s: state %q, want %q", c.name, got, want)
				}
			}
		}
		r.told(t, c.told...)
	}
}

// After an answer the queries go on, with the S flag (RFC 3376 section 6.6.3).
func TestSuppressFlag(t *testing.T) {
	l := newLAN(t)
	l.add("r", newLANQuerier(1, 3))
	l.put(0, recordFrame("is-in a b"))
	l.put(0, recordFrame("is-ex"))
	l.put(0, recordFrame("is-in a b"))
	l.take()
	l.put(0, recordFrame("to-in"))
	l.put(0, recordFrame("is-in a"))
	l.put(0, recordFrame("is-ex a b"))
	l.run(10 * time.Second)
	l.sent(`
		0.000 r: 10.0.0.1 > 224.1.0.1 query3 224.1.0.1 [10.9.0.97 10.9.0.98] within 1s
		0.000 r: 10.0.0.1 > 224.1.0.1 query3 224.1.0.1 within 1s
		1.000 r: 10.0.0.1 > 224.1.0.1 query3 224.1.0.1 [10.9.0.97] within 1s suppress
		1.000 r: 10.0.0.1 > 224.1.0.1 query3 224.1.0.1 [10.9.0.98] within 1s
		1.000 r: 10.0.0.1 > 224.1.0.1 query3 224.1.0.1 within 1s suppress`)
}

// With a host of version 2 in the group, nobody can say that a source is not wanted (RFC 3376 section 7.3.2).
func TestOldHostsWantAllSources(t *testing.T) {
	for _, record := range []string{"block a", "to-ex a"} {
		l := newLAN(t)
		r := newLANQuerier(1, 3)
		l.add("r", r)
		l.put(0, lanMessageFrom(8, false, "224.1.0.1", Listen{Kind: Report, Version: 2, Group: group4(1)}))
		l.run(time.Second)
		l.take()
		l.put(0, recordFrame(record))
		l.run(10 * time.Second)
		l.sent("")
		if got := state(r); got != "ex" {
			t.Errorf("%s: state %q, want ex", record, got)
		}
	}
}

func TestOthersObeyForSources(t *testing.T) {
	l := newLAN(t)
	r := newLANQuerier(2, 3)
	l.add("r", r)
	l.put(0, general(3))
	l.put(0, recordFrame("is-in a b"))
	ask := Listen{Kind: Query, Version: 3, Group: group4(1), MaxResponse: time.Second, Sources: []netip.Addr{source("a"), source("c")}}
	l.put(0, lanMessageFrom(1, false, "224.1.0.1", ask))
	ask.Group = group4(2) // nobody listens to it
	l.put(0, lanMessageFrom(1, false, "224.1.0.2", ask))
	l.put(0, recordFrame("to-in")) // which only the querier acts upon
	l.run(10 * time.Second)
	if got := state(r); got != "in b" || r.wants(group4(2), source("b")) {
		t.Errorf("state %q", got)
	}
}

// A router that loses the election while it asks for the last listeners stops.
func TestTheNewQuerierAsks(t *testing.T) {
	l := newLAN(t)
	r := newLANQuerier(2, 3)
	l.add("r", r)
	l.put(0, recordFrame("is-in a"))
	l.put(0, recordFrame("is-ex"))
	l.put(0, recordFrame("is-in a"))
	l.take()
	l.put(0, recordFrame("to-in"))
	if got := asked(l.take("query3")); got != "[a] group" {
		t.Fatalf("asked %q", got)
	}
	l.put(0, general(3))
	l.run(10 * time.Second)
	l.sent("")
	r.told(t, "0.000 224.1.0.1 true", "2.000 224.1.0.1 false")
}
