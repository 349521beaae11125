package ordering_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

type across func(impl.Config, []spec.Group) impl.Layer

func causalAcross(cfg impl.Config, all []spec.Group) impl.Layer {
	return ordering.NewCausalAcross(cfg, all)
}
func totalAcross(cfg impl.Config, all []spec.Group) impl.Layer {
	return ordering.NewTotalAcross(cfg, all)
}
func nothingAcross(impl.Config, []spec.Group) impl.Layer { return through{} }

// through orders nothing.
type through struct{}

func (through) Step(in impl.Input, out *impl.Effects) { out.Pass(in) }

var acrossOrders = map[string]across{"causal": causalAcross, "total": totalAcross}

// unorderedReliable is a stack of each group: reliable, in no order.
func unorderedReliable(cfg impl.Config) impl.Layer {
	return over(func(cfg impl.Config) impl.Layer { return ordering.NewUnordered(cfg) }, "reliable")(cfg)
}

// inOneGroup is a layer across groups where there is one.
func inOneGroup(a across) maker {
	return func(cfg impl.Config) impl.Layer {
		return a(cfg, []spec.Group{{Name: "g", Members: cfg.Members, Closed: cfg.Closed}})
	}
}

func TestOrdersAcrossGroupsKeepTheContract(t *testing.T) {
	for name, a := range acrossOrders {
		if err := impltest.TestLayer(inOneGroup(a)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// story plays a scenario and gives what each node delivered, in order.
func story(t *testing.T, a across, lines ...string) (*spec.History, [][]string) {
	t.Helper()
	s, err := faults.Parse("conform.scenario/1\nnodes 4\n" + strings.Join(lines, "\n") + "\n")
	if err != nil {
		t.Fatal(err)
	}
	h := &spec.History{}
	if err := sim.New(sim.Config{New: unorderedReliable, Across: a}).Play(s, h); err != nil {
		t.Fatal(err)
	}
	got := make([][]string, s.Nodes)
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == spec.Deliver {
			name := ""
			if e.Is(spec.HasGroup) {
				name = h.Groups[e.Group].Name
			}
			got[e.Node] = append(got[e.Node], name+":"+e.Msg.String())
		}
	}
	return h, got
}

func wants(t *testing.T, got [][]string, n int, want string) {
	t.Helper()
	if s := strings.Join(got[n], " "); s != want {
		t.Errorf("node %d delivered %q, want %q", n, s, want)
	}
}

// The question goes to g, the answer to h: who is in both delivers the question first, though it comes last. Without
// the layer it delivers the answer first.
func TestAnAnswerInAnotherGroupWaitsForTheQuestion(t *testing.T) {
	early := 0
	for seed := range 10 {
		lines := []string{"group g 0 1 2", "group h 1 2 3", fmt.Sprintf("seed %d", seed), "at 0s delay 0 to 2 by 50ms", "at 10ms send 0 g 8", "on 1 deliver 1 send 1 h 8"}
		if _, got := story(t, nothingAcross, lines...); got[2][0] == "h:1/0/1" {
			early++
		}
		for _, a := range acrossOrders {
			_, got := story(t, a, lines...)
			wants(t, got, 2, "g:0/0/1 h:1/0/1")
			wants(t, got, 3, "h:1/0/1")
			wants(t, got, 0, "g:0/0/1")
		}
	}
	if early == 0 {
		t.Error("without a layer across the groups the answer never comes first")
	}
}

// The chain of causes leaves g by a process that is in h alone, and comes back by i: 3 is not in g, and hands on what
// it has heard of it.
func TestCausesPassThroughAProcessOutsideTheGroup(t *testing.T) {
	lines := []string{"group g 0 1 2", "group h 1 3", "group i 2 3", "at 0s delay 0 to 2 by 90ms", "at 0s delay 1 to 2 by 90ms",
		"at 10ms send 0 g 8", "on 1 deliver 1 send 1 h 8", "on 3 deliver 1 send 3 i 8"}
	_, got := story(t, nothingAcross, lines...)
	wants(t, got, 2, "i:3/0/1 g:0/0/1")
	forgets := func(cfg impl.Config, all []spec.Group) impl.Layer {
		c := ordering.NewCausalAcross(cfg, all)
		c.Rules.Carry = func(known, _ uint32) uint32 { return known }
		return c
	}
	_, got = story(t, forgets, lines...)
	wants(t, got, 2, "i:3/0/1 g:0/0/1")
	for _, a := range acrossOrders {
		_, got := story(t, a, lines...)
		wants(t, got, 2, "g:0/0/1 i:3/0/1")
		wants(t, got, 3, "h:1/0/1 i:3/0/1")
	}
}

// The sequencer, 0, is in g alone. 3 is in h alone, and its requests go through 1. Whoever is in both delivers in one
// order; whoever is in one skips the numbers of the other.
func TestOneSequencerForGroupsThatItIsNotIn(t *testing.T) {
	h, got := story(t, totalAcross, "group g 0 1 2", "group h 1 2 3", "at 0s send 0 g 8", "at 0s send 3 h 8", "at 0s send 1 h 8", "at 0s send 2 g 8",
		"at 100ms send 3 to 2 8")
	both := func(n int) (of []string) {
		for _, m := range got[n] {
			if !strings.HasPrefix(m, ":") {
				of = append(of, m)
			}
		}
		return of
	}
	if len(both(1)) != 4 || !slices.Equal(both(1), both(2)) {
		t.Errorf("1 delivered %v and 2 delivered %v", got[1], got[2])
	}
	if len(got[0]) != 2 || len(got[3]) != 2 || len(got[2]) != 5 {
		t.Errorf("delivered: %v", got)
	}
	var j checkers.Judge
	j.Load(h)
	if f := j.Check("CROSS-GROUP-TOTAL"); f.Verdict != spec.Pass {
		t.Errorf("CROSS-GROUP-TOTAL: %v", f)
	}
}

// Groups that share no process have a sequencer each, and wait for none of the other's.
func TestGroupsApartHaveASequencerEach(t *testing.T) {
	_, got := story(t, totalAcross, "group g 0 1", "group h 2 3", "at 0s crash 0", "at 10ms send 3 h 8", "at 10ms send 1 g 8")
	wants(t, got, 2, "h:3/0/1")
	wants(t, got, 3, "h:3/0/1")
	wants(t, got, 1, "")
}

// What 0 has sent to g is lost with it, and what it has sent to h afterwards is not: 3, which is in h alone, delivers it,
// and those that are in both wait for ever. In one group that cannot happen.
func TestCausalAcrossLosesAgreementWithItsSender(t *testing.T) {
	lines := []string{"group g 0 1 2", "group h 0 1 2 3", "at 0s omit-send 0 100% for 5ms", "at 1ms send 0 g 8", "at 7ms send 0 h 8", "at 25ms crash 0"}
	h, got := story(t, causalAcross, lines...)
	wants(t, got, 1, "")
	wants(t, got, 3, "h:0/0/2")
	var j checkers.Judge
	j.Load(h)
	if f := j.Check("AGREEMENT"); f.Verdict != spec.Fail {
		t.Errorf("AGREEMENT: %v", f.Verdict)
	}
	h, _ = story(t, nothingAcross, lines...)
	if j.Load(h); j.Check("AGREEMENT").Verdict == spec.Fail {
		t.Error("it is not the layer that breaks it")
	}
}

// Who is no member of a group is told so when it sends to it.
func TestOrdersAcrossGroupsRefuseWhoIsNoMember(t *testing.T) {
	all := []spec.Group{{Name: "g", Members: members(2)}, {Name: "h", Members: members(2), Closed: true}}
	for name, a := range acrossOrders {
		for _, c := range []struct {
			self  spec.NodeID
			life  uint64
			group spec.GroupID
			want  string
		}{{2, 0, 0, "not-member"}, {2, 0, 1, "closed-group"}, {1, 1, 0, "not-member"}, {1, 0, 7, "not-member"}} {
			l, out := a(impl.Config{Self: c.self, Nodes: 3, Group: impl.Shared}, all), impl.NewEffects(&impl.Arena{})
			l.Step(impl.Input{Kind: impl.Start, Num: c.life}, out)
			l.Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Group: c.group, Body: []byte("m"), Ref: 4}, out)
			if len(out.List) != 1 || out.List[0].Kind != impl.Refuse || out.List[0].Code.String() != c.want || out.List[0].Group != c.group {
				t.Errorf("%s, node %d: %s", name, c.self, impltest.Effects(out.List))
			}
		}
	}
}

