package ipmulticast

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"math/bits"
	"slices"

	"github.com/conform-go/conform/impl"
)

// NICModel says how a network card filters group frames.
type NICModel uint8

// The models.
const (
	Exact       NICModel = iota // a table of k addresses; with more, every group frame passes (multicast-promiscuous)
	Hash64                      // 64 bins by the upper 6 bits of the CRC-32 of the address
	Hash512                     // 512 bins by the upper 9 bits
	Promiscuous                 // everything passes
)

var nicModels = [...]string{"exact", "hash64", "hash512", "promiscuous"}

// NIC is a network card with its filter, the lowest layer of a host: frames for another host or for a group that no
// bin or slot has are dropped; the driver above has to check again what passed.
//
// Join and Leave with a hardware address as the body say which groups the card shall let through; the same address may
// be asked for more than once and then has to be given back as often.
type NIC struct {
	model NICModel
	slots int
	own   MAC

	filters []filter    // ascending by address
	bins    [512]uint16 // how many of the filters' addresses fall into each
	others  uint16      // how many of them another program on the host has asked for
}

// filter is an address that the card has been asked for.
type filter struct {
	group MAC
	times int
}

// NewNIC makes a card; slots counts for the model Exact.
func NewNIC(own MAC, model NICModel, slots int) *NIC {
	return &NIC{model: model, slots: slots, own: own}
}

// ParseNICModel is the inverse of [NICModel.String].
func ParseNICModel(s string) (NICModel, error) {
	for i, name := range nicModels {
		if name == s {
			return NICModel(i), nil
		}
	}
	return 0, fmt.Errorf("network card %q: not one of %q", s, nicModels)
}

// String gives the model as options spell it: exact, hash64, hash512, promiscuous.
func (m NICModel) String() string {
	if int(m) < len(nicModels) {
		return nicModels[m]
	}
	return fmt.Sprintf("nic(%d)", uint8(m))
}

// Bin gives the bin of an address in a hash filter with 64 or 512 bins: the upper 6 or 9 bits of its CRC-32. The CRC
// is that of Ethernet in the register that shifts to the left (polynomial 0x04c11db7, from all ones, the low bit of
// each byte first, not inverted at the end), as Realtek's 8139 has it; other controllers read the same register from
// the other end.
func Bin(a MAC, bins int) int {
	crc := ^uint32(0)
	for _, b := range a { // crc32.Update would do the same, and allocate
		crc = crc32.IEEETable[byte(crc)^b] ^ crc>>8
	}
	width := bits.Len(uint(bins)) - 1
	return int(bits.Reverse32(crc) >> (32 - width))
}

// Step implements [impl.Layer].
func (n *NIC) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		n.reset()
	case in.Kind == impl.Join && len(in.Body) == len(MAC{}):
		n.join(MAC(in.Body))
		finish(&in, out)
	case in.Kind == impl.Leave && len(in.Body) == len(MAC{}):
		n.leave(MAC(in.Body))
		finish(&in, out)
	case in.Kind != impl.Packet || in.Num == impl.LoopPort:
		out.Pass(in)
	case in.Num == impl.ControlPort:
		n.control(in, out)
	default:
		n.receive(in, out)
	}
}

// reset empties the filter: a host that starts has asked for nothing yet.
func (n *NIC) reset() {
	n.filters, n.bins, n.others = n.filters[:0], [512]uint16{}, 0
}

// receive takes a frame from the link.
func (n *NIC) receive(in impl.Input, out *impl.Effects) {
	switch {
	case len(in.Body) < EthernetLen:
		out.Note(impl.Malformed, 0, 0)
	case n.passes(MAC(in.Body)):
		out.Add(impl.Effect{Kind: impl.Up, From: -1, To: impl.Everyone, Num: in.Num, Body: in.Body})
	default:
		out.Note(impl.FilteredByNIC, 0, 0)
	}
}

// passes says whether a frame to this address is let through.
func (n *NIC) passes(dst MAC) bool {
	switch {
	case n.model == Promiscuous || dst == n.own || dst == Broadcast:
		return true
	case !dst.Multicast():
		return false
	case n.model == Exact:
		if len(n.filters) > n.slots {
			return true
		}
		_, ok := n.find(dst)
		return ok
	}
	return n.bins[n.bin(dst)] > 0
}

// bin gives the bin of an address in the card's own filter; cards without bins keep the count of 64, and do not use it.
func (n *NIC) bin(a MAC) int {
	if n.model == Hash512 {
		return Bin(a, 512)
	}
	return Bin(a, 64)
}

func (n *NIC) find(a MAC) (int, bool) {
	return slices.BinarySearchFunc(n.filters, a, func(f filter, a MAC) int { return bytes.Compare(f.group[:], a[:]) })
}

func (n *NIC) join(a MAC) {
	i, ok := n.find(a)
	if !ok {
		n.filters = slices.Insert(n.filters, i, filter{group: a})
		n.bins[n.bin(a)]++
	}
	n.filters[i].times++
}

// leave gives an address back. One that was not asked for changes nothing: other addresses share its bin.
func (n *NIC) leave(a MAC) {
	i, ok := n.find(a)
	if !ok {
		return
	}
	n.filters[i].times--
	if n.filters[i].times == 0 {
		n.filters = slices.Delete(n.filters, i, i+1)
		n.bins[n.bin(a)]--
	}
}

// control does the fault that is the card's own, another program that fills the filter, and hands the others up.
func (n *NIC) control(in impl.Input, out *impl.Effects) {
	if len(in.Body) == 0 || in.Body[0] != ControlOverflow {
		out.Pass(in)
		return
	}
	if len(in.Body) < 2 {
		out.Note(impl.Malformed, 0, 0)
		return
	}
	for range in.Body[1] {
		n.others++
		n.join(MAC{0x01, 0x00, 0x5e, 0x6f, byte(n.others >> 8), byte(n.others)})
	}
}

// finish answers a call that asked for an answer.
func finish(in *impl.Input, out *impl.Effects) {
	if in.Ref != 0 {
		out.Add(impl.Effect{Kind: impl.Finish, Ref: in.Ref, Group: in.Group})
	}
}

// refuse says to the stack of its group that a send or a call will not be done.
func refuse(in *impl.Input, reason impl.Code, out *impl.Effects) {
	out.Add(impl.Effect{Kind: impl.Refuse, Ref: in.Ref, Code: reason, Group: in.Group})
}
