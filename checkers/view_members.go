package checkers

import (
	"fmt"
	"slices"

	"github.com/conform-go/conform/spec"
)

const noSecondView = "vacuous: no process installed a second view of a group"

// selfInclusion judges SELF-INCLUSION: a process is a member of every view that it installs (CKV01, self inclusion).
func (j *Judge) selfInclusion() spec.Finding {
	if !j.viewed {
		return inconclusive(0, noViews)
	}
	for at := range j.installs {
		x := &j.installs[at]
		if !slices.Contains(j.listOf(at), j.procs[x.proc].node) {
			return violated(at+1, fmt.Sprintf("%s, whose members are %s, without itself", j.installed(at), j.nodes(j.listOf(at))), int(x.event))
		}
	}
	return held(len(j.installs), noViews)
}

// viewMonotonicity judges VIEW-MONOTONICITY: the ids of the views of a group that a node installs increase, also across
// its restarts, so that it installs none twice (CKV01, local monotonicity).
func (j *Judge) viewMonotonicity() spec.Finding {
	if !j.viewed {
		return inconclusive(0, noViews)
	}
	groups := len(j.h.Groups)
	j.row = zeroed(j.row, len(j.h.Nodes)*groups) // node × group: its last installation + 1
	n := 0
	for at := range j.installs {
		x := &j.installs[at]
		last := &j.row[int(j.procs[x.proc].node)*groups+int(j.views[x.view].key.group)]
		if *last != 0 {
			n++
			before := int(*last - 1)
			y := &j.installs[before]
			if c := j.views[y.view].key.id.Compare(j.views[x.view].key.id); c >= 0 {
				text := j.installed(at) + " after a later one: " + j.installed(before)
				if c == 0 {
					text = j.installed(at) + " a second time: " + j.installed(before)
				}
				return violated(n, text, int(y.event), int(x.event))
			}
		}
		*last = uint32(at) + 1
	}
	return held(n, noSecondView)
}

// initialView judges INITIAL-VIEW: a member sends to a group and delivers its messages only in a view that it has
// installed (CKV01, initial view event). Who has not joined, or has left, is no member, and what was refused was not
// sent. It counts the sends and deliveries, in groups in which views are told.
func (j *Judge) initialView() spec.Finding {
	if !j.viewed {
		return inconclusive(0, noViews)
	}
	groups := len(j.h.Groups)
	j.row = zeroed(j.row, groups) // group: some view of it is told
	for v := groups; v < len(j.views); v++ {
		j.row[j.views[v].key.group] = 1
	}
	j.beginStands(j.h)
	j.live.reset(j.h)
	n := 0
	for i, s := range j.steps {
		e := &j.h.Events[i]
		j.turnStand(i, s)
		member := false
		switch s.op() {
		case opMember:
			j.live.turn(e, i)
			continue
		case opRecover:
			j.live.recover(e.Node, i)
		case opRare:
			if e.Kind == spec.ViewChange {
				j.live.admit(j.h, e, i)
			}
		case opSend:
			member = j.live.since[j.live.at(e.Node, e.Group)] != never && j.marks[s.msg]&(refused|lied) == 0
		case opDeliver, opAgain:
			member = j.live.may[j.live.at(e.Node, e.Group)]
		}
		if !member || j.row[e.Group] == 0 {
			continue
		}
		n++
		if j.stand[s.proc()*groups+int(e.Group)] > uint32(groups) {
			continue
		}
		text := j.delivered(i)
		if e.Kind == spec.Send {
			text = j.sent(i)
		}
		first := slices.IndexFunc(j.installs, func(x install) bool { return j.views[x.view].key.group == e.Group })
		return violated(n, fmt.Sprintf("%s, when it had installed no view of group %s; %s", text, j.h.GroupName(e.Group), j.installed(first)),
			int(j.msgs[s.msg].send), i, int(j.installs[first].event))
	}
	return held(n, "vacuous: no member sent or delivered anything")
}

// viewAgreement judges VIEW-AGREEMENT: views of a group with one id have the same members, in whatever order (CKV01: a
// view is a set of members with an id). It counts the installations by another process than the first.
func (j *Judge) viewAgreement() spec.Finding {
	if !j.viewed {
		return inconclusive(0, noViews)
	}
	j.row = zeroed(j.row, len(j.h.Nodes)) // node: the last list, by number, that had it
	n, list := 0, uint32(0)
	for at := range j.installs {
		x := &j.installs[at]
		first := int(j.views[x.view].first - 1)
		if first == at {
			continue
		}
		if j.installs[first].proc != x.proc {
			n++
		}
		if list += 2; !j.sameMembers(j.listOf(first), j.listOf(at), list-1) {
			return violated(n, fmt.Sprintf("%s with members %s, and %s with members %s",
				j.installed(first), j.nodes(j.listOf(first)), j.installed(at), j.nodes(j.listOf(at))),
				int(j.installs[first].event), int(x.event))
		}
	}
	return held(n, "vacuous: no view was installed by two processes")
}

// sameMembers compares two lists as sets, in their length's time: in j.row each node gets the number of the list, and
// then the next number.
func (j *Judge) sameMembers(a, b []spec.NodeID, list uint32) bool {
	distinct := 0
	for _, n := range a {
		if n >= 0 && int(n) < len(j.row) && j.row[n] != list {
			j.row[n] = list
			distinct++
		}
	}
	for _, n := range b {
		switch {
		case n < 0 || int(n) >= len(j.row):
		case j.row[n] == list:
			j.row[n] = list + 1
			distinct--
		case j.row[n] != list+1:
			return false
		}
	}
	return distinct == 0
}
