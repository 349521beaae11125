package transport

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// What a [Channel] hears of its peers from elsewhere. A detector below hears heartbeats where the channel has nothing to
// send; above one, a view that has been decided says who is to be served. Who is trusted again, or in a view, is served again: what
// was dropped is lost, and what is sent from then on is kept until it is acknowledged or TL has gone by once more. A
// suspicion of others drops nothing: it may be wrong, and then nothing must be missing.

// doubted hears what the layer below says of a peer. What the layers above have heard already is not said again.
func (c *Channel) doubted(in impl.Input, out *impl.Effects) {
	if in.From < 0 || int(in.From) >= len(c.peers) {
		out.Pass(in)
		return
	}
	c.below = true
	p := &c.peers[in.From]
	trusted := in.Kind == impl.Trusted
	if p.told && !trusted {
		return
	}
	if p.told = !trusted; trusted {
		c.serve(in.From, in.Now)
	}
	out.Pass(in)
}

// admit serves those who are in a view. That they are suspected is taken back only when they are heard. Without a detector
// below the channel is the only one, and whom it has not heard it goes on suspecting, whatever view comes.
func (c *Channel) admit(v *spec.View, now spec.Time) {
	if !c.below {
		return
	}
	for n := range c.peers {
		if slices.Contains(v.Members, spec.NodeID(n)) {
			c.serve(spec.NodeID(n), now)
		}
	}
}

// serve keeps again what is sent to a peer that was given up, and waits for it from now on.
func (c *Channel) serve(n spec.NodeID, now spec.Time) {
	if p := &c.peers[n]; p.gone {
		p.gone, p.heard = false, now
	}
}
