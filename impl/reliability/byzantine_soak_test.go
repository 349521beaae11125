package reliability_test

import (
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

// trial is a group of which some lie. What is sent begins with a letter and the name of the message: a liar may change
// the letter, or the bytes at the end.
type trial struct {
	*field
	liars impl.NodeSet
}

func newTrial(seed uint64, honest func(impl.Config) impl.Layer) *trial {
	n := 4 + int(seed%4)
	r := spec.NewRand(seed, 10)
	x := &trial{}
	faulty := (n - 1) / 3
	for faulty > 0 && (x.liars.Len() == 0 || r.Chance(.6)) {
		x.liars.Add(impltest.Node(r.IntN(n)))
		faulty--
	}
	how := spec.EveryLie
	if r.Chance(.5) {
		how = spec.Lie(1 + r.IntN(int(spec.EveryLie)))
	}
	x.field = newField(n, seed, func(cfg impl.Config) impl.Layer {
		l := honest(cfg)
		if x.liars.Has(cfg.Self) {
			l = reliability.NewLiar(cfg, l, how)
		}
		return impl.NewStack(l, transport.NewUnicast(cfg), transport.NewChannel(cfg))
	})
	x.faithful = func(n spec.NodeID) bool { return !x.liars.Has(n) }
	x.rough(seed, faulty)
	sends := 3 + r.IntN(10)
	for i := range sends {
		n := impltest.Node(r.IntN(n))
		if liar := x.liars.Next(0); r.Chance(.5) {
			n = liar
		}
		body := fmt.Sprintf("a|%d of %d:%s", i, n, strings.Repeat("x", 20+r.IntN(5)))
		x.do(time.Duration(r.IntN(int(300*time.Millisecond))), func() { x.send(n, body) })
	}
	x.run(6 * time.Second)
	return x
}

// nameOf gives the name of a message.
func nameOf(body string) string {
	_, name, _ := strings.Cut(body, "|")
	name, _, _ = strings.Cut(name, ":")
	return name
}

// judge gives what is broken of Byzantine reliable broadcast.
func (x *trial) judge() (out []string) {
	version := map[string]string{}
	by := map[string]int{} // correct ones that delivered it
	correct := 0
	for n := range x.nodes {
		if !x.correct(n) {
			continue
		}
		correct++
		for _, b := range x.delivered[n] {
			name := nameOf(b)
			if v, known := version[name]; known && v != b {
				out = append(out, fmt.Sprintf("consistency: %d delivered %q, another %q", n, b, v))
			}
			version[name] = b
			by[name]++
			if from := x.from[n][b]; !x.liars.Has(from) && x.sends[b] != from {
				out = append(out, fmt.Sprintf("integrity: %d delivered %q from %d", n, b, from))
			}
		}
		if names := x.names(n); len(slices.Compact(names)) != len(x.delivered[n]) {
			out = append(out, fmt.Sprintf("integrity: %d delivered twice: %q", n, x.delivered[n]))
		}
	}
	for name, k := range by {
		if k < correct {
			out = append(out, fmt.Sprintf("totality: %d of %d delivered %s", k, correct, name))
		}
	}
	for b, n := range x.sends {
		if x.correct(int(n)) && by[nameOf(b)] < correct {
			out = append(out, fmt.Sprintf("validity: %d of %d delivered %q", by[nameOf(b)], correct, b))
		}
		if x.faithful(n) && x.acked[b] && by[nameOf(b)] < correct || x.correct(int(n)) && !x.acked[b] {
			out = append(out, fmt.Sprintf("acknowledgement: of %q", b))
		}
	}
	slices.Sort(out)
	return out
}

func (x *trial) names(n int) (names []string) {
	for _, b := range x.delivered[n] {
		names = append(names, nameOf(b))
	}
	slices.Sort(names)
	return names
}

// With as many liars and crashes as the level bears, on a network that loses, doubles, changes and is cut: the correct
// ones agree on what is delivered, word by word.
func TestByzantineSoak(t *testing.T) {
	silenced, agreed := 0, 0
	for seed := range uint64(100 * *fieldRuns) {
		x := newTrial(seed, byzantine)
		if b := x.judge(); len(b) > 0 {
			t.Fatalf("seed %d: %q", seed, b)
		}
		for b, n := range x.sends {
			if x.liars.Has(n) {
				if all := x.names(int(x.somebody())); slices.Contains(all, nameOf(b)) {
					agreed++
				} else {
					silenced++
				}
			}
		}
	}
	if silenced == 0 || agreed == 0 {
		t.Errorf("of the liars' messages %d were delivered and %d were not: they lie too little or too much", agreed, silenced)
	}
}

// somebody gives a correct member.
func (x *trial) somebody() spec.NodeID {
	for n := range x.nodes {
		if x.correct(n) {
			return impltest.Node(n)
		}
	}
	return -1
}

// What each rule is for: with it broken, liars get through. Each must be seen to break something.
func TestByzantineRulesAreNeeded(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(r *reliability.ByzantineRules)
		broken []string
	}{
		{"quorum rounded down", func(r *reliability.ByzantineRules) { r.Echoes = func(n, f int) int { return (n + f) / 2 } }, []string{"totality"}},
		{"ready at the first echo", func(r *reliability.ByzantineRules) { r.Echoes = func(int, int) int { return 1 } }, []string{"totality"}},
		{"no amplification", func(r *reliability.ByzantineRules) { r.Readies = func(n, _ int) int { return n + 1 } }, []string{"totality"}},
		{"deliver at f+1", func(r *reliability.ByzantineRules) { r.Deliver = func(_, f int) int { return f + 1 } }, []string{"totality"}},
		{"votes counted twice", func(r *reliability.ByzantineRules) {
			r.Once = func(*impl.NodeSet, spec.NodeID) bool { return true }
		}, []string{"totality", "consistency"}},
		{"compared without their ends", func(r *reliability.ByzantineRules) {
			r.Same = func(a, b []byte) bool {
				k := len(a) - impl.EnvelopeLen
				return len(a) == len(b) && string(a[:k]) == string(b[:k])
			}
		}, []string{"consistency"}},
		{"any name believed", func(r *reliability.ByzantineRules) {
			r.Claims = func(_, _ spec.NodeID) bool { return true }
		}, []string{"integrity", "validity"}},
	} {
		seen := map[string]bool{}
		for seed := range uint64(200) {
			x := newTrial(seed, func(cfg impl.Config) impl.Layer {
				z := reliability.NewByzantine(cfg)
				c.change(&z.Rules)
				return z
			})
			for _, b := range x.judge() {
				what, _, _ := strings.Cut(b, ":")
				seen[what] = true
			}
			if !slices.ContainsFunc(c.broken, func(b string) bool { return !seen[b] }) {
				break
			}
		}
		for _, b := range c.broken {
			if !seen[b] {
				t.Errorf("%s: %s is never broken, only %v", c.name, b, seen)
			}
		}
	}
}
