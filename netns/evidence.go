package netns

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// Judges of costs and of filters want to know what was on the cables, and the reader of a story what hosts and switch
// said of groups. It is read off the ports of the switch, by the codec of package ipmulticast, which is not the kernel's;
// what nodes took in they tell themselves (sight).

// mostFrames is how many frames of a run are written down, and of how many datagrams a node tells in one life. Of more
// frames than that, or where the kernel had no room for one of them, none is: who counts some of them counts wrong.
const mostFrames = 1 << 15

// evidence makes events of the frames at the ports of the switch. One goroutine has it, until the capture has ended.
type evidence struct {
	hosts   int // that are nodes
	groups  []netip.Addr
	addrs   bool // frames of groups have addresses of their own: the history has a topology
	inspect ipmulticast.Inspector
	number  uint64
	known   map[uint64]datagram // by a digest of the frame
	all     []observed
	lost    bool
	last    map[said]ipmulticast.FrameKind // what was said last
	ip      ipmulticast.IP
	msg     ipmulticast.Listen
}

// datagram is what the switch forwards: the same frame again, to the byte. No machine puts the same bytes on its cable
// twice (copies), however often it repeats a packet: so a copy that is late is not taken for one of a later frame.
type datagram struct {
	number uint64
	origin spec.NodeID
}

func newEvidence(w *World) *evidence {
	return &evidence{hosts: w.s.Nodes, groups: w.addrs, addrs: w.cfg.Wire.grouped(), known: map[uint64]datagram{}, last: map[said]ipmulticast.FrameKind{}}
}

// grouped says whether a frame of the wire may be to a group.
func (w Wire) grouped() bool { return w == Multicast || w == Broadcast || w == Frames }

// theSwitch and theStranger are the machines that are no nodes, as a history counts them.
func (x *evidence) theSwitch() spec.NodeID   { return spec.NodeID(x.hosts) }
func (x *evidence) theStranger() spec.NodeID { return spec.NodeID(x.hosts + 1) }

// cable names the cable of a machine.
func (x *evidence) cable(machine spec.NodeID) string {
	if machine == x.theStranger() {
		return "cable-stranger"
	}
	return fmt.Sprint("cable", machine)
}

// announce names the machines, and says how they are joined.
func (x *evidence) announce(h *spec.Header) {
	if !x.addrs {
		return
	}
	t := &spec.Topology{Switches: []spec.NodeID{x.theSwitch()}}
	for n := range spec.NodeID(x.hosts) {
		t.Links = append(t.Links, spec.Link{Name: x.cable(n), Metric: 1, Nodes: []spec.NodeID{n, x.theSwitch()}})
	}
	t.Links = append(t.Links, spec.Link{Name: x.cable(x.theStranger()), Metric: 1, Nodes: []spec.NodeID{x.theSwitch(), x.theStranger()}})
	h.Nodes, h.Topology = append(h.Nodes, "switch", "stranger"), t
}

// frame takes in a frame on the cable of a machine: that the machine has sent, or the switch.
func (x *evidence) frame(at spec.Time, machine spec.NodeID, bySwitch bool, frame []byte) {
	if x.lost || bySwitch && !x.addrs || int(machine) >= x.hosts && machine != x.theStranger() || len(frame) < etherLen {
		return
	}
	info := x.inspect.Read(frame)
	if x.lanWide(frame) {
		info.Kind, info.Number = ipmulticast.DataFrame, x.groupInside(frame)
	}
	if info.Kind == ipmulticast.OtherFrame || piece(frame) || !x.news(machine, bySwitch, frame, &info) {
		return
	}
	by := machine
	if bySwitch {
		by = x.theSwitch()
	}
	d := x.datagram(by, bySwitch, frame)
	e := spec.Event{T: at, Kind: spec.Frame, Node: by, From: d.origin, Has: spec.HasNode | spec.HasFrom | spec.HasID}
	o := observed{extra: spec.Extra{ID: d.number, Op: info.Kind.String(), TTL: int(info.TTL), Reason: x.reason(frame)}, rare: true}
	if x.addrs {
		o.extra.Link = x.cable(machine)
	}
	if g, ok := x.group(&info); ok {
		e.Group, e.Has = g, e.Has|spec.HasGroup
	} else if info.Group.IsValid() && !info.Kind.Carries() {
		return // of other groups than the run's nothing is told
	}
	if to := x.hostOf([6]byte(frame)); to >= 0 {
		e.To, e.Has = to, e.Has|spec.HasTo
	}
	if o.Event = e; len(x.all) == mostFrames {
		x.lost = true
		return
	}
	x.all = append(x.all, o)
}

