package checkers

import (
	"testing"

	"github.com/conform-go/conform/spec"
)

// A source 0 on a, router r0 between a and b, router r1 between b and c, where hosts 1 and 2 are.
const pimLine = "a=0,r0 b=r0,r1 c=1,2,r1 dense"

var pimCases = []wireCase{
	{PIMPrune, pimLine + " PIM-PRUNE=50 ROUTE-REACH=5",
		`@10 data:0@a#1 data:r0@b#1<0^a prune:r1@b<0>r0 @12 data:0@a#2 @40 data:0@a#3 @58 data:0@a#4
		 @62 data:0@a#5 data:r0@b#5<0^a prune:r1@b<0>r0 @100 data:0@a#6 @120 data:0@a#7 data:r0@b#7<0^a`,
		"data:0@a#1 @10 prune:r1@b<0>r0 @12 data:r0@b#2<0^a",
		`@10 data:0@a#1 data:r0@b#1<0^a prune:r1@b<0>r0 @12 data:0@a#2 @40 data:0@a#3 @58 data:0@a#4
		 @62 data:0@a#5 data:r0@b#5<0^a prune:r1@b<0>r0 @100 data:0@a#6 data:r0@b#6<0^a @120 data:0@a#7 data:r0@b#7<0^a`,
		"@10 data:0@a#1 data:r0@b#1<0^a @70 data:0@a#2 data:r0@b#2<0^a", []int{1, 2}, 2},
	{PIMGraft, pimLine + " PIM-GRAFT=3",
		"@1 data:0@a#1 got:2#1 @10 join:1 joined:1 @12 data:0@a#2 @14 data:0@a#3 got:1#3 @16 data:0@a#4",
		"@1 data:0@a#1 @10 join:1 joined:1 got:2#1 @14 data:0@a#3",
		"@1 data:0@a#1 got:2#1 @10 join:1 joined:1 @12 data:0@a#2 got:1#2 @14 data:0@a#3 @16 data:0@a#4 got:1#4",
		"@10 join:1 joined:1 @14 data:0@a#3 got:1#3", []int{0, 2, 4}, 1},
	{PIMAssert, "a=0,r0,r1 b=1,r0,r1 dense PIM-ASSERT=3",
		"@10 data:0@a#1 data:r0@b#1<0^a data:r1@b#1<0^a @12 data:0@a#2 data:r0@b#2<0^a data:r1@b#2<0^a @14 data:0@a#3 data:r1@b#3<0^a",
		"@10 data:r0@b#1<0^a data:r1@b#1<0^a @12 data:r0@b#2<0^a data:r1@b#2<0^a @14 data:r0@b#3<0^a data:r1@b#3<0^a",
		"@10 data:0@a#1 data:r0@b#1<0^a data:r1@b#1<0^a @12 data:0@a#2 data:r0@b#2<0^a data:r1@b#2<0^a @14 data:0@a#3 data:r0@b#3<0^a data:r1@b#3<0^a",
		"@10 data:0@a#1 data:r0@b#1<0^a @14 data:0@a#3 data:r0@b#3<0^a", []int{0, 1, 4, 5}, 1},
	{PIMRP, "a=0,r0 b=r0,r1,r2,r3 c=1,r1 rps=r2,r3 sparse members=1 PIM-RP=3",
		"@5 data:0@a#1 got:1#1 @10 crash:r2 @11 data:0@a#2 @13 data:0@a#3 got:1#3 @14 data:0@a#4 got:1#4",
		"got:1#9 @10 crash:r2 @13 data:0@a#3",
		"@5 data:0@a#1 got:1#1 @10 crash:r2 @11 data:0@a#2 @13 data:0@a#3 got:1#3 @14 data:0@a#4",
		"@5 data:0@a#1 got:1#1 @10 crash:r2 @11 data:0@a#2", []int{1, 2}, 2},
}

func TestPIM(t *testing.T) { testWireCases(t, pimCases) }

