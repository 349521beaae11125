package sim

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// role writes down that a node has become the leader of its group in a term, or enters or leaves the critical section.
func (w *World) role(id spec.NodeID, e *impl.Effect) {
	if int(id) >= w.procs {
		return
	}
	note := spec.Event{Kind: spec.Note, Node: id, Has: spec.HasNode}
	if g := w.about(e); g != impl.Shared && int(g) < len(w.h.Groups) {
		note.Group, note.Has = g, note.Has|spec.HasGroup
	}
	switch e.Code {
	case impl.Leads:
		note.Has |= spec.HasPos
		w.extra(note, spec.Extra{Op: spec.OpLeader, Pos: e.Num})
	case impl.Entered:
		w.extra(note, spec.Extra{Op: spec.OpEnter})
	case impl.Left:
		w.extra(note, spec.Extra{Op: spec.OpExit})
	}
}
