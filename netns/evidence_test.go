package netns

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// watched is a world whose histories tell of frames, and in which a send may cost so much.
func watched(t testing.TB, l *LAN, stack string, packets, acks int) *World {
	t.Helper()
	w := earth(t, l, stack)
	w.cfg.Frames = true
	w.cfg.Declare = func(_ *faults.Scenario, h *spec.Header) {
		h.Costs = map[string]int{"COST-PACKETS": packets, "COST-ACKS": acks}
	}
	return w
}

// punctual is how late a machine may be whose runs say something of costs and of delays, and tries how often it may try
// again to be so. What it was too late for each time is skipped, and has not passed.
const (
	punctual = 20 * time.Millisecond
	tries    = 3
)

// What sends cost on the kernel is counted at the switch, with packets that are acknowledgements told from others; and
// who declares less than that is found out.
func TestCostsOnTheKernel(t *testing.T) {
	for _, c := range []struct {
		stack         string
		packets, acks int // of a send to three
	}{
		{"unicast/best-effort", 4, 2},
		{"broadcast/best-effort", 3, 2},
		{"ip/unreliable", 1, 0},
	} {
		t.Run(strings.ReplaceAll(c.stack, "/", " "), func(t *testing.T) {
			t.Parallel()
			if testing.Short() {
				t.Skip("runs of seconds")
			}
			l := lan(t, 3)
			w := watched(t, l, c.stack, c.packets, c.acks)
			h := play1(t, w, scenario(t, "at 0s send 0 g 8\nat 5ms send 1 g 8\n"))
			for range tries {
				if w.Tardy() > punctual {
					h = play1(t, w, scenario(t, "at 0s send 0 g 8\nat 5ms send 1 g 8\n"))
				}
			}
			if w.Tardy() > punctual {
				t.Skipf("not judged: the machine was %v late, and packets are repeated", w.Tardy())
			}
			for less, want := range []spec.Verdict{spec.Pass, spec.Fail} {
				h.Costs = map[string]int{"COST-PACKETS": c.packets - less, "COST-ACKS": c.acks - less}
				for _, id := range []spec.ID{"COST-PACKETS", "COST-ACKS"} {
					if id == "COST-ACKS" && c.acks < less {
						continue
					}
					if f := checkers.Check(h, id)[0]; f.Verdict != want {
						t.Errorf("with %d less declared %s: %v, %s %v", less, id, f.Verdict, f.Reason, f.Witness)
					} else if f.Witness != nil {
						t.Log(f.Witness.Text)
					}
				}
			}
		})
	}
}

// Groups whose addresses the hardware can't tell apart are kept apart by the kernel: 224.1.1.1, 225.1.1.1 and
// 239.129.1.1 have one hardware address (RFC 1112 section 6.4). The switch, which looks at the addresses of IP, is one
// filter; without it the sockets are.
func TestAliasesOnTheKernel(t *testing.T) {
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	t.Parallel()
	l := lan(t, 6)
	s, err := faults.Parse("conform.scenario/1\nnodes 6\ngroup g at 239.129.1.1 0 1\ngroup h at 224.1.1.1 2 3\ngroup i at 225.1.1.1 4 5\nseed 1\n" +
		"at 0s send 0 g 8\nat 5ms send 2 h 8\nat 10ms send 4 i 8\nat 15ms send 1 g 8\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, snoops := range []bool{true, false} {
		if err := l.Snoop(snoops); err != nil {
			t.Fatal(err)
		}
		h := play1(t, watched(t, l, "ip/unreliable", 1, 0), s)
		if n := checkDeliveries(h); n != 8 || !h.Settled {
			t.Errorf("snooping %v: %d deliveries, settled %v", snoops, n, h.Settled)
		}
		for _, id := range []spec.ID{"NIC-FILTER", "SOCKET-FILTER"} {
			f := checkers.Check(h, id)[0]
			if want := id == "NIC-FILTER" || !snoops; f.Verdict == spec.Fail || f.Verdict == spec.Pass != want {
				t.Errorf("snooping %v: %s: %v %s %v", snoops, id, f.Verdict, f.Reason, f.Witness)
			}
		}
	}
}

func checkDeliveries(h *spec.History) (n int) {
	for _, e := range h.Events {
		if e.Kind == spec.Deliver {
			n++
		}
	}
	return n
}

