package sim

import (
	"fmt"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// possible says what of a scenario can't be played on this network.
func (w *World) possible(s *faults.Scenario) error {
	for i := range s.Steps {
		a := &s.Steps[i].Action
		switch kind, _ := a.Op.Fault(); {
		case kind < spec.NICFault, kind >= spec.LostSyncFault: // of nodes, the packets between them, their disks and clocks
		case w.fabric == nil:
			return fmt.Errorf("%q: there is no network of links below these nodes", s.StepText(i))
		case a.Op.HasRouter() && a.Router >= len(w.fabric.net.Routers):
			return fmt.Errorf("%q: the number of routers is %d", s.StepText(i), len(w.fabric.net.Routers))
		}
	}
	return nil
}

// breakDown lets a fault of a machine begin; false where the fault is none of a machine.
func (w *World) breakDown(f *activeFault, a *faults.Action) bool {
	f.router = a.Router
	switch a.Op {
	case faults.RouterDown:
		w.fail(f.router)
	case faults.RPDown:
		f.router = -1
		if w.cfg.Internet.RP != nil {
			f.router = w.cfg.Internet.RP(w.fabric.net, w.routerUp)
		}
		w.fail(f.router)
	case faults.Boundary:
		w.command(a.Router, ipmulticast.ControlBlock)
	case faults.TableFull:
		w.command(a.Router, ipmulticast.ControlFull)
	case faults.PruneLost:
		w.command(a.Router, ipmulticast.ControlForget)
	case faults.Overflow:
		if n := &w.nodes[a.Node]; n.up {
			w.control(a.Node, ipmulticast.ControlOverflow, byte(min(a.Size, 255)))
		}
	case faults.Listen:
		w.eavesdrop(a.Node)
	case faults.Flood:
		w.queue.push(w.now, flooded|uint32(f.step))
	default:
		return false
	}
	return true
}

// mend ends a fault of a machine.
func (w *World) mend(f *activeFault, a *faults.Action) {
	switch a.Op {
	case faults.RouterDown, faults.RPDown:
		w.restore(f.router)
	case faults.Boundary, faults.TableFull:
		over := ipmulticast.ControlUnblock
		if a.Op == faults.TableFull {
			over = ipmulticast.ControlNotFull
		}
		if w.routerUp(a.Router) {
			w.put(errand{machine: spec.NodeID(w.procs + a.Router), command: []byte{over}, mends: a.Op})
		}
	}
}

// fail stops a router; the routes go around it after a while.
func (w *World) fail(router int) {
	if router >= 0 && w.routerUp(router) {
		w.crash(spec.NodeID(w.procs+router), false)
		w.queue.push(w.now+int64(w.cfg.Internet.Reroute), rerouting)
	}
}

// restore starts a router again.
func (w *World) restore(router int) {
	if router >= 0 && !w.routerUp(router) {
		w.put(errand{machine: spec.NodeID(w.procs + router), mends: faults.RouterDown})
		w.queue.push(w.now+int64(w.cfg.Internet.Reroute), rerouting)
	}
}

// errand is a thing to be done to a machine: a start where there is no command. It waits until no machine is at work,
// because faults strike in the middle of a step.
type errand struct {
	machine spec.NodeID
	command []byte
	mends   faults.Op // a fault that is over, unless another one like it has the machine too
}

func (w *World) put(e errand) {
	w.errands = append(w.errands, e)
	w.queue.push(w.now, errands|uint32(len(w.errands)-1))
}

func (w *World) run(e *errand) {
	switch {
	case e.mends != faults.Nothing && w.broken(int(e.machine)-w.procs, e.mends):
	case len(e.command) == 0:
		w.recover(e.machine)
	case w.nodes[e.machine].up:
		w.step(e.machine, impl.Input{Kind: impl.Packet, Num: impl.ControlPort, Body: e.command, From: -1, To: impl.Everyone})
	}
}

// broken says whether a fault of this kind has a router.
func (w *World) broken(router int, op faults.Op) bool {
	for i := range w.active {
		f := &w.active[i]
		has := w.s.Steps[f.step].Action.Op
		if f.router == router && (has == op || has == faults.RPDown && op == faults.RouterDown) {
			return true
		}
	}
	return false
}

// reroute computes the unicast routes again and tells the routers.
func (w *World) reroute() {
	w.fabric.net.Reroute(w.routerUp)
	for i := range w.fabric.net.Routers {
		if w.routerUp(i) {
			w.step(spec.NodeID(w.procs+i), impl.Input{Kind: impl.Rerouted})
		}
	}
}

func (w *World) command(router int, command byte) {
	if w.routerUp(router) {
		w.control(spec.NodeID(w.procs+router), command)
	}
}

// control lets a machine commit a fault that lies inside of it.
func (w *World) control(id spec.NodeID, command ...byte) {
	b := w.arena.Alloc(len(command))
	copy(b, command)
	w.put(errand{machine: id, command: b})
}

// eavesdrop lets a stranger on a node's link report that it listens to the group.
func (w *World) eavesdrop(id spec.NodeID) {
	c := w.fabric.at[id][0]
	p := w.fabric.net.Stranger(w.fabric.cables[c].lan)
	if len(w.fabric.groups) > 0 && w.fabric.groups[0].IsValid() {
		w.inject(c, ipmulticast.ReportBy(&p, w.fabric.groups[0]))
	}
}

// flood sends one packet of a stranger to the group, and the next one after a while.
func (w *World) flood(step int) {
	a := &w.s.Steps[step].Action
	for i := range w.active {
		if w.active[i].step != step || len(w.fabric.groups) == 0 {
			continue
		}
		if g := w.fabric.groups[0]; g.IsValid() {
			p := w.fabric.net.Stranger(0)
			if w.noise == nil {
				w.noise = w.cfg.Internet.Noise(&p, g)
			}
			w.inject(w.fabric.at[0][0], w.noise)
		}
		w.queue.push(w.now+int64(max(a.By, time.Microsecond)), flooded|uint32(step))
	}
}

// echo lets a stranger send again, under its own name, what a node has sent to the group.
func (w *World) echo(c int, info *ipmulticast.Inspected, frame []byte) {
	for i := range w.active {
		f := &w.active[i]
		if a := &w.s.Steps[f.step].Action; a.Op == faults.Rogue && hits(f, a) {
			p := w.fabric.net.Stranger(w.fabric.cables[c].lan)
			w.inject(c, ipmulticast.Under(frame, &p))
		}
	}
}

// inject puts a frame of a stranger on a cable.
func (w *World) inject(c int, frame []byte) {
	if frame == nil {
		return
	}
	info := w.fabric.inspect.Read(frame)
	w.fabric.number++
	d := datagram{w.fabric.number, w.stranger(), int32(c)}
	w.capture(frame)
	w.frame(w.stranger(), c, &info, d, "")
	w.spread(w.stranger(), c, &info, d, frame)
}
