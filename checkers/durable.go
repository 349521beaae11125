package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// noDuplicationRestart judges NO-DUPLICATION/restart: a node delivers a message at most once, in all of its incarnations
// together (this project's; promised by levels that keep a log). As in NO-DUPLICATION a delivery marked redelivered is
// exempt.
func (j *Judge) noDuplicationRestart() spec.Finding {
	n := 0
	j.row = zeroed(j.row, len(j.h.Nodes)) // node: the first of its processes that delivered, + 1
	for i, s := range j.steps {
		o, p := s.op(), s.proc()
		if o != opDeliver && o != opAgain {
			continue
		}
		node := j.procs[p].node
		if j.row[node] == 0 {
			j.row[node] = uint32(p) + 1
		}
		if o == opDeliver && p == int(j.first[node]) || j.h.Events[i].Is(spec.IsRedelivered) {
			continue
		}
		if int(j.row[node])-1 < p {
			n++
		}
		by := p
		if o == opDeliver {
			by = j.earlier(s.msg, p)
		}
		if by >= 0 {
			k := j.deliveryBy(s.msg, by)
			return violated(n, fmt.Sprintf("%s a second time; the first was by %s at %s", j.delivered(i), j.process(by), j.time(k)),
				int(j.msgs[s.msg].send), k, i)
		}
	}
	return held(n, "vacuous: nobody who had delivered anything came back and delivered more")
}

// earlier gives the first incarnation of a process's node before it that delivered a message; -1 if none did.
func (x *index) earlier(m uint32, p int) int {
	row := int(m) * x.stride
	for q := int(x.first[x.procs[p].node]); q < p; q++ {
		if x.had[row+q>>3]&(1<<(q&7)) != 0 {
			return q
		}
	}
	return -1
}

// durability judges DURABILITY: what was acknowledged before a crash from which somebody came back is delivered by every
// member that is up at the end, in one of its incarnations (CGR11, logged broadcast, for acknowledged sends). It is the
// part of ACKED-DELIVERED that a log is for.
func (j *Judge) durability() spec.Finding {
	if j.h.Model != spec.CrashRecovery {
		return inconclusive(0, "vacuous: in the crash-stop model nobody comes back")
	}
	n, d := 0, debt{}
	for i, s := range j.steps {
		if s.op() != opAck || !j.judged(int(s.msg)) || j.survivedBy(s.msg, i) < 0 {
			continue
		}
		n++
		if !d.found {
			d.by, d.found = j.missing(s.msg)
			d.m, d.event = s.msg, i
		}
	}
	return j.settle(n, d, "vacuous: nobody crashed after an acknowledgement and came back", (*Judge).notDurable)
}

// survivedBy gives the event of a crash after event i of the message's sender, or of a member that owes it, that came
// back; -1 without.
func (j *Judge) survivedBy(m uint32, i int) int {
	if c := j.cameBack(j.procs[j.sender(m)].node, i); c >= 0 {
		return c
	}
	owers := j.debtors(j.group(m))
	for k := range owers {
		o := &owers[k]
		if c := j.cameBack(o.node, i); c >= 0 && j.owes(o, m) {
			return c
		}
	}
	return -1
}

// cameBack gives the last crash of a node from which it came back, if that was after event i.
func (j *Judge) cameBack(node spec.NodeID, i int) int {
	for p := j.now[node]; p > j.first[node]; p-- {
		if c := j.procs[p-1].crash; c != never {
			if int(c) > i {
				return int(c)
			}
			break
		}
	}
	return -1
}

func (j *Judge) notDurable(n int, d debt) spec.Finding {
	send, crash := int(j.msgs[d.m].send), j.survivedBy(d.m, d.event)
	return violated(n, fmt.Sprintf("%s, which %s sent at %s, acknowledged at %s; %s crashed at %s and came back", j.lacks(d),
		j.node(j.h.Events[send].Node), j.time(send), j.time(d.event), j.node(j.h.Events[crash].Node), j.time(crash)),
		send, d.event, crash)
}
