package netns

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/vishvananda/netlink/nl"
)

// chosen says whether a group has an address because it collides with that of another group. Then all have those that
// they have everywhere else.
func (w *World) chosen() bool {
	for i := range w.s.Groups {
		if w.s.Groups[i].Address != "" {
			return true
		}
	}
	return false
}

// address looks at the addresses of the groups of the run. To those that are chosen, and not the run's own, nobody may
// listen any more.
func (w *World) address() error {
	w.addrs = w.addrs[:0]
	chosen := w.chosen()
	for i := range w.s.Groups {
		a := w.groupAddr(i)
		if v6 := w.cfg.LAN.wide != nil && w.cfg.LAN.wide.v6; a.Is4() == v6 || !a.IsMulticast() {
			return fmt.Errorf("netns: group %s: %q is no address of a group there", w.s.Groups[i].Name, w.s.Groups[i].Address)
		}
		w.addrs = append(w.addrs, a)
	}
	if !chosen || w.cfg.Wire != Multicast || w.cfg.LAN.wide != nil {
		return nil
	}
	for _, a := range w.addrs {
		if err := w.cfg.LAN.forgotten(a, 5*time.Second); err != nil {
			return err
		}
	}
	return nil
}

// forgotten waits until the switch knows nobody that listens to a group.
func (l *LAN) forgotten(group netip.Addr, longest time.Duration) error {
	for end := time.Now().Add(longest); ; time.Sleep(5 * time.Millisecond) {
		at, err := l.Listeners(group)
		if err != nil || len(at) == 0 {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("netns: after %v the switch still knows hosts %v that listen to %v", longest, at, group)
		}
	}
}

// Snoop lets the switch look at who listens to which group, as it does from the start, or send everything everywhere.
// A switch that begins to look asks first, and floods while it is answered; it returns when that is over.
func (l *LAN) Snoop(on bool) error {
	if on == !l.blind || l.wide != nil { // between subnets nothing snoops
		return nil
	}
	v := uint64(0)
	if on {
		v = 1
	}
	l.blind = !on
	if err := l.set(map[int]uint64{nl.IFLA_BR_MCAST_SNOOPING: v}); err != nil || !on {
		return err
	}
	time.Sleep(floodTime + 50*time.Millisecond)
	return nil
}

// listening waits until the hosts get what is sent to a group: the switch knows that they listen, or where it does not
// look, their kernels do.
func (w *World) listening(group netip.Addr, hosts []int) error {
	const longest = 5 * time.Second
	if !w.cfg.LAN.blind {
		return w.cfg.LAN.Await(group, hosts, longest)
	}
	a := group.As4()
	word := fmt.Sprintf("\t%08X ", binary.NativeEndian.Uint32(a[:]))
	for end := time.Now().Add(longest); ; time.Sleep(2 * time.Millisecond) {
		missing := -1
		for _, h := range hosts {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/igmp", w.nodes[h].seat.up().cmd.Process.Pid))
			if err != nil {
				return fmt.Errorf("netns: who listens on host %d: %w", h, err)
			}
			if !strings.Contains(string(text), word) {
				missing = h
			}
		}
		if missing < 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("netns: host %d does not listen to %v within %v", missing, group, longest)
		}
	}
}
