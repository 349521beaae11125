package suites

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/spec"
)

// bench is a world with a judge, for one goroutine.
type bench struct {
	cfg     sim.Config
	mtu     int          // of the networks that the member is made for; 0: without a limit
	tied    []spec.ID    // safety that holds only while nobody is silent for TL
	most    bool         // delivery takes more than half of the members
	quorum  []spec.ID    // what holds only while half of the members, and one more, have not crashed
	views   bool         // members are removed and come back
	parts   bool         // … of all parts of a group
	served  bool         // … by a server, or each by all
	flushes bool         // … whose views end with a flush, which waits for half of TL
	wary    bool         // … whose detectors suspect as soon as somebody is later than usual
	heard   []spec.ID    // … what holds only while nobody who is up is silent for TL
	held    []spec.ID    // … what is not promised where somebody may have been removed while its messages waited
	waits   []spec.ID    // what holds only where everyone that crashed has come back
	after   func() error // a schedule has been played; may be nil
	world   *sim.World
	judge   judging
	h       spec.History
}

func newBench(cfg sim.Config, mtu int) *bench { return &bench{cfg: cfg, mtu: mtu, world: sim.New(cfg)} }

// newBench makes a world for members of a cell, or of a mutant of it, with the premises of what the cell promises.
func (c Cell) newBench(cfg sim.Config, mtu int) *bench {
	b := newBench(cfg, mtu)
	b.tied, b.most, b.waits, b.views = c.tied(), c.Reliability.Name == "uniform", c.Awaits(), c.changes()
	b.parts = c.parted()
	b.flushes = c.centralized()
	b.served, b.heard = c.centralized() || c.announced(), c.awaited()
	b.held = c.loses()
	b.wary = b.served && c.detector() == "adaptive"
	if c.Reliability.Name == "durable" && c.Reliability.Get("acks", "majority") == "majority" {
		b.quorum = []spec.ID{"ACKED-DELIVERED", "DURABILITY"} // so many disks have what was acknowledged
	}
	return b
}

// play plays a scenario and loads its history into the judge.
func (b *bench) play(s *faults.Scenario) error {
	err := b.world.Play(s, &b.h)
	if b.after != nil {
		err = errors.Join(err, b.after())
	}
	if err != nil {
		return err
	}
	b.judge.Load(&b.h)
	return nil
}

// broke says of a run that could not be played to its end with which scenario that happens, shrunk.
func (b *bench) broke(s *faults.Scenario, err error) error {
	small, _ := faults.Shrink(s.Clone(), func(t *faults.Scenario) bool { return b.play(t) != nil }, shrinkBudget/3)
	if again := b.play(small); again != nil {
		err = again
	}
	return fmt.Errorf("%w\nscenario:\n%s", err, indent(small.String()))
}

// fails says whether a scenario breaks a requirement.
func (b *bench) fails(s *faults.Scenario, id spec.ID) bool {
	return b.play(s) == nil && b.judge.Check(id).Verdict == spec.Fail && !b.outlasts(s, id)
}

// outlasts says whether liveness is not promised in the run that was played last: a link may have been silent for TL,
// packets did not fit through the network or were still on their way through it, or somebody is dead for whom the others
// wait.
func (b *bench) outlasts(s *faults.Scenario, id spec.ID) bool {
	r, ok := spec.Lookup(id)
	tl := b.cfg.TL
	if tl == 0 {
		tl = sim.DefaultTL
	}
	if slices.Contains(b.waits, id) && b.missed() || slices.Contains(b.quorum, id) && b.minority() {
		return true
	}
	if !ok || !r.Is(spec.Liveness) && !slices.Contains(b.tied, id) {
		return false
	}
	if id == "ROUTE-REACH" && b.world.UnderWay() > 0 {
		return true // the run ended before these could come
	}
	if b.most && b.minority() {
		return true
	}
	if s.Net.MTU != b.mtu && b.world.Counts().TooLong > 0 {
		return true // what the member sends does not fit through this network, and it was not made for it
	}
	if b.views && !slices.Contains(b.heard, id) { // who is silent for long is removed, and nothing is promised of it
		return b.stuck(s) || slices.Contains(b.held, id) && (b.silent(s, tl) || b.rejoined())
	}
	if b.flushes {
		tl /= 2
	}
	return b.served && b.ended() || b.wary && b.mistaken() || b.silent(s, tl)
}

// silent says whether a link may have been silent for so long.
func (b *bench) silent(s *faults.Scenario, tl time.Duration) bool {
	return max(s.Silence(), silence(&b.h))+2*s.Net.Max > tl-min(100*time.Millisecond, tl/6)
}

// mistaken says whether somebody was suspected in the run played last who was up: a server removes it, and nothing is
// promised of it until it is a member again.
func (b *bench) mistaken() bool {
	down := make([]bool, len(b.h.Nodes))
	for i := range b.h.Events {
		switch e := &b.h.Events[i]; e.Kind {
		case spec.Crash, spec.Recover:
			down[e.Node] = e.Kind == spec.Crash
		case spec.Suspect:
			if e.Is(spec.HasTo) && !down[e.To] {
				return true
			}
		}
	}
	return false
}

// missed says whether somebody crashed in the run played last and has not come back.
func (b *bench) missed() bool {
	down := map[spec.NodeID]bool{}
	for i := range b.h.Events {
		switch e := &b.h.Events[i]; e.Kind {
		case spec.Crash:
			down[e.Node] = true
		case spec.Recover:
			delete(down, e.Node)
		}
	}
	return len(down) > 0
}

// minority says whether so many members crashed in the run played last that no majority was left.
func (b *bench) minority() bool {
	for g := range b.h.Groups {
		crashed := map[spec.NodeID]bool{}
		for i := range b.h.Events {
			if e := &b.h.Events[i]; e.Kind == spec.Crash && b.h.Groups[g].Is(e.Node) {
				crashed[e.Node] = true
			}
		}
		if n := len(b.h.Groups[g].Members); 2*(n-len(crashed)) <= n && len(crashed) > 0 {
			return true
		}
	}
	return false
}

// silence adds up how long the faults of a run lasted in which a node may hear nothing of another one: those without an
// end of their own last until all is healed, and when that is only the run can say.
func silence(h *spec.History) (sum time.Duration) {
	for i := range h.Events {
		e := &h.Events[i]
		over := spec.Resume
		switch e.Kind {
		case spec.Pause:
		case spec.Fault:
			if op, err := faults.ParseOp(h.ExtraOf(e).Text); err != nil || !op.Silences() {
				continue
			}
			over = spec.Heal
		default:
			continue
		}
		end := h.Events[len(h.Events)-1].T
		for k := i + 1; k < len(h.Events); k++ {
			x := &h.Events[k]
			if over == spec.Resume && x.Node == e.Node && (x.Kind == over || x.Kind == spec.Crash) ||
				over == spec.Heal && x.Kind == over && h.ExtraOf(x).ID == h.ExtraOf(e).ID {
				end = x.T
				break
			}
		}
		sum += time.Duration(end - e.T)
	}
	return sum
}
