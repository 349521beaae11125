package reliability

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// What [BestEffort] does every TS: repeat, and remove.

// fire removes the members that have been silent for TL, and sends again what the others have not acknowledged.
func (b *BestEffort) fire(in impl.Input, out *impl.Effects) {
	b.armed = false
	gone := len(out.List)
	for n := range b.heard {
		b.judge(spec.NodeID(n), in.Now, out)
	}
	b.judged = append(b.judged[:0], out.List[gone:]...) // upward effects come last
	out.List = out.List[:gone]
	b.out = out
	open := 0
	for k := range b.spaces {
		b.release(k, in.Now, out)
		b.space = k
		b.spaces[k].Overdue(in.Now, b.cfg.TS, b.again)
		open += b.spaces[k].Open()
	}
	b.out = nil
	b.fired++
	if open > 0 && b.Rules.Again(b.fired) {
		b.armed = true
		out.SetTimer(0, in.Now+spec.Time(b.cfg.TS))
	}
	b.tellDepth(out)
	out.List = append(out.List, b.judged...)
	b.acknowledge(out)
}

// judge removes a member that owes an acknowledgement and has been silent for too long.
func (b *BestEffort) judge(n spec.NodeID, now spec.Time, out *impl.Effects) {
	since, waits := b.spaces[n].Waits(n)
	if t, also := b.spaces[b.cfg.Nodes].Waits(n); also && (!waits || t < since) {
		since, waits = t, true
	}
	if !waits || b.Rules.Patient(now-max(since, b.heard[n]), spec.Time(b.cfg.TL)) {
		return
	}
	b.removed.Add(n)
	out.Suspect(n)
	b.spaces[n].Remove(n, func(impl.Ref) {}) // it may not have arrived: no acknowledgement
	b.spaces[b.cfg.Nodes].Remove(n, out.Acknowledge)
}

func (b *BestEffort) sendAgain(n uint64, p *impl.Pending) {
	for m := p.Waiting.Next(0); m >= 0; m = p.Waiting.Next(m + 1) {
		if b.ways == Cumulative {
			b.skip(b.space, m, n, b.out)
		}
		b.out.Note(impl.Retransmitted, uint64(m), n)
		b.out.Down(m, p.Body, 0).Code = p.Code
	}
}
