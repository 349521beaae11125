package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// position is a number that a group gives to a message.
type position struct {
	group spec.GroupID
	pos   uint64
}

// positionAgreement judges POSITION-AGREEMENT: in a group a number that is told with a delivery belongs to one message,
// and a message has one number, whoever tells it and when (KT91). It counts the deliveries whose number or message had
// been told before.
func (j *Judge) positionAgreement() spec.Finding {
	if j.told == nil {
		j.told = make(map[position]uint32)
	}
	clear(j.told)
	j.vector = zeroed(j.vector, len(j.msgs)) // message: the first event that told its number, plus one
	dense := j.densePositions()
	n, deliveries, numbers := 0, 0, 0
	for i, s := range j.steps {
		if o := s.op(); o != opDeliver && o != opAgain {
			continue
		}
		deliveries++
		e := &j.h.Events[i]
		if !e.Is(spec.HasPos) {
			continue
		}
		numbers++
		k := position{group: e.Group, pos: extraOf(j.h, e).Pos}
		by, of := j.firstTold(k, i, dense), &j.vector[s.msg]
		if by > 0 || *of > 0 {
			n++
		}
		if by > 0 && j.steps[by-1].msg != s.msg {
			return j.sameNumber(n, int(by)-1, i)
		}
		if *of > 0 && extraOf(j.h, &j.h.Events[*of-1]).Pos != k.pos {
			return j.otherNumber(n, int(*of)-1, i)
		}
		if *of == 0 {
			*of = uint32(i) + 1
		}
	}
	if deliveries > 0 && numbers == 0 {
		return inconclusive(0, "not observed: pos")
	}
	return held(n, "vacuous: no number was told twice, and no message's number")
}

// densePositions makes room for a table if the numbers are near each other: in j.queue, group × number, the first event
// that told it, plus one. It gives the width of the table; 0 if they are far apart.
func (j *Judge) densePositions() int {
	top, n := uint64(0), 0
	for i, s := range j.steps {
		if o := s.op(); (o == opDeliver || o == opAgain) && j.h.Events[i].Is(spec.HasPos) {
			top = max(top, extraOf(j.h, &j.h.Events[i]).Pos)
			n++
		}
	}
	if top > uint64(n)+64 {
		return 0
	}
	j.queue = zeroed(j.queue, (int(top)+1)*len(j.h.Groups))
	return int(top) + 1
}

// firstTold gives the first event that told a number, plus one; 0 if that is this one.
func (j *Judge) firstTold(k position, i, dense int) uint32 {
	if dense > 0 {
		at := &j.queue[int(k.group)*dense+int(k.pos)]
		by := *at
		if by == 0 {
			*at = uint32(i) + 1
		}
		return by
	}
	by, ok := j.told[k]
	if !ok {
		j.told[k] = uint32(i) + 1
	}
	return by
}

func (j *Judge) sameNumber(n, a, i int) spec.Finding {
	return violated(n, fmt.Sprintf("%s as number %d, and %s as number %d too", j.delivered(a), extraOf(j.h, &j.h.Events[a]).Pos,
		j.delivered(i), extraOf(j.h, &j.h.Events[i]).Pos), j.toldAt(a, i)...)
}

func (j *Judge) otherNumber(n, a, i int) spec.Finding {
	return violated(n, fmt.Sprintf("%s as number %d, but %s as number %d", j.delivered(a), extraOf(j.h, &j.h.Events[a]).Pos,
		j.delivered(i), extraOf(j.h, &j.h.Events[i]).Pos), j.toldAt(a, i)...)
}

func (j *Judge) toldAt(a, i int) []int {
	return []int{int(j.msgs[j.steps[a].msg].send), int(j.msgs[j.steps[i].msg].send), a, i}
}
