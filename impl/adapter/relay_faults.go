package adapter

import (
	"net"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// RelayFaults are the faults that relays between sockets inject, beyond [OwnFaults].
var RelayFaults = spec.SetOf(spec.CrashLossyFault, spec.OmitSendFault, spec.OmitReceiveFault, spec.LossFault, spec.PartitionFault, spec.DelayFault,
	spec.DuplicateFault, spec.ReorderFault, spec.CorruptFault)

// watch is a crash that waits for what its node sends or receives. Only one that loses what is under way can: what the
// node did meanwhile is lost with it.
type watch struct {
	step int
	when faults.When
	seen int
}

// watch waits from now on for the moments of the steps that only a relay sees; without steps, for none any more.
func (r *relays) watch(steps []faults.Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watches = nil
	for i := range steps {
		if x := &steps[i]; x.Action.Op == faults.CrashLossy && x.Action.Node == x.When.Node &&
			(x.When.On == faults.OnAction || x.When.On == faults.OnSend || x.When.On == faults.OnReceive) {
			r.watches = append(r.watches, watch{step: i, when: x.When})
		}
	}
}

// happens counts what a node does, and ends it where a step waited for that. The caller holds the lock.
func (r *relays) happens(n spec.NodeID, on faults.Moment) {
	for i := range r.watches {
		w := &r.watches[i]
		if r.down[n] || w.when.Node != n || w.when.On != on && w.when.On != faults.OnAction {
			continue
		}
		if w.seen++; w.seen == w.when.K {
			r.sever(n)
			r.struck <- w.step
		}
	}
}

// sever loses all that a node has under way, and whatever it sends from now on. The caller holds the lock.
func (r *relays) sever(n spec.NodeID) {
	r.down[n] = true
	r.lives[n]++
	for c, of := range r.conns {
		if of == n {
			c.Close()
		}
	}
}

// strike is a fault under way.
type strike struct {
	faults.Action
	part []int // partitions: of each node; -1 is none
}

// fate is what becomes of a datagram.
type fate struct {
	body   []byte
	copies int
	extra  time.Duration
	late   time.Duration // by which others overtake it
}

// breaks lets these faults last from now on, and no other ones. (A crash-lossy is silence's.)
func (r *relays) breaks(lasting []faults.Action) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.strikes = r.strikes[:0]
	for _, a := range lasting {
		s := strike{Action: a}
		if len(a.Parts) > 0 {
			s.part = make([]int, len(r.real))
			for n := range s.part {
				s.part[n] = -1
			}
			for p, part := range a.Parts {
				for _, n := range part {
					s.part[n] = p
				}
			}
		}
		r.strikes = append(r.strikes, s)
	}
}

// fate decides on a datagram. The caller holds the lock.
func (r *relays) fate(from, to spec.NodeID, body []byte) fate {
	f := fate{body: body, copies: 1}
	if r.down[from] || r.down[to] || r.cut(from, to) {
		f.copies = 0
		return f
	}
	for i := range r.strikes {
		a := &r.strikes[i].Action
		hit := func() bool { return a.Percent >= 100 || r.rand.IntN(100) < a.Percent }
		about := func(n, peer spec.NodeID) bool { return a.Node == n && (a.Peer < 0 || a.Peer == peer) }
		switch a.Op {
		case faults.OmitSend:
			if about(from, to) && hit() {
				f.copies = 0
			}
		case faults.OmitReceive:
			if about(to, from) && hit() {
				f.copies = 0
			}
		case faults.Loss:
			if hit() {
				f.copies = 0
			}
		case faults.Delay:
			if about(from, to) {
				f.extra += a.By
			}
		case faults.Reorder:
			if hit() {
				f.late += time.Duration(r.rand.Float64() * float64(a.By))
			}
		case faults.Duplicate:
			if f.copies > 0 && hit() {
				f.copies++
			}
		case faults.Corrupt:
			if len(body) > 0 && hit() {
				body[r.rand.IntN(len(body))] ^= byte(1 + r.rand.IntN(255))
			}
		}
	}
	return f
}

// cut says whether a link is cut. The caller holds the lock.
func (r *relays) cut(from, to spec.NodeID) bool {
	for i := range r.strikes {
		s := &r.strikes[i]
		apart := s.part != nil && s.part[from] >= 0 && s.part[to] >= 0 && s.part[from] != s.part[to]
		switch s.Op {
		case faults.Isolate:
			apart = from == s.Node || to == s.Node
		case faults.Bridge:
			apart = apart && from != s.Node && to != s.Node
		case faults.OneWay:
			apart = apart && s.part[from] == 0
		case faults.Partition, faults.Flap: // it comes and goes by what lasts
		default:
			apart = false
		}
		if apart {
			return true
		}
	}
	return false
}

// silence takes nothing of a node any more that it has not sent yet: what it does from now on, as it is ended, nobody
// sees. Where the crash is lossy, what it has sent and is still under way is lost, too. Its streams break.
func (r *relays) silence(n spec.NodeID, lossy bool) {
	if !lossy {
		r.drain(n) // what it has sent is in the relays' sockets
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if lossy {
		r.sever(n)
		return
	}
	r.down[n] = true
	for c, of := range r.conns {
		if of == n {
			c.Close()
		}
	}
}

// drain waits until all that a node has sent so far has been taken in.
func (r *relays) drain(n spec.NodeID) {
	late := time.After(time.Second)
	for _, l := range r.links[n] {
		if l == nil {
			continue
		}
		_, _ = r.control.WriteToUDPAddrPort([]byte{0}, l.udp.LocalAddr().(*net.UDPAddr).AddrPort())
		select {
		case <-r.drained:
		case <-late: // its socket is full
			return
		}
	}
}

// speak takes in what a node sends in its next life.
func (r *relays) speak(n spec.NodeID) {
	r.drain(n) // of the life before, nothing
	r.mu.Lock()
	r.down[n] = false
	r.mu.Unlock()
}
