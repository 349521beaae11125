package netns

import (
	"net/netip"
	"testing"
	"time"

	"github.com/conform-go/conform/impl/ipmulticast"
)

// A host of version 3 leaves, and one of version 1 on its LAN, which says nothing of itself for ten seconds and does not
// know questions about a group, still listens. A router that knows of it believes no leave (RFC 3376 section 7.3.2); one
// that does asks, hears nothing, and cuts it off.
func TestOldListenerBesideALeave(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes a second")
	}
	for name, compatible := range map[string]func(int) int{
		"heeded":    nil,
		"overruled": func(int) int { return 3 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := spread{mode: ipmulticast.Dense, plan: ipmulticast.InternetConfig{Hosts: 4, Subnets: 2},
				hosts: func(h int) int { return [...]int{3, 1, 3, 3}[h] },
				changed: func(cfg *ipmulticast.RouterConfig) {
					cfg.Timing.QueryResponse = 10 * time.Second * siteSpeed
					cfg.Rules.Querier.Compatible = compatible
				}}.build(t)
			s := mouth(t, l, 0)
			old, other := ear{t, siteEar(t, l, 1, netip.Addr{})}, ear{t, siteEar(t, l, 3, netip.Addr{})}
			for _, e := range []ear{old, other} {
				if _, ok := flows(t, s, e, 3*time.Second); !ok {
					t.Fatal("nothing comes to a listener")
				}
			}
			if err := other.Close(); err != nil {
				t.Fatal(err)
			}
			cut := false
			for end := time.Now().Add(700 * time.Millisecond); !cut && time.Now().Before(end); {
				_, ok := flows(t, s, old, 100*time.Millisecond)
				cut = !ok
			}
			if cut != (compatible != nil) {
				t.Errorf("the host of version 1 was cut off: %v", cut)
			}
		})
	}
}

// Hosts that know version 3 speak the version of a router that does not (RFC 3376 section 7.2.1), and get what they
// listen to.
func TestHostsFallBack(t *testing.T) {
	t.Parallel()
	l := spread{mode: ipmulticast.Dense, igmp: 2, plan: ipmulticast.InternetConfig{Hosts: 2, Subnets: 2}, hosts: func(int) int { return 3 }}.build(t)
	c := catchAll(t, l)
	s, e := mouth(t, l, 0), ear{t, siteEar(t, l, 1, netip.Addr{})}
	if _, ok := flows(t, s, e, 3*time.Second); !ok {
		t.Fatal("nothing comes to a host that knows a newer version than its router")
	}
	until(t, "a report of version 2", 2*time.Second, func() bool {
		return c.count(func(from int, in *ipmulticast.IP, _ ipmulticast.Inspected) bool {
			return from == 1 && in.Protocol == ipmulticast.ProtoIGMP && len(in.Payload) > 0 && in.Payload[0] == 0x16
		}) > 0
	})
}
