package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// What is built on an order tells of itself in notes: replicas their states, leaders their terms, and who is inside a
// critical section that it enters and leaves it.

// replica is what is known of the state of a process in a group when it told it last.
type replica struct {
	proc, group int
	event       int
	sum         [2]uint64 // of the set of messages that it had applied
	size        int
}

// replicaConvergence judges REPLICA-CONVERGENCE: in a settled run, correct replicas that applied the same set of messages
// are in the same state (this project's). Applied is what a process has delivered in the group, and what a state that it
// received contains, when it notes its state for the last time. It counts the pairs with two messages or more.
func (j *Judge) replicaConvergence() spec.Finding {
	if !j.h.Settled {
		return inconclusive(0, notSettled)
	}
	told, sums := j.readStates()
	switch {
	case !told:
		return inconclusive(0, "not observed: note with op state")
	case !sums:
		return inconclusive(0, "not observed: sum")
	}
	n := 0
	for k := range j.replicas {
		a := &j.replicas[k]
		for x := range k {
			b := &j.replicas[x]
			if a.group != b.group || a.size != b.size || a.sum != b.sum {
				continue
			}
			if a.size > 1 {
				n++
			}
			if j.h.Events[a.event].Sum != j.h.Events[b.event].Sum && j.sameSet(a, b) {
				return j.diverged(n, b, a)
			}
		}
	}
	return held(n, "vacuous: no two replicas told their states after the same two messages or more")
}

// readStates finds the last state of every process that is correct and up at the end.
func (j *Judge) readStates() (told, sums bool) {
	groups := len(j.h.Groups)
	j.row = zeroed(j.row, len(j.procs)*groups) // process × group: its replica, plus one
	j.replicas = j.replicas[:0]
	for i := len(j.steps) - 1; i >= 0; i-- {
		if !j.isState(i) {
			continue
		}
		told = true
		e, p := &j.h.Events[i], j.steps[i].proc()
		at := &j.row[p*groups+int(e.Group)]
		if *at != 0 || !e.Is(spec.HasSum) || !j.correct[e.Node] || p != int(j.now[e.Node]) {
			sums = sums || e.Is(spec.HasSum)
			continue
		}
		sums = true
		j.replicas = append(j.replicas, replica{proc: p, group: int(e.Group), event: i})
		*at = uint32(len(j.replicas))
	}
	j.noted = zeroed(j.noted, len(j.had)) // message × process: applied
	for i, s := range j.steps {
		e := &j.h.Events[i]
		switch {
		case s.op() == opDeliver:
			j.apply(i, s.msg)
		case s.op() == opRare && e.Kind == spec.Restore:
			for _, id := range extraOf(j.h, e).Msgs {
				if m, ok := j.find(id); ok && j.msgs[m].stream != oneToOne && int(j.msgs[m].send) < i {
					j.apply(i, m)
				}
			}
		}
	}
	return told, sums
}

func (j *Judge) isState(i int) bool {
	e := &j.h.Events[i]
	return j.steps[i].op() == opRare && e.Kind == spec.Note && inGroup(j.h, e) && extraOf(j.h, e).Op == spec.OpState
}

// apply adds a message to what a replica had applied when it told its state.
func (j *Judge) apply(i int, m uint32) {
	p := j.steps[i].proc()
	k := j.row[p*len(j.h.Groups)+j.group(m)]
	at, bit := int(m)*j.stride+p>>3, uint8(1)<<(p&7)
	if k == 0 || i > j.replicas[k-1].event || j.noted[at]&bit != 0 {
		return
	}
	j.noted[at] |= bit
	r := &j.replicas[k-1]
	r.size++
	r.sum[0] += scatter(uint64(m) + 1)
	r.sum[1] ^= scatter(uint64(m) ^ 0x9e3779b97f4a7c15)
}

