package ipmulticast

import (
	"fmt"
	"net/netip"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// lan carries frames between machines at once, and writes down what is sent and what the machines say upward. Cables are
// numbered; what is sent on one reaches all other ports on it.
type lan struct {
	t        *testing.T
	now      spec.Time
	machines map[string]*lanMachine
	cables   map[int][]lanPort
	events   []lanEvent
	seq      int
	arena    impl.Arena
	text     []string
	lose     func(line string) bool // nil: nothing is lost
}

type lanMachine struct {
	name   string
	layer  impl.Layer
	cables []int
	timer  int // seq of the event that counts
	ups    []string
	notes  map[impl.Code]int
}

type lanPort struct {
	machine string
	port    int
}

type lanEvent struct {
	at  spec.Time
	seq int
	do  func(seq int)
}

func newLAN(t *testing.T) *lan {
	return &lan{t: t, machines: map[string]*lanMachine{}, cables: map[int][]lanPort{}}
}

// add starts a machine with a port on each of the cables; with none, on cable 0.
func (l *lan) add(name string, layer impl.Layer, cables ...int) {
	if len(cables) == 0 {
		cables = []int{0}
	}
	l.machines[name] = &lanMachine{name: name, layer: layer, cables: cables, notes: map[impl.Code]int{}}
	for i, c := range cables {
		l.cables[c] = append(l.cables[c], lanPort{name, i})
	}
	l.give(name, impl.Input{Kind: impl.Start})
	l.give(name, impl.Input{Kind: impl.Ready})
}

// remove lets a machine fall silent.
func (l *lan) remove(name string) { l.machines[name].layer = nil }

// give hands an input to a machine, and carries out what follows.
func (l *lan) give(name string, in impl.Input) {
	m := l.machines[name]
	if m.layer == nil {
		return
	}
	in.Now = l.now
	out := impl.NewEffects(&l.arena)
	m.layer.Step(in, out)
	upward := false
	for i := range out.List {
		e := &out.List[i]
		if upward && !e.Kind.Upward() {
			l.t.Errorf("%s: %v after an upward effect", name, e.Kind)
		}
		upward = upward || e.Kind.Upward()
		l.carry(m, e)
	}
}

func (l *lan) carry(m *lanMachine, e *impl.Effect) {
	switch e.Kind {
	case impl.SetTimer:
		m.timer = l.push(e.At, func(seq int) {
			if m.timer == seq {
				l.give(m.name, impl.Input{Kind: impl.TimerFired, Num: e.Num})
			}
		})
	case impl.StopTimer:
		m.timer = 0
	case impl.Note:
		m.notes[e.Code]++
	case impl.Down:
		l.send(m.name, m.cables[e.Num], e.Body)
	case impl.CallDown:
		m.ups = append(m.ups, fmt.Sprintf("card %v %v", e.Call, MAC(e.Body)))
	case impl.Up:
		m.ups = append(m.ups, fmt.Sprintf("from %d to %d group %d process %d %s", e.From, e.To, e.Group, e.Num, e.Body))
	default:
		m.ups = append(m.ups, fmt.Sprintf("%v %d", e.Kind, e.Ref))
	}
}

func (l *lan) send(name string, cable int, frame []byte) {
	line := fmt.Sprintf("%8.3f %s: %s", time.Duration(l.now).Seconds(), name, lanText(frame))
	if l.lose != nil && l.lose(line) {
		l.text = append(l.text, line+" (lost)")
		return
	}
	l.text = append(l.text, line)
	for _, p := range l.cables[cable] {
		if p.machine != name {
			l.push(l.now, func(int) {
				l.give(p.machine, impl.Input{Kind: impl.Packet, Num: uint64(p.port), Body: frame, From: -1, To: impl.Everyone})
			})
		}
	}
}

func (l *lan) push(at spec.Time, do func(int)) int {
	l.seq++
	i := sort.Search(len(l.events), func(i int) bool { return l.events[i].at > at })
	l.events = append(l.events[:i], append([]lanEvent{{at, l.seq, do}}, l.events[i:]...)...)
	return l.seq
}

// run lets everything happen that is due within a time.
func (l *lan) run(d time.Duration) {
	until := l.now + spec.Time(d)
	for len(l.events) > 0 && l.events[0].at <= until {
		e := l.events[0]
		l.events = l.events[1:]
		l.now = max(l.now, e.at)
		e.do(e.seq)
	}
	l.now = until
}

// join and leave let a process of a host join or leave a group.
func (l *lan) join(name string, group spec.GroupID, process uint64) {
	l.give(name, impl.Input{Kind: impl.Join, Group: group, Num: process})
	l.run(0)
}

func (l *lan) leave(name string, group spec.GroupID, process uint64) {
	l.give(name, impl.Input{Kind: impl.Leave, Group: group, Num: process})
	l.run(0)
}

// take gives what was sent since the last call, of what contains all of the words.
func (l *lan) take(words ...string) []string {
	var got []string
	for _, line := range l.text {
		ok := true
		for _, w := range words {
			ok = ok && strings.Contains(line, w)
		}
		if ok {
			got = append(got, line)
		}
	}
	l.text = nil
	return got
}

// sent compares what was sent since the last call; the lines may be indented.
func (l *lan) sent(want string) {
	l.t.Helper()
	var lines []string
	for _, line := range strings.Split(want, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	got := l.take()
	for i := range got {
		got[i] = strings.TrimSpace(got[i])
	}
	if g, w := strings.Join(got, "\n"), strings.Join(lines, "\n"); g != w {
		l.t.Errorf("sent:\n%s\nwant:\n%s", g, w)
	}
}

// said compares what a machine said upward, or asked of its card, since the last call.
func (l *lan) said(name string, want ...string) {
	l.t.Helper()
	m := l.machines[name]
	if g, w := strings.Join(m.ups, "\n"), strings.Join(want, "\n"); g != w {
		l.t.Errorf("%s said:\n%s\nwant:\n%s", name, g, w)
	}
	m.ups = nil
}

// lanText describes a frame.
func lanText(frame []byte) string {
	f, ok := ParseFrame(frame)
	var h IP
	if !ok || !ParseIP(f.Payload, &h) {
		return fmt.Sprintf("frame to %v", f.Dst)
	}
	s := fmt.Sprintf("%v > %v", h.Src, h.Dst)
	if f.Dst != hardware(h.Dst) {
		s += fmt.Sprintf(" by %v", f.Dst)
	}
	var m Listen
	switch {
	case h.Protocol == ProtoIGMP && ParseIGMP(h.Payload, &m), h.Protocol == ProtoICMPv6 && ParseMLD(&h, &m):
		if h.TTL != 1 || h.RouterAlert == (h.Src.Is4() && m.Version == 1) {
			s += fmt.Sprintf(" ttl %d alert %v", h.TTL, h.RouterAlert)
		}
		return s + " " + lanMessage(&m)
	case h.Protocol == ProtoUDP:
		u, _ := ParseUDP(&h)
		return s + fmt.Sprintf(" ttl %d udp %d %s", h.TTL, u.DstPort, u.Payload)
	}
	return s + fmt.Sprintf(" protocol %d", h.Protocol)
}

func lanMessage(m *Listen) string {
	s := fmt.Sprintf("%s%d", [...]string{Query: "query", Report: "report", Leave: "leave"}[m.Kind], m.Version)
	if m.Group.IsValid() {
		s += " " + m.Group.String()
	}
	if len(m.Sources) > 0 {
		s += fmt.Sprint(" ", m.Sources)
	}
	if m.MaxResponse > 0 {
		s += fmt.Sprint(" within ", m.MaxResponse)
	}
	if m.Suppress {
		s += " suppress"
	}
	for _, r := range m.Records {
		s += fmt.Sprintf(" %s %v", [...]string{IsIn: "is-in", IsEx: "is-ex", ToIn: "to-in", ToEx: "to-ex", Allow: "allow",
			BlockRT: "block"}[r.Type], r.Group)
		if len(r.Sources) > 0 {
			s += fmt.Sprint(r.Sources)
		}
	}
	return s
}

// The groups of the tests: group n is 224.1.0.n, or ff15::n; 129 to 137 share the hardware addresses of 1 to 9; 200 is
// the group of all systems.
func lanGroup(v6 bool) func(spec.GroupID) netip.Addr {
	return func(g spec.GroupID) netip.Addr {
		switch {
		case g < 0:
			return netip.Addr{}
		case g == 200 && !v6:
			return AllSystems
		case v6:
			return netip.AddrFrom16([16]byte{0xff, 0x15, 15: byte(g)})
		case g > 128:
			return netip.AddrFrom4([4]byte{224, 129, 0, byte(g - 128)})
		}
		return netip.AddrFrom4([4]byte{224, 1, 0, byte(g)})
	}
}

// lanAddr gives the address of number n on the link, 10.0.0.n or fd00::n.
func lanPortOf(v6 bool, n byte) Port {
	if v6 {
		return Port{Addr: netip.AddrFrom16([16]byte{0xfd, 15: n}), Local: netip.AddrFrom16([16]byte{0xfe, 0x80, 15: n}),
			Prefix: netip.MustParsePrefix("fd00::/64")}
	}
	a := netip.AddrFrom4([4]byte{10, 0, 0, n})
	return Port{Addr: a, Local: a, Prefix: netip.MustParsePrefix("10.0.0.0/16")}
}

// lanHost makes the host of node n, with the address 10.0.0.n+10. A version above 10 is one of MLD, plus 10.
func lanHost(node spec.NodeID, version int, change ...func(*HostConfig)) *Host {
	v6 := version > 10
	cfg := HostConfig{Self: node, Port: lanPortOf(v6, byte(node)+10), Gateway: func() netip.Addr { return lanPortOf(v6, 1).Addr },
		GroupAddr: lanGroup(v6),
		UDPPort:   5000, TTL: 8, Version: version % 10, Timing: RFC, Seed: 7}
	cfg.AddrOf = func(n spec.NodeID) netip.Addr {
		switch {
		case n < 0 || n > 90:
			return netip.Addr{}
		case n > 80 && !v6: // on another link
			return netip.AddrFrom4([4]byte{10, 9, 0, byte(n)})
		}
		return lanPortOf(v6, byte(n)+10).Addr
	}
	cfg.NodeAt = func(a netip.Addr) (spec.NodeID, bool) {
		n := spec.NodeID(low32(a)[3]) - 10
		return n, n >= 0 && cfg.AddrOf(n) == a
	}
	for _, f := range change {
		f(&cfg)
	}
	return NewHost(cfg)
}

// lanQuerier is a router that has nothing but a querier.
type lanQuerier struct {
	querier
	agenda  agenda
	port    Port
	version int
	timing  Timing
	rules   QuerierRules
	changes []string
	ip      IP
	heard   Listen
}

// newLANQuerier makes a router with the address 10.0.0.n.
func newLANQuerier(n byte, version int) *lanQuerier {
	return &lanQuerier{port: lanPortOf(version > 10, n), version: version % 10, timing: RFC}
}

func (r *lanQuerier) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		r.agenda.reset(&r.timing)
		r.changed = func(now spec.Time, port int, group netip.Addr, any bool, out *impl.Effects) {
			r.changes = append(r.changes, fmt.Sprintf("%.3f %v %v", time.Duration(now).Seconds(), group, any))
		}
		r.start(&r.port, &r.timing, r.version, &r.agenda, &r.rules, in.Now, out)
	case impl.Packet:
		f, ok := ParseFrame(in.Body)
		if ok && ParseIP(f.Payload, &r.ip) && (ParseMLD(&r.ip, &r.heard) ||
			r.ip.Protocol == ProtoIGMP && ParseIGMP(r.ip.Payload, &r.heard)) {
			r.message(in.Now, &r.ip, &r.heard, out)
		}
	case impl.TimerFired:
		r.agenda.fired()
		for k, ok := r.agenda.due(in.Now); ok; k, ok = r.agenda.due(in.Now) {
			r.fire(in.Now, k, out)
		}
	}
	r.agenda.arm(out)
}

