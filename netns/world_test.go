package netns

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// guests are the stacks that tests play, and what carries their packets.
var guests = map[string]struct {
	wire  Wire
	stack func(impl.Config) impl.Layer
}{
	"unicast/best-effort": {Unicast, func(cfg impl.Config) impl.Layer {
		return impl.NewStack(reliability.NewBestEffort(cfg), transport.NewUnicast(cfg))
	}},
	"unicast/reliable": {Unicast, func(cfg impl.Config) impl.Layer {
		return impl.NewStack(reliability.NewReliable(cfg), transport.NewUnicast(cfg), transport.NewChannel(cfg))
	}},
	"ip/reliable-ip/causal": {Multicast, func(cfg impl.Config) impl.Layer {
		return impl.NewStack(ordering.NewCausal(cfg), reliability.NewReliableIP(cfg, false), transport.NewMulticast(cfg))
	}},
	"ip/unreliable": {Multicast, func(cfg impl.Config) impl.Layer { return transport.NewMulticast(cfg) }},
	"hardware/reliable-ip": {Frames, func(cfg impl.Config) impl.Layer {
		return impl.NewStack(reliability.NewReliableIP(cfg, false), transport.NewMulticast(cfg))
	}},
	"broadcast/best-effort": {Broadcast, func(cfg impl.Config) impl.Layer {
		return impl.NewStack(reliability.NewBestEffort(cfg), transport.NewMulticast(cfg))
	}},
	"tcp/reliable": {Streams, func(cfg impl.Config) impl.Layer {
		return impl.NewStack(reliability.NewReliable(cfg), transport.NewTCP(cfg))
	}},
}

// visit runs one of them.
func visit(g Guest) error {
	x, ok := guests[g.Stack]
	if other := others[g.Stack]; other != nil {
		return g.Run(other, os.Stdin, os.Stdout)
	}
	if !ok {
		return fmt.Errorf("no stack %q", g.Stack)
	}
	if g.Stack == "hardware/trusting" { // the bug: what the card lets through is taken
		driverRules.Takes = func(bool) bool { return true }
	}
	return g.Run(x.stack, os.Stdin, os.Stdout)
}

// earth is a world for a test.
func earth(t testing.TB, l *LAN, stack string) *World {
	t.Helper()
	w, err := NewWorld(WorldConfig{LAN: l, Stack: stack, Wire: guests[stack].wire, TS: 50 * time.Millisecond, TL: 900 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// scenario reads a scenario of three nodes in a group.
func scenario(t testing.TB, steps string) *faults.Scenario {
	t.Helper()
	s, err := scenarioOf(steps)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func scenarioOf(steps string) (*faults.Scenario, error) {
	return faults.Parse("conform.scenario/1\nnodes 3\ngroup g 0 1 2\nseed 1\n" + steps)
}

func play1(t testing.TB, w *World, s *faults.Scenario) *spec.History {
	t.Helper()
	var h spec.History
	if err := w.Play(s, &h); err != nil {
		t.Fatal(err)
	}
	return &h
}

// delivered counts the deliveries of each node.
func deliveredBy(h *spec.History) (n [3]int) {
	for _, e := range h.Events {
		if e.Kind == spec.Deliver {
			n[e.Node]++
		}
	}
	return n
}

// Every wire carries the messages of a group, and what goes wrong with the kernel's help is repaired by the levels that
// repair it; where none does it shows.
func TestLevelsOnTheKernel(t *testing.T) {
	t.Parallel()
	for i, name := range []string{"broadcast/best-effort", "hardware/reliable-ip", "ip/reliable-ip/causal", "ip/unreliable",
		"tcp/reliable", "unicast/best-effort", "unicast/reliable"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && name != "ip/reliable-ip/causal" {
				t.Skip("runs of seconds")
			}
			l := lan(t, 3)
			for k, c := range []struct {
				faults, steps string
				loses         bool
			}{
				{"none", "", false},
				{"loss", "at 5ms loss 60% for 100ms\n", true},
				{"partition", "at 5ms partition 0 1|2 for 150ms\n", true},
				{"omission", "at 5ms omit-send 1 to 2 100% for 150ms\nat 5ms omit-receive 0 100% for 50ms\n", true},
				{"pause", "at 5ms pause 1 for 150ms\n", false},
				{"several", "at 5ms flap 0|1 2 every 30ms for 100ms\nat 15ms isolate 1 for 30ms\non 2 deliver 2 oneway 0>1 2 for 80ms\n", true},
			} {
				if testing.Short() && c.faults != "several" {
					continue
				}
				if c.faults != "several" && (i+k)%2 == 1 { // which the stacks before and behind it play
					continue
				}
				s := scenario(t, c.steps+"at 0s send 0 g 10\nat 10ms send 1 g 100\nat 20ms send 2 g 1000\nat 40ms send 0 g 10\nat 60ms send 1 g 20\n")
				w := earth(t, l, name)
				if name == "ip/unreliable" { // nobody waits for anything, and a run that has lost something ends after twice that
					w.cfg.TL = 200 * time.Millisecond
				}
				h := play1(t, w, s)
				complete := deliveredBy(h) == [3]int{5, 5, 5}
				if lost := c.loses && name == "ip/unreliable"; complete == lost || !h.Settled {
					t.Errorf("%s: delivered %v, settled %v, late by %v", c.faults, deliveredBy(h), h.Settled, w.Late())
				}
				for _, f := range checkers.Check(h, "NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY") {
					if f.Verdict != spec.Pass {
						t.Errorf("%s: %s: %v %s", c.faults, f.ID, f.Verdict, f.Reason)
					}
				}
			}
		})
	}
}

// The witness that best effort is not reliable, on the kernel: a partition keeps the message from one member, and its
// sender dies. The frames of the run are written down.
func TestAPartitionBreaksBestEffort(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	steps := "at 0s partition 0 1|2 for 300ms\nat 10ms send 0 g 10\nat 150ms crash 0\n"
	for _, c := range []struct {
		stack string
		want  spec.Verdict
	}{{"unicast/best-effort", spec.Fail}, {"unicast/reliable", spec.Pass}} {
		t.Run(c.stack, func(t *testing.T) {
			t.Parallel()
			l := lan(t, 3)
			name := filepath.Join(t.TempDir(), "run.pcap")
			f, err := os.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			p, err := ipmulticast.NewPcapWriter(f)
			if err != nil {
				t.Fatal(err)
			}
			w := earth(t, l, c.stack)
			w.cfg.Capture = func(at spec.Time, from int, frame []byte) { _ = p.Write(at, frame) }
			h := play1(t, w, scenario(t, steps))
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			got := checkers.Check(h, "AGREEMENT")[0]
			if got.Verdict != c.want {
				t.Errorf("%s: %v %s", c.stack, got.Verdict, got.Reason)
			}
			if got.Verdict == spec.Fail {
				t.Log(got.Witness.Text)
			}
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(b, HostAddr(0).AsSlice()); n < 2 {
				t.Errorf("%s: %d frames of host 0 in a capture of %d bytes", c.stack, n, len(b))
			}
		})
	}
}
