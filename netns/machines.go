package netns

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// The faults of the machines of a LAN, beside those that strike packets between hosts: of strangers, of network cards, of
// what hosts tell the switch, and of the switch that asks.

// Mark is what becomes of what one host says to groups, and of groups.
type Mark struct {
	Host    int
	Percent int // of its reports and leaves are dropped
	TTL     int // of its packets to groups; -1: as it was
}

// marked makes rules of marks where the frames of a port come in.
func (f *filter) marked(marks []Mark) {
	for _, m := range marks {
		m.rules(func(e []expr.Any) {
			f.conn.AddRule(&nftables.Rule{Table: f.ports, Chain: f.ingress[m.Host], Exprs: e})
		})
	}
}

// marked makes rules of marks where the frames of hosts come to their segments.
func (n *Subnets) marked(marks []Mark) {
	f := &n.lan.filter
	for _, m := range marks {
		m.rules(func(e []expr.Any) {
			f.conn.AddRule(&nftables.Rule{Table: f.table, Chain: f.enter,
				Exprs: append(card(expr.MetaKeyIIF, n.lan.ports[m.Host]), e...)})
		})
	}
}

// rules gives the rules of a mark, for both versions of IP.
func (m *Mark) rules(add func(e []expr.Any)) {
	for _, v := range versions {
		if m.Percent > 0 {
			add(slices.Concat([]expr.Any{&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: v.kind[:]}},
				v.carries(v.listens), share(m.Percent), []expr.Any{&expr.Verdict{Kind: expr.VerdictDrop}}))
		}
	}
}

// version is where in a header of IP what is.
type version struct {
	family       nftables.TableFamily
	kind         [2]byte // of the frame
	carried, ttl uint32
	dst, sum     uint32 // of sum, 0: there is none
	groups       [2]byte
	listens      byte // in what hosts speak of groups: IGMP; and MLD, which alone has options for each hop
}

var versions = [...]version{{nftables.TableFamilyIPv4, [2]byte{0x08, 0x00}, 9, 8, 16, 10, [2]byte{0xe0, 0xef}, unix.IPPROTO_IGMP},
	{nftables.TableFamilyIPv6, [2]byte{0x86, 0xdd}, 6, 7, 24, 0, [2]byte{0xff, 0xff}, unix.IPPROTO_HOPOPTS}}

// carries matches packets that carry this.
func (v *version) carries(number byte) []expr.Any {
	return []expr.Any{&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: v.carried, Len: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{number}}}
}

// scoped gives what makes of a packet to a group one with another time to live. What has none does not leave its host.
func (v *version) scoped(ttl int) []expr.Any {
	e := append(v.carries(unix.IPPROTO_UDP), &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: v.dst, Len: 1},
		&expr.Range{Op: expr.CmpOpEq, Register: 1, FromData: []byte{v.groups[0]}, ToData: []byte{v.groups[1]}})
	if ttl == 0 { // the kernel would send it all the same, for who is no member of the group
		return append(e, &expr.Verdict{Kind: expr.VerdictDrop})
	}
	x := &expr.Payload{OperationType: expr.PayloadWrite, SourceRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: v.ttl, Len: 1}
	if v.sum > 0 {
		x.CsumType, x.CsumOffset = expr.CsumTypeInet, v.sum
	}
	return append(e, &expr.Immediate{Register: 1, Data: []byte{byte(min(ttl, 255))}}, x)
}

// scopes are the rules of hosts whose packets leave with another time to live: it is the host that sends them so, and
// whoever looks at its cable sees it.
type scopes struct {
	host   int
	conn   *nftables.Conn
	tables []*nftables.Table
}

// scope lets the hosts send as the marks say, and all others as they do.
func (l *LAN) scope(marks []Mark) error {
	var errs []error
	for _, s := range l.scopes {
		for _, t := range s.tables {
			s.conn.DelTable(t)
		}
		errs = append(errs, s.conn.Flush(), s.conn.CloseLasting())
	}
	l.scopes = nil
	for _, m := range marks {
		if m.TTL < 0 {
			continue
		}
		conn, err := nftables.New(nftables.WithNetNSFd(l.hosts[m.Host].fd()), nftables.AsLasting())
		if err != nil {
			return errors.Join(append(errs, can("speak nf_tables", err))...)
		}
		s := &scopes{host: m.Host, conn: conn}
		for _, v := range versions {
			t := conn.AddTable(&nftables.Table{Family: v.family, Name: "scope"})
			accept := nftables.ChainPolicyAccept
			c := conn.AddChain(&nftables.Chain{Table: t, Name: "out", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookOutput,
				Priority: nftables.ChainPriorityFilter, Policy: &accept})
			conn.AddRule(&nftables.Rule{Table: t, Chain: c, Exprs: v.scoped(m.TTL)})
			s.tables = append(s.tables, t)
		}
		l.scopes = append(l.scopes, s)
		errs = append(errs, can("filter what a host sends (CONFIG_NF_TABLES_INET)", conn.Flush()))
	}
	return errors.Join(errs...)
}

// Ask lets the switch ask who listens, as it does from the start, or no longer: then what it knows gets too old.
// Between subnets the routers ask.
func (l *LAN) Ask(on bool) error {
	if l.wide != nil {
		return nil
	}
	v := uint64(0)
	if on {
		v = 1
	}
	return l.set(map[int]uint64{nl.IFLA_BR_MCAST_QUERIER: v})
}

