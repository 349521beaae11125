package mutant

import (
	"encoding/binary"
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// detourMutants are total orders that take one message delay more than they have to. Nothing else is wrong with them.
func detourMutants() []Mutant {
	dear := func(name, title, cell string) Mutant {
		return Mutant{Name: name, Title: title, Breaks: []spec.ID{"COST-DELAY"}, Cell: cell, Under: spec.NoFaults,
			New: with(cell, func(s *stack) {
				right := s.ordering
				s.ordering = func(cfg impl.Config) impl.Layer { return &detour{cfg: cfg, layer: right(cfg)} }
			})}
	}
	return []Mutant{
		dear("number-by-way-of-oneself",
			"The sequencer sends a number to itself before it sends it to the group, so that every message takes a delay more.",
			sequencerOverReliable),
		dear("decision-by-way-of-oneself",
			"The sender sends the largest proposal to itself before it sends it to the group, so that every message takes a delay more.",
			agreementOverReliable),
	}
}

// detour lets what its layer multicasts when a packet has come go to itself first.
type detour struct {
	cfg   impl.Config
	layer impl.Layer
}

// The trailer of packets to one node: the reference of a multicast, and whether it is one.
const (
	detourLen = 8 + 1
	plainWay  = 0
	byOneself = 1
)

// Step implements [impl.Layer].
func (d *detour) Step(in impl.Input, out *impl.Effects) {
	if in.Kind == impl.Packet && in.To != impl.Everyone {
		body, h, ok := impl.Cut(in.Body, detourLen)
		if !ok {
			out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
			return
		}
		if h[8] == byOneself {
			out.Down(impl.Everyone, body, impl.Ref(binary.LittleEndian.Uint64(h)))
			return
		}
		in.Body = body
	}
	first := len(out.List)
	d.layer.Step(in, out)
	mine := slices.Clone(out.List[first:])
	out.List = out.List[:first]
	for _, e := range mine {
		switch {
		case e.Kind == impl.Down && e.To != impl.Everyone:
			e.Body = trailer(out, e.Body, 0, plainWay)
		case e.Kind == impl.Down && in.Kind == impl.Packet:
			e.Body = trailer(out, e.Body, e.Ref, byOneself)
			e.To, e.Ref = d.cfg.Self, 0
		}
		out.Add(e)
	}
}

func trailer(out *impl.Effects, body []byte, ref impl.Ref, way byte) []byte {
	b := out.Extend(body, detourLen)
	binary.LittleEndian.PutUint64(b[len(body):], uint64(ref))
	b[len(b)-1] = way
	return b
}
