package netns

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/spec"
)

// promised is what every level with a log promises where all nodes come back.
var promised = []spec.ID{"NO-CREATION", "NO-DUPLICATION", "NO-DUPLICATION/restart", "CONTENT-INTEGRITY", "SENDER-INTEGRITY",
	"DESTINATION-INTEGRITY", "SELF-DELIVERY", "VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT", "ACKED-DELIVERED", "DURABILITY",
	"NO-RESURRECTION", "LOG-PREFIX"}

// slaughter is a group whose processes are killed while they write.
type slaughter struct {
	t     *testing.T
	g     *Group
	rand  spec.Rand
	nodes int
	kills int // how many
	aimed int // how many times they struck when something had just been observed

	patience time.Duration // after how long a silence what is missing will never come
	counts   bool          // the applications say how much they have kept
}

func newSlaughter(t *testing.T, stack string, seed uint64, tl time.Duration) *slaughter {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const nodes = 3
	g, err := NewGroup(GroupConfig{Program: []string{program}, Stack: stack, Nodes: nodes, TS: 30 * time.Millisecond, TL: tl,
		Seed: seed, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return &slaughter{t: t, g: g, rand: spec.NewRand(seed), nodes: nodes, patience: 20 * time.Second}
}

func (s *slaughter) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// up gives the nodes that are up, or those that are not.
func (s *slaughter) up(up bool) (nodes []spec.NodeID) {
	for n := range s.nodes {
		if (s.g.seats[n].up() != nil) == up {
			nodes = append(nodes, spec.NodeID(n))
		}
	}
	return nodes
}

// raise starts who is down. Of three disks two are slow.
func (s *slaughter) raise() {
	for _, n := range s.up(false) {
		if s.rand.IntN(2) == 0 { // what was on its way was lost with the crash
			s.must(s.g.Forget(n))
		}
		s.must(s.g.Start(n, Birth{Slow: []time.Duration{0, 10 * time.Millisecond, s.g.cfg.TL / 20}[s.rand.IntN(3)], Counts: s.counts}))
	}
}

// send lets some nodes send, more than their disks can write before the next kill; or one of them one message.
func (s *slaughter) send() {
	if up := s.up(true); s.rand.IntN(3) == 0 {
		_ = s.g.Send(up[s.rand.IntN(len(up))], 1, 100)
		return
	}
	for _, n := range s.up(true) {
		if s.rand.IntN(4) > 0 {
			_ = s.g.Send(n, 1+s.rand.IntN(12), []int{10, 300, 5000}[s.rand.IntN(3)]) // it may have been killed
		}
	}
}

// pause lets some time go by.
func (s *slaughter) pause(longest time.Duration) {
	time.Sleep(time.Duration(s.rand.IntN(int(longest))))
}

// round kills some processes while they write: one, a few, or all. They come back after a while, and sometimes only when
// the others take them for failed. A round that does not wait for them to do something often kills them while they
// recover.
func (s *slaughter) round(wait, all bool) {
	if wait {
		s.until(spec.Ack)
		s.until(spec.Deliver)
	}
	s.send()
	s.pause(60 * time.Millisecond)
	s.send()
	first := s.strike()
	victims := s.victims(first)
	if all {
		victims = s.up(true)
	}
	s.must(s.g.Kill(victims...))
	s.kills += len(victims)
	if len(victims) < s.nodes {
		s.send()
	}
	s.pause(40 * time.Millisecond)
	if s.rand.IntN(8) == 0 {
		time.Sleep(s.g.cfg.TL)
	}
	s.raise()
}

// until lets all nodes send until one of them observes this. Under a level that gives up, it may take several attempts.
func (s *slaughter) until(kind spec.Kind) {
	s.t.Helper()
	for range 20 {
		if !s.g.Begun(20 * time.Second) {
			s.t.Fatal("a process does not begin", s.g.Dead())
		}
		wait := s.g.Watch(kind)
		for _, n := range s.up(true) {
			s.must(s.g.Send(n, 1, 100))
		}
		if _, ok := wait(time.Second); ok {
			return
		}
	}
	s.t.Error("nobody observes any", kind)
}

// strike waits for the moment to kill: some time, or the next send, delivery or acknowledgement. It gives the node that
// has just observed that; -1 if nothing was waited for, or nothing came.
func (s *slaughter) strike() spec.NodeID {
	at := []spec.Kind{spec.KindNone, spec.Send, spec.Deliver, spec.Ack}[s.rand.IntN(4)]
	if at == spec.KindNone {
		s.pause(20 * time.Millisecond)
		return -1
	}
	node, ok := s.g.Watch(at)(200 * time.Millisecond)
	if ok {
		s.aimed++
	}
	return node
}

// victims draws who is killed: who has just observed something, or all others, or any number of all.
func (s *slaughter) victims(first spec.NodeID) []spec.NodeID {
	nodes := s.up(true)
	for i := range nodes {
		k := i + s.rand.IntN(len(nodes)-i)
		nodes[i], nodes[k] = nodes[k], nodes[i]
	}
	switch draw := s.rand.IntN(3); {
	case first >= 0 && draw == 0:
		return []spec.NodeID{first}
	case first >= 0 && draw == 1:
		return slices.DeleteFunc(nodes, func(n spec.NodeID) bool { return n == first })
	}
	return nodes[:1+s.rand.IntN(len(nodes))]
}

// absence keeps a node down for so long that the others take it for failed, while they send.
func (s *slaughter) absence() {
	s.g.Begun(20 * time.Second)
	s.must(s.g.Kill(0))
	s.kills++
	wait := s.g.Watch(spec.Refuse)
	s.must(s.g.Send(1, 5, 100))
	s.must(s.g.Send(2, 5, 100))
	if _, ok := wait(20 * time.Second); !ok {
		s.t.Error("nobody gives up")
	}
	s.raise()
}

// run does all of it.
func (s *slaughter) run(rounds int) *spec.History {
	s.t.Helper()
	s.raise()
	for i := range rounds {
		s.round(i%3 == 0, i == 0)
	}
	return s.end()
}

// end lets all come back and send a last time, waits until all is quiet, and gives the history.
func (s *slaughter) end() *spec.History {
	s.t.Helper()
	s.raise()
	s.until(spec.Deliver)
	s.until(spec.Ack)
	settled := s.g.Quiet(s.patience, time.Minute)
	if err := s.g.Dead(); err != nil {
		s.t.Error(err)
	}
	if !settled {
		s.t.Error("it does not become quiet")
	}
	s.must(s.g.Close())
	return s.g.History(settled)
}

// underFire counts the kills that struck while some send had no answer, and what else there was to judge.
type underFire struct{ kills, sends, acks, refusals, recoveries, again int }

func measure(h *spec.History) (u underFire) {
	open := map[spec.MsgID]bool{}
	for _, e := range h.Events {
		switch e.Kind {
		case spec.Send:
			u.sends++
			open[e.Msg] = true
		case spec.Ack:
			u.acks++
			delete(open, e.Msg)
		case spec.Refuse:
			u.refusals++
			delete(open, e.Msg)
		case spec.Crash:
			if len(open) > 0 {
				u.kills++
			}
			for id := range open {
				if id.Sender == e.Node {
					delete(open, id)
				}
			}
		case spec.Recover:
			u.recoveries++
		case spec.Deliver:
			if e.Is(spec.IsRedelivered) {
				u.again++
			}
		}
	}
	return u
}

// Processes are killed while they write, over and over, and the levels with logs keep what they promise: where the
// applications say how much they have kept, and where they are told all again.
func TestKilled(t *testing.T) {
	t.Parallel()
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	for _, name := range slices.Sorted(maps.Keys(levels)) {
		for _, counts := range []bool{false, true} {
			if testing.Short() && (counts != (name == "atomic-log") || name == "durable:acks=1" || name == "atomic-log:phases=1") {
				continue
			}
			t.Run(fmt.Sprintf("%s, counts=%t", name, counts), func(t *testing.T) {
				t.Parallel()
				killed(t, name, counts, rounds)
			})
		}
	}
}

func killed(t *testing.T, name string, counts bool, rounds int) {
	tl := time.Second
	if name == "atomic-abort" {
		tl = 500 * time.Millisecond // so that it does give up
	}
	s := newSlaughter(t, name, uint64(digest([]byte(name))), tl)
	s.counts = counts
	if name == "atomic-abort" {
		s.raise()
		s.absence()
	}
	h := s.run(rounds)
	u := measure(h)
	t.Logf("%d kills, %d of them while a send had no answer, %d times aimed; %d recoveries, %d sends, %d acknowledged, %d refused, %d deliveries from logs, %d events",
		s.kills, u.kills, s.aimed, u.recoveries, u.sends, u.acks, u.refusals, u.again, len(h.Events))
	if u.kills == 0 || u.recoveries == 0 || u.acks == 0 || counts != (u.again == 0) {
		t.Error("nothing was killed while it wrote, or nothing came back, or nothing was acknowledged, or logs were not read as asked")
	}
	for _, f := range checkers.Check(h, promised...) {
		t.Logf("%-24s %-12s %6d %s", f.ID, f.Verdict, f.Antecedents, f.Reason)
		excused := f.ID == "NO-RESURRECTION" && name != "atomic-abort" || f.ID == "LOG-PREFIX" && counts
		switch {
		case f.Verdict == spec.Fail:
			t.Errorf("%s: %s", f.ID, f.Witness.Text)
		case f.Verdict != spec.Pass && !excused:
			t.Errorf("%s is not judged: %s", f.ID, f.Reason)
		}
	}
	if t.Failed() {
		keep(t, h)
	}
}

// keep writes a history to a file that can be looked at.
func keep(t *testing.T, h *spec.History) {
	f, err := os.CreateTemp("", "killed-*.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := spec.WriteHistory(f, h); err != nil {
		t.Error(err)
	}
	t.Log("the history is in", filepath.Clean(f.Name()))
}

// broken lists what of these a history breaks.
func broken(h *spec.History) (ids []spec.ID, text string) {
	for _, f := range checkers.Check(h, promised...) {
		if f.Verdict == spec.Fail {
			ids = append(ids, f.ID)
			text += fmt.Sprintf("\n%s: %s", f.ID, f.Witness.Text)
		}
	}
	return ids, text
}
