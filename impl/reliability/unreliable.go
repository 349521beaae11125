package reliability

import "github.com/conform-go/conform/impl"

// Unreliable is R1, "send and hope": it promises nothing. A message may be lost, arrive twice, or reach some only;
// all of that is legal. It needs no member list, adds no header, and never acknowledges.
type Unreliable struct{}

// NewUnreliable makes the layer of one node.
func NewUnreliable(impl.Config) *Unreliable { return &Unreliable{} }

// Step implements [impl.Layer].
func (*Unreliable) Step(in impl.Input, out *impl.Effects) {
	if in.Kind == impl.Send {
		in.Ref = 0
	}
	out.Pass(in)
}