func TestPIMPruneDistinctions(t *testing.T) {
	testWireChecks(t, PIMPrune, pimLine+" PIM-PRUNE=50 ROUTE-REACH=5 data:0@a#1", []wireCheck{
		{"sparse mode", "@1 data:0@a#1", spec.Inconclusive},
		{"on its way", "@10 prune:r1@b<0>r0 @10.5 data:r0@b#2<0^a", spec.Inconclusive},
		{"another source", "@1 data:1@c#9 @10 prune:r1@b<1>r0 @12 data:r0@b#2<0^a", spec.Inconclusive},
		{"another upstream neighbor", "b=r0,r1,r2 @10 prune:r1@b<0>r2 @12 data:r0@b#2<0^a", spec.Inconclusive},
		{"the echo of a prune", "@10 prune:r0@b<0>r0 @12 data:r0@b#2<0^a", spec.Inconclusive},
		{"somebody objects", "b=r0,r1,r2 @10 prune:r1@b<0>r0 @10.6 pjoin:r2@b<0>r0 @12 data:r0@b#2<0^a", spec.Inconclusive},
		{"an objection about another source", "b=r0,r1,r2 @1 data:1@c#9 @10 prune:r1@b<0>r0 @10.6 pjoin:r2@b<1>r0 @12 data:r0@b#2<0^a", spec.Fail},
		{"a graft", "@10 prune:r1@b<0>r0 @11 graft:r1@b<0>r0 @12 data:r0@b#2<0^a", spec.Inconclusive},
		{"a graft elsewhere", "@10 prune:r1@b<0>r0 @11 graft:r1@c<0>r0 @12 data:r0@b#2<0^a", spec.Fail},
		{"a member on the link", "b=2,r0,r1 members=2 @10 prune:r1@b<0>r0 @12 data:r0@b#2<0^a", spec.Inconclusive},
		{"a member on the link that crashed", "b=2,r0,r1 members=2 @1 crash:2 @10 prune:r1@b<0>r0 @12 data:r0@b#2<0^a", spec.Inconclusive},
		{"a member that comes later", "b=2,r0,r1 @10 prune:r1@b<0>r0 @11 join:2 @12 data:r0@b#2<0^a", spec.Inconclusive},
		{"a member that was there a moment ago", "b=2,r0,r1 IGMP-AGEING=9 @5 report:2@b @10 prune:r1@b<0>r0 @12 data:r0@b#2<0^a", spec.Inconclusive},
		{"a member that was there long ago", "b=2,r0,r1 IGMP-AGEING=9 @1 report:2@b @11 prune:r1@b<0>r0 @13 data:r0@b#2<0^a", spec.Fail},
		{"a new router", "@10 prune:r1@b<0>r0 @11 hello:r1@b @12 data:r0@b#2<0^a", spec.Inconclusive},
		{"an old one", "hello:r1@b @10 prune:r1@b<0>r0 @11 hello:r1@b @12 data:r0@b#2<0^a", spec.Fail},
		{"a fault", "@10 prune:r1@b<0>r0 @11 fault:prune-lost heal:prune-lost @12 data:r0@b#2<0^a", spec.Inconclusive},
		{"a fault just before", "@6 fault:loss heal:loss @10 prune:r1@b<0>r0 @12 data:r0@b#2<0^a", spec.Inconclusive},
		{"a router's crash", "@10 prune:r1@b<0>r0 @11 crash:r1 @12 data:r0@b#2<0^a", spec.Inconclusive},
		{"another hold time at least nearly over", "@10 prune:r1@b<0>r0 @56 data:r0@b#2<0^a", spec.Inconclusive},
		{"a refresh", "@10 prune:r1@b<0>r0 @50 refresh:r0@b<0 @80 data:r0@b#2<0^a", spec.Fail},
		{"another prune", "@10 prune:r1@b<0>r0 @50 prune:r1@b<0>r0 @80 data:r0@b#2<0^a", spec.Fail},
	})
	// r0 has forwarded from a to b once; its prune must not hold for ever.
	testWireChecks(t, PIMPrune, pimLine+" PIM-PRUNE=50 ROUTE-REACH=5 data:0@a#1 data:r0@b#1<0^a @10 prune:r1@b<0>r0", []wireCheck{
		{"the prune never expires", "@71 data:0@a#2 @77 data:0@a#3", spec.Fail},
		{"it does", "@71 data:0@a#2 data:r0@b#2<0^a @77 data:0@a#3", spec.Pass},
		{"it does so late", "@71 data:0@a#2 @75 data:r0@b#2<0^a @77 data:0@a#3", spec.Pass},
		{"there was another prune", "@60 prune:r1@b<0>r0 @71 data:0@a#2 @77 data:0@a#3", spec.Pass},
		{"there was a refresh", "@20 refresh:r0@b<0 @81 data:0@a#2 @95 data:0@a#3", spec.Inconclusive},
		{"there was an assert", "@20 assert:r1@b<0 @71 data:0@a#2 @77 data:0@a#3", spec.Inconclusive},
		{"the datagrams had come far enough", "@71 data:0@a#2*1 @77 data:0@a#3*1", spec.Inconclusive},
		{"the datagrams did not come to it", "@71 data:1@c#2 @77 data:1@c#3", spec.Inconclusive},
		{"they have just begun again", "@71 data:0@a#2 @72 data:0@a#3", spec.Inconclusive},
		{"a fault long before, after which it may accept nothing from there", "@10 fault:partition heal:partition @20 prune:r1@b<0>r0 @81 data:0@a#2 @87 data:0@a#3", spec.Inconclusive},
		{"a fault", "@60 fault:boundary @71 data:0@a#2 @77 data:0@a#3", spec.Inconclusive},
		{"its neighbor is down", "@20 crash:r1 @71 data:0@a#2 @77 data:0@a#3", spec.Inconclusive},
	})
	if f := Check(wired("a=0,r0 sparse PIM-PRUNE=5 data:0@a#1"), PIMPrune)[0]; f.Reason != notDense {
		t.Error(f)
	}
}

