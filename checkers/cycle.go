package checkers

import (
	"fmt"
	"strings"

	"github.com/conform-go/conform/spec"
)

// A cycle of total order is a ring of messages, each delivered by some process before the next. In a shortest one every
// message follows by another process: two steps of one process are one. So a ring is at most as long as there are
// processes, however long the sequences are.

// leg of a ring: process p delivered from, and later to.
type leg struct {
	p        int
	from, to uint32
}

// searchBudget bounds the search for a shorter ring when one is known, in visits of messages.
const searchBudget = 1 << 21

// circle is the witness of three or more processes that agree in pairs, but not together. j.next says where the
// merging of their sequences got stuck. Each head there waits behind the head of another sequence, so some ring goes
// through heads alone, and they are tried first.
func (j *Judge) circle(n, lane int) spec.Finding {
	r := newRings(j, lane)
	var best []leg
	try := func(m uint32) (done bool) {
		if ring := r.shortest(m, len(best)); ring != nil {
			best = ring
		}
		// There is no ring of two, or it would have been found as a disagreement.
		return best != nil && (len(best) <= 3 || r.work > searchBudget)
	}
	done := false
	for k := 0; k < len(r.tails) && !done; k++ {
		done = len(r.tails[k]) > 0 && try(r.tails[k][0])
	}
	for m := 0; m < len(j.msgs) && !done; m++ {
		done = r.member[m] && try(uint32(m))
	}
	return j.noOrder(n, best)
}

func (j *Judge) noOrder(n int, ring []leg) spec.Finding {
	var events []int
	text := make([]string, 0, len(ring))
	for _, l := range ring {
		a, b := j.deliveryBy(l.from, l.p), j.deliveryBy(l.to, l.p)
		text = append(text, fmt.Sprintf("%s before %s at %s", j.delivered(a), j.name(l.to), j.time(b)))
		events = append(events, int(j.msgs[l.from].send), a, b)
	}
	return violated(n, "no single order fits: "+strings.Join(text, "; "), events...)
}

// rings looks for shortest cycles in what the merging left over.
type rings struct {
	procs  []int
	tails  [][]uint32 // process: what it delivered from where the merging got stuck
	places [][]uint32 // process: where in its tail a message is, plus one
	member []bool     // message: in some tail
	work   int
}

func newRings(j *Judge, lane int) *rings {
	r := &rings{member: make([]bool, len(j.msgs))}
	for p := range j.procs {
		if !j.counts(p) {
			continue
		}
		tail := j.sequenceOf(p, lane)[j.next[p]:]
		places := make([]uint32, len(j.msgs))
		for k, m := range tail {
			places[m] = uint32(k) + 1
			r.member[m] = true
		}
		r.procs, r.tails, r.places = append(r.procs, p), append(r.tails, tail), append(r.places, places)
	}
	return r
}

// shortest finds a shortest ring through a message, if it is shorter than limit (0: any): breadth first, where one
// step goes from a message to all that some process delivered later. Each place of a tail is visited once.
func (r *rings) shortest(start uint32, limit int) []leg {
	reached := make([]int, len(r.tails)) // from here on everything has been reached
	for k := range reached {
		reached[k] = len(r.tails[k])
	}
	came := map[uint32]leg{}
	depth := map[uint32]int{start: 0}
	for queue := []uint32{start}; len(queue) > 0; queue = queue[1:] {
		m := queue[0]
		if limit > 0 && depth[m]+1 >= limit {
			return nil
		}
		for k, tail := range r.tails {
			after := int(r.places[k][m])
			if after == 0 {
				continue
			}
			for x := after; x < reached[k]; x++ {
				r.work++
				next := tail[x]
				if _, seen := came[next]; seen {
					continue
				}
				came[next] = leg{p: r.procs[k], from: m, to: next}
				if next == start {
					return backTo(came, start)
				}
				if _, seen := depth[next]; !seen {
					depth[next] = depth[m] + 1
					queue = append(queue, next)
				}
			}
			reached[k] = min(reached[k], after)
		}
	}
	return nil
}

// backTo follows the legs from the start to itself.
func backTo(came map[uint32]leg, start uint32) []leg {
	var ring []leg
	for m := start; ; {
		l := came[m]
		ring = append(ring, l)
		if m = l.from; m == start {
			break
		}
	}
	for a, b := 0, len(ring)-1; a < b; a, b = a+1, b-1 {
		ring[a], ring[b] = ring[b], ring[a]
	}
	return ring
}
