package suites

import (
	"fmt"
	"io"

	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
)

// CheckedAdapter says whether a program speaks the adapter protocol, and nothing of what it promises (conform.adapter/1).
type CheckedAdapter struct {
	Schema  string         `json:"schema"`
	Command []string       `json:"command"`
	Steps   []adapter.Step `json:"steps"`
	Verdict spec.Verdict   `json:"verdict"`
}

// CheckAdapter tries the protocol itself, then one send in a quiet group of two. That nothing is delivered there is
// inconclusive: to say that it must be is for the claims.
func (c Certification) CheckAdapter() *CheckedAdapter {
	r := &CheckedAdapter{Schema: "conform.adapter/1", Command: c.Adapter.Command}
	r.Steps = c.check()
	if r.merge(); r.Verdict == spec.Pass {
		r.Steps = append(r.Steps, c.smoke())
	}
	r.merge()
	return r
}

// check tries the protocol where the program is to live.
func (c Certification) check() []adapter.Step {
	if c.World != "netns" {
		_, steps := adapter.Check(c.Adapter)
		return steps
	}
	var nets outsideNets
	defer nets.close()
	n, _, err := nets.borrow()
	if err != nil {
		return []adapter.Step{{Name: "a network on the kernel", Verdict: spec.Error, Text: err.Error()}}
	}
	_, steps := adapter.CheckOn(c.Adapter, n)
	return steps
}

func (r *CheckedAdapter) merge() {
	for _, s := range r.Steps {
		r.Verdict = r.Verdict.Merge(s.Verdict)
	}
}

// smoke lets two nodes exchange one message.
func (c Certification) smoke() adapter.Step {
	step := adapter.Step{Name: "two nodes, one send"}
	t, err := c.open()
	if err != nil {
		step.Verdict, step.Text = spec.Error, err.Error()
		return step
	}
	defer t.close()
	h, err := t.quiet()
	if err != nil {
		step.Verdict, step.Text = spec.Error, err.Error()
		return step
	}
	who := map[spec.NodeID]int{}
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == spec.Deliver {
			who[e.Node]++
		}
	}
	step.Text = fmt.Sprintf("node 0 delivered %d, node 1 delivered %d", who[0], who[1])
	if len(who) < 2 {
		step.Verdict = spec.Inconclusive
	}
	return step
}

// WriteText tells it to a person.
func (r *CheckedAdapter) WriteText(w io.Writer) {
	rows := [][]string{}
	for _, s := range r.Steps {
		rows = append(rows, []string{s.Name, s.Verdict.String(), s.Text})
	}
	table(w, rows...)
	fmt.Fprintf(w, "\n%s\n", r.Verdict)
}
