package netns

import (
	"fmt"
	"slices"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Between subnets the filter stands in the namespace of all segments. What one host has sent to another is dropped on the
// cable of the receiver, wherever the sender is: so it is told by its address. What hosts and routers say of groups and
// routes passes, unless a machine is unplugged.

// breakdown lets this be dropped and altered from now on and nothing else, and these routers be unplugged: one transaction.
func (n *Subnets) breakdown(drops []Drop, alters []Alter) error {
	f := &n.lan.filter
	f.conn.FlushChain(f.forward)
	f.conn.FlushChain(f.enter)
	for index, e := range n.ends {
		if i := e.machine - len(n.cfg.Plan.Hosts); i >= 0 && !n.up(i) {
			f.drop(f.enter, card(expr.MetaKeyIIF, index))
			f.drop(f.forward, card(expr.MetaKeyOIF, index))
		}
	}
	for _, d := range drops {
		if d.Cable {
			f.drop(f.enter, card(expr.MetaKeyIIF, n.lan.ports[d.From]))
			continue
		}
		for h, index := range n.lan.ports {
			if h == d.From || d.To >= 0 && d.To != h {
				continue
			}
			f.drop(f.forward, slices.Concat(card(expr.MetaKeyOIF, index), n.datagramOf(d.From), share(d.Percent)))
		}
	}
	n.marked(n.lan.marks)
	n.alter(drops, alters)
	if err := f.conn.Flush(); err != nil {
		return fmt.Errorf("netns: the segments do not take %v: %w", drops, err)
	}
	return nil
}

// datagramOf matches the UDP datagrams of a host; of any, where it is negative.
func (n *Subnets) datagramOf(host int) []expr.Any {
	typ, protocol, source := []byte{8, 0}, uint32(9), uint32(12)
	if n.v6 {
		typ, protocol, source = []byte{0x86, 0xdd}, 6, 8
	}
	e := []expr.Any{&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: typ},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: protocol, Len: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_UDP}}}
	if host < 0 {
		return e
	}
	a := n.cfg.Plan.Hosts[host].Port.Addr
	return append(e, &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: source, Len: uint32(len(a.AsSlice()))},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: a.AsSlice()})
}
