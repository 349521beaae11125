package reliability

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// [Uniform] with members that change: the majority is that of the view. Of a message that is under way when the view
// changes, those decide who were members when it came here and still are: who has come in later was not sent it, and need
// not have it; who has left is not waited for.
//
// What one member delivers, also one that crashes, all deliver that go on, as long as of each majority that has relayed a
// message one member is in the next view too. There is no virtual synchrony: it may be delivered in another view by each.

// change takes in a view.
func (u *Uniform) change(v *spec.View, out *impl.Effects) {
	before := u.cfg.Members
	u.cfg.Members = slices.Clone(v.Members)
	u.streams.Each(func(node int, incarnation uint32, s *uniformStream) {
		for n := s.ring.First(); n <= s.ring.Last(); n++ {
			m := s.ring.At(n)
			if !m.pending || m.delivered {
				continue
			}
			for _, x := range before {
				if !slices.Contains(v.Members, x) {
					m.relayed.Remove(x)
				}
			}
			for _, x := range v.Members {
				if !slices.Contains(before, x) {
					m.later.Add(x)
				}
			}
			if u.enough(m) {
				m.delivered = true
				u.up = append(u.up, uniformDelivery{spec.NodeID(node), m.body, m.ref})
			}
		}
		s.pass()
	})
	for i := range u.up {
		out.Up(u.up[i].origin, impl.Everyone, u.up[i].body)
		out.Acknowledge(u.up[i].ref)
	}
	clear(u.up)
	u.up = u.up[:0]
}

// uniformDelivery is a message that is delivered because the view has changed.
type uniformDelivery struct {
	origin spec.NodeID
	body   []byte
	ref    impl.Ref
}

// enough says whether those have relayed a message of whom that is asked.
func (u *Uniform) enough(m *uniformMessage) bool {
	if m.later.Len() == 0 {
		return u.Rules.Enough(&u.cfg, &m.relayed)
	}
	cfg := u.cfg
	cfg.Members = slices.DeleteFunc(slices.Clone(u.cfg.Members), m.later.Has)
	var relayed impl.NodeSet
	for _, x := range cfg.Members {
		if m.relayed.Has(x) {
			relayed.Add(x)
		}
	}
	return u.Rules.Enough(&cfg, &relayed)
}
