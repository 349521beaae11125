package membership_test

import (
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/checkers/linear"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// lan is one LAN with hardware multicast, and nothing that makes it reliable.
func lan() *sim.Internet {
	return &sim.Internet{
		Plan: func(hosts int) *ipmulticast.Internet {
			return ipmulticast.NewInternet(ipmulticast.InternetConfig{Hosts: hosts, Subnets: 1, Seed: 1})
		},
		Group:   sim.GroupAddress,
		Reroute: 20 * time.Millisecond,
		Host: func(cfg impl.Config, at sim.Place) []impl.Layer {
			port := at.Net.Hosts[at.Host].Port
			return []impl.Layer{ipmulticast.NewDriver(ipmulticast.DriverConfig{Self: cfg.Self, Own: port.MAC(),
				MACOf: func(id spec.NodeID) (ipmulticast.MAC, bool) {
					if id < 0 || int(id) >= len(at.Net.Hosts) {
						return ipmulticast.MAC{}, false
					}
					return at.Net.Hosts[id].Port.MAC(), true
				},
				NodeAt: func(m ipmulticast.MAC) (spec.NodeID, bool) { return at.HostAt(ipmulticast.AddrOf(m)) },
				Group:  func(g spec.GroupID) ipmulticast.MAC { return ipmulticast.GroupMAC(at.Groups[g]) },
			}), ipmulticast.NewNIC(port.MAC(), ipmulticast.Hash64, 4)}
		},
	}
}

// The server and its members say again what the network loses: no channel is needed below.
func TestServerOverHardware(t *testing.T) {
	runs := 10 * *serverRuns
	if testing.Short() {
		runs = 5
	}
	stack := func(cfg impl.Config) impl.Layer {
		return impl.NewStack(membership.NewGate(cfg, nil), membership.NewFlush(cfg), ordering.NewFifo(cfg), membership.NewInView(cfg),
			reliability.NewUnreliable(cfg), membership.NewServer(cfg, 0), transport.NewMulticast(cfg), membership.NewDetector(cfg, membership.FixedPatience))
	}
	for name, k := range map[string]serverKinds{"moves": {}, "all": serverSoaks["all"].serverKinds} {
		t.Run(name, func(t *testing.T) {
			var j checkers.Judge
			w, h, n := sim.New(sim.Config{New: stack, Internet: lan(), Model: spec.CrashRecovery}), &spec.History{}, map[spec.ID]int{}
			for seed := range uint64(runs) {
				s := drawServer(seed, k)
				if err := w.Play(s, h); err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, s)
				}
				wrong := append(judged(&j, h, n, append([]spec.ID{linear.Membership, "FIFO-ORDER"}, serverSafety...)...), ends(s, h, false)...)
				if len(wrong) > 0 || !h.Settled {
					t.Fatalf("seed %d: settled %t, %v\n%s", seed, h.Settled, wrong, s)
				}
			}
			t.Logf("%d runs: %v", runs, n)
		})
	}
}
