package membership

import "github.com/conform-go/conform/impl"

// Anonymous is the host group model of RFC 1112: whoever wants to hear joins at the transport, whoever leaves leaves
// there, senders need not be members, and nobody knows who the members are. Those of the configuration join at the
// start.
type Anonymous struct{}

// NewAnonymous makes the layer of one node.
func NewAnonymous(impl.Config) *Anonymous { return &Anonymous{} }

// Step implements [impl.Layer].
func (*Anonymous) Step(in impl.Input, out *impl.Effects) { out.Pass(in) }
