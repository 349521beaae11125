package netns

import (
	"errors"
	"slices"
	"sync"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// What a world does beside the usual where its LAN is spread over subnets.

// ttl is that of what nodes send to the group; 0: the least.
func (l *LAN) ttl() int {
	if l.wide == nil {
		return 0
	}
	return l.wide.cfg.TTL
}

// refused gives what the kernels of routers have refused since they were last asked.
func (l *LAN) refused() error {
	var errs []error
	if l.wide != nil {
		for _, r := range l.wide.routers {
			errs = append(errs, r.refused())
		}
	}
	return errors.Join(errs...)
}

// describe adds the machines between the subnets to the header of a history.
func (w *World) describe(h *spec.History) {
	n := w.cfg.LAN.wide
	if n == nil {
		return
	}
	names, t := n.topology(w.s.Nodes)
	h.Nodes, h.Topology = append(h.Nodes, names...), t
}

// sightings writes down all frames until what it gives is called.
func (w *World) sightings() (stop func(), err error) {
	n := w.cfg.LAN.wide
	x := &sightings{nodes: w.s.Nodes, s: w.s, groups: slices.Clone(w.addrs), epoch: w.epoch, show: w.cfg.Capture, rogue: &w.rogue}
	if err := w.invite(); err != nil {
		return nil, err
	}
	end, err := n.watch(x)
	if err != nil {
		return nil, err
	}
	for _, r := range n.routers {
		r.late()
		r.lags.forget()
	}
	return sync.OnceFunc(func() {
		for _, r := range n.routers { // the kernel has one lock for the routes of all namespaces
			w.late = max(w.late, r.late())
			w.lag = max(w.lag, r.lags.since(w.base+w.epoch))
		}
		for _, o := range end() {
			if o.T >= w.base && (o.Kind != spec.Receive || w.hears(&o)) {
				w.own = append(w.own, o)
			}
		}
	}), nil
}

// hears says whether a node was there to take in what came to its host: up, and a member of the group where it is a
// datagram to one. What is to be said of who listens, its kernel takes in anyway.
func (w *World) hears(o *observed) bool {
	x := w.nodes[o.Node].lifeAt(o.T + w.epoch)
	if x == nil {
		return false
	}
	return o.extra.Op != ipmulticast.DataFrame.String() || x.listens(slices.Contains(w.s.Groups[o.Group].Members, o.Node), o.Group, o.T)
}

// lifeAt gives the life of a node then; nil where it was down.
func (r *resident) lifeAt(at spec.Time) *life {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range r.seat.lives {
		if x.over == 0 || x.over >= at {
			return x // who begins later has not joined before, and hosts let through what they have joined
		}
	}
	return nil
}

// listens says whether a process was a member of a group at a time since the epoch. Its calls are served as they come;
// who is a member from the start joins when it begins.
func (x *life) listens(member bool, g spec.GroupID, at spec.Time) bool {
	for i := range x.events {
		e := &x.events[i]
		if e.T <= at && e.Group == g && (e.Kind == spec.Join || e.Kind == spec.Leave) {
			member = e.Kind == spec.Join
		}
	}
	return member
}

// strikeRouter lets a fault of a router begin; one that loses what it knows has no end.
func (w *World) strikeRouter(i int) error {
	a := &w.s.Steps[i].Action
	w.note(spec.Fault, i)
	k := len(w.own) - 1
	mend, err := w.befall(a)
	if err != nil {
		return err
	}
	if k+1 < len(w.own) && w.own[k+1].Kind == spec.Crash { // it is the fault, and no second thing that happens
		w.own[k+1].T = w.own[k].T
	}
	if mend != nil {
		w.undo = append(w.undo, undo{i, mend})
	}
	w.active = append(w.active, active{i, w.since()})
	if a.Op == faults.PruneLost {
		return w.over(i)
	}
	if a.For > 0 {
		w.at(w.since()+spec.Time(a.For), func() error { return w.over(i) })
	}
	return w.drop()
}
