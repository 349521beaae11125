package suites

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/spec"
)

// CertificateSchema names the form of a [Certificate], CertificateType what an envelope with one says it holds.
const (
	CertificateSchema = "conform.certificate/1"
	CertificateType   = "application/vnd.conform.certificate+json"
)

// Certificate says what was tested of what, with what result, and what that does not show. Written out it is canonical
// JSON (RFC 8785): the same certificate is the same bytes.
type Certificate struct {
	Schema       string            `json:"schema"`
	Subject      CertifiedSubject  `json:"subject"`
	Declaration  json.RawMessage   `json:"declaration"` // what the subject says of itself, word for word
	Profile      string            `json:"profile,omitempty"`
	Catalogue    CatalogueStamp    `json:"catalogue"`
	Environment  map[string]string `json:"environment"`
	Seed         string            `json:"seed"`
	Expected     int               `json:"expected"` // schedules
	Executed     int               `json:"executed"`
	Requirements []CertifiedRow    `json:"requirements"`
	KillTable    string            `json:"kill_table"` // digest of the table of planted bugs that the judges catch
	Limits       []string          `json:"limits"`     // what is not shown
	Plan         CertifiedPlan     `json:"plan"`
	Runs         []string          `json:"runs,omitempty"` // a digest of each run, in hex; without, the same schedule need not give the same run
	Key          []byte            `json:"key"`            // ed25519, with which the envelope is to be signed
}

// CertifiedSubject is what was tested.
type CertifiedSubject struct {
	Name    string            `json:"name"`
	Version string            `json:"version"`
	Command []string          `json:"command,omitempty"`
	Digests map[string]string `json:"digests"` // of the files that the command names
}

// CertifiedPlan is what else the schedules were drawn from, and how the subject was spoken to.
type CertifiedPlan struct {
	Faults   string `json:"faults"` // that were asked for
	Network  string `json:"network,omitempty"`
	Nodes    int    `json:"nodes,omitempty"` // 0: as usual
	Messages int    `json:"messages,omitempty"`
	Connect  string `json:"connect,omitempty"`
}

// CatalogueStamp says by which catalogue of requirements.
type CatalogueStamp struct {
	Version string `json:"version"`
	Digest  string `json:"digest"`
}

// CertifiedRow is a requirement with what was found of it.
type CertifiedRow struct {
	ID          spec.ID      `json:"id"`
	Must        bool         `json:"must"` // or else it is reported only
	Under       string       `json:"under"`
	Verdict     spec.Verdict `json:"verdict"`
	Judged      int          `json:"judged"`      // schedules
	Bites       int          `json:"bites"`       // of which tested it at all
	Antecedents int          `json:"antecedents"` // instances tested
}

// Attest is what a certificate says besides what the report says.
type Attest struct {
	Subject     CertifiedSubject
	Declaration json.RawMessage
	Profile     string    // "" where requirements were claimed one by one
	Must        []spec.ID // what has to hold
	Expected    int       // schedules
	Environment map[string]string
}

// Certify makes a certificate of a report with one cell, that of the subject. There is none where something that has to
// hold is broken or was not shown, or where not everything was judged.
func (r *Report) Certify(a Attest) (*Certificate, error) {
	if len(r.Cells) != 1 {
		return nil, fmt.Errorf("a certificate is of one subject, and the report has %d", len(r.Cells))
	}
	cell := &r.Cells[0]
	c := &Certificate{Schema: CertificateSchema, Subject: a.Subject, Declaration: a.Declaration, Profile: a.Profile,
		Catalogue: catalogueStamp(), Environment: a.Environment, Seed: r.Seed, Expected: a.Expected, Executed: cell.Schedules,
		KillTable: KillDigest(), Limits: limits(cell)}
	if a.Profile != "" {
		p, ok := spec.LookupProfile(a.Profile)
		if !ok {
			return nil, fmt.Errorf("unknown profile %q", a.Profile)
		}
		a.Must = p.Must
	}
	for i := range cell.Requirements {
		row := &cell.Requirements[i]
		if must := slices.Contains(a.Must, row.ID); must || row.Claimed {
			c.Requirements = append(c.Requirements, CertifiedRow{ID: row.ID, Must: must, Under: row.Under, Verdict: row.Verdict,
				Judged: row.Judged, Bites: row.Bites, Antecedents: row.Antecedents})
		}
	}
	for _, id := range a.Must {
		if !slices.ContainsFunc(c.Requirements, func(x CertifiedRow) bool { return x.ID == id }) {
			return nil, fmt.Errorf("no certificate: %s has to hold, and was not judged", id)
		}
	}
	if wrong := c.wrong(); wrong != nil {
		return nil, fmt.Errorf("no certificate: %w", wrong)
	}
	return c, nil
}

// wrong says why a certificate does not show what it is to show.
func (c *Certificate) wrong() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if c.Schema != CertificateSchema {
		bad("schema %q: want %q", c.Schema, CertificateSchema)
	}
	if c.Executed != c.Expected || c.Executed < 1 {
		bad("%d of %d schedules were played", c.Executed, c.Expected)
	}
	if n := len(c.Runs); n != 0 && n != c.Executed {
		bad("there are digests of %d runs, and %d schedules were played", n, c.Executed)
	}
	musts := 0
	for i := range c.Requirements {
		x := &c.Requirements[i]
		if _, ok := spec.Lookup(x.ID); !ok {
			bad("requirement %q is not in the catalogue", x.ID)
		}
		if x.Judged > c.Executed || x.Bites > x.Judged || x.Antecedents < x.Bites {
			bad("%s: %d schedules judged of %d, %d tested it, with %d instances: these can't be", x.ID, x.Judged, c.Executed, x.Bites, x.Antecedents)
		}
		if !x.Must {
			continue
		}
		musts++
		if x.Verdict != spec.Pass || x.Bites == 0 {
			bad("%s has to hold, and is %s in %d schedules that tested it", x.ID, x.Verdict, x.Bites)
		}
	}
	if musts == 0 {
		bad("nothing has to hold")
	}
	return errors.Join(errs...)
}

// limits says in words what a certificate does not show.
func limits(c *CellReport) []string {
	return []string{
		fmt.Sprintf("%d schedules were played, chosen by a seed: what none of them brings about was not tested, and a pass is no proof.", c.Schedules),
		"Each requirement was tested under the faults that stand with it, and under no others.",
		"Groups had a few members and schedules a few messages: nothing is said of performance, or of limits of size.",
		"The judges see what the subject reports of itself at its interface.",
	}
}

// catalogueStamp gives the version of the catalogue in use, and a digest of all that it says.
func catalogueStamp() CatalogueStamp {
	b, err := canonical(spec.Catalogue())
	if err != nil {
		panic(err) // it is made of words
	}
	return CatalogueStamp{Version: spec.CatalogueVersion, Digest: digest(b)}
}

// KillDigest is the digest of the table of planted bugs, and of the requirements by which each of them is caught.
func KillDigest() string {
	var table [][]string
	for _, m := range mutant.All() {
		line := []string{m.Name}
		for _, id := range m.Breaks {
			line = append(line, string(id))
		}
		table = append(table, line)
	}
	b, err := canonical(table)
	if err != nil {
		panic(err) // it is made of words
	}
	return digest(b)
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}
