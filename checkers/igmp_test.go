package checkers

import (
	"slices"
	"testing"

	"github.com/conform-go/conform/spec"
)

// wireCase is a requirement with a history that passes, the smallest that fails, and the first one changed in one place
// so that it fails. not is a history that does not test it.
type wireCase struct {
	id                                   spec.ID
	header, pass, smallest, mutated, not string
	events                               []int // the witness of smallest
	n                                    int   // what pass tests
}

var igmpCases = []wireCase{
	{IGMPJoin, "a=0,1,r0 members=1 IGMP-JOIN=10",
		"@20 query:r0@a join:0 report:0@a joined:0 @25 report:0@a @40 query:r0@a",
		"query:r0@a @20 join:0 joined:0 @40 query:r0@a",
		"@20 query:r0@a join:0 report:0@a joined:0 @40 report:0@a",
		"@20 query:r0@a", []int{1, 2}, 1},
	{IGMPLeave, "a=0,r0 members=0 IGMP-LEAVE=2",
		"query:r0@a @6 report:0@a @10 leave:0 done:0@a left:0 query:r0@a/0 @20 query:r0@a",
		"@6 report:0@a @10 leave:0 left:0 @20 query:r0@a",
		"query:r0@a @6 report:0@a @10 leave:0 done:0@a left:0 @20 query:r0@a",
		"query:r0@a @6 report:0@a @20 query:r0@a", []int{1, 2}, 1},
	{IGMPSuppression, "a=0,1,r0 members=0,1 IGMP-SUPPRESSION=10",
		"@20 query:r0@a heardq:0 heardq:1 @25 report:1@a heardr:0<1 @60 query:r0@a",
		"@20 heardq:0 @25 heardr:0<1 @26 report:0@a",
		"@20 query:r0@a heardq:0 heardq:1 @25 report:1@a heardr:0<1 @29 report:0@a @60 query:r0@a",
		"@20 query:r0@a @60 query:r0@a", []int{0, 1, 2}, 2},
	{IGMPAgeing, "a=0,r0 b=1,r0 members=1 IGMP-AGEING=20",
		"@10 report:1@b @11 data:0@a#1 data:r0@b#1<0^a @12 crash:1 @13 data:0@a#2 data:r0@b#2<0^a @40 data:0@a#3",
		"@10 report:1@b crash:1 @40 data:r0@b#3<0^a",
		"@10 report:1@b @11 data:0@a#1 data:r0@b#1<0^a @12 crash:1 @13 data:0@a#2 data:r0@b#2<0^a @40 data:0@a#3 data:r0@b#3<0^a",
		"@10 report:1@b @11 data:0@a#1 data:r0@b#1<0^a @40 data:0@a#3 data:r0@b#3<0^a", []int{0, 2}, 1},
	{IGMPQuerier, "a=0,r0,r1 IGMP-QUERIER=25 IGMP-QUERIER-INTERVAL=12",
		"query:r0@a query:r1@a @30 query:r0@a @42 query:r0@a @54 query:r0@a crash:r0 @80 query:r1@a @95 query:r1@a",
		"@60 query:r1@a",
		"query:r0@a query:r1@a @30 query:r0@a @42 query:r0@a @54 query:r0@a query:r1@a",
		"query:r0@a query:r1@a", []int{0}, 5},
}