func TestPIMGraftDistinctions(t *testing.T) {
	testWireChecks(t, PIMGraft, pimLine+" PIM-GRAFT=3 got:2#9", []wireCheck{
		{"the source had not sent yet", "@10 join:1 joined:1 @14 data:0@a#3", spec.Inconclusive},
		{"too early", "@1 data:0@a#1 @10 join:1 joined:1 @12 data:0@a#3", spec.Inconclusive},
		{"another group", "groups=2 @1 data:0@a#1/1 @10 join:1 joined:1 @14 data:0@a#3/1", spec.Inconclusive},
		{"where another listens nothing was pruned", "@1 data:0@a#1 @5 join:2 joined:2 @10 join:1 joined:1 @14 data:0@a#3 got:2#3", spec.Pass},
		{"the source's own link", "@1 data:2@c#1 @10 join:1 joined:1 @14 data:2@c#3", spec.Inconclusive},
		{"it leaves again", "@1 data:0@a#1 @10 join:1 joined:1 @14 data:0@a#3 leave:1 left:1 @20 data:0@a#4", spec.Inconclusive},
		{"it crashes", "@1 data:0@a#1 @10 join:1 joined:1 @14 data:0@a#3 crash:1 @20 data:0@a#4", spec.Inconclusive},
		{"no way", "b=r0 c=1,2,r1 @1 data:0@a#1 @10 join:1 joined:1 @14 data:0@a#3", spec.Inconclusive},
		{"the way is down", "@1 data:0@a#1 @2 crash:r1 @10 join:1 joined:1 @14 data:0@a#3", spec.Inconclusive},
		{"TTL", "@1 data:0@a#1 @10 join:1 joined:1 @14 data:0@a#3*2", spec.Inconclusive},
		{"TTL unknown", "@1 data:0@a#1 @10 join:1 joined:1 @14 data:0@a#3*0", spec.Inconclusive},
		{"a fault", "@1 data:0@a#1 @10 join:1 joined:1 fault:loss heal:loss @14 data:0@a#3", spec.Inconclusive},
		{"a fault while it travels", "@1 data:0@a#1 @10 join:1 joined:1 @14 data:0@a#3 @15 fault:loss heal:loss", spec.Inconclusive},
		{"not settled, and the record ends", "unsettled @1 data:0@a#1 @10 join:1 joined:1 @14 data:0@a#3", spec.Inconclusive},
		{"not settled, and the bound has passed", "unsettled @1 data:0@a#1 @10 join:1 joined:1 @14 data:0@a#3 @18 data:0@a#4", spec.Fail},
		{"later ones are not its concern", "@1 data:0@a#1 @10 join:1 joined:1 @14 data:0@a#3 got:1#3 @20 data:0@a#4", spec.Pass},
	})
	if f := Check(wired(pimLine+" PIM-GRAFT=3 @1 data:0@a#1 @10 join:1 joined:1 @14 data:0@a#3"), PIMGraft)[0]; f.Reason != noReceive {
		t.Error(f)
	}
}

