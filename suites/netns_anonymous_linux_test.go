package suites

import (
	"slices"
	"strings"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// Who wants to hear joins at its kernel, and nobody is told: who leaves hears nothing any more, and who joins hears what
// comes then, through routers as well. Where two of these forward to one link the judges of routes see it, now that such
// stacks are played on the kernel.
func TestAnonymousOutdoors(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	text := "conform.scenario/1\nsubject %s\nnodes 4\ngroup g 0 2 3\nseed 1\nnet latency 1ms..1ms\nat 0s send 2 g 8\n" +
		"at 60ms leave 3 g\nat 80ms join 1 g\nat 300ms send 2 g 8\nat 600ms send 2 g 8\nat 850ms send 2 g 8\n"
	for _, x := range []struct {
		subject string
		want    spec.Verdict
		routes  []string // of what is judged of routes, what is so
	}{{"ip:subnets=3/unreliable/unordered/anonymous", spec.Pass, []string{"ROUTE-REACH"}},
		{"ip/unreliable/unordered/anonymous", spec.Pass, nil},
		{"mutant:no-assert", spec.Fail, []string{"ROUTE-NO-DUPLICATE", "ROUTE-ONE-COPY"}}} {
		t.Run(strings.ReplaceAll(x.subject, "/", " "), func(t *testing.T) {
			t.Parallel()
			s, err := faults.Parse(strings.Replace(text, "%s", x.subject, 1))
			if err != nil {
				t.Fatal(err)
			}
			r, err := ReplayOutdoors(s, nil)
			skipWithout(t, err)
			var found []string
			for _, row := range r.Requirements {
				if row.Claimed && row.Verdict == x.want && strings.HasPrefix(string(row.ID), "ROUTE-") {
					found = append(found, string(row.ID))
				}
			}
			for _, id := range x.routes {
				if !slices.Contains(found, id) {
					t.Errorf("%v: %v, want %s", x.want, found, id)
				}
			}
			if x.want == spec.Pass && r.Verdict == spec.Fail {
				t.Errorf("%v: %+v", r.Verdict, r.Requirements)
			}
			heard := make([][]string, 4)
			for k := range r.History.Events {
				if e := &r.History.Events[k]; e.Kind == spec.Deliver && !slices.Contains(heard[e.Node], e.Msg.String()) {
					heard[e.Node] = append(heard[e.Node], e.Msg.String()) // two routers may both forward the first one, until one gives way
				}
			}
			if left, came := heard[3], heard[1]; !slices.Equal(left, []string{"2/0/1"}) || !slices.Equal(came, []string{"2/0/2", "2/0/3", "2/0/4"}) {
				t.Errorf("who has left has delivered %v, and who has joined %v", left, came)
			}
		})
	}
}
