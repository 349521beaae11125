package suites

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
)

// kernelled says whether programs can be started on the kernel's network here, or skips the test.
func kernelled(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not here")
	}
	var nets outsideNets
	_, _, err := nets.borrow()
	nets.close()
	skipWithout(t, err)
}

func mcast(args ...string) adapter.Options {
	return adapter.Options{Command: append([]string{"python3", "../impl/adapter/samples/python/mcast.py"}, args...), Answer: time.Minute}
}

// A sample that multicasts keeps its promises while strangers repeat, flood and listen, reports are lost, the switch does
// not ask, cards are full and clocks are ahead.
func TestForeignMulticast(t *testing.T) {
	t.Parallel()
	kernelled(t)
	c := Certification{Adapter: mcast(), World: "netns", Schedules: 4, Parallel: 4, Seed: 1}
	r, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Error != "" || r.Verdict != spec.Pass || r.NotPlayed != "" {
		t.Errorf("%s, not played %q, error %q", r.Verdict, r.NotPlayed, r.Error)
	}
}

// Each of these strikes a program that can't bear it, and one that can bears it.
func TestForeignMulticastIsStruck(t *testing.T) {
	t.Parallel()
	kernelled(t)
	for _, x := range []struct {
		name, fault string
		id          spec.ID
		broken      bool
		args        []string
	}{
		{"nothing", "", "NO-DUPLICATION", false, []string{"--once", "--broken"}},
		{"rogue", "at 0s rogue 100%\n", "NO-DUPLICATION", true, []string{"--once", "--broken"}},
		{"rogue, looked at", "at 0s rogue 100%\n", "NO-DUPLICATION", false, []string{"--once"}},
		{"loss", "at 0s loss 100%\n", "VALIDITY", true, []string{"--once"}},
		{"ttl", "at 0s ttl 0 0\n", "VALIDITY", true, []string{"--once"}},
		{"flood", "at 0s flood every 100us\n", "VALIDITY", false, nil},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			r, broken := playForeign(t, mcast(x.args...), x.id, "nodes 3\ngroup g 0 1 2\nseed 1\nnet latency 1ms..10ms\n"+x.fault+"at 50ms send 0 g 8\n")
			if broken != x.broken {
				t.Errorf("broken %v, want %v:\n%s", broken, x.broken, r.Diagram)
			}
		})
	}
}

// playForeign plays steps on a program there, and says whether what is expected to break does.
func playForeign(t *testing.T, o adapter.Options, id spec.ID, scenario string) (r *Replayed, broken bool) {
	t.Helper()
	s, err := faults.Parse("conform.scenario/1\nsubject adapter\nexpect " + string(id) + "\n" + scenario)
	if err != nil {
		t.Fatal(err)
	}
	r, err = Certification{Adapter: o, World: "netns"}.Replay(s)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(r.Requirements, func(row Row) bool { return row.ID == id })
	if i < 0 || !r.Settled {
		t.Fatalf("settled %v, %s is not judged:\n%s", r.Settled, id, r.Diagram)
	}
	return r, r.Requirements[i].Verdict == spec.Fail
}

// A program is in several groups, each with an address: one that listens to a port, and not to an address, hears on one
// host what is sent to the other group. And members come and go: who goes on to listen when it has left delivers too much.
func TestForeignGroupsAndMembers(t *testing.T) {
	t.Parallel()
	kernelled(t)
	const (
		net     = "seed 1\nnet latency 1ms..10ms\n"
		groups  = "nodes 3\ngroup g 0 1 2\ngroup h 0 1\n" + net + "at 0s send 2 g 8\nat 10ms send 0 h 8\n"
		members = "nodes 3\ngroup g 0 1\n" + net + "at 0s join 2 g\nat 0s leave 1 g\nat 600ms send 0 g 8\nat 700ms send 1 g 8\n"
	)
	for _, x := range []struct {
		name, scenario string
		id             spec.ID
		broken         bool
		args           []string
	}{
		{"groups", groups, "NO-CREATION", false, nil},
		{"groups, and a socket that leaks", groups, "NO-CREATION", true, []string{"--leaky"}},
		{"members", members, "NO-DELIVERY-AFTER-LEAVE", false, []string{"--once"}},
		{"members, and one that stays", members, "NO-DELIVERY-AFTER-LEAVE", true, []string{"--once", "--stays"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			r, broken := playForeign(t, mcast(x.args...), x.id, x.scenario)
			if broken != x.broken {
				t.Errorf("broken %v, want %v:\n%s", broken, x.broken, r.Diagram)
			}
			calls, by := 0, [3]int{}
			for i := range r.History.Events {
				switch e := &r.History.Events[i]; e.Kind {
				case spec.Join, spec.Joined, spec.Leave, spec.Left:
					calls++
				case spec.Deliver:
					by[e.Node]++
				}
			}
			if x.scenario == members && !x.broken && (calls != 4 || by != [3]int{2, 0, 2}) {
				t.Errorf("%d calls and returns, deliveries %v:\n%s", calls, by, r.Diagram)
			}
		})
	}
}

