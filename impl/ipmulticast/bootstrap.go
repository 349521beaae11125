package ipmulticast

import (
	"encoding/binary"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// bootstrap finds the RPs without a configuration (Bhaskar, Gall, Lingard, Venaas: RFC 5059, 2008): the candidates for
// bootstrap router elect the one with the highest priority, then address; the candidate RPs advertise to it by unicast;
// it floods what it has collected, the RP-set, hop by hop. Of the RP-set every router computes the same RP for a group
// (RFC 7761 section 4.7). Here a router is a candidate for both or for neither, with one priority: the elected bootstrap
// router is the candidate with the highest, and for RPs, where lower is better, the candidate with the lowest is taken.
// No message is split into fragments, and there are no scope zones.
type bootstrap struct {
	*sparse
	state    bsrState
	bsr      netip.Addr // whom I follow; not valid: nobody is known
	priority uint8      // of bsr
	tag      uint16     // of its last message
	mask     uint8      // how much of a group's address counts for the hash
	set      []mapping  // the RP-set, ascending by range and RP

	candidates []mapping // as the elected one: who has advertised
	sent       spec.Time // as the elected one: my last message; 0: none
	msgRPs     []PIMRP
}

// bsrState is the state of section 3.1.1, of candidates, or of section 3.1.2, of the others.
type bsrState uint8

const (
	acceptAny       bsrState = iota // no candidate: nobody is known
	acceptPreferred                 // no candidate: one is known
	candidateBSR                    // another one is elected
	pendingBSR                      // nobody better has spoken up, yet
	electedBSR
)

// mapping says that a router is an RP for a range of groups.
type mapping struct {
	groups   netip.Prefix
	rp       netip.Addr
	priority uint8 // lower is better
	hold     time.Duration
}

func (a mapping) compare(b mapping) int {
	if c := a.groups.Addr().Compare(b.groups.Addr()); c != 0 {
		return c
	}
	if c := a.groups.Bits() - b.groups.Bits(); c != 0 {
		return c
	}
	return a.rp.Compare(b.rp)
}

// The times of section 5 that are the same for all.
const (
	bootstrapMinimum = 10 * time.Second // BS_Min_Interval: between two messages of the elected one
	advertiseBackoff = 3 * time.Second  // C_RP_Adv_Backoff
)

// me is the address under which the router is a candidate.
func (b *bootstrap) me() netip.Addr { return b.ports[0].Addr }

func (b *bootstrap) candidate() bool { return b.cfg.Candidate > 0 && len(b.cfg.RPs) == 0 }

// begin makes a candidate wait for a better one.
func (b *bootstrap) begin(now spec.Time) {
	if b.candidate() {
		b.pend(now)
	}
}

// pend waits for a better candidate to speak up, the shorter the better I am.
func (b *bootstrap) pend(now spec.Time) {
	b.state = pendingBSR
	b.agenda.set(timer{kind: bootstrapTimer}, now, b.override())
}

// override is BS_Rand_Override, the time that a candidate waits (section 5).
func (b *bootstrap) override() time.Duration {
	mine, best := b.cfg.Candidate, b.cfg.Candidate
	addr := b.me()
	if b.bsr.IsValid() {
		best = max(best, b.priority)
		if addr.Less(b.bsr) {
			addr = b.bsr
		}
	}
	delay := 2 * math.Log2(float64(1+int(best)-int(mine)))
	width := float64(b.me().BitLen())
	if best == mine {
		delay += math.Log2(1+number(addr)-number(b.me())) * 2 / width
	} else {
		delay += 2 - number(b.me())/math.Exp2(width-1)
	}
	return 5*time.Second + time.Duration(delay*1000)*time.Millisecond
}

// number gives an address as a number.
func number(a netip.Addr) float64 {
	if a.Is4() {
		return float64(digest(a))
	}
	x := a.As16()
	return float64(binary.BigEndian.Uint64(x[:8]))*math.Exp2(64) + float64(binary.BigEndian.Uint64(x[8:]))
}

// outranks says whether a candidate with this priority and address is at least as good as another one.
func outranks(priority uint8, addr netip.Addr, than uint8, other netip.Addr) bool {
	return priority > than || priority == than && !addr.Less(other)
}

// receive takes a bootstrap message from a neighbor. It is taken from the neighbor on the way to the bootstrap router
// only, so that it cannot go in circles; except for the first one, which a neighbor may tell to who is new. A better
// candidate's is passed on, also to the link that it came from: the RPF neighbor of others there may be me.
func (b *bootstrap) receive(now spec.Time, port int, from netip.Addr, m *PIM, out *impl.Effects) {
	if len(b.cfg.RPs) > 0 || b.local(m.BSR) || m.BSR.Is4() != b.me().Is4() {
		return
	}
	way := branch{root: m.BSR}
	b.locate(&way)
	if way.iif < 0 || (way.iif != port || way.next != from) && b.bsr.IsValid() {
		return
	}
	if !b.preferred(m) {
		switch {
		case b.state == candidateBSR && m.BSR == b.bsr: // it has become worse than I am
			b.pend(now)
		case b.state == electedBSR:
			b.originate(now, out)
		}
		return
	}
	if b.state = acceptPreferred; b.candidate() {
		b.state = candidateBSR
	}
	fresh := m.BSR != b.bsr
	b.bsr, b.priority, b.tag = m.BSR, m.Priority, m.FragmentTag
	b.agenda.set(timer{kind: bootstrapTimer}, now, b.cfg.Timing.BootstrapTimeout)
	b.flood(m, out)
	if fresh && b.candidate() {
		b.agenda.set(timer{kind: advertiseTimer}, now, b.within(advertiseBackoff))
	}
	if len(m.RPs) > 0 { // an empty one is of a bootstrap router that knows nobody yet
		b.store(now, m.RPs, m.HashMaskLen)
		b.reviewAll(now, out)
	}
}

// preferred says whether the sender is the one I follow, or better; a candidate follows nobody who is worse than itself.
func (b *bootstrap) preferred(m *PIM) bool {
	switch b.state {
	case pendingBSR, electedBSR:
		return outranks(m.Priority, m.BSR, b.cfg.Candidate, b.me())
	case candidateBSR:
		return outranks(m.Priority, m.BSR, b.cfg.Candidate, b.me()) &&
			(m.BSR == b.bsr || outranks(m.Priority, m.BSR, b.priority, b.bsr))
	}
	return !b.bsr.IsValid() || m.BSR == b.bsr || outranks(m.Priority, m.BSR, b.priority, b.bsr)
}

// flood sends a bootstrap message to all neighbors.
func (b *bootstrap) flood(m *PIM, out *impl.Effects) {
	for i := range b.ports {
		if b.hasNeighbors(i) {
			b.sendPIM(i, b.allPIM(i), m, out)
		}
	}
}

// prime tells a new neighbor what is known. On a link with several routers the one does that would be designated
// without the new one.
func (b *bootstrap) prime(port int, to netip.Addr, out *impl.Effects) {
	if !b.bsr.IsValid() {
		return
	}
	for _, n := range b.ports[port].neighbors {
		if n.addr != to && b.ports[port].Local.Less(n.addr) {
			return
		}
	}
	b.sendPIM(port, to, b.message(), out)
}

// message says again what the bootstrap router has said.
func (b *bootstrap) message() *PIM {
	b.msgRPs = b.msgRPs[:0]
	for _, x := range b.set {
		b.msgRPs = append(b.msgRPs, PIMRP{Groups: x.groups, RP: x.rp, HoldTime: x.hold, Priority: x.priority})
	}
	return &PIM{Type: PIMBootstrap, FragmentTag: b.tag, HashMaskLen: b.mask, Priority: b.priority, BSR: b.bsr, RPs: b.msgRPs}
}

// fire is given the timers of the mechanism.
func (b *bootstrap) fire(now spec.Time, k timer, out *impl.Effects) {
	match := func(x mapping) bool {
		return x.rp == k.source && x.groups.Addr() == k.group && x.groups.Bits() == int(k.port)
	}
	switch k.kind {
	case bootstrapTimer:
		b.timeout(now, out)
	case mappingTimer:
		b.set = slices.DeleteFunc(b.set, match)
		b.reviewAll(now, out)
	case candidateTimer:
		b.candidates = slices.DeleteFunc(b.candidates, match)
		b.hasten(now)
	case advertiseTimer:
		b.advertise(now, out)
	}
}

// timeout is done when a period is over, or nothing was heard of the bootstrap router. Who follows it keeps its RP-set
// for as long as it said, so that a new one has time to collect another.
func (b *bootstrap) timeout(now spec.Time, out *impl.Effects) {
	switch b.state {
	case electedBSR:
		b.originate(now, out)
	case pendingBSR:
		b.state, b.bsr, b.priority, b.candidates = electedBSR, b.me(), b.cfg.Candidate, b.candidates[:0]
		b.originate(now, out)
		b.advertise(now, out)
	case candidateBSR:
		b.refresh(now)
		b.pend(now)
	default:
		b.refresh(now)
		b.state, b.bsr, b.priority = acceptAny, netip.Addr{}, 0
	}
}
