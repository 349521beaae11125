package kv

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/conform-go/conform/impl"
)

// Replica is one copy of the store: the application above the stack of a node. It is a state machine (Schneider,
// Implementing fault-tolerant services using the state machine approach, 1990): its state depends on nothing but the
// commands that it has applied, and their order.
//
//	on a command of my client:   multicast ⟨command, my number of it⟩
//	on delivering a command:     apply it; if it is of my client, answer what that gave
//	with local reads, on get:    answer what my copy says; multicast nothing
//
// It acknowledges a command when the stack below does, and a local read at once.
type Replica struct {
	Rules Rules

	cfg   impl.Config
	reads Reads
	life  uint32
	calls uint32
	store Store
}

// Reads says how a get is answered.
type Reads uint8

// The ways. A local read costs no packet and may be old: it is the answer of one copy, which others may be ahead of.
const (
	Ordered Reads = iota
	Local
)

// Rules are what a replica rests on.
type Rules struct {
	Early func(c Command) bool                    // whether a command of my client is applied and answered at once, before its turn
	Local func(c Command, reads Reads) bool       // whether my copy alone answers it
	Named func(c Command, local bool) (told bool) // whether a local answer is called one
	Apply func(s *Store, c Command) (answer int64)
}

// NewReplica makes the replica of one node.
func NewReplica(cfg impl.Config, reads Reads) *Replica {
	return &Replica{cfg: cfg, reads: reads, Rules: Rules{
		Early: func(Command) bool { return false },
		Local: func(c Command, reads Reads) bool { return c.Op == Get && reads == Local },
		Named: func(_ Command, local bool) bool { return local },
		Apply: (*Store).Apply,
	}}
}

// headerLen is that of the life of the client's node, and of its number of the command.
const headerLen = 8

// Step implements [impl.Layer].
func (r *Replica) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		*r = Replica{Rules: r.Rules, cfg: r.cfg, reads: r.reads, life: uint32(in.Num)}
	case in.Kind == impl.Send && in.To == impl.Everyone:
		r.asked(in, out)
	case in.Kind == impl.Packet && in.To == impl.Everyone:
		r.delivered(in, out)
	default:
		out.Pass(in)
	}
}

// asked takes a command of the client.
func (r *Replica) asked(in impl.Input, out *impl.Effects) {
	c, ok := Parse(in.Body)
	call := uint64(0)
	if ok {
		local := r.Rules.Local(c, r.reads)
		r.calls++
		call = uint64(r.life)<<32 | uint64(r.calls)
		out.Note(impl.Invoked, call, c.pack(r.Rules.Named(c, local)))
		if local || r.Rules.Early(c) {
			out.Note(impl.Returned, call, r.apply(c))
		}
		if local {
			out.Acknowledge(in.Ref)
			return
		}
	}
	in.Body = out.Extend(in.Body, headerLen)
	binary.LittleEndian.PutUint64(in.Body[len(in.Body)-headerLen:], call)
	out.Down(impl.Everyone, in.Body, in.Ref)
}

// delivered takes a command at its turn.
func (r *Replica) delivered(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.Cut(in.Body, headerLen)
	if !ok {
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	if c, ok := Parse(body); ok {
		call := binary.LittleEndian.Uint64(h)
		mine := in.From == r.cfg.Self && call>>32 == uint64(r.life)
		if !mine || !r.Rules.Early(c) {
			answer := r.apply(c)
			if mine {
				out.Note(impl.Returned, call, answer)
			}
		}
		out.Note(impl.StateReached, r.store.Digest(), 0)
	}
	in.Body = body
	out.UpAt(in.From, body, in.Num, in.Flag)
}

// apply gives the answer plus one; 0 is none.
func (r *Replica) apply(c Command) uint64 { return uint64(r.Rules.Apply(&r.store, c) + 1) }

// String tells the state: "x=3 y=-".
func (r *Replica) String() string {
	var s []string
	for k, v := range r.store {
		word := "-"
		if v > 0 {
			word = fmt.Sprint(v - 1)
		}
		s = append(s, keyName(byte(k))+"="+word)
	}
	return strings.Join(s, " ")
}

// Store is the state: of each key its value plus one; 0 where it has none.
type Store [Keys]int64

// none is the answer of a key that has no value, and of a put.
const none = -1

// Apply changes the state, and gives the answer.
func (s *Store) Apply(c Command) int64 {
	v := &s[c.Key%Keys]
	switch c.Op {
	case Put:
		*v = int64(c.Value) + 1
		return none
	case Add:
		*v = max(*v, 1) + int64(c.Value)
	}
	return *v - 1
}

// Digest tells two states apart.
func (s *Store) Digest() uint64 {
	const prime = 1099511628211 // FNV-1a, by words
	h := uint64(14695981039346656037)
	for _, v := range s {
		h = (h ^ uint64(v)) * prime
	}
	return h
}
