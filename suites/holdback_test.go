package suites

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// unnoted looks for a message that is held back without a word of it, or let go without one: the notes of the depth say
// that it grew, or shrank, and the node says nothing of a hold-back then, or of a delivery or a discard. With below,
// only growth is looked at: what a level lets go of may be a packet of the order above.
func unnoted(h *spec.History, below bool) string {
	depth := map[spec.NodeID]int64{}
	for i := range h.Events {
		e := &h.Events[i]
		if e.Kind != spec.Note || h.ExtraOf(e).Op != spec.OpHeld {
			continue
		}
		change := h.ExtraOf(e).Depth - depth[e.Node]
		depth[e.Node] += change
		said := int64(0)
		for k := range h.Events {
			x := &h.Events[k]
			if x.T != e.T || x.Node != e.Node {
				continue
			}
			switch x.Kind {
			case spec.Recover, spec.Crash: // what a log gives back, and what is forgotten
				said = max(change, -change)
			case spec.Hold:
				if change > 0 {
					said++
				}
			case spec.Deliver, spec.Discard:
				if change < 0 {
					said++
				}
			}
		}
		if change > 0 && said < change || change < 0 && !below && said < -change {
			return fmt.Sprintf("at %v process %d holds back %+d, and tells of %d", e.T, e.Node, change, said)
		}
	}
	return ""
}

// Every message that an order or a level holds back, or lets go of, is told in the history with its reason.
func TestEveryHoldBackIsNoted(t *testing.T) {
	all := func(parts []Part, variants string) string { return strings.Join(names(parts), ",") + "," + variants }
	cells, err := Cells("unicast", all(Reliabilities(), "reliable-ip:deliver=stable,atomic-log:phases=1"),
		all(Orderings(), "total-sequencer:form=ub,total-kaashoek:method=bb,sync:reading=cut"), "static")
	if err != nil {
		t.Fatal(err)
	}
	schedules := 6
	if testing.Short() {
		schedules = 2
	}
	held := map[string]int{}
	for _, c := range cells {
		if c.Applicable() != nil {
			continue
		}
		cfg := c.world(c.Member, nil)
		cfg.Evidence = true
		b, plain := c.newBench(cfg, c.mtu()), c.newBench(c.world(c.Member, nil), c.mtu())
		p := Plan{Seed: 5}
		var s faults.Scenario
		for i := range schedules {
			p.draw(&s, seedOf(p.Seed, c.String(), 3, uint64(i)), c, c.faces(), i)
			if err := b.play(&s); err != nil {
				t.Fatal(b.broke(&s, err))
			}
			if text := unnoted(&b.h, c.Ordering.Name != "unordered"); text != "" {
				t.Errorf("%s: %s\n%s", c, text, s.String())
				break
			}
			x := b.world.Held()
			if err := plain.play(&s); err != nil {
				t.Fatal(plain.broke(&s, err))
			}
			crashed := slices.ContainsFunc(b.h.Events, func(e spec.Event) bool { return e.Kind == spec.Crash }) // perhaps before it was looked at
			if y := plain.world.Held(); !crashed && (x.Messages != y.Messages || x.Depth != y.Depth || x.Over != y.Over) {
				t.Errorf("%s: %+v with evidence, %+v without\n%s", c, x, y, s.String())
				break
			}
			held[c.Reliability.String()] += x.Messages
			held[c.Ordering.String()] += x.Messages
		}
	}
	for _, name := range []string{"nack", "reliable-ip", "reliable-ip:deliver=stable", "uniform", "durable", "atomic-log", "atomic-abort", "atomic-view", "byzantine",
		"fifo", "causal", "total-sequencer", "total-seqserver", "total-agreement", "total-lamport", "total-kaashoek", "real-time", "sync"} {
		if held[name] == 0 {
			t.Errorf("%s never held anything back: nothing has been tested", name)
		}
	}
}

// The test above can fail.
func TestUnnotedFinds(t *testing.T) {
	note := func(h *spec.History, at spec.Time, depth int64) {
		h.AddExtra(spec.Event{Kind: spec.Note, Node: 1, T: at, Has: spec.HasNode}, spec.Extra{Op: spec.OpHeld, Depth: depth})
	}
	for name, c := range map[string]struct {
		kinds []spec.Kind
		grows bool
		says  bool
	}{
		"held back, and told":          {[]spec.Kind{spec.Hold}, true, false},
		"held back":                    {nil, true, true},
		"held back, and others":        {[]spec.Kind{spec.Deliver, spec.Discard}, true, true},
		"let go, and delivered":        {[]spec.Kind{spec.Deliver}, false, false},
		"let go, and discarded":        {[]spec.Kind{spec.Discard}, false, false},
		"forgotten by one who crashed": {[]spec.Kind{spec.Crash}, false, false},
		"let go":                       {[]spec.Kind{spec.Hold}, false, true},
	} {
		h := &spec.History{}
		h.Add(spec.Event{Kind: spec.Hold, Node: 1, T: 1, Has: spec.HasNode})
		note(h, 1, 1)
		for _, k := range c.kinds {
			h.Add(spec.Event{Kind: k, Node: 1, T: 2, Has: spec.HasNode})
		}
		if note(h, 2, 0); c.grows {
			h.ExtraOf(&h.Events[len(h.Events)-1]).Depth = 2
		}
		if got := unnoted(h, false); (got != "") != c.says {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// The depth stands in the report, whatever the number of workers, and is bounded in time.
func TestDepthIsReported(t *testing.T) {
	cells, err := Cells("unicast", "unreliable", "unordered,fifo,total-lamport", "static")
	if err != nil {
		t.Fatal(err)
	}
	var first string
	for _, workers := range []int{1, 3} {
		r, err := Run(context.Background(), Plan{Cells: cells, Faults: spec.SetOf(spec.LossFault), Schedules: 2*chunk + 10, Parallel: workers})
		if err != nil {
			t.Fatal(err)
		}
		if x := r.Cells[0]; x.Held != nil {
			t.Errorf("unordered held back %+v", x.Held)
		}
		for _, c := range r.Cells[1:] {
			h := c.Held
			if h == nil || h.Most < 1 || h.Messages < h.Most || h.Mean <= 0 || len(h.DepthOver) > 32 {
				t.Fatalf("%s: %+v", c.Name(), h)
			}
			most := 0
			for _, x := range h.DepthOver {
				most = max(most, x.Most)
			}
			if most != h.Most {
				t.Errorf("%s: at most %d in any stretch of time, and %d in all", c.Name(), most, h.Most)
			}
		}
		text, err := json.Marshal(r.Cells)
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(text)
		} else if string(text) != first {
			t.Errorf("%d workers: another report", workers)
		}
	}
}
