package netns

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// Strange machines between subnets: one a link, where somebody wants one. A rogue repeats what a host sends on the host's
// own link; who listens is on the link of the host that the fault names; and a flood comes from the first host's.
//
// A stranger is a machine beyond those of the plan: its number is the link's, behind those of routers and switches.

// strangerOn gives the stranger of a link, which is plugged in when first wanted.
func (n *Subnets) strangerOn(link int) (s *stranger, err error) {
	if s := n.guests[link]; s != nil {
		return s, nil
	}
	s = &stranger{at: n.cfg.Plan.Stranger(link)}
	if s.place, err = n.lan.thread.make(); err != nil {
		return nil, err
	}
	e := end{machine: n.strangerOf(link), link: link}
	if s.port, err = n.plug(s.place, "lan", fmt.Sprint("x", link), e, &s.at); err == nil {
		err = n.lan.thread.in(s.place, func() error {
			return errors.Join(n.dwell(&s.at, n.version(0)), s.open())
		})
	}
	if err != nil {
		return nil, errors.Join(err, s.end())
	}
	n.guests[link] = s
	return s, nil
}

// strangers gives those that there are.
func (l *LAN) strangers() (all []*stranger) {
	if l.guest != nil {
		all = append(all, l.guest)
	}
	if l.wide != nil {
		for link := range l.wide.cfg.Plan.Links { // in their order
			if s := l.wide.guests[link]; s != nil {
				all = append(all, s)
			}
		}
	}
	return all
}

// isStranger says whether a machine is none of the plan's.
func (n *Subnets) isStranger(machine int) bool {
	return machine >= n.strangerOf(0)
}

// strangerOf numbers the stranger of a link.
func (n *Subnets) strangerOf(link int) (machine int) {
	plan := n.cfg.Plan
	return len(plan.Hosts) + len(plan.Routers) + len(plan.Switches) + link
}

// plague lets a fault of strangers begin.
func (w *World) plague(i int) error {
	a, l := &w.s.Steps[i].Action, w.cfg.LAN
	who := func(host int) (*stranger, error) {
		if l.wide == nil {
			return l.whoever()
		}
		return l.wide.strangerOn(l.wide.cfg.Plan.Hosts[host].Link)
	}
	switch a.Op {
	case faults.Rogue:
		by := map[int]*stranger{}
		for h := range w.s.Nodes {
			s, err := who(h)
			if err != nil {
				return err
			}
			by[l.linkOf(h)] = s
		}
		w.rogue.set(by, a.Percent)
	case faults.Listen:
		s, err := who(int(a.Node))
		if err != nil {
			return err
		}
		return s.listen(w.addrs[0], true)
	case faults.Flood:
		s, err := who(0)
		if err != nil {
			return err
		}
		port := uint16(lanPort)
		if len(w.s.Groups) > 1 {
			port = groupPort
		}
		all := newCopies()
		stop := s.flood(func() []byte { return s.noise(w.cfg.Wire, w.addrs[0], port, max(1, l.ttl()), &all) }, a.By)
		w.undo = append(w.undo, undo{i, func() error { stop(); return nil }})
	}
	return nil
}

// invite plugs in, before a run between subnets, the strangers that its faults may want.
func (w *World) invite() error {
	w.rogue.dice = spec.NewRand(w.s.Seed, 0x5061)
	if set := w.s.Faults(); !set.Has(spec.RogueFault) && !set.Has(spec.FloodFault) {
		return nil
	}
	for h := range w.s.Nodes {
		if _, err := w.cfg.LAN.wide.strangerOn(w.cfg.LAN.linkOf(h)); err != nil {
			return err
		}
	}
	return nil
}

// linkOf gives the link of a host; of those of one LAN, 0.
func (l *LAN) linkOf(host int) int {
	if l.wide == nil {
		return 0
	}
	return l.wide.cfg.Plan.Hosts[host].Link
}

// unlisten lets no stranger listen any more.
func (w *World) unlisten() error {
	var errs []error
	for _, s := range w.cfg.LAN.strangers() {
		errs = append(errs, s.listen(w.addrs[0], false))
	}
	return errors.Join(errs...)
}

// listen6 lets the stranger's kernel join a group of IPv6, or leave it.
func (s *stranger) listen6(group [16]byte, on bool) (err error) {
	name := unix.IPV6_JOIN_GROUP
	if !on {
		name = unix.IPV6_LEAVE_GROUP
	}
	m := &unix.IPv6Mreq{Multiaddr: group, Interface: uint32(s.index)}
	if e := s.sounds.Control(func(fd uintptr) { err = unix.SetsockoptIPv6Mreq(int(fd), unix.IPPROTO_IPV6, name, m) }); e != nil {
		return e
	}
	return err
}
