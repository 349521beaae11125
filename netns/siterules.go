package netns

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// siteRules are the rules by which packets are dropped between subnets (nftables, family bridge, in the namespace of all
// segments). What one host has sent to another is dropped on the cable of the receiver, wherever the sender is: so it is
// told by its address. What hosts and routers say of groups and routes passes, unless a machine is unplugged.
type siteRules struct {
	conn    *nftables.Conn
	table   *nftables.Table
	forward *nftables.Chain // between ports
	enter   *nftables.Chain // before a segment takes a frame in
}

func (f *siteRules) begin(place int) (err error) {
	if f.conn, err = nftables.New(nftables.WithNetNSFd(place), nftables.AsLasting()); err != nil {
		return can("speak nf_tables", err)
	}
	f.table = f.conn.AddTable(&nftables.Table{Family: nftables.TableFamilyBridge, Name: "faults"})
	accept := nftables.ChainPolicyAccept
	f.forward = f.conn.AddChain(&nftables.Chain{Table: f.table, Name: "forward", Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter, Policy: &accept})
	f.enter = f.conn.AddChain(&nftables.Chain{Table: f.table, Name: "enter", Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityFilter, Policy: &accept})
	return can("filter on a bridge (CONFIG_NF_TABLES_BRIDGE)", f.conn.Flush())
}

func (f *siteRules) end() {
	if f.conn != nil {
		_ = f.conn.CloseLasting()
	}
}

// breakdown lets this be dropped from now on and nothing else, and these routers be unplugged: one transaction.
func (n *Subnets) breakdown(drops []Drop) error {
	f := &n.rules
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
			e := append(card(expr.MetaKeyOIF, index), n.datagramOf(d.From)...)
			if d.Percent < 100 {
				// The kernel compares bytes, the first one first: below 256 they are in the right order on every machine.
				e = append(e, &expr.Numgen{Register: 1, Modulus: 100, Type: numgenRandom},
					&expr.Cmp{Op: expr.CmpOpLt, Register: 1, Data: word(max(0, d.Percent))})
			}
			f.drop(f.forward, e)
		}
	}
	n.marked(n.lan.marks)
	if err := f.conn.Flush(); err != nil {
		return fmt.Errorf("netns: the segments do not take %v: %w", drops, err)
	}
	return nil
}

func (f *siteRules) drop(chain *nftables.Chain, e []expr.Any) {
	f.conn.AddRule(&nftables.Rule{Table: f.table, Chain: chain, Exprs: append(e, &expr.Verdict{Kind: expr.VerdictDrop})})
}

// card matches an interface.
func card(key expr.MetaKey, index int) []expr.Any {
	return []expr.Any{&expr.Meta{Key: key, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: word(index)}}
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
