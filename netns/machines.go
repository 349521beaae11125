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

// Mark is what the switch does to what one host says to groups, and of groups.
type Mark struct {
	Host    int
	Percent int // of its reports and leaves are dropped
	TTL     int // of its packets to groups; -1: as it was
}

// marked makes rules of marks where the frames of a port come in.
func (f *filter) marked(marks []Mark) {
	for _, m := range marks {
		rule := func(e ...expr.Any) {
			f.conn.AddRule(&nftables.Rule{Table: f.ports, Chain: f.ingress[m.Host], Exprs: e})
		}
		if m.Percent > 0 {
			rule(append(protocol(unix.IPPROTO_IGMP), append(share(m.Percent), &expr.Verdict{Kind: expr.VerdictDrop})...)...)
		}
		if m.TTL < 0 {
			continue
		}
		e := append(protocol(unix.IPPROTO_UDP), &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 16, Len: 1},
			&expr.Range{Op: expr.CmpOpEq, Register: 1, FromData: []byte{0xe0}, ToData: []byte{0xef}})
		if m.TTL == 0 { // what has none does not leave its host
			rule(append(e, &expr.Verdict{Kind: expr.VerdictDrop})...)
			continue
		}
		rule(append(e, &expr.Immediate{Register: 1, Data: []byte{byte(min(m.TTL, 255))}},
			&expr.Payload{OperationType: expr.PayloadWrite, SourceRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 8, Len: 1,
				CsumType: expr.CsumTypeInet, CsumOffset: 10})...)
	}
}

// protocol matches packets of IPv4 that carry this.
func protocol(number byte) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{8, 0}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 9, Len: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{number}}}
}

// share matches so many of a hundred.
func share(percent int) []expr.Any {
	if percent >= 100 {
		return nil
	}
	return []expr.Any{&expr.Numgen{Register: 1, Modulus: 100, Type: numgenRandom},
		&expr.Cmp{Op: expr.CmpOpLt, Register: 1, Data: word(percent)}}
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
		stop, err := w.cfg.LAN.Fill(int(a.Node), a.Size)
		if err == nil {
			w.undo = append(w.undo, undo{-1, func() error { stop(); return nil }})
		}
		return err
	case faults.Rogue, faults.Listen, faults.Flood:
		s, err := w.cfg.LAN.whoever()
		if err != nil {
			return err
		}
		switch a.Op {
		case faults.Rogue:
			w.rogue.set(s, a.Percent)
		case faults.Listen:
			return s.listen(w.addrs[0], true)
		case faults.Flood:
			port := uint16(lanPort)
			if len(w.s.Groups) > 1 {
				port = groupPort
			}
			stop := s.flood(noise(w.cfg.Wire, w.addrs[0], port), a.By)
			w.undo = append(w.undo, undo{i, func() error { stop(); return nil }})
		}
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
		if s := w.cfg.LAN.guest; s != nil {
			return s.listen(w.addrs[0], false)
		}
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
			errs = append(errs, w.cfg.LAN.guest.listen(w.addrs[0], false))
		}
	}
	w.cfg.LAN.marks = nil
	return errors.Join(errs...)
}

// marksOf adds what the switch does to what a host says to groups while a fault lasts.
func marksOf(marks []Mark, a *faults.Action) []Mark {
	switch a.Op {
	case faults.TTL:
		return append(marks, Mark{Host: int(a.Node), TTL: a.Size})
	case faults.IGMPLoss:
		return append(marks, Mark{Host: int(a.Node), Percent: a.Percent, TTL: -1})
	}
	return marks
}

// carries says why a wire has nothing that a fault could strike, or nil.
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
