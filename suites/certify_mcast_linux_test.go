package suites

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

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
	c := Certification{Adapter: mcast(), World: "netns", Schedules: 6, Parallel: 6, Seed: 1}
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
		{"loss", "at 0s loss 100% for 200ms\n", "VALIDITY", true, []string{"--once"}},
		{"ttl", "at 0s ttl 0 0 for 200ms\n", "VALIDITY", true, []string{"--once"}},
		{"ttl, and again", "at 0s ttl 0 0 for 200ms\n", "VALIDITY", false, nil},
		{"flood", "at 0s flood every 100us for 200ms\n", "VALIDITY", false, nil},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			s, err := faults.Parse("conform.scenario/1\nsubject adapter\nexpect " + string(x.id) +
				"\nnodes 3\ngroup g 0 1 2\nseed 1\nnet latency 1ms..10ms\n" + x.fault + "at 50ms send 0 g 8\n")
			if err != nil {
				t.Fatal(err)
			}
			r, err := Certification{Adapter: mcast(x.args...), World: "netns"}.Replay(s)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(r.Requirements, func(row Row) bool { return row.ID == x.id })
			if !r.Settled || i < 0 || (r.Requirements[i].Verdict == spec.Fail) != x.broken {
				t.Errorf("settled %v, broken: want %v:\n%s\n%+v", r.Settled, x.broken, r.Diagram, r.Requirements)
			}
		})
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
	r, err := play("at 0s skew 1 by 10m\nat 10ms send 0 g 4\nat 20ms send 1 g 4\nat 30ms crash 1\nat 40ms recover 1\nat 1s send 1 g 4\n")
	if err != nil {
		t.Fatal(err)
	}
	var ahead []time.Duration // of what node 0 says
	for i := range r.History.Events {
		if e := &r.History.Events[i]; e.Kind == spec.Deliver {
			says := time.Duration(r.History.ExtraOf(e).Pos)*time.Microsecond - time.Duration(e.T)
			if len(ahead) > 0 {
				says -= ahead[0]
			}
			ahead = append(ahead, says)
		}
	}
	near := func(d time.Duration) bool { return d > 10*time.Minute-time.Second && d < 10*time.Minute+time.Second }
	if len(ahead) != 3 || !near(ahead[1]) || !near(ahead[2]) || !r.Settled {
		t.Errorf("settled %v: the clocks say %v, want the second and third 10m more than the first", r.Settled, ahead)
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
	nets := &trial{plan: Certification{World: "netns", Seed: 1}, hello: &adapter.Hello{Network: "own"}, model: outsideFaults | adapter.OwnFaults}
	kinds := spec.NoFaults
	for i := range 3000 {
		var s faults.Scenario
		nets.draw(&s, false, i)
		kinds |= s.Faults()
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
	if missing := (outsideFaults | adapter.OwnFaults) &^ kinds; missing != 0 {
		t.Errorf("never drawn: %s", missing)
	}
}
