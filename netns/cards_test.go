package netns

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

func init() {
	hardware := guests["hardware/reliable-ip"]
	hardware.stack = func(cfg impl.Config) impl.Layer { return transport.NewMulticast(cfg) }
	guests["hardware/unreliable"] = hardware
	guests["hardware/trusting"] = hardware
}

// lanOf is lan with other cards.
func lanOf(t testing.TB, hosts int, cards Cards) *LAN {
	t.Helper()
	l, err := NewLANOf(hosts, cards)
	return orSkip(t, l, err)
}

// groupFrame is a frame to the i-th of many groups.
func groupFrame(i int) []byte {
	m := ipmulticast.GroupMAC(netip.AddrFrom4([4]byte{239, 130, byte(i >> 8), byte(i)}))
	return append(ipmulticast.AppendEthernet(nil, m, ipmulticast.MAC(hostMAC(0)), ipmulticast.TypeGroup), make([]byte, 50)...)
}

// The filter of a TAP lets through just what is known beforehand: the bins of the groups that are asked for.
func TestTapFilter(t *testing.T) {
	t.Parallel()
	const groups = 4096
	l := lanOf(t, 2, Taps)
	raw, err := l.taps[1].SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	x := &tapCard{raw: raw, own: ipmulticast.MAC(hostMAC(1)), slots: 2}
	mine := ipmulticast.GroupMAC(netip.MustParseAddr("239.129.1.1"))
	for _, c := range []struct {
		model ipmulticast.NICModel
		other int
		pass  func(m ipmulticast.MAC) bool
	}{
		{ipmulticast.Hash64, 0, func(m ipmulticast.MAC) bool { return ipmulticast.Bin(m, 64) == ipmulticast.Bin(mine, 64) }},
		{ipmulticast.Exact, 0, func(m ipmulticast.MAC) bool { return m == mine }},
		{ipmulticast.Exact, 5, func(ipmulticast.MAC) bool { return true }},
		{ipmulticast.Promiscuous, 0, func(ipmulticast.MAC) bool { return true }},
	} {
		x.model, x.asked, x.other = c.model, []ipmulticast.MAC{mine}, c.other
		if err := x.filter(); err != nil {
			t.Fatal(err)
		}
		passed, want := 0, 0
		buf := make([]byte, 1<<16)
		empty := func() {
			for {
				var n int
				var err error
				_ = raw.Control(func(fd uintptr) { n, err = unix.Read(int(fd), buf) })
				if err != nil {
					return
				}
				if n > etherLen && buf[12] == ipmulticast.TypeGroup>>8 && buf[1] == 0 {
					if passed++; !c.pass(ipmulticast.MAC(buf[:6])) {
						t.Fatalf("%v, %d others: %x passed", c.model, c.other, buf[:6])
					}
				}
			}
		}
		for i := range groups {
			f := groupFrame(i)
			if c.pass(ipmulticast.MAC(f)) {
				want++
			}
			if _, err := l.taps[0].Write(f); err != nil {
				t.Fatal(err)
			}
			if i%500 == 499 {
				time.Sleep(time.Millisecond)
				empty()
			}
		}
		time.Sleep(20 * time.Millisecond)
		empty()
		if t.Logf("%v, %d others: %d of %d foreign groups pass", c.model, c.other, passed, groups); passed != want {
			t.Errorf("%v, %d others: %d passed, want %d", c.model, c.other, passed, want)
		}
	}
}