// A program with views is asked to join and leave, and what it tells of its views is judged.
func TestForeignViews(t *testing.T) {
	t.Parallel()
	kernelled(t)
	const moves = "nodes 3\ngroup g 0 1\nseed 1\nnet latency 1ms..10ms\nat 0s join 2 g\nat 0s send 0 g 8\nat 1ms leave 1 g\nat 500ms send 1 g 8\nat 510ms send 2 g 8\n"
	for _, x := range []struct {
		id     spec.ID
		broken bool
		args   []string
	}{{"VIEW-AGREEMENT", false, nil}, {"DESTINATION-INTEGRITY", true, []string{"--early"}}} {
		t.Run(string(x.id), func(t *testing.T) {
			t.Parallel()
			o := adapter.Options{Command: append([]string{"python3", "../impl/adapter/samples/python/views.py"}, x.args...), Answer: time.Minute}
			r, broken := playForeign(t, o, x.id, moves)
			views := 0
			for i := range r.History.Events {
				if r.History.Events[i].Kind == spec.ViewChange {
					views++
				}
			}
			if broken != x.broken || views < 4 {
				t.Errorf("broken %v, want %v, %d views:\n%s", broken, x.broken, views, r.Diagram)
			}
		})
	}
}

// fields is a program that installs view 1 and says of a delivery all that may be said.
const fields = `
import json, sys
for line in map(json.loads, sys.stdin):
    say = lambda **x: print(json.dumps(x), flush=True)
    if line["op"] == "hello": say(op="hello", protocol=1, name="fields", version="1", network="own", claims=[], tolerates=[])
    elif line["op"] == "init":
        say(op="ready")
        say(op="view", group=line["group"], view="1", members=[line["node"]], transitional=True)
        say(op="view", group=line["group"], view="1", members=line["members"])
    elif line["op"] == "send":
        again = line["msg"].endswith("/2")
        say(op="deliver", group=line["group"], msg=line["msg"], body=line["body"], pos=7, view="1" if again else "2", redelivered=again, safe=again, **{"from": "1"})
        say(op="done", of=line["id"])
    else: say(op="error", of=line.get("id", 0), code="unsupported", definite=True)
`

// What a program says of a delivery stands in the history, and is judged: the view that it names by the one installed.
func TestForeignDeliveriesSayMore(t *testing.T) {
	t.Parallel()
	kernelled(t)
	r, broken := playForeign(t, adapter.Options{Command: []string{"python3", "-c", fields}, Answer: time.Minute}, "SAME-VIEW-DELIVERY",
		"nodes 2\ngroup g 0 1\nseed 1\nnet latency 1ms..10ms\nat 10ms send 0 g 4\nat 20ms send 0 g 4\n")
	if !broken {
		t.Errorf("it delivers in a view that it has not installed:\n%s", r.Diagram)
	}
	var got []string
	some := 0
	for i := range r.History.Events {
		switch e := &r.History.Events[i]; {
		case e.Kind == spec.Deliver:
			x := r.History.ExtraOf(e)
			got = append(got, fmt.Sprint(e.From, x.Pos, x.View, e.Is(spec.IsRedelivered), e.Is(spec.IsSafe)))
		case e.Kind == spec.ViewChange && e.Is(spec.IsTransitional):
			some++
		}
	}
	if want := []string{"1 7 2 false false", "1 7 1 true true"}; !slices.Equal(got, want) || some != 2 {
		t.Errorf("got %q and %d transitional sets, want %q and 2", got, some, want)
	}
	if f := checkers.Check(&r.History, "SAFE-DELIVERY")[0]; f.Verdict != spec.Fail {
		t.Errorf("what node 1 never delivers was told to be safe: %s %s\n%s", f.Verdict, f.Reason, r.Diagram)
	}
}

// timed is a program that delivers what it sends to itself, and says what its clock says then, in microseconds.
const timed = `
import json, sys, time
for line in map(json.loads, sys.stdin):
    say = lambda **x: print(json.dumps(x), flush=True)
    if line["op"] == "hello": say(op="hello", protocol=1, name="timed", version="1", network="own", claims=[], tolerates=["clock-skew"])
    elif line["op"] == "init": say(op="ready")
    elif line["op"] == "send":
        say(op="deliver", group=line["group"], msg=line["msg"], body=line["body"], pos=time.monotonic_ns() // 1000)
        say(op="done", of=line["id"])
    else: say(op="error", of=line.get("id", 0), code="unsupported", definite=True)
`

