package checkers

import "github.com/conform-go/conform/spec"

// Reasons that the checks of networks give.
const (
	noTopology = "not observed: the header declares no topology"
	noBound    = "not observed: the header declares no bound"
	noFrames   = "not observed: no frame of a group's datagram"
)

// Marks of a node that is a machine of the network.
const (
	asRouter uint8 = 1 << iota
	asSwitch
	asRP
)

// network is what the checks of networks share. It is built when the first of them asks for it.
type network struct {
	built bool
	links map[string]int32
	wires []spec.Link
	role  []uint8  // node
	ports []int32  // the links of the nodes, one node after another
	first []uint32 // node: its first port; one more at the end
	count []uint32

	sightings []sighting // of one datagram after another
	datagrams []datagram // in the order of their first frames
	flows     []flow
	flowOf    []uint32 // node × group: its newest flow + 1
	ids       numbering
	raw       []sighting
	rawIDs    []uint64

	changes []uint32  // events that change who is a member, who is up, or what is broken
	asserts []int64   // group × link: the time of the last assert or prune + 1
	vote    spec.Time // how long an election of a forwarder may last
	quiet
	state
	paths
	needs
}

// sighting is one place at which a datagram was seen: a frame with its data, or a reception.
type sighting struct {
	event uint32
	link  int32 // unplugged for a link that the topology lacks; none for a reception
	via   int32
}

const (
	none      int32 = -1
	unplugged int32 = -2
)

// datagram is what one host sent once to a group; all copies that switches and routers make of it are the same one.
type datagram struct {
	id      uint64
	event   uint32 // its first frame
	from    uint32 // its first sighting
	flow    uint32
	copied  bool // the fault model made copies of it
	unsure  bool // reports of members, or leaves, may have been lost in a fault, and not been repeated since
	strange bool // its first frame is not its source's: where it came from is not known

	last     spec.Time // of its last frame
	calm     spec.Time // how long nothing had been disturbed when it was sent; -1: something was broken then
	mended   spec.Time // the same, membership aside
	entered  spec.Time // the same, leaves aside: they are no reason to lose anything for those that stay
	next     spec.Time // of the first disturbance after its first frame
	age      spec.Time // how long the flow had lasted
	elected  spec.Time // how long no election of a forwarder had begun
	election spec.Time // of the next one
}

// flow is what one host sends to one group by one link.
type flow struct {
	source spec.NodeID
	group  spec.GroupID
	link   int32
	older  uint32    // the flow + 1 of the same source and group that began before
	event  uint32    // its first frame
	began  spec.Time // when it last began after a silence
	last   spec.Time // when it was last not silent

	stamp   uint64 // of the needs below
	needAt  uint32 // where they stand in needs.rows
	spare   int    // links that need nothing, of those that are judged
	listens int    // members besides the source that are up
}

// network makes sure that the network's index is built; the reason says why it can't be.
func (j *Judge) network() (reason string) {
	if j.h.Topology == nil {
		return noTopology
	}
	if !j.net.built {
		j.net.plug(j.h)
		j.net.watch(j.h)
		j.net.sort()
		j.net.disturb(j.h)
		j.net.built = true
	}
	return ""
}

// boundOf is the declared bound on what a requirement waits for; that of ROUTE-REACH stands in for the others.
func (j *Judge) boundOf(id spec.ID) (spec.Time, bool) {
	b, ok := j.h.Bounds[string(id)]
	if !ok {
		b, ok = j.h.Bounds[string(RouteReach)]
	}
	return spec.Time(b), ok
}

// routed says whether the routers forward multicast at all.
func (j *Judge) routed() bool { return j.h.Topology.Routing != "" }

// plug builds what stands still.
func (n *network) plug(h *spec.History) {
	t := h.Topology
	if n.links == nil {
		n.links = make(map[string]int32)
	}
	clear(n.links)
	n.wires = t.Links
	n.role = zeroed(n.role, len(h.Nodes))
	n.mark(t.Routers, asRouter)
	n.mark(t.Switches, asSwitch)
	n.mark(t.RPs, asRP)
	n.first = zeroed(n.first, len(h.Nodes)+1)
	total := 0
	for i := range t.Links {
		n.links[t.Links[i].Name] = int32(i)
		for _, m := range t.Links[i].Nodes {
			if n.knows(m) {
				n.first[m+1]++
				total++
			}
		}
	}
	for m := range h.Nodes {
		n.first[m+1] += n.first[m]
	}
	n.ports = sized(n.ports, total)
	n.count = sized(n.count, len(h.Nodes)+1)
	copy(n.count, n.first)
	for i := range t.Links {
		for _, m := range t.Links[i].Nodes {
			if n.knows(m) {
				n.ports[n.count[m]] = int32(i)
				n.count[m]++
			}
		}
	}
}

func (n *network) mark(nodes []spec.NodeID, role uint8) {
	for _, m := range nodes {
		if n.knows(m) {
			n.role[m] |= role
		}
	}
}

func (n *network) knows(m spec.NodeID) bool { return m >= 0 && int(m) < len(n.role) }

// linksOf gives the links of a node.
func (n *network) linksOf(m spec.NodeID) []int32 { return n.ports[n.first[m]:n.first[m+1]] }

// isOn says whether a node is an end of a link.
func (n *network) isOn(m spec.NodeID, link int32) bool {
	for _, l := range n.linksOf(m) {
		if l == link {
			return true
		}
	}
	return false
}

// linkOf gives the number of a link by its name.
func (n *network) linkOf(name string) int32 {
	if name == "" {
		return none
	}
	if l, ok := n.links[name]; ok {
		return l
	}
	return unplugged
}

// metric of routes over a link.
func (n *network) metric(l int32) uint32 { return uint32(max(n.wires[l].Metric, 1)) }

// machines counts the routers and switches on a link.
func (n *network) machines(l int32) (k int) {
	for _, m := range n.wires[l].Nodes {
		if n.knows(m) && n.role[m]&(asRouter|asSwitch) != 0 {
			k++
		}
	}
	return k
}

// bare is the rare part of events that have none. Nobody writes to it.
var bare spec.Extra

// extraOf gives the rare part of an event, and costs nothing where there is none.
func extraOf(h *spec.History, e *spec.Event) *spec.Extra {
	if e.Extra == 0 {
		return &bare
	}
	return h.ExtraOf(e)
}

// numbering finds the dense number of an id: by its place in a slice while ids are near each other.
type numbering struct {
	near []uint32
	far  map[uint64]uint32
}

func (n *numbering) reset() {
	n.near = n.near[:0]
	clear(n.far)
}

func (n *numbering) enter(id uint64, number uint32) {
	if id > uint64(2*len(n.near)+64) {
		if n.far == nil {
			n.far = make(map[uint64]uint32)
		}
		n.far[id] = number
		return
	}
	for uint64(len(n.near)) <= id {
		n.near = append(n.near, 0)
	}
	n.near[id] = number + 1
}

func (n *numbering) find(id uint64) (uint32, bool) {
	if id < uint64(len(n.near)) && n.near[id] != 0 {
		return n.near[id] - 1, true
	}
	number, ok := n.far[id]
	return number, ok
}
