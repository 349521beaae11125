package mutant

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/checkers/linear"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

var (
	schedules = flag.Int("schedules", 1000, "play so many schedules for each mutant, also when it is caught before")
	seed      = flag.Uint64("seed", 1, "of the first schedule")
)

// limit is within how many schedules a mutant must be caught.
const limit = 3000

func (m *Mutant) params() faults.Params {
	return faults.Params{Faults: m.Under, OneToOne: m.OneToOne, NonMember: m.NonMember, MTU: m.MTU}
}

// player plays and judges the schedules of one stack.
type player struct {
	params faults.Params
	world  *sim.World
	s      faults.Scenario
	h      spec.History
	judge  checkers.Judge
}

// fails lists what is broken in the schedule of a seed, with the sentences that prove it.
func (p *player) fails(t *testing.T, seed uint64) map[spec.ID]string {
	faults.DrawInto(&p.s, seed, p.params)
	return p.playDrawn(t, seed, nil)
}

// playDrawn plays the schedule that has been drawn, lets each finding be looked at, and lists what is broken.
func (p *player) playDrawn(t *testing.T, seed uint64, look func(*spec.Finding)) map[spec.ID]string {
	if err := p.world.Play(&p.s, &p.h); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	p.judge.Load(&p.h)
	var out map[spec.ID]string
	for _, id := range checkers.Judged() {
		f := p.judge.Check(id)
		if look != nil {
			look(&f)
		}
		if f.Verdict != spec.Fail {
			continue
		}
		if out == nil {
			out = map[spec.ID]string{}
		}
		out[id] = f.Witness.Text
	}
	return out
}

// broken is what some schedules showed: each id with the first schedule, counted from 1, and its witness.
type broken map[spec.ID]struct {
	schedule int
	text     string
}

func (b broken) add(fails map[spec.ID]string, schedule int) {
	for id, text := range fails {
		if _, known := b[id]; !known {
			b[id] = struct {
				schedule int
				text     string
			}{schedule, text}
		}
	}
}

// lacks says that no schedule showed this.
func (b broken) lacks(id spec.ID) bool { _, shown := b[id]; return !shown }

// first gives the first schedule that showed one of these; 0 where none did.
func (b broken) first(ids []spec.ID) int {
	first := 0
	for _, id := range ids {
		if x, ok := b[id]; ok && (first == 0 || x.schedule < first) {
			first = x.schedule
		}
	}
	return first
}

// plays lists what is broken in the schedule of a seed: the method fails of a player.
type plays func(t *testing.T, seed uint64) map[spec.ID]string

// share gives how many schedules to play where one part of them all is enough; -short is content with a tenth of that.
func share(parts int) int {
	if testing.Short() {
		parts *= 10
	}
	return *schedules / parts
}

// until shows what n schedules break, or more of them, up to limit, as long as something is missing.
func until(t *testing.T, fails plays, n int, missing func(broken) bool) (broken, int) {
	b := broken{}
	i := 0
	for ; i < n || i < limit && missing(b); i++ {
		b.add(fails(t, *seed+uint64(i)), i+1)
	}
	return b, i
}

// play shows what n schedules break, or up to limit where nothing of want is broken by then.
func play(t *testing.T, fails plays, n int, want []spec.ID) (broken, int) {
	return until(t, fails, n, func(b broken) bool { return len(want) > 0 && b.first(want) == 0 })
}

// catchEach catches mutants beside each other, and shows what was said of each.
func catchEach(t *testing.T, mutants []Mutant, catch func(t *testing.T, m *Mutant) string) {
	lines := make([]string, len(mutants))
	t.Run("mutants", func(t *testing.T) {
		for i := range mutants {
			t.Run(mutants[i].Name, func(t *testing.T) {
				t.Parallel()
				lines[i] = catch(t, &mutants[i])
			})
		}
	})
	lines = slices.DeleteFunc(lines, func(line string) bool { return line == "" })
	slices.Sort(lines)
	t.Logf("schedules until each mutant was caught:\n%s", strings.Join(lines, "\n"))
}

// caught says after how many schedules, of one part of them all at least, a mutant is caught: by something that it says
// it breaks, and by nothing that it does not. The correct stack is caught by nothing of that on the same schedules; what
// it is caught by itself, on any of that part, is no false alarm.
func caught(t *testing.T, m *Mutant, parts int, wrong, correct plays) string {
	mutant, n := play(t, wrong, share(parts), m.Breaks)
	if mutant.first(m.Breaks) == 0 {
		t.Errorf("%d schedules broke none of %v", n, m.Breaks)
	}
	right := broken{}
	alarms := func() bool {
		for id := range mutant {
			if right.lacks(id) && !slices.Contains(follows(m.Breaks), id) {
				return true
			}
		}
		return false
	}
	for i := 0; i < n || i < *schedules/parts && alarms(); i++ {
		right.add(correct(t, *seed+uint64(i)), i+1)
	}
	var shown []string
	for _, id := range m.Breaks {
		if x, ok := right[id]; ok {
			t.Errorf("the correct stack breaks %s in schedule %d: %s", id, x.schedule, x.text)
		}
		shown = append(shown, fmt.Sprintf("%s %d", id, mutant[id].schedule))
	}
	for id, x := range mutant {
		if _, ok := right[id]; !ok && !slices.Contains(follows(m.Breaks), id) {
			t.Errorf("false alarm: %s in schedule %d: %s", id, x.schedule, x.text)
		}
	}
	return fmt.Sprintf("%-34s %4d of %4d  %s", m.Name, mutant.first(m.Breaks), n, strings.Join(shown, ", "))
}