// acrossParams draws groups that overlap, with sends to each.
func acrossParams(seed uint64, under spec.FaultSet) faults.Params {
	return faults.Params{Faults: under, OneToOne: seed%4 == 0, NonMember: seed%8 == 1, Groups: 2 + int(seed%3)/2, MinNodes: 3, MaxNodes: 5, MaxSends: 6}
}

// alwaysAcross is what these orders keep through any fault, and calmAcross where nobody crashes.
var (
	alwaysAcross = map[string][]spec.ID{
		"causal": {"NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY", "SENDER-INTEGRITY", "DESTINATION-INTEGRITY", "CLOSED-GROUP",
			"CAUSAL-GAPFREE", "LOCAL-ORDER", "CROSS-GROUP-CAUSAL", "SELF-DELIVERY"},
		"total": {"NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY", "SENDER-INTEGRITY", "DESTINATION-INTEGRITY", "CLOSED-GROUP",
			"FIFO-GAPFREE", "CAUSAL-GAPFREE", "LOCAL-ORDER", "CROSS-GROUP-CAUSAL", "UNIFORM-TOTAL-ORDER", "UNIFORM-TOTAL-GAPFREE", "TOTAL-ORDER-PREFIX",
			"CROSS-GROUP-TOTAL", "POSITION-AGREEMENT"},
	}
	calmAcross = []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ACKED-DELIVERED"}

	crashing  = spec.SetOf(spec.CrashFault, spec.CrashLossyFault)
	acrossAny = spec.SetOf(spec.CrashFault, spec.CrashLossyFault, spec.PauseFault, spec.LossFault, spec.OmitSendFault, spec.OmitReceiveFault,
		spec.PartitionFault, spec.DelayFault, spec.DuplicateFault, spec.ReorderFault, spec.CorruptFault)
)