// A macvlan lets some foreign groups through, and more of them where other programs have asked for groups; the kernel's
// IP drops them all.
func TestMacvlanFilter(t *testing.T) {
	t.Parallel()
	const groups = 1024
	l := lanOf(t, 2, Macvlans)
	if err := l.Snoop(false); err != nil {
		t.Fatal(err)
	}
	e := listen(t, l, 1, 5000, [2]int{unix.SO_RCVBUF, 1 << 20}).join(1, "239.129.1.1")
	s := listen(t, l, 0, 0)
	var before int
	for _, other := range []int{0, 100} {
		stop, err := l.Fill(1, other)
		if err != nil {
			t.Fatal(err)
		}
		wire := tap(t, l, 1)
		var card int
		if err := l.thread.in(l.hosts[1], func() error {
			x, err := unix.NewIfreq("lan")
			if err == nil {
				err = unix.IoctlIfreq(wire.fd, unix.SIOCGIFINDEX, x)
			}
			card = int(x.Uint32())
			return err
		}); err != nil {
			t.Fatal(err)
		}
		passed := 0
		count := func() {
			buf := make([]byte, 1<<12)
			for {
				n, from, err := unix.Recvfrom(wire.fd, buf, 0)
				if err != nil {
					return
				}
				if at, ok := from.(*unix.SockaddrLinklayer); ok && n > 40 && at.Ifindex == card && buf[0] == 1 && buf[23] == unix.IPPROTO_UDP && buf[31] == 130 {
					passed++
				}
			}
		}
		for i := range groups {
			s.send(fmt.Sprintf("239.130.%d.%d", i>>8, i&255), 5000, "foreign")
			if i%100 == 0 {
				count()
			}
		}
		s.send("239.129.1.1", 5000, "end")
		if got := e.heard(5 * time.Second); len(got) != 0 {
			t.Errorf("%d foreign datagrams", len(got))
		}
		count()
		stop()
		t.Logf("%d others: %d of %d foreign groups pass the card", other, passed, groups)
		switch {
		case other == 0:
			if before = passed; passed > groups/16 {
				t.Errorf("%d of %d pass a filter of 256 bins", passed, groups)
			}
		case passed < before+groups/8:
			t.Errorf("%d pass with 100 groups more, %d before", passed, before)
		}
	}
}

// Frames of a group that a card can't tell from its own come to the driver, which drops them; and a driver that trusts
// the card is found out.
func TestCollisionsInCards(t *testing.T) {
	mine := netip.MustParseAddr("239.129.1.1")
	for _, c := range []struct {
		name, stack string
		cards       Cards
		nic         ipmulticast.NICModel
		at, fault   string
		filtered    bool // by the driver
		verdict     spec.Verdict
	}{
		{"one bin", "hardware/unreliable", Taps, ipmulticast.Hash64, ipmulticast.SameBin(mine, 64, 0).String(), "", true, spec.Pass},
		{"exact", "hardware/unreliable", Taps, ipmulticast.Exact, ipmulticast.SameBin(mine, 64, 0).String(), "", false, spec.Pass},
		{"overflow", "hardware/unreliable", Taps, ipmulticast.Exact, "239.129.1.77", "at 0s overflow 0 9\n", true, spec.Pass},
		{"everything passes", "hardware/unreliable", Veths, 0, "239.129.1.77", "", true, spec.Pass},
		{"trusting", "hardware/trusting", Taps, ipmulticast.Hash64, ipmulticast.SameBin(mine, 64, 0).String(), "", false, spec.Fail},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && c.name != "one bin" {
				t.Skip("runs of seconds")
			}
			l := lanOf(t, 4, c.cards)
			w := earth(t, l, c.stack)
			w.cfg.Frames, w.cfg.NIC, w.cfg.Slots = true, c.nic, 4
			s, err := faults.Parse("conform.scenario/1\nnodes 4\ngroup g at 239.129.1.1 0 1\ngroup h at " + c.at + " 2 3\nseed 1\n" + c.fault +
				"at 20ms send 0 g 8\nat 30ms send 2 h 8\nat 40ms send 3 h 8\n")
			if err != nil {
				t.Fatal(err)
			}
			h := play1(t, w, s)
			f := checkers.Check(h, "NIC-FILTER")[0]
			if f.Verdict != c.verdict || f.Antecedents == 0 && f.Verdict == spec.Pass {
				t.Errorf("%v %s %+v", f.Verdict, f.Reason, f.Witness)
			} else if f.Witness != nil {
				t.Log(f.Witness.Text)
			}
			if f := checkers.Check(h, "SOCKET-FILTER")[0]; c.verdict == spec.Pass && (f.Verdict != spec.Pass || f.Antecedents == 0) {
				t.Errorf("%v %s %+v", f.Verdict, f.Reason, f.Witness)
			}
			byDriver := 0
			for i := range h.Events {
				if e := &h.Events[i]; e.Kind == spec.Discard && h.ExtraOf(e).Reason == impl.FilteredByDriver.String() {
					byDriver++
				}
			}
			if t.Logf("%d frames of the other group passed the cards, and no driver", byDriver); byDriver > 0 != c.filtered {
				t.Errorf("%d frames were dropped by drivers", byDriver)
			}
			if c.verdict == spec.Pass && checkDeliveries(h) != 6 {
				t.Errorf("%d deliveries", checkDeliveries(h))
			}
		})
	}
}
