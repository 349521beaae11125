package suites

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/netns"
	"github.com/conform-go/conform/spec"
)

// The tests' own program is the guests' as well.
func init() { Guest() }

// outside runs cells on the kernel, or skips the test with what the machine lacks.
func outside(t *testing.T, transports, levels, orderings, captures string) *Report {
	t.Helper()
	cells, err := Cells(transports, levels, orderings, "static")
	if err != nil {
		t.Fatal(err)
	}
	r, err := RunOutdoors(t.Context(), Plan{Cells: cells, Faults: spec.AllFaults, Seed: 1, Parallel: OutdoorWorkers(), Clock: time.Now}, captures)
	skipWithout(t, err)
	return r
}

func skipWithout(t *testing.T, err error) {
	t.Helper()
	if err != nil && netns.Missing(err) && os.Getenv(netns.RequiredVariable) == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// On the kernel the claims of stacks hold, too; and best effort is not reliable, with the frames to show it.
func TestOutdoors(t *testing.T) {
	t.Parallel()
	captures := t.TempDir()
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	r := outside(t, "unicast", "best-effort", "unordered", captures)
	for i := range r.Cells {
		c := &r.Cells[i]
		if v := c.verdict(); v != spec.Pass {
			var text bytes.Buffer
			r.WriteText(&text, Detail{})
			t.Fatalf("%s: %v\n%s", c.Name(), v, text.String())
		}
		if !c.Applicable || c.Schedules < Outdoors || c.Sends == 0 || c.Deliveries == 0 || c.Packets == 0 {
			t.Errorf("%s: applicable %v, %d schedules, %d sends, %d deliveries, %d packets", c.Name(), c.Applicable, c.Schedules, c.Sends, c.Deliveries, c.Packets)
		}
	}
	if r.World != "netns" {
		t.Error(r.World)
	}
	i := slices.IndexFunc(r.Cells[0].Requirements, func(row Row) bool { return row.ID == "AGREEMENT" && !row.Claimed })
	if i < 0 {
		t.Fatal("nothing shows that best effort is not reliable")
	}
	row := &r.Cells[0].Requirements[i]
	if row.Verdict != spec.Fail || !strings.Contains(row.Witness.Text, "never delivered") {
		t.Errorf("%+v", row)
	}
	files, _ := filepath.Glob(filepath.Join(captures, "*AGREEMENT*.pcap"))
	if len(files) == 0 {
		t.Error("no capture")
	}
}

// Bugs that were planted are caught on the kernel, in schedules through which the correct stack comes well.
func TestPlantedBugsOutdoors(t *testing.T) {
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	for name, first := range map[string]string{"no-relay": "", "relay-after-delivering": "",
		"relay-taken-for-sender": "at 0s oneway 0 > 2 for 300ms\nat 20ms send 0 g 8\n"} { // 2 has it from 1 only
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, err := ParseSubject(mutantPrefix + name)
			if err != nil {
				t.Fatal(err)
			}
			_, wire, err := x.cell.outdoors()
			if err != nil {
				t.Fatal(err)
			}
			pool := &lans{}
			defer pool.close()
			lan, err := pool.get()
			skipWithout(t, err)
			defer pool.put(lan)
			bug := &outdoor{plan: &Plan{Seed: 1}, cell: x.cell, wire: wire, lans: pool, stack: x.Name}
			bug.prepare(x.bench())
			right := &outdoor{plan: &Plan{Seed: 1}, cell: x.cell, wire: wire, lans: pool, stack: x.cell.String()}
			right.prepare(x.cell.newBench(x.cell.world(x.cell.Member, nil), 0))
			if !caughtOutdoors(t, x, bug, right, lan, first) {
				t.Errorf("%s is not caught", name)
			}
		})
	}
}

