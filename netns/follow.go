package netns

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/conform-go/conform/spec"
)

// follow reads what a process observes, until it is dead.
func (g *Group) follow(s *seat, l *life, out io.Reader) {
	defer close(l.read)
	r, err := spec.NewReader(out)
	for err == nil {
		var e spec.Event
		var x *spec.Extra
		if e, x, err = r.Next(); err == nil {
			g.enter(s, l, e, x)
		}
	}
	var cut *spec.SyntaxError
	if err == io.EOF || errors.As(err, &cut) && r == nil { // it was killed before it had written its first line
		return
	}
	g.mu.Lock()
	l.err = err
	g.mu.Unlock()
	_, _ = io.Copy(io.Discard, out) // it must not stand still
}

// enter keeps the books of a process.
func (g *Group) enter(s *seat, l *life, e spec.Event, x *spec.Extra) {
	g.mu.Lock()
	defer g.mu.Unlock()
	o := observed{Event: e}
	if x != nil {
		o.extra, o.rare = *x, true
	}
	l.events = append(l.events, o)
	g.last = Now()
	if g.watched == e.Kind {
		g.watched = spec.KindNone
		g.come <- e.Node
	}
	switch e.Kind {
	case spec.Send:
		l.sent++
		l.open++
	case spec.Ack, spec.Refuse:
		l.open--
	case spec.Deliver:
		s.delivered[e.Msg] = true
	}
}

// Begun waits until all processes that are up have begun their lives, and no longer than that. It says whether they have.
func (g *Group) Begun(longest time.Duration) bool {
	return g.poll(longest, func() bool {
		for i := range g.seats {
			if l := g.seats[i].up(); l != nil && len(l.events) == 0 {
				return false
			}
		}
		return true
	})
}

// poll waits until the books say something, and no longer than that. It says whether they do.
func (g *Group) poll(longest time.Duration, say func() bool) bool {
	for end := time.Now().Add(longest); ; time.Sleep(2 * time.Millisecond) {
		g.mu.Lock()
		said := say()
		g.mu.Unlock()
		if said || time.Now().After(end) {
			return said
		}
	}
}

// Watch looks out for the next event of this kind, whichever node observes it. What it gives waits for that, and no
// longer than it is told; it gives the node. Only one watch is kept at a time.
func (g *Group) Watch(kind spec.Kind) (wait func(longest time.Duration) (node spec.NodeID, ok bool)) {
	come := make(chan spec.NodeID, 1)
	g.mu.Lock()
	g.watched, g.come = kind, come
	g.mu.Unlock()
	return func(longest time.Duration) (spec.NodeID, bool) {
		select {
		case node := <-come:
			return node, true
		case <-time.After(longest):
			return -1, false
		}
	}
}

// Quiet waits until all that was asked for has been done: all nodes are up and have sent what they were told to, have
// answers to it, and have delivered as many messages as the others; and then for a short silence. If that does not come,
// it waits until nothing has been observed for patience, after which what is missing will never come. It says whether it
// became quiet before the deadline.
func (g *Group) Quiet(patience, deadline time.Duration) bool {
	const short = 100 * time.Millisecond
	return g.poll(deadline, func() bool {
		silence := time.Duration(Now() - g.last)
		return silence > patience || silence > short && g.finished()
	})
}

func (g *Group) finished() bool {
	for i := range g.seats {
		s := &g.seats[i]
		l := s.up()
		if l == nil || len(l.events) == 0 || l.sent < l.asked || l.open > 0 || len(s.delivered) != len(g.seats[0].delivered) {
			return false
		}
	}
	return true
}

// History merges what all processes observed, by the clock that they share. What a process had not written when it was
// killed has not happened. It is complete when no process is up.
func (g *Group) History(settled bool) *spec.History {
	h := &spec.History{Header: (&Host{Nodes: g.names, Group: "g"}).header()}
	h.Settled = settled
	var all []observed
	for n := range g.seats {
		all = g.seats[n].history(all, spec.NodeID(n), g.epoch)
	}
	slices.SortStableFunc(all, func(a, b observed) int { return cmp.Compare(a.T, b.T) })
	for i := range all {
		if all[i].rare {
			h.AddExtra(all[i].Event, all[i].extra)
		} else {
			h.Add(all[i].Event)
		}
	}
	return h
}

// history adds the lives of one node, with the crashes that ended them. A life that was over before it had said anything
// may have counted: then the next one shows that by its incarnation.
func (s *seat) history(all []observed, node spec.NodeID, epoch spec.Time) []observed {
	turn := func(k spec.Kind, at spec.Time) {
		all = append(all, observed{Event: spec.Event{T: at, Kind: k, Node: node, Has: spec.HasNode}})
	}
	next, end := uint64(0), spec.Time(0) // the incarnation that comes next; when the one before had ended
	for _, l := range s.lives {
		if len(l.events) == 0 {
			end = max(end, l.over-epoch)
			continue
		}
		for inc := l.events[0].extra.ID; next < inc; next++ {
			if next > 0 {
				turn(spec.Recover, end)
			}
			turn(spec.Crash, end)
		}
		next++
		all = append(all, l.events...)
		if l.over != 0 {
			end = l.over - epoch
		}
		if l.killed {
			turn(spec.Crash, end)
		}
	}
	return all
}
