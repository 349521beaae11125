package suites

import (
	"slices"

	"github.com/conform-go/conform/spec"
)

// Separation is a requirement that a cell does not promise in the presence of some faults, and the faults with which
// a schedule that breaks it is wanted.
type Separation struct {
	ID    spec.ID
	With  spec.FaultSet
	Nodes int // how many it takes
}

var (
	crashes = spec.SetOf(spec.CrashFault, spec.CrashLossyFault)
	losses  = spec.SetOf(spec.LossFault, spec.OmitSendFault, spec.OmitReceiveFault, spec.PartitionFault, spec.CorruptFault)

	// A static cell promises nothing to or of those that come back without a log; but nothing false is delivered.
	lasting = spec.AllFaults.Without(spec.RecoverFault)
)

// premises are what the claims of a cell follow from.
type premises struct {
	channel     bool // the reliable one-to-one channel lies below
	acks        bool // the level acknowledges and retransmits
	relays      bool // … and every receiver relays
	numbered    bool // the ordering holds back, and discards what it has delivered
	pieces      bool // messages are put together from pieces, each once
	fifo        bool
	causal      bool
	checksummed bool
}

func (c Cell) premises() premises {
	r, o := c.Reliability.Name, c.Ordering.Name
	p := premises{channel: c.channel(), acks: r != "unreliable", relays: r == "reliable",
		numbered: o != "unordered", fifo: o == "fifo" || o == "causal", causal: o == "causal", pieces: c.mtu() > 0}
	p.checksummed = p.channel || r == "best-effort"
	return p
}

// Claims says what a cell promises, and under which faults, in the order of the catalogue.
func (c Cell) Claims() spec.Claims {
	p := c.premises()
	intact := spec.AllFaults // faults that leave contents intact, as this cell receives them
	if !p.checksummed {
		intact = intact.Without(spec.CorruptFault)
	}
	once := intact
	if !p.channel && !p.acks && !p.numbered && !p.pieces {
		once = once.Without(spec.DuplicateFault)
	}
	m := map[spec.ID]spec.FaultSet{
		"NO-CREATION": intact, "NO-DUPLICATION": once, "CONTENT-INTEGRITY": intact, "SENDER-INTEGRITY": intact,
		"DESTINATION-INTEGRITY": intact, "CLOSED-GROUP": intact, "NO-RESURRECTION": intact, "SELF-DELIVERY": intact & lasting,
		"CHANNEL-INTEGRITY": intact,
	}
	if !p.channel && !p.acks {
		m["CHANNEL-INTEGRITY"] = intact.Without(spec.DuplicateFault)
	} else {
		m["CHANNEL-VALIDITY"] = lasting
	}
	if p.acks {
		m["VALIDITY"], m["AGREEMENT"], m["ACKED-DELIVERED"] = lasting, lasting, lasting
	}
	switch {
	case p.relays:
		// A relay that has been handed to the network arrives: only as long as nothing is lost.
		m["UNIFORM-AGREEMENT"] = lasting &^ losses &^ spec.SetOf(spec.CrashLossyFault)
	case p.acks:
		m["AGREEMENT"] = lasting &^ crashes
		if p.causal { // who depends on a message of a crashed sender that got half way waits for ever
			m["VALIDITY"] = lasting &^ crashes
		}
	}
	if p.acks && p.numbered { // an acknowledged message can be held back behind one that died with its sender
		m["ACKED-DELIVERED"] = lasting &^ crashes
	}
	if p.fifo {
		m["FIFO-ORDER"], m["FIFO-GAPFREE"] = intact, intact
	}
	if p.causal {
		m["LOCAL-ORDER"], m["CAUSAL-ORDER"], m["CAUSAL-GAPFREE"] = intact, intact, intact
	}
	return inCatalogueOrder(m)
}

func inCatalogueOrder(m map[spec.ID]spec.FaultSet) spec.Claims {
	var out spec.Claims
	for _, r := range spec.Catalogue() {
		if under, ok := m[r.ID]; ok {
			out = append(out, spec.Claim{ID: r.ID, Under: under})
		}
	}
	return out
}

// Separations says what a cell does not promise, and with which faults that can be shown. Where an id is entailed by
// what the cell promises under those very faults no such schedule can exist, and none is asked for.
func (c Cell) Separations() []Separation {
	p := c.premises()
	var out []Separation
	add := func(with spec.FaultSet, ids ...spec.ID) {
		for _, id := range ids {
			s := Separation{id, with, 2}
			if with&crashes != 0 { // the one that crashes, one that delivers, one that does not
				s.Nodes = 3
			}
			out = append(out, s)
		}
	}
	if !p.checksummed {
		add(spec.SetOf(spec.CorruptFault), "CONTENT-INTEGRITY")
	}
	if !p.acks && !p.channel {
		if !p.numbered && !p.pieces {
			add(spec.SetOf(spec.DuplicateFault), "NO-DUPLICATION")
		}
		add(spec.SetOf(spec.LossFault), "CHANNEL-VALIDITY", "VALIDITY", "AGREEMENT")
	}
	if p.acks && !p.relays {
		add(spec.SetOf(spec.CrashFault), "AGREEMENT")
		if p.causal {
			add(spec.SetOf(spec.CrashFault), "VALIDITY")
		}
	}
	if p.relays {
		add(spec.SetOf(spec.CrashLossyFault), "UNIFORM-AGREEMENT")
	} else {
		add(spec.SetOf(spec.CrashFault), "UNIFORM-AGREEMENT")
	}
	if !p.fifo {
		add(spec.NoFaults, "FIFO-ORDER", "FIFO-GAPFREE")
	}
	if !p.causal {
		add(spec.NoFaults, "LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE")
	}
	add(spec.NoFaults, "TOTAL-ORDER")
	return c.possible(out)
}

// possible leaves out what follows from the cell's claims under the faults in question.
func (c Cell) possible(all []Separation) []Separation {
	claims := c.Claims()
	return slices.DeleteFunc(all, func(s Separation) bool {
		var held []spec.ID
		for _, claim := range claims {
			if s.With.Within(claim.Under) {
				held = append(held, claim.ID)
			}
		}
		return slices.Contains(held, s.ID) || slices.Contains(spec.Entailed(held), s.ID)
	})
}
