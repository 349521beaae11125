package suites

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/spec"
)

// Explanation is what `conform explain` says of a name (conform.explain/1): a kind and title, and facts in the order
// in which they are read.
type Explanation struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Title  string `json:"title"`
	Facts  []Fact `json:"facts"`
}

// Fact is one thing to know.
type Fact struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

func (e *Explanation) add(name, text string) {
	if text != "" {
		e.Facts = append(e.Facts, Fact{name, text})
	}
}

// Explain explains a requirement, a part of a stack, a failure detector, a fault, a mutant, a level, a profile or a schema.
// A name that is several of these gets an explanation for each.
func Explain(name string) ([]*Explanation, error) {
	var out []*Explanation
	add := func(e *Explanation) {
		if e != nil {
			e.Schema = "conform.explain/1"
			out = append(out, e)
		}
	}
	if ids, err := spec.ParseClaims([]string{name}); err == nil && len(ids) == 1 && strings.EqualFold(string(ids[0]), name) {
		add(explainRequirement(ids[0]))
	}
	for _, t := range []struct {
		kind  string
		table []Part
	}{{"transport", Transports()}, {"level of reliability", Reliabilities()}, {"ordering", Orderings()}, {"membership", Memberships()}} {
		add(explainPart(t.kind, lookup(t.table, name)))
	}
	if k, err := spec.ParseFaultKind(name); err == nil {
		add(explainFault(k))
	}
	if m, ok := mutant.Lookup(strings.TrimPrefix(name, mutantPrefix)); ok {
		add(explainMutant(m))
	}
	if ids, ok := spec.Level(name); ok {
		e := &Explanation{Name: name, Kind: "level, for --claims", Title: "what it stands for"}
		e.add("requirements", idsOr(ids, "none: it promises nothing"))
		add(e)
	}
	if p, ok := spec.LookupProfile(name); ok {
		e := &Explanation{Name: name, Kind: "profile", Title: p.Title}
		e.add("must", joinIDs(p.Must))
		e.add("should", joinIDs(p.Should))
		for _, text := range certifiable(p.Name) {
			e.add("for a program of your own, conform certify --profile "+p.Name, text)
		}
		add(e)
	}
	add(explainDetector(name))
	add(explainSchema(name))
	if len(out) == 0 {
		return nil, unknown("name", name, explainable())
	}
	return out, nil
}

