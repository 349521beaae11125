package sim

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// disk keeps the logs of one node. It is an honest one: what was appended before a persist is there after a crash
// once the persist is done, and what was not is gone.
type disk struct {
	logs []layerLog
}

type layerLog struct {
	layer   impl.Path
	bytes   []byte
	durable int
	cut     int // how much was truncated in this life
}

type write struct {
	node   spec.NodeID
	life   uint32
	layer  impl.Path
	ref    impl.Ref
	length int // what the log had, with all that has been cut off it
}

// syncTime is how long a persist takes.
const syncTime = time.Millisecond

func (d *disk) reset() { d.logs = d.logs[:0] }

func (d *disk) crash() {
	for i := range d.logs {
		l := &d.logs[i]
		l.bytes, l.cut = l.bytes[:l.durable], 0
	}
}

func (d *disk) of(layer impl.Path) *layerLog {
	for i := range d.logs {
		if d.logs[i].layer == layer {
			return &d.logs[i]
		}
	}
	d.logs = append(d.logs, layerLog{layer: layer})
	return &d.logs[len(d.logs)-1]
}

func (w *World) write(id spec.NodeID, n *node, e *impl.Effect) {
	l := n.disk.of(e.Layer)
	switch e.Kind {
	case impl.Append:
		l.bytes = append(l.bytes, e.Body...)
	case impl.Truncate:
		cut := min(int(e.Num), len(l.bytes))
		l.bytes = l.bytes[cut:]
		l.durable = max(0, l.durable-cut)
		l.cut += cut
	case impl.Persist:
		w.writes = append(w.writes, write{id, n.life, e.Layer, e.Ref, l.cut + len(l.bytes)})
		w.queue.push(w.now+int64(syncTime), stored|uint32(len(w.writes)-1))
	}
}

func (w *World) stored(i uint32) {
	x := w.writes[i]
	n := &w.nodes[x.node]
	if n.life != x.life {
		return
	}
	l := n.disk.of(x.layer)
	l.durable = max(l.durable, x.length-l.cut)
	in := impl.Input{Kind: impl.Persisted, Layer: x.layer, Ref: x.ref}
	if n.paused {
		n.inbox = append(n.inbox, in)
		return
	}
	w.step(x.node, in)
}
