package reliability_test

import (
	"fmt"
	"maps"
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

// In the static view, as long as nobody crashes, all hold; with crashes nobody delivers what others don't, and it blocks.
func TestAtomicViewSoak(t *testing.T) {
	runs := 60 * *fieldRuns
	if testing.Short() {
		runs /= 4
	}
	for seed := range uint64(runs) {
		for _, newLayer := range []func(impl.Config) impl.Layer{atomicViewOverChannels, atomicViewOverBestEffort} {
			for crashes := range 3 {
				w := newField(3+int(seed%3), seed, newLayer)
				w.rough(seed, crashes)
				w.talk(seed, 20)
				w.run(9 * time.Second)
				if w.holds(t, seed, "integrity", "agreement", "fifo"); crashes == 0 {
					w.holds(t, seed, "validity", "uniform", "acked", "answered")
				}
			}
		}
	}
}

// Cuts that are longer than TL only delay: nobody is removed.
func TestAtomicViewOutlastsALongCut(t *testing.T) {
	w := newField(3, 1, atomicViewOverChannels)
	w.Cut = func(from, to spec.NodeID, now spec.Time) bool {
		return (from == 2 || to == 2) && now < spec.Time(4*fieldTL)
	}
	w.talk(1, 20)
	w.run(2 * fieldTL)
	if w.suspected == 0 {
		t.Error("nobody is suspected")
	}
	for n := range w.nodes {
		if len(w.delivered[n]) > 0 {
			t.Errorf("%d delivers what 2 lacks", n)
		}
	}
	w.run(8 * fieldTL)
	w.holds(t, 1, "integrity", "validity", "uniform", "acked", "answered", "fifo")
}

// oracle decides on views, in the place of a membership, and sees what members do in them. It asks all that are to be in
// the next view whether they are ready, and announces it when all are; when one of them crashes it asks again.
type oracle struct {
	w       *field
	rand    spec.Rand
	view    *spec.View // announced last
	asked   *spec.View
	ready   impl.NodeSet
	busy    spec.Time // until the last one has heard of what was announced
	asks    uint64
	unasked bool // announces views without having asked

	at     []spec.ViewID // by node: the view that it is in
	sets   []map[spec.ViewID][]string
	after  []map[spec.ViewID]spec.ViewID // … and the next
	in     map[string]spec.ViewID        // where a message was delivered
	wrong  []string
	passed int // pairs of survivors that were compared
}

func newOracle(w *field, seed uint64, first []spec.NodeID) *oracle {
	o := &oracle{w: w, rand: spec.NewRand(seed, 17), in: map[string]spec.ViewID{},
		view: &spec.View{ID: spec.ViewID{Epoch: 1}, Members: first}, at: make([]spec.ViewID, len(w.nodes))}
	for n := range w.nodes {
		o.sets, o.after = append(o.sets, map[spec.ViewID][]string{}), append(o.after, map[spec.ViewID]spec.ViewID{})
		if slices.Contains(first, impltest.Node(n)) {
			o.at[n] = o.view.ID
		}
	}
	w.watch = o.see
	return o
}

func (o *oracle) see(n spec.NodeID, e *impl.Effect) {
	switch e.Kind {
	case impl.InstallView:
		if !slices.Contains(e.View.Members, n) || e.View.ID.Compare(o.at[n]) <= 0 {
			o.wrong = append(o.wrong, fmt.Sprintf("%d installs view %v %v after %v", n, e.View.ID, e.View.Members, o.at[n]))
		}
		o.after[n][o.at[n]], o.at[n] = e.View.ID, e.View.ID
	case impl.Up:
		body := string(e.Body)
		v, before := o.in[body]
		if o.in[body] = o.at[n]; before && v != o.at[n] {
			o.wrong = append(o.wrong, fmt.Sprintf("%d delivers %q in view %v, another one in %v", n, body, o.at[n], v))
		}
		o.sets[n][o.at[n]] = append(o.sets[n][o.at[n]], body)
	case impl.CallDown:
		if o.asked != nil && e.Call == impl.Accept && uint64(e.Ref) == o.asks {
			o.ready.Add(n)
		}
	}
}

// turn looks around every few milliseconds.
func (o *oracle) turn() {
	o.w.do(time.Duration(o.w.now)+7*time.Millisecond, o.turn)
	switch {
	case o.asked != nil:
		for _, m := range o.asked.Members {
			if o.w.crashed[m] {
				o.ask(o.asked.ID.Epoch + 1)
				return
			}
		}
		if o.ready.Len() == len(o.asked.Members) || o.unasked {
			o.announce()
		}
	case o.unasked && slices.ContainsFunc(o.view.Members, func(m spec.NodeID) bool { return o.at[m] != o.view.ID }):
	case o.w.now > o.busy && o.w.now < spec.Time(time.Second) && o.rand.Chance(.05):
		o.ask(o.view.ID.Epoch + 1)
	case o.w.now > o.busy:
		for _, m := range o.view.Members {
			if o.w.crashed[m] && o.rand.Chance(.1) {
				o.ask(o.view.ID.Epoch + 1)
				return
			}
		}
	}
}

// ask asks for a view: of those that are up, sometimes without one of them, which does not come back, and with those
// that have never been members.
func (o *oracle) ask(epoch uint64) {
	next := &spec.View{ID: spec.ViewID{Epoch: epoch}}
	for n := range o.w.nodes {
		old := o.at[n] != spec.ViewID{}
		if !o.w.crashed[n] && (slices.Contains(o.view.Members, impltest.Node(n)) || !old && o.rand.Chance(.5)) {
			next.Members = append(next.Members, impltest.Node(n))
		}
	}
	if len(next.Members) > 2 && o.rand.Chance(.2) {
		k := o.rand.IntN(len(next.Members))
		next.Members = slices.Delete(next.Members, k, k+1)
	}
	o.asked, o.ready = next, impl.NodeSet{}
	o.asks++
	for _, m := range next.Members {
		o.tell(m, o.soon(), impl.Input{Kind: impl.Blocked, View: next, Ref: impl.Ref(o.asks)})
	}
}

func (o *oracle) soon() spec.Time { return o.w.now + spec.Time(o.rand.IntN(int(20*time.Millisecond))) }

func (o *oracle) tell(m spec.NodeID, at spec.Time, in impl.Input) {
	o.w.at(at, fieldEvent{node: m, in: in})
	o.busy = max(o.busy, at)
}

func (o *oracle) announce() {
	everyone := slices.Clone(o.view.Members)
	for _, m := range o.asked.Members {
		if !slices.Contains(everyone, m) {
			everyone = append(everyone, m)
		}
	}
	o.view, o.asked = o.asked, nil
	at := o.busy
	for _, m := range everyone { // also those that are not in it, who can't know otherwise
		when := max(at, o.w.now) + spec.Time(o.rand.IntN(int(30*time.Millisecond)))
		o.tell(m, when, impl.Input{Kind: impl.ViewChanged, View: o.view})
		o.tell(m, when+spec.Time(o.rand.IntN(int(30*time.Millisecond))), impl.Input{Kind: impl.Unblocked})
	}
}

// broken compares the survivors of each view: those that went from it to the same next view delivered the same in it.
func (o *oracle) broken() []string {
	out := slices.Clone(o.wrong)
	for p := range o.w.nodes {
		for q := range p {
			for v, next := range o.after[p] {
				if v == (spec.ViewID{}) || o.after[q][v] != next {
					continue
				}
				o.passed++
				a, b := slices.Sorted(slices.Values(o.sets[p][v])), slices.Sorted(slices.Values(o.sets[q][v]))
				if !slices.Equal(a, b) {
					out = append(out, fmt.Sprintf("virtual synchrony: in view %v %d delivered %q, and %d %q", v, p, a, q, b))
				}
			}
		}
	}
	// What anybody delivered in a view, also one that crashed, all have delivered in it that went on from it.
	for p := range o.w.nodes {
		for v, bodies := range o.sets[p] {
			for q := range o.w.nodes {
				for _, body := range bodies {
					if _, went := o.after[q][v]; went && !slices.Contains(o.sets[q][v], body) {
						out = append(out, fmt.Sprintf("uniform: %d delivered %q in view %v, and %d went on without it", p, body, v, q))
					}
				}
			}
		}
	}
	place := map[string]int{}
	for i, body := range o.w.refs {
		place[body] = i
	}
	for m, bodies := range o.w.delivered {
		last := map[spec.NodeID]int{}
		for _, body := range bodies {
			n := o.w.sends[body]
			if place[body]+1 <= last[n] {
				out = append(out, fmt.Sprintf("fifo: %d delivers %q out of turn", m, body))
			}
			last[n] = place[body] + 1
		}
	}
	// Who was a member all the time and stayed up delivered all that its like have sent.
	for body, n := range o.w.sends {
		for m := range o.w.nodes {
			if o.stayed(n) && o.stayed(impltest.Node(m)) && !slices.Contains(o.w.delivered[m], body) {
				out = append(out, fmt.Sprintf("validity: %d never delivered %q", m, body))
			}
		}
	}
	return out
}

func (o *oracle) stayed(n spec.NodeID) bool {
	_, first := o.sets[n][spec.ViewID{Epoch: 1}]
	_, moved := o.after[n][spec.ViewID{Epoch: 1}]
	return !o.w.crashed[n] && slices.Contains(o.view.Members, n) && (first || moved)
}

// newViewWorld is a field of five nodes under an oracle, the last of them no member at first. Where nobody crashes,
// views are announced without waiting for answers.
func newViewWorld(seed uint64, crashes int, rules func(*reliability.AtomicViewRules)) *oracle {
	first := []spec.NodeID{0, 1, 2, 3}
	w := newField(5, seed, func(cfg impl.Config) impl.Layer {
		transported := cfg // copies go to all that may ever be members
		cfg.Members = first
		l := reliability.NewAtomicView(cfg)
		rules(&l.Rules)
		return impl.NewStack(l, transport.NewUnicast(transported), transport.NewChannel(transported))
	})
	o := newOracle(w, seed, first)
	o.unasked = crashes == 0
	w.rough(seed, crashes)
	w.talk(seed, 20)
	w.do(0, o.turn)
	w.run(5 * time.Second)
	return o
}

// With views that change, members that crash, are taken for crashed, and join: the survivors of a view delivered the
// same in it, and everybody delivers a message in the same view.
func TestAtomicViewIsVirtuallySynchronous(t *testing.T) {
	passed, views := 0, 0
	for seed := range uint64(100 * *fieldRuns) {
		o := newViewWorld(seed, int(seed%4), func(*reliability.AtomicViewRules) {})
		if b := o.broken(); len(b) > 0 {
			t.Fatalf("seed %d: %d broken; %s", seed, len(b), strings.Join(b[:min(3, len(b))], "; "))
		}
		passed += o.passed
		views += len(slices.Collect(maps.Keys(o.after[0])))
	}
	t.Logf("%d pairs of survivors compared, %d views ended at the first member", passed, views)
	if passed < 300 {
		t.Errorf("%d pairs of survivors prove little", passed)
	}
}

// Each rule of the flush is needed: without it the survivors differ.
func TestAtomicViewFlushIsNeeded(t *testing.T) {
	for name, rules := range map[string]func(*reliability.AtomicViewRules){
		"nothing is sent on": func(r *reliability.AtomicViewRules) {
			r.Forwards = func(*impl.Config, spec.NodeID) bool { return false }
		},
		"what nobody listed is delivered": func(r *reliability.AtomicViewRules) {
			r.Agreed = func(bool) bool { return true }
		},
		"what only survivors had is discarded": func(r *reliability.AtomicViewRules) {
			r.Agreed = func(bool) bool { return false }
		},
		"nobody is waited for": func(r *reliability.AtomicViewRules) {
			r.Waits = func(*impl.Config, spec.NodeID) bool { return false }
		},
		"old messages are taken in": func(r *reliability.AtomicViewRules) {
			r.Current = func(spec.ViewID, spec.ViewID) bool { return true }
		},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(300) {
				if b := newViewWorld(seed, 2, rules).broken(); len(b) > 0 {
					t.Logf("seed %d: %s", seed, b[0])
					return
				}
			}
			t.Error("not caught")
		})
	}
}
