package sim

import (
	"slices"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

const allSend = "at 10ms send 0 g 8\nat 10ms send 1 g 8\nat 10ms send 2 g 8\nat 10ms send 3 g 8"

// Each line: a fault from the start on, then every node multicasts; who is heard by 0, by 1, by 2, by 3.
func TestWhoReachesWhom(t *testing.T) {
	for _, c := range []struct{ fault, heard string }{
		{"nothing", "0123 0123 0123 0123"},
		{"partition 0 1 | 2 3", "01 01 23 23"},
		{"partition 0 | 1 | 2 3", "0 1 23 23"},
		{"partition 0 1 | 2", "013 013 23 0123"}, // 3 is in no part
		{"oneway 0 > 1 2", "0123 123 123 0123"},
		{"bridge 0 1 | 2 via 3", "013 013 23 0123"},
		{"isolate 1", "023 1 023 023"},
		{"flap 0 1 | 2 3 every 30ms", "01 01 23 23"},
		{"flap 0 1 | 2 3 every 8ms", "0123 0123 0123 0123"}, // off at 10ms
		{"omit-send 0 100%", "0123 123 123 123"},
		{"omit-send 0 to 2 100%", "0123 0123 123 0123"},
		{"omit-receive 2 100%", "0123 0123 2 0123"},
		{"omit-receive 2 from 0 100%", "0123 0123 123 0123"},
		{"omit-send 0 0%", "0123 0123 0123 0123"},
		{"loss 100%", "0 1 2 3"},
		{"loss 0%", "0123 0123 0123 0123"},
	} {
		h, _ := play(t, Config{New: bare}, "at 0s "+c.fault, allSend)
		if got := heard(h); got != c.heard {
			t.Errorf("%s: heard %s, want %s", c.fault, got, c.heard)
		}
		if c.fault == "nothing" || c.heard == "0123 0123 0123 0123" {
			continue
		}
		h, _ = play(t, Config{New: bare}, "at 0s "+c.fault+" for 9ms", allSend)
		if got := heard(h); got != "0123 0123 0123 0123" {
			t.Errorf("%s for 9ms: heard %s", c.fault, got)
		}
		h, _ = play(t, Config{New: bare}, "at 0s "+c.fault, "at 9ms heal", allSend)
		if got := heard(h); got != "0123 0123 0123 0123" {
			t.Errorf("%s, healed: heard %s", c.fault, got)
		}
	}
}

func TestFlapGoesOnAndOff(t *testing.T) {
	h, _ := play(t, Config{New: bare}, "at 0s flap 0 | 1 every 10ms for 45ms", "at 5ms send 0 to 1 8", "at 15ms send 0 to 1 8",
		"at 25ms send 0 to 1 8", "at 35ms send 0 to 1 8", "at 46ms send 0 to 1 8")
	if got := told(h, spec.Deliver); got != "1 deliver 0/0/2\n1 deliver 0/0/4\n1 deliver 0/0/5" {
		t.Errorf("delivered\n%s", got)
	}
}

// A share is a share: of 400 packets about a quarter is lost.
func TestLossOfAShare(t *testing.T) {
	steps := []string{"at 0s loss 25%"}
	for range 400 {
		steps = append(steps, "at 1ms send 0 to 1 8")
	}
	h, _ := play(t, Config{New: bare}, steps...)
	if n := len(events(h, spec.Deliver)); n < 260 || n > 340 {
		t.Errorf("%d of 400 arrived", n)
	}
}

// A paused node takes everything in when it goes on, in the order in which it came, its own sends too.
func TestPauseKeepsTheOrder(t *testing.T) {
	h, w := play(t, Config{New: bare}, "at 0s pause 1 for 50ms", "at 1ms send 0 to 1 8", "at 10ms send 1 to 0 8",
		"at 20ms send 0 to 1 8", "at 30ms send 0 to 1 8")
	want := "1 pause\n0 send 0/0/1\n0 send 0/0/2\n0 send 0/0/3\n1 resume\n1 deliver 0/0/1\n1 send 1/0/1\n1 deliver 0/0/2\n" +
		"1 deliver 0/0/3\n0 deliver 1/0/1"
	if got := told(h, spec.Pause, spec.Resume, spec.Send, spec.Deliver); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, e := range events(h, spec.Deliver)[:3] {
		if e.T != ms(50) {
			t.Errorf("delivered at %d", e.T)
		}
	}
	if w.Counts().Receipts != 4 {
		t.Errorf("%d receipts, want 4: a paused node's packets count too", w.Counts().Receipts)
	}
}

// alarm sets a timer; a packet stops it, or sets it again where its body begins with 'r'. It delivers when it fires.
type alarm struct{ self spec.NodeID }

func (a alarm) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Ready:
		out.SetTimer(1, ms(20))
	case impl.Send:
		out.Down(in.To, in.Body, 0)
	case impl.Packet:
		if a.self == 1 {
			out.StopTimer(1)
		} else {
			out.SetTimer(1, in.Now+ms(10))
		}
	case impl.TimerFired:
		out.Suspect(a.self)
	}
}