// testWireCases checks the table, with what every requirement of a network needs.
func testWireCases(t *testing.T, cases []wireCase) {
	for _, c := range cases {
		want := func(what, text string, v spec.Verdict) spec.Finding {
			t.Helper()
			f := Check(wired(text), c.id)[0]
			if f.Verdict != v || f.ID != c.id || f.Verdict == spec.Inconclusive && f.Reason == "" {
				t.Errorf("%s, %s: %+v, want %v", c.id, what, f, v)
			}
			return f
		}
		if f := want("the passing one", c.header+" "+c.pass, spec.Pass); f.Antecedents != c.n {
			t.Errorf("%s: tested %d, want %d", c.id, f.Antecedents, c.n)
		}
		want("the vacuous one", c.header+" "+c.not, spec.Inconclusive)
		want("nothing at all", c.header, spec.Inconclusive)
		for _, text := range []string{c.smallest, c.mutated} {
			f := want(text, c.header+" "+text, spec.Fail)
			if f.Witness == nil || f.Antecedents == 0 {
				t.Errorf("%s: %+v", c.id, f)
				continue
			}
			t.Logf("%-16s %v %s", c.id, f.Witness.Events, f.Witness.Text)
			if text == c.smallest && !slices.Equal(f.Witness.Events, c.events) {
				t.Errorf("%s: witness %v, want %v", c.id, f.Witness.Events, c.events)
			}
		}
		h := wired(c.header + " " + c.mutated)
		for what, reason := range map[string]struct {
			change func(*spec.History)
			reason string
		}{
			"no topology": {func(h *spec.History) { h.Topology = nil }, noTopology},
			"no bound":    {func(h *spec.History) { h.Bounds = nil }, noBound},
		} {
			x := *h
			reason.change(&x)
			if f := Check(&x, c.id)[0]; f.Verdict != spec.Inconclusive || f.Reason != reason.reason {
				t.Errorf("%s, %s: %+v", c.id, what, f)
			}
		}
		slices.Reverse(h.Events)
		if f := Check(h, c.id)[0]; f.Verdict == spec.Fail {
			t.Errorf("%s, backward: %+v %s", c.id, f, f.Witness.Text)
		}
	}
}

func TestIGMP(t *testing.T) { testWireCases(t, igmpCases) }

// wireCheck is one distinction that a checker has to make.
type wireCheck struct {
	name, text string
	want       spec.Verdict
}

func testWireChecks(t *testing.T, id spec.ID, header string, checks []wireCheck) {
	t.Helper()
	for _, c := range checks {
		if f := Check(wired(header+" "+c.text), id)[0]; f.Verdict != c.want {
			t.Errorf("%s, %s: %+v, want %v", id, c.name, f, c.want)
			if f.Witness != nil {
				t.Log(f.Witness.Text)
			}
		}
	}
}

func TestIGMPJoinDistinctions(t *testing.T) {
	testWireChecks(t, IGMPJoin, "a=0,1,r0 b=2,r0 members=1 IGMP-JOIN=10", []wireCheck{
		{"another's report stands for the repeat", "@20 join:0 report:0@a joined:0 @25 report:1@a @40 query:r0@a", spec.Pass},
		{"another's that was on its way too", "@19.9 report:1@a @20 join:0 report:0@a joined:0 @40 query:r0@a", spec.Pass},
		{"but not one that had come before", "@18 report:1@a @20 join:0 report:0@a joined:0 @40 query:r0@a", spec.Fail},
		{"but not on another link", "@20 join:0 report:0@a joined:0 @25 report:2@b @40 query:r0@a", spec.Fail},
		{"nor for another group", "groups=2 @20 join:0 report:0@a joined:0 @25 report:0@a/1 @40 query:r0@a", spec.Fail},
		{"one that names no group counts for all", "@20 join:0 report:0@a joined:0 @25 report:0@a/- @40 query:r0@a", spec.Pass},
		{"nor in version 3", "igmp=3 @20 join:0 report:0@a joined:0 @25 report:1@a @40 query:r0@a", spec.Fail},
		{"version 3", "igmp=3 @20 join:0 report:0@a joined:0 @21 report:0@a @40 query:r0@a", spec.Pass},
		{"version 1 asks for one", "igmp=1 @20 join:0 report:0@a joined:0 @40 query:r0@a", spec.Pass},
		{"version 1 asks for one indeed", "igmp=1 query:r0@a @20 join:0 joined:0 @40 query:r0@a", spec.Fail},
		{"a copy that the network made is no repeat", "@20 join:0 report:0@a report:0@a! joined:0 @40 query:r0@a", spec.Fail},
		{"too late is not at all", "@20 join:0 report:0@a joined:0 @31 report:0@a @40 query:r0@a", spec.Fail},
		{"the return may be late", "@20 join:0 report:0@a @25 joined:0 @34 report:0@a @40 query:r0@a", spec.Pass},
		{"a second local process is silent", "@20 join:1 joined:1 @40 query:r0@a", spec.Inconclusive},
		{"a member from the start", "@40 query:r0@a", spec.Inconclusive},
		{"who leaves again", "@20 join:0 report:0@a joined:0 @22 leave:0 left:0 @40 query:r0@a", spec.Inconclusive},
		{"who crashes", "@20 join:0 report:0@a joined:0 @22 crash:0 @40 query:r0@a", spec.Inconclusive},
		{"who has just come back", "@15 crash:0 recover:0 @20 join:0 joined:0 @40 query:r0@a", spec.Inconclusive},
		{"who stands still", "@20 join:0 joined:0 pause:0 @29 resume:0 @40 query:r0@a", spec.Inconclusive},
		{"a fault", "@19 fault:loss @21 heal:loss join:0 report:0@a joined:0 @40 query:r0@a", spec.Inconclusive},
		{"a fault that is never healed", "@1 fault:loss @20 join:0 report:0@a joined:0 @40 query:r0@a", spec.Inconclusive},
		{"a fault long ago", "@1 fault:loss @5 heal:loss @20 join:0 report:0@a joined:0 @40 query:r0@a", spec.Fail},
		{"a router's crash", "@25 crash:r0 @20 join:0 report:0@a joined:0 @40 query:r0@a", spec.Inconclusive},
		{"just after the start", "@9 join:0 report:0@a joined:0 @40 query:r0@a", spec.Inconclusive},
		{"the record ends", "@20 join:0 report:0@a joined:0 @29 query:r0@a", spec.Inconclusive},
		{"no frames of IGMP at all", "@20 join:0 joined:0 @40 data:0@a#1", spec.Inconclusive},
		{"behind a switch", "a=0,s0 c=1,r0,s0 @20 join:0 report:0@a report:s0@c joined:0 @25 report:1@c @40 query:r0@c", spec.Pass},
		{"what a switch copies is no repeat", "a=0,s0 c=1,r0,s0 @20 join:0 report:0@a report:s0@c joined:0 @40 query:r0@c", spec.Fail},
	})
}

