package suites

import (
	"errors"
	"fmt"

	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/netns"
)

// Network cards on the kernel. What a cell asks of them it has as far as the kernel has such cards: a TAP filters by 64
// bins, or by a table with room for six groups.

// mostSlots is how many groups an exact filter of the kernel has room for.
const mostSlots = 6

// cards gives the network cards of the cell's hosts; or says why the kernel has none like them.
func (c Cell) cards() (netns.Cards, error) {
	n, links := c.network()
	asked := c.Transport.Get("nic", "")
	switch {
	case !links || asked == "" && !n.lan || n.all || n.nic == ipmulticast.Promiscuous:
		return netns.Veths, nil
	case !n.lan:
		return "", fmt.Errorf("nic=%s: the cards of hosts that speak IP let everything through here", asked)
	case n.nic == ipmulticast.Hash512:
		return "", errors.New("nic=hash512: the filters that the kernel has have 64 bins (TAP) or 256 (macvlan)")
	case n.nic == ipmulticast.Exact && n.slots > mostSlots:
		return "", fmt.Errorf("slots=%d: an exact filter of the kernel has room for %d groups", n.slots, mostSlots)
	}
	return netns.Taps, nil
}

// carded gives a LAN whose hosts have the cell's cards. Where the machine has no such cards, and nobody has asked for
// them by name, those do that let everything through.
func (o *outdoor) carded(nodes int) (*netns.LAN, func(), error) {
	cards, err := o.cell.cards()
	if err != nil {
		return nil, func() {}, err
	}
	lan, err := netns.NewLANOf(max(8, nodes), cards)
	if err != nil && netns.Missing(err) && o.cell.Transport.Get("nic", "") == "" {
		lan, err = netns.NewLAN(max(8, nodes))
	}
	return lan, func() {
		if lan != nil {
			_ = lan.Close()
		}
	}, err
}
