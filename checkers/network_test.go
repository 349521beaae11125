package checkers

import (
	"slices"
	"strings"
	"testing"

	"github.com/conform-go/conform/spec"
)

// The network of most cases: two LANs with hosts, joined by a router, and a stub.
const twoLANs = "a=0,1,r b=r,2,3 c=r,4 dense bound=10 "

// A square of routers: b and c are two ways from a to d.
const square = "a=0,r1 b=r1,r2 c=r1,r3 d=r2,r3,2,3 dense bound=10 "

// Every requirement: a history that passes, the smallest that fails, and the first one changed in one place so that
// it fails. vacuous is a history that does not test it.
var netCases = []struct {
	id                               spec.ID
	pass, smallest, mutated, vacuous string
	events                           []int // the witness of smallest
}{
	{NICFilter,
		"a=0,1,2 g:0,1 h:0,2 S0.1 D1.0.1 S0.2:h D2.0.2:h",
		"a=0,1 g:0 h:1 S0.1 D1.0.1:h",
		"a=0,1,2 g:0,1 h:0,2 S0.1 D1.0.1 S0.2:h D2.0.2:h D1.0.2",
		"a=0,1 g:0,1 S0.1 D1.0.1", []int{0, 1}},
	{RouteReach,
		twoLANs + "g:0,1,2 @20 7.0>a 7!1 7.r>b<a 7!2",
		"a=0,1 bound=0 g:1 7.0>a",
		twoLANs + "g:0,1,2 @20 7.0>a 7!1 7.r>b<a",
		twoLANs + "g:0,1 @20 7.0>a 7!1", []int{0}},
	{RouteContain,
		twoLANs + "g:0,2 @0 6.0>a @20 7.0>a 7.r>b<a",
		"a=0,r b=r,1 dense bound=0 g: 7.0>a 7.r>b<a",
		twoLANs + "g:0,2 @0 6.0>a @20 7.0>a 7.r>b<a 7.r>c<a",
		"a=0,r b=r,1 dense bound=10 g:1 @0 6.0>a @20 7.0>a 7.r>b<a", []int{0, 1}},
	{RouteNoDuplicate,
		square + "g:2,3 @0 6.0>a @20 7.0>a 7.r1>b<a 7.r2>d<b 7!2 7!3",
		"a=0,1 bound=0 g:1 7.0>a 7!1 7!1",
		square + "g:2,3 @0 6.0>a @20 7.0>a 7.r1>b<a 7.r2>d<b 7!2 7!3 7!2",
		twoLANs + "g:2 @0 6.0>a @20 7.0>a 7.r>b<a 7!2", []int{0, 1, 2}},
	{RouteRPF,
		square + "g:2,3 @0 6.0>a @20 7.0>a 7.r1>b<a 7.r1>c<a 7.r2>d<b",
		"a=0,1 b=r,1 dense bound=0 g: 7.0>a 7.r>b<a",
		square + "g:2,3 @0 6.0>a @20 7.0>a 7.r1>b<a 7.r1>c<a 7.r2>d<b 7.r3>c<d",
		twoLANs + "g:2 @0 6.0>a @20 7.0>a 7.r>b<a", []int{0, 1}},
	{RouteOneCopy,
		twoLANs + "g:2,3 @0 6.0>a @20 7.0>a 7.r>b<a",
		"a=0,1 bound=0 g: 7.0>a 7.0>a",
		twoLANs + "g:2,3 @0 6.0>a @20 7.0>a 7.r>b<a 7.r>b<a",
		twoLANs + "g:2 @0 6.0>a @20 7.0>a 7.r>b<a", []int{0, 1}},
	{SocketFilter,
		"a=0,1,2 g:1 h:2 7.0>a 7!1 8.0>a:h 8!2:h",
		"a=0 g: 7!0",
		"a=0,1,2 g:1 h:2 7.0>a 7!1 8.0>a:h 8!2:h 8!1:h",
		"a=0,1,2 g:1,2 7.0>a 7!1", []int{0}},
	{TTLScope,
		twoLANs + "g:2 7.0>at1 8.0>at2 8.r>b<a",
		"a=0,r b=r,1 g: 7.0>at1 7.r>b<a",
		twoLANs + "g:2 7.0>at1 8.0>at2 8.r>b<at2",
		twoLANs + "g:2 8.0>at2 8.r>b<a", []int{0, 1}},
	{AnycastOne,
		"a=0,1,2 metrics=0,1,2;1,0,1;2,1,0 g:1,2 S0.1 D1.0.1 S0.2 D2.0.2 D2.0.2",
		"a=0 metrics=0 g:0 S0.1",
		"a=0,1,2 metrics=0,1,2;1,0,1;2,1,0 g:1,2 S0.1 D1.0.1 S0.2 D2.0.2 D1.0.2",
		"a=0,1 metrics=0,1;1,0 g:1 S0.1 D1.0.1", []int{0}},
	{AnycastNearest,
		"a=0,1,2 bound=10 metrics=0,1,2;1,0,1;2,1,0 g:1,2 @20 S0.1 D1.0.1",
		"a=0,1,2 bound=0 metrics=0,1,2;1,0,1;2,1,0 g:1,2 S0.1 D2.0.1",
		"a=0,1,2 bound=10 metrics=0,1,2;1,0,1;2,1,0 g:1,2 @20 S0.1 D1.0.1 S2.1 D1.2.1",
		"a=0,1,2 bound=10 metrics=0,1,1;1,0,1;1,1,0 g:1,2 @20 S0.1 D2.0.1", []int{0, 1}},
	{CostPackets,
		"a=0,1,s b=s,2 cost=2 g:1,2 S0.1 7.0>a 7.s>b 7.1>au S0.2 8.0>a",
		"a=0,1 cost=0 g:1 S0.1 7.0>a",
		"a=0,1,s b=s,2 cost=2 g:1,2 S0.1 7.0>a 7.s>b 7.1>au S0.2 8.0>a 8.1>au 8.2>bu",
		"a=0,1 cost=1 g:1 S0.1 7.0>a c1 7.0>a 7.0>a", []int{1}},
	{CostAcks,
		"a=0,1,2 acks=2 g:1,2 S0.1 7.0>a 8.1>a^ 8.2>a^",
		"a=0,1 acks=0 g:1 S0.1 7.1>a^",
		"a=0,1,2 acks=2 g:1,2 S0.1 7.0>a 8.1>a^ 8.2>a^ 9.2>a^",
		"a=0,1 acks=0 g:1 S0.1>1 7.1>a^", []int{1}},
}

