package sim

import (
	"slices"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// disk keeps the logs of one node. Without faults it is an honest one: what was appended before a persist is there
// after a crash, once the persist is done. Of what came later nothing is there, or in every second run a beginning of
// any length, for real disks write some of what they have not been told to.
//
// The persists of a log are done in their order. Where one fails, or an append before it has, nothing is in the log, now
// or later, of what was appended between the persist before it and the moment at which the layer is told; persists that
// it has asked for meanwhile fail too. So a log has no hole that its layer does not know of.
type disk struct {
	logs []layerLog
}

// layerLog is the log of a layer. Its positions count what has been cut off it in this life.
type layerLog struct {
	group   spec.GroupID
	layer   impl.Path
	bytes   []byte // from position cut on
	cut     int    // how much was truncated in this life
	durable int    // what is before it outlives a crash
	told    int    // what is before it is durable, as the node was told; further than durable only where the disk lies
	asked   int    // what is before it has been asked to be durable
	record  int    // where the last record begins
	busy    int64  // when the last persist is done
	fails   bool   // something has failed, and the layer has not been told
	failure uint32 // counts them
}

type write struct {
	node   spec.NodeID
	life   uint32
	group  spec.GroupID
	layer  impl.Path
	ref    impl.Ref
	length int // what the log had, with all that has been cut off it

	lied    bool // the disk says that it is done, and does nothing
	failed  bool
	failure uint32 // which one
}

// syncTime is how long a persist takes.
const syncTime = time.Millisecond

func (d *disk) reset() { d.logs = d.logs[:0] }

func (d *disk) of(group spec.GroupID, layer impl.Path) *layerLog {
	for i := range d.logs {
		if d.logs[i].group == group && d.logs[i].layer == layer {
			return &d.logs[i]
		}
	}
	n := len(d.logs)
	if n == cap(d.logs) {
		d.logs = append(d.logs, layerLog{})
	}
	d.logs = d.logs[:n+1]
	l := &d.logs[n]
	*l = layerLog{group: group, layer: layer, bytes: l.bytes[:0]} // the memory of a run before
	return l
}

// at gives where a position is in the bytes that are left.
func (l *layerLog) at(position int) int { return max(0, position-l.cut) }

func (l *layerLog) end() int { return l.cut + len(l.bytes) }

// keep begins a new life with the first n bytes, which are on the disk.
func (l *layerLog) keep(n int) {
	*l = layerLog{group: l.group, layer: l.layer, bytes: l.bytes[:n], durable: n, told: n, asked: n, record: n}
}

// write does to a log what its layer wants done.
func (w *World) write(id spec.NodeID, n *node, e *impl.Effect) {
	l := n.disk.of(e.Group, e.Layer)
	if e.Kind == impl.Truncate {
		cut := min(int(e.Num), len(l.bytes))
		l.bytes = l.bytes[cut:]
		l.cut += cut
		return
	}
	fails, lies, slow := w.storage(id, e.Kind)
	l.fails = l.fails || fails
	if e.Kind == impl.Append {
		if !l.fails {
			l.record = l.end()
			l.bytes = append(l.bytes, e.Body...)
		}
		return
	}
	if l.fails {
		l.bytes = l.bytes[:l.at(l.asked)]
	}
	l.asked = l.end()
	l.busy = max(l.busy, w.now+int64(syncTime)+slow)
	w.writes = append(w.writes, write{node: id, life: n.life, group: e.Group, layer: e.Layer, ref: e.Ref, length: l.asked,
		lied: lies, failed: l.fails, failure: l.failure})
	w.queue.push(l.busy, stored|uint32(len(w.writes)-1))
}

// storage lets the faults in force act on an append or a persist of a node: whether it fails, whether the disk lies
// about it, and how much longer it takes.
func (w *World) storage(id spec.NodeID, kind impl.EffectKind) (fails, lies bool, slow int64) {
	for i := range w.active {
		f := &w.active[i]
		a := &w.s.Steps[f.step].Action
		if a.Node != id {
			continue
		}
		switch a.Op {
		case faults.DiskError:
			fails = hits(f, a) || fails
		case faults.DiskFull:
			fails = fails || kind == impl.Append
		case faults.LostSync:
			lies = true
		case faults.DiskSlow:
			slow += int64(a.By)
		}
	}
	return fails, lies, slow
}

// stored ends a persist.
func (w *World) stored(i uint32) {
	x := &w.writes[i]
	n := &w.nodes[x.node]
	if n.life != x.life {
		return
	}
	if l := n.disk.of(x.group, x.layer); !x.failed && !x.lied {
		l.durable = max(l.durable, x.length)
	}
	if n.paused {
		n.inbox = append(n.inbox, impl.Input{Kind: impl.Persisted, Num: uint64(i)})
		return
	}
	w.tell(i)
}

// tell lets a layer know that a persist is done, or that it failed.
func (w *World) tell(i uint32) {
	x := w.writes[i]
	l := w.nodes[x.node].disk.of(x.group, x.layer)
	in := impl.Input{Kind: impl.Persisted, Group: x.group, Layer: x.layer, Ref: x.ref}
	if x.failed {
		in.Kind = impl.StorageFailed
		if x.failure == l.failure { // the first that it hears of this one
			l.fails = false
			l.failure++
		}
	} else {
		l.told = max(l.told, x.length)
	}
	w.step(x.node, in)
}

// cutOff leaves on the disk of a node that crashes what outlives the crash.
func (w *World) cutOff(id spec.NodeID, n *node) {
	torn := w.strikes(faults.Torn, id)
	r := w.diskRand(id, n)
	for i := range n.disk.logs {
		l := &n.disk.logs[i]
		kept := l.at(l.durable)
		switch rest := len(l.bytes) - kept; {
		case rest == 0, l.told > l.durable: // a disk that lied has kept nothing
		case torn:
			record := max(kept, l.at(l.record))
			if record >= len(l.bytes) { // the last one failed
				record = kept
			}
			kept = record + min(1, len(l.bytes)-record-1) + r.IntN(len(l.bytes)-record-1)
		case w.leftovers:
			kept += r.IntN(rest + 1)
		}
		l.keep(kept)
	}
}

// readBack lets the faults of a disk that show at a recovery strike.
func (w *World) readBack(id spec.NodeID, n *node) {
	if w.strikes(faults.DiskGone, id) {
		for i := range n.disk.logs {
			n.disk.logs[i] = layerLog{} // packets on their way may stand in the old memory
		}
		n.disk.logs = n.disk.logs[:0]
	}
	if !w.strikes(faults.DiskFlip, id) {
		return
	}
	total := 0
	for i := range n.disk.logs {
		total += len(n.disk.logs[i].bytes)
	}
	if total == 0 {
		return
	}
	r := w.diskRand(id, n)
	bit := r.IntN(8 * total)
	for i := range n.disk.logs {
		l := &n.disk.logs[i]
		if bit < 8*len(l.bytes) {
			l.bytes = slices.Clone(l.bytes)
			l.bytes[bit/8] ^= 1 << (bit % 8)
			return
		}
		bit -= 8 * len(l.bytes)
	}
}

// diskRand is the stream of what chance does to a node's disk between one life and the next.
func (w *World) diskRand(id spec.NodeID, n *node) spec.Rand {
	return spec.NewRand(w.s.Seed, purposeDisk, uint64(id)+1, uint64(n.life))
}

// strikes says whether a fault waits for this moment of a node, and ends it: it strikes once.
func (w *World) strikes(op faults.Op, id spec.NodeID) (struck bool) {
	for i := 0; i < len(w.active); {
		f := &w.active[i]
		if a := &w.s.Steps[f.step].Action; a.Op != op || a.Node != id {
			i++
			continue
		}
		struck = true
		w.end(f.step) // another one takes its place
	}
	return struck
}
