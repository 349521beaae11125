package suites

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/conform-go/conform/spec"
)

// ErrFiltered is wrapped by why a certification that was cut down gives no certificate: what it leaves out was not shown.
var ErrFiltered = errors.New("no certificate of a part")

// Certify is [Certification.Run], and then makes a certificate: of the profile, or of what the program claims where none
// is asked for. The second error is why there is none; what was found stands in what is returned. It wraps
// [ErrFiltered] where nothing may be wrong, and too little was asked.
func (c Certification) Certify(ctx context.Context) (r *Certified, cert *Certificate, none, err error) {
	before, digestErr := Digests(c.Adapter.Command)
	if r, err = c.Run(ctx); err != nil {
		return nil, nil, nil, err
	}
	if r.Error != "" {
		return r, nil, errors.New("no certificate: the adapter broke"), nil
	}
	if none = errors.Join(r.filtered(&c), digestErr); none != nil {
		return r, nil, none, nil
	}
	after, err := Digests(c.Adapter.Command)
	if err != nil || !maps.Equal(before, after) {
		return r, nil, errors.Join(errors.New("no certificate: the files of the command changed while it was tried"), err), nil
	}
	cert, none = r.Report.Certify(Attest{
		Subject:     CertifiedSubject{Name: r.Subject.Name, Version: r.Subject.Version, Command: r.Subject.Command, Digests: after},
		Declaration: r.hello, Profile: c.Profile, Must: r.Subject.Claims, Expected: r.expected, Environment: environment(r)})
	if none != nil {
		return r, nil, none, nil
	}
	cert.Plan = CertifiedPlan{Faults: c.Faults.String(), Network: r.Subject.Network, Nodes: c.Nodes, Messages: c.Messages, Connect: c.Adapter.Connect}
	cert.Runs = r.runs
	cert.Limits = append(cert.Limits, r.limits()...)
	return r, cert, nil, nil
}

// filtered says what a certification leaves out of what a certificate is of.
func (r *Certified) filtered(c *Certification) error {
	var errs []error
	out := func(format string, a ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrFiltered}, a...)...))
	}
	if c.Profile == "" {
		for _, id := range r.declared {
			if !slices.Contains(r.Subject.Claims, id) {
				out("it claims %s, which was not asked of it", id)
			}
		}
	}
	if r.expected < r.full {
		out("%d schedules were asked for, and one takes %d", r.expected, r.full)
	}
	if c.Nodes != 0 && c.Nodes < 3 {
		out("groups of %d were asked for, and one takes three or more", c.Nodes)
	}
	if c.Messages != 0 && c.Messages < certifyMessages {
		out("schedules of at most %d messages were asked for, and one takes %d or more", c.Messages, certifyMessages)
	}
	return errors.Join(errs...)
}

// certifyMessages is the most sends of a schedule, unless another number is asked for.
const certifyMessages = 4

// limits says what this certification does not show, beyond what none shows.
func (r *Certified) limits() []string {
	out := []string{"The digests are of the files that the command names, and not of those that these load."}
	if r.NotPlayed != "" {
		out = append(out, fmt.Sprintf("It tolerates, or was asked to, what could not be injected here, and was not: %s.", r.NotPlayed))
	}
	if r.Subject.Network == "own" {
		out = append(out, "It used a network of its own, in real time: the same schedule need not give the same run.")
	} else if !r.Subject.Deterministic {
		out = append(out, "It does not answer the same lines the same way: the same schedule need not give the same run.")
	}
	return out
}

// environment says where it was tried.
func environment(r *Certified) map[string]string {
	e := map[string]string{"conform": Version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
		"world": r.World, "network": r.Subject.Network}
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" {
				e["revision"] = s.Value
			}
		}
	}
	return e
}

// Digests gives the SHA-256 of the executable that a command finds and of each argument that is a file, by how the
// command names them.
func Digests(command []string) (map[string]string, error) {
	out := map[string]string{}
	for i, word := range command {
		name := word
		if i == 0 {
			found, err := exec.LookPath(word)
			if err != nil {
				return nil, err
			}
			name = found
		}
		if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
			continue
		}
		sum, err := fileDigest(name)
		if err != nil {
			return nil, err
		}
		out[word] = sum
	}
	return out, nil
}

func fileDigest(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// provenance is what a certificate needs to know of a certification, and no report tells.
type provenance struct {
	hello    json.RawMessage
	declared []spec.ID // what the program claims, whatever was asked of it
	expected int       // schedules within the model
	full     int       // and how many there are when no number is asked for
	runs     []string  // see [Certificate]
}
