package suites_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// report is one of a subject that keeps to the profile reliable.
func report(t *testing.T) *suites.Report {
	t.Helper()
	cells, err := suites.Cells("unicast", "reliable", "unordered", "static")
	if err != nil {
		t.Fatal(err)
	}
	r, err := suites.Run(t.Context(), suites.Plan{Cells: cells, Faults: spec.AllFaults, Schedules: 100, Seed: 1, Parallel: 2})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func attest() suites.Attest {
	return suites.Attest{Subject: suites.CertifiedSubject{Name: "relay", Version: "1", Digests: map[string]string{}},
		Declaration: json.RawMessage(`{"op":"hello"}`), Profile: "reliable", Expected: 100, Environment: map[string]string{"world": "sim"}}
}

// A certificate opens as long as it is what was signed, by the key that it names.
func TestCertificate(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	c, err := report(t).Certify(attest())
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := c.Seal(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := c.Seal(t.Context(), key); !bytes.Equal(sealed, again) {
		t.Error("the same certificate is not the same bytes")
	}
	opened, err := suites.Unseal(t.Context(), sealed, key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	if opened.Subject.Name != "relay" || opened.Executed != 100 || len(opened.Requirements) < 7 {
		t.Errorf("opened: %+v", opened)
	}
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	if _, err := suites.Unseal(t.Context(), sealed, other); !errors.As(err, new(suites.NotSealed)) {
		t.Errorf("with another key: %v", err)
	}
	for _, garbage := range []string{"", "{}", "[]", `{"payloadType":"text/plain"}`} {
		if _, err := suites.Unseal(t.Context(), []byte(garbage), nil); err == nil || errors.As(err, new(suites.NotSealed)) {
			t.Errorf("%q: %v", garbage, err)
		}
	}
}

// Whatever is changed in it, or left out of it, shows: also where somebody signs it again.
func TestTamperedCertificate(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	c, err := report(t).Certify(attest())
	if err != nil {
		t.Fatal(err)
	}
	for name, tamper := range map[string]func(*suites.Certificate){
		"verdict":   func(c *suites.Certificate) { c.Requirements[0].Verdict = spec.Fail },
		"counts":    func(c *suites.Certificate) { c.Requirements[0].Judged = c.Executed + 1 },
		"vacuous":   func(c *suites.Certificate) { c.Requirements[0].Bites, c.Requirements[0].Antecedents = 0, 0 },
		"left out":  func(c *suites.Certificate) { c.Requirements = c.Requirements[1:] },
		"executed":  func(c *suites.Certificate) { c.Executed-- },
		"catalogue": func(c *suites.Certificate) { c.Catalogue.Digest = "sha256:00" },
		"kills":     func(c *suites.Certificate) { c.KillTable = "sha256:00" },
		"unknown":   func(c *suites.Certificate) { c.Requirements[0].ID = "PERFECTION" },
		"profile":   func(c *suites.Certificate) { c.Profile = "perfect" },
	} {
		t.Run(name, func(t *testing.T) {
			x := *c
			x.Requirements = append([]suites.CertifiedRow(nil), c.Requirements...)
			tamper(&x)
			sealed, err := x.Seal(context.Background(), key)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := suites.Unseal(t.Context(), sealed, nil); !errors.As(err, new(suites.NotSealed)) {
				t.Errorf("opened: %v", err)
			}
		})
	}
	sealed, err := c.Seal(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	var e map[string]any
	if err := json.Unmarshal(sealed, &e); err != nil {
		t.Fatal(err)
	}
	payload, _ := base64.StdEncoding.DecodeString(e["payload"].(string))
	e["payload"] = base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(payload), `"relay"`, `"delay"`, 1)))
	changed, _ := json.Marshal(e)
	if _, err := suites.Unseal(t.Context(), changed, nil); !errors.As(err, new(suites.NotSealed)) || !strings.Contains(err.Error(), "signature") {
		t.Errorf("another subject under the old signature: %v", err)
	}
}

// Nothing is certified that was not shown.
func TestNoCertificate(t *testing.T) {
	whole := report(t)
	for name, spoil := range map[string]func(*suites.Report, *suites.Attest){
		"broken":       func(r *suites.Report, _ *suites.Attest) { row(r, "AGREEMENT").Verdict = spec.Fail },
		"inconclusive": func(r *suites.Report, _ *suites.Attest) { row(r, "AGREEMENT").Verdict = spec.Inconclusive },
		"never tested": func(r *suites.Report, _ *suites.Attest) { row(r, "AGREEMENT").Bites = 0 },
		"filtered":     func(r *suites.Report, _ *suites.Attest) { row(r, "AGREEMENT").ID = "FIFO-ORDER" },
		"cut short":    func(_ *suites.Report, a *suites.Attest) { a.Expected = 200 },
		"too high":     func(_ *suites.Report, a *suites.Attest) { a.Profile = "causal" },
	} {
		t.Run(name, func(t *testing.T) {
			r, a := *whole, attest()
			r.Cells = append([]suites.CellReport(nil), whole.Cells...)
			r.Cells[0].Requirements = append([]suites.Row(nil), whole.Cells[0].Requirements...)
			spoil(&r, &a)
			if c, err := r.Certify(a); err == nil {
				t.Errorf("certified: %+v", c)
			}
		})
	}
}

func row(r *suites.Report, id spec.ID) *suites.Row {
	for i := range r.Cells[0].Requirements {
		if x := &r.Cells[0].Requirements[i]; x.ID == id {
			return x
		}
	}
	return nil
}
