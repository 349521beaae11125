package transport

import "github.com/conform-go/conform/impl"

// Beside stands below a transport over the kernel's streams, in place of layers that send packets of their own: heartbeats
// that nothing may repeat, or votes. Over [Stream] they stand below it, and its segments go through them. The kernel's
// bytes can't: a stream has no packets to which anything could be added. So these layers speak beside it, in datagrams:
//
//	send To peer, Body, Num = besideStreams   a datagram to the peer, which may be lost
//	packet From peer, Body, no Num, no Flag   a datagram from the peer; what is of a connection has its number, or the flag
//
// What is of a stream passes them by, in both directions. It is no sign of life then: heartbeats alone are.
type Beside struct{ inner impl.Layer }

// besideStreams marks what is no byte of a stream. What refuses a connection has a number, too, but no body.
const besideStreams = 1

// NewBeside lets layers, top first, stand beside streams.
func NewBeside(layers ...impl.Layer) *Beside { return &Beside{impl.NewStack(layers...)} }

// Step implements [impl.Layer].
func (b *Beside) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Send, in.Kind == impl.Packet && !datagram(in):
		out.Pass(in)
		return
	case in.Kind == impl.Packet:
		in.Num = 0
	}
	first := len(out.List)
	b.inner.Step(in, out)
	for i := range out.List[first:] {
		if e := &out.List[first+i]; e.Kind == impl.Down {
			e.Num = besideStreams
		}
	}
}

// datagram says whether a packet is none of a stream; to oneself it comes back as it was sent.
func datagram(in impl.Input) bool {
	if in.From == in.To {
		return in.Num == besideStreams
	}
	return in.Num == 0 && !in.Flag
}
