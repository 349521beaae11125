package impltest_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/spec"
)

// numbering is a small layer that keeps every rule: it numbers what is sent to the group and drops what it has had.
type numbering struct {
	cfg  impl.Config
	sent uint32
	seen map[[2]uint32]bool
	life uint64
}

func newNumbering(cfg impl.Config) impl.Layer { return &numbering{cfg: cfg} }

func (l *numbering) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		*l = numbering{cfg: l.cfg, seen: map[[2]uint32]bool{}, life: in.Num}
	case in.Kind == impl.Send && in.To == impl.Everyone:
		l.sent++
		b := out.Extend(in.Body, 4)
		binary.LittleEndian.PutUint32(b[len(in.Body):], l.sent<<4|uint32(l.life)&15)
		out.SetTimer(1, in.Now+spec.Time(time.Millisecond))
		out.Down(in.To, b, in.Ref)
	case in.Kind == impl.Packet && in.To == impl.Everyone:
		body, h, ok := impl.Cut(in.Body, 4)
		if !ok {
			out.Note(impl.Malformed, 0, 0)
			return
		}
		key := [2]uint32{uint32(in.From), binary.LittleEndian.Uint32(h)}
		if l.seen[key] {
			out.Note(impl.Duplicate, 0, 0)
			return
		}
		l.seen[key] = true
		out.Up(in.From, in.To, body)
	default:
		out.Pass(in)
	}
}

func TestAGoodLayerPasses(t *testing.T) {
	if err := impltest.TestLayer(newNumbering); err != nil {
		t.Error(err)
	}
}

// broken is numbering with one rule broken: what does its step, or leaves it to the good layer by giving false.
type broken struct {
	good numbering
	what func(b *broken, in impl.Input, out *impl.Effects) bool
	out  *impl.Effects
	list []impl.Effect
	body []byte
}

func (b *broken) Step(in impl.Input, out *impl.Effects) {
	if !b.what(b, in, out) {
		b.good.Step(in, out)
	}
}

func toGroup(in impl.Input) bool { return in.Kind == impl.Send && in.To == impl.Everyone }

var instances int // what a global variable does to determinism

