package suites

import (
	"time"

	"github.com/conform-go/conform/netns"
)

// Cells whose routers are somebody else's: FRR's pimd, as it is installed. What it does is judged as what ours do is. Its
// shortest times are seconds: a neighbour is missed after four, and with a rendezvous point that has come back a source
// is registered after sixteen and a half at the latest. So the schedules of such a cell are played slower than those of
// others, and routers get the time to which they are entitled.

// frrMotion is how many times as long as in the simulator everything takes in such a cell.
const frrMotion = 16

// rejoin is how much longer than on their fast clocks ours would, FRR's routers take to get over a fault.
const rejoin = 8 * time.Second

// frrMissing says why the machine has no routers such as the cell asks for, or nil.
func (c Cell) frrMissing() error {
	if n, _ := c.network(); n.frr {
		return netns.FRRMissing()
	}
	return nil
}

// hire lets FRR's daemons be the routers.
func (n *network) hire(x *netns.SubnetsConfig) {
	if !n.frr {
		return
	}
	f := netns.FRR{RP: n.candidates(len(x.Plan.Routers))[0], IGMP: n.querier, SourceTree: n.tree}
	x.Speed = 1
	x.FRR = func(i int) string { return f.Config(x.Plan, i) }
	x.RP = func(up func(int) bool) int { // they know of one only
		if up(f.RP) {
			return f.RP
		}
		return -1
	}
}