func TestIGMPLeaveDistinctions(t *testing.T) {
	header := "a=0,1,r0 members=0 IGMP-LEAVE=2"
	testWireChecks(t, IGMPLeave, header, []wireCheck{
		{"another was the last to report", "@6 report:0@a @7 report:1@a @10 leave:0 left:0 @20 query:r0@a", spec.Inconclusive},
		{"which does not matter in version 3", "igmp=3 @6 report:0@a @7 report:1@a @10 leave:0 left:0 @20 query:r0@a", spec.Fail},
		{"version 3 says so by a report", "igmp=3 @5 query:r0@a @6 report:0@a @10 leave:0 report:0@a left:0 query:r0@a/0 @20 query:r0@a", spec.Pass},
		{"version 1 says nothing", "igmp=1 @6 report:0@a @10 leave:0 left:0 @20 query:r0@a", spec.Inconclusive},
		{"it has crashed since it reported", "@6 report:0@a crash:0 @7 recover:0 @10 leave:0 left:0 @20 query:r0@a", spec.Inconclusive},
		{"there is another member", "@4 join:1 joined:1 @6 report:0@a @10 leave:0 left:0 @20 query:r0@a", spec.Inconclusive},
		{"it joins again", "@6 report:0@a @10 leave:0 left:0 @11 join:0 joined:0 @20 query:r0@a", spec.Inconclusive},
		{"one of two local processes", "@4 join:0 joined:0 @6 report:0@a @10 leave:0 left:0 @20 query:r0@a", spec.Inconclusive},
		{"and then the other one", "@4 join:0 joined:0 @6 report:0@a @10 leave:0 left:0 @20 leave:0 left:0 @30 query:r0@a", spec.Inconclusive},
		{"a report without a group is for all", "@6 report:0@a @10 leave:0 done:0@a/- left:0 @20 query:r0@a", spec.Pass},
		{"nobody was the querier", "@6 report:0@a @10 leave:0 done:0@a left:0 @20 query:r0@a", spec.Pass},
		{"the querier has not heard the report", "@1 query:r0@a @4 fault:loss @5 report:0@a @6 heal:loss @10 leave:0 done:0@a left:0 @20 query:r0@a", spec.Pass},
		{"the membership has aged", "IGMP-AGEING=8 query:r0@a @6 report:0@a @16 leave:0 done:0@a left:0 @30 query:r0@a", spec.Pass},
		{"it asks about another group", "groups=2 query:r0@a @6 report:0@a @10 leave:0 done:0@a left:0 query:r0@a/1 @20 query:r0@a", spec.Fail},
		{"it asked a moment ago", "query:r0@a @6 report:0@a @9 query:r0@a/0 @10 leave:0 done:0@a left:0 @20 query:r0@a", spec.Pass},
		{"a fault", "@6 report:0@a @9 fault:loss heal:loss @10 leave:0 left:0 @20 query:r0@a", spec.Inconclusive},
		{"the record ends", "@6 report:0@a @10 leave:0 left:0 @11 query:r0@a", spec.Inconclusive},
		{"the router is down", "query:r0@a @6 report:0@a @7 crash:r0 @10 leave:0 done:0@a left:0 @20 report:1@a", spec.Pass},
	})
}

