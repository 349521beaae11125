package suites

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/spec"
)

// Listing is what `conform list` shows of one kind of thing (conform.list/1).
type Listing struct {
	Schema string  `json:"schema"`
	Kind   string  `json:"kind"`
	Items  []Entry `json:"items"`
}

// Entry is one thing that has a name.
type Entry struct {
	Name  string   `json:"name"`
	Title string   `json:"title"`
	Tags  []string `json:"tags,omitempty"` // requirements: class, and whether this version judges it; faults, mutants: what they are about
}

// listings are the kinds of things that have names, and how each is listed.
var listings = []struct {
	kind string
	list func() []Entry
}{
	{"requirements", requirementEntries},
	{"transports", func() []Entry { return partEntries(Transports()) }},
	{"reliability", func() []Entry { return partEntries(Reliabilities()) }},
	{"orderings", func() []Entry { return partEntries(Orderings()) }},
	{"memberships", func() []Entry { return partEntries(Memberships()) }},
	{"detectors", detectorEntries},
	{"faults", faultEntries},
	{"mutants", mutantEntries},
	{"levels", levelEntries},
	{"profiles", profileEntries},
}

// List lists the things of a kind.
func List(kind string) (*Listing, error) {
	kinds := []string{"schemas"} // which conform list writes as they are
	for _, l := range listings {
		if l.kind == kind {
			return &Listing{"conform.list/1", kind, l.list()}, nil
		}
		kinds = append(kinds, l.kind)
	}
	return nil, unknown("kind", kind, kinds)
}

func requirementEntries() []Entry {
	judged := Judged()
	var out []Entry
	for _, r := range spec.Catalogue() {
		e := Entry{Name: string(r.ID), Title: r.Title}
		for _, c := range r.Classes {
			e.Tags = append(e.Tags, c.String())
		}
		if slices.Contains(judged, r.ID) {
			e.Tags = append(e.Tags, "judged")
		}
		out = append(out, e)
	}
	return out
}

func partEntries(table []Part) []Entry {
	var out []Entry
	for _, p := range table {
		e := Entry{Name: p.Name, Title: p.Title}
		if p.Across != "" {
			e.Tags = append(e.Tags, "across groups: "+p.inShort())
		}
		out = append(out, e)
	}
	return out
}

func faultEntries() []Entry {
	var out []Entry
	for _, k := range spec.AllFaults.Kinds() {
		can, _, _ := strings.Cut(outdoorsCan(k), ":")
		can, _, _ = strings.Cut(can, ",")
		out = append(out, Entry{Name: k.String(), Title: k.Text(), Tags: []string{"netns: " + can}})
	}
	return out
}

func mutantEntries() []Entry {
	var out []Entry
	for _, m := range mutant.All() {
		out = append(out, Entry{Name: m.Name, Title: m.Title, Tags: []string{m.Cell}})
	}
	return out
}

func levelEntries() []Entry {
	var out []Entry
	for _, l := range spec.Levels() {
		ids, _ := spec.Level(l)
		out = append(out, Entry{Name: l, Title: idsOr(ids, "none: it promises nothing")})
	}
	return out
}

func profileEntries() []Entry {
	var out []Entry
	for _, p := range spec.Profiles() {
		out = append(out, Entry{Name: p.Name, Title: p.Title})
	}
	return out
}

// WriteText writes a line for each thing.
func (l *Listing) WriteText(w io.Writer) {
	var rows [][]string
	for _, e := range l.Items {
		rows = append(rows, []string{e.Name, strings.Join(e.Tags, ", "), e.Title})
	}
	if !slices.ContainsFunc(l.Items, func(e Entry) bool { return len(e.Tags) > 0 }) {
		for i := range rows {
			rows[i] = []string{rows[i][0], rows[i][2]}
		}
	}
	table(w, rows...)
	fmt.Fprintf(w, "\n%d %s; conform explain NAME says more\n", len(l.Items), l.Kind)
}
