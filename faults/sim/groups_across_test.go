package sim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// A layer across the groups stands between the application and the stacks of a node, and sees all of them; also where
// there is a single one.
func TestAcross(t *testing.T) {
	for _, c := range []struct {
		steps   []string
		seen    string
		reached [3]string
		knows   string
	}{
		{[]string{"group g 0 1", "group h 1 2", "at 10ms send 0 g 8", "at 30ms send 2 h 8", "at 50ms send 1 h 8"},
			"map[0:send 0 packet 0  1:packet 0 packet 1 send 1 packet 1  2:send 1 packet 1 packet 1 ]", [3]string{"01", "12", "12"}, "g [0 1] h [1 2]"},
		{[]string{"group g 0 1", "at 10ms send 0 g 8"}, "map[0:send 0 packet 0  1:packet 0 ]", [3]string{"01", "", ""}, "g [0 1]"},
	} {
		seen, knows := map[spec.NodeID]string{}, ""
		cfg := Config{New: bare, Across: func(cfg impl.Config, groups []spec.Group) impl.Layer {
			if knows = ""; cfg.Group != impl.Shared {
				t.Errorf("it is told that it is of group %d", cfg.Group)
			}
			for _, g := range groups {
				knows += fmt.Sprintf("%s %v ", g.Name, g.Members)
			}
			return across{cfg.Self, seen}
		}}
		h := &spec.History{}
		if err := New(cfg).Play(siteScenario(t, c.steps...), h); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(seen); got != c.seen || strings.TrimSpace(knows) != c.knows {
			t.Errorf("it saw %s and knows %s, want %s and %s", got, knows, c.seen, c.knows)
		}
		for n, want := range c.reached {
			if got := reached(h, spec.NodeID(n)); got != want {
				t.Errorf("the messages of node %d reached %s, want %s", n, got, want)
			}
		}
	}
}

// across writes down for which group everything is.
type across struct {
	self spec.NodeID
	seen map[spec.NodeID]string
}

func (a across) Step(in impl.Input, out *impl.Effects) {
	if in.Kind == impl.Send || in.Kind == impl.Packet {
		a.seen[a.self] += fmt.Sprintf("%v %d ", in.Kind, in.Group)
	}
	out.Pass(in)
}

// Each stack orders its own group. Across groups nothing is ordered: who is in both may deliver an answer that was sent
// to the one before the question that was sent to the other, and causal order, which is of a group, is kept.
func TestNothingIsOrderedAcrossGroups(t *testing.T) {
	stack := func(cfg impl.Config) impl.Layer {
		return impl.NewStack(ordering.NewCausal(cfg), transport.NewUnicast(cfg), transport.NewChannel(cfg))
	}
	for groups, want := range map[string]string{"group g 0 1 2": "0/0/1 1/0/1", "group g 0 1 2\ngroup h 1 2": "1/0/1 0/0/1"} {
		answer := "g"
		if strings.Contains(groups, "h") {
			answer = "h"
		}
		s := siteScenario(t, groups, "at 0s delay 0 to 2 by 50ms", "at 10ms send 0 g 8", "on 1 deliver 1 send 1 "+answer+" 8")
		h := &spec.History{}
		if err := New(Config{New: stack}).Play(s, h); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range events(h, spec.Deliver) {
			if e.Node == 2 {
				got = append(got, e.Msg.String())
			}
		}
		var j checkers.Judge
		j.Load(h)
		if f := j.Check("CAUSAL-GAPFREE"); strings.Join(got, " ") != want || f.Verdict == spec.Fail {
			t.Errorf("answered in %s, node 2 delivered %v, want %s; causal order: %v", answer, got, want, f.Verdict)
		}
	}
}
