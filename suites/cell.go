package suites

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/transport"
)

// Cell is one stack of the matrix.
type Cell struct {
	Transport, Reliability, Ordering, Membership Variant
}

// String gives transport/reliability/ordering/membership.
func (c Cell) String() string {
	return c.Transport.String() + "/" + c.Reliability.String() + "/" + c.Ordering.String() + "/" + c.Membership.String()
}

// ParseCell is the inverse of [Cell.String]; without a membership the cell is static.
func ParseCell(text string) (Cell, error) {
	p := strings.Split(text, "/")
	if len(p) == 3 {
		p = append(p, "static")
	}
	if len(p) != 4 {
		return Cell{}, fmt.Errorf("cell %q: want transport/reliability/ordering or transport/reliability/ordering/membership", text)
	}
	var c Cell
	for i, x := range []struct {
		to    *Variant
		kind  string
		table []Part
	}{{&c.Transport, "transport", Transports()}, {&c.Reliability, "reliability", Reliabilities()},
		{&c.Ordering, "ordering", Orderings()}, {&c.Membership, "membership", Memberships()}} {
		v, err := parseVariant(p[i], x.kind, x.table)
		if err != nil {
			return Cell{}, fmt.Errorf("cell %q: %w", text, err)
		}
		*x.to = v
	}
	return c, nil
}

// Cells gives every combination of the parts listed; each list is "all" or names as the command line takes them.
func Cells(transports, reliabilities, orderings, memberships string) ([]Cell, error) {
	ts, err := parseVariants(transports, "transport", Transports())
	if err != nil {
		return nil, err
	}
	rs, err := parseVariants(reliabilities, "reliability", Reliabilities())
	if err != nil {
		return nil, err
	}
	os, err := parseVariants(orderings, "ordering", Orderings())
	if err != nil {
		return nil, err
	}
	ms, err := parseVariants(memberships, "membership", Memberships())
	if err != nil {
		return nil, err
	}
	var out []Cell
	for _, m := range ms {
		for _, t := range ts {
			for _, r := range rs {
				for _, o := range os {
					out = append(out, Cell{t, r, o, m})
				}
			}
		}
	}
	return out, nil
}

// channel says whether the reliable one-to-one channel lies at the bottom.
func (c Cell) channel() bool {
	return c.Transport.Get("channel", "auto") == "on" || c.Reliability.Name == "reliable"
}

// mtu gives the longest packet in bytes; 0 is no limit.
func (c Cell) mtu() int {
	n, _ := strconv.Atoi(c.Transport.Get("mtu", "0")) // checked when it was parsed
	return n
}

// Member makes the stack of one node: membership, ordering, fragmentation, reliability, transport, channel, from top to
// bottom.
func (c Cell) Member(cfg impl.Config) impl.Layer {
	if n := c.mtu(); n > 0 {
		cfg.MTU = n
	}
	layers := []impl.Layer{
		lookup(Memberships(), c.Membership.Name).New(cfg), lookup(Orderings(), c.Ordering.Name).New(cfg)}
	if c.mtu() > 0 {
		layers = append(layers, transport.NewFragment(cfg))
	}
	layers = append(layers, lookup(Reliabilities(), c.Reliability.Name).New(cfg), lookup(Transports(), c.Transport.Name).New(cfg))
	if c.channel() {
		layers = append(layers, transport.NewChannel(cfg))
	}
	return impl.NewStack(layers...)
}

// Applicable says why the parts of a cell make no sense together, or nil.
func (c Cell) Applicable() error { return nil }
