package ipmulticast

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// The RP-set: how it is collected by the elected bootstrap router, kept by all, and used.

// allGroups is the range that a candidate RP offers to serve.
func allGroups(family netip.Addr) netip.Prefix {
	if family.Is4() {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{224}), 4)
	}
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0xff}), 8)
}

// advertise says that I am a candidate RP, and goes on saying so.
func (b *bootstrap) advertise(now spec.Time, out *impl.Effects) {
	if !b.candidate() {
		return
	}
	b.agenda.set(timer{kind: advertiseTimer}, now, b.cfg.Timing.CandidateRP)
	m := PIM{Type: PIMCandidateRP, Priority: b.cfg.Candidate, HoldTime: b.cfg.Timing.RPHold, RP: b.me(),
		Prefixes: []netip.Prefix{allGroups(b.me())}}
	switch {
	case b.state == electedBSR:
		b.advertised(now, &m)
	case b.bsr.IsValid():
		b.unicastPIM(b.bsr, &m, out)
	}
}

// advertised takes the advertisement of a candidate RP. Without a range it offers to serve all groups. What changes the
// RP-set is flooded soon, not only with the next period.
func (b *bootstrap) advertised(now spec.Time, m *PIM) {
	if b.state != electedBSR || m.RP.Is4() != b.me().Is4() || IsGroup(m.RP) {
		return
	}
	one := [1]netip.Prefix{allGroups(b.me())}
	ranges := one[:]
	if len(m.Prefixes) > 0 {
		ranges = m.Prefixes
	}
	changed := false
	for _, p := range ranges {
		x := mapping{p.Masked(), m.RP, m.Priority, m.HoldTime}
		k := x.timer(candidateTimer)
		i, known := slices.BinarySearchFunc(b.candidates, x, mapping.compare)
		switch {
		case m.HoldTime == 0 && known:
			b.agenda.stop(k)
			b.candidates = slices.Delete(b.candidates, i, i+1)
			changed = true
			continue
		case m.HoldTime == 0:
			continue
		case !known:
			b.candidates = slices.Insert(b.candidates, i, x)
			changed = true
		default:
			changed = changed || b.candidates[i] != x
			b.candidates[i] = x
		}
		b.agenda.set(k, now, m.HoldTime)
	}
	if changed {
		b.hasten(now)
	}
}

// hasten lets the next message come as soon as it may.
func (b *bootstrap) hasten(now spec.Time) {
	k := timer{kind: bootstrapTimer}
	after := max(0, bootstrapMinimum-time.Duration((now-b.sent)*b.agenda.speed))
	if left, ok := b.agenda.left(k, now); b.state == electedBSR && (!ok || after < left) {
		b.agenda.set(k, now, after)
	}
}

// originate sends a bootstrap message as the elected one.
func (b *bootstrap) originate(now spec.Time, out *impl.Effects) {
	b.sent = now
	b.tag = uint16(b.rand.Uint64())
	b.agenda.set(timer{kind: bootstrapTimer}, now, b.cfg.Timing.BootstrapPeriod)
	b.mask = defaultHashMask(b.me())
	m := b.message()
	m.RPs = m.RPs[:0]
	for _, x := range b.candidates {
		m.RPs = append(m.RPs, PIMRP{Groups: x.groups, RP: x.rp, HoldTime: x.hold, Priority: x.priority})
	}
	b.msgRPs = m.RPs
	b.flood(m, out)
	if len(m.RPs) > 0 {
		b.store(now, m.RPs, b.mask)
		b.reviewAll(now, out)
	}
}

// store replaces the RP-set by what the bootstrap router has said.
func (b *bootstrap) store(now spec.Time, rps []PIMRP, mask uint8) {
	for _, x := range b.set {
		b.agenda.stop(x.timer(mappingTimer))
	}
	b.set, b.mask = b.set[:0], mask
	for _, p := range rps {
		x := mapping{p.Groups.Masked(), p.RP, p.Priority, p.HoldTime}
		if i, known := slices.BinarySearchFunc(b.set, x, mapping.compare); !known && x.hold > 0 {
			b.set = slices.Insert(b.set, i, x)
		}
	}
	b.refresh(now)
}

// refresh lets all of the RP-set be kept for its hold time from now.
func (b *bootstrap) refresh(now spec.Time) {
	for _, x := range b.set {
		b.agenda.set(x.timer(mappingTimer), now, x.hold)
	}
}

func (a mapping) timer(k timerKind) timer {
	return timer{kind: k, port: int16(a.groups.Bits()), group: a.groups.Addr(), source: a.rp}
}

// rpOf chooses among the candidates (RFC 7761 section 4.7.1): the longest range, the best priority, the highest hash,
// the highest address.
func (b *bootstrap) rpOf(group netip.Addr) netip.Addr {
	best := mapping{}
	var value uint32
	for _, x := range b.set {
		if !x.groups.Contains(group) || !b.reachable(x.rp) {
			continue
		}
		v := rpHash(group, b.mask, x.rp)
		if !best.rp.IsValid() || x.before(best, v, value) {
			best, value = x, v
		}
	}
	return best.rp
}

// before says whether a is chosen before b, given their hashes.
func (a mapping) before(b mapping, hash, other uint32) bool {
	switch {
	case a.groups.Bits() != b.groups.Bits():
		return a.groups.Bits() > b.groups.Bits()
	case a.priority != b.priority:
		return a.priority < b.priority
	case hash != other:
		return hash > other
	}
	return b.rp.Less(a.rp)
}
