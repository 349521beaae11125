package reliability_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

func durable(acks reliability.Quorum) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer { return reliability.NewDurable(cfg, acks) }
}

func TestDurableKeepsTheContract(t *testing.T) {
	if err := impltest.TestLayer(durable(reliability.Majority)); err != nil {
		t.Error(err)
	}
	stack := func(cfg impl.Config) impl.Layer {
		return impl.NewStack(reliability.NewDurable(cfg, reliability.All), transport.NewUnicast(cfg), transport.NewAcceptingChannel(cfg))
	}
	if err := impltest.TestLayer(stack, impltest.Checksummed(), impltest.Handles(impl.Accept)); err != nil {
		t.Error(err)
	}
}

var exhaustive = flag.Bool("exhaustive", false, "crash also a second time after every effect, and play ten times as many random runs")

// storms is how many random runs are played.
func storms() uint64 {
	if *exhaustive {
		return 1000
	}
	return 60
}

// point is an effect after which a node crashes: none, where it is the zeroth.
type point struct{ node, effect int }

// crashEverywhere plays a tiny run of two nodes, each of which sends once, again and again. It crashes a node after each
// of its effects, and in each of these runs a node, the same or the other, after some of the effects that follow, or
// after each.
func crashEverywhere(t *testing.T, level func(impl.Config) impl.Layer, back time.Duration, set func(*world)) (runs int) {
	t.Helper()
	play := func(trace bool, points ...point) *world {
		w := newWorld(2, uint64(runs), level)
		w.fixed, w.torn, w.trace, w.lossy, w.whole = true, true, trace, runs%2 == 0, true
		if set != nil {
			set(w)
		}
		for _, n := range w.nodes {
			n.back = back
		}
		for _, p := range points {
			w.nodes[p.node].crashAt = append(w.nodes[p.node].crashAt, p.effect)
		}
		err := w.caught(func() {
			w.begin()
			w.send(w.nodes[0], "m")
			w.at(time.Millisecond, func() { w.send(w.nodes[1], "n") })
			w.run(4 * time.Second)
		})
		if err == nil {
			err = w.verdict(true)
		}
		if err != nil {
			t.Fatalf("crashes after %v: %v\n%s", points, err, strings.Join(w.text, "\n"))
		}
		return w
	}
	must := func(points ...point) *world {
		t.Helper()
		before := runs
		defer func() {
			if t.Failed() {
				runs = before
				play(true, points...)
			}
		}()
		w := play(false, points...)
		runs++
		return w
	}
	w := must()
	for x := range w.nodes {
		for k := 1; k <= w.nodes[x].effects; k++ {
			v := must(point{x, k})
			for y := range v.nodes {
				first := 1
				if y == x {
					first = k + 1
				}
				step := 1
				if !*exhaustive {
					first, step = first+k%13, 13
				}
				for m := first; m <= v.nodes[y].effects; m += step {
					must(point{x, k}, point{y, m})
				}
			}
		}
	}
	return runs
}

// Two nodes, crashes after every effect, also while one recovers, torn tails: the promise holds, whether or not the
// application keeps count, and whether a node is back before it is suspected or after.
func TestDurableCrashesAtEveryEffect(t *testing.T) {
	for _, told := range []bool{false, true} {
		for _, back := range []time.Duration{20 * time.Millisecond, 500 * time.Millisecond} {
			runs := crashEverywhere(t, durable(reliability.All), back, func(w *world) { w.told = told })
			t.Logf("told %v, back after %v: %d runs", told, back, runs)
		}
	}
}

// Through losses, cuts of any length, torn tails, crashes and restarts of any and all: what anyone delivers all do,
// what is acknowledged all deliver, in the old order again.
func TestDurableSoak(t *testing.T) {
	redelivered := 0
	longest := 0
	for seed := range storms() {
		history := []int{0, 300, 1 << 20}[seed%3]
		s := newStorm(seed, func(cfg impl.Config) impl.Layer {
			d := reliability.NewDurable(cfg, reliability.Quorum(seed%3))
			d.Rules.History = history
			return d
		})
		s.whole = history == 1<<20
		s.begin()
		s.sendsSome(30)
		s.crashes(600 * time.Millisecond)
		s.cuts(time.Second)
		if err := s.end(true); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, n := range s.world.nodes {
			redelivered += n.again
			if history == 300 {
				longest = max(longest, len(n.logs[0].bytes))
			}
			if len(n.losses) > 0 {
				t.Fatalf("seed %d: node %d has lost %v", seed, n.id, n.losses)
			}
		}
	}
	if redelivered == 0 || longest > 10_000 {
		t.Errorf("%d redelivered, the longest log has %d bytes", redelivered, longest)
	}
}

// A log is no longer than its history and what somebody lacks, however much is sent; and what is cut off is not needed.
func TestDurableLogsStayShort(t *testing.T) {
	w := newWorld(3, 1, func(cfg impl.Config) impl.Layer {
		d := reliability.NewDurable(cfg, reliability.All)
		d.Rules.History = 2000
		return d
	})
	w.begin()
	for i := range 2000 {
		w.at(time.Duration(i)*2*time.Millisecond, func() { w.send(w.nodes[i%3], fmt.Sprintf("%d", i)) })
	}
	longest := 0
	for i := 1; i <= 50; i++ {
		w.run(time.Duration(i) * 100 * time.Millisecond)
		for _, n := range w.nodes {
			longest = max(longest, len(n.logs[0].bytes))
		}
		if i%10 == 5 {
			w.crash(w.nodes[i%3])
			w.restart(w.nodes[i%3])
		}
	}
	w.run(20 * time.Second)
	if err := w.verdict(true); err != nil {
		t.Error(err)
	}
	if longest > 20_000 {
		t.Errorf("a log of %d bytes", longest)
	}
}