// A timer that fired while its node was paused, and is then stopped or set again by what came before, never fires.
func TestAPausedTimerCanStillBeStopped(t *testing.T) {
	h, _ := play(t, Config{New: func(cfg impl.Config) impl.Layer { return alarm{cfg.Self} }},
		"at 1ms pause 1 for 50ms", "at 1ms pause 2 for 50ms", "at 2ms send 0 to 1 8", "at 2ms send 0 to 2 8")
	var fired []spec.Event
	for _, e := range events(h, spec.Suspect) {
		if e.Node == 1 || e.Node == 2 {
			fired = append(fired, e)
		}
	}
	if len(fired) != 1 || fired[0].Node != 2 || fired[0].T != ms(61) {
		t.Errorf("fired: %v; want node 2's, once, at 61ms", fired)
	}
}

func TestCrashAndLossyCrash(t *testing.T) {
	h, _ := play(t, Config{New: bare}, "at 1ms send 0 g 8", "at 1ms crash 0")
	if got := heard(h); got != " 0 0 0" {
		t.Errorf("crash: heard %q", got)
	}
	h, _ = play(t, Config{New: bare}, "at 1ms send 0 g 8", "at 1ms crash-lossy 0")
	if got := heard(h); got != "   " {
		t.Errorf("crash-lossy: heard %q", got)
	}
	// What a later life sends is not lost with the former one.
	h, _ = play(t, Config{New: bare}, "at 1ms send 0 g 8", "at 1ms crash-lossy 0", "at 2ms recover 0", "at 3ms send 0 g 8")
	if got := told(h, spec.Deliver); len(events(h, spec.Deliver)) != 4 {
		t.Errorf("after the recovery:\n%s", got)
	}
}

func TestARecoveryIsANewIncarnation(t *testing.T) {
	var starts []uint64
	newLayer := func(cfg impl.Config) impl.Layer {
		return observed{bare(cfg), func(in impl.Input) {
			if in.Kind == impl.Start && cfg.Self == 0 {
				starts = append(starts, in.Num)
			}
		}}
	}
	h, _ := play(t, Config{New: newLayer}, "at 1ms send 0 to 1 8", "at 2ms crash 0", "at 3ms send 0 to 1 8", "at 4ms recover 0",
		"at 5ms send 0 to 1 8", "at 5ms recover 0", "at 20ms crash 0", "at 21ms recover 0", "at 22ms send 0 to 1 8")
	want := "0 send 0/0/1\n0 crash\n0 recover\n0 send 0/1/1\n0 crash\n0 recover\n0 send 0/2/1"
	if got := told(h, spec.Send, spec.Crash, spec.Recover); got != want {
		t.Errorf("got\n%s", got)
	}
	if !slices.Equal(starts, []uint64{0, 1, 2}) {
		t.Errorf("incarnations %v", starts)
	}
}

// observed shows the inputs of a layer.
type observed struct {
	impl.Layer
	see func(in impl.Input)
}

func (o observed) Step(in impl.Input, out *impl.Effects) {
	o.see(in)
	o.Layer.Step(in, out)
}

func TestDuplicates(t *testing.T) {
	h, _ := play(t, Config{New: bare}, "at 0s duplicate 100%", "at 1ms send 0 g 8")
	if n := len(events(h, spec.Deliver)); n != 7 { // its own copy is not the network's
		t.Errorf("%d deliveries, want 2 at three nodes and 1 at the sender", n)
	}
}

// Corruption changes one byte of one copy, and of no other's.
func TestCorruption(t *testing.T) {
	var got [4][]byte
	newLayer := func(cfg impl.Config) impl.Layer {
		return observed{bare(cfg), func(in impl.Input) {
			if in.Kind == impl.Packet {
				got[cfg.Self] = slices.Clone(in.Body)
			}
		}}
	}
	play(t, Config{New: newLayer}, "at 0s corrupt 100%", "at 1ms send 0 g 40")
	for n := 1; n < 4; n++ {
		changed := 0
		for i := range got[0] {
			if got[n][i] != got[0][i] {
				changed++
			}
		}
		if changed != 1 || len(got[n]) != len(got[0]) {
			t.Errorf("node %d: %d bytes changed", n, changed)
		}
	}
}

func TestDelay(t *testing.T) {
	h, _ := play(t, Config{New: bare}, "at 0s delay 0 to 1 by 100ms", "at 1ms send 0 g 8", "at 1ms send 2 to 1 8")
	for _, e := range events(h, spec.Deliver) {
		slow := e.Node == 1 && e.Msg.Sender == 0
		if late := e.T >= ms(102); late != slow || e.T > ms(106) {
			t.Errorf("%d delivered %v at %d", e.Node, e.Msg, e.T)
		}
	}
}

func TestReorder(t *testing.T) {
	steps := []string{"at 0s reorder 50% by 100ms"}
	for range 20 {
		steps = append(steps, "at 1ms send 0 to 1 8")
	}
	h, _ := play(t, Config{New: bare}, steps...)
	overtaken, last := 0, uint64(0)
	for _, e := range events(h, spec.Deliver) {
		if e.T > ms(106) {
			t.Errorf("delivered at %d", e.T)
		}
		if e.Msg.Number < last {
			overtaken++
		}
		last = e.Msg.Number
	}
	if overtaken < 3 {
		t.Errorf("%d overtaken", overtaken)
	}
}

func TestLongPacketsAreLost(t *testing.T) {
	s := scenario(t, "at 1ms send 0 g 50", "at 20ms send 0 g 300")
	s.Net.MTU = 200
	h := &spec.History{}
	if err := New(Config{New: bare}).Play(s, h); err != nil {
		t.Fatal(err)
	}
	if n := len(events(h, spec.Deliver)); n != 5 {
		t.Errorf("%d deliveries, want 4 of the first and the sender's own of the second", n)
	}
}
