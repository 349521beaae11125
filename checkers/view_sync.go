package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// setDigest stands for a set of messages in 192 bits: two different sets have one digest by chance only.
type setDigest struct {
	count, sum, mix uint64
}

func (d *setDigest) add(m uint32) {
	a, b := scramble(uint64(m)+1), scramble(uint64(m)+1<<40)
	d.count++
	d.sum += a
	d.mix ^= b
}

// scramble spreads a number over 64 bits (the finish of splitmix64).
func scramble(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// passage is the way from one view to the next, and the first process that went it.
type passage struct {
	at     uint32 // its installation
	digest setDigest
}

// virtualSynchrony judges VIRTUAL-SYNCHRONY: two processes that go from V to V′ have delivered the same messages in V
// (CKV01, virtual synchrony; BJ87). Who is given a state in V′ comes in without a past, also where it was in V: it was left
// behind in between. What is read from a log is passed over. It counts the processes that went a way that
// somebody else had gone, where one of the two had delivered something.
func (j *Judge) virtualSynchrony() spec.Finding {
	if !j.viewed {
		return inconclusive(0, noViews)
	}
	groups := len(j.h.Groups)
	j.digests = zeroed(j.digests, len(j.procs)*groups)
	if j.passages == nil {
		j.passages = make(map[uint64]passage)
	}
	clear(j.passages)
	j.beginStands(j.h)
	n := 0
	for i, s := range j.steps {
		if s.op() == opDeliver {
			if !j.h.Events[i].Is(spec.IsRedelivered) {
				j.digests[s.proc()*groups+j.group(s.msg)].add(s.msg)
			}
			continue
		}
		at, ok := j.turnStand(i, s)
		if !ok {
			continue
		}
		x := &j.installs[at]
		d := &j.digests[int(x.proc)*groups+int(j.views[x.view].key.group)]
		if x.prev != 0 && !x.state {
			way := uint64(x.prev)<<32 | uint64(x.view)
			first, gone := j.passages[way]
			switch {
			case !gone:
				j.passages[way] = passage{at: uint32(at), digest: *d}
			case j.installs[first.at].proc != x.proc:
				if d.count+first.digest.count > 0 {
					n++
				}
				if *d != first.digest {
					return j.outOfStep(n, int(first.at), at)
				}
			}
		}
		*d = setDigest{}
	}
	return held(n, "vacuous: no two processes went from one view to another after a delivery")
}

// outOfStep is the witness: a message that one of the two delivered in the view before and the other did not, and what
// put both into these views.
func (j *Judge) outOfStep(n, a, b int) spec.Finding {
	m, i := j.onlyIn(a, b)
	if i < 0 {
		a, b = b, a
		m, i = j.onlyIn(a, b)
	}
	x, y := &j.installs[a], &j.installs[b]
	events := []int{int(j.msgs[m].send), i, int(x.event), int(y.event)}
	for _, z := range []*install{x, y} {
		if z.begun != 0 {
			events = append(events, int(z.begun-1))
		}
	}
	return violated(n, fmt.Sprintf("%s in %s, before it installed %s at %s; %s went the same way, at %s, and did not deliver it there",
		j.delivered(i), j.viewName(x.prev-1), j.viewName(x.view), j.time(int(x.event)), j.process(int(y.proc)), j.time(int(y.event))), events...)
}

// onlyIn finds a message that the one who made installation a delivered in the view before, and that of b did not; i < 0
// without.
func (j *Judge) onlyIn(a, b int) (m uint32, i int) {
	has := map[uint32]bool{}
	j.eachIn(b, func(k int) bool { has[j.steps[k].msg] = true; return true })
	i = -1
	j.eachIn(a, func(k int) bool {
		if m = j.steps[k].msg; !has[m] {
			i = k
		}
		return i < 0
	})
	return m, i
}

// eachIn calls f with the deliveries of a process in the view before an installation, until it returns false.
func (j *Judge) eachIn(at int, f func(i int) bool) {
	x := &j.installs[at]
	g := int(j.views[x.view].key.group)
	for i := int(x.begun); i < int(x.event); i++ {
		s := j.steps[i]
		if s.op() == opDeliver && s.proc() == int(x.proc) && j.group(s.msg) == g && !j.h.Events[i].Is(spec.IsRedelivered) && !f(i) {
			return
		}
	}
}
