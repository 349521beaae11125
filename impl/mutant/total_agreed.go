package mutant

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// stuck is what is broken where something is delivered at some members and not at others.
var stuck = []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ACKED-DELIVERED"}

// agreedMutants are those of the total orders without a sequencer, and of two orders at once.
func agreedMutants() []Mutant {
	order := []spec.ID{"TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE", "TOTAL-ORDER-PREFIX", "NO-CONTAMINATION"}
	return slices.Concat(agreementMutants(order), lamportMutants(order), []Mutant{
		{
			Name:   "total-order-taken-for-causal",
			Title:  "Nothing is held back above the total order, which is taken for one that keeps the order of a sender's messages.",
			Breaks: []spec.ID{"NO-SILENT-GAP", "FIFO-ORDER"},
			Cell:   causalTotalOverReliable, Under: spec.NoFaults,
			New: with(causalTotalOverReliable, func(s *stack) { s.ordering = agreement }),
		},
		{
			Name:   "own-messages-not-ordered",
			Title:  "The hold-back queue lets a node's own messages pass as soon as the network has returned them, before they have a place in the total order.",
			Breaks: order,
			Cell:   causalTotalOverReliable, Under: spec.NoFaults,
			New: with(causalTotalOverReliable, func(s *stack) { s.ordering = causalTotalOwnAtOnce }),
		},
	})
}

func agreementMutants(order []spec.ID) []Mutant {
	local := []spec.ID{"LOCAL-ORDER"}
	of := func(name, title string, breaks []spec.ID, change func(*ordering.AgreementRules)) Mutant {
		return Mutant{Name: name, Title: title, Breaks: breaks, Cell: agreementOverReliable, Under: spec.NoFaults,
			New: with(agreementOverReliable, func(s *stack) { s.ordering = agreementWith(change) })}
	}
	return []Mutant{
		of("equal-numbers-not-told-apart",
			"Messages with the same number are delivered in the order in which they came, instead of that of the processes that proposed the number.",
			order, func(r *ordering.AgreementRules) {
				r.Before = func(x, y ordering.Priority) bool { return x.N < y.N }
			}),
		of("agreed-number-not-the-largest",
			"The sender takes the proposal that came last for the agreed number, and not the largest one.",
			order, func(r *ordering.AgreementRules) {
				r.Largest = func(_, proposal ordering.Priority) ordering.Priority { return proposal }
			}),
		of("majority-decides-the-number",
			"The sender takes the largest of the proposals of a majority, and ignores those that come later.",
			slices.Concat(stuck, local, order), func(r *ordering.AgreementRules) {
				r.Decides = func(missing, members int) bool { return 2*(members-missing) > members }
			}),
		of("smaller-proposal-passed-by",
			"A message is delivered as soon as its number is agreed, though one with a smaller proposal has none yet.",
			slices.Concat(local, order), func(r *ordering.AgreementRules) {
				r.Overtakes = func() bool { return true }
			}),
		of("agreed-number-forgotten",
			"A member does not take the agreed numbers into account when it proposes the next: it proposes P+1.",
			order, func(r *ordering.AgreementRules) {
				r.Agreed = func(agreed, _ uint64) uint64 { return agreed }
			}),
		of("own-proposals-forgotten",
			"A member proposes A+1, without regard to what it has proposed: two messages that are open at once get the same number from it.",
			order, func(r *ordering.AgreementRules) {
				r.Propose = func(agreed, _ uint64) uint64 { return agreed + 1 }
			}),
		of("number-of-another-message",
			"An agreed number is taken for that of the message which has the same number with any sender.",
			slices.Concat(stuck, local, order), func(r *ordering.AgreementRules) {
				r.Owner = func(spec.NodeID, spec.NodeID) bool { return true }
			}),
	}
}

