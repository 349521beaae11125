package suites

import (
	"errors"
	"fmt"
	"slices"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
)

var errPlayedByAdapter = errors.New("the scenario was found with a program of somebody's own, and is played by that: conform replay FILE|TOKEN -- CMD [ARG…]")

// Replay plays a scenario again on the program. What it expects to break is judged, and what the program claims where
// the faults are those that it tolerates. The error says that the program broke as an adapter; one that wraps
// [ErrUsage] says that there is nothing to play.
func (c Certification) Replay(s *faults.Scenario) (*Replayed, error) {
	if err := playableByAdapter(s, c.World); err != nil {
		return nil, err
	}
	if s.Subject == MaelstromSubject {
		c.Adapter.Speak = adapter.Maelstrom
	}
	t, err := c.open()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	defer t.close()
	if t.r.Error != "" {
		return nil, errors.New(t.r.Error)
	}
	if t.hello.Network == "own" {
		return t.replayOwn(s)
	}
	if len(s.Groups) != 1 {
		return nil, fmt.Errorf("%w: a program in lock-step plays scenarios of one group: this one has %d", ErrUsage, len(s.Groups))
	}
	b, err := t.take()
	if err != nil {
		return nil, err
	}
	defer t.put(b)
	if err := b.play(s); err != nil {
		return nil, err
	}
	r := &Replayed{Schema: "conform.replay/1", Subject: t.r.Subject.Name, Expect: s.Expect, Scenario: s.String(),
		Settled: b.h.Settled, Events: len(b.h.Events)}
	r.compare(s, b.world.Trace())
	for _, i := range b.world.Unplayed() {
		r.Unplayed = append(r.Unplayed, s.StepText(i))
	}
	t.judge(r, b.bench, s)
	return r, nil
}

// judge judges what the program claims in the run that was played last.
func (t *trial) judge(r *Replayed, b *bench, s *faults.Scenario) {
	var claims spec.Claims
	for _, id := range t.claims {
		claims = append(claims, spec.Claim{ID: id, Under: t.model})
	}
	r.judge(b, s, Cell{}, claims)
	for i := range r.Requirements {
		if w := r.Requirements[i].Witness; w != nil {
			w.Replay += " -- " + shell(t.plan.Adapter.Command)
		}
	}
}

// ErrUsage is wrapped by the errors of who asks for something that makes no sense; nothing was executed then.
var ErrUsage = errors.New("usage")

// playableByAdapter says what in a scenario no program of somebody's own can play.
func playableByAdapter(s *faults.Scenario, world string) error {
	can := spec.EndToEndFaults | spec.ClockFaults | spec.DiskFaults
	if world == "netns" {
		can |= outsideFaults
	}
	switch {
	case s.Faults()&^can != 0:
		return fmt.Errorf("%w: a program in lock-step has nothing that %s could strike", ErrUsage, s.Faults()&^can)
	case s.Expect != "" && !slices.Contains(Judged(), s.Expect):
		return fmt.Errorf("%w: expect: %s is not judged", ErrUsage, s.Expect)
	}
	for i := range s.Steps {
		if a := &s.Steps[i].Action; a.Op == faults.Send && a.To >= 0 {
			return fmt.Errorf("%w: %q: a program is asked to send to its group only", ErrUsage, s.StepText(i))
		}
	}
	return nil
}
