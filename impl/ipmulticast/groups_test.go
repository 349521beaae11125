package ipmulticast

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// sharing is a bottom of a node that several groups share, and what it says upward, with the group of each.
type sharing struct {
	layer impl.Layer
	out   *impl.Effects
}

func newSharing(l impl.Layer) *sharing {
	s := &sharing{l, impl.NewEffects(&impl.Arena{})}
	s.up(impl.Input{Kind: impl.Start})
	return s
}

func (s *sharing) up(in impl.Input) string {
	s.out.Reset()
	s.layer.Step(in, s.out)
	var said []string
	for i := range s.out.List {
		if e := &s.out.List[i]; e.Kind.Upward() {
			said = append(said, fmt.Sprintf("%v %s%d of %d", e.Kind, e.Body, e.Ref, e.Group))
		}
	}
	return strings.Join(said, ", ")
}

// sent gives the first frame, or the packet to oneself, that goes out on a send.
func (s *sharing) sent(in impl.Input) *impl.Effect {
	in.Kind = impl.Send
	s.up(in)
	for i := range s.out.List {
		if e := s.out.List[i]; e.Kind == impl.Down {
			return &e
		}
	}
	return &impl.Effect{}
}

// bottoms makes hosts of 10.0.0.11 and 10.0.0.12, as nodes 1 and 2, and drivers. The groups 0 and 1 of the hosts have
// addresses that share a hardware address.
func bottoms() map[string]func(spec.NodeID) *sharing {
	return map[string]func(spec.NodeID) *sharing{
		"host": func(n spec.NodeID) *sharing {
			return newSharing(lanHost(n, 2, func(cfg *HostConfig) {
				cfg.Groups = 3
				cfg.GroupAddr = func(g spec.GroupID) netip.Addr {
					return []netip.Addr{netip.MustParseAddr("224.1.1.1"), netip.MustParseAddr("225.1.1.1"), netip.MustParseAddr("226.1.1.2")}[g]
				}
			}))
		},
		"driver":    func(n spec.NodeID) *sharing { return newSharing(driverOf(n, false)) },
		"broadcast": func(n spec.NodeID) *sharing { return newSharing(driverOf(n, true)) },
	}
}

func driverOf(n spec.NodeID, broadcast bool) *Driver {
	b := newBench(broadcast, func(cfg *DriverConfig) { cfg.Self, cfg.Own = n, cardOf(n) })
	return b.Driver
}

// What comes for a group goes up as that group's, also one's own copy and what is for this node alone; and so does an
// answer.
func TestWhatIsSharedNamesTheGroup(t *testing.T) {
	for name, bottom := range bottoms() {
		a, b := bottom(1), bottom(2)
		for _, g := range []spec.GroupID{0, 1} {
			want := fmt.Sprintf("finish 9 of %d", g)
			if got := b.up(impl.Input{Kind: impl.Join, Group: g, Ref: 9}); got != want {
				t.Errorf("%s: a join: %s, want %s", name, got, want)
			}
		}
		for _, g := range []spec.GroupID{0, 1, 2} {
			own := fmt.Sprintf("up x0 of %d", g)
			toAll := own
			if g == 2 {
				toAll = "" // it has not joined this one
			}
			for _, c := range []struct {
				to   spec.NodeID
				want string
			}{{impl.Everyone, toAll}, {2, own}} {
				frame := a.sent(impl.Input{To: c.to, Group: g, Body: []byte("x")})
				if got := b.up(impl.Input{Kind: impl.Packet, Body: frame.Body, From: -1, To: impl.Everyone}); got != c.want {
					t.Errorf("%s: to %d, group %d: %s, want %s", name, c.to, g, got, c.want)
				}
			}
			loop := b.sent(impl.Input{To: 2, Group: g, Body: []byte("x")})
			if got := b.up(impl.Input{Kind: impl.Packet, Num: impl.LoopPort, From: 2, To: 2, Group: loop.Group, Body: loop.Body}); got != own {
				t.Errorf("%s: to oneself, group %d: %s, want %s", name, g, got, own)
			}
			want := fmt.Sprintf("refuse 7 of %d", g)
			if got := b.up(impl.Input{Kind: impl.Send, To: 99, Group: g, Ref: 7}); got != want {
				t.Errorf("%s: to nobody: %s, want %s", name, got, want)
			}
		}
	}
}

// A host has ports for its groups and no others.
func TestPortsOfGroups(t *testing.T) {
	h := bottoms()["host"](2)
	h.up(impl.Input{Kind: impl.Join, Group: 0})
	for _, c := range []struct {
		dst  string
		port uint16
		want string
	}{
		{"10.0.0.12", 5000, "up x0 of 0"},
		{"10.0.0.12", 5002, "up x0 of 2"},
		{"10.0.0.12", 5003, ""},
		{"10.0.0.12", 4999, ""},
		{"224.1.1.1", 5000, "up x0 of 0"},
		{"224.1.1.1", 5001, ""},
		{"225.1.1.1", 5000, ""},
	} {
		frame := datagramFrom("10.0.0.11", c.dst, c.port, "x")
		if got := h.up(impl.Input{Kind: impl.Packet, Body: frame, From: -1, To: impl.Everyone}); got != c.want {
			t.Errorf("to %s, port %d: %s, want %s", c.dst, c.port, got, c.want)
		}
	}
	if got := h.up(impl.Input{Kind: impl.Send, To: 1, Group: 3, Ref: 5}); got != "refuse 5 of 3" {
		t.Errorf("a send of a group without a port: %s", got)
	}
}

// A driver whose check is missing hands a frame for nobody to everybody, once to each group.
func TestDriverWithoutItsCheckHandsUpToAll(t *testing.T) {
	b := newSharing(newBench(false, func(cfg *DriverConfig) { cfg.Rules.Takes = func(bool) bool { return true } }).Driver)
	frame := impl.Input{Kind: impl.Packet, Body: frameOf(cardOf(2), GroupMAC(group4(6)), 6, "x"), From: -1, To: impl.Everyone}
	if got := b.up(frame); got != "up x0 of 6" {
		t.Errorf("without a group: %s", got)
	}
	for _, g := range []spec.GroupID{5, 3} {
		b.up(impl.Input{Kind: impl.Join, Group: g})
	}
	if got := b.up(frame); got != "up x0 of 5, up x0 of 3" {
		t.Errorf("in two other groups: %s", got)
	}
	b.up(impl.Input{Kind: impl.Join, Group: 6})
	if got := b.up(frame); got != "up x0 of 6" {
		t.Errorf("in the group too: %s", got)
	}
}
