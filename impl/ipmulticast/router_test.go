package ipmulticast

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// lone is one router whose frames are made and read by the test: port 0 is 10.0.0.1 on 10.0.0.0/16, port 1 is
// 172.16.0.1 and port 2 172.16.1.1, with 172.16.0.2 and 172.16.1.2 as next routers.
type lone struct {
	t     testing.TB
	r     *Router
	now   spec.Time
	arena impl.Arena
	due   spec.Time
}

func newLone(t testing.TB, mode Routing, v6 bool) *lone {
	plan := NewInternet(InternetConfig{Hosts: 3, Subnets: 3, Shape: Tree, IPv6: v6})
	version := 3
	if v6 {
		version = 2
	}
	b := &lone{t: t, r: NewRouter(RouterConfig{Name: "r0", Ports: plan.Routers[0].Ports, Routes: plan.Routes, Mode: mode,
		Timing: RFC, Version: version})}
	b.arena.Forget = true
	b.step(impl.Input{Kind: impl.Start})
	return b
}

// step gives an input to the router, and what it sends.
func (b *lone) step(in impl.Input) (said []string) {
	in.Now = b.now
	out := impl.NewEffects(&b.arena)
	b.r.Step(in, out)
	for i := range out.List {
		switch e := &out.List[i]; e.Kind {
		case impl.Down:
			said = append(said, b.describe(e))
		case impl.SetTimer:
			b.due = e.At
		case impl.StopTimer:
			b.due = 0
		case impl.Note:
			said = append(said, e.Code.String())
		default:
			b.t.Errorf("effect %v of a router", e.Kind)
		}
	}
	return said
}

// pass lets time pass.
func (b *lone) pass(d time.Duration) (said []string) {
	until := b.now + spec.Time(d)
	for b.due != 0 && b.due <= until {
		b.now, b.due = b.due, 0
		said = append(said, b.step(impl.Input{Kind: impl.TimerFired})...)
	}
	b.now = until
	return said
}

// describe gives a frame as "port: source > destination, TTL: what".
func (b *lone) describe(e *impl.Effect) string {
	f, _ := ParseFrame(e.Body)
	var h IP
	var m PIM
	if !ParseIP(f.Payload, &h) {
		return fmt.Sprintf("%d: malformed", e.Num)
	}
	what := string(h.Payload)
	if h.Protocol == ProtoIGMP || h.Protocol == ProtoICMPv6 {
		what = "query"
	}
	if h.Protocol == ProtoPIM && ParsePIM(&h, &m) {
		what = m.Type.String()
		if m.Type == PIMAssert {
			what += fmt.Sprintf(" metric %d", int32(m.Metric))
		}
		if m.Type == PIMStateRefresh {
			what += fmt.Sprintf(" pruned %v, TTL %d", m.PruneIndicator, m.TTL)
		}
		for _, g := range m.Joins {
			for _, s := range g.Joins {
				what += fmt.Sprintf(" %v join %v,%v", m.Upstream, s.Addr, g.Group)
			}
			for _, s := range g.Prunes {
				what += fmt.Sprintf(" %v prune %v,%v", m.Upstream, s.Addr, g.Group)
			}
		}
	}
	return fmt.Sprintf("%d: %v > %v, %d: %s", e.Num, h.Src, h.Dst, h.TTL, what)
}

func (b *lone) frame(port int, dst MAC, h *IP) []string {
	out := impl.NewEffects(&b.arena)
	from := Port{Index: port, Addr: h.Src}
	from.EmitTo(out, dst, h)
	return b.step(impl.Input{Kind: impl.Packet, Num: uint64(port), Body: out.List[0].Body})
}

// udp gives the router a packet.
func (b *lone) udp(port int, src, dst string, ttl uint8) []string {
	h := IP{Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), Protocol: ProtoUDP, TTL: ttl, Payload: []byte("body")}
	mac := b.r.ports[port].mac
	if IsGroup(h.Dst) {
		mac = GroupMAC(h.Dst)
	}
	return b.frame(port, mac, &h)
}

// pim gives the router a message from a neighbor.
func (b *lone) pim(port int, src string, m PIM) []string {
	a := netip.MustParseAddr(src)
	dst := b.r.allPIM(port)
	return b.frame(port, GroupMAC(dst), &IP{Src: a, Dst: dst, Protocol: ProtoPIM, TTL: 1, Payload: AppendPIM(nil, a, dst, &m)})
}

func (b *lone) hello(port int, src string, priority, generation uint32, hold time.Duration) []string {
	return b.pim(port, src, PIM{Type: PIMHello, HoldTime: hold, DRPriority: priority, GenerationID: generation})
}