func TestIGMPSuppressionDistinctions(t *testing.T) {
	testWireChecks(t, IGMPSuppression, "a=0,1,2,r0 members=0,1 IGMP-SUPPRESSION=10 IGMP-JOIN=10", []wireCheck{
		{"version 3 does not suppress", "igmp=3 @20 heardq:0 @25 heardr:0<1 @26 report:0@a", spec.Inconclusive},
		{"the next query ends it", "@20 heardq:0 @25 heardr:0<1 @26 heardq:0 @27 report:0@a", spec.Pass},
		{"a query for the group too", "@20 heardq:0 @25 heardr:0<1 @26 heardq:0/0 @27 report:0@a", spec.Pass},
		{"one for another group does not", "groups=2 @20 heardq:0 @25 heardr:0<1 @26 heardq:0/1 @27 report:0@a", spec.Fail},
		{"nor does a join of another host", "@20 heardq:0 @25 heardr:0<1 @26 join:2 @27 report:0@a", spec.Fail},
		{"a join ends it", "@20 heardq:0 @25 heardr:0<1 @26 leave:0 left:0 join:0 report:0@a", spec.Pass},
		{"repeats of a join may go on", "@12 join:2 joined:2 @13 heardq:2 @14 heardr:2<1 @15 report:2@a @60 heardr:0<1", spec.Pass},
		{"but not for ever", "@12 join:2 joined:2 @13 heardq:2 @14 heardr:2<1 @30 report:2@a", spec.Fail},
		{"its own report is none of another", "@20 heardq:0 @25 report:0@a heardr:0<0 @26 report:0@a", spec.Inconclusive},
		{"a report of another group silences nobody", "groups=2 @20 heardq:0 @25 heardr:0<1/1 @26 report:0@a", spec.Pass},
		{"at the same moment", "@20 heardq:0 @25 heardr:0<1 report:0@a", spec.Pass},
		{"it was silenced across groups", "groups=2 @20 query:r0@a heardq:0 @22 report:1@a/1 heardr:0<1/1 @40 query:r0@a", spec.Fail},
		{"both groups are reported", "groups=2 @20 query:r0@a heardq:0 @22 report:1@a/1 heardr:0<1/1 @25 report:0@a @40 query:r0@a", spec.Pass},
		{"nobody there heard the query", "@20 query:r0@a @40 query:r0@a", spec.Inconclusive},
		{"a member that crashed", "@20 query:r0@a heardq:0 crash:0 @40 query:r0@a", spec.Inconclusive},
		{"a member that may have forgotten", "@1 crash:0 @2 recover:0 @20 query:r0@a heardq:0 @40 query:r0@a", spec.Inconclusive},
		{"a member that left", "@20 query:r0@a heardq:0 @21 leave:0 left:0 @40 query:r0@a", spec.Inconclusive},
		{"a query for another group", "groups=2 @20 query:r0@a/1 heardq:0/1 @40 query:r0@a", spec.Inconclusive},
		{"a fault", "@20 query:r0@a heardq:0 fault:loss @21 heal:loss @60 query:r0@a", spec.Inconclusive},
		{"the record ends", "@20 query:r0@a heardq:0 @30 query:r0@a", spec.Inconclusive},
		{"a stranger's query", "@20 query:2@a heardq:0 @60 query:r0@a", spec.Inconclusive},
	})
}

