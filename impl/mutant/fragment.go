package mutant

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

func fragmentMutants() []Mutant {
	return []Mutant{{
		Name:   "fragments-keyed-by-sender-only",
		Title:  "Pieces are put together by their sender alone, so that two messages under way at once become one that nobody sent.",
		Breaks: []spec.ID{"NO-CREATION", "CONTENT-INTEGRITY", "SELF-DELIVERY", "VALIDITY", "AGREEMENT"},
		Cell:   inPieces, Under: spec.NoFaults, MTU: 200,
		New: with(inPieces, func(s *stack) { s.fragment = fragmentBySender }),
	}}
}

func fragmentBySender(cfg impl.Config) impl.Layer {
	f := transport.NewFragment(cfg)
	f.Rules.Same = func(a, b transport.PieceHeader) bool { return true }
	return f
}