func TestPIMAssertDistinctions(t *testing.T) {
	testWireChecks(t, PIMAssert, "a=0,r0,r1 b=1,r0,r1 c=2,r1 dense groups=2 PIM-ASSERT=3", []wireCheck{
		{"at the start", "data:r0@b#1<0^a data:r1@b#1<0^a @2 data:r0@b#2<0^a data:r1@b#2<0^a @4 data:r0@b#3<0^a data:r1@b#3<0^a", spec.Inconclusive},
		{"the state expires and the election is held again", "@10 data:r0@b#1<0^a data:r1@b#1<0^a @12 data:r0@b#2<0^a @14 data:r0@b#3<0^a data:r1@b#3<0^a", spec.Pass},
		{"datagrams far apart", "@10 data:r0@b#1<0^a data:r1@b#1<0^a @20 data:r0@b#2<0^a data:r1@b#2<0^a @30 data:r0@b#3<0^a data:r1@b#3<0^a", spec.Inconclusive},
		{"one that crossed elsewhere between", "@10 data:r0@b#1<0^a data:r1@b#1<0^a @11 data:0@a#7 @12 data:r0@b#2<0^a data:r1@b#2<0^a @14 data:r0@b#3<0^a data:r1@b#3<0^a", spec.Inconclusive},
		{"two links", "@10 data:r0@b#1<0^a data:r1@c#1<0^a @12 data:r0@b#2<0^a data:r1@c#2<0^a @14 data:r0@b#3<0^a data:r1@c#3<0^a", spec.Inconclusive},
		{"one router twice", "@10 data:r0@b#1<0^a data:r0@b#1<0^a @12 data:r0@b#2<0^a data:r0@b#2<0^a @14 data:r0@b#3<0^a data:r0@b#3<0^a", spec.Inconclusive},
		{"copies that the network made", "@10 data:r0@b#1<0^a data:r1@b#1<0^a! @12 data:r0@b#2<0^a data:r1@b#2<0^a! @14 data:r0@b#3<0^a data:r1@b#3<0^a!", spec.Inconclusive},
		{"another group in between", "@10 data:r0@b#1<0^a data:r1@b#1<0^a @12 data:r0@b#2<0^a data:r1@b#2<0^a @13 data:r0@b#4<0^a/1 @14 data:r0@b#3<0^a data:r1@b#3<0^a", spec.Fail},
		{"a fault", "@10 data:r0@b#1<0^a data:r1@b#1<0^a @11 fault:loss heal:loss @12 data:r0@b#2<0^a data:r1@b#2<0^a @14 data:r0@b#3<0^a data:r1@b#3<0^a", spec.Inconclusive},
		{"one forwarder after asserts", "@10 assert:r0@b<0 @14 data:r0@b#2<0^a", spec.Pass},
	})
}

func TestPIMRPDistinctions(t *testing.T) {
	testWireChecks(t, PIMRP, "a=0,r0 b=r0,r1,r2,r3 c=1,r1 rps=r2,r3 sparse members=1 PIM-RP=3 got:1#9", []wireCheck{
		{"the harness says that it stopped it", "@10 fault:rp-down crash:r2 @13 data:0@a#3", spec.Fail},
		{"and mends it", "@10 fault:rp-down crash:r2 @13 data:0@a#3 @15 heal:rp-down recover:r2", spec.Inconclusive},
		{"no rendezvous point is left", "@1 crash:r3 @10 crash:r2 @13 data:0@a#3", spec.Inconclusive},
		{"another router is down", "@1 crash:r1 @10 crash:r2 @13 data:0@a#3", spec.Inconclusive},
		{"another router crashes too", "@10 crash:r2 @11 crash:r0 recover:r0 @14 data:0@a#3", spec.Inconclusive},
		{"a member that has just joined", "members=0 @10 crash:r2 @11 join:1 joined:1 @13 data:0@a#3", spec.Inconclusive},
		{"a member that joined before", "members=0 @5 join:1 joined:1 @10 crash:r2 @13 data:0@a#3", spec.Fail},
		{"a member that left", "@10 crash:r2 @13 data:0@a#3 leave:1 left:1", spec.Inconclusive},
		{"a member that crashed", "@10 crash:r2 @13 data:0@a#3 crash:1", spec.Inconclusive},
		{"a member that may have forgotten", "@1 crash:1 @2 recover:1 @10 crash:r2 @13 data:0@a#3", spec.Inconclusive},
		{"a router that is no rendezvous point", "@10 crash:r1 @13 data:0@a#3", spec.Inconclusive},
		{"the source's own link", "a=0,1,r0 c=r1 @10 crash:r2 @13 data:0@a#3", spec.Inconclusive},
		{"TTL", "@10 crash:r2 @13 data:0@a#3*4", spec.Inconclusive},
		{"just after the start", "@2 crash:r2 @13 data:0@a#3", spec.Inconclusive},
		{"a fault", "@10 crash:r2 @11 fault:loss heal:loss @14 data:0@a#3", spec.Inconclusive},
		{"not settled", "unsettled @10 crash:r2 @13 data:0@a#3", spec.Inconclusive},
	})
	if f := Check(wired("a=0,r0 sparse PIM-RP=5 data:0@a#1"), PIMRP)[0]; f.Verdict != spec.Inconclusive {
		t.Error(f)
	}
}
