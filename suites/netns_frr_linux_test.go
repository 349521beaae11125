package suites

import (
	"errors"
	"strings"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/netns"
	"github.com/conform-go/conform/spec"
)

// FRR's routers are asked for like any variant. The simulator says that they are not its own, and what pimd does not
// speak is said by name.
func TestFRRCells(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"ip:pim=sparse,routers=frr":              "--world netns",
		"ip:pim=sparse,routers=frr,igmp=3":       "--world netns",
		"ip:routers=frr":                         "pim=sparse",
		"ip:pim=sparse,routers=frr,version=6":    "version=4",
		"ip:igmp=1,pim=sparse,routers=frr":       "igmp=2 or 3",
		"ip:pim=sparse,rp=announced,routers=frr": "rp=configured",
	} {
		c, err := ParseCell(text + "/unreliable/unordered")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Indoors(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s in the simulator: %v, want %q", text, err, want)
		}
		_, _, err = c.outdoors()
		if plays := want == "--world netns" && netns.FRRMissing() == nil; plays != (err == nil) {
			t.Errorf("%s on the kernel: %v", text, err)
		}
		if err != nil && want == "--world netns" && !strings.Contains(err.Error(), "package frr") && !strings.Contains(err.Error(), "root") {
			t.Errorf("%s: %v does not say what to install", text, err)
		}
	}
	s, err := faults.Parse("conform.scenario/1\nsubject ip:pim=sparse,routers=frr/unreliable/unordered\nnodes 2\ngroup g 0 1\nseed 1\nat 0s send 0 g 8\n")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Replay(s); !errors.Is(err, ErrUsage) {
		t.Errorf("in the simulator: %v", err)
	}
	cells, err := Cells("ip:pim=sparse,routers=frr", "unreliable", "unordered", "static")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), Plan{Cells: cells, Faults: spec.AllFaults, Schedules: 1, Seed: 1, Parallel: 1})
	if err != nil || len(r.Cells) != 1 || r.Cells[0].Applicable || !strings.Contains(r.Cells[0].Reason, "FRR") {
		t.Errorf("%v: %+v", err, r)
	}
}
