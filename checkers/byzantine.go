package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// What is promised among liars. The header says who may lie: those are not correct, and of what is delivered in their
// name every id is a message, whatever they sent.

const nobodyLies = "vacuous: the header names no Byzantine node"

// byzConsistency judges BYZ-CONSISTENCY: no two correct processes deliver different contents under one id, whatever its
// sender does (CGR11, Byzantine consistent broadcast, consistency). It counts the deliveries of messages of liars that
// could be compared with another one.
func (j *Judge) byzConsistency() spec.Finding {
	if !j.lying {
		return inconclusive(0, nobodyLies)
	}
	j.queue = zeroed(j.queue, len(j.msgs)) // message: its first delivery with a digest by a correct process, + 1
	n, blind := 0, false
	for i, s := range j.steps {
		if s.op() != opDeliver || !j.isCorrect(s.proc()) {
			continue
		}
		e := &j.h.Events[i]
		if !e.Is(spec.HasSum) {
			blind = blind || j.marks[s.msg]&lied != 0
			continue
		}
		first := &j.queue[s.msg]
		if *first == 0 {
			*first = uint32(i) + 1
			continue
		}
		if j.marks[s.msg]&lied != 0 {
			n++
		}
		if k := int(*first) - 1; j.h.Events[k].Sum != e.Sum {
			return violated(n, fmt.Sprintf("%s with digest %s; %s with digest %s",
				j.delivered(k), j.h.SumText(j.h.Events[k].Sum), j.delivered(i), j.h.SumText(e.Sum)),
				int(j.msgs[s.msg].send), k, i)
		}
	}
	if blind {
		return held(n, "not observed: sum")
	}
	return held(n, "vacuous: no two correct processes delivered a message of a Byzantine one")
}

// byzTotality judges BYZ-TOTALITY: if one correct process delivers a message, also one of a liar, every correct member
// delivers one with its id (CGR11, Byzantine reliable broadcast, totality). Only messages of liars test more than
// agreement, so only those are counted.
func (j *Judge) byzTotality() spec.Finding {
	if !j.lying {
		return inconclusive(0, nobodyLies)
	}
	n, d := 0, debt{}
	for m := range j.msgs {
		if !j.judged(m) {
			continue
		}
		first, several, ok := j.deliverers(j.justOf(uint32(m)), j.correctBits)
		if !ok {
			continue
		}
		if j.marks[m]&lied != 0 {
			n += j.bite(uint32(m), first, several)
		}
		if !d.found {
			d.by, d.found = j.missing(uint32(m))
			d.m = uint32(m)
		}
	}
	return j.settle(n, d, "vacuous: no correct process delivered a message of a Byzantine one that another owed", (*Judge).disagreement)
}

// byzValidity judges BYZ-VALIDITY: a message of a correct process is delivered by every correct member, whatever the
// liars do (CGR11, Byzantine reliable broadcast, validity).
func (j *Judge) byzValidity() spec.Finding {
	if !j.lying {
		return inconclusive(0, nobodyLies)
	}
	return j.validity()
}
