package suites

import (
	"testing"

	"github.com/conform-go/conform/spec"
)

// A group has ended when it was left by all and then began again, so that nobody came along to a view; not where somebody
// came, nor where nothing came behind: that would take runs away from the judges.
func TestEnded(t *testing.T) {
	type told struct {
		n    spec.NodeID
		kind spec.Kind
		view uint64
		came bool
	}
	left := []told{{0, spec.Leave, 0, false}, {1, spec.Crash, 0, false}}
	for name, c := range map[string]struct {
		all  []told
		want bool
	}{
		"destroyed":                    {[]told{{0, spec.Destroy, 0, false}}, true},
		"it is refused":                {[]told{{0, spec.Destroy, 0, false}, {0, spec.Destroyed, 0, false}}, false},
		"left by all":                  {left, false},
		"begun again":                  {append(left[:2:2], told{2, spec.Join, 0, false}, told{2, spec.ViewChange, 3, false}), true},
		"begun again by a leaver":      {append(left[:2:2], told{0, spec.Left, 0, false}, told{0, spec.Join, 0, false}, told{0, spec.ViewChange, 3, false}), true},
		"one is left":                  {[]told{{0, spec.Leave, 0, false}, {2, spec.ViewChange, 2, false}}, false},
		"who leaves has come along":    {append(left[:2:2], told{0, spec.ViewChange, 2, true}, told{0, spec.ViewChange, 2, false}, told{2, spec.ViewChange, 2, false}), false},
		"… and tells it later":         {append(left[:2:2], told{2, spec.ViewChange, 2, false}, told{0, spec.ViewChange, 2, true}, told{0, spec.ViewChange, 2, false}), false},
		"the leave is not yet decided": {[]told{{0, spec.Leave, 0, false}, {0, spec.ViewChange, 2, true}, {0, spec.ViewChange, 2, false}, {1, spec.Crash, 0, false}}, false},
	} {
		b := &bench{h: spec.History{Header: spec.Header{Nodes: []string{"0", "1", "2"}, Groups: []spec.Group{{Name: "g", Members: []spec.NodeID{0, 1}}}}}}
		for _, x := range c.all {
			e := spec.Event{Kind: x.kind, Node: x.n, Has: spec.HasNode | spec.HasGroup}
			if x.kind == spec.Destroy || x.kind == spec.Destroyed {
				b.h.AddExtra(e, spec.Extra{ID: 1, Of: 1, Reason: map[spec.Kind]string{spec.Destroyed: "no group"}[x.kind]})
				continue
			}
			if x.kind != spec.ViewChange {
				b.h.Add(e)
				continue
			}
			if e.Has |= spec.HasView; x.came {
				e.Has |= spec.IsTransitional
			}
			b.h.AddExtra(e, spec.Extra{View: spec.ViewID{Epoch: x.view}})
		}
		if got := b.ended(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