// With a majority, what is acknowledged survives the loss of one disk of three, for good.
func TestDurableSurvivesALostDisk(t *testing.T) {
	acked := 0
	for seed := range storms() {
		s := &storm{r: spec.NewRand(seed, 13), nodes: 3}
		s.world = newWorld(3, seed, durable(reliability.Majority))
		s.lossy, s.torn, s.loss = true, true, .1
		s.begin()
		s.sendsSome(20)
		victim := s.someone()
		s.at(time.Duration(s.r.IntN(int(2*time.Second))), func() { s.crash(victim) })
		if seed%2 == 0 { // it comes back, with an empty disk
			s.at(2500*time.Millisecond, func() {
				victim.logs, victim.applied = nil, nil
				s.restart(victim)
				victim.up = false // what it had and no one keeps, it is told to be lost
			})
			s.at(2501*time.Millisecond, func() { victim.up = true })
		}
		if err := s.caught(func() { s.run(12 * time.Second) }); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for body, sent := range s.sent {
			for _, n := range s.world.nodes {
				if n != victim && sent.acked && !slices.Contains(n.applied, body) {
					t.Fatalf("seed %d: %q was acknowledged, and %d has not delivered it", seed, body, n.id)
				}
			}
			if sent.acked {
				acked++
			}
		}
	}
	if acked < 100 {
		t.Errorf("%d acknowledged", acked)
	}
}

// A node whose disk fails takes in nothing more and refuses what is sent; when it is started again, with a disk that is
// mended, it has what all have.
func TestLoggedLevelsAndADiskThatFails(t *testing.T) {
	for name, level := range logged {
		w := newWorld(3, 1, level)
		w.begin()
		w.send(w.nodes[0], "before")
		w.run(100 * time.Millisecond)
		n := w.nodes[1]
		n.broken = true
		w.send(w.nodes[0], "while")
		w.run(200 * time.Millisecond)
		w.send(n, "mine")
		w.run(2 * time.Second)
		if s := w.sent["mine"]; !s.denied || w.sent["while"].acked && strings.Contains(name, "all") {
			t.Errorf("%s: refused %v; what was sent while it was broken was acknowledged: %v", name, s.denied, w.sent["while"].acked)
		}
		if slices.Contains(n.applied, "while") {
			t.Errorf("%s: it has delivered what its disk does not have", name)
		}
		w.crash(n)
		n.broken = false
		w.restart(n)
		w.run(20 * time.Second)
		if err := w.verdict(true); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// hasty takes its records for synced as soon as it has written them, and fails no more than its disk admits.
type hasty struct{ impl.Layer }

func (h hasty) Step(in impl.Input, out *impl.Effects) {
	h.Layer.Step(in, out)
	for i := 0; i < len(out.List); i++ {
		if e := out.List[i]; e.Kind == impl.Persist {
			h.Layer.Step(impl.Input{Kind: impl.Persisted, Now: in.Now, Ref: e.Ref}, out)
		}
	}
}

// The world of these tests finds what is wrong: levels that break one rule break their promise in it.
func TestTheWorldBites(t *testing.T) {
	durableWith := func(change func(*reliability.DurableRules)) func(impl.Config) impl.Layer {
		return func(cfg impl.Config) impl.Layer {
			d := reliability.NewDurable(cfg, reliability.All)
			change(&d.Rules)
			return d
		}
	}
	for name, level := range map[string]func(impl.Config) impl.Layer{
		"acts before its record is synced": func(cfg impl.Config) impl.Layer { return hasty{reliability.NewAtomicLog(cfg, 2)} },
		"forgets what it had": durableWith(func(r *reliability.DurableRules) {
			r.Remembers = func(uint64) bool { return false }
		}),
		"takes a torn tail for a record": durableWith(func(r *reliability.DurableRules) {
			r.Read = func(log []byte) impl.Journal {
				j := impl.ReadJournal(log)
				if r, _ := impl.DecodeRecord(log[len(log)-j.Torn:]); r.Kind != 0 {
					j.Records = append(j.Records, r)
				}
				return j
			}
		}),
		"drops a log with a torn tail": durableWith(func(r *reliability.DurableRules) {
			r.Read = func(log []byte) impl.Journal {
				if j := impl.ReadJournal(log); j.Torn == 0 {
					return j
				}
				return impl.Journal{}
			}
		}),
		"resumes nothing": func(cfg impl.Config) impl.Layer {
			a := reliability.NewAtomicLog(cfg, 2)
			a.Rules.Resumes = func(uint64) bool { return false }
			return a
		},
		"does not wait for the outcome": func(cfg impl.Config) impl.Layer {
			a := reliability.NewAtomicAbort(cfg)
			a.Rules.Waits = func() bool { return false }
			return a
		},
	} {
		found := uint64(0)
		for seed := range uint64(400) {
			s := newStorm(seed, level)
			s.whole = true
			s.begin()
			s.sendsSome(30)
			s.crashes(600 * time.Millisecond)
			if err := s.end(true); err != nil {
				t.Logf("%s: seed %d: %v", name, seed, err)
				found = seed + 1
				break
			}
		}
		if found == 0 {
			t.Errorf("a level that %s breaks nothing", name)
		}
	}
}