// news says whether a frame is to be told of. Of what is said of groups that is what was not said just before: hosts say
// again and again what they listen to, and the switch hands it on and asks on every cable. In version 3 of IGMP a leave
// is a report, of a group from which nothing is wanted any more.
func (x *evidence) news(machine spec.NodeID, bySwitch bool, frame []byte, info *ipmulticast.Inspected) bool {
	if info.Kind < ipmulticast.QueryFrame || info.Kind > ipmulticast.LeaveFrame {
		return true
	}
	if asks := info.Kind == ipmulticast.QueryFrame; asks != bySwitch || asks && machine > 0 {
		return false
	}
	if f, ok := ipmulticast.ParseFrame(frame); ok && ipmulticast.ParseIP(f.Payload, &x.ip) && ipmulticast.ParseIGMP(x.ip.Payload, &x.msg) {
		for _, r := range x.msg.Records {
			if (r.Type == ipmulticast.ToIn || r.Type == ipmulticast.IsIn) && len(r.Sources) == 0 && len(x.msg.Records) == 1 {
				info.Kind = ipmulticast.LeaveFrame
			}
		}
	}
	if bySwitch {
		machine = x.theSwitch()
	}
	word := said{machine, info.Group}
	if x.last[word] == info.Kind {
		return false
	}
	x.last[word] = info.Kind
	return true
}

// said is who speaks of which group.
type said struct {
	machine spec.NodeID
	group   netip.Addr
}

// datagram tells a frame that is forwarded from a new one.
func (x *evidence) datagram(by spec.NodeID, bySwitch bool, frame []byte) datagram {
	key := xxhash.Sum64(frame)
	if d, ok := x.known[key]; ok && bySwitch {
		return d
	}
	x.number++
	d := datagram{x.number, by}
	if from := x.hostOf([6]byte(frame[6:])); bySwitch && from >= 0 { // changed on the way
		d.origin = from
	}
	if !bySwitch || len(x.known) < mostFrames {
		x.known[key] = d
	}
	return d
}

func (x *evidence) hostOf(mac [6]byte) spec.NodeID {
	for h := range x.hosts {
		if slices.Equal(mac[:], hostMAC(h)) {
			return spec.NodeID(h)
		}
	}
	return -1
}

// group finds the group of the run that a frame is about.
func (x *evidence) group(info *ipmulticast.Inspected) (spec.GroupID, bool) {
	if !info.Group.IsValid() {
		return spec.GroupID(info.Number), info.Kind == ipmulticast.DataFrame && int(info.Number) < len(x.groups)
	}
	i := slices.Index(x.groups, info.Group)
	return spec.GroupID(i), i >= 0
}

// lanWide says whether a frame is a datagram of UDP to all hosts.
func (x *evidence) lanWide(frame []byte) bool {
	const ip = ipmulticast.EthernetLen
	return len(frame) > ip+20 && frame[12] == 8 && frame[13] == 0 && frame[ip+9] == unix.IPPROTO_UDP &&
		netip.AddrFrom4([4]byte(frame[ip+16:])) == lanBroadcast
}

// piece says whether a frame is a further one of a packet that the kernel has cut in pieces.
func piece(frame []byte) bool {
	const at = ipmulticast.EthernetLen + 6
	return len(frame) > at+2 && frame[12] == 8 && frame[13] == 0 && binary.BigEndian.Uint16(frame[at:])&0x1fff != 0
}

// groupInside and reason read what links put behind a packet.
func (x *evidence) groupInside(frame []byte) uint32 {
	if len(frame) < frameLen {
		return 0
	}
	return binary.LittleEndian.Uint32(frame[len(frame)-frameLen:])
}

func (x *evidence) reason(frame []byte) string {
	f, ok := ipmulticast.ParseFrame(frame)
	switch {
	case !ok:
	case f.Type == ipmulticast.TypeGroup && frame[len(frame)-1] == ackMark,
		f.Type == ipmulticast.TypeIPv4 && len(frame) > frameLen && (binary.LittleEndian.Uint32(frame[len(frame)-4:])-frameMark)&^groupMark == ackMark:
		return spec.ReasonAck
	}
	return ""
}

// ackMark is what a link adds to the mark of a packet that is an acknowledgement and nothing else.
const ackMark = 1

// markOf tells those packets from others.
func markOf(code impl.Code) uint32 {
	if code == impl.BareAck {
		return ackMark
	}
	return 0
}

// sight is what a node tells of a datagram that one of its sockets, or its driver, has taken in: the group that it was
// sent to, the node from which it came, if it is known, and how long ago it was there.
type sight func(to spec.GroupID, from spec.NodeID, ago spec.Time)

// saw is the node's own sight.
func (n *Node) saw(to spec.GroupID, from spec.NodeID, ago spec.Time) {
	if n.cfg.Observe == nil || n.sights.Add(1) > mostFrames {
		return
	}
	e := spec.Event{T: max(0, n.now()-ago), Kind: spec.Receive, Node: n.cfg.Self, Group: to, Has: spec.HasNode | spec.HasGroup}
	if from >= 0 {
		e.From, e.Has = from, e.Has|spec.HasFrom
	}
	n.cfg.Observe(e, &spec.Extra{Op: ipmulticast.DataFrame.String()})
}

// tell adds the frames since the scenario began to what was observed, and before them those in which hosts said which
// groups they listen to. Where some are missing, none is added.
func (x *evidence) tell(all []observed, base spec.Time) []observed {
	if x == nil || x.lost {
		return all
	}
	for i := range x.all {
		if o := &x.all[i]; o.T >= base || o.extra.Op == ipmulticast.ReportFrame.String() {
			all = append(all, x.all[i])
		}
	}
	return all
}
