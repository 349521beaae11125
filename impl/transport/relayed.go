package transport

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// relayed is what a coordinator and a tree of them have in common: a send to the group goes to one node, the root,
// and from there to the members; its header says who sent it. Messages to one node go directly.
//
// The sender's own copy does not come back from the root, where a lost packet would lose it: a sender that is a member
// hands it to itself, and the others pass it over.
type relayed struct {
	hop  *Unicast // what goes down from here, and what of it is not acknowledged
	root spec.NodeID
}

// originLen is the length of the sender's id and of a checksum over it and the body, before the byte that tells kinds
// apart: what is changed on the way must not come from somebody else, which the layers above could not know.
const originLen = 2 + 4

func newRelayed(cfg impl.Config) relayed {
	r := relayed{hop: NewUnicast(cfg)}
	r.choose(cfg.Members)
	return r
}

// choose takes the first of the members for the root.
func (r *relayed) choose(members []spec.NodeID) {
	if r.root = -1; len(members) > 0 {
		r.root = members[0]
	}
}

// step takes the inputs that are no packets.
func (r *relayed) step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Send && in.To == impl.Everyone:
		r.send(in, out)
	case in.Kind == impl.Suspected && in.From == r.root && r.hop.cfg.Self != r.root:
		r.hop.copies.Remove(r.root, func(impl.Ref) {}) // never acknowledged: nobody knows what the root has done
		r.hop.Step(in, out)
	case in.Kind == impl.ViewChanged:
		r.choose(in.View.Members)
		r.hop.Step(in, out)
	default:
		r.hop.Step(in, out)
	}
}

// send hands a send to the group to the root; at the root, to those whom it gives a copy.
func (r *relayed) send(in impl.Input, out *impl.Effects) {
	self := r.hop.cfg.Self
	l := len(in.Body)
	in.Body = out.Extend(in.Body, originLen)
	binary.LittleEndian.PutUint16(in.Body[l:], uint16(self))
	impl.Checksum(in.Body)
	if self == r.root || r.root < 0 {
		r.hop.send(in, out)
		return
	}
	b := r.hop.mark(in.Body, toGroup, out)
	var n uint64
	if in.Ref != 0 && !r.hop.suspected.Has(r.root) {
		var p *impl.Pending
		n, p = r.hop.copies.Add(nil, in.Ref, in.Now)
		p.Waiting.Add(r.root)
	}
	r.hop.copyTo(r.root, b, n, in.Code, out)
	if r.hop.cfg.Index(self) >= 0 {
		out.Down(self, b, 0)
	}
}

// open takes the header off a packet. What is not for the group is dealt with here, and group is false.
func (r *relayed) open(in impl.Input, out *impl.Effects) (body []byte, origin spec.NodeID, group bool) {
	cfg := &r.hop.cfg
	body, h, ok := impl.Cut(in.Body, 1)
	if ok && h[0] == toOne {
		out.Up(in.From, cfg.Self, body)
		return nil, 0, false
	}
	intact := false
	if ok && h[0] == toGroup {
		intact = impl.Intact(body)
		body, h, ok = impl.Cut(body, originLen)
	} else {
		ok = false
	}
	if ok {
		origin = spec.NodeID(binary.LittleEndian.Uint16(h))
	}
	switch {
	case ok && !intact:
		out.Note(impl.Corrupted, uint64(in.From), uint64(len(in.Body)))
		return nil, 0, false
	case !ok || int(origin) >= cfg.Nodes:
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return nil, 0, false
	case cfg.Index(cfg.Self) < 0:
		out.Note(impl.NotMember, uint64(in.From), 0)
		return nil, 0, false
	}
	return body, origin, true
}

// theOrigin names the sender, whoever handed the packet on.
func theOrigin(origin, _ spec.NodeID) spec.NodeID { return origin }

// theSender says who has had a copy from the sender itself.
func theSender(m, origin spec.NodeID) bool { return m == origin }
