// Package certify lets the tests of adapters hold themselves to what they claim: a test binary becomes the adapter where its
// TestMain asks [Main] first.
package certify

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/impl/external/line"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// mark is the first argument of a test binary that is to be an adapter; the second says which.
const mark = "play-adapter"

// Program is an adapter in a test binary.
type Program struct {
	Hello line.Hello
	Start line.Start
}

// Main runs the tests, or becomes the program that the arguments ask for. It never returns.
func Main(m *testing.M, programs map[string]Program) {
	if len(os.Args) > 2 && os.Args[1] == mark {
		p := programs[os.Args[2]]
		if err := line.Run(p.Hello, p.Start, os.Stdin, os.Stdout); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(70)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Command is that of one of the programs of [Main].
func Command(name string) []string { return []string{os.Args[0], mark, name} }

// Run certifies a command on three nodes in as many schedules as asked for. The adapter must not break; what the system
// does is in the result.
func Run(t *testing.T, command []string, schedules int, claims ...string) *suites.Certified {
	t.Helper()
	r, err := suites.Certification{Adapter: adapter.Options{Command: command, Answer: time.Minute}, Claims: claims, Network: "own", Nodes: 3,
		Schedules: schedules, Seed: 1, Parallel: 1, Clock: time.Now}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Error != "" {
		t.Fatalf("%s: %s", strings.Join(command, " "), r.Error)
	}
	return r
}

// Row gives what was found of a requirement.
func Row(t *testing.T, r *suites.Certified, id spec.ID) suites.Row {
	t.Helper()
	for _, row := range r.Cells[0].Requirements {
		if row.ID == id {
			return row
		}
	}
	t.Fatalf("nothing was found of %s", id)
	return suites.Row{}
}

// Holds wants what is claimed not to be broken, and each of ids to be tested and to hold.
func Holds(t *testing.T, r *suites.Certified, ids ...spec.ID) {
	t.Helper()
	for _, row := range r.Cells[0].Requirements {
		if row.Claimed && row.Verdict == spec.Fail {
			t.Errorf("%s: broken: %s", row.ID, row.Witness.Text)
		}
	}
	for _, id := range ids {
		if row := Row(t, r, id); row.Verdict != spec.Pass {
			t.Errorf("%s: %v %s", id, row.Verdict, row.Reason)
		}
	}
}
