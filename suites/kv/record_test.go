package kv_test

import (
	"bytes"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
	"github.com/conform-go/conform/suites/kv"
)

// A recorded run is judged as the run was: the calls of the store and of the number server below it, both with answers,
// and the states of the replicas.
func TestRecordedRun(t *testing.T) {
	s, err := faults.Parse(race)
	if err != nil {
		t.Fatal(err)
	}
	run, err := kv.Play{Cell: "unicast/reliable/total-seqserver", Commands: commands}.On(s)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := spec.WriteHistory(&b, &run.History); err != nil {
		t.Fatal(err)
	}
	h, err := spec.ReadHistory(&b)
	if err == nil {
		err = h.Sound()
	}
	if err != nil {
		t.Fatal(err)
	}
	r := suites.CheckHistory(h, []spec.ID{"SEQUENCE-LINEARIZABLE", "STATE-LINEARIZABLE", "REPLICA-CONVERGENCE"})
	for i, want := range []int{3, 3, 6} { // calls of the server, commands, pairs of replicas
		if row := r.Requirements[i]; row.Verdict != spec.Pass || row.Antecedents != want {
			t.Errorf("%s: %s, tested %d times, want %d", row.ID, row.Verdict, row.Antecedents, want)
		}
	}
}
