package ipmulticast

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// site is a lab with hosts that send numbered datagrams to group 0, and a record of where these went.
type site struct {
	*lab
	t       *testing.T
	cfg     InternetConfig
	group   netip.Addr
	sent    int
	got     []map[int]int          // host: number: copies
	carried map[string]map[int]int // cable: number: copies
	pim     []pimSeen
}

// pimSeen is a PIM message other than hello on a cable.
type pimSeen struct {
	at    spec.Time
	cable string
	from  netip.Addr
	m     PIM
}

const siteSpeed = 200

// siteTiming is the timing of the RFCs, fast.
func siteTiming() Timing {
	t := RFC
	t.Speed = siteSpeed
	return t
}

// newSite makes a lab on an internet, or on a plan of one; each router is changed by tweak.
func newSite(t *testing.T, cfg InternetConfig, plan *Internet, mode Routing, tweak func(r int, c *RouterConfig)) *site {
	t.Helper()
	if plan == nil {
		plan = NewInternet(cfg)
	}
	s := &site{t: t, cfg: cfg, group: netip.MustParseAddr("239.1.2.3"), carried: map[string]map[int]int{}}
	version := 3
	if cfg.IPv6 {
		s.group, version = netip.MustParseAddr("ff15::1:2"), 2
	}
	byAddr := map[netip.Addr]spec.NodeID{}
	for h := range plan.Hosts {
		byAddr[plan.Hosts[h].Port.Addr] = spec.NodeID(h)
	}
	var machines []impl.Layer
	for h := range plan.Hosts {
		p := plan.Hosts[h].Port
		s.got = append(s.got, map[int]int{})
		machines = append(machines, impl.NewStack(NewHost(HostConfig{
			Self: spec.NodeID(h), Port: p, Gateway: func() netip.Addr { return plan.Gateway(h, func(int) bool { return true }) },
			AddrOf:    func(n spec.NodeID) netip.Addr { return plan.Hosts[n].Port.Addr },
			NodeAt:    func(a netip.Addr) (spec.NodeID, bool) { n, ok := byAddr[a]; return n, ok },
			GroupAddr: func(spec.GroupID) netip.Addr { return s.group },
			UDPPort:   5000, TTL: 32, Version: version, Timing: siteTiming(), Seed: cfg.Seed,
		}), NewNIC(p.MAC(), Exact, 16)))
	}
	for r := range plan.Routers {
		c := RouterConfig{Name: plan.Routers[r].Name, Ports: plan.Routers[r].Ports, Routes: plan.Routes, Self: r,
			Mode: mode, Timing: siteTiming(), Version: version, Seed: cfg.Seed}
		if tweak != nil {
			tweak(r, &c)
		}
		machines = append(machines, NewRouter(c))
	}
	s.lab = newLab(plan, machines)
	s.frame = s.watch
	s.up = func(_ spec.Time, m int, e *impl.Effect) {
		if e.Kind == impl.Up && e.To == impl.Everyone {
			s.got[m][int(binary.BigEndian.Uint32(e.Body))]++
		}
	}
	s.start()
	return s
}

// watch records what travels.
func (s *site) watch(at spec.Time, cable string, _ End, frame []byte) {
	f, _ := ParseFrame(frame)
	var h IP
	if !ParseIP(f.Payload, &h) {
		s.t.Fatalf("a malformed packet on %s: %x", cable, frame)
	}
	if u, ok := ParseUDP(&h); ok && h.Dst == s.group {
		if s.carried[cable] == nil {
			s.carried[cable] = map[int]int{}
		}
		s.carried[cable][int(binary.BigEndian.Uint32(u.Payload))]++
	}
	if h.Protocol != ProtoPIM {
		return
	}
	seen := pimSeen{at: at, cable: cable, from: h.Src}
	if !ParsePIM(&h, &seen.m) {
		s.t.Fatalf("a malformed PIM message on %s: %x", cable, frame)
	}
	if seen.m.Type != PIMHello {
		s.pim = append(s.pim, seen)
	}
}

func (s *site) router(r int) int { return len(s.net.Hosts) + r }

func (s *site) join(hosts ...int) {
	for _, h := range hosts {
		s.step(h, impl.Input{Kind: impl.Join, Num: 1})
	}
}

func (s *site) leave(h int) { s.step(h, impl.Input{Kind: impl.Leave, Num: 1}) }

// send lets a host send a datagram, and gives its number.
func (s *site) send(h int) int {
	s.sent++
	s.step(h, impl.Input{Kind: impl.Send, To: impl.Everyone, Body: binary.BigEndian.AppendUint32(nil, uint32(s.sent))})
	return s.sent
}

// pass lets time pass on the machines' clocks.
func (s *site) pass(d time.Duration) { s.run(d / siteSpeed) }

// stream lets a host send n datagrams, one a second, and gives the first and the last number.
func (s *site) stream(h, n int) (first, last int) {
	first = s.sent + 1
	for range n {
		s.send(h)
		s.pass(time.Second)
	}
	return first, s.sent
}

// expect checks how many copies of a datagram each host has got: one for these, none for others.
func (s *site) expect(number int, hosts ...int) {
	s.t.Helper()
	for h := range s.got {
		want := 0
		for _, m := range hosts {
			if m == h {
				want = 1
			}
		}
		if s.got[h][number] != want {
			s.t.Errorf("host %d has got %d copies of datagram %d, want %d", h, s.got[h][number], number, want)
		}
	}
}

// copies gives how many copies of a datagram a cable has carried.
func (s *site) copies(cable string, number int) int { return s.carried[cable][number] }

// count counts the PIM messages of a type since a time.
func (s *site) count(typ PIMType, since spec.Time) (n int) {
	for i := range s.pim {
		if s.pim[i].m.Type == typ && s.pim[i].at >= since {
			n++
		}
	}
	return n
}

// command has a router commit a fault.
func (s *site) command(r int, b ...byte) {
	s.step(s.router(r), impl.Input{Kind: impl.Packet, Num: impl.ControlPort, Body: b})
}

func name(shape Shape, v6 bool, n int) string {
	family := "/v4/"
	if v6 {
		family = "/v6/"
	}
	return shape.String() + family + strconv.Itoa(n)
}
