package mutant

import (
	"bytes"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

// byzantineMutants are bugs of honest members. They show when some others lie, as [reliability.Liar] does; without
// liars each of them is a correct protocol.
func byzantineMutants() []Mutant {
	silenced := []spec.ID{"SELF-DELIVERY", "TAIL-RECOVERY", "ACKED-DELIVERED", "BYZ-TOTALITY", "BYZ-VALIDITY"}
	all := []spec.ID{"NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY", "SELF-DELIVERY", "TAIL-RECOVERY", "ACKED-DELIVERED",
		"BYZ-CONSISTENCY", "BYZ-TOTALITY", "BYZ-VALIDITY"}
	return []Mutant{
		{
			Name:   "no-echo-quorum",
			Title:  "A member is ready at the first echo, and different members for different contents.",
			Breaks: all,
			Cell:   overByzantine, Under: spec.SetOf(spec.ByzantineFault),
			New: byzantineWith(func(r *reliability.ByzantineRules) {
				r.Echoes = func(int, int) int { return 1 }
			}),
		},
		{
			Name:   "echo-quorum-rounded-down",
			Title:  "(n+f)/2 echoes are enough instead of more than that: two such quorums may have no correct member in common.",
			Breaks: []spec.ID{"NO-DUPLICATION", "BYZ-CONSISTENCY", "BYZ-TOTALITY"},
			Cell:   overByzantine, Under: spec.SetOf(spec.ByzantineFault),
			New: byzantineWith(func(r *reliability.ByzantineRules) {
				r.Echoes = func(n, f int) int { return (n + f) / 2 }
			}),
		},
		{
			Name:   "no-ready-amplification",
			Title:  "A member gets ready by echoes only, though so many are ready that one of them is correct: some deliver, and others wait for ever.",
			Breaks: silenced,
			Cell:   overByzantine, Under: spec.SetOf(spec.ByzantineFault),
			New: byzantineWith(func(r *reliability.ByzantineRules) {
				r.Readies = func(n, _ int) int { return n + 1 }
			}),
		},
		{
			Name:   "delivers-on-f-plus-one",
			Title:  "A member delivers when f+1 are ready, of which one is correct: that one alone does not make the others ready.",
			Breaks: []spec.ID{"SELF-DELIVERY", "TAIL-RECOVERY", "ACKED-DELIVERED", "BYZ-CONSISTENCY", "BYZ-TOTALITY", "BYZ-VALIDITY"},
			Cell:   overByzantine, Under: spec.SetOf(spec.ByzantineFault),
			New: byzantineWith(func(r *reliability.ByzantineRules) {
				r.Deliver = func(_, f int) int { return f + 1 }
			}),
		},
		{
			Name:   "two-votes-of-one-peer-counted",
			Title:  "Each echo and each ready counts, and not who they come from: a liar that repeats itself is a quorum.",
			Breaks: all,
			Cell:   overByzantine, Under: spec.SetOf(spec.ByzantineFault),
			New: byzantineWith(func(r *reliability.ByzantineRules) {
				r.Once = func(*impl.NodeSet, spec.NodeID) bool { return true }
			}),
		},
		{
			Name:   "id-not-covered-by-digest",
			Title:  "Contents are compared without the id that goes with them: votes for the same words under two ids are taken for votes for one.",
			Breaks: []spec.ID{"NO-CREATION", "NO-DUPLICATION", "SELF-DELIVERY", "TAIL-RECOVERY", "ACKED-DELIVERED", "BYZ-CONSISTENCY", "BYZ-TOTALITY", "BYZ-VALIDITY"},
			Cell:   overByzantine, Under: spec.SetOf(spec.ByzantineFault),
			New: byzantineWith(func(r *reliability.ByzantineRules) { r.Same = sameWords }),
		},
		{
			Name:   "claimed-sender-believed",
			Title:  "A receiver believes who a message says that it is of, and not from whom it came: a liar speaks in the name of others, and before them.",
			Breaks: []spec.ID{"NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY", "SELF-DELIVERY", "TAIL-RECOVERY", "ACKED-DELIVERED", "BYZ-VALIDITY"},
			Cell:   overByzantine, Under: spec.SetOf(spec.ByzantineFault),
			New: byzantineWith(func(r *reliability.ByzantineRules) {
				r.Claims = func(_, _ spec.NodeID) bool { return true }
			}),
		},
	}
}

func byzantineWith(change func(*reliability.ByzantineRules)) func(impl.Config) impl.Layer {
	return with(overByzantine, func(s *stack) {
		s.reliability = func(cfg impl.Config) impl.Layer {
			z := reliability.NewByzantine(cfg)
			change(&z.Rules)
			return z
		}
	})
}

// sameWords compares what applications say, and not the ids of the messages.
func sameWords(a, b []byte) bool {
	k := max(0, len(a)-impl.EnvelopeLen)
	return len(a) == len(b) && bytes.Equal(a[:k], b[:k])
}
