package netns

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// drivenStack is the stack whose disks are broken.
const drivenStack = "unicast/durable"

func onDrive(cfg impl.Config) impl.Layer {
	quorum, _ := reliability.ParseQuorum("majority")
	return impl.NewStack(reliability.NewDurable(cfg, quorum), transport.NewUnicast(cfg), transport.NewAcceptingChannel(cfg))
}

// drives makes a drive for a test, or skips it with what the machine lacks.
func drives(t *testing.T, on ground) *drive {
	t.Helper()
	d, err := newDrive(on)
	if err != nil {
		if Missing(err) && os.Getenv(RequiredVariable) == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d *drive) name() string { return fmt.Sprintf("%s/%d", descriptors, d.file.Fd()) }

// One bit of what the logs hold is another one, and nothing else is.
func TestABitFlips(t *testing.T) {
	d := drives(t, real)
	s, _ := open(t, d.name(), 0)
	body := bytes.Repeat([]byte{0}, 100)
	s.logs.Append(1, body)
	s.persist(1, 1)
	s.logs.Append(2, body)
	s.persist(2, 1)
	s.logs.Close()
	if err := s.disk.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.flip(spec.NewRand(7)); err != nil {
		t.Fatal(err)
	}
	_, kept := open(t, d.name(), 0)
	ones, all := 0, 0
	for _, k := range kept {
		for _, b := range k.Bytes {
			all++
			for ; b != 0; b &= b - 1 {
				ones++
			}
		}
	}
	if ones != 1 || all != 200 {
		t.Errorf("%d bits of %d bytes, want 1 of 200", ones, all)
	}
}

// What no process on this machine can bring about is refused, with the reason.
func TestDisksDoNotLie(t *testing.T) {
	for op, want := range map[faults.Op]string{faults.LostSync: "loss of power", faults.Torn: "loss of power", faults.DiskError: "no device"} {
		if err := CanInject(op); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", op, err, want)
		}
	}
	for _, op := range []faults.Op{faults.DiskSlow, faults.DiskGone, faults.DiskFlip} {
		if err := CanInject(op); err != nil {
			t.Error(err)
		}
	}
}

// A level with a log on broken disks: it refuses where there is no room, waits for the slow one, has all again after a
// kill, and says what is lost of a disk that is another one.
func TestDrivesOfALAN(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	l := lan(t, 3)
	w := earth(t, l, drivenStack)
	w.cfg.Wire, w.cfg.Model, w.cfg.Logs, w.cfg.Revive = Unicast, spec.CrashRecovery, true, true
	w.cfg.TS, w.cfg.TL = 30*time.Millisecond, 400*time.Millisecond
	for name, c := range map[string]struct {
		steps string
		right func(h *spec.History) bool
	}{
		"full": {"at 20ms send 1 g 10\nat 200ms disk-full 1\nat 220ms send 1 g 10\nat 500ms send 1 g 10\nat 600ms crash 1\nat 620ms recover 1\n",
			func(h *spec.History) bool {
				return count(h, spec.Refuse, 1) > 0 && count(h, spec.Ack, 1) == 1 && redelivered(h, 1) == 1 && count(h, spec.Recover, 1) == 1
			}},
		"slow": {"at 0s disk-slow 0 by 100ms\nat 20ms send 0 g 10\n",
			func(h *spec.History) bool {
				return first(h, spec.Ack)-first(h, spec.Send) > spec.Time(90*time.Millisecond)
			}},
		"gone": {"at 0s send 0 g 10\nat 250ms disk-gone 1\nat 300ms crash 1\nat 300ms crash 2\nat 320ms recover 1\nat 320ms recover 2\n",
			func(h *spec.History) bool { return redelivered(h, 1) == 0 && redelivered(h, 2) == 1 }},
	} {
		h := play1(t, w, scenario(t, c.steps))
		if !c.right(h) || !h.Settled {
			t.Errorf("%s: settled %v", name, h.Settled)
			for _, e := range h.Events {
				t.Log(e)
			}
		}
		for _, f := range checkers.Check(h, "NO-CREATION", "CONTENT-INTEGRITY") {
			if f.Verdict == spec.Fail {
				t.Errorf("%s: %s", name, f.Witness.Text)
			}
		}
	}
}

func count(h *spec.History, k spec.Kind, n spec.NodeID) (all int) {
	for _, e := range h.Events {
		if e.Kind == k && e.Node == n {
			all++
		}
	}
	return all
}

func first(h *spec.History, k spec.Kind) spec.Time {
	for _, e := range h.Events {
		if e.Kind == k {
			return e.T
		}
	}
	return -1
}

// redelivered counts what a node delivers again, out of its log.
func redelivered(h *spec.History, n spec.NodeID) (all int) {
	for _, e := range h.Events {
		if e.Kind == spec.Deliver && e.Node == n && e.Is(spec.IsRedelivered) {
			all++
		}
	}
	return all
}
