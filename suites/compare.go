package suites

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// Comparison is what two worlds say of the same schedules.
type Comparison struct {
	Schema    string       `json:"schema"`
	Schedules int          `json:"schedules"`
	Faulty    int          `json:"with_faults"`
	Rows      []*Compared  `json:"requirements"`
	Apart     []Apart      `json:"apart,omitempty"`
	Verdict   spec.Verdict `json:"verdict"` // fail where a claim is broken in one world inside its model

	rows map[spec.ID]*Compared
}

// Compared counts the verdicts on a requirement.
type Compared struct {
	ID       spec.ID `json:"id"`
	Judged   int     `json:"judged"`
	Same     int     `json:"same"`
	Bites    int     `json:"bites"`                // of these, that put it to the test
	SimOnly  int     `json:"bites_in_sim_only"`    // there is something to judge by in the simulator only
	KernOnly int     `json:"bites_on_kernel_only"` // … on the kernel only
	SimFails int     `json:"fails_in_sim_only"`
	KernFail int     `json:"fails_on_kernel_only"`
}

// Apart is a schedule of which one world says that it breaks a requirement, and the other that it does not.
type Apart struct {
	Cell   string       `json:"cell"`
	ID     spec.ID      `json:"id"`
	Inside bool         `json:"inside"` // the claim's model
	Sim    spec.Verdict `json:"sim"`
	Kernel spec.Verdict `json:"kernel"`
	Said   [2]string    `json:"said"` // in the simulator, and on the kernel
	Replay string       `json:"replay"`

	Explained string `json:"explained,omitempty"` // where the other world has shown it too in another run of the schedule, or how quick packets are decides it
}

// compared is one requirement in one schedule.
type compared struct {
	id          spec.ID
	inside      bool
	sim, kernel spec.Verdict
	said        [2]string
	explained   string
	scenario    *faults.Scenario
}

func (r *Comparison) add(cell string, c compared) {
	row := r.rows[c.id]
	if row == nil {
		row = &Compared{ID: c.id}
		r.rows[c.id] = row
	}
	row.Judged++
	switch {
	case c.inside && (c.sim == spec.Fail || c.kernel == spec.Fail): // also where both are the same
		r.Verdict = r.Verdict.Merge(spec.Fail)
	case c.sim == c.kernel:
		row.Same++
		if c.sim == spec.Pass {
			row.Bites++
		}
		return
	}
	switch {
	case c.sim == c.kernel:
		row.Same++
	case c.sim == spec.Fail:
		row.SimFails++
	case c.kernel == spec.Fail:
		row.KernFail++
	case c.sim == spec.Pass:
		row.SimOnly++
		return
	default:
		row.KernOnly++
		return
	}
	r.Apart = append(r.Apart, Apart{Cell: cell, ID: c.id, Inside: c.inside, Sim: c.sim, Kernel: c.kernel, Said: c.said, Explained: c.explained, Replay: "conform replay " + c.scenario.Token()})
}

// finish orders the rows as requirements are listed.
func (r *Comparison) finish() {
	for _, id := range Judged() {
		if row := r.rows[id]; row != nil {
			r.Rows = append(r.Rows, row)
		}
	}
	slices.SortStableFunc(r.Apart, func(a, b Apart) int {
		if a.Inside != b.Inside {
			if a.Inside {
				return -1
			}
			return 1
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
}

// WriteText writes the table, and where the worlds are apart.
func (r *Comparison) WriteText(w io.Writer) {
	fmt.Fprintf(w, "%d schedules, %d with faults, each in the simulator and on the kernel\n\n", r.Schedules, r.Faulty)
	fmt.Fprintf(w, "%-28s %7s %6s %6s %14s %14s %14s %14s\n", "", "judged", "same", "bites", "bites only in", "bites only on", "fails only in", "fails only on")
	fmt.Fprintf(w, "%-28s %7s %6s %6s %14s %14s %14s %14s\n", "requirement", "", "", "", "the simulator", "the kernel", "the simulator", "the kernel")
	for _, x := range r.Rows {
		fmt.Fprintf(w, "%-28s %7d %6d %6d %14d %14d %14d %14d\n", x.ID, x.Judged, x.Same, x.Bites, x.SimOnly, x.KernOnly, x.SimFails, x.KernFail)
	}
	for _, x := range r.Apart {
		where := "outside its model"
		if x.Inside {
			where = "inside its model"
		}
		fmt.Fprintf(w, "\n%s of %s, %s: %s in the simulator, %s on the kernel\n", x.ID, x.Cell, where, x.Sim, x.Kernel)
		for i, world := range []string{"simulator", "kernel"} {
			if x.Said[i] != "" {
				fmt.Fprintf(w, "  %s: %s\n", world, x.Said[i])
			}
		}
		fmt.Fprintf(w, "  %s\n", x.Replay)
		if x.Explained != "" {
			fmt.Fprintf(w, "  %s\n", x.Explained)
		} else {
			fmt.Fprintln(w, "  not explained: the other world did not show it in other runs of the schedule either")
		}
	}
	fmt.Fprintf(w, "\n%v\n", r.Verdict)
}

func (r *Comparison) sheet() sheet {
	part := sheetPart{name: "simulator and kernel", verdict: r.Verdict}
	for _, x := range r.Rows {
		row := Row{ID: x.ID, Claimed: true, Verdict: spec.Pass, Judged: x.Judged}
		for _, a := range r.Apart {
			if a.ID == x.ID && a.Inside {
				row.Verdict, row.Failed, row.Reason = spec.Fail, row.Failed+1, fmt.Sprintf("%s in the simulator, %s on the kernel: %s", a.Sim, a.Kernel, a.Replay)
			}
		}
		part.rows = append(part.rows, row)
	}
	return sheet{title: "conform run --world netns --compare", verdict: r.Verdict, parts: []sheetPart{part}}
}
