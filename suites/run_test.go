package suites_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// allCells are those of every membership.
func allCells(t testing.TB) []suites.Cell {
	t.Helper()
	cells, err := suites.Cells("all", "all", "all", "all")
	if err != nil {
		t.Fatal(err)
	}
	return cells
}

// cellsOf are those whose members do not change.
func cellsOf(t testing.TB, transports, reliabilities, orderings string) []suites.Cell {
	t.Helper()
	cells, err := suites.Cells(transports, reliabilities, orderings, "static,anonymous")
	if err != nil {
		t.Fatal(err)
	}
	return cells
}

func run(t testing.TB, p suites.Plan) *suites.Report {
	t.Helper()
	p.Faults = spec.AllFaults
	r, err := suites.Run(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestMatrix is both sides of a cell: what it claims holds in every schedule within the model, and what it does not
// promise is broken by a schedule that was found. The command plays the whole matrix; this plays every fifth stack of
// it, in short mode a few, from another seed.
func TestMatrix(t *testing.T) {
	const seed, step = 2, 5 // of nothing there are as many as a multiple of it: so each transport, level and order comes
	schedules, cells := suites.DefaultSchedules, cellsOf(t, "all", "all", "all")
	if testing.Short() {
		schedules, cells = 60, cellsOf(t, "unicast", "all", "unordered,causal,total-sequencer,sync")
	}
	some := cells[:0]
	for i := 0; i < len(cells); i += step {
		some = append(some, cells[i])
	}
	cells = some
	r := run(t, suites.Plan{Cells: cells, Seed: seed, Schedules: schedules, Parallel: 2})
	if want := len(cells); len(r.Cells) != want {
		t.Fatalf("%d cells, want %d", len(r.Cells), want)
	}
	for i := range r.Cells {
		c := &r.Cells[i]
		for _, row := range c.Requirements {
			want := spec.Pass
			if !row.Claimed {
				want = spec.Fail
			}
			if row.Verdict != want {
				t.Errorf("%s: %s (claimed %v) is %s, want %s: %s", c.Name(), row.ID, row.Claimed, row.Verdict, want, row.Reason)
				if row.Witness != nil {
					t.Log(row.Witness.Explain())
				}
			}
		}
	}
	if r.Verdict != spec.Pass {
		t.Errorf("verdict %s", r.Verdict)
	}
}

// TestVariants plays the options of the transports.
func TestVariants(t *testing.T) {
	if testing.Short() {
		t.Skip("the matrix without options is played in short mode")
	}
	cells, err := suites.Cells("unicast:mtu=200,unicast:channel=on,unicast:channel=on,mtu=300", "unreliable,best-effort,nack,reliable,uniform,byzantine", "unordered,fifo,causal", "static")
	if err != nil {
		t.Fatal(err)
	}
	for _, nodes := range []int{0, 2, 5} {
		if r := run(t, suites.Plan{Cells: cells, Seed: 3, Schedules: 100, Nodes: nodes, Messages: 6, Parallel: 2}); r.Verdict == spec.Fail {
			for i := range r.Cells {
				for _, row := range r.Cells[i].Requirements {
					if row.Claimed && row.Verdict == spec.Fail {
						t.Errorf("%d nodes, %s: %s", nodes, r.Cells[i].Name(), row.Witness.Explain())
					}
				}
			}
		}
	}
}

// TestSameSeedSameBytes: the number of workers, and how often a run is made, change nothing.
func TestSameSeedSameBytes(t *testing.T) {
	var first []byte
	workers := []int{1, 2, 3, 2}
	if testing.Short() {
		workers = []int{1, 3}
	}
	for _, workers := range workers {
		b, err := json.Marshal(run(t, suites.Plan{Cells: cellsOf(t, "unicast,ip", "reliable", "fifo"), Seed: 42, Schedules: 100, Parallel: workers}))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b
		}
		if !bytes.Equal(first, b) {
			t.Fatalf("%d workers gave other bytes", workers)
		}
	}
	other, _ := json.Marshal(run(t, suites.Plan{Cells: cellsOf(t, "unicast,ip", "reliable", "fifo"), Seed: 43, Schedules: 100}))
	if bytes.Equal(first, other) {
		t.Error("another seed gave the same bytes")
	}
}

// TestClassicSeparations: the witnesses that every textbook tells, in a handful of steps.
func TestClassicSeparations(t *testing.T) {
	r := run(t, suites.Plan{Cells: cellsOf(t, "unicast", "unreliable,best-effort,reliable", "unordered,fifo,causal"), Seed: 1, Schedules: 1, Parallel: 2, Witnesses: true})
	for _, want := range []struct {
		cell  string
		id    spec.ID
		steps int
		has   string
	}{
		{"unicast/unreliable/unordered/static", "VALIDITY", 2, "loss"},
		{"unicast/best-effort/unordered/static", "AGREEMENT", 2, "crash"},
		{"unicast/reliable/unordered/static", "UNIFORM-AGREEMENT", 3, "crash-lossy"},
		{"unicast/reliable/unordered/static", "FIFO-ORDER", 3, "send"},
		{"unicast/reliable/fifo/static", "CAUSAL-ORDER", 2, "on "},
		{"unicast/reliable/causal/static", "TOTAL-ORDER", 2, "send"},
		{"unicast/best-effort/causal/static", "VALIDITY", 4, "crash"},
	} {
		story := separation(t, r, want.cell, want.id)
		if story.Steps > want.steps || !strings.Contains(story.Scenario, want.has) {
			t.Errorf("%s, %s: want at most %d steps, and %q among them:\n%s", want.cell, want.id, want.steps, want.has, story.Scenario)
		}
	}
}

func separation(t *testing.T, r *suites.Report, cell string, id spec.ID) *suites.Story {
	t.Helper()
	for i := range r.Cells {
		if r.Cells[i].Name() != cell {
			continue
		}
		for _, row := range r.Cells[i].Requirements {
			if row.ID == id && !row.Claimed && row.Witness != nil {
				return row.Witness
			}
		}
	}
	t.Fatalf("%s has no separation witness of %s", cell, id)
	return nil
}

// TestClaimsAreJudged: a claim without a judge would be a claim that nothing can refute.
func TestClaimsAreJudged(t *testing.T) {
	judged := suites.Judged()
	for _, c := range allCells(t) {
		if err := c.Applicable(); err != nil {
			continue
		}
		for _, claim := range c.Claims() {
			if !slices.Contains(judged, claim.ID) {
				t.Errorf("%s claims %s, which no checker judges", c, claim.ID)
			}
		}
		for _, s := range c.Separations() {
			gone := s.With&spec.SetOf(spec.CrashFault, spec.CrashLossyFault, spec.CoordinatorFault) != 0 && !s.With.Has(spec.RecoverFault) // and the promise is for those that come back
			if under, ok := c.Claims().Get(s.ID); ok && s.With.Within(under) && !(gone && slices.Contains(c.Awaits(), s.ID)) {
				t.Errorf("%s promises %s under %s and wants it broken with %s", c, s.ID, under, s.With)
			}
		}
	}
}

// TestWitnessesReplay: the token of every witness plays the same run again, with the same trace, and the violation in
// it.
func TestWitnessesReplay(t *testing.T) {
	transports := "hardware,unicast,ip,tcp"
	if testing.Short() {
		transports = "unicast"
	}
	r := run(t, suites.Plan{Cells: cellsOf(t, transports, "unreliable,reliable", "unordered"), Seed: 5, Schedules: 1, Parallel: 2})
	for i := range r.Cells {
		for _, row := range r.Cells[i].Requirements {
			if row.Witness == nil {
				continue
			}
			token := strings.TrimPrefix(row.Witness.Replay, "conform replay ")
			s, err := faults.ParseToken(token)
			if err != nil {
				t.Fatal(err)
			}
			got, err := suites.Replay(s)
			if err != nil {
				t.Fatal(err)
			}
			if got.Verdict != spec.Fail || !got.Recorded || !got.SameTrace || got.Expect != row.ID {
				t.Errorf("%s %s: replay gives %s, same trace %v\n%s", r.Cells[i].Name(), row.ID, got.Verdict, got.SameTrace, row.Witness.Scenario)
			}
		}
	}
}

// TestReplayDeparts: a recorded trace that is not that of the run is reported with the place, and the run goes on.
func TestReplayDeparts(t *testing.T) {
	r := run(t, suites.Plan{Cells: cellsOf(t, "unicast", "unreliable", "unordered"), Seed: 5, Schedules: 1})
	story := separation(t, r, "unicast/unreliable/unordered/static", "TOTAL-ORDER")
	s, err := faults.Parse(story.Scenario)
	if err != nil {
		t.Fatal(err)
	}
	s.Trace.Samples[2] ^= 1
	got, err := suites.Replay(s)
	if err != nil {
		t.Fatal(err)
	}
	if got.SameTrace || !strings.Contains(got.Departs, "event 3") || got.Verdict != spec.Fail {
		t.Errorf("same trace %v, departs %q, verdict %s", got.SameTrace, got.Departs, got.Verdict)
	}
}

func TestCellNames(t *testing.T) {
	for _, text := range []string{"unicast/reliable/causal/static", "unicast:channel=on,mtu=1400/unreliable/fifo/static"} {
		c, err := suites.ParseCell(text)
		if err != nil || c.String() != text {
			t.Errorf("%q reads as %q, %v", text, c, err)
		}
	}
	for text, want := range map[string]string{
		"unicats/reliable/causal":          `unknown transport "unicats": did you mean unicast?`,
		"unicast/reliable":                 "want transport/reliability/ordering",
		"unicast:mtu=7/reliable/causal":    "want 0, or 160 to 65536",
		"unicast:colour=7/reliable/causal": `transport unicast has no option "colour": it has channel, mtu`,
		"unicast/reliable:x=1/causal":      `reliability reliable has no option "x", and none at all`,
	} {
		if _, err := suites.ParseCell(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func BenchmarkMatrix(b *testing.B) {
	cells := cellsOf(b, "all", "all", "all")
	n := 0
	for i := 0; b.Loop(); i++ {
		r := run(b, suites.Plan{Cells: cells, Seed: uint64(i), Schedules: 100})
		for k := range r.Cells {
			n += r.Cells[k].Schedules
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "schedules/s")
}
