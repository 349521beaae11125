package suites_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// large makes a scenario of many nodes, all in one group, of which some send.
func large(t testing.TB, subject string, nodes, sends int, apart time.Duration) *faults.Scenario {
	t.Helper()
	if testing.Short() {
		t.Skip("short: a thousand nodes take seconds")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "conform.scenario/1\nsubject %s\nnodes %d\ngroup g", subject, nodes)
	for n := range nodes {
		fmt.Fprintf(&b, " %d", n)
	}
	b.WriteString("\nseed 1\nnet latency 1ms..5ms\n")
	for k := range sends {
		fmt.Fprintf(&b, "at %v send %d g 16\n", time.Duration(k)*apart, k*37%nodes)
	}
	s, err := faults.Parse(b.String())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestLargeHierarchy: a tree of a thousand members delivers to all of them.
func TestLargeHierarchy(t *testing.T) {
	r, err := suites.Replay(large(t, "hierarchy:fanout=10/unreliable/unordered", 1000, 20, 10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	check(t, r, 20*1000)
}

// TestLargeInternet: an internet of a hundred routers delivers to hosts on all of its LANs.
func TestLargeInternet(t *testing.T) {
	for _, pim := range []string{"dense", "sparse"} {
		r, err := suites.Replay(large(t, "ip:pim="+pim+",shape=tree,subnets=100/unreliable/unordered", 200, 10, 50*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		check(t, r, 10*200)
		for _, row := range r.Requirements {
			if row.ID == "ROUTE-REACH" && row.Antecedents == 0 {
				t.Errorf("%s: %s: %s", pim, row.ID, row.Reason)
			}
		}
	}
}

func check(t *testing.T, r *suites.Replayed, want int) {
	t.Helper()
	if r.Verdict != spec.Pass || !r.Settled {
		t.Errorf("%s: %s, settled %v", r.Subject, r.Verdict, r.Settled)
	}
	deliveries := 0
	for i := range r.History.Events {
		if r.History.Events[i].Kind == spec.Deliver {
			deliveries++
		}
	}
	if deliveries != want {
		t.Errorf("%s: %d deliveries, want %d", r.Subject, deliveries, want)
	}
}
