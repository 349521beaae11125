package transport_test

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// Seven nodes in a tree of three levels: to the root, to its two children, to theirs. 1 is a coordinator and the sender:
// it hands on what the tree brings, and does not deliver it again.
func TestHierarchy(t *testing.T) {
	f := impltest.NewFigure(7, hierarchy(2))
	f.Send(1, impl.Everyone, "all", 0)
	f.Drain()
	for n := range 7 {
		delivered(t, f, impltest.Node(n), "all")
	}
	golden(t, f, "hierarchy")
}

// Everybody hears everybody once, whatever the shape; and no node hands on more than its fan-out.
func TestHierarchyShapes(t *testing.T) {
	for n := 1; n <= 12; n++ {
		for fanout := range 6 {
			for depth := range 5 {
				f := impltest.NewFigure(n, func(cfg impl.Config) impl.Layer { return transport.NewHierarchy(cfg, fanout, depth) })
				for s := range n {
					f.Send(impltest.Node(s), impl.Everyone, string(rune('a'+s)), 0)
					f.Drain()
				}
				for m := range n {
					if got := strings.Join(f.Delivered(impltest.Node(m)), ""); got != "abcdefghijkl"[:n] {
						t.Fatalf("%d nodes, fanout %d, depth %d: node %d delivered %q", n, fanout, depth, m, got)
					}
				}
			}
		}
	}
}

// The fan-out grows until the members fit into the levels; Inner counts those with children.
func TestFanout(t *testing.T) {
	for _, c := range []struct{ members, fanout, depth, wantFanout, inner int }{
		{0, 0, 0, 4, 0},
		{1, 0, 0, 4, 0},
		{1, 3, 1, 3, 0},
		{2, 1, 1, 1, 1},
		{5, 0, 0, 4, 1},
		{6, 0, 0, 4, 2},
		{6, 4, 1, 5, 1}, // two levels: a root and the rest
		{6, 4, 2, 5, 1},
		{7, 2, 3, 2, 3},
		{8, 2, 3, 3, 3},
		{4, 1, 0, 1, 3}, // a chain
		{4, 1, 4, 1, 3},
		{5, 1, 4, 2, 2},
		{1000, 2, 9, 3, 333},
		{1 << 40, 2, 62, 2, 1 << 39},
	} {
		if got := transport.Fanout(c.members, c.fanout, c.depth); got != c.wantFanout {
			t.Errorf("Fanout(%d, %d, %d) is %d, want %d", c.members, c.fanout, c.depth, got, c.wantFanout)
		}
		if got := transport.Inner(c.members, c.fanout, c.depth); got != c.inner {
			t.Errorf("Inner(%d, %d, %d) is %d, want %d", c.members, c.fanout, c.depth, got, c.inner)
		}
	}
}

// The children of all are everybody but the root, once, and those that have any are the first ones.
func TestChildren(t *testing.T) {
	for n := 1; n < 40; n++ {
		var members, got []spec.NodeID
		for i := range n {
			members = append(members, impltest.Node(i))
		}
		for fanout := 1; fanout < 7; fanout++ {
			got = got[:0]
			for i := range n {
				children := transport.Children(members, i, fanout)
				if (len(children) > 0) != (i < transport.Inner(n, fanout, 0)) || len(children) > fanout {
					t.Errorf("%d members, fanout %d: %d has the children %v", n, fanout, i, children)
				}
				got = append(got, children...)
			}
			if len(got) != n-1 {
				t.Fatalf("%d members, fanout %d: %v", n, fanout, got)
			}
			for i, m := range got {
				if m != impltest.Node(i+1) {
					t.Fatalf("%d members, fanout %d: %v", n, fanout, got)
				}
			}
		}
	}
	if got := transport.Children(nil, -1, 2); got != nil {
		t.Errorf("an outsider has the children %v", got)
	}
}
