package ordering_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

func unordered(cfg impl.Config) impl.Layer { return ordering.NewUnordered(cfg) }

// Two replicas of a record. 0 and 1 write to it at about the same time, by unicasts to all four processes, which appear
// as 0→1, 1→0, 1→2, 0→2, 0→3, 1→3: process 2 gets 1's write first, and 3 gets that of 0. Without an order the replicas
// at 2 and 3 end up different; with a total order equal, whichever it is.
func TestTwoReplicasOfARecord(t *testing.T) {
	for _, c := range []struct {
		order string
		new   maker
		equal bool
	}{
		{"unordered", unordered, false}, {"fifo", fifo, false}, {"causal", causal, false},
		{"total-agreement", agreement, true}, {"total-lamport", lamport, true},
		{"fifo-total", fifoAgreement, true}, {"causal-total", causalAgreement, true},
	} {
		f := impltest.NewFigure(4, c.new)
		f.Send(0, impl.Everyone, "record := zero", 0)
		f.Send(1, impl.Everyone, "record := one", 0)
		for _, packet := range [][2]spec.NodeID{{0, 1}, {1, 0}, {1, 2}, {0, 2}, {0, 3}, {1, 3}} {
			f.Take(packet[0], packet[1])
		}
		f.Drain()
		two, three := f.Delivered(2), f.Delivered(3)
		if len(two) != 2 || len(three) != 2 {
			t.Fatalf("%s: delivered %q and %q", c.order, two, three)
		}
		if equal := two[1] == three[1]; equal != c.equal { // the last write counts
			t.Errorf("%s: the replicas are %q and %q", c.order, two[1], three[1])
		}
	}
}

// One run that shows all three orders (Coulouris et al., figure "Total, FIFO and causal ordering of multicast messages"):
// T1 and T2 in the same order everywhere, opposite to real time; F1 before F2 of one sender; C1 before C3, its effect.
func TestTotalFifoAndCausalInOneRun(t *testing.T) {
	f := impltest.NewFigure(3, causalAgreement)
	f.Send(0, impl.Everyone, "T1", 0)
	f.Say("T2 is sent later, and its number is agreed before anyone but 0 has received T1")
	f.Send(1, impl.Everyone, "T2", 0)
	f.Take(1, 0)
	f.Take(1, 1)
	f.Take(1, 2)
	for n := range spec.NodeID(3) {
		f.Take(0, n)
	}
	f.Drain()
	f.Say("F1 and F2 by 2")
	f.Send(2, impl.Everyone, "F1", 0)
	f.Send(2, impl.Everyone, "F2", 0)
	f.Say("C1 by 0, and C3 by 1 as soon as it has delivered that")
	f.Send(0, impl.Everyone, "C1", 0)
	f.Drain()
	f.Send(1, impl.Everyone, "C3", 0)
	f.Drain()
	want := f.Delivered(0)
	if len(want) != 6 || !before(want, "T2", "T1") || !before(want, "F1", "F2") || !before(want, "C1", "C3") {
		t.Errorf("delivered %q", want)
	}
	for n := range spec.NodeID(3) {
		delivered(t, f, n, want...)
	}
}

func before(list []string, a, b string) bool {
	i, k := slices.Index(list, a), slices.Index(list, b)
	return i >= 0 && i < k
}

// Total order does not keep the order of one sender, nor that of causes: everyone delivers the second message first.
// A hold-back above it sets that right at the same place in everybody's sequence.
func TestTotalOrderIsNotFifo(t *testing.T) {
	for _, c := range []struct {
		order string
		new   maker
		want  string
	}{
		{"total-agreement", agreement, "2 x 1"},
		{"fifo-total", fifoAgreement, "x 1 2"},
		{"causal-total", causalAgreement, "x 1 2"},
	} {
		f := impltest.NewFigure(2, c.new)
		f.Send(0, impl.Everyone, "1", 0)
		one := overtaken(f)
		f.Send(0, impl.Everyone, "2", 0)
		f.Take(0, 0)
		f.Take(0, 1)
		f.Send(1, impl.Everyone, "x", 0)
		f.Take(1, 1)
		f.Take(1, 0)
		for n, in := range one {
			f.Give(spec.NodeID(n), in)
		}
		f.Drain()
		for n := range spec.NodeID(2) {
			if got := strings.Join(f.Delivered(n), " "); got != c.want {
				t.Errorf("%s: %d delivered %q, want %q\n%s", c.order, n, got, c.want, f)
			}
		}
	}
}

// overtaken takes the packets of 0 to both nodes off the network, to be given later.
func overtaken(f *impltest.Figure) (late []impl.Input) {
	for n := range spec.NodeID(2) {
		in := impl.Input{Kind: impl.Packet, From: 0, To: impl.Everyone}
		f.Again(0, n, func(b []byte) {
			in.Body = slices.Clone(b)
			b[len(b)-1] = 0 // no kind: this copy is dropped
		})
		f.Lose(0, n)
		late = append(late, in)
	}
	return late
}

// The reply before the question, at everyone who stays: legal under total order, illegal under causal order. Who replied
// had delivered the question, but it has crashed, and total order speaks of those who stay. [ordering.Agreement] never
// does this: what has been delivered has its number.
func TestTheReplyBeforeTheQuestion(t *testing.T) {
	const run = `{"schema":"conform.history/1","nodes":["0","1","2"],"groups":{"g":["0","1","2"]},"settled":true}
{"t":1,"node":"0","kind":"send","group":"g","msg":"0/0/1","sum":"question"}
{"t":2,"node":"1","kind":"deliver","group":"g","msg":"0/0/1","sum":"question"}
{"t":3,"node":"1","kind":"send","group":"g","msg":"1/0/1","sum":"reply"}
{"t":4,"node":"1","kind":"crash"}
{"t":5,"node":"0","kind":"deliver","group":"g","msg":"1/0/1","sum":"reply"}
{"t":6,"node":"2","kind":"deliver","group":"g","msg":"1/0/1","sum":"reply"}
{"t":7,"node":"0","kind":"deliver","group":"g","msg":"0/0/1","sum":"question"}
{"t":8,"node":"2","kind":"deliver","group":"g","msg":"0/0/1","sum":"question"}
`
	h, err := spec.ReadHistory(strings.NewReader(run))
	if err != nil {
		t.Fatal(err)
	}
	var judge checkers.Judge
	judge.Load(h)
	for id, want := range map[spec.ID]spec.Verdict{"TOTAL-ORDER": spec.Pass, "FIFO-ORDER": spec.Inconclusive,
		"LOCAL-ORDER": spec.Fail, "CAUSAL-ORDER": spec.Fail} {
		if got := judge.Check(id); got.Verdict != want {
			t.Errorf("%s: %v, want %v", id, got.Verdict, want)
		}
	}
}
