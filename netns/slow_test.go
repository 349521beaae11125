package netns

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/spec"
)

// talk lets host 0 say ten things to hosts 1 and 2 by a group, and gives what each has heard: so much as is wanted,
// however long a busy machine takes, and what comes soon after that.
func talk(t *testing.T, l *LAN, want [3]int, before func()) (heard [3][]string) {
	t.Helper()
	const group = "239.129.9.9"
	var ears [3]ear
	for h := 1; h < 3; h++ {
		ears[h] = listen(t, l, h, 5000).join(h, group)
	}
	known(t, l, group, 1, 2)
	s := listen(t, l, 0, 0)
	before()
	for i := range 10 {
		s.send(group, 5000, fmt.Sprint(i))
	}
	for h := 1; h < 3; h++ {
		for end := time.Now().Add(5 * time.Second); len(heard[h]) < want[h] && time.Now().Before(end); {
			heard[h] = append(heard[h], ears[h].heard(20*time.Millisecond)...)
		}
	}
	for h := 1; h < 3; h++ {
		heard[h] = append(heard[h], ears[h].heard(60*time.Millisecond)...)
		_ = ears[h].Close()
	}
	_ = s.Close()
	return heard
}

// What is late arrives late, and all of it in order; what is reordered, all of it and not in order; what is doubled,
// twice; and what is changed never arrives, for the kernel computes checksums.
func TestPacketsAreAltered(t *testing.T) {
	t.Parallel()
	l := lan(t, 3)
	l.netem.asked, l.netem.reason = true, errors.New("our own switch is meant")
	altered(t, l)
}

// The kernel's netem, where there is one, comes to the same.
func TestPacketsAreAlteredByNetem(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes a second")
	}
	l := lan(t, 3)
	if err := l.Netem(); err != nil {
		t.Skip(err)
	}
	altered(t, l)
}

func altered(t *testing.T, l *LAN) {
	t.Helper()
	said := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
	sorted := func(x []string) []string { x = slices.Clone(x); slices.Sort(x); return x }
	for _, c := range []struct {
		name   string
		drops  []Drop
		alters []Alter
		want   [3]int // messages, at hosts 1 and 2
		good   func(one, two []string) bool
	}{
		{"nothing", nil, nil, [3]int{0, 10, 10}, func(one, two []string) bool { return slices.Equal(one, said) && slices.Equal(two, said) }},
		{"late", nil, []Alter{{From: 0, To: 1, Percent: 100, Late: 60 * time.Millisecond}}, [3]int{0, 10, 10},
			func(one, two []string) bool { return slices.Equal(one, said) && slices.Equal(two, said) }},
		{"overtaken", nil, []Alter{{From: -1, To: -1, Percent: 100, Upto: 50 * time.Millisecond}}, [3]int{0, 10, 10},
			func(one, two []string) bool {
				return !slices.Equal(one, said) && slices.Equal(sorted(one), said) && !slices.Equal(two, one) && slices.Equal(sorted(two), said)
			}},
		{"twice", nil, []Alter{{From: -1, To: 2, Percent: 100, Twice: true}}, [3]int{0, 10, 20},
			func(one, two []string) bool {
				return slices.Equal(one, said) && len(two) == 20 && slices.Equal(slices.Compact(two), said)
			}},
		{"changed", nil, []Alter{{From: -1, To: 2, Percent: 100, Flip: true}}, [3]int{0, 10, 0},
			func(one, two []string) bool { return slices.Equal(one, said) && len(two) == 0 }},
		{"dropped as well", []Drop{{From: 0, To: 1, Percent: 100}}, []Alter{{From: -1, To: 2, Percent: 100, Twice: true}}, [3]int{0, 0, 20},
			func(one, two []string) bool { return len(one) == 0 && len(two) == 20 }},
	} {
		heard := talk(t, l, c.want, func() {
			if err := l.begin(1); err != nil {
				t.Fatal(err)
			}
			if err := l.Break(c.drops, c.alters); err != nil {
				t.Fatal(err)
			}
		})
		if !c.good(heard[1], heard[2]) {
			t.Errorf("%s: %q, %q", c.name, heard[1], heard[2])
		}
	}
}

// While our switch takes the place of the kernel's and gives it back, under traffic, nothing is lost and nothing arrives
// twice.
func TestTheSwitchChangesUnderTraffic(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a run of a second")
	}
	l := lan(t, 2)
	e := listen(t, l, 1, 5000)
	s := listen(t, l, 0, 0)
	const all = 2000
	over := make(chan bool)
	go func() {
		defer close(over)
		for i := range all {
			s.send(HostAddr(1).String(), 5000, fmt.Sprint(i))
			time.Sleep(100 * time.Microsecond)
		}
		time.Sleep(20 * time.Millisecond) // one that took the longer way is not overtaken by the last one
		s.send(HostAddr(1).String(), 5000, "end")
	}()
	got := make(chan []string)
	go func() { got <- e.heard(10 * time.Second) }()
	swaps := 0
	for done := false; !done; swaps++ {
		alters := []Alter{{From: 1, To: 0, Percent: 100, Twice: true}} // of the other direction: nothing of this one
		if swaps%2 == 1 {
			alters = nil
		}
		if err := l.Break(nil, alters); err != nil {
			t.Fatal(err)
		}
		select {
		case <-over:
			done = true
		case <-time.After(2 * time.Millisecond):
		}
	}
	heard := <-got
	seen := map[string]int{}
	for _, x := range heard {
		seen[x]++
	}
	if len(heard) != all || len(seen) != all {
		t.Errorf("of %d sent, %d came, %d of them different, in %d changes", all, len(heard), len(seen), swaps)
	}
}

// The levels that repair what is altered repair it on the kernel.
func TestLevelsRepairWhatIsAltered(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"unicast/reliable", "ip/reliable-ip/causal", "hardware/reliable-ip", "tcp/reliable"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() {
				t.Skip("runs of seconds")
			}
			l := lan(t, 3)
			for _, steps := range []string{
				"at 5ms delay 0 to 1 by 30ms for 100ms\nat 5ms reorder 50% by 20ms for 100ms\n",
				"at 5ms duplicate 60% for 150ms\nat 20ms loss 30% for 100ms\n",
				"at 5ms corrupt 50% for 100ms\nat 5ms partition 0 1|2 for 60ms\n",
			} {
				if name == "hardware/reliable-ip" && steps[7:14] == "corrupt" {
					continue // nothing computes a checksum there
				}
				s := scenario(t, steps+"at 0s send 0 g 10\nat 10ms send 1 g 100\nat 20ms send 2 g 1000\nat 40ms send 0 g 10\nat 60ms send 1 g 20\n")
				h := play1(t, earth(t, l, name), s)
				if deliveredBy(h) != [3]int{5, 5, 5} || !h.Settled {
					t.Errorf("%q: delivered %v, settled %v", steps, deliveredBy(h), h.Settled)
				}
				for _, f := range checkers.Check(h, "NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY") {
					if f.Verdict != spec.Pass {
						t.Errorf("%q: %s: %v %s", steps, f.ID, f.Verdict, f.Reason)
					}
				}
			}
		})
	}
}
