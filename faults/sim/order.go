package sim

import (
	"math"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// order decides which pending packet arrives next. With the latency strategy it draws each packet's delay and the
// queue does the rest; with the others it keeps the packets itself.
type order struct {
	net       faults.Net
	rand      spec.Rand
	decisions []byte
	made      int  // decisions so far
	heavy     bool // latency: most delays short, a few long
	nodes     int

	pending []pendingPacket // in the order in which they were sent, with holes
	oldest  int
	count   int
	last    int64 // when the last one arrived, or the first came in

	champion []champion // POS, by receiver
	rank     []float64  // PCT, by link; the highest goes first
	changes  []int      // PCT: decisions at which the first becomes the last, ascending
	lowest   float64
}

type pendingPacket struct {
	slot uint32 // of the packet; 0 is a hole
	sent int64
	to   int32
	link int32
}

// champion is the pending packet of one receiver with the highest priority. Of the others only the number matters:
// their priorities are drawn again when the champion arrives, because all packets to one receiver race.
type champion struct {
	index    int // in pending
	priority float64
	waiting  int
}

func (o *order) reset(s *faults.Scenario, nodes int) {
	o.net, o.decisions, o.made, o.nodes = s.Net, s.Decisions, 0, nodes
	o.rand = spec.NewRand(s.Seed, purposeOrder)
	o.heavy = o.rand.Uint64()&1 == 1
	o.pending, o.oldest, o.count, o.last = o.pending[:0], 0, 0, 0
	switch s.Net.Strategy {
	case faults.POS:
		o.champion = resized(o.champion, nodes)
	case faults.PCT:
		o.rank = resized(o.rank, nodes*nodes)
		for i := range o.rank {
			o.rank[i] = 1 + o.rand.Float64()
		}
		o.changes, o.lowest = o.changes[:0], 1
		for i := 1; i < s.Net.Depth; i++ {
			o.changes = append(o.changes, 1+o.rand.IntN(pctSteps))
		}
	}
}

// pctSteps is k of the paper: how many decisions a run is taken to have.
const pctSteps = 64

// resized gives n zeroed elements, in the old memory where it is large enough.
func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// keeps says whether packets are kept here rather than in the queue.
func (o *order) keeps() bool { return o.net.Strategy != faults.Latency }

// decide gives a number in [0, 1): the next override, or one drawn.
func (o *order) decide() float64 {
	u := o.rand.Float64() // drawn in any case, so that an override changes one decision and no other
	if o.made < len(o.decisions) && o.decisions[o.made] != 0 {
		u = float64(o.decisions[o.made]-1) / 255
	}
	o.made++
	return u
}

// delay draws a packet's delay.
func (o *order) delay() int64 {
	u := o.decide()
	if o.heavy {
		u = u * u * u
	}
	return int64(o.net.Min) + int64(u*float64(o.net.Max-o.net.Min))
}

// add keeps a packet.
func (o *order) add(slot uint32, now int64, from, to spec.NodeID) {
	i := len(o.pending)
	if o.count == 0 {
		o.last = now
	}
	o.pending = append(o.pending, pendingPacket{slot, now, int32(to), int32(int(from)*o.nodes + int(to))})
	o.count++
	if o.net.Strategy == faults.POS {
		c := &o.champion[to]
		if p := o.rand.Float64(); c.waiting == 0 || p > c.priority {
			c.index, c.priority = i, p
		}
		c.waiting++
	}
}

// due is when the next packet arrives. So little time passes from one arrival to the next that all that is pending can
// arrive within the bound on a packet's delay, whatever else happens in between.
func (o *order) due() int64 {
	return o.last + max(1, int64(o.net.Max)/int64(4*(o.count+8)))
}

// pick takes the packet out that arrives now.
func (o *order) pick(now int64) uint32 {
	o.last = now
	for o.pending[o.oldest].slot == 0 {
		o.oldest++
	}
	i := o.oldest
	switch u := o.decide(); {
	case now-o.pending[i].sent >= int64(o.net.Max): // no packet takes longer
	case o.made <= len(o.decisions) && o.decisions[o.made-1] != 0:
		i = o.nth(int(u * float64(o.count)))
	case o.net.Strategy == faults.POS:
		i = o.first()
	default:
		i = o.highest()
	}
	return o.take(i)
}

// nth gives the k-th pending packet.
func (o *order) nth(k int) int {
	for i := o.oldest; ; i++ {
		if o.pending[i].slot != 0 {
			if k == 0 {
				return i
			}
			k--
		}
	}
}

// first gives the packet with the highest priority of all (POS).
func (o *order) first() int {
	best := -1
	for n := range o.champion {
		if c := &o.champion[n]; c.waiting > 0 && (best < 0 || c.priority > o.champion[best].priority) {
			best = n
		}
	}
	return o.champion[best].index
}

// highest gives the oldest packet of the link with the highest rank (PCT).
func (o *order) highest() int {
	best, top := -1, 0.0
	pending, rank := o.pending, o.rank
	for i := o.oldest; i < len(pending); i++ {
		p := &pending[i]
		if p.slot == 0 {
			continue
		}
		if r := rank[p.link]; best < 0 || r > top {
			best, top = i, r
		}
	}
	for i, at := range o.changes {
		if at == o.made {
			o.changes[i] = 0 // done; decisions count from 1
			o.lowest /= 2
			o.rank[o.pending[best].link] = o.lowest
			return o.highest()
		}
	}
	return best
}

func (o *order) take(i int) uint32 {
	p := o.pending[i]
	o.pending[i].slot = 0
	o.count--
	if o.net.Strategy == faults.POS {
		o.crown(p.to)
	}
	if o.count == 0 {
		o.pending, o.oldest = o.pending[:0], 0
	}
	return p.slot
}

// crown draws the priorities of all packets to a receiver again: the highest of k uniform numbers is distributed as
// the k-th root of one.
func (o *order) crown(to int32) {
	c := &o.champion[to]
	c.waiting--
	if c.waiting == 0 {
		return
	}
	k := o.rand.IntN(c.waiting)
	for i := o.oldest; ; i++ {
		if p := &o.pending[i]; p.slot != 0 && p.to == to {
			if k == 0 {
				c.index = i
				break
			}
			k--
		}
	}
	c.priority = math.Pow(o.rand.Float64(), 1/float64(c.waiting))
}