// caughtOutdoors plays the steps of a scenario, if there are some, and then schedules that break something in the simulator.
func caughtOutdoors(t *testing.T, x *Subject, bug, right *outdoor, lan *netns.LAN, first string) bool {
	t.Helper()
	var s faults.Scenario
	breaks := x.Claims
	for i, played := 0, 0; i < 4000 && played < 6; i++ {
		x.Params.Faults &= outdoorFaults
		x.draw(&s, seedOf(1, x.Name, 8, uint64(i)), i)
		if i == 0 && first != "" {
			w, err := faults.Parse("conform.scenario/1\nnodes 3\ngroup g 0 1 2\nseed 1\nnet latency 1ms..2ms\n" + first)
			if err != nil {
				t.Fatal(err)
			}
			s = *w
		}
		if lan.Fits(&s) != nil || bug.sim.play(&s) != nil {
			continue
		}
		k := slices.IndexFunc(breaks, func(c spec.Claim) bool {
			return x.cell.injects(&s).Within(c.Under) && bug.sim.judge.Check(c.ID).Verdict == spec.Fail && !bug.sim.outlasts(&s, c.ID)
		})
		if k < 0 {
			continue
		}
		played++
		id := breaks[k].ID
		long, err := bug.play(lan, &s)
		if err != nil {
			t.Fatal(err)
		}
		f := bug.bench.judge.Check(id)
		if f.Verdict != spec.Fail || bug.bench.outlasts(long, id) {
			continue
		}
		t.Logf("%s breaks %s: %s", x.Name, id, f.Witness.Text)
		story, err := bug.tell(&s, id, &f)
		if err != nil {
			t.Fatal(err)
		}
		checkCapture(t, story.Replay)
		long, err = right.play(lan, &s)
		if err != nil {
			t.Fatal(err)
		}
		if f := right.bench.judge.Check(id); f.Verdict == spec.Fail && !right.bench.outlasts(long, id) {
			t.Errorf("so does %s: %s", right.stack, f.Witness.Text)
		}
		return true
	}
	return false
}

// What the kernel can't play is said before anything is played.
func TestNotOutdoors(t *testing.T) {
	for _, c := range []struct{ cell, want string }{
		{"unicast/reliable/causal/anonymous", "nobody can join at the transport"},
		{"unicast:mtu=1400/reliable/causal", "cuts packets"},
		{"hardware:nic=hash512/reliable/causal", "64 bins"},
		{"hardware:nic=exact,slots=9/reliable/causal", "room for 6"},
	} {
		cell, err := ParseCell(c.cell)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := cell.outdoors(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.cell, err, c.want)
		}
		if _, err := RunOutdoors(context.Background(), Plan{Cells: []Cell{cell}, Faults: spec.AllFaults}, ""); err == nil {
			t.Errorf("%s is run", c.cell)
		}
	}
}

// A witness that the kernel has shown is shown by it again, with what the hosts and the switch said of groups.
func TestReplayOutdoors(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	s, err := faults.Parse("conform.scenario/1\nsubject ip/unreliable/unordered/static\nexpect AGREEMENT\nnodes 3\ngroup g 0 1 2\nseed 1\n" +
		"net latency 1ms..1ms\nat 0s partition 0 1|2 for 50ms\nat 10ms send 0 g 8\n")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	r, err := ReplayOutdoors(s, &b)
	skipWithout(t, err)
	i := slices.IndexFunc(r.Requirements, func(x Row) bool { return x.ID == "AGREEMENT" })
	if i < 0 || r.Requirements[i].Verdict != spec.Fail || !strings.Contains(r.Requirements[i].Witness.Replay, "--world netns c1.") {
		t.Errorf("%+v", r.Requirements)
	}
	queries := bytes.Count(b.Bytes(), []byte("\x94\x04\x00\x00\x11"))
	reports := bytes.Count(b.Bytes(), []byte("\x94\x04\x00\x00\x22"))
	if queries == 0 || reports < 3 {
		t.Errorf("%d queries of the switch and %d reports of hosts in the capture", queries, reports)
	}
}

// Of every kind of fault it is said whether the kernel brings it about, and why where it does not; and what is drawn for
// the kernel is what it can.
func TestFaultsOutdoors(t *testing.T) {
	for _, k := range spec.AllFaults.Kinds() {
		can := outdoorsCan(k)
		why, no := strings.CutPrefix(can, "no: ")
		if yes, _, _ := strings.Cut(can, ":"); yes != "yes" && can != "between subnets" && (!no || len(why) < 20) {
			t.Errorf("%v: %q", k, can)
		}
		if outdoorFaults.Has(k) && no {
			t.Errorf("%v is drawn: %s", k, can)
		}
	}
	e := explainFault(spec.TornFault)
	if !slices.ContainsFunc(e.Facts, func(f Fact) bool { return strings.HasPrefix(f.Text, "no: torn: ") }) {
		t.Errorf("%+v", e.Facts[0])
	}
}
