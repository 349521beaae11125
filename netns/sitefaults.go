package netns

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// ofRouters are the faults of routers that subnets can be given.
var ofRouters = []faults.Op{faults.RouterDown, faults.RPDown, faults.PruneLost, faults.Boundary, faults.TableFull}

// altering are those that take a switch of our own.
var altering = []faults.Op{faults.Delay, faults.Reorder, faults.Duplicate, faults.Corrupt}

// canInject says why these subnets can't be given a fault, or nil.
func (n *Subnets) canInject(op faults.Op) error {
	switch {
	case n.foreign() && (op == faults.PruneLost || op == faults.Boundary || op == faults.TableFull):
		return fmt.Errorf("%v: a router is FRR's, which takes no such order", op)
	case slices.Contains(ofRouters, op):
		return nil
	case slices.Contains(altering, op) && n.slow.lacks != nil:
		return fmt.Errorf("%v: %w", op, n.slow.lacks)
	}
	return CanInject(op)
}

// fits says why a scenario can't be played here, or nil.
func (n *Subnets) fits(s *faults.Scenario) error {
	for i := range s.Steps {
		a := &s.Steps[i].Action
		if err := n.canInject(a.Op); err != nil {
			return fmt.Errorf("%q: %w", s.StepText(i), err)
		}
		if a.Op.HasRouter() && a.Router >= len(n.routers) {
			return fmt.Errorf("%q: the number of routers is %d", s.StepText(i), len(n.routers))
		}
	}
	for _, g := range s.Groups {
		if a, err := ipmulticast.ParseGroup(g.Address); g.Address != "" && (err != nil || a.Is4() == n.v6) {
			return fmt.Errorf("group %s: %s is no group's address there", g.Name, g.Address)
		}
	}
	return nil
}

// begin lets nothing be broken. All routers begin anew, so that no run finds what another one has left; it returns when
// they know each other.
func (n *Subnets) begin(seed uint64) error {
	clear(n.broken)
	n.slow.clear(seed)
	_ = n.lan.refused() // of a run that came to no end
	if err := errors.Join(n.breakdown(nil, nil), n.redirect()); err != nil {
		return err
	}
	for _, r := range n.routers {
		if err := r.start(); err != nil {
			return err
		}
	}
	time.Sleep(n.cfg.Warmup)
	const longest = 5 * time.Second
	for end := time.Now().Add(longest); ; time.Sleep(time.Millisecond) {
		text := n.strangers()
		if text == "" && n.foreign() && !n.cfg.Silent {
			return n.probe(cmp.Or(n.cfg.Patience, 20*time.Second))
		}
		if text == "" {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("netns: within %v %s", longest, text)
		}
	}
}

// strangers says which router does not know another one, if there is one.
func (n *Subnets) strangers() string {
	on := make([]int, len(n.cfg.Plan.Links))
	for _, r := range n.routers {
		for _, l := range r.plan.Links {
			on[l]++
		}
	}
	for _, r := range n.routers {
		if r.others != nil {
			continue // who it knows, it does not say
		}
		for p, l := range r.plan.Links {
			if got := r.neighbors(p); got < on[l]-1 && !n.cfg.Silent {
				return fmt.Sprintf("%s has heard %d of %d others on %s", r.plan.Name, got, on[l]-1, n.cfg.Plan.Links[l].Name)
			}
		}
	}
	return ""
}

// redirect computes the unicast routes anew and tells all machines that are up.
func (n *Subnets) redirect() error {
	for _, r := range n.routers { // which read the routes
		r.mu.Lock()
	}
	n.cfg.Plan.Reroute(n.up)
	for _, r := range n.routers {
		r.mu.Unlock()
	}
	var errs []error
	for _, r := range n.routers {
		if n.up(r.number) {
			errs = append(errs, n.lan.thread.in(r.place, r.reach))
		}
	}
	for h, x := range n.lan.hosts {
		errs = append(errs, n.lan.thread.in(x, func() error { return n.leave(h) }))
	}
	return errors.Join(errs...)
}

// rendezvous gives the rendezvous point in use, or -1.
func (n *Subnets) rendezvous() int {
	if n.cfg.RP == nil {
		return -1
	}
	return n.cfg.RP(n.up)
}

// befall lets a fault of a router begin; what it gives lets it end, unless another one like it has the router, and is nil
// for one that has no end of its own. Whoever calls tells the segments anew.
func (w *World) befall(a *faults.Action) (mend func() error, err error) {
	n := w.cfg.LAN.wide
	x := defect{a.Router, a.Op}
	switch a.Op {
	case faults.RPDown:
		if x = (defect{n.rendezvous(), faults.RouterDown}); x.router < 0 {
			return nil, nil
		}
	case faults.PruneLost:
		n.routers[x.router].tell(command(ipmulticast.ControlForget))
		return nil, nil
	}
	n.broken[x]++
	mend = func() error {
		if n.broken[x]--; n.broken[x] > 0 {
			return nil
		}
		return w.repair(x)
	}
	if n.broken[x] > 1 {
		return mend, nil
	}
	switch x.op {
	case faults.RouterDown:
		w.remark(spec.Event{Kind: spec.Crash, Node: spec.NodeID(w.s.Nodes + x.router), Has: spec.HasNode}, nil)
		w.at(w.since()+spec.Time(n.cfg.Reroute), w.rerouted)
		err = n.routers[x.router].stop()
	case faults.Boundary:
		n.routers[x.router].tell(command(ipmulticast.ControlBlock))
	case faults.TableFull:
		n.routers[x.router].tell(command(ipmulticast.ControlFull))
	}
	return mend, err
}

// repair ends what a router has had, and lets it begin again where it was down.
func (w *World) repair(x defect) error {
	n := w.cfg.LAN.wide
	switch x.op {
	case faults.Boundary:
		n.routers[x.router].tell(command(ipmulticast.ControlUnblock))
	case faults.TableFull:
		n.routers[x.router].tell(command(ipmulticast.ControlNotFull))
	default:
		w.remark(spec.Event{Kind: spec.Recover, Node: spec.NodeID(w.s.Nodes + x.router), Has: spec.HasNode}, nil)
		w.at(w.since()+spec.Time(n.cfg.Reroute), w.rerouted)
		return errors.Join(w.drop(), n.routers[x.router].start()) // plugged in first: it asks at once who listens
	}
	return nil
}

func command(c byte) impl.Input {
	return impl.Input{Kind: impl.Packet, Num: impl.ControlPort, Body: []byte{c}, From: -1, To: impl.Everyone}
}

// rerouted lets the unicast routes go around what is down.
func (w *World) rerouted() error {
	n := w.cfg.LAN.wide
	if err := n.redirect(); err != nil {
		return err
	}
	for _, r := range n.routers {
		r.tell(impl.Input{Kind: impl.Rerouted})
	}
	return nil
}
