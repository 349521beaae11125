package suites_test

import (
	"os/exec"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// TestOwnProgramsBehindRelays: on loopback, too, a program with sockets of its own can be cut off; one that says nothing
// twice is caught then.
func TestOwnProgramsBehindRelays(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not here")
	}
	s, err := faults.Parse(`conform.scenario/1
subject adapter
expect AGREEMENT
nodes 3
group g 0 1 2
seed 1
net latency 1ms..10ms
at 0s isolate 2 for 300ms
at 50ms send 0 g 8
`)
	if err != nil {
		t.Fatal(err)
	}
	command := []string{"python3", "../impl/adapter/samples/python/own.py"}
	for _, x := range []struct {
		command []string
		verdict spec.Verdict
	}{{command, spec.Pass}, {append(command, "--once"), spec.Fail}} {
		r, err := suites.Certification{Adapter: adapter.Options{Command: x.command}}.Replay(s)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Settled || r.Verdict != x.verdict {
			t.Errorf("%v: settled %v, %s, want %s:\n%s", x.command, r.Settled, r.Verdict, x.verdict, r.Diagram)
		}
	}
}
