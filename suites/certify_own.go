package suites

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
)

// ownBench is a world in real time, with a judge.
type ownBench struct {
	*bench
	own *adapter.Own
	net adapter.Network // nil: this machine's
}

// ownBench makes a world. Whoever has it gives its network back when he is done.
func (t *trial) ownBench() (b *ownBench, done func(), err error) {
	if t.r.World != "netns" {
		return &ownBench{newBench(sim.Config{}, 0), adapter.NewOwn(t.plan.Adapter, t.hello), nil}, func() {}, nil
	}
	n, done, err := t.outside.borrow()
	if err != nil {
		return nil, nil, err
	}
	b = &ownBench{newBench(sim.Config{}, 0), adapter.NewOwnOn(t.plan.Adapter, t.hello, n), n}
	b.views = t.moves()
	return b, done, nil
}

func (b *ownBench) play(s *faults.Scenario) error {
	if err := b.own.Play(s, &b.h); err != nil {
		return fmt.Errorf("%w\nscenario:\n%s", err, indent(s.String()))
	}
	b.judge.Load(&b.h)
	return nil
}

// tryOwn plays the schedules in real time. (Liveness is judged in settled runs; how long anything may be silent is the
// program's to say, in its hello.)
func (t *trial) tryOwn(ctx context.Context) {
	b, done, err := t.ownBench()
	if err == nil {
		err = b.own.Probe()
		done()
	}
	if err != nil {
		t.broke(err)
		return
	}
	for _, outside := range []bool{false, true} {
		if outside && (t.more == 0 || len(t.claims) == 0) {
			break
		}
		for i := range t.schedules() {
			t.units = append(t.units, &certUnit{outside: outside, first: i, n: 1})
		}
	}
	// Most of a run is waiting, so that more of them than there are cores go well together.
	err = spread(ctx, 2*max(1, t.plan.Parallel), len(t.units), t.plan.Progress, func(i int) {
		t.units[i].err = t.doOwn(ctx, t.units[i])
	})
	t.over(ctx, err)
	t.deaf()
}

func (t *trial) doOwn(ctx context.Context, u *certUnit) error {
	if ctx.Err() != nil {
		return nil
	}
	b, done, err := t.ownBench()
	if err != nil {
		return err
	}
	defer done()
	ids := append(append([]spec.ID{}, t.claims...), t.extra...)
	u.tally, u.broken = make([]spec.Tally, len(ids)), make([]*faults.Scenario, len(ids))
	var s faults.Scenario
	t.draw(&s, u.outside, u.first)
	if err := b.play(&s); err != nil {
		return err
	}
	u.tried++
	for i := range b.h.Events {
		switch b.h.Events[i].Kind {
		case spec.Send:
			u.counts.Sends++
		case spec.Deliver:
			u.counts.Deliveries++
		case spec.Ack:
			u.counts.Acks++
		}
	}
	if u.outside && s.Faults()&t.more == 0 {
		return nil
	}
	for k, id := range ids {
		if u.outside && k >= len(t.claims) {
			break
		}
		f := b.judge.Check(id)
		if f.Verdict == spec.Fail && b.views && b.outlasts(&s, id) {
			continue // so few members are left that the group can't go on
		}
		u.tally[k].Add(f)
		if f.Verdict == spec.Fail && u.broken[k] == nil {
			u.broken[k] = s.Clone()
			b.keep(&u.stories, id, f, &s)
			if k < len(t.claims) && !u.outside {
				u.stories[id].capture = captured(b.net, id)
			}
		}
	}
	return nil
}

// keep tells the story of the run that was played last: it may not show again.
func (b *ownBench) keep(stories *map[spec.ID]*Story, id spec.ID, f spec.Finding, s *faults.Scenario) {
	if *stories == nil {
		*stories = map[spec.ID]*Story{}
	}
	x := s.Clone()
	x.Expect = id
	(*stories)[id] = &Story{ID: id, Text: f.Witness.Text, Scenario: x.String(), Replay: "conform replay " + x.Token(), Steps: len(x.Steps),
		Events: eventLines(&b.h, f.Witness.Events), Diagram: Diagram(&b.h, x, f.Witness.Events)}
}

// storyOwn gives the story of the first run that broke a requirement. For a claim it plays the scenario again, to see how
// often that breaks it.
func (t *trial) storyOwn(s *faults.Scenario, id spec.ID) *Story {
	var story *Story
	for _, u := range t.units {
		switch x := u.stories[id]; {
		case x == nil:
		case story == nil && slices.Contains(u.broken, s):
			story = x
		default:
			x.uncapture() // one is told
		}
	}
	if t.r.World == "netns" {
		story.Replay += " --world netns"
	}
	story.Replay += " -- " + shell(t.plan.Adapter.Command)
	if story.capture != "" {
		story.Replay += "\n  tcpdump -r " + story.capture
	}
	claimed := false
	for _, c := range t.claims {
		claimed = claimed || c == id
	}
	if !claimed {
		return story
	}
	rate := Rate{ID: id}
	for range max(1, t.plan.Runs) {
		b, done, err := t.ownBench()
		if err != nil {
			break
		}
		err = b.play(s)
		done()
		if err != nil {
			break
		}
		rate.Runs++
		if b.judge.Check(id).Verdict == spec.Fail {
			rate.Shown++
		}
	}
	t.r.Reproduced = append(t.r.Reproduced, rate)
	return story
}

// replayOwn plays a scenario once in real time.
func (t *trial) replayOwn(s *faults.Scenario) (*Replayed, error) {
	b, done, err := t.ownBench()
	if err != nil {
		return nil, err
	}
	defer done()
	if err := b.own.Fits(s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	if err := b.play(s); err != nil {
		return nil, err
	}
	r := &Replayed{Schema: "conform.replay/1", Subject: t.r.Subject.Name, Expect: s.Expect, Scenario: s.String(),
		Settled: b.h.Settled, Events: len(b.h.Events)}
	for _, i := range b.own.Unplayed() {
		r.Unplayed = append(r.Unplayed, s.StepText(i))
	}
	t.judge(r, b.bench, s)
	if n, ok := b.net.(interface{ Pcap() []byte }); ok {
		return r, r.capture(bytes.NewBuffer(n.Pcap()))
	}
	return r, nil
}