// acrossSoak judges an order on schedules until everything is broken, and gives what was and how often each thing was
// tried.
func acrossSoak(t *testing.T, a across, ids []spec.ID, under spec.FaultSet, schedules int) (broken map[spec.ID]string, bites map[spec.ID]int) {
	broken, bites = map[spec.ID]string{}, map[spec.ID]int{}
	var j checkers.Judge
	var s faults.Scenario
	w, h := sim.New(sim.Config{New: unorderedReliable, Across: a}), &spec.History{}
	for seed := range uint64(schedules) {
		faults.DrawInto(&s, seed, acrossParams(seed, under))
		if err := w.Play(&s, h); err != nil {
			t.Fatalf("%v\n%s", err, &s)
		}
		j.Load(h)
		for _, id := range ids {
			f := j.Check(id)
			bites[id] += f.Antecedents
			r, _ := spec.Lookup(id)
			if f.Verdict != spec.Fail || r.Is(spec.Liveness) && s.Silence()+2*s.Net.Max > sim.DefaultTL*5/6 {
				continue
			}
			if _, known := broken[id]; !known {
				broken[id] = f.Witness.Text + "\n" + s.String()
			}
		}
		if len(broken) == len(ids) {
			break
		}
	}
	return broken, bites
}

func TestOrdersAcrossGroupsSoak(t *testing.T) {
	n := *totalSchedules * 2
	for name, a := range acrossOrders {
		for _, x := range []struct {
			ids   []spec.ID
			under spec.FaultSet
		}{{alwaysAcross[name], acrossAny}, {append(calmAcross[:len(calmAcross):len(calmAcross)], alwaysAcross[name]...), acrossAny &^ crashing}} {
			broken, bites := acrossSoak(t, a, x.ids, x.under, n)
			for id, text := range broken {
				t.Errorf("%s under %v: %s: %s", name, x.under, id, text)
			}
			for _, id := range x.ids {
				if bites[id] == 0 && x.under.Has(spec.CrashFault) {
					t.Errorf("%s: %s never bites", name, id)
				}
			}
		}
	}
}