func TestIGMPAgeingDistinctions(t *testing.T) {
	testWireChecks(t, IGMPAgeing, "a=0,r0 b=1,2,r0 members=1 IGMP-AGEING=20", []wireCheck{
		{"members from the start that nobody reported", "query:r0@b crash:1 @30 data:r0@b#3<0^a", spec.Fail},
		{"nobody ever was there", "members=0 query:r0@b @30 data:0@a#3 data:r0@b#3<0^a", spec.Inconclusive},
		{"there is another member", "@5 join:2 joined:2 @10 report:1@b crash:1 @40 data:r0@b#3<0^a", spec.Inconclusive},
		{"somebody else reports", "@10 report:1@b crash:1 @35 report:2@b @40 data:r0@b#3<0^a", spec.Inconclusive},
		{"a stranger listens", "b=1,x,r0 @10 report:1@b crash:1 @35 report:x@b @40 data:r0@b#3<0^a", spec.Inconclusive},
		{"it came back", "@10 report:1@b crash:1 @12 recover:1 @40 data:r0@b#3<0^a", spec.Inconclusive},
		{"it left without a word", "@10 report:1@b @12 leave:1 left:1 @40 data:r0@b#3<0^a", spec.Fail},
		{"another router is there", "b=1,2,r0,r1 @10 report:1@b crash:1 @40 data:r0@b#3<0^a", spec.Inconclusive},
		{"a host of the link sends", "@10 report:1@b crash:1 @40 data:2@b#3", spec.Inconclusive},
		{"the router has just come back", "@10 report:1@b crash:1 @35 crash:r0 recover:r0 @40 data:r0@b#3<0^a", spec.Inconclusive},
		{"a fault may have delayed the report", "@10 report:1@b crash:1 fault:delay @35 heal:delay @40 data:r0@b#3<0^a", spec.Inconclusive},
		{"no frames of IGMP at all", "@10 crash:1 @40 data:r0@b#3<0^a", spec.Inconclusive},
	})
}

func TestIGMPQuerierDistinctions(t *testing.T) {
	header := "a=0,r0,r1,r2 b=1,r2 IGMP-QUERIER=25 IGMP-QUERIER-INTERVAL=12"
	testWireChecks(t, IGMPQuerier, header, []wireCheck{
		{"a link with one router", "@60 query:r2@b", spec.Inconclusive},
		{"at the start everybody asks", "query:r0@a query:r1@a @10 query:r1@a", spec.Inconclusive},
		{"the lowest is down", "@1 crash:r0 @60 query:r1@a", spec.Pass},
		{"the next one of two", "@1 crash:r0 @60 query:r2@a", spec.Fail},
		{"it has just come back", "@1 crash:r0 @60 recover:r0 query:r1@a", spec.Inconclusive},
		{"it came back long ago", "@1 crash:r0 @60 recover:r0 @90 query:r1@a", spec.Fail},
		{"it stands still", "@1 pause:r0 @60 query:r1@a", spec.Inconclusive},
		{"partition", "@1 fault:partition @60 query:r0@a query:r1@a", spec.Inconclusive},
		{"queries for a group do not count", "@60 query:r1@a/0", spec.Inconclusive},
		{"nobody takes over", "@29 query:r0@a @30 crash:r0 @60 report:0@a @80 report:0@a", spec.Fail},
		{"nobody takes over where no interval is declared", "IGMP-QUERIER-INTERVAL=0 @29 query:r0@a @30 crash:r0 @80 report:0@a", spec.Pass},
		{"the record ends", "@29 query:r0@a @30 crash:r0 @66 report:0@a", spec.Pass},
		{"another crashes too", "@29 query:r0@a @30 crash:r0 @60 crash:r1 @80 report:0@a", spec.Pass},
		{"the harness says that it stopped it", "@29 query:r0@a @30 fault:router-down crash:r0 @80 report:0@a", spec.Fail},
		{"the harness broke something else", "@29 query:r0@a @30 fault:loss crash:r0 @80 report:0@a", spec.Pass},
		{"it comes back", "@29 query:r0@a @30 crash:r0 @50 recover:r0 @80 report:0@a", spec.Pass},
		{"it was not the querier", "@1 crash:r0 @60 query:r1@a crash:r2 @99 query:r1@a", spec.Pass},
		{"a switch parts the link", "a=0,r0,s0 c=r1,s0 @1 crash:s0 @60 query:r0@a query:r1@c", spec.Inconclusive},
	})
}
