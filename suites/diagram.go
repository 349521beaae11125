package suites

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// maxRows is how long a diagram gets before its middle is left out.
const maxRows = 80

// Diagram draws a history in space and time: a column a node, time downward, a row an event. Marked rows, those of a
// witness, begin with ">". A node that has crashed has no line any more. The scenario, which may be nil, gives the
// words for faults.
func Diagram(h *spec.History, s *faults.Scenario, marked []int) string {
	d := diagram{h: h, s: s, width: 16, up: make([]bool, len(h.Nodes))}
	d.choose()
	for i := range h.Events {
		if e := &h.Events[i]; e.Is(spec.HasNode) && d.drawn(e) {
			d.width = min(max(d.width, 2+utf8.RuneCountInString(d.text(e))), 24)
		}
	}
	rows := d.rows(marked)
	if len(rows) > maxRows {
		d.short = true
		rows = d.rows(marked)
	}
	if n := len(rows); n > maxRows {
		cut := fmt.Sprintf("  … %d rows left out …", n-maxRows)
		rows = slices.Concat(rows[:maxRows/2], []string{cut}, rows[n-maxRows/2:])
	}
	return d.head() + strings.Join(rows, "\n") + "\n"
}

// rows draws all events that are shown.
func (d *diagram) rows(marked []int) []string {
	for i := range d.up {
		d.up[i] = true
	}
	var rows []string
	for i := range d.h.Events {
		mark := "  "
		if slices.Contains(marked, i) {
			mark = "> "
		} else if k := d.h.Events[i].Kind; d.short && (k == spec.Hold || k == spec.Discard) {
			continue
		}
		if text, ok := d.row(&d.h.Events[i]); ok {
			rows = append(rows, mark+text)
		}
	}
	return rows
}

type diagram struct {
	h     *spec.History
	s     *faults.Scenario
	width int
	short bool // what is held back or discarded is left out, unless it is marked
	up    []bool
	nodes []spec.NodeID // that have a column
}

// drawn says whether an event has a place in a column.
func (d *diagram) drawn(e *spec.Event) bool {
	switch e.Kind {
	case spec.Extension, spec.Frame, spec.Receive, spec.Fault, spec.Heal:
		return false
	case spec.Note:
		if op := d.h.ExtraOf(e).Op; op == spec.OpHeld || op == spec.OpKept || op == "" {
			return false
		}
	case spec.ViewChange: // who came along stands in the history
		if e.Is(spec.IsTransitional) {
			return false
		}
	}
	return e.Is(spec.HasNode) && int(e.Node) < len(d.h.Nodes)
}

// choose gives a column to every node, and to those machines of the network that something happens to.
func (d *diagram) choose() {
	machine := make([]bool, len(d.h.Nodes))
	if t := d.h.Topology; t != nil && len(t.Links) > 0 {
		for _, list := range [][]spec.NodeID{t.Routers, t.Switches} {
			for _, n := range list {
				machine[n] = true
			}
		}
		machine[len(machine)-1] = true // the stranger
	}
	for i := range d.h.Events {
		if e := &d.h.Events[i]; d.drawn(e) {
			machine[e.Node] = false
		}
	}
	for n := range machine {
		if !machine[n] {
			d.nodes = append(d.nodes, spec.NodeID(n))
		}
	}
}

// told are the words between hosts and routers that a reader wants to see; those that are said again and again are not.
var told = []string{"igmp-report", "igmp-leave", "pim-join", "pim-prune", "pim-graft", "pim-assert", "pim-register-stop"}

// frameLine tells of a frame in which hosts or routers speak of who listens.
func (d *diagram) frameLine(e *spec.Event) (string, bool) {
	x := d.h.ExtraOf(e)
	if !slices.Contains(told, x.Op) {
		return "", false
	}
	s := "· " + d.h.NodeName(e.Node)
	if e.Is(spec.HasTo) {
		s += " to " + d.h.NodeName(e.To)
	}
	s += " on " + x.Link + ": " + x.Op
	if e.Is(spec.HasGroup) {
		s += " " + d.h.GroupName(e.Group)
	}
	return s, true
}

func (d *diagram) head() string {
	var b strings.Builder
	b.WriteString("  " + pad("time", 11))
	for _, n := range d.nodes {
		name := d.h.NodeName(n)
		if name[0] >= '0' && name[0] <= '9' {
			name = "node " + name
		}
		b.WriteString(pad(name, d.width))
	}
	return strings.TrimRight(b.String(), " ") + "\n"
}

// row draws one event; false for those that a reader of the story has no use for.
func (d *diagram) row(e *spec.Event) (string, bool) {
	when := pad(clock(time.Duration(e.T)), 11)
	switch e.Kind {
	case spec.Fault, spec.Heal:
		return when + d.faultLine(e), true
	case spec.Frame:
		line, ok := d.frameLine(e)
		return when + line, ok
	}
	if !d.drawn(e) {
		return "", false
	}
	text := d.text(e)
	if e.Kind == spec.Recover {
		d.up[e.Node] = true
	}
	var b strings.Builder
	b.WriteString(when)
	for _, n := range d.nodes {
		cell := "│"
		switch {
		case n == e.Node:
			cell = text
		case !d.up[n]:
			cell = ""
		}
		b.WriteString(pad(cell, d.width))
	}
	if e.Kind == spec.Crash {
		d.up[e.Node] = false
	}
	return strings.TrimRight(b.String(), " "), true
}

// clock rounds a time to what fits its column.
func clock(t time.Duration) string {
	if t >= time.Millisecond {
		t = t.Round(time.Microsecond)
	}
	return t.String()
}

func (d *diagram) faultLine(e *spec.Event) string {
	x := d.h.ExtraOf(e)
	text := x.Text
	if d.s != nil && int(x.ID) < len(d.s.Steps) {
		text = d.s.ActionText(int(x.ID))
	}
	if e.Kind == spec.Heal {
		return "~~~ healed: " + text + " ~~~"
	}
	return "~~~ " + text + " ~~~"
}

func (d *diagram) text(e *spec.Event) string {
	s := e.Kind.String()
	switch {
	case e.Kind == spec.Crash:
		s = "X crash"
	case e.Kind == spec.Suspect || e.Kind == spec.Trust:
		s += " " + d.h.NodeName(e.To)
	case e.Kind == spec.Hold:
	case e.Kind == spec.Discard:
		s += " " + d.h.ExtraOf(e).Reason
	case e.Kind == spec.ViewChange:
		for _, m := range d.h.ExtraOf(e).Members {
			s += " " + d.h.NodeName(m)
		}
	case e.Kind == spec.Note:
		s += " " + d.h.ExtraOf(e).Op
	case e.Kind == spec.Invoke:
		return e.Kind.String() + " " + operation(d.h.ExtraOf(e))
	case e.Kind == spec.Return:
		return strings.TrimRight(e.Kind.String()+" "+d.h.ExtraOf(e).Value, " ")
	case e.Is(spec.HasMsg):
		s += " " + d.h.MsgName(e.Msg)
	}
	if e.Kind == spec.Send && e.Is(spec.HasTo) {
		s += " to " + d.h.NodeName(e.To)
	}
	return s
}

func pad(s string, n int) string {
	if k := n - utf8.RuneCountInString(s); k > 0 {
		return s + strings.Repeat(" ", k)
	}
	return s + " "
}

// operation names an operation and its object.
func operation(x *spec.Extra) string {
	if x.Value == "" {
		return x.Op + " " + x.Object
	}
	return x.Op + " " + x.Object + " " + x.Value
}
