package mutant

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/mutex"
	"github.com/conform-go/conform/spec"
)

// lockHeld is for how long who has the lock keeps it, as in the cell.
const lockHeld = 20 * time.Millisecond

// mutexMutants lists the bugs of mutual exclusion. That a release is forgotten is none of them: it starves the others,
// and nothing is promised of who gets in when.
func mutexMutants() []Mutant {
	inside := []spec.ID{"MUTUAL-EXCLUSION"}
	late := spec.SetOf(spec.DelayFault, spec.ReorderFault)
	return []Mutant{{
		Name:   "enters-out-of-turn",
		Title:  "A member enters when its own request is in the queue, wherever that is: others who asked before may be inside.",
		Breaks: inside, Cell: lockedByLamport, Under: late,
		New: locked(func(r *mutex.Rules) {
			r.Enters = func(queue []spec.NodeID, self spec.NodeID) bool {
				for _, p := range queue {
					if p == self {
						return true
					}
				}
				return false
			}
		}),
	}, {
		Name:   "releases-on-entering",
		Title:  "Who enters tells at once that it has left: the next one comes in as soon as it hears that.",
		Breaks: inside, Cell: lockedByLamport, Under: late,
		New: locked(func(r *mutex.Rules) {
			r.Releases = func(entering bool) bool { return entering }
		}),
	}}
}

func locked(change func(*mutex.Rules)) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer {
		m := mutex.New(cfg, lockHeld)
		change(&m.Rules)
		return impl.NewStack(m, static(cfg), lamport(cfg), reliable(cfg), unicast(cfg), channel(cfg))
	}
}
