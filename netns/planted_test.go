package netns

import (
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/spec"
)

// planted are bugs that SIGKILL can show. Those that show only in a short moment have a story of their own, through which
// the correct level goes too.
var planted = []struct {
	name   string
	breaks []spec.ID // besides what follows from that; of a mutant: as it says itself
	story  func(s *slaughter) *spec.History
	right  string // the level without the bug, for the story
}{
	{name: "disk-tells-before-writing", breaks: []spec.ID{"ACKED-DELIVERED", "DURABILITY", "LOG-PREFIX", "NO-DUPLICATION/restart"}},
	{name: "ack-before-sync"},
	{name: "commit-sent-before-it-is-logged", story: senderDies, right: "atomic-abort"},
	{name: "ack-on-receive", story: recipientsDie, right: "atomic-log"},
	{name: "disk-in-memory", breaks: []spec.ID{"ACKED-DELIVERED", "DURABILITY", "LOG-PREFIX", "NO-DUPLICATION/restart"}},
	{name: "dedup-window-only-in-memory"},
	{name: "number-reused-after-restart"},
	{name: "log-replayed-out-of-order"},
	{name: "sender-forgets-acks-after-recovery"},
	{name: "aborted-and-delivered"},
}

// senderDies kills a sender with a slow disk as soon as it is acknowledged.
func senderDies(s *slaughter) *spec.History { return s.acknowledged([]spec.NodeID{0}, 0) }

// recipientsDie kills recipients with slow disks as soon as the sender is acknowledged.
func recipientsDie(s *slaughter) *spec.History { return s.acknowledged([]spec.NodeID{1, 2}, 1, 2) }

// acknowledged lets node 0 send a message, and kills some nodes when it is acknowledged.
func (s *slaughter) acknowledged(slow []spec.NodeID, victims ...spec.NodeID) *spec.History {
	for n := range spec.NodeID(3) {
		b := Birth{}
		if slices.Contains(slow, n) {
			b.Slow = 100 * time.Millisecond
		}
		s.must(s.g.Start(n, b))
	}
	s.g.Begun(20 * time.Second)
	wait := s.g.Watch(spec.Ack)
	s.must(s.g.Send(0, 1, 100))
	if _, ok := wait(20 * time.Second); !ok {
		s.t.Error("no acknowledgement")
	}
	s.must(s.g.Kill(victims...))
	return s.end()
}

// Every planted bug that SIGKILL can show is caught, and what has no bug is not.
func TestPlantedBugsAreCaught(t *testing.T) {
	t.Parallel()
	for i, p := range planted {
		if testing.Short() && i > 0 {
			continue
		}
		if m := slices.IndexFunc(mutant.Logged(), func(m mutant.Mutant) bool { return m.Name == p.name }); m >= 0 {
			p.breaks = mutant.Logged()[m].Breaks
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			if p.right != "" {
				if _, text := broken(p.story(newSlaughter(t, p.right, 1, time.Second))); text != "" {
					t.Errorf("%s: %s", p.right, text)
				}
			}
			for try := range 20 {
				s := newSlaughter(t, p.name, uint64(try), 400*time.Millisecond)
				s.patience = 3 * s.g.cfg.TL
				var h *spec.History
				if p.story != nil {
					s.g.cfg.TL = time.Second
					h = p.story(s)
				} else {
					h = s.run(4)
				}
				ids, text := broken(h)
				t.Logf("try %d, %+v:%s", try+1, measure(h), text)
				if slices.ContainsFunc(ids, func(id spec.ID) bool { return slices.Contains(p.breaks, id) }) {
					return
				}
			}
			t.Errorf("none of %v is broken", p.breaks)
		})
	}
}
