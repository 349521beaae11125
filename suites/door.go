package suites

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Member makes one node of an implementation without I/O.
type Member = func(impl.Config) impl.Layer

// Violation is a requirement that an implementation broke, or one that no schedule tested.
type Violation struct {
	ID      spec.ID
	Verdict spec.Verdict
	Reason  string // why it is inconclusive
	Story   *Story // what happened, where it was broken
}

// Error tells the whole story.
func (v *Violation) Error() string {
	if v.Story == nil {
		return fmt.Sprintf("%s is %s: %s", v.ID, v.Verdict, v.Reason)
	}
	return v.Story.Explain() + "again:\n  suites.Play(newMember, \"" + v.Story.token + "\", promise)\n"
}

// Explain tells a violation to a person: the requirement and its source, the witness, the run in space and time, and
// the scenario.
func (s *Story) Explain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is broken%s\n\n", s.ID, statement(s.ID))
	fmt.Fprintf(&b, "%s.\n\n%s\nscenario:\n%s", wrap(s.Text, 110, ""), s.Diagram, indent(s.Scenario))
	return b.String()
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ") + "\n"
}

// Check tries an implementation and gives every requirement that it broke, each a [*Violation] with its story, and
// every one that no schedule tested, joined into one error; nil where all held. It needs no *testing.T. (What no
// schedule tested is an error here, where nobody reads a list of subtests; [Test] skips it.)
func Check(ctx context.Context, newMember Member, p Promise) error {
	found, err := p.try(ctx, newMember)
	errs := []error{err}
	for _, v := range found {
		if v.Verdict != spec.Pass {
			errs = append(errs, v)
		}
	}
	return errors.Join(errs...)
}

// Try tries an implementation and gives what was found of every requirement of the promise, in its order, those that
// held among them. The error says what could not be tried.
func Try(ctx context.Context, newMember Member, p Promise) ([]*Violation, error) {
	return p.try(ctx, newMember)
}

// Test tries an implementation under go test: a subtest for each requirement, which fails where it was broken, tells
// the story, and is skipped with the reason where no schedule tested it.
func Test(t *testing.T, newMember Member, p Promise) {
	t.Helper()
	found, err := p.try(t.Context(), newMember)
	if err != nil {
		t.Fatal(err)
	}
	p.report(t, found)
}

// report makes a subtest of each requirement.
func (p *Promise) report(t *testing.T, found []*Violation) {
	t.Helper()
	for _, v := range found {
		t.Run(string(v.ID), func(t *testing.T) {
			t.Attr("requirement", string(v.ID))
			t.Attr("verdict", v.Verdict.String())
			switch v.Verdict {
			case spec.Pass:
			case spec.Inconclusive:
				t.Skip(v.Error())
			default:
				t.Error(v.Error())
			}
		})
	}
}

// Fuzz lets Go's native fuzzer search for a schedule that breaks the promise. The corpus starts with a few drawn ones.
// Run it with -fuzzminimizetime=0: shrinking is this package's own work.
func Fuzz(f *testing.F, newMember Member, p Promise) {
	f.Helper()
	if err := p.validate(newMember); err != nil {
		f.Fatal(err)
	}
	b := p.bench(newMember)
	p.fuzz(f, func(t *testing.T, play func(*bench) error) {
		if err := play(b); err != nil {
			t.Fatal(err)
		}
	})
}

// fuzz seeds the corpus, and plays what the fuzzer makes of it on a bench that within gives.
func (p *Promise) fuzz(f *testing.F, within func(*testing.T, func(*bench) error)) {
	for i := range 8 {
		b, _ := faults.Encode(faults.Draw(seedOf(p.seed, p.name, 4, uint64(i)), p.params()), p.params())
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := faults.Decode(data, p.params())
		within(t, func(b *bench) error {
			for range seedsAnExecution {
				if err := p.tryOne(b, s); err != nil {
					return err
				}
				s.Seed++
			}
			return nil
		})
	})
}

// seedsAnExecution is how many runs of a schedule the fuzzer's one execution is: starting one costs more than several
// runs do.
const seedsAnExecution = 4

// Play plays one scenario, the text or the token that a story prints, on an implementation and gives the requirements that it breaks, each
// a [*Violation]; nil where it breaks none. So a found schedule becomes a regression test.
func Play(newMember Member, scenario string, p Promise) error {
	if err := p.validate(newMember); err != nil {
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
	b := p.bench(newMember)
	if err := b.play(s); err != nil {
		return err
	}
	var errs []error
	for _, id := range p.ids {
		if !b.outlasts(s, id) && b.judge.Check(id).Verdict == spec.Fail {
			errs = append(errs, &Violation{ID: id, Verdict: spec.Fail, Story: b.tell(s, id)})
		}
	}
	return errors.Join(errs...)
}

// tryOne plays one scenario and gives the first requirement that it breaks.
func (p *Promise) tryOne(b *bench, s *faults.Scenario) error {
	if err := b.play(s); err != nil {
		return b.broke(s, err)
	}
	for _, id := range p.ids {
		if b.outlasts(s, id) || b.judge.Check(id).Verdict != spec.Fail {
			continue
		}
		return &Violation{ID: id, Verdict: spec.Fail, Story: b.story(s, id, anything)}
	}
	return nil
}

func (p *Promise) params() faults.Params {
	return faults.Params{Subject: p.name, Faults: p.under, MinNodes: p.nodes, MaxNodes: p.nodes, MaxSends: p.messages,
		Hold: p.tl / 4, MTU: p.mtu, OneToOne: p.oneToOne}
}

func (p *Promise) bench(newMember Member) *bench {
	return newBench(sim.Config{New: newMember, TS: p.ts, TL: p.tl}, p.mtu)
}

// try plays the schedules of a promise and judges each requirement.
func (p *Promise) try(ctx context.Context, newMember Member) ([]*Violation, error) {
	return p.tryWith(ctx, newMember, nil)
}

// tryWith is try, with something to do after each schedule; after may be nil.
func (p *Promise) tryWith(ctx context.Context, newMember Member, after func() error) ([]*Violation, error) {
	if err := p.validate(newMember); err != nil {
		return nil, err
	}
	b := p.bench(newMember)
	b.after = after
	tallies := make([]spec.Tally, len(p.ids))
	out := make([]*Violation, len(p.ids))
	first := make([]*faults.Scenario, len(p.ids))
	var s faults.Scenario
	for i := range p.schedules {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		faults.DrawInto(&s, seedOf(p.seed, p.name, 5, uint64(i)), p.params())
		if err := b.play(&s); err != nil {
			return nil, b.broke(&s, err)
		}
		for k, id := range p.ids {
			if b.outlasts(&s, id) {
				continue
			}
			f := b.judge.Check(id)
			tallies[k].Add(f)
			if f.Verdict == spec.Fail && first[k] == nil {
				first[k] = s.Clone()
			}
		}
	}
	for k, id := range p.ids {
		out[k] = &Violation{ID: id, Verdict: tallies[k].Verdict(), Reason: tallies[k].Reason}
		if tallies[k].Judged == 0 {
			out[k].Reason = "the cuts, pauses and delays of every schedule may outlast TL"
		}
		if first[k] != nil {
			out[k].Story = b.story(first[k], id, anything)
		}
	}
	return out, nil
}

// anything is what a promise lets a story be shrunk to: it has no faults but those of the promise.
func anything(*faults.Scenario) bool { return true }