func TestEveryNetworkRequirement(t *testing.T) {
	var ids []spec.ID
	for _, c := range netCases {
		ids = append(ids, c.id)
		want := func(what, text string, v spec.Verdict) spec.Finding {
			t.Helper()
			f := Check(parseNet(text), c.id)[0]
			if f.Verdict != v || f.ID != c.id {
				t.Errorf("%s, %s: %+v %+v, want %v", c.id, what, f, f.Witness, v)
			}
			if f.Verdict == spec.Pass && f.Antecedents == 0 || f.Verdict == spec.Inconclusive && f.Reason == "" {
				t.Errorf("%s, %s: %+v", c.id, what, f)
			}
			return f
		}
		want("the passing one", c.pass, spec.Pass)
		if f := want("the vacuous one", c.vacuous, spec.Inconclusive); f.Verdict == spec.Inconclusive {
			t.Logf("%-19s %s", c.id, f.Reason)
		}
		want("nothing at all", "", spec.Inconclusive)
		want("no topology", "bare g: ", spec.Inconclusive)
		for _, text := range []string{c.smallest, c.mutated} {
			f := want(text, text, spec.Fail)
			if f.Witness == nil || f.Antecedents == 0 {
				t.Errorf("%s: %+v", c.id, f)
				continue
			}
			t.Logf("%-19s %v %s", c.id, f.Witness.Events, f.Witness.Text)
			if text == c.smallest && !slices.Equal(f.Witness.Events, c.events) {
				t.Errorf("%s: witness %v, want %v", c.id, f.Witness.Events, c.events)
			}
		}
	}
	judged := slices.DeleteFunc(Judged(), func(id spec.ID) bool {
		return twinOf(id) != nil || onViews(id) || strings.HasPrefix(string(id), "IGMP-") || strings.HasPrefix(string(id), "PIM-")
	})
	if !slices.Equal(ids, judged) {
		t.Errorf("judged %v, tested %v", judged, ids)
	}
}

