package netns

import (
	"errors"
	"fmt"
	"slices"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// act lets a step happen.
func (w *World) act(i int) error {
	a := &w.s.Steps[i].Action
	switch a.Op {
	case faults.Nothing, faults.Lies: // which began with its node
		return nil
	case faults.Send:
		g := a.Group
		if a.To >= 0 {
			g = w.s.Between(a.Node, a.To)
		}
		return w.tell(a.Node, sendLine(a.To, g, w.body(i)))
	case faults.Join, faults.Leave, faults.Sync, faults.Query, faults.Create, faults.Destroy:
		return w.tell(a.Node, fmt.Sprintf("%v %d", a.Op, a.Group))
	case faults.Crash, faults.CrashLossy:
		return w.crash(a.Node, a.Op == faults.CrashLossy)
	case faults.Recover:
		return w.recover(a.Node)
	case faults.Pause:
		return w.pause(i)
	case faults.Heal:
		return w.heal()
	}
	if w.cfg.LAN.wide != nil && slices.Contains(ofRouters, a.Op) {
		return w.strikeRouter(i)
	}
	w.note(spec.Fault, i)
	w.active = append(w.active, active{i, w.since()})
	if a.For > 0 {
		w.at(w.since()+spec.Time(a.For), func() error { return w.over(i) })
	}
	if a.Op == faults.Flap && a.By > 0 {
		w.flap(i)
	}
	if k, _ := a.Op.Fault(); spec.DiskFaults.Has(k) {
		return w.store(a)
	}
	if err := w.breakDown(i); err != nil {
		return err
	}
	return w.drop()
}

// note writes down that a fault begins or ends.
func (w *World) note(k spec.Kind, i int) {
	e := spec.Event{Kind: k}
	if a := &w.s.Steps[i].Action; a.Op == faults.Isolate {
		e.Node, e.Has = a.Node, spec.HasNode
	}
	w.remark(e, &spec.Extra{Text: w.s.Steps[i].Action.Op.String(), ID: uint64(i)})
}

// tell gives a command to a node that is up.
func (w *World) tell(n spec.NodeID, line string) error {
	r := w.nodes[n]
	if !r.up() {
		return nil
	}
	w.mu.Lock()
	if line[0] == 's' && line[1] == 'e' {
		r.seat.up().asked++
	}
	w.last = Now() // it will be observed
	w.mu.Unlock()
	return r.say(line)
}

// body makes what a step sends.
func (w *World) body(step int) []byte {
	a := &w.s.Steps[step].Action
	r := spec.NewRand(w.s.Seed, 0xb0d1, 0, uint64(step))
	if a.Content != 0 {
		r = spec.NewRand(w.s.Seed, 0xb0d1, uint64(a.Content))
	}
	b := make([]byte, a.Size)
	for i := range b {
		b[i] = byte(r.Uint64())
	}
	return b
}

// crash kills a node's process; first its cable is unplugged where what is in flight is to be lost.
func (w *World) crash(n spec.NodeID, lossy bool) error {
	r := w.nodes[n]
	if !r.up() {
		return nil
	}
	if lossy {
		w.active = append(w.active, active{step: -1 - int(n)})
		if err := w.drop(); err != nil {
			return err
		}
	}
	w.mu.Lock()
	w.last = Now()
	w.mu.Unlock()
	return r.kill()
}

// recover starts the next life of a crashed node.
func (w *World) recover(n spec.NodeID) error {
	if w.nodes[n].up() {
		return nil
	}
	w.active = slices.DeleteFunc(w.active, func(f active) bool { return f.step == -1-int(n) })
	if err := w.readBack(n); err != nil {
		return err
	}
	if err := w.drop(); err != nil {
		return err
	}
	w.mu.Lock()
	w.last = Now()
	w.mu.Unlock()
	return w.start(n)
}

func (w *World) pause(i int) error {
	a := &w.s.Steps[i].Action
	r := w.nodes[a.Node]
	held := slices.ContainsFunc(w.active, func(f active) bool {
		return f.step >= 0 && w.s.Steps[f.step].Action.Op == faults.Pause && w.s.Steps[f.step].Action.Node == a.Node
	})
	if !r.up() || held {
		return nil
	}
	w.remark(spec.Event{Kind: spec.Pause, Node: a.Node, Has: spec.HasNode}, nil)
	w.active = append(w.active, active{i, w.since()})
	if a.For > 0 {
		w.at(w.since()+spec.Time(a.For), func() error { return w.over(i) })
	}
	return r.hold()
}

// over ends a fault.
func (w *World) over(i int) error {
	k := slices.IndexFunc(w.active, func(f active) bool { return f.step == i })
	if k < 0 {
		return nil
	}
	w.active = slices.Delete(w.active, k, k+1)
	a := &w.s.Steps[i].Action
	if k, _ := a.Op.Fault(); spec.DiskFaults.Has(k) {
		w.note(spec.Heal, i)
		return w.store(a)
	}
	if a.Op != faults.Pause {
		if err := errors.Join(w.mend(i), w.drop()); err != nil {
			return err
		}
		w.note(spec.Heal, i)
		return nil
	}
	r := w.nodes[a.Node]
	if !r.up() {
		return nil
	}
	w.remark(spec.Event{Kind: spec.Resume, Node: a.Node, Has: spec.HasNode}, nil)
	return r.release()
}

// heal ends every fault but crashes. Once and for all it also brings those back that are down, where they are to come back.
func (w *World) heal() error {
	for k := len(w.active) - 1; k >= 0; k = min(k, len(w.active)) - 1 {
		if f := w.active[k]; f.step >= 0 {
			if err := w.over(f.step); err != nil {
				return err
			}
		}
	}
	if !w.healed || !w.cfg.Revive || !w.s.Faults().Has(spec.RecoverFault) {
		return nil
	}
	for n := range w.nodes {
		if err := w.recover(spec.NodeID(n)); err != nil {
			return err
		}
	}
	return nil
}

// flap changes a fault that comes and goes.
func (w *World) flap(i int) {
	by := spec.Time(w.s.Steps[i].Action.By)
	w.at(w.since()+by, func() error {
		if !slices.ContainsFunc(w.active, func(f active) bool { return f.step == i }) || w.healed {
			return nil
		}
		if w.s.Steps[i].Action.For > 0 { // without an end of its own it would keep the run going for ever
			w.flap(i)
		}
		return w.drop()
	})
}

// drop tells the switch what to drop and alter now, in one transaction.
func (w *World) drop() error {
	var drops []Drop
	var alters []Alter
	var marks []Mark
	for _, f := range w.active {
		if f.step < 0 { // a dead host, whose cable is unplugged
			drops = dropsOf(drops, &faults.Action{Op: faults.CrashLossy, Node: spec.NodeID(-1 - f.step)})
			continue
		}
		a := &w.s.Steps[f.step].Action
		if a.Op == faults.Flap && a.By > 0 && (w.since()-f.since)/spec.Time(a.By)%2 == 1 {
			continue
		}
		drops, alters, marks = dropsOf(drops, a), altersOf(alters, a), marksOf(marks, a)
	}
	w.cfg.LAN.marks = marks
	return w.cfg.LAN.Break(drops, alters)
}

// dropsOf adds what the switch drops while a fault lasts.
func dropsOf(drops []Drop, a *faults.Action) []Drop {
	switch a.Op {
	case faults.CrashLossy: // a dead host, whose cable is unplugged
		return append(drops, Drop{From: int(a.Node), To: -1, Percent: 100, Cable: true})
	case faults.Loss:
		return append(drops, Drop{From: -1, To: -1, Percent: a.Percent})
	case faults.OmitSend:
		return append(drops, Drop{From: int(a.Node), To: int(a.Peer), Percent: a.Percent})
	case faults.OmitReceive:
		return append(drops, Drop{From: int(a.Peer), To: int(a.Node), Percent: a.Percent})
	case faults.Isolate:
		return append(drops, Drop{From: int(a.Node), To: -1, Percent: 100}, Drop{From: -1, To: int(a.Node), Percent: 100})
	case faults.Partition, faults.OneWay, faults.Bridge, faults.Flap:
		return cuts(drops, a)
	}
	return drops
}

// altersOf adds what the switch alters while a fault lasts.
func altersOf(alters []Alter, a *faults.Action) []Alter {
	x := Alter{From: -1, To: -1, Percent: a.Percent}
	switch a.Op {
	case faults.Delay:
		x.From, x.To, x.Percent, x.Late = int(a.Node), int(a.Peer), 100, a.By
	case faults.Reorder:
		x.Upto = a.By
	case faults.Duplicate:
		x.Twice = true
	case faults.Corrupt:
		x.Flip = true
	default:
		return alters
	}
	return append(alters, x)
}

// cuts adds the links between different parts.
func cuts(drops []Drop, a *faults.Action) []Drop {
	for p, from := range a.Parts {
		for q, to := range a.Parts {
			if p == q || a.Op == faults.OneWay && p > q {
				continue
			}
			for _, x := range from {
				for _, y := range to {
					if a.Op == faults.Bridge && (x == a.Node || y == a.Node) {
						continue
					}
					drops = append(drops, Drop{From: int(x), To: int(y), Percent: 100})
				}
			}
		}
	}
	return drops
}
