package suites

import "github.com/conform-go/conform/netns"

// versions gives the versions of IGMP that hosts and switch speak where the cell is on the one LAN and says so. Where it
// does not, they speak the newest.
func (c Cell) versions() (netns.Versions, bool) {
	if c.Transport.Name != "ip" || !c.oneLAN() || c.Transport.Get("igmp", "") == "" && c.Transport.Get("querier", "") == "" {
		return netns.Versions{}, false
	}
	n, _ := c.network()
	return netns.Versions{Host: n.known, Querier: n.querier}, true
}

// versioned gives a LAN of these versions.
func (o *outdoor) versioned(nodes int, v netns.Versions) (*netns.LAN, func(), error) {
	lan, err := netns.NewLANOfVersions(max(8, nodes), v)
	return lan, func() {
		if lan != nil {
			_ = lan.Close()
		}
	}, err
}