func (b *lone) expect(what string, got []string, want ...string) {
	b.t.Helper()
	if !slices.Equal(got, want) {
		b.t.Errorf("%s:\ngot  %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func (b *lone) ready() []string { return b.step(impl.Input{Kind: impl.Ready}) }

func TestRouterStarts(t *testing.T) {
	b := newLone(t, Dense, false)
	b.expect("a packet before ready", b.udp(0, "10.0.1.1", "10.1.1.1", 5))
	b.expect("ready", b.ready(), "0: 10.0.0.1 > 224.0.0.1, 1: query", "1: 172.16.0.1 > 224.0.0.1, 1: query",
		"2: 172.16.1.1 > 224.0.0.1, 1: query")
	said := b.pass(RFC.TriggeredHello)
	slices.Sort(said)
	b.expect("hellos", said, "0: 10.0.0.1 > 224.0.0.13, 1: hello", "1: 172.16.0.1 > 224.0.0.13, 1: hello",
		"2: 172.16.1.1 > 224.0.0.13, 1: hello")
	if n := strings.Count(strings.Join(b.pass(10*RFC.Hello), "\n"), "hello"); n != 30 {
		t.Errorf("%d hellos on 3 ports in 10 periods", n)
	}
	none := newLone(t, NoRouting, false)
	none.ready()
	if all := strings.Join(none.pass(time.Hour), "\n"); strings.Contains(all, "hello") {
		t.Error("a hello of a router without PIM")
	}
}

func TestUnicast(t *testing.T) {
	for _, mode := range []Routing{NoRouting, Dense} {
		b := newLone(t, mode, false)
		b.ready()
		b.expect("to a far LAN", b.udp(0, "10.0.1.1", "10.1.1.1", 5), "1: 10.0.1.1 > 10.1.1.1, 4: body")
		b.expect("to my LAN", b.udp(1, "10.1.1.1", "10.0.1.1", 2), "0: 10.1.1.1 > 10.0.1.1, 1: body")
		b.expect("at the end of its TTL", b.udp(0, "10.0.1.1", "10.1.1.1", 1))
		b.expect("to nowhere", b.udp(0, "10.0.1.1", "11.1.1.1", 5))
		b.expect("to me", b.udp(0, "10.0.1.1", "172.16.0.1", 5))
		h := IP{Src: netip.MustParseAddr("10.0.1.1"), Dst: netip.MustParseAddr("10.1.1.1"), Protocol: ProtoUDP, TTL: 5}
		b.expect("a frame for another", b.frame(0, MAC{2, 0, 10, 0, 1, 2}, &h))
		b.expect("a frame for all", b.frame(0, Broadcast, &h))
		b.expect("half a frame", b.step(impl.Input{Kind: impl.Packet, Num: 0, Body: []byte{1, 2, 3}}), "malformed")
		b.expect("an unknown port", b.step(impl.Input{Kind: impl.Packet, Num: 9, Body: []byte{1, 2, 3}}))
		b.expect("an empty command", b.step(impl.Input{Kind: impl.Packet, Num: impl.ControlPort}), "malformed")
	}
	b := newLone(t, Dense, true)
	b.ready()
	b.expect("IPv6", b.udp(0, "fd00:0:a00::a00:101", "fd00:0:a01::a01:101", 5),
		"1: fd00:0:a00::a00:101 > fd00:0:a01::a01:101, 4: body")
}

func TestNeighbors(t *testing.T) {
	b := newLone(t, Dense, false)
	b.ready()
	b.pass(time.Minute)
	const n = "172.16.0.2"
	b.expect("a hello", b.hello(1, n, 1, 7, 105*time.Second))
	if !b.r.hasNeighbors(1) || b.r.hasNeighbors(2) || b.r.isDR(1) || !b.r.isDR(0) {
		t.Error("the neighbor is not known, or the higher address is not designated")
	}
	b.expect("the answer", b.pass(RFC.TriggeredHello)[:1], "1: 172.16.0.1 > 224.0.0.13, 1: hello")
	b.hello(1, n, 0, 7, 105*time.Second)
	if !b.r.isDR(1) {
		t.Error("priority does not decide")
	}
	b.hello(1, "172.16.0.3", 9, 1, 105*time.Second)
	if b.r.ports[1].dr.String() != "172.16.0.3" {
		t.Error("the highest priority is not designated")
	}
	b.hello(1, "172.16.0.3", 9, 1, 0)
	if len(b.r.ports[1].neighbors) != 1 || !b.r.isDR(1) {
		t.Error("a good-bye is not heard")
	}
	b.pass(99 * time.Second)
	if !b.r.hasNeighbors(1) {
		t.Error("lost too early")
	}
	b.pass(10 * time.Second)
	if b.r.hasNeighbors(1) {
		t.Error("a silent neighbor is kept")
	}
	b.hello(1, n, 1, 7, ever)
	b.pass(100 * time.Hour)
	if !b.r.hasNeighbors(1) {
		t.Error("a neighbor that never expires is lost")
	}
	b.expect("my own hello", b.hello(1, "172.16.0.1", 1, 7, 105*time.Second))
	if len(b.r.ports[1].neighbors) != 1 {
		t.Error("I am my own neighbor")
	}
}

func TestOnlyKnownNeighborsAreHeard(t *testing.T) {
	const g, src, n = "239.0.0.1", "10.0.1.1", "172.16.0.2"
	b := newLone(t, Dense, false)
	b.ready()
	b.pass(time.Minute)
	prune := PIM{Type: PIMJoinPrune, Upstream: netip.MustParseAddr("172.16.0.1"), HoldTime: RFC.PruneHold,
		Joins: []PIMGroup{{Group: netip.MustParseAddr(g), Prunes: []PIMSource{{Addr: netip.MustParseAddr(src)}}}}}
	b.hello(1, n, 1, 7, time.Hour)
	b.pass(time.Minute)
	data := "1: 10.0.1.1 > 239.0.0.1, 4: body"
	b.expect("data", b.udp(0, src, g, 5), data)
	b.expect("a stranger's prune", b.pim(1, "172.16.0.3", prune))
	b.expect("data", b.udp(0, src, g, 5), data)
	b.expect("a neighbor's prune", b.pim(1, n, prune))
	b.expect("data", b.udp(0, src, g, 5))
	b.expect("the neighbor restarts", b.hello(1, n, 1, 8, time.Hour))
	b.expect("data", b.udp(0, src, g, 5), data)
	b.expect("on the wrong port, before any hello since", b.udp(1, src, g, 5),
		"1: 172.16.0.1 > 224.0.0.13, 1: hello", "1: 172.16.0.1 > 224.0.0.13, 1: join-prune 172.16.0.2 prune 10.0.1.1,239.0.0.1")
	b.expect("on the wrong port, soon again", b.udp(1, src, g, 5))
	b.now += spec.Time(time.Second)
	b.expect("on the wrong port, later", b.udp(1, src, g, 5),
		"1: 172.16.0.1 > 224.0.0.13, 1: join-prune 172.16.0.2 prune 10.0.1.1,239.0.0.1")
}

func TestScope(t *testing.T) {
	b := newLone(t, Dense, false)
	b.ready()
	b.hello(1, "172.16.0.2", 1, 7, time.Hour)
	b.pass(time.Minute)
	for _, c := range []struct {
		group string
		ttl   uint8
		out   bool
	}{{"239.0.0.1", 3, true}, {"239.0.0.1", 2, true}, {"239.0.0.1", 1, false}, {"224.0.0.77", 9, false}, {"224.0.1.0", 9, true}} {
		if said := b.udp(0, "10.0.1.1", c.group, c.ttl); (len(said) > 0) != c.out {
			t.Errorf("%s with TTL %d: %v", c.group, c.ttl, said)
		}
	}
	b.expect("from nowhere", b.udp(0, "11.0.0.1", "239.0.0.1", 9))
}

// The same inputs give the same effects, and another life other random numbers.
func TestRouterIsDeterministic(t *testing.T) {
	run := func(life uint64) string {
		b := newLone(t, Dense, false)
		b.step(impl.Input{Kind: impl.Start, Num: life})
		said := b.ready()
		for i := range 200 {
			said = append(said, fmt.Sprint(b.now))
			said = append(said, b.hello(1+i%2, fmt.Sprintf("172.16.%d.%d", i%2, 2+i%7), 1, uint32(i/50), 50*time.Second)...)
			said = append(said, b.udp(i%3, "10.0.1.1", fmt.Sprintf("239.0.0.%d", i%5), 9)...)
			said = append(said, b.pass(time.Duration(i%11)*time.Second)...)
		}
		return strings.Join(said, "\n")
	}
	first, again := run(0), run(0)
	if first != again {
		t.Error("two runs differ")
	}
	if first == run(1) {
		t.Error("two lives draw the same random numbers")
	}
}

// dataFrame gives a frame with a datagram, as a host on port 0 sends it.
func (b *lone) dataFrame(size int) []byte {
	h := IP{Src: netip.MustParseAddr("10.0.1.1"), Dst: netip.MustParseAddr("239.0.0.1"), Protocol: ProtoUDP, TTL: 32,
		Payload: make([]byte, size)}
	if !b.r.ports[0].Addr.Is4() {
		h.Src, h.Dst = netip.MustParseAddr("fd00:0:a00::a00:101"), netip.MustParseAddr("ff15::1:1")
	}
	out := impl.NewEffects(&b.arena)
	from := Port{Addr: h.Src}
	from.EmitTo(out, GroupMAC(h.Dst), &h)
	return out.List[0].Body
}

// loaded is a router that forwards a datagram from port 0 to ports 1 and 2.
func loaded(t testing.TB, v6 bool) (*Router, impl.Input) {
	b := newLone(t, Dense, v6)
	b.ready()
	for port, n := range []string{1: "172.16.0.2", 2: "172.16.1.2"} {
		if v6 && port > 0 {
			n = fmt.Sprintf("fe80::ac10:%x02", port-1)
		}
		if port > 0 {
			b.hello(port, n, 1, 7, ever)
		}
	}
	b.pass(time.Minute)
	return b.r, impl.Input{Kind: impl.Packet, Now: b.now, Body: b.dataFrame(64)}
}

func TestForwardingDoesNotAllocate(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		r, in := loaded(t, v6)
		var arena impl.Arena
		out := impl.NewEffects(&arena)
		before := string(in.Body)
		n := testing.AllocsPerRun(100, func() {
			arena.Reset()
			out.Reset()
			r.Step(in, out)
			if len(out.List) != 2 {
				t.Fatalf("%d effects, want 2 frames", len(out.List))
			}
		})
		if n != 0 {
			t.Errorf("%v allocations a packet", n)
		}
		if string(in.Body) != before {
			t.Error("the packet was written to")
		}
	}
}

func BenchmarkForward(b *testing.B) {
	for _, v6 := range []bool{false, true} {
		b.Run(map[bool]string{false: "v4", true: "v6"}[v6], func(b *testing.B) {
			r, in := loaded(b, v6)
			var arena impl.Arena
			out := impl.NewEffects(&arena)
			b.ReportAllocs()
			for b.Loop() {
				arena.Reset()
				out.Reset()
				in.Now++
				r.Step(in, out)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2, "ns/frame")
		})
	}
}

// FuzzRouter gives a router with neighbors and state any frame on any port: it must not panic, and must not send
// anything malformed.
func FuzzRouter(f *testing.F) {
	b := newLone(f, Dense, false)
	for _, m := range []PIM{
		{Type: PIMHello, HoldTime: time.Minute, DRPriority: 2, GenerationID: 3},
		{Type: PIMGraft, Upstream: netip.MustParseAddr("172.16.0.1"), Joins: []PIMGroup{{Group: netip.MustParseAddr("239.0.0.1"),
			Joins: []PIMSource{{Addr: netip.MustParseAddr("10.0.1.1")}}}}},
		{Type: PIMAssert, Group: netip.MustParseAddr("239.0.0.1"), Source: netip.MustParseAddr("10.0.1.1"), Preference: 1},
		{Type: PIMStateRefresh, Group: netip.MustParseAddr("239.0.0.1"), Source: netip.MustParseAddr("10.1.1.1"),
			Originator: netip.MustParseAddr("10.1.1.1"), TTL: 9, Interval: time.Minute},
	} {
		out := impl.NewEffects(&b.arena)
		src := netip.MustParseAddr("172.16.0.2")
		from := Port{Addr: src}
		from.Emit(out, &IP{Src: src, Dst: AllPIMRouters, Protocol: ProtoPIM, TTL: 1, Payload: AppendPIM(nil, src, AllPIMRouters, &m)})
		f.Add(uint8(1), out.List[0].Body)
	}
	f.Add(uint8(0), b.dataFrame(4))
	f.Fuzz(func(t *testing.T, port uint8, frame []byte) {
		r, in := loaded(t, false)
		var arena impl.Arena
		out := impl.NewEffects(&arena)
		r.Step(in, out)
		in.Num, in.Body = uint64(port%4), frame
		r.Step(in, out)
		in.Kind, in.Now = impl.TimerFired, in.Now+spec.Time(time.Hour)
		r.Step(in, out)
		for i := range out.List {
			if e := &out.List[i]; e.Kind == impl.Down {
				fr, ok := ParseFrame(e.Body)
				if h := (&IP{}); !ok || !ParseIP(fr.Payload, h) {
					t.Errorf("a malformed frame: %x", e.Body)
				}
			}
		}
	})
}
