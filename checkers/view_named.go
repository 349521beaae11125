package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// namedView gives the view that a process told its application with a delivery.
func (j *Judge) namedView(i int) (spec.ViewID, bool) {
	e := &j.h.Events[i]
	if !e.Is(spec.HasView) || e.Is(spec.IsRedelivered) {
		return spec.ViewID{}, false
	}
	return extraOf(j.h, e).View, true
}

// namedApart judges the views that deliveries name: a process that has installed a view delivers in that one and names
// no other, and all that deliver a message to a group name the same. In the view of the start only the second is judged:
// a history has no name for that one. It counts the deliveries by another process than the first to name a view.
func (j *Judge) namedApart() (int, spec.Finding) {
	if !j.named {
		return 0, spec.Finding{}
	}
	groups := len(j.h.Groups)
	j.queue = zeroed(j.queue, len(j.msgs)) // message: the first delivery that names a view, + 1
	if j.viewed {
		j.beginStands(j.h)
	}
	n := 0
	for i, s := range j.steps {
		if s.op() != opDeliver {
			if j.viewed {
				j.turnStand(i, s)
			}
			continue
		}
		name, ok := j.namedView(i)
		if !ok {
			continue
		}
		if j.viewed {
			if v := j.stand[s.proc()*groups+j.group(s.msg)]; v != 0 && j.views[v-1].first != 0 && j.views[v-1].key.id != name {
				at := j.installBefore(i)
				return n, violated(n+1, fmt.Sprintf("%s with \"view\":\"%s\", but %s", j.delivered(i), name, j.installed(at)),
					int(j.msgs[s.msg].send), int(j.installs[at].event), i)
			}
		}
		if j.queue[s.msg] == 0 {
			j.queue[s.msg] = uint32(i) + 1
			continue
		}
		n++
		first := int(j.queue[s.msg] - 1)
		if was, _ := j.namedView(first); was != name {
			return n, violated(n, fmt.Sprintf("%s with \"view\":\"%s\", and %s with \"view\":\"%s\"", j.delivered(first), was, j.delivered(i), name),
				int(j.msgs[s.msg].send), first, i)
		}
	}
	return n, spec.Finding{}
}
