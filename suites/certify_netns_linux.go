package suites

import (
	"sync"

	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/netns"
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

func (p *outsideNets) close() {
	for l := range p.nets {
		_ = l.Close()
	}
}
