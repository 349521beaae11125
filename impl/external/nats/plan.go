package main

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"

	"github.com/conform-go/conform/spec"
)

const (
	burstMax = 4    // messages of one member in one round, at most
	bodyMax  = 2048 // bytes
)

// refrains are bodies that come again and again, from every sender: a judge, or a system, that tells messages apart by
// their bodies gets them wrong.
var refrains = [][]byte{{}, []byte("ping"), []byte("the same again"), []byte("\x00\r\n\xff")}

// plan is everything of the traffic that the seed decides, drawn as it is needed. What no seed decides is the schedule.
type plan struct {
	seed     uint64
	rng      *rand.Rand
	members  int
	messages int // of each member, in all rounds together
	drawn    int // of them, in the rounds so far
}

func newPlan(seed uint64, members, messages int) *plan {
	return &plan{seed: seed, rng: rand.New(rand.NewPCG(seed, 0x6e617473)), members: members, messages: messages} // "nats"
}

// round draws the next round: for each member the bodies of its burst. All bursts of a round have one size.
func (p *plan) round() (bursts [][][]byte, ok bool) {
	if p.drawn == p.messages {
		return nil, false
	}
	n := min(1+p.rng.IntN(burstMax), p.messages-p.drawn)
	p.drawn += n
	bursts = make([][][]byte, p.members)
	for m := range bursts {
		for range n {
			bursts[m] = append(bursts[m], drawBody(p.rng))
		}
	}
	return bursts, true
}

func drawBody(rng *rand.Rand) []byte {
	if rng.IntN(4) == 0 {
		return refrains[rng.IntN(len(refrains))]
	}
	b := make([]byte, 1+rng.IntN(bodyMax>>rng.IntN(9))) // short ones more often
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// answer is what a member does about a delivered multicast.
type answer int

const (
	silence answer = iota
	answerGroup
	answerSender // one-to-one
)

// answers says what node does about multicast m. At most one node answers, never the sender, and fewer than one
// multicast in four is answered to the group, so that answers to answers die out. It depends on the message only, not
// on when it arrives.
func (p *plan) answers(m spec.MsgID, node spec.NodeID) answer {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s", p.seed, m)
	rng := rand.New(rand.NewPCG(h.Sum64(), 0))
	switch k := rng.IntN(4 * p.members); {
	case m.Sender == node || k%p.members != int(node):
		return silence
	case k < p.members:
		return answerGroup
	case k < 2*p.members:
		return answerSender
	}
	return silence
}

// answerTo gives the body of an answer.
func answerTo(m spec.MsgID) []byte { return []byte("re: " + m.String()) }
