package suites_test

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/impl/adapter/adaptertest"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// TestDeliveriesInViews: what a program tells its application of the view of a delivery is judged by the views that it
// installed, and by what others tell theirs.
func TestDeliveriesInViews(t *testing.T) {
	for _, c := range []struct {
		mode string
		want spec.Verdict
		says []string
	}{
		{"names-views", spec.Pass, nil},
		{"misnames", spec.Fail, []string{`with "view":"2", but process `, " installed view 1 at "}},
		{"names-apart", spec.Fail, []string{`with "view":"1"`, `with "view":"2"`}},
	} {
		r, err := suites.Certification{Adapter: adapter.Options{Command: adaptertest.Command(c.mode, "token-views")}, Seed: 1, Schedules: 10, Parallel: 1}.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != c.want {
			t.Errorf("%s: %v %s, want %v", c.mode, r.Verdict, r.Error, c.want)
		}
		for i := range r.Cells[0].Requirements {
			row := &r.Cells[0].Requirements[i]
			if row.ID != "SAME-VIEW-DELIVERY" || c.want == spec.Pass {
				continue
			}
			if row.Verdict != spec.Fail || row.Witness == nil {
				t.Fatalf("%s: %+v", c.mode, row)
			}
			for _, want := range c.says {
				if !strings.Contains(row.Witness.Text, want) {
					t.Errorf("%s: %q does not say %q", c.mode, row.Witness.Text, want)
				}
			}
		}
	}
}
