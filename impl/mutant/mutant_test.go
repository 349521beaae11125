package mutant

import (
	"flag"
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
