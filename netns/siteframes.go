package netns

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"syscall"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// sightings writes down which frames are on which links, as the judges of routes want to know it. One socket sees every
// frame where it comes into a segment, and where it leaves it by a cable.
//
// The kernel numbers no datagram by a number that routers leave alone but IPv4's identification; a datagram is told from
// others by that and by its bytes, and in IPv6, which has none, by its bytes alone: there a copy belongs to the newest
// datagram that has them. A node has received a datagram when that is on its host's cable behind all that drops packets,
// if the node is a member and up: that its socket has it too is what its deliveries show.
type sightings struct {
	site    *Subnets
	nodes   int
	s       *faults.Scenario
	groups  []netip.Addr // by number
	epoch   spec.Time
	show    func(at spec.Time, from int, frame []byte)
	rogue   *rogue // is told of what nodes send
	inspect ipmulticast.Inspector
	number  uint64
	newest  map[print]uint64
	traces  map[uint64]*trace
	hosts   map[netip.Addr]int // every address of every machine
	all     []observed
	wordings
}

// print is what the copies of a datagram have in common.
type print struct {
	source, group netip.Addr
	id            uint16
	sum           uint64
}

// trace is where a datagram has been.
type trace struct {
	origin spec.NodeID
	ends   []hop // that put it there
	to     []end // where it has gone out
}

// hop is that somebody put a datagram on a link.
type hop struct {
	end
	ttl uint8
}

// watch sees all frames until what it gives is called; then the events are there. Where the kernel had no room for some
// of the frames there are none: who judges by a part of them finds losses that are none, and misses copies.
func (n *Subnets) watch(x *sightings) (stop func() []observed, err error) {
	x.begin(n)
	tap, err := n.lan.listenBy(func(raw syscall.RawConn) {
		eachStamped(raw, func(at *unix.SockaddrLinklayer, when spec.Time, frame []byte) {
			if e, plugged := n.ends[at.Ifindex]; plugged && len(frame) >= etherLen {
				x.see(max(0, when-x.epoch), e, at.Pkttype == unix.PACKET_OUTGOING, frame)
			}
		})
	})
	if err != nil {
		return nil, err
	}
	return func() []observed {
		if _ = tap.close(); tap.missed {
			return nil
		}
		return x.all
	}, nil
}

func (x *sightings) begin(n *Subnets) {
	x.site, x.newest, x.traces, x.hosts = n, map[print]uint64{}, map[uint64]*trace{}, map[netip.Addr]int{}
	for h := range n.cfg.Plan.Hosts {
		p := &n.cfg.Plan.Hosts[h].Port
		x.hosts[p.Addr], x.hosts[p.Local] = h, h
	}
	for link := range n.cfg.Plan.Links {
		p := n.cfg.Plan.Stranger(link)
		x.hosts[p.Addr], x.hosts[p.Local] = n.strangerOf(link), n.strangerOf(link)
	}
	for i, r := range n.routers {
		for p := range r.plan.Ports {
			m := len(n.cfg.Plan.Hosts) + i
			x.hosts[r.plan.Ports[p].Addr], x.hosts[r.plan.Ports[p].Local] = m, m
		}
	}
}

// see takes a frame that a machine has sent, or that goes out to it.
func (x *sightings) see(now spec.Time, e end, out bool, frame []byte) {
	plan := x.site.cfg.Plan
	switched := len(plan.Links[e.link].Cables) > 1
	info := x.inspect.Read(frame)
	if !out && x.show != nil {
		from := e.machine
		if from >= len(plan.Hosts) {
			from = -1 - (from - len(plan.Hosts))
		}
		x.show(now, from, frame)
	}
	who, known := x.site.nodeOf(e.machine, x.nodes)
	if !known || out && x.site.isStranger(e.machine) { // what comes to a stranger is nobody's business
		return
	}
	if x.rogue != nil && !out && e.machine < x.nodes && info.Kind == ipmulticast.DataFrame && slices.Contains(x.groups, info.Group) {
		x.rogue.hear(e.link, frame)
	}
	number, t := x.datagram(e, out, &info, frame)
	if t == nil {
		return
	}
	again := x.doubled(e, out, number, t)
	words := x.of(&info, frame)
	for i := range words {
		before := len(x.all)
		switch {
		case !out:
			x.frame(now, who, e, &words[i], number, t)
		case switched:
			sw := slices.IndexFunc(plan.Switches, func(s ipmulticast.SwitchPlan) bool { return s.Link == e.link })
			x.frame(now, spec.NodeID(x.nodes+len(plan.Routers)+sw), e, &words[i], number, t)
		case again:
			x.frame(now, x.putBy(e, t), e, &words[i], number, t)
		}
		if again && len(x.all) > before {
			x.all[before].extra.Reason = "duplicate"
		}
		if out && e.machine < x.nodes && who != t.origin {
			x.heard(now, who, &words[i], number, t)
		}
	}
	if !out {
		t.ends = append(t.ends, hop{e, info.TTL})
	}
}