var brokenLayers = []struct {
	name, rule string
	step       func(b *broken, in impl.Input, out *impl.Effects) bool
}{
	{"writes into the buffer of an earlier step", "out kept", func(b *broken, in impl.Input, out *impl.Effects) bool {
		if b.out != nil && in.Kind == impl.Packet {
			b.out.Note(impl.Duplicate, 0, 0)
		}
		b.out = out
		return false
	}},
	{"reads the effects of an earlier step", "same effects", func(b *broken, in impl.Input, out *impl.Effects) bool {
		if len(b.list) > 0 && in.Kind == impl.Packet {
			out.Note(impl.Duplicate, b.list[0].Num, 0)
		}
		if b.good.Step(in, out); len(out.List) > 0 {
			b.list = out.List
		}
		return true
	}},
	{"writes to a body", "body changed", func(_ *broken, in impl.Input, _ *impl.Effects) bool {
		if in.Kind == impl.Packet && len(in.Body) > 0 {
			in.Body[0]++
		}
		return false
	}},
	{"writes to a body later", "body changed", func(b *broken, in impl.Input, _ *impl.Effects) bool {
		if in.Kind == impl.TimerFired && len(b.body) > 0 {
			b.body[0]++
		}
		if in.Kind == impl.Send {
			b.body = in.Body
		}
		return false
	}},
	{"appends to a body", "body changed", func(_ *broken, in impl.Input, out *impl.Effects) bool {
		if toGroup(in) {
			out.Down(in.To, append(in.Body, 1, 2, 3, 4), in.Ref)
		}
		return toGroup(in)
	}},
	{"cuts without capping", "uncapped cut", func(_ *broken, in impl.Input, out *impl.Effects) bool {
		if in.Kind == impl.Packet && len(in.Body) >= 4 && in.To == impl.Everyone {
			out.Up(in.From, in.To, in.Body[:len(in.Body)-4])
			return true
		}
		return false
	}},
	{"delivers before it relays", "upward last", func(_ *broken, in impl.Input, out *impl.Effects) bool {
		if in.Kind == impl.Packet && in.From != in.To && len(in.Body) > 8 {
			out.Up(in.From, in.To, in.Body)
			out.Note(impl.PointRelayed, 0, 0)
			return true
		}
		return false
	}},
	{"draws from a global", "same effects", func(_ *broken, in impl.Input, out *impl.Effects) bool {
		if instances++; toGroup(in) {
			out.Note(impl.Duplicate, uint64(instances), 0)
		}
		return false
	}},
	{"panics on a short packet", "panic", func(_ *broken, in impl.Input, _ *impl.Effects) bool {
		if in.Kind == impl.Packet {
			_ = in.Body[3]
		}
		return false
	}},
	{"panics on a long number", "panic", func(_ *broken, in impl.Input, _ *impl.Effects) bool {
		if in.Kind == impl.Packet && len(in.Body) >= 4 {
			_ = make([]byte, 1<<16)[binary.LittleEndian.Uint32(in.Body[len(in.Body)-4:])]
		}
		return false
	}},
	{"delivers a short packet", "short packets", func(_ *broken, in impl.Input, out *impl.Effects) bool {
		if in.Kind == impl.Packet && len(in.Body) < 4 {
			out.Pass(in)
			return true
		}
		return false
	}},
	{"drops a short packet silently", "short packets", func(_ *broken, in impl.Input, _ *impl.Effects) bool {
		return in.Kind == impl.Packet && len(in.Body) < 4
	}},
	{"swallows what it does not know", "passing on", func(_ *broken, in impl.Input, _ *impl.Effects) bool {
		return in.Kind == impl.Join
	}},
	{"swallows what comes from below", "passing on", func(_ *broken, in impl.Input, _ *impl.Effects) bool {
		return in.Kind == impl.Blocked
	}},
	{"gives a view back", "views", func(_ *broken, in impl.Input, out *impl.Effects) bool {
		if in.Kind == impl.ViewChanged {
			out.InstallView(in.View)
		}
		return in.Kind == impl.ViewChanged
	}},
	{"acknowledges twice", "answers", func(b *broken, in impl.Input, out *impl.Effects) bool {
		if in.Kind == impl.Acknowledged {
			out.Acknowledge(in.Ref)
			out.Acknowledge(in.Ref)
		}
		return in.Kind == impl.Acknowledged
	}},
	{"acknowledges what nobody asked", "answers", func(_ *broken, in impl.Input, out *impl.Effects) bool {
		if toGroup(in) {
			out.Acknowledge(99_999)
		}
		return toGroup(in)
	}},
	{"delivers its own send", "own copy", func(b *broken, in impl.Input, out *impl.Effects) bool {
		if toGroup(in) {
			out.Up(b.good.cfg.Self, in.To, in.Body)
		}
		return toGroup(in)
	}},
	{"loses one-to-one messages", "one to one", func(_ *broken, in impl.Input, _ *impl.Effects) bool {
		return in.Kind == impl.Send && in.To != impl.Everyone
	}},
	{"multicasts one-to-one messages", "one to one", func(_ *broken, in impl.Input, out *impl.Effects) bool {
		if in.Kind == impl.Send && in.To != impl.Everyone {
			out.Down(impl.Everyone, append([]byte("a body and"), 9, 9, 9, 9), 0)
			return true
		}
		return false
	}},
	{"sends nowhere", "addresses", func(_ *broken, in impl.Input, out *impl.Effects) bool {
		if toGroup(in) {
			out.Down(17, in.Body, 0)
		}
		return false
	}},
	{"delivers to somebody else", "addresses", func(b *broken, in impl.Input, out *impl.Effects) bool {
		if in.Kind == impl.Packet && in.To == impl.Everyone && len(in.Body) > 4 {
			out.Up(in.From, b.good.cfg.Self+1, in.Body)
			return true
		}
		return false
	}},
	{"sets a timer in the past", "timers", func(_ *broken, in impl.Input, out *impl.Effects) bool {
		if in.Kind == impl.TimerFired {
			out.SetTimer(3, in.Now-1)
		}
		return false
	}},
	{"echoes for ever", "an end", func(b *broken, in impl.Input, out *impl.Effects) bool {
		if in.Kind == impl.Packet && in.From >= 0 && in.From < 3 {
			out.Down(in.From, in.Body, 0)
		}
		return in.Kind == impl.Packet && in.From >= 0 && in.From < 3
	}},
	{"emits an effect of no kind", "kinds", func(_ *broken, in impl.Input, out *impl.Effects) bool {
		if toGroup(in) {
			out.Add(impl.Effect{})
		}
		return false
	}},
}

// Every rule is proved to be able to fail.
func TestBrokenLayersAreFound(t *testing.T) {
	for _, bad := range brokenLayers {
		t.Run(bad.name, func(t *testing.T) {
			err := impltest.TestLayer(func(cfg impl.Config) impl.Layer {
				return &broken{good: numbering{cfg: cfg}, what: bad.step}
			}, impltest.Effort(3, 200))
			switch {
			case err == nil:
				t.Error("nothing was found")
			case !strings.Contains(err.Error(), bad.rule+", at input "):
				t.Errorf("the rule %q is not among what was found:\n%v", bad.rule, err)
			default:
				t.Log(err)
			}
		})
	}
}

// A layer that does not find changed bytes is found out where it says that it does.
func TestAChecksumThatIsNone(t *testing.T) {
	err := impltest.TestLayer(newNumbering, impltest.Checksummed())
	if err == nil || !strings.Contains(err.Error(), "changed bytes, at input ") {
		t.Errorf("found: %v", err)
	}
}

// What is found is the same every time.
func TestFindingsRepeat(t *testing.T) {
	find := func() string {
		return impltest.TestLayer(newNumbering, impltest.Checksummed()).Error()
	}
	if a, b := find(), find(); a != b {
		t.Errorf("first\n%s\nthen\n%s", a, b)
	}
}
