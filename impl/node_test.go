package impl_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// groupWatcher writes down what comes by and for which group, does what act says, or passes it on.
type groupWatcher struct {
	name string
	log  *[]string
	act  func(in impl.Input, out *impl.Effects) bool
}

func (w *groupWatcher) Step(in impl.Input, out *impl.Effects) {
	*w.log = append(*w.log, w.name+": "+impltest.Input(in)+" of "+strconv.Itoa(int(in.Group)))
	if w.act == nil || !w.act(in, out) {
		out.Pass(in)
	}
}

// watchedNode has groups 2 and 5, with two layers each, over a bottom of two, and under one layer where above.
func watchedNode(log *[]string, above bool, bottom func(impl.Input, *impl.Effects) bool) *impl.Stack {
	layer := func(name string) impl.Layer { return &groupWatcher{name: name, log: log} }
	n := impl.Node{
		Stacks: []impl.GroupStack{
			{Group: 2, Layer: impl.NewStack(layer("2a"), layer("2b"))},
			{Group: 5, Layer: impl.NewStack(layer("5a"), layer("5b"))},
		},
		Below: impl.NewStack(&groupWatcher{"host", log, bottom}, layer("card")),
	}
	if above {
		n.Above = layer("across")
	}
	return impl.NewNode(n)
}

// leavingNode gives what leaves a node on an input, each effect with its group.
func leavingNode(l impl.Layer, in impl.Input) string {
	out := impl.NewEffects(&impl.Arena{})
	l.Step(in, out)
	var said []string
	for i := range out.List {
		said = append(said, impltest.Effects(out.List[i:i+1])+" of "+strconv.Itoa(int(out.List[i].Group)))
	}
	return strings.Join(said, "; ")
}

// A send goes down the stack of its group, and a packet goes up the stack that the bottom names.
func TestANodeTellsItsGroupsApart(t *testing.T) {
	for _, c := range []struct {
		name  string
		above bool
		in    impl.Input
		way   string
		left  string
	}{
		{"a send to the second", false, impl.Input{Kind: impl.Send, Group: 5, To: impl.Everyone, Body: []byte("x")},
			"5a 5b host card", `down to all "x" of 5`},
		{"a packet for the first", false, impl.Input{Kind: impl.Packet, Group: 2, From: 1, To: impl.Everyone, Body: []byte("x")},
			"card host 2b 2a", `up from 1 to all "x" of 2`},
		{"a packet for a group of others", false, impl.Input{Kind: impl.Packet, Group: 3, From: 1, To: impl.Everyone, Body: []byte("x")},
			"card host", "note not-member 1 3 of -1"},
		{"a send to a group of others", false, impl.Input{Kind: impl.Send, Group: 3, To: impl.Everyone}, "", "note not-member 0 3 of -1"},
		{"a send, with a layer across", true, impl.Input{Kind: impl.Send, Group: 5, To: impl.Everyone, Body: []byte("x")},
			"across 5a 5b host card", `down to all "x" of 5`},
		{"a packet, with a layer across", true, impl.Input{Kind: impl.Packet, Group: 2, From: 1, To: impl.Everyone, Body: []byte("x")},
			"card host 2b 2a across", `up from 1 to all "x" of 2`},
		{"a suspicion, which is for all", false, impl.Input{Kind: impl.Suspected, From: 3},
			"card host 2b 5b 2a 5a", "suspect 3 of 2; suspect 3 of 5"},
		{"a view of the second, from above", true, impl.Input{Kind: impl.ViewChanged, Group: 5, View: &spec.View{}, Flag: true},
			"across 5a 5b host card", "call-down view view 0 [] of 5"},
		{"a call", false, impl.Input{Kind: impl.Leave, Group: 2, Ref: 7}, "2a 2b host card", "call-down leave ref 7 of 2"},
		{"a start", true, impl.Input{Kind: impl.Start}, "card host 5b 5a 2b 2a across", ""},
	} {
		var log []string
		got := leavingNode(watchedNode(&log, c.above, nil), c.in)
		var way []string
		for _, l := range log {
			name, _, _ := strings.Cut(l, ":")
			way = append(way, name)
		}
		if view := c.in.Kind == impl.ViewChanged; view && slices.ContainsFunc(log, func(l string) bool { return !strings.HasSuffix(l, " of 5") }) {
			t.Errorf("%s: %q", c.name, log)
		}
		if w := strings.Join(way, " "); w != c.way || got != c.left {
			t.Errorf("%s: by %s, and out goes %s\nwant %s, and %s", c.name, w, got, c.way, c.left)
		}
	}
}

// What two stacks say to their bottom is answered to the one that said it, though both use the same references.
func TestTheBottomOfANodeAnswersTheRightStack(t *testing.T) {
	var log []string
	n := watchedNode(&log, false, func(in impl.Input, out *impl.Effects) bool {
		if in.Kind == impl.Send {
			out.Add(impl.Effect{Kind: impl.Refuse, Ref: in.Ref, Code: impl.NotMember, Group: in.Group})
		}
		return in.Kind == impl.Send
	})
	for _, g := range []spec.GroupID{5, 2} {
		want := "refuse not-member ref 1 of " + strconv.Itoa(int(g))
		if got := leavingNode(n, impl.Input{Kind: impl.Send, Group: g, To: impl.Everyone, Ref: 1}); got != want {
			t.Errorf("out goes %s, want %s", got, want)
		}
	}
}

