package spec

// Topology is the network below the nodes, as far as judges need to know it. Routers and switches are nodes of the
// history that are in no group.
type Topology struct {
	Links    []Link
	Routers  []NodeID // the nodes that forward by IP address
	Switches []NodeID // the nodes that forward by hardware address, and snoop
	RPs      []NodeID // PIM sparse mode: the rendezvous points, the preferred first
	Routing  string   // "dense", "sparse", or empty
	IGMP     int      // the version that hosts and routers speak; MLD version 1 counts as 2, and 2 as 3
	Metrics  []int    // anycast: node × node, the route metric from the row to the column, negative where there is no way; may be empty
}

// Link is a segment: what one end sends all others receive.
type Link struct {
	Name   string
	Metric int      // of routes over it; 0: 1
	Nodes  []NodeID // its ends, ascending
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