// The clock of a program is ahead from its start, in each of its lives, and the history is told by the right one. That a
// clock is set while it runs is refused.
func TestForeignClocks(t *testing.T) {
	t.Parallel()
	kernelled(t)
	c := Certification{Adapter: adapter.Options{Command: []string{"python3", "-c", timed}, Answer: time.Minute}, World: "netns"}
	play := func(steps string) (*Replayed, error) {
		s, err := faults.Parse("conform.scenario/1\nsubject adapter\nnodes 2\ngroup g 0 1\nseed 1\nnet latency 1ms..10ms\n" + steps)
		if err != nil {
			t.Fatal(err)
		}
		return c.Replay(s)
	}
	r, err := play("at 0s skew 1 by 10m\nat 10ms send 0 g 4\nat 20ms send 1 g 4\nat 3s crash 1\nat 3.1s recover 1\nat 3.2s send 1 g 4\n")
	if err != nil {
		t.Fatal(err)
	}
	var says [2][]time.Duration // beyond the time of the history, by node
	for i := range r.History.Events {
		if e := &r.History.Events[i]; e.Kind == spec.Deliver {
			says[e.Node] = append(says[e.Node], time.Duration(r.History.ExtraOf(e).Pos)*time.Microsecond-time.Duration(e.T))
		}
	}
	if len(says[0]) != 1 || len(says[1]) != 2 || !r.Settled {
		t.Fatalf("settled %v: the clocks say %v, want one and two times", r.Settled, says)
	}
	for _, d := range says[1] {
		if d -= says[0][0]; d < 9*time.Minute || d > 11*time.Minute {
			t.Errorf("the clock of node 1 is %v ahead of that of node 0, want 10m", d)
		}
	}
	for _, steps := range []string{"at 1ms skew 1 by 1ms\n", "at 0s skew 1 by 1ms for 20ms\n", "on 1 deliver 1 skew 1 by 1ms\n",
		"at 0s jump 1 by 1ms for 20ms\n", "at 0s drift 1 10% for 20ms\n"} {
		if _, err := play(steps); err == nil || !strings.Contains(err.Error(), "while it runs") {
			t.Errorf("%q: %v", steps, err)
		}
	}
}

// What a world can't do to a program is said with its reason, and so is that there is nothing that a stranger could strike.
func TestForeignFaultsNotPlayed(t *testing.T) {
	t.Parallel()
	kernelled(t)
	c := Certification{Adapter: adapter.Options{Command: []string{"python3", "../impl/adapter/samples/python/own.py"}, Answer: time.Minute},
		World: "netns", Schedules: 1, Faults: spec.SetOf(spec.JumpFault, spec.ByzantineFault, spec.RogueFault, spec.DiskFullFault), Seed: 1}
	r, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"clock-jump: no: jump: the kernel can set", "byzantine: no: ", "disk-full: no: ", "rogue: no node has joined"} {
		if !slices.ContainsFunc(r.NotPlayedWhy, func(why string) bool { return strings.HasPrefix(why, want) }) {
			t.Errorf("%q is not said: %s; %q", want, r.NotPlayed, r.NotPlayedWhy)
		}
	}
}

// A schedule that is drawn for the kernel can be played there, and waits for nothing that nobody sees.
func TestSuitedSchedules(t *testing.T) {
	nets := &trial{plan: Certification{World: "netns", Seed: 1}, hello: &adapter.Hello{Network: "own", Groups: 3}, model: outsideFaults | adapter.OwnFaults}
	several := 0
	kinds := spec.NoFaults
	for i := range 3000 {
		var s faults.Scenario
		nets.draw(&s, false, i)
		kinds |= s.Faults()
		several += len(s.Groups) - 1
		if i == 2000 {
			nets.claims = []spec.ID{"NO-DELIVERY-AFTER-LEAVE"} // from now on members come and go
		}
		for k := range s.Steps {
			x := &s.Steps[k]
			if on := x.When.On; on != faults.AtTime && on != faults.OnDeliver && on != faults.OnAck {
				t.Fatalf("%q waits for what nobody sees", s.StepText(k))
			}
			if x.Action.Op == faults.Skew && (x.When != faults.When{} || x.Action.For != 0) {
				t.Fatalf("%q can't be played", s.StepText(k))
			}
		}
		if _, err := faults.Parse(s.String()); err != nil {
			t.Fatalf("%v\n%s", err, s.String())
		}
	}
	if several == 0 {
		t.Error("there is one group")
	}
	if missing := (outsideFaults | adapter.OwnFaults) &^ kinds; missing != 0 {
		t.Errorf("never drawn: %s", missing)
	}
}

// Whether a program speaks the protocol is seen where it is to live; and a certificate is tried again in the world that it
// is of.
func TestForeignProgramsAreCheckedThere(t *testing.T) {
	t.Parallel()
	kernelled(t)
	r := Certification{Adapter: mcast(), World: "netns"}.CheckAdapter()
	if r.Verdict != spec.Pass || len(r.Steps) != 3 || r.Steps[2].Text != "node 0 delivered 1, node 1 delivered 1" {
		t.Errorf("%s: %+v", r.Verdict, r.Steps)
	}
	r = Certification{Adapter: mcast()}.CheckAdapter()
	if r.Verdict != spec.Error || !strings.Contains(r.Steps[1].Text, "carries no IP multicast") {
		t.Errorf("on loopback: %s: %+v", r.Verdict, r.Steps)
	}
	for world, want := range map[string]string{"netns": "netns", "loopback": "", "sim": ""} {
		c := &Certificate{Seed: "1", Environment: map[string]string{"world": world}, Plan: CertifiedPlan{Faults: "none"}}
		if p, err := c.plan(1, adapter.Options{}, 1); err != nil || p.World != want {
			t.Errorf("of %s: in %q, %v, want %q", world, p.World, err, want)
		}
	}
}
