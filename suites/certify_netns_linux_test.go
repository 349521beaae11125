package suites

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
)

// outsider certifies a sample with sockets of its own on a LAN of the kernel.
func outsider(t *testing.T, c Certification, args ...string) *Certified {
	t.Helper()
	kernelled(t)
	c.Adapter = adapter.Options{Command: append([]string{"python3", "../impl/adapter/samples/python/own.py"}, args...),
		Answer: time.Minute} // thirty-two interpreters begin at once, beside other tests
	c.World, c.Parallel, c.Seed, c.Clock = "netns", 8, 1, time.Now
	r, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func requirement(r *Certified, id spec.ID) *Row {
	i := slices.IndexFunc(r.Cells[0].Requirements, func(x Row) bool { return x.ID == id })
	return &r.Cells[0].Requirements[i]
}

// A program with sockets of its own keeps its promises on the kernel's network, of which it knows nothing, while packets
// get lost and the network falls apart around it.
func TestForeignProgramsOnTheKernel(t *testing.T) {
	t.Parallel()
	r := outsider(t, Certification{Claims: []string{"reliable", "fifo"}, Faults: spec.SetOf(spec.LossFault, spec.PartitionFault), Schedules: 6})
	if r.Error != "" || r.OutsideError != "" || r.World != "netns" || r.NotPlayed != "" {
		t.Errorf("world %s, not played %s, errors %q, %q", r.World, r.NotPlayed, r.Error, r.OutsideError)
	}
	var text bytes.Buffer
	r.WriteText(&text)
	for _, id := range []spec.ID{"AGREEMENT", "FIFO-ORDER", "NO-DUPLICATION", "VALIDITY"} {
		if row := requirement(r, id); row.Verdict == spec.Fail || row.Judged == 0 {
			t.Errorf("%s: %v in %d schedules\n%s", id, row.Verdict, row.Judged, text.String())
		}
	}
}

// One that looks not whether it has seen a message is caught there, with the command that shows it again.
func TestForeignBugsOnTheKernel(t *testing.T) {
	t.Parallel()
	r := outsider(t, Certification{Claims: []string{"reliable"}, Faults: spec.NoFaults, Schedules: 12}, "--broken")
	if row := requirement(r, "NO-DUPLICATION"); r.Error != "" || row.Verdict != spec.Fail || !strings.Contains(row.Witness.Replay, "--world netns -- python3") {
		t.Fatalf("it is not caught: %q\n%+v", r.Error, row)
	}
	checkCapture(t, requirement(r, "NO-DUPLICATION").Witness.Replay)
}

// One that says nothing twice is caught where the network falls apart; one that does is not.
func TestForeignReplayOnTheKernel(t *testing.T) {
	t.Parallel()
	s, err := faults.Parse("conform.scenario/1\nsubject adapter\nexpect AGREEMENT\nnodes 3\ngroup g 0 1 2\nseed 1\nnet latency 1ms..10ms\n" +
		"at 0s isolate 2 for 300ms\nat 50ms send 0 g 8\n")
	if err != nil {
		t.Fatal(err)
	}
	outsider(t, Certification{Claims: []string{"reliable"}, Schedules: 1}) // or there is a reason to skip
	command := []string{"python3", "../impl/adapter/samples/python/own.py"}
	for _, x := range []struct {
		command []string
		verdict spec.Verdict
	}{{command, spec.Pass}, {append(command, "--once"), spec.Fail}} {
		r, err := Certification{Adapter: adapter.Options{Command: x.command, Answer: time.Minute}, World: "netns"}.Replay(s)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Settled || r.Verdict != x.verdict {
			t.Errorf("%v: settled %v, %s, want %s:\n%s", x.command, r.Settled, r.Verdict, x.verdict, r.Diagram)
		}
	}
}

// Where nothing can be broken around a program it is said before anything is played.
func TestForeignProgramsThatCanNotGoThere(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not here")
	}
	for _, c := range []Certification{
		{World: "netns", Adapter: adapter.Options{Command: []string{"python3", "../impl/adapter/samples/python/causal.py"}}},
		{World: "moon", Adapter: adapter.Options{Command: []string{"python3", "../impl/adapter/samples/python/own.py"}}},
	} {
		if _, err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "want netns, for a program with sockets of its own") {
			t.Errorf("%s: %v", c.World, err)
		}
	}
}

// checkCapture looks whether the file is there that a witness names, with frames in it, and removes it.
func checkCapture(t *testing.T, replay string) {
	t.Helper()
	_, name, ok := strings.Cut(replay, "tcpdump -r ")
	if !ok {
		t.Errorf("no capture is named: %s", replay)
		return
	}
	name, _, _ = strings.Cut(name, "\n")
	b, err := os.ReadFile(name)
	if err != nil || len(b) < 100 {
		t.Errorf("%s: %d bytes, %v", name, len(b), err)
	}
	_ = os.Remove(name)
}
