package suites

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/gowebpki/jcs"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"

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
	Key          []byte            `json:"key"`        // ed25519, with which the envelope is to be signed
}

// CertifiedSubject is what was tested.
type CertifiedSubject struct {
	Name    string            `json:"name"`
	Version string            `json:"version"`
	Command []string          `json:"command,omitempty"`
	Digests map[string]string `json:"digests"` // of the files that the command names
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

// canonical writes a value as canonical JSON (RFC 8785).
func canonical(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jcs.Transform(b)
}

// edKey signs and verifies for an envelope.
type edKey struct {
	public  ed25519.PublicKey
	private ed25519.PrivateKey // nil: verifies only
}

func (k edKey) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(k.private, data), nil
}

func (k edKey) Verify(_ context.Context, data, sig []byte) error {
	if !ed25519.Verify(k.public, data, sig) {
		return errors.New("the signature is not one of this key for these bytes")
	}
	return nil
}

func (k edKey) KeyID() (string, error) { return digest(k.public), nil }

func (k edKey) Public() crypto.PublicKey { return k.public }

// Seal puts a certificate in an envelope (DSSE) that is signed with a key, and gives it as JSON.
func (c *Certificate) Seal(ctx context.Context, key ed25519.PrivateKey) ([]byte, error) {
	public := key.Public().(ed25519.PublicKey)
	c.Key = public
	payload, err := canonical(c)
	if err != nil {
		return nil, err
	}
	signer, err := dsse.NewEnvelopeSigner(edKey{public, key})
	if err != nil {
		return nil, err
	}
	e, err := signer.SignPayload(ctx, CertificateType, payload)
	if err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(e, "", " ")
	return append(b, '\n'), err
}

// NotSealed is what an envelope is that is whole, and says what it ought not to: the signature or a digest is not right.
type NotSealed struct{ error }

// Unseal opens an envelope and checks its certificate: the signature, with the key that is given or else with the one
// that the certificate names; that the payload is canonical; the digests of the catalogue and of the table of planted
// bugs, which have to be those of this version; and that the counts can be. The error is a [NotSealed] where the
// certificate is not what it says, and another one where it can't be read.
func Unseal(ctx context.Context, envelope []byte, key ed25519.PublicKey) (*Certificate, error) {
	var e dsse.Envelope
	if err := json.Unmarshal(envelope, &e); err != nil {
		return nil, fmt.Errorf("no envelope: %w", err)
	}
	if e.PayloadType != CertificateType {
		return nil, fmt.Errorf("the envelope holds %q: want %q", e.PayloadType, CertificateType)
	}
	payload, err := e.DecodeB64Payload()
	if err != nil {
		return nil, NotSealed{fmt.Errorf("the payload is damaged: %w", err)}
	}
	c := new(Certificate)
	if err := json.Unmarshal(payload, c); err != nil {
		return nil, NotSealed{fmt.Errorf("the payload is no certificate: %w", err)}
	}
	if len(key) == 0 {
		key = c.Key
	}
	if len(key) != ed25519.PublicKeySize || !slices.Equal(key, c.Key) {
		return c, NotSealed{fmt.Errorf("the certificate names key %s, and the one to check it with is %s", digest(c.Key), digest(key))}
	}
	verifier, err := dsse.NewEnvelopeVerifier(edKey{public: key})
	if err != nil {
		return c, err
	}
	if _, err := verifier.Verify(ctx, &e); err != nil {
		return c, NotSealed{fmt.Errorf("the signature does not match: %w", err)}
	}
	if again, err := jcs.Transform(payload); err != nil || !slices.Equal(again, payload) {
		return c, NotSealed{errors.New("the payload is not canonical JSON (RFC 8785)")}
	}
	return c, c.check()
}

// check compares a certificate with this version of the judges.
func (c *Certificate) check() error {
	errs := []error{c.wrong()}
	if now := catalogueStamp(); c.Catalogue != now {
		errs = append(errs, fmt.Errorf("it was judged by catalogue %s, %s; this is %s, %s", c.Catalogue.Version, c.Catalogue.Digest, now.Version, now.Digest))
	}
	if c.KillTable != KillDigest() {
		errs = append(errs, fmt.Errorf("its judges catch other planted bugs than these: %s, %s", c.KillTable, KillDigest()))
	}
	if p, ok := spec.LookupProfile(c.Profile); ok {
		for _, id := range p.Must {
			if !slices.ContainsFunc(c.Requirements, func(x CertifiedRow) bool { return x.ID == id && x.Must }) {
				errs = append(errs, fmt.Errorf("profile %s demands %s, of which it says nothing", c.Profile, id))
			}
		}
	} else if c.Profile != "" {
		errs = append(errs, fmt.Errorf("unknown profile %q", c.Profile))
	}
	if err := errors.Join(errs...); err != nil {
		return NotSealed{err}
	}
	return nil
}

// WriteText tells a certificate to a person.
func (c *Certificate) WriteText(w io.Writer) {
	fmt.Fprintf(w, "%s %s", c.Subject.Name, c.Subject.Version)
	if c.Profile != "" {
		fmt.Fprintf(w, " conforms to the profile %s", c.Profile)
	}
	fmt.Fprintf(w, "\n%d schedules, seed %s, catalogue %s\n\n", c.Executed, c.Seed, c.Catalogue.Version)
	rows := [][]string{{"REQUIREMENT", "", "VERDICT", "TESTED IN", "INSTANCES", "UNDER"}}
	for _, x := range c.Requirements {
		must := "should"
		if x.Must {
			must = "must"
		}
		rows = append(rows, []string{string(x.ID), must, x.Verdict.String(), fmt.Sprintf("%d of %d", x.Bites, x.Judged), fmt.Sprint(x.Antecedents), x.Under})
	}
	table(w, rows...)
	fmt.Fprintln(w, "\nWhat it does not show:")
	for _, l := range c.Limits {
		fmt.Fprintf(w, "  %s\n", wrap(l, 110, "  "))
	}
	fmt.Fprintf(w, "\nsigned with %s\n", digest(c.Key))
}
