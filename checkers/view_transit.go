package checkers

import (
	"fmt"
	"slices"

	"github.com/conform-go/conform/spec"
)

// Transitional sets are judged view by view: in j.row stands for each node from which view it came.

const noTransit = "not observed: transitional"

// transitionalSet judges TRANSITIONAL-SET: the set that a process p gets with a view V′, coming from V, has members of
// both views only, and of those that install V′ it has exactly those that come from V too (CKV01, transitional set). Of
// who does not install V′ nothing is known. It counts the sets.
func (j *Judge) transitionalSet() spec.Finding {
	return j.transitional(func(at int) (int, spec.Finding) {
		x := &j.installs[at]
		set := j.transitOf(x)
		for _, q := range set {
			if !slices.Contains(j.listOf(at), q) || !slices.Contains(j.cameWith(x), q) {
				return 1, j.wrongSet(at, -1, fmt.Sprintf("with %s, which is not in both views", j.h.NodeName(q)))
			}
		}
		for _, q := range j.listOf(at) {
			k := j.arrival(q)
			if k < 0 {
				continue
			}
			came, said := j.installs[k].prev == x.prev, slices.Contains(set, q)
			switch {
			case said && !came:
				return 1, j.wrongSet(at, k, fmt.Sprintf("with %s, which came from elsewhere", j.h.NodeName(q)))
			case came && !said && !j.installs[k].state: // who is given one comes without a past
				return 1, j.wrongSet(at, k, fmt.Sprintf("without %s, which came from there too", j.h.NodeName(q)))
			}
		}
		return 1, spec.Finding{}
	}, "vacuous: nobody was told a transitional set with a view that came after another")
}

// successorAgreement judges SUCCESSOR-AGREEMENT: a member of the transitional set that q gets with a view, and that
// installs the view, came to it from the same view as q (CKV01, agreement on successors). It counts such members, without q.
func (j *Judge) successorAgreement() spec.Finding {
	return j.transitional(func(at int) (n int, f spec.Finding) {
		x := &j.installs[at]
		for _, q := range j.transitOf(x) {
			k := j.arrival(q)
			if k < 0 || q == j.procs[x.proc].node {
				continue
			}
			if n++; j.installs[k].prev != x.prev {
				return n, j.wrongSet(at, k, fmt.Sprintf("with %s, which came from elsewhere", j.h.NodeName(q)))
			}
		}
		return n, f
	}, "vacuous: nobody was told a transitional set with another process that installed the view")
}

// cameWith gives the members of the view in which a process was before an installation, as it was told them.
func (j *Judge) cameWith(x *install) []spec.NodeID {
	if x.begun == 0 {
		return j.membersOf(x.prev - 1)
	}
	return extraOf(j.h, &j.h.Events[x.begun-1]).Members
}

// arrival gives the installation with which a node came to the view that is judged; -1 if it did not.
func (j *Judge) arrival(q spec.NodeID) int {
	if q < 0 || int(q) >= len(j.row) {
		return -1
	}
	return int(j.row[q]) - 1
}

// transitional judges every set that came with a view after another one.
func (j *Judge) transitional(judge func(at int) (int, spec.Finding), vacuous string) spec.Finding {
	switch {
	case !j.viewed:
		return inconclusive(0, noViews)
	case len(j.transits) == 0:
		return inconclusive(0, noTransit)
	}
	j.byView()
	n := 0
	for v := len(j.h.Groups); v < len(j.views); v++ {
		list := j.queue[j.know[v]:j.know[v+1]]
		j.row = zeroed(j.row, len(j.h.Nodes)) // node: its installation + 1; the last one, of several incarnations
		for _, at := range list {
			j.row[j.procs[j.installs[at].proc].node] = at + 1
		}
		for _, at := range list {
			if x := &j.installs[at]; x.prev == 0 || x.set == 0 {
				continue
			}
			k, f := judge(int(at))
			if n += k; f.Verdict == spec.Fail {
				f.Antecedents = n
				return f
			}
		}
	}
	return held(n, vacuous)
}

// byView lists the installations of each view in j.queue; j.know has where they begin.
func (j *Judge) byView() {
	j.know = zeroed(j.know, len(j.views)+1)
	for at := range j.installs {
		j.know[j.installs[at].view+1]++
	}
	for v := range j.views {
		j.know[v+1] += j.know[v]
	}
	j.queue = sized(j.queue, len(j.installs))
	for at := len(j.installs) - 1; at >= 0; at-- { // fill each list from behind
		v := j.installs[at].view
		j.know[v+1]--
		j.queue[j.know[v+1]] = uint32(at)
	}
	copy(j.know, j.know[1:])
	j.know[len(j.views)] = uint32(len(j.installs))
}

// wrongSet is the witness: the set, the view, and what the other one, if it is k ≥ 0, came from.
func (j *Judge) wrongSet(at, k int, what string) spec.Finding {
	x := &j.installs[at]
	told := int(j.transits[x.set-1].event)
	events := []int{told, int(x.event)}
	if x.begun != 0 {
		events = append(events, int(x.begun-1))
	}
	text := fmt.Sprintf("%s, coming from %s, and was told at %s that %s come along: %s", j.installed(at), j.viewName(x.prev-1), j.time(told),
		j.nodes(j.transitOf(x)), what)
	if k >= 0 {
		y := &j.installs[k]
		events = append(events, int(y.event))
		if y.begun != 0 {
			events = append(events, int(y.begun-1))
		}
		from := "nowhere"
		if y.prev != 0 {
			from = j.viewName(y.prev - 1)
		}
		text += fmt.Sprintf("; %s, coming from %s", j.installed(k), from)
	}
	return violated(1, text, events...)
}
