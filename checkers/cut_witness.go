package checkers

import (
	"fmt"
	"strings"

	"github.com/conform-go/conform/spec"
)

// onNoSide is the witness of a message that p delivered before a barrier and q not at all: its send, its delivery, and
// both effects.
func (x *cutting) onNoSide(b uint32, p, q int) spec.Finding {
	j := x.j
	at, there := j.effectOf(b, p), j.effectOf(b, q)
	for i, s := range j.steps[:at] {
		if s.op() != opDeliver || s.proc() != p || j.group(s.msg) != x.group || !j.judged(int(s.msg)) ||
			j.place(s.msg, q) <= j.row[int(b)*len(j.procs)+q] || j.bitsOf(s.msg)[q>>3]&(1<<(q&7)) != 0 {
			continue
		}
		return violated(x.n, fmt.Sprintf("%s, before %s there at %s; %s at %s, which never delivers it", j.delivered(i), j.barrier(at), j.time(at),
			j.tookEffect(there), j.time(there)), append(j.someSync(), int(j.msgs[s.msg].send), i, at, there)...)
	}
	panic("checkers: nothing is on no side")
}

// effectOf finds where a barrier took effect at a process.
func (j *Judge) effectOf(b uint32, p int) int {
	for _, x := range j.notes {
		if x.barrier == b && j.steps[x.event].proc() == p {
			return int(x.event)
		}
	}
	panic("checkers: a barrier took no effect there")
}

// someSync gives a call of sync, without which nothing is judged.
func (j *Judge) someSync() []int {
	for i := range j.steps {
		if j.syncCalled(i) {
			return []int{i}
		}
	}
	return nil
}

// tangled is the witness of items that no order fits: a ring of a barrier and what comes before and behind it.
func (x *cutting) tangled() spec.Finding {
	j := x.j
	var ring []leg
	work := 0
	for b := range uint32(x.barriers) {
		if r := x.ringThrough(isBarrier|b, len(ring), &work); r != nil {
			ring = r
		}
		if ring != nil && (len(ring) == 2 || work > searchBudget) {
			break
		}
	}
	events := j.someSync()
	var text []string
	for _, l := range ring {
		var name [2]string
		var at [2]int
		for k, item := range [2]uint32{l.from, l.to} {
			if item&isBarrier != 0 {
				at[k] = j.effectOf(item&^isBarrier, l.p)
				name[k] = j.barrier(at[k])
			} else {
				at[k] = j.deliveryBy(item, l.p)
				name[k] = j.name(item)
				events = append(events, int(j.msgs[item].send))
			}
		}
		events = append(events, at[0], at[1])
		text = append(text, fmt.Sprintf("at %s %s came at %s, before %s at %s", j.process(l.p), name[0], j.time(at[0]), name[1], j.time(at[1])))
	}
	return violated(x.n, "no one cut fits: "+strings.Join(text, "; "), events...)
}

// ringThrough finds a shortest ring through a barrier, if it is shorter than limit (0: any). From a barrier one step goes
// to all that comes behind it somewhere, from a message to the barriers behind it.
func (x *cutting) ringThrough(start uint32, limit int, work *int) []leg {
	j := x.j
	came, depth := map[uint32]leg{}, map[uint32]int{start: 0}
	all, some := make([]int, len(j.procs)), make([]int, len(j.procs)) // from here on everything, or all barriers, have been reached
	for p := range j.procs {
		all[p], some[p] = len(x.list(p)), len(x.list(p))
	}
	for queue := []uint32{start}; len(queue) > 0; queue = queue[1:] {
		from := queue[0]
		if limit > 0 && depth[from]+1 >= limit {
			return nil
		}
		for p := range j.procs {
			list := x.list(p)
			after := x.placeOf(from, p, work) + 1
			if after == 0 {
				continue
			}
			reached := all
			if from&isBarrier == 0 {
				reached = some
			}
			for k := after; k < reached[p]; k++ {
				*work++
				to := list[k]
				if _, seen := came[to]; seen || from&isBarrier == 0 && to&isBarrier == 0 {
					continue
				}
				came[to] = leg{p: p, from: from, to: to}
				if to == start {
					return backTo(came, start)
				}
				if _, seen := depth[to]; !seen {
					depth[to] = depth[from] + 1
					queue = append(queue, to)
				}
			}
			reached[p] = min(reached[p], after)
			some[p] = min(some[p], all[p])
		}
	}
	return nil
}

// placeOf finds an item among those of a process; -1 without.
func (x *cutting) placeOf(item uint32, p int, work *int) int {
	if item&isBarrier == 0 && x.j.bitsOf(item)[p>>3]&(1<<(p&7)) == 0 {
		return -1
	}
	for k, other := range x.list(p) {
		*work++
		if other == item {
			return k
		}
	}
	return -1
}
