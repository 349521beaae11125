package netns

import (
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// listening is a world on subnets whose judges know how long hosts and routers may take to speak of groups. Hosts of
// version 2 say it twice within the tenth of a second in which they answer queries.
func listening(t *testing.T, l *LAN) *World {
	t.Helper()
	w := siteWorld(t, l, "dense")
	declare := w.cfg.Declare
	w.cfg.Declare = func(s *faults.Scenario, h *spec.Header) {
		declare(s, h)
		h.Topology.IGMP = 2
		const ticks = 50 * time.Millisecond
		for id, d := range map[string]time.Duration{"IGMP-JOIN": 100 * time.Millisecond, "IGMP-LEAVE": 200 * time.Millisecond,
			"IGMP-SUPPRESSION": 100 * time.Millisecond, "IGMP-QUERIER": 2560 * time.Millisecond} {
			h.Bounds[id] = d + ticks
		}
	}
	return w
}

// deafen lets hosts hear no report of others: their kernels drop what they get of type 0x16 before IGMP has it.
func deafen(hosts ...int) func(*testing.T, *LAN) {
	return func(t *testing.T, l *LAN) {
		for _, host := range hosts {
			c, err := nftables.New(nftables.WithNetNSFd(l.hosts[host].fd()))
			if err != nil {
				t.Fatal(err)
			}
			table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "deaf"})
			chain := c.AddChain(&nftables.Chain{Table: table, Name: "in", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter})
			c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
				&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_IGMP}},
				&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Len: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{0x16}},
				&expr.Verdict{Kind: expr.VerdictDrop}}})
			if err := c.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What hosts do wrong in IGMP their kernels can be made to do, and a router of another version does what none of its own
// does. The judge of each is told by the frames on the links alone.
func TestPlantedListeners(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	ofHost := func(host int, name, value string) func(*testing.T, *LAN) {
		return func(t *testing.T, l *LAN) {
			if err := l.thread.in(l.hosts[host], func() error { return sysctl(name, value) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	const line, ring = ipmulticast.Line, ipmulticast.Ring
	const joins = "conform.scenario/1\nnodes 4\ngroup g 1\nseed 1\nat 300ms join 2 g\nat 700ms send 1 g 8\n"
	const listens = "conform.scenario/1\nnodes 4\ngroup g 0 3\nseed 1\nat 2600ms send 0 g 8\n"
	const leaves = "conform.scenario/1\nnodes 4\ngroup g 1\nseed 1\nat 300ms join 2 g\nat 1900ms leave 2 g\nat 2600ms send 1 g 8\n"
	for name, x := range map[string]struct {
		id    spec.ID
		shape ipmulticast.Shape
		steps string
		plant func(*testing.T, *LAN)
		older bool // the last router speaks version 1, in which nobody elects
		text  string
	}{
		"a report that is not repeated (RFC 2236 section 8.10)": {id: "IGMP-JOIN", shape: line, steps: joins, plant: ofHost(2, "net/ipv4/igmp_qrv", "1"), text: "reported 1 times"},
		"a host deaf to the reports of others (section 3)":      {id: "IGMP-SUPPRESSION", shape: line, steps: listens, plant: deafen(0, 3), text: "had heard another's report"},
		"a host that leaves without a word (section 6)":         {id: "IGMP-LEAVE", shape: line, steps: leaves, plant: ofHost(2, "net/ipv4/conf/all/force_igmp_version", "1"), text: "said nothing of it"},
		"a router that asks though another one does":            {id: "IGMP-QUERIER", shape: ring, steps: listens, older: true, text: "asked on"},
	} {
		for _, planted := range []bool{true, false} {
			if !planted && x.id != "IGMP-JOIN" && x.id != "IGMP-SUPPRESSION" {
				continue
			}
			if !planted {
				name = "none of it: " + name
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := spread{mode: ipmulticast.Dense, igmp: 2, plan: ipmulticast.InternetConfig{Hosts: 4, Shape: x.shape}}
				c.changed = func(r *ipmulticast.RouterConfig) {
					if planted && x.older && r.Self == 3 {
						r.Version = 1
					}
				}
				cfg := c.config()
				cfg.Reports = 100 * time.Millisecond
				l := subnetsOf(t, cfg)
				if planted && x.plant != nil {
					x.plant(t, l)
				}
				s, err := faults.Parse(x.steps)
				if err != nil {
					t.Fatal(err)
				}
				w := listening(t, l)
				var f spec.Finding
				for range 3 {
					h := play1(t, w, s)
					var j checkers.Judge
					j.Load(h)
					f = j.Check(x.id)
					if max(w.Lag(), w.Late()) < 40*time.Millisecond && (f.Verdict == spec.Fail) == planted {
						break
					}
				}
				switch {
				case planted && (f.Verdict != spec.Fail || !strings.Contains(f.Witness.Text, x.text)):
					t.Errorf("%v %s", f.Verdict, f.Reason)
				case !planted && max(w.Lag(), w.Late()) >= 40*time.Millisecond:
					t.Skip("the machine is too busy for the times of IGMP:", w.Lag(), w.Late())
				case !planted && f.Verdict != spec.Pass:
					t.Errorf("%v %s", f.Verdict, f.Reason)
				}
				if f.Witness != nil {
					t.Log(f.Witness.Text)
				}
			})
		}
	}
}
