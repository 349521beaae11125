package ipmulticast

import (
	"fmt"
	"net/netip"
	"time"
)

// PIMType is the type of a PIM message, with its number on the wire (RFC 7761 section 4.9, RFC 3973 section 4.7).
type PIMType uint8

// The types of PIM messages.
const (
	PIMHello        PIMType = 0
	PIMRegister     PIMType = 1
	PIMRegisterStop PIMType = 2
	PIMJoinPrune    PIMType = 3
	PIMBootstrap    PIMType = 4
	PIMAssert       PIMType = 5
	PIMGraft        PIMType = 6
	PIMGraftAck     PIMType = 7
	PIMCandidateRP  PIMType = 8
	PIMStateRefresh PIMType = 9
)

// String gives the type's name: "hello", "join-prune", …
func (t PIMType) String() string {
	if int(t) < len(pimNames) {
		return pimNames[t]
	}
	return fmt.Sprintf("pim(%d)", uint8(t))
}

// PIM is a PIM message. Which fields count follows from the type. Times are whole seconds on the wire. A source that is
// not valid is the unspecified address on the wire, which means any source.
type PIM struct {
	Type PIMType

	HoldTime     time.Duration // hello, join-prune, candidate-rp
	DRPriority   uint32        // hello
	GenerationID uint32        // hello
	Refresh      bool          // hello: capable of state refresh
	LANDelay     *PIMLANDelay  // hello; nil: it does not say. Routers of this package do not

	Upstream netip.Addr // join-prune, graft, graft-ack: the neighbor it is for
	Joins    []PIMGroup // join-prune, graft, graft-ack

	Border, Null bool   // register
	Packet       []byte // register: the IP packet inside

	Group, Source netip.Addr // register-stop, assert, state-refresh
	RPT           bool       // assert: on the shared tree
	Preference    uint32     // assert, state-refresh
	Metric        uint32     // assert, state-refresh

	Originator     netip.Addr    // state-refresh
	MaskLen        uint8         // state-refresh
	TTL            uint8         // state-refresh
	PruneIndicator bool          // state-refresh
	PruneNow       bool          // state-refresh
	AssertOverride bool          // state-refresh
	Interval       time.Duration // state-refresh; hello, where Refresh

	FragmentTag uint16     // bootstrap
	HashMaskLen uint8      // bootstrap
	Priority    uint8      // bootstrap: of the BSR; candidate-rp: of the RP
	BSR         netip.Addr // bootstrap
	RPs         []PIMRP    // bootstrap
	RP          netip.Addr // candidate-rp
	Prefixes    []netip.Prefix
}

// PIMLANDelay is what a router says of the delays of its link (RFC 7761 section 4.3.3): whole milliseconds.
type PIMLANDelay struct {
	Tracks                bool // it can do without the suppression of joins
	Propagation, Override time.Duration
}

// PIMGroup is what a join/prune or graft says about one group.
type PIMGroup struct {
	Group  netip.Addr
	Joins  []PIMSource
	Prunes []PIMSource
}

// PIMSource is one source, or one RP, of a join/prune.
type PIMSource struct {
	Addr            netip.Addr
	Sparse, WC, RPT bool // the S, W and R bits
}

// PIMRP is a candidate RP for a range of groups, as a bootstrap message announces it.
type PIMRP struct {
	Groups   netip.Prefix
	RP       netip.Addr
	HoldTime time.Duration
	Priority uint8
}

// The parts of a PIM message that all types have (RFC 7761 section 4.9).
const (
	pimVersion  = 2
	pimLen      = 4 // version and type, reserved, checksum
	registerLen = 8 // what the checksum of a register covers: the header, and the word of its flags

	familyIPv4 = 1
	familyIPv6 = 2
)

// The options of a hello: holdtime (RFC 7761 section 4.9.2), LAN prune delay, DR priority, generation ID, and state
// refresh capable (RFC 3973 section 4.7.5).
const (
	helloHoldTime     = 1
	helloLANDelay     = 2
	helloDRPriority   = 19
	helloGenerationID = 20
	helloStateRefresh = 21
)

// What a neighbor is taken to have that leaves the options out.
const (
	defaultHelloHold  = 105 * time.Second
	defaultDRPriority = 1
)

// Flags of messages.
const (
	sourceSparse, sourceWC, sourceRPT = 4, 2, 1

	registerBorder, registerNull = 1 << 31, 1 << 30

	assertRPT = 1 << 31

	lanDelayTracks = 0x8000

	refreshPruneIndicator, refreshPruneNow, refreshAssertOverride = 0x80, 0x40, 0x20
)

var pimNames = [...]string{"hello", "register", "register-stop", "join-prune", "bootstrap", "assert", "graft", "graft-ack",
	"candidate-rp", "state-refresh"}

// reset empties a message for parsing, and keeps the memory of its slices.
func (m *PIM) reset() {
	*m = PIM{Joins: m.Joins[:0], RPs: m.RPs[:0], Prefixes: m.Prefixes[:0]}
}

// join gives the next group of a join/prune, empty, in memory that an earlier message may have left.
func (m *PIM) join() *PIMGroup {
	m.Joins = regrow(m.Joins)
	g := &m.Joins[len(m.Joins)-1]
	*g = PIMGroup{Joins: g.Joins[:0], Prunes: g.Prunes[:0]}
	return g
}

// pimChecksum sums what the checksum of a message covers: for IPv4 the message, for IPv6 a pseudo-header too.
func pimChecksum(src, dst netip.Addr, b []byte) uint16 {
	var s uint64
	if !src.Is4() {
		s = pseudoHeader(src, dst, ProtoPIM, len(b))
	}
	return checksum(sum(s, b))
}

// covered gives the part of a message that its checksum covers.
func covered(b []byte) []byte {
	if PIMType(b[0]&0xf) == PIMRegister && len(b) > registerLen {
		return b[:registerLen]
	}
	return b
}
