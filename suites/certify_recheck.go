package suites

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
)

// Rechecked says whether a program does again what its certificate says of it (conform.recheck/1).
type Rechecked struct {
	Schema      string       `json:"schema"`
	Certificate *Certificate `json:"certificate"`
	Command     []string     `json:"command"`
	Played      int          `json:"played"`                // the first schedules of the certificate
	Same        int          `json:"same"`                  // of which gave the run that the certificate has, event for event
	Differences []string     `json:"differences,omitempty"` // from what the certificate says: each is one too many
	Notes       []string     `json:"notes,omitempty"`       // what could not be compared, and why
	Broken      []Row        `json:"broken,omitempty"`      // what has to hold, and does not
	Verdict     spec.Verdict `json:"verdict"`
}

// Recheck plays the first n schedules of a certificate again, on its command or on another one, and compares: the files,
// how the program introduces itself, each run, and that what has to hold does. A difference is a fail. The error says
// that nothing could be compared; one that wraps [ErrUsage], that there is nothing to play.
func (c *Certificate) Recheck(ctx context.Context, n int, with adapter.Options, parallel int) (*Rechecked, error) {
	if len(with.Command) == 0 {
		with.Command = c.Subject.Command
	}
	if with.Connect == "" {
		with.Connect = c.Plan.Connect
	}
	switch {
	case n < 1 || n > c.Executed:
		return nil, fmt.Errorf("%w: %d schedules to play again: want 1 to %d, which the certificate is of", ErrUsage, n, c.Executed)
	case len(with.Command) == 0:
		return nil, fmt.Errorf("%w: the certificate names no command", ErrUsage)
	}
	plan, err := c.plan(n, with, parallel)
	if err != nil {
		return nil, NotSealed{err}
	}
	r := &Rechecked{Schema: "conform.recheck/1", Certificate: c, Command: with.Command}
	here, err := Digests(with.Command)
	if err != nil {
		return nil, err
	}
	r.files(c.Subject.Digests, here)
	got, err := plan.Run(ctx)
	if err != nil {
		return nil, err
	}
	r.judge(got)
	if err := r.runs(ctx, &plan, got); err != nil {
		return nil, err
	}
	if len(r.Differences) > 0 {
		r.Verdict = spec.Fail
	}
	if r.Verdict != spec.Fail && got.Error != "" {
		return nil, fmt.Errorf("the adapter broke: %s", got.Error)
	}
	return r, nil
}

// plan is the certification of which the certificate is, or the beginning of it.
func (c *Certificate) plan(n int, with adapter.Options, parallel int) (Certification, error) {
	seed, err := strconv.ParseUint(c.Seed, 10, 64)
	if err != nil {
		return Certification{}, fmt.Errorf("seed %q: %w", c.Seed, err)
	}
	more, err := spec.ParseFaultSet(c.Plan.Faults)
	if err != nil {
		return Certification{}, err
	}
	p := Certification{Adapter: with, Profile: c.Profile, Faults: more, Nodes: c.Plan.Nodes, Messages: c.Plan.Messages, Schedules: n,
		Seed: seed, Parallel: parallel, World: c.World()}
	if c.Profile == "" {
		for i := range c.Requirements {
			if c.Requirements[i].Must {
				p.Claims = append(p.Claims, string(c.Requirements[i].ID))
			}
		}
	}
	return p, nil
}

// World is where it was certified, as [Certification] has it: netns, or empty.
func (c *Certificate) World() string {
	if c.Environment["world"] == "netns" {
		return "netns"
	}
	return ""
}

