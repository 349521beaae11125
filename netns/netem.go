package netns

import (
	"encoding/binary"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/spec"
)

// netem is the kernel's way of letting packets be late, overtake each other, or arrive twice (Hemminger, Network
// Emulation with NetEm, 2005): a queue at every port, behind the switch, which then goes on to snoop. Not every kernel
// has it, and not everything that our own switch does it can do. It is used where it is there and means exactly the same:
//
//   - one host's packets are late by a time, on the way to one host or to all;
//   - a share of all packets takes up to a time longer: netem lets the others pass at once;
//   - a share of all packets arrives twice.
//
// Where several of these come together, where bytes are changed (netem changes bits of the Ethernet header too), or
// where a host's cable may be unplugged with packets of it on their way, our own switch does it.
//
// The packets that are meant get a priority from nf_tables, as they are forwarded, that names a class of the port's
// HTB queue, and netem is what is in this class: no classifier is needed. All others go past. When a fault is over no
// packet gets the priority any more, and what is late still comes; the queues are taken away before the next run.
type netem struct {
	asked  bool
	reason error // why there is none
	laid   bool  // the ports have their queues
	avoid  bool  // in this run our own switch does it
	seed   uint64
	chain  *nftables.Chain // which gives the priority to what is not about groups (IGMP)
	leaf   func(x Alter, seed uint64) (kind string, options *nl.RtAttr)
}

// The handles of a port's queue, its class, and what is in that.
var (
	netemRoot  = netlink.MakeHandle(1, 0)
	netemClass = netlink.MakeHandle(1, 2)
	netemLeaf  = netlink.MakeHandle(2, 0)
)

// Netem says why the kernel does not let packets be late, overtake each other or arrive twice, so that a switch of our
// own does: what it lacks, with the error. Nil: it does.
func (l *LAN) Netem() error {
	x := &l.netem
	if !x.asked {
		x.asked = true
		x.reason = l.thread0(func() error { // where a packet of ours could wait there is none yet
			if err := l.lay(l.slow.way, Alter{Late: time.Millisecond}); err != nil {
				return err
			}
			return l.lift(l.slow.way)
		})
	}
	return x.reason
}

// Means says what alters packets on one LAN, behind a colon; nothing of faults of which there is nothing to say.
func Means(k spec.FaultKind) string {
	switch k {
	case spec.DelayFault, spec.ReorderFault, spec.DuplicateFault:
		return ": by netem where the kernel has it and it means just this, else by a switch of our own"
	case spec.CorruptFault:
		return ": by a switch of our own"
	}
	return ""
}

// byNetem says whether netem does exactly this, and the kernel has it.
func (l *LAN) byNetem(drops []Drop, alters []Alter) bool {
	if l.wide != nil || l.netem.avoid || len(alters) != 1 || !alters[0].exact() {
		return false
	}
	for _, d := range drops {
		if d.Cable {
			return false
		}
	}
	return l.Netem() == nil
}

// exact says whether netem can do it.
func (x *Alter) exact() bool {
	late, upto, twice := x.Late > 0, x.Upto > 0, x.Twice
	switch {
	case x.Flip, late && upto, late && twice, upto && twice:
		return false
	case late:
		return x.Percent >= 100
	}
	return upto || twice
}

// shape lets the queues of the ports do this from now on. What waits in them already is not touched.
func (l *LAN) shape(x Alter) error {
	return l.thread0(func() error {
		for _, port := range l.ports {
			if err := l.lay(port, x); err != nil {
				return err
			}
		}
		l.netem.laid = true
		return nil
	})
}

// unshape takes the queues away, with what waits in them, and begins new dice.
func (l *LAN) unshape(seed uint64) error {
	l.netem.seed = seed
	if !l.netem.laid {
		return nil
	}
	l.netem.laid = false
	return l.thread0(func() error {
		for _, port := range l.ports {
			if err := l.lift(port); err != nil {
				return err
			}
		}
		return nil
	})
}

// lay gives a port its queue, or changes what is in the class.
func (l *LAN) lay(port int, x Alter) error {
	root := netlink.NewHtb(netlink.QdiscAttrs{LinkIndex: port, Handle: netemRoot, Parent: netlink.HANDLE_ROOT})
	const rate = 8e9 // bits a second: more than a port ever sends
	class := netlink.NewHtbClass(netlink.ClassAttrs{LinkIndex: port, Handle: netemClass, Parent: netemRoot},
		netlink.HtbClassAttrs{Rate: rate, Quantum: 60_000, Buffer: 1 << 20, Cbuffer: 1 << 20})
	if !l.netem.laid {
		if err := l.links.QdiscAdd(root); err != nil {
			return can("queue at a port (CONFIG_NET_SCH_HTB)", err)
		}
		if err := l.links.ClassAdd(class); err != nil {
			return can("divide the queue of a port (CONFIG_NET_SCH_HTB)", err)
		}
	}
	leaf := netemOf
	if l.netem.leaf != nil {
		leaf = l.netem.leaf
	}
	kind, options := leaf(x, l.netem.seed+uint64(port))
	if _, err := netemRequest(port, kind, options).Execute(unix.NETLINK_ROUTE, 0); err != nil {
		if !l.netem.laid {
			_ = l.lift(port)
		}
		return can("let packets be late (CONFIG_NET_SCH_NETEM)", err)
	}
	return nil
}

