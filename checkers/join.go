package checkers

import (
	"fmt"
	"slices"

	"github.com/conform-go/conform/spec"
)

// joinComplete judges JOIN-COMPLETE: what a correct process sends after a join returned is delivered by the joiner, if that
// one is correct and does not leave (this project's), also where the sender is still in a view without the joiner: the one
// to which it goes next has it, and others had installed that before. What is sent in a view whose members go elsewhere
// next concerns nobody outside. It counts such messages, once a joiner.
func (j *Judge) joinComplete() spec.Finding {
	joined := false
	for g := range j.h.Groups {
		for _, o := range j.debtors(g) {
			joined = joined || o.joined != 0 && !o.out
		}
	}
	if !joined {
		return inconclusive(0, "vacuous: no correct process joined and stayed")
	}
	n, _, d := j.dues((*Judge).owesJoined)
	if d.found {
		owers := j.debtors(j.group(d.m))
		d.event = int(owers[slices.IndexFunc(owers, func(o ower) bool { return o.node == d.by })].joined)
	}
	return j.settle(n, d, "vacuous: no correct process sent after a join had returned", (*Judge).joinedInVain)
}

// owesJoined says whether somebody owes a message that was sent after its join had returned.
func (j *Judge) owesJoined(o *ower, m uint32) bool {
	return o.joined != 0 && o.joined <= j.msgs[m].send && (j.owes(o, m) || j.behind(o, m))
}

// behind says whether a message was sent, after somebody became a member, in a view without it that its sender should have
// left: the next one, which has the new member, had been installed before.
func (j *Judge) behind(o *ower, m uint32) bool {
	v := j.sentView(m)
	if o.out || o.since > j.msgs[m].send || v == 0 {
		return false
	}
	nodes := len(j.first) - 1
	to := j.went[int(v-1)*nodes+int(j.procs[j.sender(m)].node)]
	return to != 0 && j.member[int(to-1)*nodes+int(o.node)] && j.viewSince(to-1) < j.msgs[m].send
}

func (j *Judge) joinedInVain(n int, d debt) spec.Finding {
	send := int(j.msgs[d.m].send)
	return violated(n, fmt.Sprintf("%s; its join had returned at %s, and %s, correct too, sent it at %s", j.lacks(d), j.time(d.event),
		j.node(j.h.Events[send].Node), j.time(send)), d.event, send)
}

// joinTransfer judges JOIN-TRANSFER: no message is both in the state that a joiner receives and among its deliveries, and
// none that a correct member delivered is in neither (BJ87, state transfer; CKV01). The second half needs a settled run,
// and a joiner that is correct and stays. It counts, for each state, the messages that are in it or were delivered.
func (j *Judge) joinTransfer() spec.Finding {
	n, told, unmet := 0, false, false
	for i, s := range j.steps {
		e := &j.h.Events[i]
		if s.op() != opRare || e.Kind != spec.Restore || !inGroup(j.h, e) {
			continue
		}
		told = true
		j.bits = zeroed(j.bits, len(j.msgs)) // message: in the state
		for _, id := range extraOf(j.h, e).Msgs {
			if m, ok := j.find(id); ok && j.msgs[m].stream != oneToOne && j.group(m) == int(e.Group) {
				j.bits[m] = 1
			}
		}
		stays := j.staysIn(e.Node, e.Group) && j.now[e.Node] == uint32(s.proc()) && j.lastState(i)
		for m := range j.msgs {
			if !j.judged(m) || j.group(uint32(m)) != int(e.Group) {
				continue
			}
			had := j.bitsOf(uint32(m))[s.proc()>>3]&(1<<(s.proc()&7)) != 0
			if j.bits[m] != 0 || had {
				n++
			}
			if j.bits[m] != 0 && had {
				if k := j.deliveryBy(uint32(m), s.proc()); j.sameStay(i, k) {
					return violated(n, fmt.Sprintf("%s, which was in the state that it received at %s", j.delivered(k), j.time(i)),
						int(j.msgs[m].send), min(i, k), max(i, k))
				}
			}
			if j.bits[m] == 0 && !j.got(uint32(m), e.Node) && stays {
				if k := j.knownTo(uint32(m), e.Group); k >= 0 {
					if unmet = true; j.h.Settled {
						return violated(n, fmt.Sprintf("%s, which %s did not: it was not in the state that it received at %s either",
							j.delivered(k), j.process(s.proc()), j.time(i)), int(j.msgs[m].send), k, i)
					}
				}
			}
		}
	}
	switch {
	case !told:
		return inconclusive(0, "not observed: restore")
	case unmet:
		return inconclusive(n, notSettled)
	}
	return held(n, "vacuous: no state had anything in it, and no joiner delivered anything")
}

// staysIn says whether a node is correct and a member at the end, also by the views.
func (j *Judge) staysIn(n spec.NodeID, g spec.GroupID) bool {
	owers := j.debtors(int(g))
	for k := range owers {
		if owers[k].node == n {
			return !owers[k].out
		}
	}
	return false
}

// knownTo gives the first delivery of a message by a correct process that is a member at the end; -1 without. Where views are
// told, a life that is over is no member, and what it delivered has to be known to somebody else.
func (j *Judge) knownTo(m uint32, g spec.GroupID) int {
	row := j.justOf(m)
	for i, s := range j.steps {
		p := s.proc()
		if s.op() != opDeliver || s.msg != m || row[p>>3]&j.correctBits[p>>3]&(1<<(p&7)) == 0 {
			continue
		}
		node := j.procs[p].node
		if !j.lastState(i) {
			continue // another state has taken the place of what it had
		}
		if j.final.since[j.final.at(node, g)] != never && (!j.inViews(int(g)) || int(j.now[node]) == p) {
			return i
		}
	}
	return -1
}

// sameStay says whether two events of a process are of one membership: it did not leave in between, nor was it left behind
// and admitted again.
func (j *Judge) sameStay(a, b int) bool {
	e := &j.h.Events[a]
	if !j.viewed {
		j.installs = j.installs[:0]
	}
	for i := min(a, b); i < max(a, b); i++ {
		if x := &j.h.Events[i]; j.steps[i].op() == opMember && x.Kind == spec.Left && x.Node == e.Node && x.Group == e.Group {
			return false
		}
	}
	for k := range j.installs {
		x := &j.installs[k]
		if at := int(x.event); (x.opens || x.state || j.leftBehind(x)) && at > min(a, b) && at <= max(a, b) && int(x.proc) == j.steps[a].proc() && j.views[x.view].key.group == e.Group {
			return false
		}
	}
	return true
}

// lastState says whether a node gets no other state in the group after event i.
func (j *Judge) lastState(i int) bool {
	e := &j.h.Events[i]
	for k := i + 1; k < len(j.steps); k++ {
		if x := &j.h.Events[k]; j.steps[k].op() == opRare && x.Kind == spec.Restore && x.Node == e.Node && inGroup(j.h, x) && x.Group == e.Group {
			return false
		}
	}
	return true
}