// scatter spreads a number over 64 bits (the finaliser of splitmix64).
func scatter(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (j *Judge) applied(m uint32, p int) bool { return j.noted[int(m)*j.stride+p>>3]&(1<<(p&7)) != 0 }

// sameSet compares two sets message by message.
func (j *Judge) sameSet(a, b *replica) bool {
	for m := range j.msgs {
		if j.msgs[m].stream != oneToOne && j.group(uint32(m)) == a.group && j.applied(uint32(m), a.proc) != j.applied(uint32(m), b.proc) {
			return false
		}
	}
	return true
}

// diverged is the witness: two states that differ, and what both had delivered. Two replicas that applied nothing are
// equal too, so that the states alone prove as much, where there is more to show, or a replica received a state.
func (j *Judge) diverged(n int, a, b *replica) spec.Finding {
	const shown = 8
	var events []int
	deliveries := 0
	for i, s := range j.steps {
		for _, r := range []*replica{a, b} {
			if s.op() == opDeliver && s.proc() == r.proc && j.group(s.msg) == r.group && i < r.event {
				events = append(events, i, int(j.msgs[s.msg].send))
				deliveries++
			}
		}
	}
	if a.size > shown || deliveries != a.size+b.size {
		events = nil
	}
	events = append(events, a.event, b.event)
	return violated(n, fmt.Sprintf("%s told state %s at %s, and %s told state %s at %s, both after the same %d messages",
		j.process(a.proc), j.h.SumText(j.h.Events[a.event].Sum), j.time(a.event),
		j.process(b.proc), j.h.SumText(j.h.Events[b.event].Sum), j.time(b.event), a.size), events...)
}

// term is a term of leadership.
type term struct {
	group spec.GroupID // -1 without
	view  spec.ViewID
}

// electionSafety judges ELECTION-SAFETY: no two processes become leader in one term (this project's). In the
// crash-recovery model the incarnations of a node are one process. It counts the terms.
func (j *Judge) electionSafety() spec.Finding {
	if j.terms == nil {
		j.terms = make(map[term]uint32)
	}
	clear(j.terms)
	untold := false
	for i, s := range j.steps {
		e := &j.h.Events[i]
		if s.op() != opRare || e.Kind != spec.Note || extraOf(j.h, e).Op != spec.OpLeader {
			continue
		}
		t, ok := j.termOf(e)
		if !ok {
			untold = true
			continue
		}
		by, known := j.terms[t]
		if !known {
			j.terms[t] = uint32(i)
		} else if !j.one(j.steps[by].proc(), s.proc()) {
			return violated(len(j.terms), fmt.Sprintf("%s became leader in term %s at %s, and %s in the same term at %s",
				j.process(j.steps[by].proc()), t.view, j.time(int(by)), j.process(s.proc()), j.time(i)), int(by), i)
		}
	}
	if untold && len(j.terms) == 0 {
		return inconclusive(0, "not observed: pos")
	}
	return held(len(j.terms), "vacuous: nobody became leader")
}

func (j *Judge) termOf(e *spec.Event) (term, bool) {
	t := term{group: -1}
	if inGroup(j.h, e) {
		t.group = e.Group
	}
	x := extraOf(j.h, e)
	switch {
	case e.Is(spec.HasView):
		t.view = x.View
	case e.Is(spec.HasPos):
		t.view = spec.ViewID{Epoch: x.Pos}
	default:
		return t, false
	}
	return t, true
}

// one says whether two processes are the same, as far as the crash model tells them apart.
func (j *Judge) one(p, q int) bool {
	return p == q || j.h.Model == spec.CrashRecovery && j.procs[p].node == j.procs[q].node
}

// lock is a critical section.
type lock struct {
	group  spec.GroupID // -1 without
	object string
}

// holding is who entered last.
type holding struct {
	event uint32
	left  bool
}

// mutualExclusion judges MUTUAL-EXCLUSION: no process enters while another one is inside (LAM78). Who crashes is no longer
// inside. It counts the entries after which somebody else had been the last inside.
func (j *Judge) mutualExclusion() spec.Finding {
	if j.locks == nil {
		j.locks = make(map[lock]holding)
	}
	clear(j.locks)
	n, entries := 0, 0
	for i, s := range j.steps {
		e := &j.h.Events[i]
		if s.op() != opRare || e.Kind != spec.Note {
			continue
		}
		x := extraOf(j.h, e)
		l := lock{group: -1, object: x.Object}
		if inGroup(j.h, e) {
			l.group = e.Group
		}
		h, known := j.locks[l]
		by := -1
		if known {
			by = j.steps[h.event].proc()
		}
		switch x.Op {
		case spec.OpEnter:
			entries++
			if known && by != s.proc() {
				n++
				if crash := j.procs[by].crash; !h.left && (crash > uint32(i) || crash < h.event) {
					return violated(n, fmt.Sprintf("%s entered at %s, and %s at %s, while the first was still inside",
						j.process(by), j.time(int(h.event)), j.process(s.proc()), j.time(i)), int(h.event), i)
				}
			}
			j.locks[l] = holding{event: uint32(i)}
		case spec.OpExit:
			if known && by == s.proc() {
				h.left = true
				j.locks[l] = h
			}
		}
	}
	if entries == 0 {
		return inconclusive(0, "not observed: note with op enter")
	}
	return held(n, "vacuous: no process entered after another")
}
