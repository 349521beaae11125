package suites

import (
	"slices"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// coordinatorDiesInTheFlush: the member that leads the flush is killed in it: one member has been found dead, all have stopped sending, and it waits for
// the answers of one, which take long. The next member leads, and all who are left go on
// together, with what was sent before.
func coordinatorDiesInTheFlush(t *testing.T) {
	s, err := faults.Parse("conform.scenario/1\nsubject unicast/atomic-view/fifo/view-synchronous\nnodes 5\ngroup g closed 0 1 2 3 4\nseed 1\nnet latency 1ms..1ms\n" +
		"at 0s send 0 g 8\nat 50ms crash 4\nat 70ms send 1 g 8\nat 80ms delay 2 to 0 by 200ms for 1.5s\nat 1.05s crash 0\nat 1.9s send 3 g 8\n")
	if err != nil {
		t.Error(err)
		return
	}
	x, err := Playable(s)
	if err != nil {
		t.Error(err)
		return
	}
	cell, wire, err := x.cell.outdoors()
	if err != nil {
		t.Error(err)
		return
	}
	o := &outdoor{plan: &Plan{}, cell: cell, wire: wire, stack: cell.String(), lans: &lans{hosts: s.Nodes}}
	o.prepare(nil)
	defer o.lans.close()
	lan, err := o.lans.get()
	if err != nil {
		t.Error(err)
		return
	}
	defer o.lans.put(lan)
	var text []string
	for range again { // a busy machine may have taken the wrong one for dead
		long, err := o.play(lan, s)
		if err != nil {
			t.Error(err)
			return
		}
		h := &o.bench.h
		for _, c := range cell.Claims() {
			if f := o.bench.judge.Check(c.ID); f.Verdict == spec.Fail && s.Faults().Within(c.Under) && !o.bench.outlasts(long, c.ID) {
				t.Errorf("%s: %s", c.ID, f.Witness.Text)
			}
		}
		text = turns(h)
		if led := slices.Index(text, "1 block"); led >= 0 && slices.Index(text, "0 crash") > led && slices.Contains(text[slices.Index(text, "0 crash"):], "3 view 1 2 3") &&
			!slices.ContainsFunc(text[led:slices.Index(text, "0 crash")], func(e string) bool { return e == "1 unblock" || e == "1 view 0 1 2 3" }) {
			for _, id := range []spec.ID{"VIRTUAL-SYNCHRONY", "VIEW-AGREEMENT", "AGREEMENT"} {
				if f := o.bench.judge.Check(id); f.Verdict != spec.Pass {
					t.Errorf("%s: %v %s", id, f.Verdict, f.Reason)
				}
			}
			return
		}
	}
	t.Errorf("it has not died in the flush: %v", text)
}

// turns lists who is told of what, of blocks, crashes and views.
func turns(h *spec.History) (out []string) {
	for i := range h.Events {
		e := &h.Events[i]
		switch e.Kind {
		case spec.Block, spec.Unblock, spec.Crash:
			out = append(out, h.Nodes[e.Node]+" "+e.Kind.String())
		case spec.ViewChange:
			if e.Is(spec.IsTransitional) {
				continue
			}
			line := h.Nodes[e.Node] + " view"
			for _, m := range h.ExtraOf(e).Members {
				line += " " + h.Nodes[m]
			}
			out = append(out, line)
		}
	}
	return out
}
