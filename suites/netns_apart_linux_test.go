package suites

import (
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// A message that all members have is acknowledged, and its place in the order comes after that: a member of a static
// group that crashes in between keeps it from everybody. Whether it crashes in between is a matter of how quick packets
// are, so that of one schedule the kernel, where they take less than a millisecond, says that it breaks ACKED-DELIVERED,
// and the simulator that nothing was acknowledged. Where its packets are as quick it says the same as the kernel.
func TestAcknowledgedAndNeverOrdered(t *testing.T) {
	s, err := faults.Parse("conform.scenario/1\nsubject ip:pim=none,snooping=on,subnets=1/atomic-view/total-sequencer/static\nnodes 3\n" +
		"group g closed 0 1 2\nseed 15479995047422290481\nnet latency 1ms..10ms\n" +
		"at 0s send 2 g 0\nat 0s send 0 g 0\nat 9ms send 1 g 0\non 2 receive 2 crash 2\nat 0s send 0 g 8\nat 0s send 2 g 8\n")
	if err != nil {
		t.Fatal(err)
	}
	x, err := Playable(s)
	if err != nil {
		t.Fatal(err)
	}
	o := &outdoor{plan: &Plan{}, cell: x.cell}
	o.prepare(x.cell.newBench(x.cell.world(x.cell.Member, nil), 0))
	for _, c := range x.cell.Claims() {
		if c.ID == "ACKED-DELIVERED" && c.Under.Has(spec.CrashFault) {
			t.Fatal("it is claimed of runs with a crash")
		}
	}
	if err := o.sim.play(s); err != nil {
		t.Fatal(err)
	}
	if f := o.sim.judge.Check("ACKED-DELIVERED"); f.Verdict != spec.Inconclusive || !strings.Contains(f.Reason, "no send was acknowledged") {
		t.Errorf("with slow packets: %v %s", f.Verdict, f.Reason)
	}
	how := o.inSimulator(s, "ACKED-DELIVERED")
	if !strings.Contains(how, "the simulator breaks it too") {
		t.Fatalf("with quick packets it is not shown: %q", how)
	}
	if o.inSimulator(s, "TOTAL-ORDER") != "" {
		t.Error("a run is found for what no run breaks")
	}
	_, token, _ := strings.Cut(how, "conform replay ")
	quick, err := faults.ParseToken(token)
	if err != nil || o.sim.play(quick) != nil {
		t.Fatal(err)
	}
	if f := o.sim.judge.Check("ACKED-DELIVERED"); f.Verdict != spec.Fail || quick.Net.Max > 3*time.Millisecond && quick.Net != s.Net {
		t.Errorf("%v over %v", f.Verdict, quick.Net)
	} else {
		t.Log(f.Witness.Text)
	}
}
