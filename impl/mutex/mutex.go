// Package mutex is a worked example: mutual exclusion over total order, after Lamport (Time, Clocks, and the Ordering of
// Events in a Distributed System, 1978). Every member keeps the same queue of requests, because every member is told of
// requests and releases in the same order; so at most one is at its head.
//
//	to enter:                              multicast a request
//	on delivering a request of p:          put p at the end of the queue
//	on delivering a release of p:          take p off the head of the queue
//	when I come to the head of the queue:  enter; stay for a while; leave, and multicast a release
//
// Lamport's processes keep their queues in the order of stamps, and wait until they have heard something later from all
// others before they believe the head. Both are what the ordering below does, total-lamport with the same messages: what
// it delivers, it delivers when all have been heard from. Over any other total order the same queue works. Over an order
// of single senders it does not: two members may each see its own request first, and both enter.
//
// It is safe, whoever crashes. It is live while nobody does: who dies inside never releases.
package mutex

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Mutex is the layer above the ordering, in the application's place: what the application sends to the group asks for the
// lock, and comes up everywhere in the order in which it is granted. Who enters and who leaves is told by notes
// (impl.Entered, impl.Left), by which MUTUAL-EXCLUSION is judged.
type Mutex struct {
	Rules Rules

	self   spec.NodeID
	stay   time.Duration
	queue  []spec.NodeID // the requests, the one that is served first
	inside bool
	leaves bool // it has left, and its release has not been delivered here: the head of the queue is no new turn
}

// Rules are the rules that safety and liveness stand on.
type Rules struct {
	Enters   func(queue []spec.NodeID, self spec.NodeID) bool // whether it is this node's turn
	Releases func(entering bool) bool                         // whether who enters, or leaves, tells that it has left
}

// New makes the layer of one node, which stays inside for so long.
func New(cfg impl.Config, stay time.Duration) *Mutex {
	return &Mutex{self: cfg.Self, stay: stay, Rules: Rules{
		Enters:   func(queue []spec.NodeID, self spec.NodeID) bool { return queue[0] == self },
		Releases: func(entering bool) bool { return !entering },
	}}
}

// The header is one byte.
const (
	request = 1
	release = 2
)

// Step implements [impl.Layer].
func (m *Mutex) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		*m = Mutex{Rules: m.Rules, self: m.self, stay: m.stay}
	case in.Kind == impl.Send && in.To == impl.Everyone:
		m.multicast(request, in.Body, in.Ref, out)
	case in.Kind == impl.Packet && in.To == impl.Everyone:
		m.deliver(in, out)
	case in.Kind == impl.TimerFired && m.inside:
		m.leave(out)
	default:
		out.Pass(in)
	}
}

func (m *Mutex) multicast(kind byte, body []byte, ref impl.Ref, out *impl.Effects) {
	b := out.Extend(body, 1)
	b[len(body)] = kind
	out.Down(impl.Everyone, b, ref)
}

// deliver takes in a request or a release, at the same place in the queue as all others do.
func (m *Mutex) deliver(in impl.Input, out *impl.Effects) {
	body, kind, ok := impl.Cut(in.Body, 1)
	switch {
	case ok && kind[0] == request:
		m.queue = append(m.queue, in.From)
		m.enter(in.Now, out)
		out.Add(impl.Effect{Kind: impl.Up, From: in.From, To: in.To, Body: body, Num: in.Num, Flag: in.Flag})
	case ok && kind[0] == release && len(body) == 0:
		if in.From == m.self {
			m.leaves = false
		}
		for i, p := range m.queue { // over a total order it is the head
			if p == in.From {
				m.queue = m.queue[:i+copy(m.queue[i:], m.queue[i+1:])]
				break
			}
		}
		m.enter(in.Now, out)
	default:
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
	}
}

// enter comes in, where it is this node's turn.
func (m *Mutex) enter(now spec.Time, out *impl.Effects) {
	if !m.inside && !m.leaves && len(m.queue) > 0 && m.Rules.Enters(m.queue, m.self) {
		m.inside = true
		out.Note(impl.Entered, 0, 0)
		out.SetTimer(0, now+spec.Time(m.stay))
		m.release(true, out)
	}
}

// leave goes out, and lets the next one in.
func (m *Mutex) leave(out *impl.Effects) {
	m.inside, m.leaves = false, true
	out.Note(impl.Left, 0, 0)
	m.release(false, out)
}

func (m *Mutex) release(entering bool, out *impl.Effects) {
	if m.Rules.Releases(entering) {
		m.multicast(release, nil, 0, out)
	}
}