// files compares digests. A file may have another name: it is what is in it that was certified.
func (r *Rechecked) files(certified, here map[string]string) {
	were, are := slices.Sorted(maps.Values(certified)), slices.Sorted(maps.Values(here))
	if slices.Equal(were, are) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(here)) {
		if !slices.Contains(were, here[name]) {
			r.differs("%s is %s, which was not certified", name, here[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(certified)) {
		if !slices.Contains(are, certified[name]) {
			r.differs("%s was %s, which is not here", name, certified[name])
		}
	}
	if len(r.Differences) == 0 {
		r.differs("the command names %d files, and the certified one %d", len(are), len(were))
	}
}

func (r *Rechecked) differs(format string, a ...any) {
	r.Differences = append(r.Differences, fmt.Sprintf(format, a...))
}

// judge holds what was found against what the certificate says.
func (r *Rechecked) judge(got *Certified) {
	cell := &got.Cells[0]
	r.Played = cell.Schedules
	was, err1 := canonical(r.Certificate.Declaration)
	is, err2 := canonical(got.hello)
	if err := errors.Join(err1, err2); err != nil {
		r.differs("how it introduces itself could not be compared: %v", err)
	} else if !bytes.Equal(was, is) {
		r.differs("it introduces itself as %s, and when it was certified as %s", is, was)
	}
	for i := range r.Certificate.Requirements {
		x := &r.Certificate.Requirements[i]
		if !x.Must {
			continue
		}
		k := slices.IndexFunc(cell.Requirements, func(row Row) bool { return row.ID == x.ID && row.Verdict == spec.Fail })
		if k >= 0 {
			r.differs("%s is broken in %d of %d schedules, and is certified to hold", x.ID, cell.Requirements[k].Failed, cell.Requirements[k].Judged)
			r.Broken = append(r.Broken, cell.Requirements[k])
		}
	}
	r.Verdict = r.Verdict.Merge(got.Verdict)
	if r.Verdict == spec.Inconclusive && got.Incomplete == "" {
		r.Verdict = spec.Pass // so few schedules need not test everything
		r.Notes = append(r.Notes, "not everything that has to hold was tested by so few schedules")
	}
}

// runs compares each run with that of the certificate. Where the program itself does not do the same twice, there is
// nothing to compare.
func (r *Rechecked) runs(ctx context.Context, plan *Certification, got *Certified) error {
	c, note := r.Certificate, ""
	switch now := environment(got); {
	case len(c.Runs) == 0:
		note = "the certificate has no digests of runs: the same schedule need not give the same run"
	case now["conform"] != c.Environment["conform"] || now["revision"] != c.Environment["revision"]:
		note = "it was certified by another build of conform, whose schedules may be others: runs were not compared"
	case got.Error != "":
		return nil
	case len(got.runs) == 0:
		note = "the program does not answer the same lines the same way any more: runs were not compared"
	}
	if note != "" {
		r.Notes = append(r.Notes, note)
		return nil
	}
	var others []int
	for i, run := range got.runs {
		if run == c.Runs[i] {
			r.Same++
		} else {
			others = append(others, i)
		}
	}
	if len(others) == 0 {
		return nil
	}
	again, err := plan.Run(ctx)
	if err != nil {
		return err
	}
	if !slices.Equal(again.runs, got.runs) {
		r.Notes = append(r.Notes, "the program does not do the same twice under the same schedule: runs were not compared")
		return nil
	}
	r.differs("schedule %d gives another run than the certified one; of %d schedules %d do", others[0]+1, r.Played, len(others))
	return nil
}

// WriteText tells it to a person.
func (r *Rechecked) WriteText(w io.Writer) {
	fmt.Fprintf(w, "\nplayed again: %d of %d schedules, on %s\n", r.Played, r.Certificate.Executed, shell(r.Command))
	if r.Same > 0 {
		fmt.Fprintf(w, "%d gave the run that the certificate has, event for event\n", r.Same)
	}
	for _, x := range r.Notes {
		fmt.Fprintln(w, wrap(x, wide, "  "))
	}
	for _, x := range r.Differences {
		fmt.Fprintln(w, "NOT AS CERTIFIED:", x)
	}
	for i := range r.Broken {
		if x := r.Broken[i].Witness; x != nil {
			x.write(w)
		}
	}
	fmt.Fprintf(w, "\n%s\n", r.Verdict)
}
