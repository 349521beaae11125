package impl_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/spec"
)

// watcher writes down what comes by, and does what act says, or passes it on.
type watcher struct {
	name string
	log  *[]string
	act  func(in impl.Input, out *impl.Effects) bool
}

func (w *watcher) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.ViewChanged:
		way := "from below"
		if in.Flag {
			way = "from above"
		}
		*w.log = append(*w.log, w.name+": view "+in.View.ID.String()+" "+way)
	case impl.Packet, impl.Send:
		*w.log = append(*w.log, w.name+": "+in.Kind.String()+" "+string(in.Body))
	}
	if w.act == nil || !w.act(in, out) {
		out.Pass(in)
	}
}

// A view is told at once to the layers below the one that installs it, and upward in the queue, once to each.
func TestViewsTravelInBand(t *testing.T) {
	var log []string
	layer := func(name string, act func(impl.Input, *impl.Effects) bool) impl.Layer {
		return &watcher{name, &log, act}
	}
	s := impl.NewStack(
		layer("top", nil),
		layer("between", nil),
		layer("installer", func(in impl.Input, out *impl.Effects) bool {
			if in.Kind != impl.Packet || string(in.Body) != "b" {
				return false
			}
			out.InstallView(&spec.View{ID: spec.ViewID{Epoch: 7}})
			out.Up(0, impl.Everyone, in.Body)
			return true
		}),
		layer("below", nil),
		layer("bottom", func(in impl.Input, out *impl.Effects) bool {
			if in.Kind != impl.Packet {
				return false
			}
			for i := range in.Body { // a batch
				out.Up(0, impl.Everyone, in.Body[i:i+1:i+1])
			}
			return true
		}))
	out := impl.NewEffects(&impl.Arena{})
	s.Step(impl.Input{Kind: impl.Packet, To: impl.Everyone, Body: []byte("abc")}, out)
	want := strings.TrimSpace(`
bottom: packet abc
below: packet a
below: packet b
below: packet c
installer: packet a
installer: packet b
below: view 7 from above
bottom: view 7 from above
installer: packet c
between: packet a
between: view 7 from below
between: packet b
between: packet c
top: packet a
top: view 7 from below
top: packet b
top: packet c`)
	if got := strings.Join(log, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	want = "call-down view view 7 []; up from 0 to all \"a\"; view view 7 []; up from 0 to all \"b\"; up from 0 to all \"c\""
	if got := impltest.Effects(out.List); got != want {
		t.Errorf("leaving: %s\nwant     %s", got, want)
	}
}

// ticking sets a timer, writes a log and leaves a note at the start, and says whose timer and log it gets.
type ticking struct {
	name string
	log  *[]string
}

func (k *ticking) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		out.SetTimer(5, spec.Time(time.Second))
		out.Append([]byte(k.name))
		out.Persist(9)
		out.Note(impl.HeldBack, 1, 2)
	case impl.TimerFired, impl.Recovered, impl.Persisted:
		*k.log = append(*k.log, k.name+" "+impltest.Input(in))
	default:
		out.Pass(in)
	}
}

// opaque hides that a layer is a stack, as a wrapper does, so that stacks do nest.
type opaque struct{ impl.Layer }

func TestTimersAndLogsFindTheirLayerInNestedStacks(t *testing.T) {
	var log []string
	layer := func(name string) impl.Layer { return &ticking{name, &log} }
	s := impl.NewStack(layer("a"),
		opaque{impl.NewStack(layer("b"), opaque{impl.NewStack(layer("c"), layer("d"))}, layer("e"))}, layer("f"))
	out := impl.NewEffects(&impl.Arena{})
	s.Step(impl.Input{Kind: impl.Start}, out)
	paths := map[impl.Path]bool{}
	started := slices.Clone(out.List)
	for _, e := range started {
		in := impl.Input{Layer: e.Layer, Num: e.Num}
		switch e.Kind {
		case impl.SetTimer:
			in.Kind = impl.TimerFired
			paths[e.Layer] = true
		case impl.Append:
			in.Kind, in.Body = impl.Recovered, e.Body
		case impl.Persist:
			in.Kind, in.Ref = impl.Persisted, e.Ref
		default:
			continue
		}
		out.Reset()
		s.Step(in, out)
	}
	if len(paths) != 6 {
		t.Errorf("6 layers under %d paths", len(paths))
	}
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		for _, want := range []string{name + " timer 5", name + ` recovered "` + name + `"`, name + " persisted ref 9"} {
			if n := count(log, want); n != 1 {
				t.Errorf("%q happened %d times in\n%s", want, n, strings.Join(log, "\n"))
			}
		}
	}
	out.Reset()
	s.Step(impl.Input{Kind: impl.TimerFired, Layer: 0xffff}, out)
	s.Step(impl.Input{Kind: impl.TimerFired}, out)
	if len(out.List) != 0 {
		t.Errorf("a timer of nobody: %s", impltest.Effects(out.List))
	}
}

func count(list []string, x string) (n int) {
	for _, s := range list {
		if s == x {
			n++
		}
	}
	return n
}

// arbitrary is a layer that answers each input with effects drawn from its seed and what it has seen. Bodies get
// shorter on their way, so that it ends.
type arbitrary struct {
	seed uint64
	rand spec.Rand
}