func lamportMutants(order []spec.ID) []Mutant {
	causal := slices.Concat([]spec.ID{"LOCAL-ORDER", "CAUSAL-ORDER"}, order)
	silent := []spec.ID{"SELF-DELIVERY", "VALIDITY", "ACKED-DELIVERED", "COST-DELAY"} // nobody delivers anything
	of := func(name, title string, breaks []spec.ID, change func(*ordering.LamportRules)) Mutant {
		return Mutant{Name: name, Title: title, Breaks: breaks, Cell: lamportOverReliable, Under: spec.NoFaults,
			New: with(lamportOverReliable, func(s *stack) { s.ordering = lamportWith(change) })}
	}
	return []Mutant{
		of("without-hearing-from-all",
			"A message is delivered when a majority has been heard from with a later stamp: somebody else's smaller one may still come.",
			causal, func(r *ordering.LamportRules) {
				all := r.Heard
				r.Heard = func(m ordering.Stamped, heard []uint64) bool {
					late := slices.Clone(heard)
					slices.Sort(late)
					late = late[len(late)/2:]
					return all(ordering.Stamped{Stamp: m.Stamp, Sender: -1}, late)
				}
			}),
		of("heard-from-whatever-the-stamp",
			"A member counts as heard from once anything has come of it, however old its stamp is.",
			causal, func(r *ordering.LamportRules) {
				r.Heard = func(m ordering.Stamped, heard []uint64) bool {
					for _, stamp := range heard {
						if stamp == 0 {
							return false
						}
					}
					return true
				}
			}),
		of("equal-stamps-by-arrival",
			"Messages with the same stamp are delivered in the order in which they came, instead of that of their senders.",
			order, func(r *ordering.LamportRules) {
				r.Before = func(x, y ordering.Stamped) bool {
					return x.Stamp < y.Stamp || x.Stamp == y.Stamp && x.Arrival < y.Arrival
				}
			}),
		of("clock-not-bumped-on-receive",
			"The clock counts a node's own messages only, so that what it sends after a message is not stamped later, and others wait for that in vain.",
			silent, func(r *ordering.LamportRules) {
				r.Received = func(clock, _ uint64) uint64 { return clock }
			}),
		of("empty-messages-out-of-order",
			"An empty message counts at once, though one that its sender sent before it is still on its way.",
			causal, func(r *ordering.LamportRules) {
				r.Waits = func(empty bool) bool { return !empty }
			}),
		of("silent-members-stay-silent",
			"Who has nothing to send sends nothing, and the others wait for something later from it.",
			silent, func(r *ordering.LamportRules) {
				r.Answers = func(ordering.Stamped, uint64, int) bool { return false }
			}),
	}
}

func agreement(cfg impl.Config) impl.Layer { return ordering.NewAgreement(cfg) }
func lamport(cfg impl.Config) impl.Layer   { return ordering.NewLamport(cfg, 0) }
func causalTotal(cfg impl.Config) impl.Layer {
	return ordering.NewCausalTotal(cfg, ordering.NewAgreement(cfg))
}

func fifoTotal(cfg impl.Config) impl.Layer {
	return ordering.NewFifoTotal(cfg, ordering.NewAgreement(cfg))
}

func agreementWith(change func(*ordering.AgreementRules)) maker {
	return func(cfg impl.Config) impl.Layer {
		a := ordering.NewAgreement(cfg)
		change(&a.Rules)
		return a
	}
}

func lamportWith(change func(*ordering.LamportRules)) maker {
	return func(cfg impl.Config) impl.Layer {
		l := ordering.NewLamport(cfg, 0)
		change(&l.Rules)
		return l
	}
}

func causalTotalOwnAtOnce(cfg impl.Config) impl.Layer {
	const header, message = 8 + 4 + 1, 1 // of a message under agreement
	total := &wrapped{layer: ordering.NewAgreement(cfg), effects: func(in impl.Input, list []impl.Effect) []impl.Effect {
		list = without(list, func(e *impl.Effect) bool {
			return e.Kind == impl.Up && e.To == impl.Everyone && e.From == cfg.Self
		})
		if n := len(in.Body) - header; toGroup(in, impl.Packet) && in.From == cfg.Self && n >= 0 && in.Body[len(in.Body)-1] == message {
			list = append(list, impl.Effect{Kind: impl.Up, From: cfg.Self, To: impl.Everyone, Body: in.Body[:n:n]})
		}
		return list
	}}
	return impl.NewStack(ordering.NewCausal(cfg), total)
}
