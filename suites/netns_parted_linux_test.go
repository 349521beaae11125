package suites

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// A partition breaks best effort on the kernel as it does in the simulator; what the sender put on its cable is kept, and
// the story says where.
func TestPartedOutdoors(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	text, err := os.ReadFile("testdata/examples/partition.scenario")
	if err != nil {
		t.Fatal(err)
	}
	s, err := faults.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := ReplayOutdoors(s, nil)
	skipWithout(t, err)
	if r.Frames != "" {
		defer os.Remove(r.Frames)
	}
	if r.Verdict != spec.Fail || !r.has("AGREEMENT") {
		t.Fatalf("%s: %+v", r.Verdict, r.Requirements)
	}
	var told bytes.Buffer
	r.WriteText(&told)
	if !strings.Contains(told.String(), "tcpdump -r "+r.Frames+"\n") {
		t.Errorf("%q is not named:\n%s", r.Frames, told.String())
	}
	b, err := os.ReadFile(r.Frames)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(b, []byte{10, 129, 0, 1, 10, 129, 0, 3}); n == 0 { // in the header of IP: from A to C
		t.Errorf("%d bytes of frames, none from A to C", len(b))
	}
}
