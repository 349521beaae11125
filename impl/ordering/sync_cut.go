package ordering

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// cutBarriers divide all that anybody sends, at one place in the order of all barriers. The first member gives that
// order, and begins one when the one before has taken effect at itself; elsewhere that one may still be under way.
type cutBarriers struct {
	*Sync
	taken   uint64      // barriers that have taken effect here, of all processes
	rounds  [2]cutRound // the next, and the one after it
	stopped bool        // I have said how many I have sent, and send no more

	asked []cutCall // first member: barriers that wait for their turn
	begun uint64    // … that have had it
}

// cutCall is a process's barrier.
type cutCall struct {
	origin spec.NodeID
	n      uint64
}

// cutRound is a barrier under way.
type cutRound struct {
	number  uint64 // among all
	call    cutCall
	flushed bool
	counts  map[spec.NodeID]uint64
}

// round gives what is known of a barrier, the next or the one after it; nil for others.
func (c *cutBarriers) round(number uint64) *cutRound {
	if number <= c.taken || number > c.taken+2 {
		return nil
	}
	r := &c.rounds[number&1]
	if r.number != number {
		*r = cutRound{number: number, counts: map[spec.NodeID]uint64{}}
	}
	return r
}

func (c *cutBarriers) mark(p *syncPacket) {
	if p.kind == syncData {
		p.a = c.taken
	}
}

func (c *cutBarriers) delivered(*syncPacket) {}

func (c *cutBarriers) deliverable(p *syncPacket) bool { return p.a <= c.taken }

func (c *cutBarriers) busy() bool {
	return c.Rules.Stops() && (c.stopped || c.back < c.calls.Last())
}

func (c *cutBarriers) take(p *syncPacket, out *impl.Effects) impl.Code {
	switch p.kind {
	case syncBarrier:
		return c.ask(p, out)
	case syncFlush:
		r, origin := c.round(p.n), spec.NodeID(int32(uint32(p.a)))
		switch {
		case c.cfg.Index(p.from) != 0:
			return impl.Forged
		case c.cfg.Index(origin) < 0:
			return impl.Malformed
		case r == nil || r.flushed:
			return impl.Duplicate
		}
		r.flushed, r.call = true, cutCall{origin, p.b}
		c.stream(origin, c.lifeOf(origin)).base = p.a >> 32
		c.stop(out)
	case syncCount:
		r := c.round(p.n)
		if r == nil {
			return impl.Duplicate
		}
		r.counts[p.from] = p.a
	default:
		return impl.Malformed
	}
	return impl.NoCode
}

// ask gives a barrier its turn, or lets it wait for that.
func (c *cutBarriers) ask(p *syncPacket, out *impl.Effects) impl.Code {
	call := cutCall{p.from, p.n}
	switch {
	case c.me != 0:
		return impl.NoCode
	case p.n <= c.stream(p.from, p.life).passed, slices.Contains(c.asked, call):
		return impl.Duplicate
	case len(c.asked) >= maxHeld:
		return impl.Overflow
	}
	c.stream(p.from, p.life).base = p.b
	c.asked = append(c.asked, call)
	c.begin(out)
	return impl.NoCode
}

// begin flushes for the next barrier, if none is under way.
func (c *cutBarriers) begin(out *impl.Effects) {
	if c.begun > c.taken || len(c.asked) == 0 {
		return
	}
	c.begun++
	x := c.asked[0]
	c.tell(syncPacket{kind: syncFlush, n: c.begun, a: behind(uint64(uint32(x.origin)), c.stream(x.origin, c.lifeOf(x.origin)).base), b: x.n}, out)
}

// stop stops sending for the next barrier, and says how many messages were sent before it.
func (c *cutBarriers) stop(out *impl.Effects) {
	if r := c.round(c.taken + 1); r.flushed && !c.stopped {
		c.stopped = true
		c.tell(syncPacket{kind: syncCount, n: r.number, a: c.Rules.Counts(c.sent)}, out)
	}
}

// ready says whether all that was sent before the next barrier has been delivered.
func (c *cutBarriers) ready() bool {
	r := c.round(c.taken + 1)
	if !r.flushed || len(r.counts) < len(c.cfg.Members) {
		return false
	}
	for i, m := range c.cfg.Members {
		if !c.Rules.Complete(c.of(i).upTo(), r.counts[m]) {
			return false
		}
	}
	return true
}

// pass lets the next barrier take effect. What has waited for that goes out before the one after it stops sends again.
func (c *cutBarriers) pass(out *impl.Effects) {
	call := c.round(c.taken + 1).call
	c.taken++
	c.stopped = false
	c.passed(call.origin, c.lifeOf(call.origin), call.n, out)
	if call.origin == c.cfg.Self {
		c.returns(call.n)
	}
	c.release(out)
	c.stop(out)
	if i := slices.Index(c.asked, call); i >= 0 {
		c.asked = slices.Delete(c.asked, i, i+1)
	}
	c.begin(out)
}
