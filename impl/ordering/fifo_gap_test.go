package ordering_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

func announcing(cfg impl.Config) impl.Layer { return ordering.NewAnnouncingFifo(cfg) }

// What has not come for TL is announced, and what is held back behind it delivered; what comes then is overdue.
func TestFifoAnnouncesAGap(t *testing.T) {
	f := impltest.NewFigure(2, announcing)
	give := func(body string, s uint64) {
		f.Give(1, impl.Input{Kind: impl.Packet, From: 0, To: impl.Everyone, Body: numbered(body, s)})
	}
	f.Say("two and three are missing: hold back")
	give("one", 1)
	give("four", 4)
	f.Wait(f.TL / 2)
	f.Say("six is missing too, but not for so long")
	give("seven", 7)
	give("five", 5)
	delivered(t, f, 1, "one")
	f.Wait(f.TL / 2)
	f.Say("four has been held back for TL: announce, and go on")
	delivered(t, f, 1, "one", "four", "five")
	f.Say("what was announced comes after all: too late")
	give("three", 3)
	f.Say("what was not is delivered")
	give("six", 6)
	delivered(t, f, 1, "one", "four", "five", "six", "seven")
	f.Wait(f.TL)
	if n := strings.Count(f.String(), "gap"); n == 0 {
		t.Errorf("no gap was announced\n%s", f)
	}
	golden(t, f, "fifo-announced-gap")
}

func TestAnnouncingFifoKeepsTheContract(t *testing.T) {
	if err := impltest.TestLayer(announcing); err != nil {
		t.Error(err)
	}
}

// Over a network that loses, order holds and no gap is silent, as long as it is told; an ordering that tells nothing is found
// out.
func TestFifoOverLoss(t *testing.T) {
	schedules := 4000
	if testing.Short() {
		schedules = 800
	}
	silent := func(cfg impl.Config) impl.Layer {
		f := ordering.NewAnnouncingFifo(cfg)
		f.Rules.Tells = func(*impl.Effects, spec.NodeID, uint64, uint64) {}
		return f
	}
	for _, c := range []struct {
		name   string
		order  maker
		caught bool
	}{{"announcing", announcing, false}, {"silent", silent, true}} {
		w := sim.New(sim.Config{New: func(cfg impl.Config) impl.Layer {
			return impl.NewStack(c.order(cfg), reliability.NewUnreliable(cfg), transport.NewUnicast(cfg))
		}})
		var s faults.Scenario
		var h spec.History
		bites, fails := 0, 0
		for seed := range uint64(schedules) {
			faults.DrawInto(&s, seed, faults.Params{Faults: spec.SetOf(spec.LossFault, spec.DuplicateFault, spec.ReorderFault, spec.DelayFault, spec.CrashFault), MaxSends: 8})
			if err := w.Play(&s, &h); err != nil {
				t.Fatal(err)
			}
			for _, f := range checkers.Check(&h, "NO-SILENT-GAP", "FIFO-ORDER", "NO-DUPLICATION") {
				switch {
				case f.Verdict == spec.Fail && f.ID == "NO-SILENT-GAP" && c.caught:
					fails++
				case f.Verdict == spec.Fail:
					t.Errorf("%s, seed %d: %s: %s", c.name, seed, f.ID, f.Witness.Text)
				case f.Verdict == spec.Pass && f.ID == "NO-SILENT-GAP":
					bites++
				}
			}
		}
		if !c.caught && bites < schedules/200 || c.caught && fails < schedules/200 {
			t.Errorf("%s: NO-SILENT-GAP held in %d and failed in %d of %d schedules", c.name, bites, fails, schedules)
		}
	}
}

// A steady stream with a hole costs no allocation a step.
func BenchmarkAnnouncingFifo(b *testing.B) {
	l := announcing(impl.Config{Self: 0, Nodes: 2, Members: members(2), TS: 30 * time.Millisecond, TL: 100 * time.Millisecond})
	out := impl.NewEffects(&impl.Arena{})
	l.Step(impl.Input{Kind: impl.Start}, out)
	l.Step(impl.Input{Kind: impl.Ready}, out)
	b.ReportAllocs()
	body := numbered("body", 0)
	for i := 0; b.Loop(); i++ {
		n := uint64(i/2)*4 + 2 + uint64(i%2)*2 // of every four numbers two do not come
		binary.LittleEndian.PutUint64(body[4:], n)
		now := spec.Time(i) * spec.Time(time.Second)
		l.Step(impl.Input{Kind: impl.Packet, Now: now, From: 1, To: impl.Everyone, Body: body}, out)
		l.Step(impl.Input{Kind: impl.TimerFired, Now: now + spec.Time(time.Second/2), Num: 1 << 32}, out)
		out.Reset()
	}
}