// Timers and logs are named by group and layer, those of what is shared by Shared, and find back.
func TestTimersAndLogsFindTheirLayerInANode(t *testing.T) {
	var log []string
	layer := func(name string) impl.Layer { return &ticking{name, &log} }
	n := impl.NewNode(impl.Node{
		Above: layer("across"),
		Stacks: []impl.GroupStack{
			{Group: 0, Layer: impl.NewStack(layer("0a"), layer("0b"))},
			{Group: 3, Layer: layer("3a")},
		},
		Below: impl.NewStack(layer("host"), layer("card")),
	})
	out := impl.NewEffects(&impl.Arena{})
	n.Step(impl.Input{Kind: impl.Start}, out)
	var names []string
	timers := slices.Clone(out.List)
	for _, e := range timers {
		if e.Kind == impl.SetTimer {
			names = append(names, strconv.Itoa(int(e.Group))+e.Layer.String())
			out.Reset()
			n.Step(impl.Input{Kind: impl.TimerFired, Num: e.Num, Group: e.Group, Layer: e.Layer}, out)
		}
	}
	if got, want := strings.Join(names, " "), "-1.2 -1.1 3.0 0.1 0.0 -1.0"; got != want {
		t.Errorf("timers of %s, want %s", got, want)
	}
	var fired []string
	for _, l := range log {
		name, _, _ := strings.Cut(l, " ")
		fired = append(fired, name)
	}
	if got, want := strings.Join(fired, " "), "card host 3a 0b 0a across"; got != want {
		t.Errorf("they fired at %s, want %s", got, want)
	}
	for _, in := range []impl.Input{{Group: 3, Layer: timers[0].Layer}, {Group: 1}, {Group: impl.Shared, Layer: 0x7}, {Group: 0, Layer: 0xf}, {Group: impl.Shared}} {
		in.Kind = impl.TimerFired
		if out.Reset(); true {
			n.Step(in, out)
		}
		if len(log) != 6 {
			t.Errorf("group %d, layer%s: fired at %s", in.Group, in.Layer, log[6:])
		}
	}
}

// A node of one group is what the stack of that group is.
func TestANodeOfOneGroupIsAStack(t *testing.T) {
	alone := func(cfg impl.Config) impl.Layer {
		return impl.NewNode(impl.Node{
			Stacks: []impl.GroupStack{{Layer: impl.NewStack(ordering.NewCausal(cfg), reliability.NewReliable(cfg), transport.NewUnicast(cfg))}},
			Below:  transport.NewChannel(cfg),
		})
	}
	if err := impltest.TestLayer(alone, impltest.Checksummed()); err != nil {
		t.Error(err)
	}
}

// With one queue for all stacks, what a step says upward waits until nothing is carried down, whichever stack says it:
// a layer across that answers the first delivery of a batch by a send in another group does so before the second.
func TestANodeHasOneQueue(t *testing.T) {
	var log []string
	layer := func(name string, act func(impl.Input, *impl.Effects) bool) impl.Layer {
		return &groupWatcher{name, &log, act}
	}
	n := impl.NewNode(impl.Node{
		Above: layer("across", func(in impl.Input, out *impl.Effects) bool {
			if in.Kind == impl.Packet && in.Group == 0 {
				out.Add(impl.Effect{Kind: impl.Down, To: impl.Everyone, Group: 1, Body: []byte("reply")})
			}
			return false
		}),
		Stacks: []impl.GroupStack{{Group: 0, Layer: layer("0", nil)}, {Group: 1, Layer: layer("1", nil)}},
		Below: layer("host", func(in impl.Input, out *impl.Effects) bool {
			if in.Kind == impl.Packet { // two at once, for both groups
				for g := range spec.GroupID(2) {
					out.Add(impl.Effect{Kind: impl.Up, To: impl.Everyone, Group: g, Body: in.Body})
				}
			}
			return in.Kind == impl.Packet
		}),
	})
	got := leavingNode(n, impl.Input{Kind: impl.Packet, To: impl.Everyone, Body: []byte("m")})
	if want := `down to all "reply" of 1; up from 0 to all "m" of 0; up from 0 to all "m" of 1`; got != want {
		t.Errorf("out goes %s\nwant     %s", got, want)
	}
	want := `host: packet from 0 to all "m" of 0
0: packet from 0 to all "m" of 0
1: packet from 0 to all "m" of 1
across: packet from 0 to all "m" of 0
1: send to all "reply" of 1
host: send to all "reply" of 1
across: packet from 0 to all "m" of 1`
	if got := strings.Join(log, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWrongNodes(t *testing.T) {
	l := &groupWatcher{log: new([]string)}
	node := func() impl.Layer { return impl.NewNode(impl.Node{Stacks: []impl.GroupStack{{Layer: l}}}) }
	for name, make := range map[string]func(){
		"without a stack": func() { impl.NewNode(impl.Node{Below: l}) },
		"in a stack":      func() { impl.NewStack(l, node()) },
		"in a node":       func() { impl.NewNode(impl.Node{Stacks: []impl.GroupStack{{Layer: node()}}}) },
		"too high": func() {
			impl.NewNode(impl.Node{Stacks: []impl.GroupStack{{Layer: impl.NewStack(slices.Repeat([]impl.Layer{l}, 16)...)}}})
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a node %s was made", name)
				}
			}()
			make()
		}()
	}
}
