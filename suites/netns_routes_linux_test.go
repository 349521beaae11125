package suites

import (
	"slices"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// sent are the steps in which a node sends to the group, at each of these times in milliseconds.
func sent(node string, at ...string) (steps string) {
	for _, t := range at {
		steps += "at " + t + "ms send " + node + " g 8\n"
	}
	return steps
}

// What routers do wrong about who listens, and about trees, is caught on the kernel by the judge whose requirement it is,
// in a scenario in which correct routers keep it with something at stake. That prunes expire they keep since a packet is
// sent by hand that the kernel had before it knew where to forward it.
func TestRoutersCaughtOutdoors(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	for _, x := range []struct {
		id            spec.ID
		mutant, right string
		steps         string
	}{
		{"IGMP-LEAVE", "no-group-specific-query", "ip:shape=ring/unreliable/unordered/anonymous",
			"nodes 2\ngroup g 1\nseed 1\nnet latency 1ms..1ms\nat 200ms join 0 g\nat 900ms leave 0 g\n" + sent("1", "1400")},
		{"IGMP-AGEING", "membership-never-ages", "ip:shape=line/unreliable/unordered/anonymous",
			"nodes 2\ngroup g 0\nseed 1\nnet latency 1ms..1ms\nat 0s crash-lossy 0\n" + sent("1", "100", "1800")},
		{"PIM-PRUNE", "prune-never-expires", "ip:shape=ring/unreliable/unordered/anonymous",
			"nodes 1\ngroup g\nseed 1\nnet latency 1ms..1ms\n" + sent("0", "760", "1520", "2280", "2660")},
		{"PIM-GRAFT", "graft-forgotten", "ip:shape=ring/unreliable/unordered/anonymous",
			"nodes 2\ngroup g 0 1\nseed 1\nnet latency 1ms..1ms\nat 20ms leave 1 g\nat 300ms join 1 g\n" + sent("0", "0", "500")},
		{"PIM-ASSERT", "no-assert", "ip:shape=ring/unreliable/unordered/anonymous",
			"nodes 3\ngroup g 0\nseed 1\nnet latency 1ms..1ms\n" + sent("2", "0", "100", "200", "300", "400", "500", "600", "700")},
		{"PIM-RP", "rp-kept-after-failure", "ip:pim=sparse/unreliable/unordered/anonymous",
			"nodes 3\ngroup g 0\nseed 1\nnet latency 1ms..1ms\nat 800ms rp-down\n" + sent("2", "0", "1520", "2280")},
	} {
		for _, who := range []struct {
			subject string
			want    spec.Verdict
		}{{"mutant:" + x.mutant, spec.Fail}, {x.right, spec.Pass}} {
			if who.want == spec.Pass && x.id != "PIM-PRUNE" && x.id != "IGMP-AGEING" {
				continue // in runs of the command they are seen to keep it
			}
			t.Run(string(x.id)+" "+who.want.String(), func(t *testing.T) {
				t.Parallel()
				text := "conform.scenario/1\nsubject " + who.subject + "\n" + x.steps
				s, err := faults.Parse(text)
				if err != nil {
					t.Fatal(err)
				}
				for range 3 {
					r, err := ReplayOutdoors(s, nil)
					skipWithout(t, err)
					i := slices.IndexFunc(r.Requirements, func(row Row) bool { return row.ID == x.id })
					if i < 0 {
						t.Fatalf("%s is not judged", x.id)
					}
					row := &r.Requirements[i]
					if row.Witness != nil {
						t.Log(row.Witness.Text)
					}
					if row.Verdict == spec.Inconclusive && row.Reason == "not observed: the header declares no bound" {
						continue // a router was too late
					}
					if row.Verdict != who.want {
						t.Errorf("%v: %s", row.Verdict, row.Reason)
					}
					return
				}
				t.Skip("the machine is too busy for the times of IGMP and PIM")
			})
		}
	}
}

// Hosts between subnets are in several groups that overlap, over either version of IP: each is told apart on every link,
// and what a socket gets is of the groups that its node has joined.
func TestGroupsBetweenSubnetsOutdoors(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	for _, subject := range []string{"ip:shape=ring", "ip:pim=sparse,version=6"} {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			s, err := faults.Parse("conform.scenario/1\nsubject " + subject + "/reliable/fifo/static\nnodes 4\ngroup news 0 1 2\n" +
				"group sport closed 1 2 3\nseed 1\nnet latency 1ms..1ms\nat 0s send 0 news 8\nat 0s send 1 sport 8\nat 200ms send 3 sport 8\n" +
				"at 205ms send 1 news 8\nat 300ms send 1 news 8\nat 700ms send 2 sport 8\nat 900ms send 1 news 8\n")
			if err != nil {
				t.Fatal(err)
			}
			r, err := ReplayOutdoors(s, nil)
			skipWithout(t, err)
			bitten := map[spec.ID]bool{"NIC-FILTER": false, "SOCKET-FILTER": false, "ROUTE-ONE-COPY": false, "FIFO-ORDER": false}
			for _, row := range r.Requirements {
				if row.Claimed && row.Verdict == spec.Fail {
					t.Errorf("%s: %s", row.ID, row.Witness.Text)
				}
				if _, wanted := bitten[row.ID]; wanted && row.Verdict == spec.Pass {
					bitten[row.ID] = true
				}
			}
			for id, bites := range bitten {
				if !bites {
					t.Errorf("%s was not put to the test", id)
				}
			}
		})
	}
}