// What is not promised is seen not to hold: the soak is no sieve without a bottom.
func TestWhatOrdersAcrossGroupsDoNotPromise(t *testing.T) {
	for _, c := range []struct {
		name  string
		a     across
		id    spec.ID
		under spec.FaultSet
	}{
		{"none", nothingAcross, "CROSS-GROUP-CAUSAL", spec.NoFaults},
		{"none", nothingAcross, "CROSS-GROUP-TOTAL", spec.NoFaults},
		{"causal", causalAcross, "CROSS-GROUP-TOTAL", spec.NoFaults},
		{"total", totalAcross, "VALIDITY", spec.SetOf(spec.CrashFault)},
	} {
		if broken, _ := acrossSoak(t, c.a, []spec.ID{c.id}, c.under, 1500); len(broken) == 0 {
			t.Errorf("%s: nothing breaks %s under %v", c.name, c.id, c.under)
		} else {
			t.Logf("%s: %s: %s", c.name, c.id, broken[c.id])
		}
	}
}

// Each rule carries weight: without it something is broken.
func TestPlantedBugsAcrossGroups(t *testing.T) {
	for name, c := range map[string]struct {
		a   across
		ids []spec.ID
	}{
		"past of other groups ignored": {func(cfg impl.Config, all []spec.Group) impl.Layer {
			c := ordering.NewCausalAcross(cfg, all)
			c.Rules.Waits = func(_, _ spec.GroupID, _ bool) bool { return false }
			return c
		}, []spec.ID{"CROSS-GROUP-CAUSAL"}},
		"past of foreign groups waited for": {func(cfg impl.Config, all []spec.Group) impl.Layer {
			c := ordering.NewCausalAcross(cfg, all)
			c.Rules.Waits = func(_, _ spec.GroupID, _ bool) bool { return true }
			return c
		}, []spec.ID{"VALIDITY"}},
		"vector of the first group": {func(cfg impl.Config, all []spec.Group) impl.Layer {
			c := ordering.NewCausalAcross(cfg, all)
			c.Rules.Vector = func(spec.GroupID) spec.GroupID { return 0 }
			return c
		}, []spec.ID{"VALIDITY"}},
		"a sequencer for each group": {func(cfg impl.Config, all []spec.Group) impl.Layer {
			c := ordering.NewTotalAcross(cfg, all)
			c.Rules.Sequencer = func(g spec.GroupID, _ spec.NodeID) spec.NodeID { return all[g].Members[0] }
			return c
		}, []spec.ID{"CROSS-GROUP-TOTAL"}},
		"numbers of other groups ignored": {func(cfg impl.Config, all []spec.Group) impl.Layer {
			c := ordering.NewTotalAcross(cfg, all)
			c.Rules.Waits = func(_, _ spec.GroupID, _ bool) bool { return false }
			return c
		}, []spec.ID{"CROSS-GROUP-TOTAL"}},
		"numbers of foreign groups waited for": {func(cfg impl.Config, all []spec.Group) impl.Layer {
			c := ordering.NewTotalAcross(cfg, all)
			c.Rules.Waits = func(_, _ spec.GroupID, _ bool) bool { return true }
			return c
		}, []spec.ID{"VALIDITY"}},
	} {
		broken, _ := acrossSoak(t, c.a, c.ids, spec.NoFaults, 600)
		for _, id := range c.ids {
			if broken[id] == "" {
				t.Errorf("%s: nothing breaks %s", name, id)
			}
		}
	}
}

// One step costs no allocation across groups either.
func TestNoAllocationAcrossGroupsInTheSteadyState(t *testing.T) {
	for name, a := range acrossOrders {
		s := newSteady(inOneGroup(a))
		for i := range 1000 {
			s.send(spec.NodeID(i % 3))
		}
		if n := testing.AllocsPerRun(100, func() { s.send(1) }); n > 0 {
			t.Errorf("%s: %v allocations a send", name, n)
		}
	}
}

// BenchmarkSendAcross is one send and all that follows from it, at three members of one group.
func BenchmarkSendAcross(b *testing.B) {
	for name, a := range acrossOrders {
		b.Run(name, func(b *testing.B) {
			s := newSteady(inOneGroup(a))
			b.ReportAllocs()
			for b.Loop() {
				s.send(1)
			}
		})
	}
}