// Of more frames than are written down, and of those of which the kernel lost one, none is: who counts some of them
// counts wrong. And a frame that the switch repeats is the same datagram.
func TestEvidence(t *testing.T) {
	w := &World{s: &faults.Scenario{Nodes: 2}, cfg: WorldConfig{Wire: Frames}}
	x := newEvidence(w)
	frame := ipmulticast.Seal(append(ipmulticast.AppendEthernet(nil, ipmulticast.MAC{1, 0, 0x5e, 1, 2, 3}, ipmulticast.MAC(hostMAC(1)), ipmulticast.TypeGroup), 0, 0, 0, 0, 'x'))
	frame = append(frame, ackMark)
	x.frame(5, 1, false, frame)
	x.frame(6, 0, true, frame)
	if len(x.all) != 2 || x.all[0].extra.ID != x.all[1].extra.ID || x.all[0].Node != 1 || x.all[1].Node != x.theSwitch() || x.all[1].From != 1 ||
		x.all[0].extra.Reason != spec.ReasonAck || x.all[1].extra.Link != "cable0" {
		t.Fatalf("%+v", x.all)
	}
	changed := bytes.Clone(frame)
	changed[20] ^= 1
	x.frame(7, 0, true, changed)
	if o := x.all[2]; o.extra.ID == x.all[0].extra.ID || o.From != 1 {
		t.Errorf("%+v", o)
	}
	if all := x.tell(nil, 6); len(all) != 2 {
		t.Errorf("%d since then", len(all))
	}
	for range mostFrames {
		x.frame(8, 1, false, frame)
	}
	if all := x.tell(nil, 0); len(all) != 0 || !x.lost {
		t.Errorf("%d of too many", len(all))
	}
	for _, bad := range [][]byte{frame[:14], make([]byte, 60), append(bytes.Clone(frame[:12]), 8, 0, 0x45)} {
		newEvidence(w).frame(1, 0, false, bad)
	}
}

// Who sends the same packet twice has sent two frames, and a copy of the first one that comes behind the second is the
// first one's still.
func TestTheSamePacketTwice(t *testing.T) {
	group := netip.MustParseAddr("239.129.1.1")
	w := &World{s: &faults.Scenario{Nodes: 2}, cfg: WorldConfig{Wire: Frames}, addrs: []netip.Addr{group}}
	l := links{self: 1, copies: newCopies()}
	card := newCopies()
	body := []byte("again")
	for name, send := range map[Wire]func() []byte{
		Multicast: func() []byte {
			from := ipmulticast.Port{Addr: HostAddr(1), Local: HostAddr(1)}
			return ipmulticast.Datagram(&from, group, 1, lanPort, lanPort, l.frame(0, body, 0))
		},
		Frames: func() []byte {
			b := ipmulticast.AppendEthernet(nil, ipmulticast.GroupMAC(group), ipmulticast.MAC(hostMAC(1)), ipmulticast.TypeGroup)
			return card.seal(nil, &impl.Effect{Body: ipmulticast.Seal(append(append(b, 0, 0, 0, 0), body...))})
		},
	} {
		x := newEvidence(w)
		first, second := send(), send()
		for _, f := range []struct {
			frame    []byte
			bySwitch bool
		}{{first, false}, {second, false}, {first, true}, {second, true}, {first, true}} {
			machine := spec.NodeID(1)
			if f.bySwitch {
				machine = 0
			}
			x.frame(1, machine, f.bySwitch, f.frame)
		}
		var ids []uint64
		for _, o := range x.all {
			ids = append(ids, o.extra.ID)
		}
		if want := []uint64{1, 2, 1, 2, 1}; !slices.Equal(ids, want) {
			t.Errorf("%s: the frames are of %d, want %d", name, ids, want)
		}
	}
}

// Everything is so late that senders repeat their packets: the switch puts each of these on a cable once.
func TestLateCopiesOnTheKernel(t *testing.T) {
	if testing.Short() {
		t.Skip("runs of a second")
	}
	t.Parallel()
	l := lan(t, 3)
	for _, stack := range []string{"broadcast/best-effort", "hardware/reliable-ip"} {
		h := play1(t, watched(t, l, stack, 100, 100), scenario(t, "at 0s delay 0 by 120ms for 300ms\nat 0s delay 1 by 120ms for 300ms\nat 10ms send 0 g 8\nat 20ms send 1 g 8\n"))
		type seen struct {
			id    uint64
			cable string
		}
		times, sent := map[seen]int{}, 0
		for i := range h.Events {
			e := &h.Events[i]
			switch x := h.ExtraOf(e); {
			case e.Kind != spec.Frame || x.Op != ipmulticast.DataFrame.String() && x.Op != ipmulticast.UnicastFrame.String():
			case e.Node < 3:
				sent++
			default:
				times[seen{x.ID, x.Link}]++
			}
		}
		for k, n := range times {
			if n > 1 {
				t.Errorf("%s: frame %d is on %s %d times", stack, k.id, k.cable, n)
			}
		}
		if sent <= 2*3 {
			t.Errorf("%s: %d frames of two sends: nobody has repeated any", stack, sent)
		}
	}
}