// heard writes down that a frame is on the cable of a node's host, which takes it in: a datagram to a group, or a word
// about who listens. Whether the node was a member then is looked at afterwards.
func (x *sightings) heard(now spec.Time, who spec.NodeID, info *ipmulticast.Inspected, number uint64, t *trace) {
	e := spec.Event{T: now, Kind: spec.Receive, Node: who, From: t.origin, Has: spec.HasNode | spec.HasFrom | spec.HasID}
	g := slices.Index(x.groups, info.Group)
	switch info.Kind {
	case ipmulticast.DataFrame, ipmulticast.ReportFrame, ipmulticast.QueryFrame:
	default:
		return
	}
	if g >= 0 {
		e.Group, e.Has = spec.GroupID(g), e.Has|spec.HasGroup
	} else if info.Kind == ipmulticast.DataFrame || info.Group.IsValid() {
		return
	}
	x.all = append(x.all, observed{Event: e, extra: spec.Extra{ID: number, Op: info.Kind.String()}, rare: true})
}

// datagram finds which one a frame carries; what carries none is one of its own.
func (x *sightings) datagram(e end, out bool, info *ipmulticast.Inspected, frame []byte) (uint64, *trace) {
	carries := info.Kind == ipmulticast.DataFrame || info.Kind == ipmulticast.UnicastFrame
	source, known := x.hosts[info.Src]
	var p print
	if carries {
		p = printOf(info, frame)
	}
	if n := x.newest[p]; carries && n != 0 && (out || e.machine != source) {
		return n, x.traces[n]
	}
	if carries && out { // nobody has sent it: our switch has changed it on the way, and its host's kernel will drop it
		return 0, nil
	}
	x.number++
	t := &trace{}
	t.origin, _ = x.site.nodeOf(e.machine, x.nodes)
	if id, ok := x.site.nodeOf(source, x.nodes); known && ok {
		t.origin = id
	}
	if carries {
		x.newest[p], x.traces[x.number] = x.number, t
	}
	return x.number, t
}

func printOf(info *ipmulticast.Inspected, frame []byte) print {
	p := print{source: info.Src, group: info.Dst}
	head := etherLen + 40
	if info.Src.Is4() {
		p.id = binary.BigEndian.Uint16(frame[etherLen+4:])
		head = etherLen + int(frame[etherLen]&15)*4
	}
	p.sum = xxhash.Sum64(frame[min(head, len(frame)):])
	return p
}

// frame writes down that a frame is on a cable.
func (x *sightings) frame(now spec.Time, who spec.NodeID, e end, info *ipmulticast.Inspected, number uint64, t *trace) {
	ev := spec.Event{T: now, Kind: spec.Frame, Node: who, From: t.origin, Has: spec.HasNode | spec.HasFrom | spec.HasID}
	extra := spec.Extra{ID: number, Link: e.cable, Op: info.Kind.String(), TTL: int(info.TTL)}
	if g := slices.Index(x.groups, info.Group); info.Group.IsValid() && g >= 0 {
		ev.Group, ev.Has = spec.GroupID(g), ev.Has|spec.HasGroup
	} else if info.Group.IsValid() && !info.Kind.Carries() { // about a group of others: without its name it would be about all
		return
	}
	if info.Kind == ipmulticast.OtherFrame { // ARP and neighbors of IPv6
		return
	}
	if info.Dst.IsValid() && info.Dst != info.Group { // to a machine, or about one
		if m, ok := x.hosts[info.Dst]; ok {
			if id, ok := x.site.nodeOf(m, x.nodes); ok {
				ev.To, ev.Has = id, ev.Has|spec.HasTo
			}
		}
	}
	if info.Source.IsValid() && info.Kind > ipmulticast.HelloFrame && info.Kind != ipmulticast.RegisterFrame {
		if m, ok := x.hosts[info.Source]; ok {
			if id, ok := x.site.nodeOf(m, x.nodes); ok {
				ev.From = id
			}
		}
	}
	if info.Kind.Carries() && int(who) < x.nodes+len(x.site.cfg.Plan.Routers) { // switches only pass it on
		extra.Via = x.via(e, info, t)
	}
	x.all = append(x.all, observed{Event: ev, extra: extra, rare: true})
}

// via gives the link by which a router had a datagram that it forwards. Where the datagram was on several of its links
// it is one but that to which it forwards; of these one on which the time to live was one more; and where these are still
// several, as where two copies have come by ways that are equally long, that from which the kernel was told to take it.
func (x *sightings) via(e end, info *ipmulticast.Inspected, t *trace) string {
	i := e.machine - len(x.site.cfg.Plan.Hosts)
	if i < 0 || i >= len(x.site.routers) {
		return ""
	}
	for _, is := range [...]func(h *hop) bool{
		func(*hop) bool { return true },
		func(h *hop) bool { return h.link != e.link },
		func(h *hop) bool { return h.link != e.link && h.ttl == info.TTL+1 },
	} {
		link, several := "", false
		for k := range t.ends {
			from := &t.ends[k]
			if from.machine == e.machine || !slices.Contains(x.site.cfg.Plan.Routers[i].Links, from.link) || !is(from) {
				continue
			}
			name := x.site.cableOf(e.machine, from.link)
			several = several || link != "" && link != name
			link = name
		}
		if !several {
			return link
		}
	}
	r := x.site.routers[i]
	r.mu.Lock()
	defer r.mu.Unlock()
	w, ok := r.flows[flow{info.Src, info.Group}]
	if !ok || !w.told || w.in < 0 || w.in >= len(r.plan.Links) {
		return ""
	}
	return x.site.cableOf(e.machine, r.plan.Links[w.in])
}
