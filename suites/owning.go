package suites

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
)

// Host is what a member that opens sockets of its own is given when it is started: who it is, and where it and the
// others are.
type Host struct {
	Self        spec.NodeID
	Members     []spec.NodeID // ascending; never write to it
	Incarnation int           // lives before this one
	Seed        uint64        // for what it draws
	Dir         string        // a folder of its own, which outlives a crash

	// Listen is where this member is to listen, with UDP, TCP or both: 127.0.0.1:port.
	Listen string
	// Peers is where the others are, by number; what is sent there is lost, delayed and doubled as the faults of a schedule
	// have it. A datagram from another member comes from the address that stands here for it.
	Peers map[spec.NodeID]string
	// Deliver hands a message to the application. It never blocks.
	Deliver func(from spec.NodeID, body []byte)
}

// StartOwn starts a member with sockets of its own. It is called again for one that comes back after a crash, of which
// nothing is left but its folder.
type StartOwn = func(Host) (Running, error)

// OwnFaults are the faults that strike members with sockets of their own. A crash is that nothing more of the member
// reaches anybody, and then Close. A TCP connection is delayed, stands still while a link is cut, and breaks in a crash; the
// other faults of the network strike datagrams.
var OwnFaults = (adapter.OwnFaults | adapter.RelayFaults).Without(spec.PauseFault)

// ownSchedules is how many schedules are played in real time, unless the promise says a number.
const ownSchedules = 40

// ownTogether is how many of them go on at once: each is mostly waiting.
const ownTogether = 16

// TestOwn is [Test] for a member with sockets of its own, on loopback, in real time. A story need not come out the same
// when it is played again: it says how often it did.
func TestOwn(t *testing.T, start StartOwn, p Promise) {
	t.Helper()
	found, err := TryOwn(t.Context(), start, p)
	if err != nil {
		t.Fatal(err)
	}
	p.report(t, found)
}

// CheckOwn is [Check] for a member with sockets of its own.
func CheckOwn(ctx context.Context, start StartOwn, p Promise) error {
	found, err := TryOwn(ctx, start, p)
	errs := []error{err}
	for _, v := range found {
		if v.Verdict != spec.Pass {
			errs = append(errs, v)
		}
	}
	return errors.Join(errs...)
}

// PlayOwn is [Play] for a member with sockets of its own.
func PlayOwn(start StartOwn, scenario string, p Promise) error {
	o, err := p.owning(start)
	if err != nil {
		return err
	}
	parse := faults.Parse
	if faults.IsToken(scenario) {
		parse = faults.ParseToken
	}
	s, err := parse(scenario)
	if err != nil {
		return err
	}
	b := o.bench()
	if err := b.play(s); err != nil {
		return err
	}
	var errs []error
	for _, id := range p.ids {
		if f := b.judge.Check(id); f.Verdict == spec.Fail && !o.outlasts(b, s, id) {
			errs = append(errs, &Violation{ID: id, Verdict: spec.Fail, Story: b.ownStory(id, f, s)})
		}
	}
	return errors.Join(errs...)
}

// TryOwn is [Try] for a member with sockets of its own.
func TryOwn(ctx context.Context, start StartOwn, p Promise) ([]*Violation, error) {
	o, err := p.owning(start)
	if err != nil {
		return nil, err
	}
	runs := make([]ownRun, o.schedules)
	err = spread(ctx, min(ownTogether, o.schedules), o.schedules, nil, func(i int) { runs[i] = o.run(ctx, i) })
	if err = errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	out := make([]*Violation, len(p.ids))
	for k, id := range p.ids {
		var tally spec.Tally
		out[k] = &Violation{ID: id}
		for i := range runs {
			if runs[i].err != nil {
				return nil, runs[i].err
			}
			if runs[i].judged[k] {
				tally.Add(runs[i].found[k])
			}
			if s := runs[i].stories[id]; s != nil && out[k].Story == nil {
				out[k].Story = s
				o.again(s, id)
			}
		}
		if out[k].Verdict, out[k].Reason = tally.Verdict(), tally.Reason; tally.Judged == 0 {
			out[k].Reason = "the cuts and delays of every schedule may outlast TL"
		}
	}
	return out, nil
}

