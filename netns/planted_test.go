package netns

import (
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

// planted are bugs that SIGKILL can show, and what each of them breaks, besides what follows from that.
var planted = []struct {
	name   string
	breaks []spec.ID
	counts bool // the applications say how much they have kept
}{
	{"disk-tells-before-writing", []spec.ID{"ACKED-DELIVERED", "DURABILITY", "LOG-PREFIX", "NO-DUPLICATION/restart"}, false},
	{"disk-in-memory", []spec.ID{"ACKED-DELIVERED", "DURABILITY", "LOG-PREFIX", "NO-DUPLICATION/restart"}, false},
	{"ack-before-sync", []spec.ID{"ACKED-DELIVERED", "DURABILITY"}, false},
	{"dedup-window-only-in-memory", []spec.ID{"NO-DUPLICATION"}, false},
	{"number-reused-after-restart", []spec.ID{"NO-DUPLICATION/restart", "VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "DURABILITY", "LOG-PREFIX"}, false},
	{"log-replayed-out-of-order", []spec.ID{"LOG-PREFIX"}, false},
	{"ack-on-receive", []spec.ID{"VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "DURABILITY"}, false},
	{"sender-forgets-acks-after-recovery", []spec.ID{"AGREEMENT", "ACKED-DELIVERED", "DURABILITY"}, false},
	{"commit-sent-before-it-is-logged", []spec.ID{"AGREEMENT", "ACKED-DELIVERED", "DURABILITY"}, false},
	{"aborted-and-delivered", []spec.ID{"NO-DUPLICATION/restart", "AGREEMENT", "NO-RESURRECTION", "LOG-PREFIX"}, false},
}

// Every planted bug that SIGKILL can show is caught.
func TestPlantedBugsAreCaught(t *testing.T) {
	for i, p := range planted {
		if testing.Short() && i > 3 {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			for try := range 20 {
				s := newSlaughter(t, p.name, uint64(try), 400*time.Millisecond)
				s.counts = p.counts
				start := time.Now()
				h := s.run(4)
				ids, text := broken(h)
				t.Logf("try %d, %v, %+v:%s", try+1, time.Since(start), measure(h), text)
				if slices.ContainsFunc(ids, func(id spec.ID) bool { return slices.Contains(p.breaks, id) }) {
					return
				}
			}
			t.Errorf("none of %v is broken", p.breaks)
		})
	}
}
