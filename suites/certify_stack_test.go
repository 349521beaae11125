package suites_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/impl/adapter/adaptertest"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// playStack makes this test binary the program of a stack, or of a mutant of one, where its arguments ask for one.
func playStack() {
	name, claims, tolerates, ok := adaptertest.StackArgs(os.Args)
	if !ok {
		return
	}
	member, err := stackMember(strings.TrimPrefix(name, "/"))
	if err == nil {
		p := adaptertest.Stack{New: member, Hello: map[string]any{"name": name, "claims": claims, "tolerates": tolerates,
			"settle": int(2 * time.Second), "disk": slices.Contains(claims, "durable") || slices.Contains(claims, "view-synchronous")}}
		err = p.Run(os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(6)
	}
	os.Exit(0)
}

// stackMember finds a stack, or a mutant of one.
func stackMember(name string) (suites.Member, error) {
	for _, m := range mutant.Views() {
		if "mutant:"+m.Name == name {
			return m.New, nil
		}
	}
	s, err := suites.ParseSubject(name)
	if err != nil {
		return nil, err
	}
	return s.New, nil
}

// TestProfilesOfPrograms: for every profile there is a program that keeps it, and one with a bug that does not. They are
// stacks of this repository, which speak the adapter protocol.
func TestProfilesOfPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("many processes")
	}
	for _, x := range []struct {
		profile, stack, claims, tolerates string
		breaks                            spec.ID
	}{
		{"best-effort", "unicast/best-effort/unordered", "best-effort", "loss,delay,duplicate,reorder,crash", ""},
		{"best-effort", "mutant:gives-up-after-one-try", "best-effort", "loss,partition", "VALIDITY"},
		{"reliable", "unicast/reliable/unordered", "reliable", "loss,crash", ""},
		{"reliable", "mutant:no-relay", "reliable", "crash", "AGREEMENT"},
		{"fifo", "unicast/reliable/fifo", "reliable,fifo", "loss,crash", ""},
		{"fifo", "mutant:no-rescan", "reliable,fifo", "reorder,delay", "VALIDITY"},
		{"causal", "unicast/reliable/causal", "reliable,causal", "loss,crash", ""},
		{"causal", "mutant:only-the-senders-entry-checked", "reliable,causal", "reorder,delay", "CAUSAL-ORDER"},
		{"total", "unicast/reliable/total-sequencer", "total", "loss,delay", ""},
		{"total", "mutant:two-sequencers", "total", "delay", "TOTAL-ORDER"},
		{"atomic", "unicast/reliable/total-sequencer", "atomic", "loss,delay", ""},
		{"durable", "unicast/durable/unordered", "durable", "crash,recover,delay", ""},
		{"durable", "mutant:number-reused-after-restart", "durable", "crash,recover", "NO-DUPLICATION/restart"},
		{"view-synchronous", "unicast/atomic-view/fifo/view-synchronous", "view-synchronous", "crash,delay", ""},
		{"view-synchronous", "mutant:members-differ", "view-synchronous", "crash", "VIEW-AGREEMENT"},
	} {
		t.Run(x.profile+" "+strings.ReplaceAll(x.stack, "/", " "), func(t *testing.T) {
			t.Parallel()
			c := suites.Certification{Adapter: adapter.Options{Command: adaptertest.StackCommand("/"+x.stack, x.claims, x.tolerates)}, Profile: x.profile,
				Schedules: 32, Parallel: 1, Seed: 1, Whole: true}
			if x.profile == "view-synchronous" { // runs of many seconds
				if c.Schedules = 8; x.breaks != "" {
					c.Schedules = 4
				}
			}
			r, err := c.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := spec.Pass
			if x.breaks != "" {
				want = spec.Fail
			}
			i := slices.IndexFunc(r.Cells[0].Requirements, func(row suites.Row) bool { return row.ID == x.breaks })
			if r.Verdict != want || i >= 0 && r.Cells[0].Requirements[i].Verdict != spec.Fail {
				var text bytes.Buffer
				r.WriteText(&text)
				t.Errorf("verdict %s, want %s %s:\n%s", r.Verdict, want, x.breaks, text.String())
			}
		})
	}
}
