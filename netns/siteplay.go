package netns

import (
	"errors"
	"sync"

	"github.com/conform-go/conform/faults"
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
	x := &sightings{nodes: w.s.Nodes, s: w.s, group: w.groupAddr(0), epoch: w.epoch, show: w.cfg.Capture}
	end, err := n.watch(x)
	if err != nil {
		return nil, err
	}
	for _, r := range n.routers {
		r.late()
	}
	return sync.OnceFunc(func() {
		for _, r := range n.routers { // the kernel has one lock for the routes of all namespaces
			w.late = max(w.late, r.late())
		}
		for _, o := range end() {
			if o.T >= w.base && (o.Kind != spec.Receive || w.nodes[o.Node].upAt(o.T+w.epoch)) {
				w.own = append(w.own, o)
			}
		}
	}), nil
}

// upAt says whether a node was up then.
func (r *resident) upAt(at spec.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range r.seat.lives {
		if x.over == 0 || x.over >= at {
			return true // who begins later has not joined before, and hosts let through what they have joined
		}
	}
	return false
}

// strikeRouter lets a fault of a router begin; one that loses what it knows has no end.
func (w *World) strikeRouter(i int) error {
	a := &w.s.Steps[i].Action
	w.note(spec.Fault, i)
	mend, err := w.befall(a)
	if err != nil {
		return err
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