// Fill lets another program on a host ask the network card for so many more groups, until what it gives is called.
func (l *LAN) Fill(host, groups int) (stop func(), err error) {
	var f *os.File
	err = l.thread.in(l.hosts[host], func() error {
		card, err := net.InterfaceByName("lan")
		if err != nil {
			return err
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return can("ask a network card for groups (CAP_NET_RAW)", err)
		}
		f = os.NewFile(uintptr(fd), "program")
		for i := 1; i <= groups && err == nil; i++ {
			m := unix.PacketMreq{Ifindex: int32(card.Index), Type: unix.PACKET_MR_MULTICAST, Alen: 6,
				Address: [8]byte{0x01, 0x00, 0x5e, 0x6f, byte(i >> 8), byte(i)}}
			err = unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &m)
		}
		return can("ask a network card for groups", err)
	})
	if err != nil {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

// breakDown lets a fault of a machine begin, where the step is one.
func (w *World) breakDown(i int) error {
	a := &w.s.Steps[i].Action
	switch a.Op {
	case faults.RouterDown:
		return w.cfg.LAN.Ask(false)
	case faults.Skew, faults.Jump, faults.Drift:
		return w.setClock(a.Node)
	case faults.Overflow:
		if w.cfg.LAN.cards == Taps {
			if r := w.nodes[a.Node]; r.up() {
				return r.say(fmt.Sprint("overflow ", a.Size))
			}
			return nil
		}
		stop, err := w.cfg.LAN.Fill(int(a.Node), a.Size)
		if err == nil {
			w.undo = append(w.undo, undo{-1, func() error { stop(); return nil }})
		}
		return err
	case faults.Rogue, faults.Listen, faults.Flood:
		return w.plague(i)
	}
	return nil
}

// undo ends what a step has begun; those of -1 end with the run.
type undo struct {
	step int
	do   func() error
}

// mend ends a fault of a machine, unless another one like it lasts.
func (w *World) mend(i int) error {
	op := w.s.Steps[i].Action.Op
	if err := w.undone(i); err != nil {
		return err
	}
	if op.OnClock() {
		return w.setClock(w.s.Steps[i].Action.Node)
	}
	if slices.ContainsFunc(w.active, func(f active) bool { return f.step >= 0 && w.s.Steps[f.step].Action.Op == op }) {
		return nil
	}
	switch op {
	case faults.RouterDown:
		return w.cfg.LAN.Ask(true)
	case faults.Rogue:
		w.rogue.set(nil, 0)
	case faults.Listen:
		return w.unlisten()
	}
	return nil
}

// undone ends what a step has begun; with -1, what all have.
func (w *World) undone(step int) error {
	var errs []error
	w.undo = slices.DeleteFunc(w.undo, func(u undo) bool {
		if step >= 0 && u.step != step {
			return false
		}
		errs = append(errs, u.do())
		return true
	})
	return errors.Join(errs...)
}

// forget leaves nothing of the faults of machines.
func (w *World) forget() error {
	errs := []error{w.undone(-1)}
	w.rogue.set(nil, 0)
	for _, f := range w.active {
		if f.step < 0 {
			continue
		}
		switch w.s.Steps[f.step].Action.Op {
		case faults.RouterDown:
			errs = append(errs, w.cfg.LAN.Ask(true))
		case faults.Listen:
			errs = append(errs, w.unlisten()) // who could not be plugged in has nothing to leave
		}
	}
	w.cfg.LAN.marks = nil
	return errors.Join(errs...)
}

// marksOf adds what becomes of what a host says to groups, and of groups, while a fault lasts.
func marksOf(marks []Mark, a *faults.Action) []Mark {
	switch a.Op {
	case faults.TTL:
		return append(marks, Mark{Host: int(a.Node), TTL: a.Size})
	case faults.IGMPLoss:
		return append(marks, Mark{Host: int(a.Node), Percent: a.Percent, TTL: -1})
	}
	return marks
}

// strikes says why a wire has nothing that a fault could strike, or nil.
func (w Wire) strikes(op faults.Op) error {
	switch op {
	case faults.TTL, faults.IGMPLoss, faults.RouterDown:
		if w != Multicast {
			return fmt.Errorf("%v: there is no IP multicast on this wire", op)
		}
	case faults.Rogue, faults.Listen, faults.Flood, faults.Overflow:
		if !w.grouped() {
			return fmt.Errorf("%v: no frame of this wire is to a group", op)
		}
	}
	return nil
}

// toGroups says whether a frame is one that a rogue repeats: a datagram to a group, or one to all hosts.
func (x *evidence) toGroups(frame []byte) bool {
	if x.lanWide(frame) {
		return true
	}
	info := x.inspect.Read(frame)
	_, ok := x.group(&info)
	return ok && info.Kind.String() == "data"
}

// CanInjectBetween says why no world of subnets can inject this, or nil.
func CanInjectBetween(op faults.Op) error { return (&Subnets{}).canInject(op) }

// impossible says why no machine of a LAN can have a fault.
func impossible(op faults.Op) string {
	switch op {
	case faults.RPDown:
		return "no router of a LAN is a rendezvous point: nothing is routed"
	case faults.PruneLost:
		return "no router of a LAN keeps the state of trees: nothing is routed"
	case faults.Boundary:
		return "no router of a LAN has a boundary: nothing is routed"
	case faults.TableFull:
		return "no router of a LAN has a table of routes; a switch whose table is full floods"
	}
	if k, _ := op.Fault(); spec.DiskFaults.Has(k) {
		return "a process that is killed loses nothing that the kernel has taken; only power that fails does"
	}
	return "no machine of a LAN has it"
}
