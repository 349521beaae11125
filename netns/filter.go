package netns

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// Drop says what the switch drops.
type Drop struct {
	From, To int  // hosts; -1: any
	Percent  int  // of the packets; 100: all
	Cable    bool // of From: it is unplugged, so that the switch does not hear either what it says of groups
}

// filter is the table of rules in the switch (nftables, family bridge). It changes in one transaction: no packet meets
// half of the old rules and half of the new.
type filter struct {
	conn    *nftables.Conn
	table   *nftables.Table
	forward *nftables.Chain // between ports
	enter   *nftables.Chain // before the switch hears what a host says of groups

	ports   *nftables.Table   // of single ports
	ingress []*nftables.Chain // where our own switch takes the frames from the kernel's, by host
}

func (f *filter) begin(place int) (err error) {
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

func (f *filter) end() {
	if f.conn != nil {
		_ = f.conn.CloseLasting()
	}
}

// divert prepares the ports for a switch of our own.
func (f *filter) divert(hosts int) error {
	f.ports = f.conn.AddTable(&nftables.Table{Family: nftables.TableFamilyNetdev, Name: "ports"})
	accept := nftables.ChainPolicyAccept
	for h := range hosts {
		name := fmt.Sprint("port", h)
		f.ingress = append(f.ingress, f.conn.AddChain(&nftables.Chain{Table: f.ports, Name: name, Type: nftables.ChainTypeFilter,
			Hooknum: nftables.ChainHookIngress, Device: name, Priority: nftables.ChainPriorityFilter, Policy: &accept}))
	}
	return can("filter where frames come in (CONFIG_NETFILTER_INGRESS)", f.conn.Flush())
}

// diverted hands all frames of a port but those about groups to an interface, and forwards none.
func (f *filter) diverted(way int) {
	const ip, igmp = 0x0800, 2
	for _, c := range f.ingress {
		f.conn.AddRule(&nftables.Rule{Table: f.ports, Chain: c, Exprs: []expr.Any{
			&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.BigEndian.AppendUint16(nil, ip)},
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 9, Len: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{igmp}},
			&expr.Verdict{Kind: expr.VerdictAccept}}})
		f.conn.AddRule(&nftables.Rule{Table: f.ports, Chain: c, Exprs: []expr.Any{
			&expr.Immediate{Register: 1, Data: word(way)},
			&expr.Dup{RegDev: 1, IsRegDevSet: true},
			&expr.Verdict{Kind: expr.VerdictDrop}}})
	}
}

// begin lets nothing be broken and nothing be on its way; the dice of a run are those of its seed.
func (l *LAN) begin(seed uint64) error {
	if l.wide != nil {
		return l.wide.begin(seed)
	}
	err := errors.Join(l.Drop(nil), l.unshape(seed))
	l.slow.clear(seed)
	return err
}

// Drop lets the switch drop this from now on, and do nothing else: one transaction.
func (l *LAN) Drop(drops []Drop) error { return l.Break(drops, nil) }

// Break lets the switch drop and alter this from now on, and do nothing else: one transaction.
func (l *LAN) Break(drops []Drop, alters []Alter) error {
	if err := l.scope(l.marks); err != nil {
		return err
	}
	if l.wide != nil {
		return l.wide.breakdown(drops, alters)
	}
	f := &l.filter
	var own []Alter
	kernel := l.byNetem(drops, alters)
	if !kernel {
		own = alters
	} else if err := l.shape(alters[0]); err != nil {
		return err
	}
	l.slow.set(drops, own)
	f.conn.FlushChain(f.forward)
	f.conn.FlushChain(f.enter)
	for _, c := range f.ingress {
		f.conn.FlushChain(c)
	}
	f.marked(l.marks)
	if kernel {
		l.prefer(alters[0])
	}
	if len(own) > 0 {
		f.diverted(l.slow.way)
	}
	for _, d := range drops {
		chain := f.forward
		if d.Cable {
			chain = f.enter
		}
		var e []expr.Any
		if d.From >= 0 {
			e = append(e, card(expr.MetaKeyIIF, l.ports[d.From])...)
		}
		if d.To >= 0 {
			e = append(e, card(expr.MetaKeyOIF, l.ports[d.To])...)
		}
		f.drop(chain, append(e, share(d.Percent)...))
	}
	if err := f.conn.Flush(); err != nil {
		return fmt.Errorf("netns: the switch does not take %v: %w", drops, err)
	}
	return nil
}

func (f *filter) drop(chain *nftables.Chain, e []expr.Any) {
	f.conn.AddRule(&nftables.Rule{Table: f.table, Chain: chain, Exprs: append(e, &expr.Verdict{Kind: expr.VerdictDrop})})
}

// card matches an interface.
func card(key expr.MetaKey, index int) []expr.Any {
	return []expr.Any{&expr.Meta{Key: key, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: word(index)}}
}

// share matches so many of a hundred. The kernel compares bytes, the first one first: below 256 they are in the right order
// on every machine.
func share(percent int) []expr.Any {
	if percent >= 100 {
		return nil
	}
	return []expr.Any{&expr.Numgen{Register: 1, Modulus: 100, Type: numgenRandom},
		&expr.Cmp{Op: expr.CmpOpLt, Register: 1, Data: word(max(0, percent))}}
}

// numgenRandom is NFT_NG_RANDOM.
const numgenRandom = 1

func word(v int) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(v)) }
