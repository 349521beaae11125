package checkers

import (
	"testing"

	"github.com/conform-go/conform/spec"
)

// Hosts of several versions on one link: each is judged by what it speaks, and so by what it can hear.
func TestIGMPVersionsMixed(t *testing.T) {
	testWireChecks(t, IGMPJoin, "a=0,1,r0 igmp=3 members=1 IGMP-JOIN=10", []wireCheck{
		{"version 1 reports once", "versions=1,3,0 @20 join:0 report:0@a joined:0 @40 query:r0@a", spec.Pass},
		{"or never", "versions=1,3,0 @20 join:0 joined:0 @40 query:r0@a", spec.Fail},
		{"version 2 twice", "versions=2,3,0 @20 join:0 report:0@a joined:0 @40 query:r0@a", spec.Fail},
		{"an older report stands for the repeat", "versions=2,1,0 @20 join:0 report:0@a joined:0 @25 report:1@a @40 query:r0@a", spec.Pass},
		{"a newer one does not", "versions=2,3,0 @20 join:0 report:0@a joined:0 @25 report:1@a @40 query:r0@a", spec.Fail},
		{"nor does any in version 3", "versions=3,1,0 @20 join:0 report:0@a joined:0 @25 report:1@a @40 query:r0@a", spec.Fail},
		{"a host that falls back reports as the router wants", "igmp=1 versions=3,3,0 @20 join:0 report:0@a joined:0 @40 query:r0@a", spec.Pass},
		{"one that has come back does not know yet", "igmp=2 versions=3,3,0 @1 crash:0 @5 recover:0 @20 join:0 report:0@a joined:0 @40 query:r0@a", spec.Inconclusive},
		{"and then it does", "igmp=2 versions=3,3,0 @1 crash:0 @5 recover:0 @6 heardq:0 @20 join:0 report:0@a joined:0 @40 query:r0@a", spec.Fail},
	})
	testWireChecks(t, IGMPLeave, "a=0,1,r0 igmp=3 members=0 IGMP-LEAVE=2", []wireCheck{
		{"version 1 says nothing", "versions=1,3,0 @6 report:0@a @10 leave:0 left:0 @20 query:r0@a", spec.Inconclusive},
		{"version 2 does", "versions=2,3,0 @6 report:0@a @10 leave:0 left:0 @20 query:r0@a", spec.Fail},
		{"unless an older host was the last to report", "versions=2,1,0 @6 report:0@a @7 report:1@a @10 leave:0 left:0 @20 query:r0@a", spec.Inconclusive},
		{"or may have been", "versions=2,1,0 @6 report:1@a @6.5 report:0@a @10 leave:0 left:0 @20 query:r0@a", spec.Fail},
		{"which is so where the two cross", "versions=2,1,0 @6 report:1@a @6.0005 report:0@a @10 leave:0 left:0 @20 query:r0@a", spec.Inconclusive},
		{"a newer one it does not hear", "versions=2,3,0 @6 report:0@a @7 report:1@a @10 leave:0 left:0 @20 query:r0@a", spec.Fail},
		{"version 3 says so by a report", "versions=3,1,0 query:r0@a @6 report:0@a @10 leave:0 report:0@a left:0 query:r0@a/0 @20 query:r0@a", spec.Pass},
		{"and the router asks nobody, for the sake of an older host", "versions=3,1,0 query:r0@a @6 report:1@a report:0@a @10 leave:0 report:0@a left:0 @20 query:r0@a", spec.Fail},
		{"nobody can say so to a router of version 1", "igmp=1 versions=3,2,0 @6 report:0@a @10 leave:0 left:0 @20 query:r0@a", spec.Inconclusive},
	})
	testWireChecks(t, IGMPSuppression, "a=0,1,r0 igmp=3 members=0,1 IGMP-SUPPRESSION=10 IGMP-JOIN=10", []wireCheck{
		{"a report of the own version silences", "versions=2,2,0 @20 heardq:0 @25 heardr:0<1 @26 report:0@a", spec.Fail},
		{"so does an older one", "versions=2,1,0 @20 heardq:0 @25 heardr:0<1 @26 report:0@a", spec.Fail},
		{"a newer one does not", "versions=1,2,0 @20 heardq:0 @25 heardr:0<1 @26 report:0@a", spec.Inconclusive},
		{"nor does any silence version 3", "versions=3,1,0 @20 heardq:0 @25 heardr:0<1 @26 report:0@a", spec.Inconclusive},
		{"who falls back is silenced", "igmp=2 versions=3,3,0 @20 heardq:0 @25 heardr:0<1 @26 report:0@a", spec.Fail},
		{"where all speak version 3 there is nothing to judge", "versions=3,3,0 @20 query:r0@a heardq:0 @40 query:r0@a", spec.Inconclusive},
		{"of all versions somebody has to report", "versions=2,3,0 @20 query:r0@a heardq:1 @40 query:r0@a", spec.Fail},
	})
}
