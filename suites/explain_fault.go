package suites

import (
	"maps"
	"slices"
	"strings"

	"github.com/conform-go/conform/spec"
)

// The parts by which it is told who promises something through a fault: the first that tells them apart.
var explaining = []struct {
	kind string
	of   func(Cell) string
}{
	{"level of reliability", func(c Cell) string { return c.Reliability.Name }},
	{"ordering", func(c Cell) string { return c.Ordering.Name }},
	{"transport", func(c Cell) string { return c.Transport.Name }},
	{"membership", func(c Cell) string { return c.Membership.Name }},
}

// resolve is who promises a requirement through a fault, and who only where it does not strike.
type resolve struct{ through, without []Cell }

// explainFault says what the stacks that a fault can strike promise through a fault: what all do that promise it at all, what none does, and where
// it depends, on which part it does.
func explainFault(k spec.FaultKind) *Explanation {
	e := &Explanation{Name: k.String(), Kind: "fault", Title: k.Text()}
	e.add("on the kernel's network (netns)", outdoorsCan(k))
	e.add("there, of a program with sockets of its own", outsideCan(k))
	cells, err := Cells("all", "all", "all", "all")
	if err != nil {
		return e
	}
	found := map[spec.ID]*resolve{}
	for _, c := range cells {
		if c.Applicable() != nil || !c.faces().Has(k) {
			continue
		}
		for _, claim := range c.Claims() {
			r := found[claim.ID]
			if r == nil {
				r = &resolve{}
				found[claim.ID] = r
			}
			if claim.Under.Has(k) {
				r.through = append(r.through, c)
			} else {
				r.without = append(r.without, c)
			}
		}
	}
	var always, never []spec.ID
	var ways []string // in which it depends, in the order of the catalogue's ids
	depends := map[string][]spec.ID{}
	for _, id := range slices.Sorted(maps.Keys(found)) {
		switch r := found[id]; {
		case len(r.without) == 0:
			always = append(always, id)
		case len(r.through) == 0:
			never = append(never, id)
		default:
			way := r.way()
			if depends[way] == nil {
				ways = append(ways, way)
			}
			depends[way] = append(depends[way], id)
		}
	}
	e.add("promised through it by every stack that promises it", joinIDs(always))
	e.add("promised through it by none", joinIDs(never))
	for _, way := range ways {
		e.add("promised through it "+way, joinIDs(depends[way]))
	}
	for _, name := range []string{"unicast/best-effort/unordered/static", "ip/unreliable/unordered/anonymous"} {
		c, err := ParseCell(name)
		if err != nil || !c.faces().Has(k) {
			continue
		}
		e.add(name+" claims without it only", joinIDs(c.without(k)))
	}
	return e
}

// without lists what a cell claims only where a fault does not strike.
func (c Cell) without(k spec.FaultKind) (ids []spec.ID) {
	for _, claim := range c.Claims() {
		if !claim.Under.Has(k) {
			ids = append(ids, claim.ID)
		}
	}
	return ids
}

// way says on which part it depends whether the promise holds through the fault.
func (r *resolve) way() string {
	for _, part := range explaining {
		with, out := partsOf(r.through, part.of), partsOf(r.without, part.of)
		if slices.ContainsFunc(with, func(name string) bool { return slices.Contains(out, name) }) {
			continue
		}
		if len(with) <= len(out) {
			return "only with the " + part.kind + " " + strings.Join(with, ", ")
		}
		return "except with the " + part.kind + " " + strings.Join(out, ", ")
	}
	if len(r.through) < len(r.without) {
		return "by fewer than half of the stacks that promise it"
	}
	return "by most of the stacks that promise it"
}

func partsOf(cells []Cell, of func(Cell) string) (names []string) {
	for _, c := range cells {
		if !slices.Contains(names, of(c)) {
			names = append(names, of(c))
		}
	}
	return names
}
