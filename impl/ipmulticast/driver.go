package ipmulticast

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// DriverConfig is what the driver of a LAN without IP is made of.
type DriverConfig struct {
	Self      spec.NodeID
	Own       MAC
	MACOf     func(spec.NodeID) (MAC, bool)
	NodeAt    func(MAC) (spec.NodeID, bool)
	Group     func(spec.GroupID) MAC
	Broadcast bool // one frame to every card, and the group's number inside; false: a frame to the group's address
	Rules     DriverRules
}

// DriverRules are what keeps frames of other groups out; nil is the correct rule.
type DriverRules struct {
	// Takes says whether a frame to a group that passed the card is one that this host asked for: by its address, or
	// with broadcast by the number inside.
	Takes func(asked bool) bool
}

// Driver stands between a transport and a network card on a LAN without IP: it addresses the frames of a group, by a
// group address (T1, hardware multicast) or by broadcast with the group's number inside, an auxiliary address (T2,
// which makes a diffusion group of the hosts), and checks every frame that the card let through, because cards let
// through more than they were asked for.
//
// A frame is: Ethernet header, number of the group (4 bytes; inverted: to one node of it), the body, and a CRC-32 over
// all of it, as the frame check sequence of real frames.
//
// Several groups of a node share a driver: what it says upward names the group.
type Driver struct {
	cfg    DriverConfig
	joined []joinedGroup
}

type joinedGroup struct {
	id        spec.GroupID
	mac       MAC
	processes []uint64 // of this host
}

const (
	driverHeader = EthernetLen + 4
	oneNode      = 1 << 31 // no number of a group is as large: it is inverted, and the frame to one node
)

// NewDriver makes the driver of one host.
func NewDriver(cfg DriverConfig) *Driver {
	if cfg.Rules.Takes == nil {
		cfg.Rules.Takes = func(asked bool) bool { return asked }
	}
	return &Driver{cfg: cfg}
}

// Step implements [impl.Layer].
func (d *Driver) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		d.joined = d.joined[:0]
	case impl.Send:
		d.send(in, out)
	case impl.Join:
		d.join(in.Group, in.Num, out)
		finish(&in, out)
	case impl.Leave:
		d.leave(in.Group, in.Num, out)
		finish(&in, out)
	case impl.Packet:
		d.receive(in, out)
	default:
		out.Pass(in)
	}
}

func (d *Driver) find(id spec.GroupID) *joinedGroup {
	for i := range d.joined {
		if d.joined[i].id == id {
			return &d.joined[i]
		}
	}
	return nil
}

// join lets a process of the host into a group; twice is once.
func (d *Driver) join(id spec.GroupID, process uint64, out *impl.Effects) {
	if g := d.find(id); g != nil {
		if !slices.Contains(g.processes, process) {
			g.processes = append(g.processes, process)
		}
		return
	}
	d.joined = append(d.joined, joinedGroup{id, d.cfg.Group(id), []uint64{process}})
	d.filter(impl.Join, d.cfg.Group(id), out)
}

// leave takes a process out of a group; with the last one the host leaves it.
func (d *Driver) leave(id spec.GroupID, process uint64, out *impl.Effects) {
	g := d.find(id)
	if g == nil {
		return
	}
	g.processes = slices.DeleteFunc(g.processes, func(p uint64) bool { return p == process })
	if len(g.processes) > 0 {
		return
	}
	d.filter(impl.Leave, g.mac, out)
	*g = d.joined[len(d.joined)-1]
	d.joined = d.joined[:len(d.joined)-1]
}

// filter tells the card which group frames to let through. Broadcast frames pass in any case.
func (d *Driver) filter(call impl.InputKind, mac MAC, out *impl.Effects) {
	if d.cfg.Broadcast {
		return
	}
	b := out.Alloc(len(mac))
	copy(b, mac[:])
	out.Add(impl.Effect{Kind: impl.CallDown, Call: call, Body: b})
}

func (d *Driver) send(in impl.Input, out *impl.Effects) {
	if in.To == d.cfg.Self {
		out.Add(impl.Effect{Kind: impl.Down, Num: impl.LoopPort, To: in.To, Group: in.Group, Body: in.Body})
		return
	}
	dst, id := Broadcast, uint32(in.Group)
	switch {
	case in.To != impl.Everyone:
		mac, ok := d.cfg.MACOf(in.To)
		if !ok {
			refuse(&in, impl.NotMember, out)
			return
		}
		dst, id = mac, ^id
	case !d.cfg.Broadcast:
		dst = d.cfg.Group(in.Group)
	}
	n := driverHeader + len(in.Body)
	b := AppendEthernet(out.Alloc(n + 4)[:0], dst, d.cfg.Own, TypeGroup)
	b = binary.BigEndian.AppendUint32(b, id)
	b = append(b, in.Body...)
	SendFrame(out, 0, Seal(b)).Code = in.Code
}

// Seal appends the check sequence of a frame of type TypeGroup.
func Seal(frame []byte) []byte {
	return binary.LittleEndian.AppendUint32(frame, crc32.ChecksumIEEE(frame))
}

func (d *Driver) receive(in impl.Input, out *impl.Effects) {
	if in.Num == impl.LoopPort {
		upward(out, d.cfg.Self, d.cfg.Self, in.Group, in.Body)
		return
	}
	f, ok := ParseFrame(in.Body)
	if !ok || f.Type != TypeGroup || len(f.Payload) < 8 {
		return // of another protocol
	}
	n := len(in.Body) - 4
	if crc32.ChecksumIEEE(in.Body[:n]) != binary.LittleEndian.Uint32(in.Body[n:]) {
		out.Note(impl.Corrupted, 0, uint64(n))
		return
	}
	id, body := binary.BigEndian.Uint32(f.Payload), f.Payload[4:len(f.Payload)-4:len(f.Payload)-4]
	from, known := d.cfg.NodeAt(f.Src)
	if !known {
		from = -1
	}
	if id >= oneNode {
		if f.Dst == d.cfg.Own {
			upward(out, from, d.cfg.Self, spec.GroupID(^id), body)
		}
		return
	}
	asked := d.asked(f.Dst, id)
	if !d.cfg.Rules.Takes(asked) {
		out.Note(impl.FilteredByDriver, uint64(id), 0)
		return
	}
	out.Note(impl.Taken, uint64(id), 0)
	d.handUp(from, f.Dst, id, asked, body, out)
}

// handUp gives a frame to the groups that asked for it; where nobody did and the rule let it through, to whoever there
// is.
func (d *Driver) handUp(from spec.NodeID, dst MAC, id uint32, asked bool, body []byte, out *impl.Effects) {
	for i := range d.joined {
		if g := &d.joined[i]; !asked || d.listens(g, dst, id) {
			upward(out, from, impl.Everyone, g.id, body)
		}
	}
	if len(d.joined) == 0 {
		upward(out, from, impl.Everyone, spec.GroupID(id), body)
	}
}

// upward hands a body to the stack of a group.
func upward(out *impl.Effects, from, to spec.NodeID, g spec.GroupID, body []byte) {
	out.Up(from, to, body)
	out.List[len(out.List)-1].Group = g
}

// asked says whether this host listens to the group of a frame.
func (d *Driver) asked(dst MAC, id uint32) bool {
	for i := range d.joined {
		if d.listens(&d.joined[i], dst, id) {
			return true
		}
	}
	return false
}

func (d *Driver) listens(g *joinedGroup, dst MAC, id uint32) bool {
	return d.cfg.Broadcast && uint32(g.id) == id || !d.cfg.Broadcast && g.mac == dst
}