// caughtAsDeclared is caught by the schedules of the mutant's own parameters.
func caughtAsDeclared(t *testing.T, m *Mutant, parts int) string {
	wrong := &player{params: m.params(), world: sim.New(sim.Config{New: m.New, Declare: declares(m.Cell)})}
	right := &player{params: m.params(), world: sim.New(sim.Config{New: correct(m.Cell).node, Declare: declares(m.Cell)})}
	return caught(t, m, parts, wrong.fails, right.fails)
}

// Every mutant is caught by something that it says it breaks, and by nothing that it does not; the correct stack is
// caught by none of them on the same schedules.
func TestEveryMutantIsCaught(t *testing.T) {
	catchEach(t, All(), func(t *testing.T, m *Mutant) string {
		if kind, _, _ := strings.Cut(m.Cell, "/"); !slices.Contains(oneToOne, strings.Split(kind, ":")[0]) {
			t.Skip("needs the network that the suites lay for its cell, and is caught there")
		}
		if strings.Count(m.Cell, "/") > 2 {
			t.Skip("needs members that come and go: caught by the tests of memberships, and by the suites")
		}
		if costsOnly(m) || m.Cell == overUniform {
			t.Skip("needs a declared cost, or a majority that stays up: the suites see to both")
		}
		if o := strings.Split(m.Cell, "/")[2]; o != "unordered" && o != "fifo" && o != "causal" {
			t.Skip("caught by the tests of its ordering")
		}
		if slices.Contains(special, m.Cell) {
			t.Skip("needs liars, shares, or nodes that come back: caught by the tests of its level")
		}
		return caughtAsDeclared(t, m, 1)
	})
}

// special are the cells of which schedules are drawn, or judged, in another way.
var special = []string{overGossip, overByzantine, overDurable, overAtomicLog, overAtomicLogOfOne, overAtomicAbort}

// oneToOne are the transports that need nothing below them but packets from one node to another.
var oneToOne = []string{"unicast", "coordinator", "hierarchy", "tcp"}

// declares says what the histories of a cell declare: how many copies are kept at most, and how long the dead may go
// unnoticed.
func declares(cell string) func(*faults.Scenario, *spec.Header) {
	if cell != overReliableIP && cell != overStableIP && cell != overNarrowIP {
		return nil
	}
	return func(s *faults.Scenario, h *spec.Header) {
		h.Costs = map[string]int{"STABILITY-TRIM": len(s.Groups[0].Members) * reliability.ReliableIPWindow}
		h.Bounds = map[string]time.Duration{"DETECTOR-COMPLETENESS": 2*sim.DefaultTL + 2*s.Net.Max}
	}
}

// follows lists what is broken when these are: they, and all that entails one of them.
func follows(ids []spec.ID) []spec.ID {
	out := slices.Clone(ids)
	for _, id := range ids {
		out = append(out, spec.ImpliedBy(id)...)
	}
	return out
}

// Names are words for ever; what a mutant breaks is judged, and stands in the order of the catalogue.
func TestMutantsAreWellFormed(t *testing.T) {
	var judged []spec.ID
	for _, r := range spec.Catalogue() {
		if slices.Contains(checkers.Judged(), r.ID) || slices.Contains(linear.Judged(), r.ID) {
			judged = append(judged, r.ID)
		}
	}
	seen := map[string]bool{}
	for _, m := range All() {
		if seen[m.Name] || m.Name == "" || strings.Trim(m.Name, "abcdefghijklmnopqrstuvwxyz-") != "" {
			t.Errorf("%q: not a name of its own", m.Name)
		}
		seen[m.Name] = true
		if got, ok := Lookup(m.Name); !ok || got.Title != m.Title {
			t.Errorf("%s is not found by its name", m.Name)
		}
		if !strings.HasSuffix(m.Title, ".") {
			t.Errorf("%s: the title is no sentence: %q", m.Name, m.Title)
		}
		last := -1
		for _, id := range m.Breaks {
			at := slices.Index(judged, id)
			if at <= last {
				t.Errorf("%s: %s is not judged, or out of order", m.Name, id)
			}
			last = at
		}
		if last < 0 {
			t.Errorf("%s breaks nothing", m.Name)
		}
	}
	if _, ok := Lookup("none"); ok {
		t.Error("a mutant that does not exist is found")
	}
}