// lift takes the queue of a port away.
func (l *LAN) lift(port int) error {
	return can("take away the queue of a port", l.links.QdiscDel(netlink.NewHtb(
		netlink.QdiscAttrs{LinkIndex: port, Handle: netemRoot, Parent: netlink.HANDLE_ROOT})))
}

// netemRequest puts something into the class of a port's queue. It changes what is there and is of that kind.
func netemRequest(port int, kind string, options *nl.RtAttr) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(unix.RTM_NEWQDISC, unix.NLM_F_CREATE|unix.NLM_F_ACK)
	req.AddData(&nl.TcMsg{Family: nl.FAMILY_ALL, Ifindex: int32(port), Handle: netemLeaf, Parent: netemClass})
	req.AddData(nl.NewRtAttr(nl.TCA_KIND, nl.ZeroTerminated(kind)))
	req.AddData(options)
	return req
}

// What the library does not know of netem (linux/pkt_sched.h).
const (
	netemLatency64 = 10 // ns
	netemJitter64  = 11 // ns
	netemSeed      = 14 // since Linux 6.6; before, the dice are the kernel's

	netemWaiting = 100_000 // packets at most
)

// netemOf gives the options for what is to happen. A jitter without a table of its distribution is uniform, from the
// latency less the jitter to the latency and the jitter. With a gap of one, every packet has the chance "reorder" of not
// being delayed at all.
func netemOf(x Alter, seed uint64) (kind string, options *nl.RtAttr) {
	q := nl.TcNetemQopt{Limit: netemWaiting}
	latency, jitter := x.Late, time.Duration(0)
	if x.Upto > 0 {
		latency, jitter = x.Upto/2, x.Upto/2
	}
	const tick = 64 * time.Nanosecond // the old unit, for kernels that know no other
	q.Latency, q.Jitter = uint32(latency/tick), uint32(jitter/tick)
	if x.Twice {
		q.Duplicate = chance(x.Percent)
	}
	punctual := uint32(0)
	if x.Upto > 0 && x.Percent < 100 {
		punctual, q.Gap = chance(100-x.Percent), 1
	}
	options = nl.NewRtAttr(nl.TCA_OPTIONS, q.Serialize())
	if punctual > 0 {
		r := nl.TcNetemReorder{Probability: punctual}
		options.AddRtAttr(nl.TCA_NETEM_REORDER, r.Serialize())
	}
	options.AddRtAttr(netemLatency64, nl.Uint64Attr(uint64(latency)))
	options.AddRtAttr(netemJitter64, nl.Uint64Attr(uint64(jitter)))
	options.AddRtAttr(netemSeed, nl.Uint64Attr(seed))
	return "netem", options
}

// chance gives a percentage as a share of the numbers of 32 bits.
func chance(percent int) uint32 {
	return uint32(uint64(min(max(percent, 0), 100)) * 0xffffffff / 100)
}

// prefer lets the packets that are meant have the priority that names the class.
func (l *LAN) prefer(x Alter) {
	f := &l.filter
	if l.netem.chain == nil {
		const ip, igmp = 0x0800, 2
		l.netem.chain = f.conn.AddChain(&nftables.Chain{Table: f.table, Name: "class"})
		f.conn.AddRule(&nftables.Rule{Table: f.table, Chain: l.netem.chain, Exprs: []expr.Any{
			&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.BigEndian.AppendUint16(nil, ip)},
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 9, Len: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{igmp}},
			&expr.Verdict{Kind: expr.VerdictReturn}}})
		f.conn.AddRule(&nftables.Rule{Table: f.table, Chain: l.netem.chain, Exprs: []expr.Any{
			&expr.Immediate{Register: 1, Data: word(int(netemClass))},
			&expr.Meta{Key: expr.MetaKeyPRIORITY, Register: 1, SourceRegister: true}}})
	}
	var e []expr.Any
	if x.From >= 0 {
		e = append(e, card(expr.MetaKeyIIF, l.ports[x.From])...)
	}
	if x.To >= 0 {
		e = append(e, card(expr.MetaKeyOIF, l.ports[x.To])...)
	}
	f.conn.AddRule(&nftables.Rule{Table: f.table, Chain: f.forward,
		Exprs: append(e, &expr.Verdict{Kind: expr.VerdictJump, Chain: l.netem.chain.Name})})
}
