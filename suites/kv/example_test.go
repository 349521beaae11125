package kv_test

import (
	"fmt"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/suites/kv"
)

// race is a run in which two clients write at the same time. The packets appear as 0→1, 1→0, 1→2, 0→2, 0→3, 1→3, so
// that replica 2 hears of 1's command first, and 3 of 0's.
const race = `conform.scenario/1
nodes 4
group g 0 1 2 3
net latency 1ms..1ms
at 0s delay 1 to 0 by 1ms
at 0s delay 1 to 2 by 2ms
at 0s delay 0 to 2 by 3ms
at 0s delay 0 to 3 by 4ms
at 0s delay 1 to 3 by 5ms
at 1ms send 0 g 8
at 1ms send 1 g 8
at 100ms send 3 g 8
`

var commands = []kv.Command{{Op: kv.Put, Key: 0, Value: 1}, {Op: kv.Put, Key: 0, Value: 2}, {Op: kv.Add, Key: 0, Value: 5}}

func show(cell string) {
	s, err := faults.Parse(race)
	if err != nil {
		fmt.Println(err)
		return
	}
	run, err := kv.Play{Cell: cell, Commands: commands}.On(s)
	if err != nil {
		fmt.Println(err)
		return
	}
	for n, r := range run.Replicas {
		fmt.Printf("replica %d: %s\n", n, r)
	}
	for _, row := range run.Verdicts().Requirements {
		fmt.Printf("%s: %s\n", row.ID, row.Verdict)
	}
}

// With one order for all the copies are equal, and each client gets the answer that a single copy would give.
func Example_totalOrder() {
	show("unicast/reliable/total-sequencer")
	// Output:
	// replica 0: x=7 y=-
	// replica 1: x=7 y=-
	// replica 2: x=7 y=-
	// replica 3: x=7 y=-
	// STATE-LINEARIZABLE: pass
	// REPLICA-CONVERGENCE: pass
}

// Without it they are different for ever, though every message came to all.
func Example_withoutOrder() {
	show("unicast/best-effort/unordered")
	// Output:
	// replica 0: x=7 y=-
	// replica 1: x=7 y=-
	// replica 2: x=6 y=-
	// replica 3: x=7 y=-
	// STATE-LINEARIZABLE: pass
	// REPLICA-CONVERGENCE: fail
}

// A local read costs no packet, and may be old: 0 has its answer, and 2, which asks after that, reads what was before. It
// is called local-read in the history, of which only sequential consistency is promised, and so nothing is violated.
func Example_localReads() {
	s, err := faults.Parse(`conform.scenario/1
nodes 3
group g 0 1 2
net latency 1ms..1ms
at 0s delay 0 to 2 by 20ms
at 1ms send 0 g 8
at 10ms send 2 g 8
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	play := kv.Play{Cell: "unicast/best-effort/total-sequencer", Commands: []kv.Command{{Op: kv.Put, Value: 1}, {Op: kv.Get}}}
	for _, called := range []string{"local-read", "get"} {
		play.New = func(cfg impl.Config) *kv.Replica {
			r := kv.NewReplica(cfg, kv.Local)
			r.Rules.Named = func(_ kv.Command, local bool) bool { return local && called == "local-read" }
			return r
		}
		run, err := play.On(s)
		if err != nil {
			fmt.Println(err)
			return
		}
		row := run.Verdicts().Requirements[0]
		fmt.Printf("called %s: %s\n", called, row.Verdict)
		if row.Witness != nil {
			fmt.Println(row.Witness.Text)
		}
	}
	// Output:
	// called local-read: inconclusive
	// called get: fail
	// no order of the operations on x explains that process 2 called get() = null from 10 ms to 10 ms; process 0 called put(1) = null from 1 ms to 3 ms
}
