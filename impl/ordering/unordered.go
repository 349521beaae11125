// Package ordering holds the orders of delivery, one file each. They order messages to the group; one-to-one messages
// pass through. An ordering never delivers its own node's message by itself: its copy comes from the transport.
package ordering

import "github.com/conform-go/conform/impl"

// Unordered is O1: it promises no order and delivers what comes when it comes.
type Unordered struct{}

// NewUnordered makes the layer of one node.
func NewUnordered(impl.Config) *Unordered { return &Unordered{} }

// Step implements [impl.Layer].
func (*Unordered) Step(in impl.Input, out *impl.Effects) { out.Pass(in) }
