package ordering

import (
	"slices"

	"github.com/conform-go/conform/impl"
)

// fences are barriers that take effect at each process when it has delivered what each one says is before it.
type fences struct {
	*Sync
	early []syncPacket // barriers that have come, and not taken effect
	next  int          // of these, the one that can
}

func (f *fences) busy() bool            { return false }
func (f *fences) delivered(*syncPacket) {}

func (f *fences) take(p *syncPacket, _ *impl.Effects) impl.Code {
	switch {
	case p.kind != syncBarrier:
		return impl.Malformed
	case p.n <= f.stream(p.from, p.life).passed, slices.ContainsFunc(f.early, func(q syncPacket) bool {
		return q.from == p.from && q.life == p.life && q.n == p.n
	}):
		return impl.Duplicate
	case len(f.early) >= maxHeld:
		return impl.Overflow
	}
	f.stream(p.from, p.life).base = p.b
	f.early = append(f.early, *p)
	return impl.NoCode
}

// first finds a barrier of which all is complete that is before it.
func (f *fences) first(complete func(p *syncPacket) bool) bool {
	f.next = slices.IndexFunc(f.early, func(p syncPacket) bool {
		return p.n == f.stream(p.from, p.life).passed+1 && complete(&p)
	})
	return f.next >= 0
}

func (f *fences) pass(out *impl.Effects) {
	p := f.early[f.next]
	f.early = slices.Delete(f.early, f.next, f.next+1)
	f.passed(p.from, p.life, p.n, out)
	if p.from == f.cfg.Self && p.life == f.incarnation {
		f.returns(p.n)
	}
}

// senderBarriers are those of the sender: they divide what it alone sends.
type senderBarriers struct{ fences }

func (s *senderBarriers) mark(p *syncPacket) {
	if p.kind == syncData {
		p.a = s.calls.Last() - s.views.base
	}
}

func (s *senderBarriers) deliverable(p *syncPacket) bool {
	return p.a <= s.stream(p.from, p.life).passed
}

func (s *senderBarriers) ready() bool {
	return s.first(func(p *syncPacket) bool { return s.Rules.Complete(s.stream(p.from, p.life).upTo(), p.a) })
}

// causalBarriers divide what happened before them from what happens after them.
type causalBarriers struct {
	fences
	past []uint32 // by member: the last of its messages that happened before now, here
	mine Stamp    // the memory of mark
}

// mark writes how many barriers of each member are before a packet, and up to which number its messages are. What is
// missing before the last is taken to be before it too.
func (c *causalBarriers) mark(p *syncPacket) {
	members := len(c.cfg.Members)
	p.vector = c.mine
	for i := range members {
		p.vector.Set(i, uint32(c.of(i).passed))
		p.vector.Set(members+i, c.past[i])
	}
	p.vector.Set(c.me, uint32(c.calls.Last()-c.views.base))
	p.vector.Set(members+c.me, uint32(c.sent))
	if p.kind == syncBarrier {
		p.vector.Set(members+c.me, uint32(p.a))
	}
}

// delivered joins the past of a message, and the message, with mine.
func (c *causalBarriers) delivered(p *syncPacket) {
	members := len(c.cfg.Members)
	for i := range members {
		c.past[i] = max(c.past[i], p.vector.At(members+i))
	}
	i := c.cfg.Index(p.from)
	c.past[i] = max(c.past[i], uint32(p.n))
}

// deliverable also says of a barrier whether those before it have taken effect.
func (c *causalBarriers) deliverable(p *syncPacket) bool {
	for i := range c.cfg.Members {
		if uint64(p.vector.At(i)) > c.of(i).passed {
			return false
		}
	}
	return true
}

func (c *causalBarriers) ready() bool {
	return c.first(func(p *syncPacket) bool {
		for i := range c.cfg.Members {
			if !c.Rules.Complete(c.of(i).upTo(), uint64(p.vector.At(len(c.cfg.Members)+i))) {
				return false
			}
		}
		return c.deliverable(p)
	})
}
