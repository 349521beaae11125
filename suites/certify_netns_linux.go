package suites

import (
	"strings"
	"sync"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/netns"
	"github.com/conform-go/conform/spec"
)

// Programs with sockets of their own on the kernel's network: adapter has the processes and the protocol in its hands,
// netns the hosts and the switch between them, and neither knows the other.

// outsideFaults are what can be done to such programs there, beside what is done to their processes.
var outsideFaults = netns.SocketFaults

// outsideNets are the LANs of a certification: as many as are used at a time.
type outsideNets struct {
	mu   sync.Mutex
	free []*netns.LAN
	nets map[*netns.LAN]*netns.Sockets
}

// borrow gives a network that nobody else uses, until done is called.
func (p *outsideNets) borrow() (n adapter.Network, done func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var l *netns.LAN
	if k := len(p.free); k > 0 {
		l, p.free = p.free[k-1], p.free[:k-1]
	} else {
		if l, err = netns.NewLAN(outsideHosts); err != nil {
			return nil, nil, err
		}
		if p.nets == nil {
			p.nets = map[*netns.LAN]*netns.Sockets{}
		}
		p.nets[l] = l.Sockets()
	}
	return p.nets[l], func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.free = append(p.free, l)
	}, nil
}

// outsideHosts is how many nodes a schedule may have there.
const outsideHosts = 8

// heard says whether any program has joined the address of its group.
func (p *outsideNets) heard() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.nets {
		if s.Heard() {
			return true
		}
	}
	return false
}

// outsideNow are those that this machine can bring about.
func outsideNow() spec.FaultSet {
	if !netns.SetsClocks() {
		return outsideFaults.Without(spec.SkewFault)
	}
	return outsideFaults
}

// ofProcesses says of faults how they strike a program, or why they can't, where no machine of the network decides it.
var ofProcesses = map[spec.FaultKind]string{
	spec.CoordinatorFault: "no: which node of a program serves the others is its own affair; a crash strikes any",
	spec.SkewFault:        "yes: from the start of a program and for good, in a time namespace, which is ahead with CLOCK_MONOTONIC and CLOCK_BOOTTIME; CLOCK_REALTIME is in no namespace, and stays right",
}

// outsideCan says whether a program with sockets of its own can be given a fault there: "yes", or "no: " and why; or both
// where there are several ways in which it strikes.
func outsideCan(k spec.FaultKind) string {
	var not []string
	ops := faults.OpsOf(k)
	for _, op := range ops {
		if err := (&netns.Sockets{}).Can(op); err != nil && !adapter.OwnFaults.Has(k) {
			not = append(not, err.Error())
		}
	}
	switch how := ofProcesses[k]; {
	case k == spec.CoordinatorFault, how != "" && len(not) == 0:
		return how
	case len(not) == 0:
		return "yes"
	case len(not) == len(ops):
		return "no: " + strings.Join(not, "; ")
	}
	return "in part, not " + strings.Join(not, "; ")
}

func (p *outsideNets) close() {
	for l := range p.nets {
		_ = l.Close()
	}
}