func (a *arbitrary) Step(in impl.Input, out *impl.Effects) {
	if in.Kind == impl.Start {
		a.rand = spec.NewRand(a.seed)
	}
	if in.Kind == impl.ViewChanged || in.Kind == impl.Join {
		out.Pass(in)
		return
	}
	if len(in.Body) == 0 {
		return
	}
	rest := in.Body[: len(in.Body)-1 : len(in.Body)-1]
	for range a.rand.IntN(2) {
		out.Note(impl.HeldBack, a.rand.Uint64()%100, 0)
	}
	for range a.rand.IntN(3) {
		out.Down(spec.NodeID(a.rand.IntN(3)), rest, impl.Ref(a.rand.IntN(9)))
	}
	if a.rand.IntN(4) == 0 {
		out.SetTimer(a.rand.Uint64()%5, in.Now+1)
	}
	for range a.rand.IntN(3) {
		out.Up(spec.NodeID(a.rand.IntN(3)), impl.Everyone, rest)
	}
	if a.rand.IntN(6) == 0 {
		out.InstallView(&spec.View{ID: spec.ViewID{Epoch: a.rand.Uint64() % 100}})
	}
	if a.rand.IntN(6) == 0 {
		out.Acknowledge(impl.Ref(a.rand.IntN(9)))
	}
}

// A stack of stacks says what the flat stack of the same layers says, but for the names of the layers.
func TestNestedStacksBehaveAsTheFlatOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seeds := rapid.SliceOfN(rapid.Uint64(), 2, 6).Draw(t, "layers")
		flat, parts := make([]impl.Layer, len(seeds)), make([]impl.Layer, len(seeds))
		for i, seed := range seeds {
			flat[i], parts[i] = &arbitrary{seed: seed}, &arbitrary{seed: seed}
		}
		for len(parts) > 1 && rapid.Bool().Draw(t, "nest") {
			from := rapid.IntRange(0, len(parts)-1).Draw(t, "from")
			to := rapid.IntRange(from+1, len(parts)).Draw(t, "to")
			inner := impl.NewStack(parts[from:to]...)
			parts = slices.Concat(parts[:from], []impl.Layer{inner}, parts[to:])
		}
		a, b := impl.NewStack(flat...), impl.NewStack(parts...)
		x, y := impl.NewEffects(&impl.Arena{}), impl.NewEffects(&impl.Arena{})
		inputs := []impl.Input{{Kind: impl.Start}}
		for range rapid.IntRange(1, 4).Draw(t, "inputs") {
			k := rapid.SampledFrom([]impl.InputKind{impl.Send, impl.Packet, impl.Join, impl.ViewChanged}).Draw(t, "kind")
			inputs = append(inputs, impl.Input{Kind: k, Body: make([]byte, rapid.IntRange(0, 5).Draw(t, "length")),
				View: &spec.View{}, Flag: k == impl.ViewChanged && rapid.Bool().Draw(t, "from above")})
		}
		for _, in := range inputs {
			x.Reset()
			y.Reset()
			a.Step(in, x)
			b.Step(in, y)
			if got, want := leaving(y.List), leaving(x.List); got != want {
				t.Fatalf("on %s\nnested: %s\nflat:   %s", impltest.Input(in), got, want)
			}
		}
	})
}

func leaving(list []impl.Effect) string {
	list = slices.Clone(list)
	for i := range list {
		list[i].Layer = 0
	}
	return impltest.Effects(list)
}

// relay sends what it receives on, with its own header in the place of the old one.
func relay(extend func(out *impl.Effects, body []byte) []byte, header byte) func(packet []byte, out *impl.Effects) {
	return func(packet []byte, out *impl.Effects) {
		b := extend(out, packet)
		b[len(b)-1] = header
		out.Down(impl.Everyone, b, 0)
	}
}

// Receivers share the bytes of a packet: who cuts a header off and appends another one must not write over it.
func TestAHeaderIsNotWrittenOverThatOfOtherReceivers(t *testing.T) {
	naive := func(_ *impl.Effects, packet []byte) []byte { return append(packet[:len(packet)-1], 0) }
	careful := func(out *impl.Effects, packet []byte) []byte {
		body, _, _ := impl.Cut(packet, 1)
		return out.Extend(body, 1)
	}
	var arena impl.Arena
	out := impl.NewEffects(&arena)
	for name, extend := range map[string]func(*impl.Effects, []byte) []byte{"naive": naive, "careful": careful} {
		packet := arena.Extend([]byte("body"), 1)
		packet[4] = 1
		relay(extend, 9)(packet, out)
		if rewritten := packet[4] != 1; rewritten != (name == "naive") {
			t.Errorf("%s: the packet of the next receiver is %q", name, packet)
		}
	}
}

func TestAStackHasOneToFifteenLayers(t *testing.T) {
	for _, n := range []int{0, 16} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a stack of %d layers", n)
				}
			}()
			impl.NewStack(make([]impl.Layer, n)...)
		}()
	}
}

func TestPathsAreSpelled(t *testing.T) {
	if got := impl.Path(0x2c).String(); got != ".11.1" {
		t.Errorf("layer 1 of layer 11: %q", got)
	}
}
