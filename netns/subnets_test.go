package netns

import (
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

const siteSpeed = 100

// siteTiming is that of the RFCs on clocks that are fast, with a last member query interval that hosts can keep.
func siteTiming() ipmulticast.Timing {
	t := ipmulticast.RFC
	t.Speed, t.LastMemberQuery, t.RefreshPeriod = siteSpeed, 10*time.Second, 0
	return t
}

// siteOf builds three subnets, each with a router, for so many hosts.
func siteOf(t testing.TB, plan ipmulticast.InternetConfig, mode ipmulticast.Routing, igmp int) *LAN {
	t.Helper()
	plan.Routed = true
	if plan.Subnets == 0 {
		plan.Subnets = 3
	}
	net := ipmulticast.NewInternet(plan)
	timing := siteTiming()
	version := igmp
	if plan.IPv6 {
		version = max(1, igmp-1)
	}
	cfg := SubnetsConfig{Plan: net, Speed: siteSpeed, Reroute: 40 * time.Millisecond, TTL: 16, IGMP: func(int) int { return igmp },
		Router: func(i int) *ipmulticast.Router {
			return ipmulticast.NewRouter(ipmulticast.RouterConfig{Name: net.Routers[i].Name, Ports: net.Routers[i].Ports, Routes: net.Routes,
				Self: i, Mode: mode, Timing: timing, Version: version, Seed: 1})
		}}
	if mode == ipmulticast.Sparse {
		rp := net.Routers[1].Ports[0].Addr
		cfg.Router = func(i int) *ipmulticast.Router {
			return ipmulticast.NewRouter(ipmulticast.RouterConfig{Name: net.Routers[i].Name, Ports: net.Routers[i].Ports, Routes: net.Routes,
				Self: i, Mode: mode, Timing: timing, Version: version, Seed: 1, RPs: []netip.Addr{rp}})
		}
	}
	l, err := NewSubnets(cfg)
	if err != nil {
		if Missing(err) && os.Getenv(RequiredVariable) == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// A message crosses three subnets, and every member gets it.
func TestSubnets(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name string
		mode ipmulticast.Routing
		igmp int
		v6   bool
	}{{"dense", ipmulticast.Dense, 2, false}, {"sparse", ipmulticast.Sparse, 3, false}, {"dense6", ipmulticast.Dense, 3, true}} {
		t.Run(x.name, func(t *testing.T) {
			start := time.Now()
			l := siteOf(t, ipmulticast.InternetConfig{Hosts: 3, IPv6: x.v6}, x.mode, x.igmp)
			t.Logf("up after %v", time.Since(start))
			w := earth(t, l, "ip/unreliable")
			h := play1(t, w, scenario(t, "at 0s send 0 g 8\nat 100ms send 1 g 8\nat 200ms send 2 g 8\n"))
			t.Logf("played after %v", time.Since(start))
			var j checkers.Judge
			j.Load(h)
			for _, id := range []spec.ID{"AGREEMENT", "VALIDITY", "NO-DUPLICATION"} {
				if f := j.Check(id); f.Verdict != spec.Pass {
					t.Errorf("%s: %v %s %v", id, f.Verdict, f.Reason, f.Witness)
				}
			}
		})
	}
}