// A switch with two hosts and two routers; r leads to the source, q nowhere.
const switched = "a=0,r b=r,s c=s,1 d=s,2 e=s,q f=q,3 dense bound=10 "

// Sparse mode: the rendezvous point p is beside the way from the source to the member.
const meeting = "a=0,r b=r,q c=q,1 d=r,p e=p,q sparse bound=10 "

// Cases that a judge of networks gets wrong easily.
func TestFineNetworkDistinctions(t *testing.T) {
	for _, c := range []struct {
		name, text string
		id         spec.ID
		want       spec.Verdict
	}{
		{"what is missing may still come", "unsettled " + twoLANs + "g:2 @20 7.0>a", RouteReach, spec.Inconclusive},
		{"who joined a moment ago is owed nothing", twoLANs + "g: @20 J2 j2 7.0>a", RouteReach, spec.Inconclusive},
		{"who joined long ago is", twoLANs + "g: @20 J2 j2 @40 7.0>a", RouteReach, spec.Fail},
		{"who has called leave is not", twoLANs + "g:2,3 @20 L2 @40 7.0>a 7!3", RouteReach, spec.Pass},
		{"a leave soon after may have lost it", twoLANs + "g:2 @20 7.0>a @28 L2", RouteReach, spec.Inconclusive},
		{"another's leave is no reason to lose it", twoLANs + "g:2,3 @20 L2 l2 7.0>a", RouteReach, spec.Fail},
		{"another's join is", twoLANs + "g:3 @20 J2 j2 7.0>a", RouteReach, spec.Inconclusive},
		{"a leave long after has not", twoLANs + "g:2 @20 7.0>a @40 L2", RouteReach, spec.Fail},
		{"a join to another group disturbs nothing", twoLANs + "g:2 h: @20 J3:h j3:h 7.0>a", RouteReach, spec.Fail},
		{"a fault that is not healed disturbs to the end", twoLANs + "g:2 @1 F1 @90 7.0>a", RouteReach, spec.Inconclusive},
		{"one that is healed does not", twoLANs + "g:2 @15 F1 H1 @90 7.0>a", RouteReach, spec.Fail},
		{"who stands still receives nothing", twoLANs + "g:2 @1 P2 @90 7.0>a", RouteReach, spec.Inconclusive},
		{"who goes on does", twoLANs + "g:2 @15 P2 R2 @90 7.0>a", RouteReach, spec.Fail},
		{"a join in a fault may not have been heard", twoLANs + "g: @15 F1 J2 j2 H1 @90 7.0>a", RouteReach, spec.Inconclusive},
		{"nor one soon after", twoLANs + "g: @15 F1 H1 @25 J2 j2 @90 7.0>a", RouteReach, spec.Inconclusive},
		{"until members were asked again", "ageing=60 " + twoLANs + "g: @15 F1 J2 j2 H1 @90 7.0>a", RouteReach, spec.Fail},
		{"a join long after is heard", twoLANs + "g: @15 F1 H1 @30 J2 j2 @90 7.0>a", RouteReach, spec.Fail},
		{"so is one while another host crashed", twoLANs + "g: @15 c3 J2 j2 @90 7.0>a", RouteReach, spec.Fail},
		{"who is down receives nothing", twoLANs + "g:2 @1 c2 @90 7.0>a", RouteReach, spec.Inconclusive},
		{"crash-stop: nor who came back", twoLANs + "g:2 @1 c2 r2 @90 7.0>a", RouteReach, spec.Inconclusive},
		{"until it joins again", twoLANs + "g:2 @1 c2 r2 J2 j2 @90 7.0>a", RouteReach, spec.Fail},
		{"crash-recovery: who came back does", "recovery " + twoLANs + "g:2 @1 c2 r2 @90 7.0>a", RouteReach, spec.Fail},
		{"no way leads through a router that is down", twoLANs + "g:2 @1 cr @90 7.0>a", RouteReach, spec.Inconclusive},
		{"nor through one that forwards no multicast", "a=0,r b=r,2 bound=10 g:2 @20 7.0>a", RouteReach, spec.Inconclusive},
		{"but through a switch", "a=0,s b=s,2 bound=10 g:2 @20 7.0>a", RouteReach, spec.Fail},
		{"unless it is down", "a=0,s b=s,2 bound=10 g:2 cs @20 7.0>a", RouteReach, spec.Inconclusive},
		{"its time to live was too short", twoLANs + "g:2 @20 7.0>at1", RouteReach, spec.Inconclusive},
		{"and now is not", twoLANs + "g:2 @20 7.0>at2", RouteReach, spec.Fail},
		{"without a rendezvous point nobody meets", meeting + "g:1 @1 cp @20 7.0>a", RouteReach, spec.Inconclusive},
		{"no bound", "a=0,1 g:1 7.0>a", RouteReach, spec.Inconclusive},
		{"the source's own copy is its own affair", "a=0,1 bound=10 g:0,1 @20 7.0>a 7!1", RouteReach, spec.Inconclusive},

		{"trees are built with the first datagram", twoLANs + "g:2 @20 7.0>a 7.r>c<a", RouteContain, spec.Inconclusive},
		{"and with the first after a long silence", "prune=50 " + twoLANs + "g:2 @0 6.0>a @20 7.0>a @90 8.0>a 8.r>c<a", RouteContain, spec.Pass},
		{"a member that left is not there", twoLANs + "g:2 @0 6.0>a @20 L2 l2 @40 7.0>a 7.r>b<a", RouteContain, spec.Fail},
		{"but for the bound", twoLANs + "g:2 @0 6.0>a @20 L2 l2 @29 7.0>a 7.r>b<a", RouteContain, spec.Inconclusive},
		{"a member that crashed may be taken for one", twoLANs + "g:2 @0 6.0>a @20 c2 @40 7.0>a 7.r>b<a", RouteContain, spec.Inconclusive},
		{"until it has aged", "ageing=50 " + twoLANs + "g:2 @0 6.0>a @20 c2 8.0>a @40 7.0>a 7.r>b<a", RouteContain, spec.Inconclusive},
		{"and then no more", "ageing=50 " + twoLANs + "g:2 @0 6.0>a @20 c2 @60 7.0>a @71 8.0>a @82 9.0>a 9.r>b<a", RouteContain, spec.Fail},
		{"dense mode floods between routers", square + "g:0 @0 6.0>a @20 7.0>a 7.r1>b<a 7.r1>c<a", RouteContain, spec.Inconclusive},
		{"sparse mode does not", "a=0,r1 b=r1,r2 c=r1,r3 d=r2,r3,2 sparse bound=10 g: @0 6.0>a @20 7.0>a 7.r1>b<a", RouteContain, spec.Fail},
		{"of equal ways any may be taken", "a=0,r1 b=r1,r2 c=r1,r3 d=r2,r3,2 e=r1,4 sparse bound=10 g:2 @0 6.0>a @20 7.0>a 7.r1>c<a 7.r3>d<c", RouteContain, spec.Pass},
		{"but not one that any router is farther from", "a=0,r1 b=r1,r2 c*5=r1,r3 d=r2,r3,2 sparse bound=10 g:2 @0 6.0>a @20 7.0>a 7.r1>c<a", RouteContain, spec.Fail},
		{"a switch does not forward to who is no member", switched + "g:1 @0 6.0>a @20 7.0>a 7.r>b<a 7.s>c 7.s>d", RouteContain, spec.Fail},
		{"but to routers always", switched + "g:1 @0 6.0>a @20 7.0>a 7.r>b<a 7.s>c 7.s>e", RouteContain, spec.Pass},
		{"who do not send it on", switched + "g:1 @0 6.0>a @20 7.0>a 7.r>b<a 7.s>c 7.s>e 7.q>f<e", RouteContain, spec.Fail},
		{"shared trees go by the rendezvous point", meeting + "g:1 @0 6.0>a @20 7.0>a 7.r>d<a 7.p>e<d 7.q>c<e", RouteContain, spec.Inconclusive},
		{"which one that is down is not", "ageing=20 " + meeting + "g:1 @0 cp @15 6.0>a @25 7.0>a 7.r>d<a", RouteContain, spec.Fail},

		{"the fault model makes copies", "a=0,1 b=1,r bound=0 g:1 7.0>a 7.0>a~ 7!1 7!1", RouteNoDuplicate, spec.Inconclusive},
		{"each node has its copy", square + "g:2,3 @0 6.0>a @20 7.0>a 7.r2>d<b 7!2 7!3", RouteNoDuplicate, spec.Pass},
		{"an election may make copies", square + "g:2 @0 6.0>a @20 7.0>a 7.r2>d<b 7.r3>d<c A.r2>d", RouteOneCopy, spec.Inconclusive},
		{"one that is long over does not", square + "g:2,3 @0 6.0>a A.r2>d @50 7.0>a 7.r2>d<b 7.r3>d<c", RouteOneCopy, spec.Fail},
		{"nor one without an end", square + "g:2 @0 6.0>a 6.r2>d<b 6.r3>d<c A.r2>d @8 7.0>a 7.r2>d<b 7.r3>d<c A.r2>d @17 8.0>a 8.r2>d<b 8.r3>d<c A.r2>d", RouteOneCopy, spec.Fail},
		{"back to where it came from is a second copy", twoLANs + "g:2 @0 6.0>a @20 7.0>a 7.r>a<a", RouteOneCopy, spec.Fail},
		{"copies before the trees are built", twoLANs + "g:2,3 @20 7.0>a 7.r>b<a 7.r>b<a", RouteOneCopy, spec.Inconclusive},

		{"from the rendezvous point is right too", meeting + "g:1 @0 6.0>a @20 7.0>a 7.r>d<a 7.p>e<d 7.q>c<e", RouteRPF, spec.Inconclusive},
		{"from the member's side is not", meeting + "g:1 @0 6.0>a @20 7.0>a 7.q>b<c", RouteRPF, spec.Fail},
		{"a router without the link", twoLANs + "g:2 @0 6.0>a @20 7.0>a 7.r>b<z", RouteRPF, spec.Fail},
		{"decapsulated is not forwarded", meeting + "g:1 @0 6.0>a @20 7.0>a 7.p>e 7.q>c<e", RouteRPF, spec.Inconclusive},

		{"routers take one off", twoLANs + "g:2 7.0>at5 7.r>b<at5", TTLScope, spec.Fail},
		{"not two", twoLANs + "g:2 7.0>at5 7.r>b<at3", TTLScope, spec.Fail},
		{"switches none", "a=0,s b=s,r c=r,2 g:2 6.0>at1 7.0>at5 7.s>bt5 7.r>c<bt4", TTLScope, spec.Pass},
		{"nothing is sent on with 0", twoLANs + "g:2 7.0>at5 7.r>b<zt0", TTLScope, spec.Fail},
		{"what is not told is not judged", twoLANs + "g:2 7.0>at0 7.r>b<at0", TTLScope, spec.Inconclusive},

		{"delivered until leave returns", "a=0,1 g:1 h:1 L1 7.0>a 7!1", SocketFilter, spec.Inconclusive},
		{"but not after", "a=0,1 g:1 h:1 L1 7.0>a 7!1 l1 7!1", SocketFilter, spec.Fail},

		{"never sent is another bug", "a=0,1 g:0 h:1 S0.1 D1.0.2:h", NICFilter, spec.Pass},
		{"not an anycast group", "a=0,1 g:0,1 S0.1 D0.0.1 D1.0.1", AnycastOne, spec.Inconclusive},
		{"nobody in time", "unsettled a=0,1,2 metrics=0,1,2;1,0,1;2,1,0 g:1,2 S0.1", AnycastOne, spec.Inconclusive},
		{"the one that was chosen may have crashed", "a=0,1,2 metrics=0,1,2;1,0,1;2,1,0 g:1,2 S0.1 c1", AnycastOne, spec.Pass},
		{"or left", "a=0,1,2 metrics=0,1,2;1,0,1;2,1,0 g:1,2 S0.1 L1 l1", AnycastOne, spec.Pass},
		{"a sender that crashed may not have sent", "a=0,1,2 metrics=0,1,2;1,0,1;2,1,0 g:1,2 S0.1 c0", AnycastOne, spec.Pass},
		{"who was down was not near", "a=0,1,2 bound=10 metrics=0,1,2;1,0,1;2,1,0 g:1,2 @20 c1 S0.1 D2.0.1", AnycastNearest, spec.Inconclusive},
		{"nor who came up a moment ago", "a=0,1,2 bound=10 metrics=0,1,2;1,0,1;2,1,0 g:1,2 @20 c1 r1 S0.1 D2.0.1", AnycastNearest, spec.Inconclusive},
		{"who came up long ago was", "a=0,1,2 bound=10 metrics=0,1,2;1,0,1;2,1,0 g:1,2 @20 c1 r1 @40 S0.1 D2.0.1", AnycastNearest, spec.Fail},
		{"nor who joined a moment ago", "a=0,1,2 bound=10 metrics=0,1,2;1,0,1;2,1,0 g:2 @20 J1 j1 S0.1 D2.0.1", AnycastNearest, spec.Inconclusive},
		{"nor while something is broken", "a=0,1,2 bound=10 metrics=0,1,2;1,0,1;2,1,0 g:1,2 @20 F1 @90 S0.1 D2.0.1", AnycastNearest, spec.Inconclusive},
		{"a member that nobody can reach is not near", "a=0,1,2 bound=10 metrics=0,-1,2;1,0,1;2,1,0 g:1,2 @20 S0.1 D2.0.1", AnycastNearest, spec.Inconclusive},

		{"what routers forward is not counted", "a=0,r b=r,1 cost=1 g:1 S0.1 7.0>a 7.r>b<a", CostPackets, spec.Pass},
		{"nor what a rendezvous point takes out of a register", "a=0,p b=p,1 cost=1 g:1 S0.1 7.0>a 7.p>b", CostPackets, spec.Pass},
		{"nothing declared", "a=0,1 g:1 S0.1 7.0>a", CostPackets, spec.Inconclusive},
		{"no frames", "a=0,1 cost=1 g:1 S0.1", CostPackets, spec.Inconclusive},
	} {
		f := Check(parseNet(c.text), c.id)[0]
		if f.Verdict != c.want {
			t.Errorf("%s, %s: %+v, want %v", c.id, c.name, f, c.want)
		}
		if f.Verdict == spec.Fail {
			t.Logf("%s: %s", c.name, f.Witness.Text)
		}
	}
}