// owning is a promise of members with sockets of their own.
type owning struct {
	Promise
	start StartOwn
}

// owning says what is wrong with a promise for members with sockets of their own.
func (p Promise) owning(start StartOwn) (*owning, error) {
	if start == nil {
		return nil, errors.New("no member to try: start is nil")
	}
	if err := p.validate(nobody); err != nil {
		return nil, err
	}
	switch cannot := p.under &^ OwnFaults; {
	case p.mtu != 0:
		return nil, errors.New("MTU: loopback has one of its own")
	case p.oneToOne:
		return nil, errors.New("OneToOne: a member is asked to send to its group only")
	case p.asked && cannot != 0:
		return nil, fmt.Errorf("Under: %s can't be injected around sockets of a member's own: what can is %s", cannot, OwnFaults)
	}
	if p.under &= OwnFaults; !p.counted {
		p.schedules = ownSchedules
	}
	return &owning{Promise: p, start: start}, nil
}

func (o *owning) params() faults.Params {
	x := o.Promise.params()
	x.Window, x.Revive = 100*time.Millisecond, true
	return x
}

// bench makes a world in real time, with a judge.
func (o *owning) bench() *ownBench {
	h := &adapter.Hello{Name: o.name, Network: "own", Settle: int64(max(time.Second, 2*o.tl))}
	return &ownBench{newBench(sim.Config{TS: o.ts, TL: o.tl}, 0), adapter.NewOwn(adapter.Options{Inside: (&host{start: o.start}).live}, h), nil}
}

// ownRun is what was found in one schedule.
type ownRun struct {
	found   []spec.Finding
	judged  []bool
	stories map[spec.ID]*Story
	err     error
}

func (o *owning) run(ctx context.Context, i int) ownRun {
	r := ownRun{found: make([]spec.Finding, len(o.ids)), judged: make([]bool, len(o.ids))}
	if ctx.Err() != nil {
		return r
	}
	var s faults.Scenario
	faults.DrawInto(&s, seedOf(o.seed, o.name, 8, uint64(i)), o.params())
	b := o.bench()
	if r.err = b.play(&s); r.err != nil {
		return r
	}
	for k, id := range o.ids {
		if r.judged[k] = !o.outlasts(b, &s, id); !r.judged[k] {
			continue
		}
		if r.found[k] = b.judge.Check(id); r.found[k].Verdict == spec.Fail {
			if r.stories == nil {
				r.stories = map[spec.ID]*Story{}
			}
			r.stories[id] = b.ownStory(id, r.found[k], &s)
		}
	}
	return r
}

// outlasts says whether liveness is not promised in a run: a link may have been silent for TL.
func (o *owning) outlasts(b *ownBench, s *faults.Scenario, id spec.ID) bool {
	r, ok := spec.Lookup(id)
	return ok && r.Is(spec.Liveness) && max(s.Silence(), silence(&b.h)) > o.tl-o.tl/6
}

// ownStory tells of the run that was played last: it may not show again.
func (b *ownBench) ownStory(id spec.ID, f spec.Finding, s *faults.Scenario) *Story {
	var stories map[spec.ID]*Story
	b.keep(&stories, id, f, s)
	x := s.Clone()
	x.Expect = id
	stories[id].token, stories[id].Replay = x.Token(), ""
	return stories[id]
}

// ownAgain is how often a scenario that broke something is played again.
const ownAgain = 3

// again says in a story how often it shows again.
func (o *owning) again(story *Story, id spec.ID) {
	s, err := faults.Parse(story.Scenario)
	if err != nil {
		return
	}
	var shown atomic.Int32
	_ = spread(context.Background(), ownAgain, ownAgain, nil, func(int) {
		if b := o.bench(); b.play(s) == nil && b.judge.Check(id).Verdict == spec.Fail {
			shown.Add(1)
		}
	})
	story.Text = strings.TrimSuffix(story.Text, ".") + fmt.Sprintf(" (in real time: played again, it showed in %d of %d runs)", shown.Load(), ownAgain)
}