func explainable() []string {
	var out []string
	for _, l := range listings {
		for _, e := range l.list() {
			out = append(out, e.Name)
		}
	}
	for _, s := range schemas {
		out = append(out, s.name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func idsOr(ids []spec.ID, none string) string {
	if len(ids) == 0 {
		return none
	}
	return joinIDs(ids)
}

func explainRequirement(id spec.ID) *Explanation {
	r, ok := spec.Lookup(id)
	if !ok {
		return nil
	}
	e := &Explanation{Name: string(id), Kind: "requirement", Title: r.Title}
	e.add("statement", r.Statement)
	e.add("source", r.Source)
	var classes []string
	for _, c := range r.Classes {
		classes = append(classes, c.String())
	}
	e.add("class", strings.Join(classes, " and "))
	e.add("bites when", r.Antecedent)
	e.add("tested by", r.Test)
	e.add("entails", joinIDs(spec.Implies(id)))
	e.add("follows from", joinIDs(spec.ImpliedBy(id)))
	e.add("part of", strings.Join(levelsWith(id), ", "))
	e.add("kills", strings.Join(mutantsThatBreak(id), ", "))
	if !slices.Contains(Judged(), id) {
		e.add("judged", "not by this version")
	}
	e.add("untestable", r.Untestable)
	e.add("withdrawn", r.Withdrawn)
	return e
}

func levelsWith(id spec.ID) []string {
	var out []string
	for _, l := range spec.Levels() {
		if ids, _ := spec.Level(l); slices.Contains(ids, id) {
			out = append(out, l)
		}
	}
	return out
}

func mutantsThatBreak(id spec.ID) []string {
	var out []string
	for _, m := range mutant.All() {
		c, err := ParseCell(m.Cell)
		if err != nil || !slices.Contains(m.Breaks, id) {
			continue
		}
		if under, claimed := c.Claims().Get(id); claimed && m.Under.Within(under) { // or nobody would be judged by it
			out = append(out, m.Name)
		}
	}
	return out
}

func explainPart(kind string, p *Part) *Explanation {
	if p == nil {
		return nil
	}
	e := &Explanation{Name: p.Name, Kind: kind, Title: p.Title}
	e.add("promise", p.Promise)
	e.add("across overlapping groups", p.Across)
	e.add("source", p.Source)
	for _, o := range p.Options {
		e.add("option "+o.Key, o.Text+"; default "+o.Default)
	}
	e.add("on the kernel's network (netns)", kernelNote(p.Name))
	if p.Name == serverMembership {
		e.Facts = append(e.Facts, lostWithTheDead()...)
	}
	c := typical(kind, p.Name)
	var under []spec.FaultSet // requirements that are claimed under the same faults are told together
	same := map[spec.FaultSet][]spec.ID{}
	for _, claim := range c.Claims() {
		if same[claim.Under] == nil {
			under = append(under, claim.Under)
		}
		same[claim.Under] = append(same[claim.Under], claim.ID)
	}
	for _, u := range under {
		e.add(c.String()+" claims", joinIDs(same[u])+" under "+model(u))
	}
	e.add("only of runs in which everyone that crashed comes back", joinIDs(c.Awaits()))
	e.add("only as long as nobody who is up is silent for TL, and nobody who left joins again", joinIDs(c.loses()))
	e.add("only as long as nobody who is up is silent for TL, with a server half of it, nor, with detector=adaptive, suspected, and of one life of a group", joinIDs(c.awaited()))
	for _, s := range c.Separations() {
		e.add(c.String()+" does not promise", string(s.ID)+", shown with "+s.With.String())
	}
	return e
}

// typical is the cell that shows what a part promises: the first that makes sense with it.
func typical(kind, part string) Cell {
	var c Cell
	for _, try := range []string{"unicast/reliable/unordered/static", "unicast/unreliable/unordered/static",
		"hardware/unreliable/unordered/static", "unicast/atomic-view/unordered/static"} {
		c, _ = ParseCell(try)
		switch kind {
		case "transport":
			c.Transport.Name = part
		case "level of reliability":
			c.Reliability.Name = part
		case "ordering":
			c.Ordering.Name = part
		case "membership":
			c.Membership.Name = part
		}
		if c.Applicable() == nil {
			break
		}
	}
	return c
}

// model says a fault model in few words.
func model(s spec.FaultSet) string {
	missing := spec.AllFaults &^ s
	switch {
	case missing == 0:
		return "all faults"
	case len(missing.Kinds()) < len(s.Kinds()):
		return "all faults but " + missing.String()
	}
	return s.String()
}

func explainMutant(m *mutant.Mutant) *Explanation {
	e := &Explanation{Name: m.Name, Kind: "mutant", Title: m.Title}
	e.add("of", m.Cell)
	e.add("breaks", joinIDs(m.Breaks))
	e.add("with", m.Under.String())
	return e
}

// WriteText tells an explanation to a person.
func (e *Explanation) WriteText(w io.Writer) {
	fmt.Fprintf(w, "%s (%s): %s\n\n", e.Name, e.Kind, e.Title)
	last := ""
	for _, f := range e.Facts {
		if f.Name != last {
			fmt.Fprintf(w, "  %s\n", f.Name)
			last = f.Name
		}
		fmt.Fprintf(w, "      %s\n", wrap(f.Text, 100, "      "))
	}
}

// wrap breaks a text into lines of at most n characters, where it has spaces for it.
func wrap(text string, n int, prefix string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		if i > 0 {
			if column+1+len(word) > n {
				b.WriteString("\n" + prefix)
				column = 0
			} else {
				b.WriteByte(' ')
				column++
			}
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
