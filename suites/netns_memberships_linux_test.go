package suites

import (
	"slices"
	"sync"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/netns"
	"github.com/conform-go/conform/spec"
)

// On the kernel members come and go, are cut off and killed, a server of groups comes back to its database, and hosts are
// in several groups: with all that the judges need to be told. What is claimed holds, and these are put to the test.
//
// All are played at the same time: they wait more than they work.
func TestMembershipsOutdoors(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	lan, err := netns.NewLAN(1) // or the test is skipped
	skipWithout(t, err)
	defer lan.Close()
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { coordinatorDiesInTheFlush(t) })
	for name, c := range map[string]struct {
		text  string
		bites []spec.ID
	}{
		"views": {"subject unicast/atomic-view/fifo/view-synchronous\nnodes 5\ngroup g closed 0 1 2 3\nseed 1\nnet latency 1ms..1ms\n" +
			"at 0s send 0 g 8\nat 5ms join 4 g\nat 6ms send 2 g 8\nat 120ms send 1 g 8\nat 120ms send 4 g 8\nat 150ms partition 0 1 2 4 | 3 for 800ms\nat 160ms crash 0\nat 1s send 1 g 8\n",
			[]spec.ID{"VIEW-AGREEMENT", "VIRTUAL-SYNCHRONY", "SENDING-VIEW-DELIVERY", "PRIMARY-COMPONENT", "TRANSITIONAL-SET", "JOIN-COMPLETE", "JOIN-TRANSFER", "MEMBERSHIP-PRECISION"}},
		"server": {"subject unicast/reliable/fifo/server\nnodes 4\ngroup g closed 0 1 2\nseed 1\nnet latency 1ms..1ms\n" +
			"at 0s join 3 g\nat 1ms query 1 g\nat 40ms send 3 g 8\nat 60ms crash 0\nat 70ms leave 2 g\nat 160ms recover 0\nat 700ms query 3 g\nat 750ms send 3 g 8\nat 800ms destroy 1 g\nat 850ms create 1 g\nat 900ms join 2 g\n",
			[]spec.ID{"MEMBERSHIP-LINEARIZABLE", "VIEW-AGREEMENT", "NO-DELIVERY-AFTER-LEAVE"}},
		"distributed": {"subject ip/reliable/unordered/distributed\nnodes 4\ngroup g closed 0 1 2\nseed 1\nnet latency 1ms..1ms\n" +
			"at 0s join 3 g\nat 40ms send 0 g 8\nat 60ms leave 2 g\nat 90ms send 3 g 8\n",
			[]spec.ID{"MEMBERSHIP-PRECISION", "JOIN-COMPLETE"}},
		"board": {"subject unicast/reliable/total-sequencer:groups=all/static\nnodes 4\ngroup news 0 1 2\ngroup sport 1 2 3\nseed 1\nnet latency 1ms..1ms\n" +
			"at 0s send 0 news 8\nat 0s send 1 sport 8\nat 0s send 3 sport 8\non 1 deliver 1 send 1 news 8\non 2 deliver 1 send 2 sport 8\nat 20ms pause 1 for 30ms\n",
			[]spec.ID{"CROSS-GROUP-TOTAL", "TOTAL-ORDER"}},
		"sockets": {"subject ip/reliable/fifo/static\nnodes 4\ngroup news 0 1 2\ngroup sport closed 1 2 3\nseed 1\nnet latency 1ms..1ms\n" +
			"at 0s send 0 news 8\nat 0s send 1 sport 8\nat 0s send 3 sport 8\nat 5ms send 1 news 8\nat 10ms send 0 sport 8\nat 15ms send 1 news 8\nat 20ms loss 40% for 50ms\nat 30ms send 2 sport 8\n",
			[]spec.ID{"AGREEMENT", "FIFO-ORDER", "CLOSED-GROUP", "DESTINATION-INTEGRITY"}},
		"numbers": {"subject unicast/reliable/total-seqserver/static\nnodes 3\ngroup g 0 1 2\nseed 1\nnet latency 1ms..1ms\nat 0s send 0 g 8\nat 0s send 1 g 8\nat 5ms send 2 g 8\n",
			[]spec.ID{"SEQUENCE-LINEARIZABLE"}},
	} {
		s, err := faults.Parse("conform.scenario/1\n" + c.text)
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			bites := c.bites
			for range again { // a machine that does other things may be too late for a claim to hold, and be judged
				r, err := ReplayOutdoors(s, nil)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				for i := range r.Requirements {
					if x := &r.Requirements[i]; x.Claimed && x.Verdict == spec.Fail {
						t.Errorf("%s: %s: %s", name, x.ID, x.Witness.Text)
					}
				}
				bites = slices.DeleteFunc(slices.Clone(bites), func(id spec.ID) bool {
					i := slices.IndexFunc(r.Requirements, func(x Row) bool { return x.ID == id })
					return i >= 0 && r.Requirements[i].Verdict == spec.Pass
				})
				if len(bites) == 0 {
					return
				}
			}
			t.Errorf("%s: %v: not put to the test", name, bites)
		})
	}
}
