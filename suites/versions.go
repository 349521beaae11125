package suites

import (
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// versions are those of IGMP on the LANs of a network. Of MLD every one is one less.
//
// Networks are upgraded host by host, and the RFCs say what holds while they are: a host speaks no newer version than
// the routers of its LAN (RFC 3376 section 7.2.1, RFC 3810 section 8.2.1), and a router takes of a group what the oldest
// of its hosts can say and hear (RFC 3376 section 7.3.2, RFC 3810 section 8.3.2). All routers of a LAN must have one
// version, which their owner has to see to (RFC 3376 section 7.3.1): so there is no mix of these.
type versions struct {
	hosts   int // what hosts know; 0: mixed
	querier int // what routers know
	oldest  int // version that there is: 2 where the network has MLD, whose first one corresponds to 2 of IGMP
	lans    int
}

func versionsOf(t Variant, v6 bool) versions {
	v := versions{hosts: number(t, "igmp", 2), oldest: 1, lans: number(t, "subnets", 3)}
	if t.Get("igmp", "2") == "mixed" {
		v.hosts = 0
	}
	if v6 {
		v.oldest = 2
	}
	v.querier = number(t, "querier", v.hosts)
	if v.querier == 0 {
		v.querier = 3
	}
	return v
}

// mixed says whether hosts know different versions.
func (v *versions) mixed() bool { return v.hosts == 0 && v.querier > 0 }

// known gives the newest version that a host knows: where they are mixed, all of them on every LAN, by turns.
func (v *versions) known(host int) int {
	if v.hosts > 0 {
		return v.hosts
	}
	lan, rank := host%v.lans, host/v.lans
	return v.oldest + (lan+rank)%(4-v.oldest)
}

// spoken gives the oldest and the newest version that hosts speak when they have heard a router.
func (v *versions) spoken() (oldest, newest int) {
	oldest, newest = v.hosts, v.hosts
	if v.mixed() {
		oldest, newest = v.oldest, 3
	}
	return min(oldest, v.querier), min(newest, v.querier)
}

// slowest says whether some hosts speak version 1, in which a query says no time: hosts take ten seconds of theirs.
func (v *versions) slowest() bool {
	oldest, _ := v.spoken()
	return oldest == 1
}

// outdated says whether some hosts know a newer version than the routers.
func (v *versions) outdated() bool { return v.hosts > v.querier || v.mixed() && v.querier < 3 }

// silent says whether some hosts leave without a word, and others with one that routers must not believe because of
// them.
func (v *versions) silent() bool {
	oldest, newest := v.spoken()
	return oldest == 1 && newest > 1
}

// version gives what hosts and routers are told, of IGMP or MLD.
func (v *versions) version(level int) int { return level - v.oldest + 1 }

// levels gives the versions for the header of a history; nil where all hosts know that of the routers.
func (v *versions) levels(h *spec.Header) []int {
	if v.hosts == v.querier {
		return nil
	}
	out := make([]int, len(h.Nodes))
	for n := range out {
		out[n] = v.known(n)
	}
	for _, machines := range [...][]spec.NodeID{h.Topology.Routers, h.Topology.Switches} {
		for _, n := range machines {
			out[n] = 0
		}
	}
	return out
}

// oldAndNew lets two hosts of a LAN listen, one of version 1 and a newer one, and the newer one leave, while a source
// elsewhere sends on. In half of the schedules the old one is the only one left, and in the others the first to leave.
func (v *versions) oldAndNew(s *faults.Scenario, seed uint64, i int) {
	lan := int(seed % uint64(v.lans))
	source, old, other := 0, -1, -1
	for h := range s.Nodes {
		switch {
		case h%v.lans != lan:
			source = h
		case v.known(h) == 1:
			old = h
		default:
			other = h
		}
	}
	if old < 0 || other < 0 {
		return
	}
	for n := range s.Nodes {
		s.Exclude(spec.NodeID(n))
	}
	at := func(op faults.Op, node int, t time.Duration) {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(t)}, Action: faults.Action{Op: op, Node: spec.NodeID(node)}})
	}
	s.Steps = s.Steps[:0]
	at(faults.Join, old, 200*time.Millisecond)
	at(faults.Join, other, 260*time.Millisecond)
	if i%2 == 1 {
		at(faults.Leave, old, 1000*time.Millisecond)
	}
	leaves := time.Duration(1000 + 100*(seed>>8%7))
	at(faults.Leave, other, leaves*time.Millisecond)
	for k := range 20 {
		s.Steps = append(s.Steps, send(spec.NodeID(source), time.Duration(50+k*130)*time.Millisecond))
	}
}
