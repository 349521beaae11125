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

func ownWorld(t *testing.T) *Own {
	t.Helper()
	o := Options{Command: adaptertest.Command("own", "token")}
	p, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	return NewOwn(o, p.Hello())
}

// TestOwnLives: a crash ends a life and what was said before it counts, a recovery begins the next one, and who is
// paused sends when the pause is over.
func TestOwnLives(t *testing.T) {
	if testing.Short() {
		t.Skip("in real time")
	}
	w := ownWorld(t)
	s, err := faults.Parse(`conform.scenario/1
nodes 2
group g 0 1
seed 1
net latency 1ms..1ms
at 0s send 0 g 4
on 0 deliver 1 crash 0
at 100ms recover 0
at 150ms send 0 g 4
at 200ms pause 1 for 100ms
at 220ms send 1 g 4
on 1 receive 9 send 1 g 4
`)
	if err != nil {
		t.Fatal(err)
	}
	var h spec.History
	if err := w.Play(s, &h); err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range h.Events {
		e := &h.Events[i]
		word := fmt.Sprintf("%d %s", e.Node, e.Kind)
		if e.Is(spec.HasMsg) {
			word += " " + e.Msg.String()
		}
		if e.Kind != spec.Ack {
			got = append(got, word)
		}
	}
	want := []string{"0 send 0/0/1", "0 deliver 0/0/1", "0 crash", "0 recover", "0 send 0/1/1", "0 deliver 0/1/1",
		"1 pause", "1 resume", "1 send 1/0/1", "1 deliver 1/0/1"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	if !h.Settled || len(w.Unplayed()) != 1 {
		t.Errorf("settled %v, steps whose moment never came: %v", h.Settled, w.Unplayed())
	}
}

// TestOwnCan: a network that is the program's own is not broken.
func TestOwnCan(t *testing.T) {
	w := ownWorld(t)
	for _, op := range []faults.Op{faults.Send, faults.Crash, faults.Recover, faults.Pause, faults.Heal} {
		if err := w.Can(op); err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
	for _, op := range []faults.Op{faults.CrashLossy, faults.Loss, faults.Partition, faults.Corrupt, faults.DiskGone} {
		if err := w.Can(op); err == nil || !strings.Contains(err.Error(), "the network is the program's own") {
			t.Errorf("%s: %v", op, err)
		}
	}
}
