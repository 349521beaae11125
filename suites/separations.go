package suites

import (
	"slices"

	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// Separation is a requirement that a cell does not promise in the presence of some faults, and the faults with which
// a schedule that breaks it is wanted.
type Separation struct {
	ID    spec.ID
	With  spec.FaultSet
	Nodes int // how many it takes
}

// Separations says what a cell does not promise, and with which faults that can be shown. Where an id is entailed by
// what the cell promises under those very faults no such schedule can exist, and none is asked for.
func (c Cell) Separations() []Separation {
	p := c.premises()
	var out []Separation
	add := func(with spec.FaultSet, ids ...spec.ID) {
		for _, id := range ids {
			s := Separation{id, with, 2}
			if with&crashes != 0 || p.one || p.looped && id == "NO-DUPLICATION" { // the one that crashes, one that delivers, one that does not
				s.Nodes = 3
			}
			out = append(out, s)
		}
	}
	switch {
	case p.checksummed:
	case p.relayed:
		add(spec.SetOf(spec.CorruptFault), "CHANNEL-INTEGRITY")
	default:
		add(spec.SetOf(spec.CorruptFault), "CONTENT-INTEGRITY")
	}
	if !p.repairs && !p.channel {
		if !p.numbered && !p.pieces {
			with := spec.SetOf(spec.DuplicateFault)
			if p.looped {
				with = spec.NoFaults
			}
			if n, _ := c.network(); !p.looped || n.mode == ipmulticast.Dense && n.shape == ipmulticast.Ring {
				add(with, "NO-DUPLICATION")
			}
		}
		if !p.anonymous {
			add(spec.SetOf(spec.LossFault), "CHANNEL-VALIDITY")
		}
	}
	if p.one {
		if !p.channel {
			add(spec.SetOf(spec.LossFault), "ANYCAST-ONE")
		}
		add(spec.NoFaults, "AGREEMENT")
		return c.possible(out)
	}
	if c.changes() {
		c.separateViews(&p, add)
		return c.possible(out)
	}
	c.separateDelivery(&p, add)
	if n, _ := c.network(); p.anonymous && p.routed && n.silent() { // an old host and a newer one on a LAN
		out = append(out, Separation{"IGMP-LEAVE", spec.NoFaults, n.subnets + 1})
	}
	total := c.total() || c.together()
	if !p.fifo && !p.streams && !p.ordered && c.Ordering.Name != "real-time" && c.Reliability.Get("ack", "") != "stop-and-wait" {
		add(spec.NoFaults, "FIFO-ORDER", "FIFO-GAPFREE")
	}
	before := spec.NoFaults
	if r := c.Reliability.Name; r == "atomic-log" || r == "atomic-abort" { // an answer takes two phases: what it answers is late if it was lost
		before = spec.SetOf(spec.LossFault)
	}
	if !p.causal && !total && !(p.streams && (p.relays || p.logged || p.byzantine)) {
		add(before, "LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE")
	}
	c.separateLogs(&p, add)
	c.separateGaps(&p, add)
	if !c.total() {
		add(spec.NoFaults, "TOTAL-ORDER")
	}
	c.separateAcross(&p, add)
	c.separateWatching(add)
	c.separateClocks(&p, add)
	if r := c.Reliability.Name; c.Ordering.Name == "total-seqserver" && c.Transport.Name == "unicast" && c.Ordering.Get("holes", "fill") == "fill" &&
		(r == "best-effort" || r == "reliable") { // a number that only the dead knew, and delivered, becomes a hole
		add(spec.SetOf(spec.CrashFault, spec.LossFault), "UNIFORM-TOTAL-GAPFREE")
	}
	if c.Reliability.Name == "atomic-abort" && c.Ordering.Name == "total-kaashoek" {
		add(spec.SetOf(spec.CrashFault), "AGREEMENT") // a number whose message was aborted is known to some
	}
	switch {
	case c.sequenced():
		add(spec.SetOf(spec.CoordinatorFault), "VALIDITY")
	case c.together() && c.total():
		add(spec.SetOf(spec.CrashFault), "VALIDITY")
	}
	return c.possible(out)
}

// separateDelivery adds what a cell does not promise about who delivers.
func (c Cell) separateDelivery(p *premises, add func(with spec.FaultSet, ids ...spec.ID)) {
	if !p.repairs && !p.channel {
		add(spec.SetOf(spec.LossFault), "VALIDITY", "AGREEMENT")
	}
	if !p.repairs && p.links {
		kinds := spec.SetOf(spec.RouterFault, spec.BoundaryFault, spec.FloodFault, spec.TableFault)
		if n, _ := c.network(); n.subnets > 1 {
			kinds = kinds.With(spec.TTLFault)
		}
		for _, k := range (c.faces() & kinds).Kinds() {
			add(spec.SetOf(k), "VALIDITY")
		}
	}
	if !p.direct {
		add(spec.SetOf(spec.CoordinatorFault), "VALIDITY")
	}
	half := spec.SetOf(spec.CrashFault) // cuts a multicast in half
	switch {
	case p.relayed:
		half = spec.SetOf(spec.CoordinatorFault)
	case p.routed, p.switched: // one packet to all, which routers hold when its sender is gone, or the switch
		half = spec.SetOf(spec.CrashFault, spec.LossFault)
	case p.links:
		half = spec.SetOf(spec.CrashLossyFault)
	}
	if c.total() || c.together() {
		return
	}
	if p.repairs && !p.agrees {
		add(half, "AGREEMENT")
		if p.causal {
			add(half, "VALIDITY")
		}
	}
	if c.Reliability.Name == "durable" && !p.routed && !p.numbered {
		add(spec.SetOf(spec.CrashLossyFault), "UNIFORM-AGREEMENT")
	}
	if p.uniform {
		return
	}
	if p.blocks {
		add(spec.SetOf(spec.CrashFault), "SELF-DELIVERY", "VALIDITY")
	}
	if (p.relays || p.blocks) && !p.streams && !p.routed {
		half = spec.SetOf(spec.CrashLossyFault)
	}
	add(half, "UNIFORM-AGREEMENT")
}

// separateLogs adds what a cell does not promise of what its logs keep: if disks lie about what is safe, and if those
// that crashed do not come back.
func (c Cell) separateLogs(p *premises, add func(with spec.FaultSet, ids ...spec.ID)) {
	if !p.logged || p.numbered {
		return
	}
	dead, back := spec.SetOf(spec.CrashFault), spec.SetOf(spec.CrashFault, spec.RecoverFault)
	add(back.With(spec.LostSyncFault), "NO-DUPLICATION/restart", "LOG-PREFIX")
	if !p.streams && !p.relayed {
		add(back.With(spec.LostSyncFault), "DURABILITY")
	}
	switch r := c.Reliability; {
	case r.Name == "durable":
		add(back, "ALL-OR-NOTHING")
		if r.Get("acks", "majority") == "1" {
			add(spec.SetOf(spec.CrashLossyFault), "ACKED-DELIVERED")
		}
	case r.Name == "atomic-log" && r.Get("phases", "2") == "1":
		add(back, "ALL-OR-NOTHING")
		add(dead, "AGREEMENT")
	case r.Name == "atomic-log":
		add(dead, "VALIDITY")
	}
}

// possible leaves out what follows from the cell's claims under the faults in question.
func (c Cell) possible(all []Separation) []Separation {
	claims := c.Claims()
	return slices.DeleteFunc(all, func(s Separation) bool {
		var held []spec.ID
		for _, claim := range claims {
			alone := s.With&crashes != 0 && !s.With.Has(spec.RecoverFault) && slices.Contains(c.Awaits(), claim.ID)
			if s.With.Within(claim.Under) && !alone {
				held = append(held, claim.ID)
			}
		}
		return slices.Contains(held, s.ID) || slices.Contains(spec.Entailed(held), s.ID)
	})
}
