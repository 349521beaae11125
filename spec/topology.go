package spec

// Topology is the network below the nodes, as far as judges need to know it. Routers and switches are nodes of the
// history that are in no group.
type Topology struct {
	Links    []Link
	Routers  []NodeID // the nodes that forward by IP address
	Switches []NodeID // the nodes that forward by hardware address, and snoop
	RPs      []NodeID // PIM sparse mode: the rendezvous points, the preferred first
	Routing  string   // "dense", "sparse", or empty
	IGMP     int      // the version that routers speak, and hosts that know it; MLD version 1 counts as 2, and 2 as 3
	Versions []int    // by node: the newest one that a host knows; 0, or no list: that of the routers
	Metrics  []int    // anycast: node × node, the route metric from the row to the column, negative where there is no way; may be empty
}

// Link is a segment: what one end sends all others receive.
type Link struct {
	Name   string
	Metric int      // of routes over it; 0: 1
	Nodes  []NodeID // its ends, ascending
}

// Speaks gives the version of IGMP that a node speaks on a link whose routers it has heard: the newest that it knows and
// they do (RFC 3376 section 7.2.1).
func (n *Topology) Speaks(node NodeID) int {
	if node < 0 || int(node) >= len(n.Versions) || n.Versions[node] == 0 {
		return n.IGMP
	}
	return min(n.Versions[node], n.IGMP)
}

// Link gives the number of the link of a name, or -1.
func (n *Topology) Link(name string) int {
	for i := range n.Links {
		if n.Links[i].Name == name {
			return i
		}
	}
	return -1
}