// told compares what a router learned since the last call: when a group got its first listener, or lost its last one.
func (r *lanQuerier) told(t *testing.T, want ...string) {
	t.Helper()
	if g, w := strings.Join(r.changes, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("the router was told:\n%s\nwant:\n%s", g, w)
	}
	r.changes = nil
}

// lanMessageFrom makes a frame with a message of IGMP or MLD, as a machine with the address 10.0.0.n sends it.
func lanMessageFrom(n byte, v6 bool, dst string, m Listen, change ...func(*IP)) []byte {
	p := lanPortOf(v6, n)
	h := IP{Src: p.Local, Dst: netip.MustParseAddr(dst), Protocol: ProtoIGMP, TTL: 1, RouterAlert: true}
	if v6 {
		h.Protocol = ProtoICMPv6
		h.Payload = AppendMLD(nil, h.Src, h.Dst, &m)
	} else {
		h.Payload = AppendIGMP(nil, &m)
	}
	for _, f := range change {
		f(&h)
	}
	return AppendIP(AppendEthernet(nil, hardware(h.Dst), p.MAC(), frameType(p.Addr)), &h)
}

// put lets a frame appear on a cable.
func (l *lan) put(cable int, frame []byte) {
	for _, p := range l.cables[cable] {
		l.give(p.machine, impl.Input{Kind: impl.Packet, Num: uint64(p.port), Body: frame, From: -1, To: impl.Everyone})
	}
	l.run(0)
}

// times gives the times of lines, in seconds.
func times(lines []string) (list []float64) {
	for _, line := range lines {
		var s float64
		_, _ = fmt.Sscan(line, &s)
		list = append(list, s)
	}
	return list
}

func group4(n spec.GroupID) netip.Addr { return lanGroup(false)(n) }
