package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

const noInfection = "vacuous: no correct process delivered a message of one that had delivered something before, and crashed"

// noContamination judges NO-CONTAMINATION: no correct process delivers a message whose sender, before it sent it, had
// delivered something in the group that the correct processes never deliver, though one of them owes it, or that one of
// them delivers in another order (DSU04, contamination). It counts the messages of processes that crashed.
func (j *Judge) noContamination() spec.Finding {
	if !j.h.Settled {
		return inconclusive(0, notSettled)
	}
	groups := len(j.h.Groups)
	j.among, j.rows = j.everyBits, j.had
	j.sequence(groups)
	j.bits = zeroed(j.bits, len(j.procs)*groups) // process × group: what it has delivered
	ordered := true
	for g := 0; g < groups && ordered; g++ {
		ordered = j.merge(g, nil)
	}
	if !ordered {
		if tooLarge(len(j.msgs), len(j.procs)) {
			return broken()
		}
		j.findTwists()
	}
	n := 0
	for i, s := range j.steps {
		switch s.op() {
		case opDeliver:
			state := &j.bits[s.proc()*groups+j.group(s.msg)]
			*state |= delivers
			if j.unknown(s.msg) || !ordered && j.twisted(i) {
				*state |= infected
			}
		case opSend:
			p := s.proc()
			state := j.bits[p*groups+j.group(s.msg)]
			if state&delivers == 0 || j.justCount(s.msg) == 0 {
				continue
			}
			if j.procs[p].crash != never {
				n++
			}
			if state&infected != 0 {
				return j.infectedBy(max(n, 1), i, ordered)
			}
		}
	}
	return held(n, noInfection)
}

// What a process has delivered in a group so far.
const (
	delivers uint8 = 1 << iota // something
	infected                   // something that the correct ones never deliver, or in another order
)

// unknown says whether no correct process delivers a message, though a correct member owes it.
func (j *Judge) unknown(m uint32) bool {
	if !j.judged(int(m)) || j.justCount(m) > 0 {
		return false
	}
	_, owed := j.missing(m)
	return owed
}

// findTwists finds, for every process and group, the first of its deliveries that a correct process delivers before one
// that stands before it here: in j.last, its event plus one.
func (j *Judge) findTwists() {
	procs, groups := len(j.procs), len(j.h.Groups)
	j.vector = zeroed(j.vector, len(j.msgs)*procs) // message × process: event of its delivery, plus one
	for i, s := range j.steps {
		if s.op() == opDeliver {
			j.vector[int(s.msg)*procs+s.proc()] = uint32(i) + 1
		}
	}
	j.last = zeroed(j.last, procs*groups)
	for p := range procs {
		for g := range groups {
			j.last[p*groups+g] = j.firstTwist(p, g)
		}
	}
}

func (j *Judge) firstTwist(p, g int) uint32 {
	procs := len(j.procs)
	j.know = zeroed(j.know, procs) // correct process: its latest delivery of what p has delivered
	for _, m := range j.sequenceOf(p, g) {
		row := j.vector[int(m)*procs : (int(m)+1)*procs]
		for c, at := range row {
			if at == 0 || !j.isJust(m, c) {
				continue
			}
			if at < j.know[c] {
				return row[p]
			}
			j.know[c] = at
		}
	}
	return 0
}

// twisted says whether the delivery at i is the first of those.
func (j *Judge) twisted(i int) bool {
	s := j.steps[i]
	return j.last[s.proc()*len(j.h.Groups)+j.group(s.msg)] == uint32(i)+1
}

// infectedBy is the witness: what the sender had delivered and sent, and who took it.
func (j *Judge) infectedBy(n, send int, ordered bool) spec.Finding {
	s := j.steps[send]
	taken := j.justDelivery(s.msg)
	for i, x := range j.steps[:send] {
		if x.op() != opDeliver || x.proc() != s.proc() || j.group(x.msg) != j.group(s.msg) {
			continue
		}
		if j.unknown(x.msg) {
			return violated(n, fmt.Sprintf("%s, correct; but %s, and before that %s, which no correct process ever delivers",
				j.delivered(taken), j.sent(send), j.delivered(i)), int(j.msgs[x.msg].send), i, send, taken)
		}
		if !ordered && j.twisted(i) {
			return j.twistedBy(n, send, i, taken)
		}
	}
	panic("checkers: nothing infected the sender")
}

// twistedBy shows two deliveries of the sender, and those of a correct process the other way round.
func (j *Judge) twistedBy(n, send, i, taken int) spec.Finding {
	procs := len(j.procs)
	p, m := j.steps[send].proc(), j.steps[i].msg
	for c, at := range j.vector[int(m)*procs : (int(m)+1)*procs] {
		if at == 0 || !j.isJust(m, c) {
			continue
		}
		for _, x := range j.sequenceOf(p, j.group(m)) {
			other := j.vector[int(x)*procs+c]
			if x == m {
				break
			}
			if other <= at || !j.isJust(x, c) {
				continue
			}
			k := int(j.vector[int(x)*procs+p]) - 1
			return violated(n, fmt.Sprintf("%s, correct; but %s, and before that had delivered %s at %s and %s at %s, where %s and %s at %s",
				j.delivered(taken), j.sent(send), j.name(x), j.time(k), j.name(m), j.time(i), j.delivered(int(at)-1), j.name(x), j.time(int(other)-1)),
				int(j.msgs[x].send), int(j.msgs[m].send), k, i, send, taken, int(at)-1, int(other)-1)
		}
	}
	panic("checkers: nothing is the other way round")
}
