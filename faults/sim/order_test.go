package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// arrivals lets packets of these links, all sent at once, arrive in the order that the strategy gives them.
func arrivals(s *faults.Scenario, links ...[2]spec.NodeID) string {
	var o order
	o.reset(s, s.Nodes)
	for i, l := range links {
		o.add(uint32(i+1), 0, l[0], l[1])
	}
	var got strings.Builder
	for o.count > 0 {
		got.WriteByte(byte('a' - 1 + o.pick(o.due())))
	}
	return got.String()
}

func ordered(strategy faults.Strategy, seed uint64, depth int) *faults.Scenario {
	return &faults.Scenario{Nodes: 4, Seed: seed, Net: faults.Net{Strategy: strategy, Max: time.Hour, Depth: depth}}
}

func orders(runs uint64, play func(seed uint64) string) map[string]int {
	got := map[string]int{}
	for seed := range runs {
		got[play(seed)]++
	}
	return got
}

// Racing packets arrive in every order, no order much more often than another.
func TestPOSCoversAllOrders(t *testing.T) {
	const runs = 2400
	got := orders(runs, func(seed uint64) string {
		return arrivals(ordered(faults.POS, seed, 0), [2]spec.NodeID{0, 3}, [2]spec.NodeID{1, 3}, [2]spec.NodeID{2, 3})
	})
	if len(got) != 6 {
		t.Fatalf("%d orders of 3 packets: %v", len(got), got)
	}
	for order, n := range got {
		if n < runs/12 || n > runs/3 {
			t.Errorf("order %s: %d of %d", order, n, runs)
		}
	}
}

func TestPOSCoversOrdersAcrossReceivers(t *testing.T) {
	got := orders(4000, func(seed uint64) string {
		return arrivals(ordered(faults.POS, seed, 0),
			[2]spec.NodeID{0, 3}, [2]spec.NodeID{1, 3}, [2]spec.NodeID{0, 2}, [2]spec.NodeID{1, 2})
	})
	if len(got) != 24 {
		t.Errorf("%d orders of 4 packets: %v", len(got), got)
	}
}

// Without change points one link's packets all go first; each change point lets them change once.
func TestPCTChangesLinksAtItsChangePoints(t *testing.T) {
	changes := func(depth int) func(seed uint64) string {
		return func(seed uint64) string {
			var links [][2]spec.NodeID
			for range 40 {
				links = append(links, [2]spec.NodeID{0, 3}, [2]spec.NodeID{1, 3})
			}
			got := arrivals(ordered(faults.PCT, seed, depth), links...)
			n := 0
			for i := 1; i < len(got); i++ {
				if got[i]%2 != got[i-1]%2 {
					n++
				}
			}
			return fmt.Sprint(n)
		}
	}
	if got := orders(200, changes(1)); len(got) != 1 || got["1"] != 200 {
		t.Errorf("depth 1: changes of the link, and how often: %v", got)
	}
	if got := orders(200, changes(2)); got["2"] < 50 || len(got) > 2 {
		t.Errorf("depth 2: changes of the link, and how often: %v", got)
	}
	if got := orders(200, changes(3)); got["3"] < 20 || len(got) > 3 {
		t.Errorf("depth 3: changes of the link, and how often: %v", got)
	}
}

func TestPCTKeepsALinkInOrder(t *testing.T) {
	for seed := range uint64(50) {
		got := arrivals(ordered(faults.PCT, seed, 3), [2]spec.NodeID{0, 3}, [2]spec.NodeID{0, 3}, [2]spec.NodeID{0, 3})
		if got != "abc" {
			t.Fatalf("seed %d: %s", seed, got)
		}
	}
}

// An override changes one decision, and the random numbers of none.
func TestAnOverrideChangesOneDecision(t *testing.T) {
	delays := func(decisions ...byte) []int64 {
		var o order
		s := ordered(faults.Latency, 5, 0)
		s.Decisions = decisions
		o.reset(s, s.Nodes)
		var got []int64
		for range 8 {
			got = append(got, o.delay())
		}
		return got
	}
	plain := delays()
	for _, d := range []byte{1, 77, 255} {
		for i := range 8 {
			decisions := make([]byte, i+1)
			decisions[i] = d
			for k, got := range delays(decisions...) {
				if (got != plain[k]) != (k == i) {
					t.Errorf("decision %d as %d: delay %d is %d, was %d", i, d, k, got, plain[k])
				}
			}
		}
	}
	if !slices.Equal(delays(0, 0, 0), plain) {
		t.Error("zeros override")
	}
	for _, strategy := range []faults.Strategy{faults.POS, faults.PCT} {
		links := [][2]spec.NodeID{{0, 3}, {1, 3}, {2, 3}, {0, 1}, {2, 1}}
		s := ordered(strategy, 9, 2)
		was := arrivals(s, links...)
		for i := range links {
			s.Decisions = append(make([]byte, i), 255)
			if got := arrivals(s, links...); got[:i] != was[:i] {
				t.Errorf("%v: an override of decision %d: %s, was %s", strategy, i, got, was)
			}
		}
	}
}
