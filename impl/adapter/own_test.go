package adapter

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/adapter/adaptertest"
	"github.com/conform-go/conform/spec"
)

func ownWorld(t *testing.T) *Own { return ownWorldOf(t, "own") }

func ownWorldOf(t *testing.T, mode string) *Own {
	t.Helper()
	o := Options{Command: adaptertest.Command(mode, "token")}
	p, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	return NewOwn(o, p.Hello())
}

// played plays steps with so many nodes, all in one group, on a world whose packets take a millisecond.
func played(t *testing.T, w *Own, nodes int, steps string) *spec.History {
	t.Helper()
	s, err := faults.Parse(fmt.Sprintf("conform.scenario/1\nnodes %d\ngroup g%.*s\nseed 1\nnet latency 1ms..1ms", nodes, 2*nodes, " 0 1 2 3") + steps)
	if err != nil {
		t.Fatal(err)
	}
	var h spec.History
	if err := w.Play(s, &h); err != nil {
		t.Fatal(err)
	}
	return &h
}

// TestOwnLives: a crash ends a life and what was said before it counts, a recovery begins the next one, and who is
// paused sends when the pause is over.
func TestOwnLives(t *testing.T) {
	if testing.Short() {
		t.Skip("in real time")
	}
	w := ownWorld(t)
	h := played(t, w, 2, `
at 0s send 0 g 4
on 0 deliver 1 crash 0
at 900ms recover 0
at 910ms send 0 g 4
at 920ms pause 1 for 100ms
at 930ms send 1 g 4
on 1 receive 9 send 1 g 4
`)
	got := make([][]string, 2)
	for i := range h.Events {
		e := &h.Events[i]
		word := e.Kind.String()
		if e.Is(spec.HasMsg) {
			word += " " + e.Msg.String()
		}
		if e.Kind != spec.Ack {
			got[e.Node] = append(got[e.Node], word)
		}
	}
	want := [][]string{{"send 0/0/1", "deliver 0/0/1", "crash", "recover", "send 0/1/1", "deliver 0/1/1"},
		{"pause", "resume", "send 1/0/1", "deliver 1/0/1"}}
	for n := range want {
		if !slices.Equal(got[n], want[n]) {
			t.Errorf("node %d: got\n  %s\nwant\n  %s", n, strings.Join(got[n], "\n  "), strings.Join(want[n], "\n  "))
		}
	}
	if !h.Settled || len(w.Unplayed()) != 1 {
		t.Errorf("settled %v, steps whose moment never came: %v", h.Settled, w.Unplayed())
	}
}

// TestOwnReady: a program may wait for the others before it says that it is ready, and a run is not over while one that
// came back is not ready; what it is to send waits.
func TestOwnReady(t *testing.T) {
	if testing.Short() {
		t.Skip("in real time")
	}
	w := ownWorldOf(t, "own-group")
	h := played(t, w, 3, `
at 1ms send 1 g 4
at 10ms crash 0
at 20ms recover 0
at 30ms pause 0 for 20ms
at 40ms send 0 g 4
at 60ms crash 2
at 70ms recover 2
at 80ms crash 2
`)
	var got []string
	for i := range h.Events {
		if e := &h.Events[i]; e.Is(spec.HasMsg) && e.Kind != spec.Ack {
			got = append(got, e.Kind.String()+" "+e.Msg.String())
		}
	}
	if want := []string{"send 1/0/1", "deliver 1/0/1", "send 0/1/1", "deliver 0/1/1"}; !slices.Equal(got, want) || !h.Settled {
		t.Errorf("settled %v, got %q, want %q", h.Settled, got, want)
	}
}

// TestOwnBackWhileDying: a recovery that follows what is heard while a process is being killed comes behind the crash.
func TestOwnBackWhileDying(t *testing.T) {
	if testing.Short() {
		t.Skip("in real time")
	}
	w := ownWorld(t)
	h := played(t, w, 3, `
at 1ms send 0 g 4
at 1ms send 2 g 4
at 1ms send 1 g 4
on 0 deliver 1 crash 1
on 2 deliver 1 recover 1
on 1 deliver 1 recover 1
`)
	crashed := false
	for i := range h.Events {
		switch e := &h.Events[i]; e.Kind {
		case spec.Crash:
			crashed = true
		case spec.Recover:
			if !crashed {
				t.Error("back before the crash")
			}
		}
	}
	if !crashed || !h.Settled {
		t.Errorf("crashed %v, settled %v", crashed, h.Settled)
	}
}

// TestOwnRelays: what relays do is written down like any fault of the network, and is over when it is healed.
func TestOwnRelays(t *testing.T) {
	if testing.Short() {
		t.Skip("in real time")
	}
	w := ownWorld(t)
	h := played(t, w, 2, `
at 0s loss 100%
at 10ms partition 0 | 1 for 20ms
at 20ms flap 0 | 1 every 20ms for 100ms
at 600ms crash-lossy 0
at 610ms recover 0
at 620ms send 0 g 4
`)
	var got []string
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == spec.Fault || e.Kind == spec.Heal {
			got = append(got, e.Kind.String()+" "+h.ExtraOf(e).Text)
		} else if e.Kind != spec.Ack {
			got = append(got, e.Kind.String())
		}
	}
	want := "fault loss, fault partition, fault flap, heal partition, heal flap, crash, recover, send, deliver, heal loss"
	if strings.Join(got, ", ") != want || !h.Settled || w.relay != nil {
		t.Errorf("settled %v, got %q, want %s", h.Settled, got, want)
	}
}

// TestOwnCan: of a network that is the program's own, what is between the addresses that it is told is broken, and no more.
func TestOwnCan(t *testing.T) {
	w := ownWorld(t)
	for _, op := range []faults.Op{faults.Send, faults.Crash, faults.Recover, faults.Pause, faults.Heal,
		faults.CrashLossy, faults.Loss, faults.Partition, faults.Corrupt} {
		if err := w.Can(op); err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
	for _, op := range []faults.Op{faults.RouterDown, faults.Skew, faults.DiskGone} {
		if err := w.Can(op); err == nil || !strings.Contains(err.Error(), "the network is the program's own") {
			t.Errorf("%s: %v", op, err)
		}
	}
}
