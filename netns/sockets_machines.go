package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// What machines do to programs with sockets of their own, beside what the switch drops: strangers, the querier, full
// cards and clocks. All but the clocks concern IP multicast, and so the addresses that the groups of the run have.

// whyNot says of the faults that such programs can't be given why that is so.
var whyNot = map[faults.Op]string{
	faults.Jump:  "the kernel can set the clock of a program before it is started, and not while it runs: no clock jumps",
	faults.Drift: "the kernel can set the clock of a program before it is started, and not while it runs: no clock drifts",
	faults.Lies:  "what a program says is its own, and nobody can lie in its name",
}

// Can says why such programs can't be given a fault, or nil. What strikes processes only is none of its concern.
func (s *Sockets) Can(op faults.Op) error {
	k, fault := op.Fault()
	switch {
	case !fault, SocketFaults.Has(k) && CanInject(op) == nil:
		return nil
	case whyNot[op] != "":
		return fmt.Errorf("%v: %s", op, whyNot[op])
	case spec.DiskFaults.Has(k):
		return fmt.Errorf("%v: the files of a program are its own, in a folder of this machine", op)
	}
	return fmt.Errorf("%v: %s", op, impossible(op))
}

// SetsClocks says whether the clocks of programs can be set on this machine, and by this user.
func SetsClocks() bool { return inOtherTime() }

// renew gives the groups of the run that begins addresses that no run before has had, and lets go of the threads of the
// programs of the run before, which have ended.
func (s *Sockets) renew() {
	s.groups, s.listen = nil, nil
	for g := range mostGroups {
		a := netip.AddrFrom4([4]byte{239, byte(129 + g), byte(1 + s.runs/250%250), byte(1 + s.runs%250)})
		s.groups = append(s.groups, netip.AddrPortFrom(a, lanPort))
	}
	s.rogue.dice = spec.NewRand(uint64(s.runs), 0x5061)
	for _, end := range s.lan.threads {
		end()
	}
	s.lan.threads, s.clocks = nil, nil
}

// GroupAddresses gives the address of IP multicast that each group of the run has, host and port. Whether a program uses
// it is its own affair.
func (s *Sockets) GroupAddresses(groups int) (all []string, err error) {
	if groups > len(s.groups) {
		return nil, fmt.Errorf("netns: %d groups: want at most %d", groups, len(s.groups))
	}
	for _, g := range s.groups[:groups] {
		all = append(all, g.String())
	}
	return all, nil
}

// Invite plugs in the stranger, of whom it is known when it returns that the switch hears him. A card that is plugged in
// may need a second until then.
func (s *Sockets) Invite() error {
	x, err := s.lan.whoever()
	if err != nil {
		return err
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		up := false
		if err := s.lan.thread.in(s.lan.place, func() error {
			link, err := s.lan.links.LinkByIndex(x.port)
			up = err == nil && link.Attrs().OperState == netlink.OperUp
			return err
		}); err != nil {
			return err
		}
		if up {
			time.Sleep(5 * time.Millisecond) // until the bridge has heard of it, too
			return nil
		}
		if time.Now().After(end) {
			return errors.New("netns: the card of the stranger does not come up")
		}
	}
}

// Await waits until the switch forwards the groups to all whose kernels have joined them by now.
func (s *Sockets) Await() error {
	for _, group := range s.groups {
		var hosts []int
		for h := range s.nodes {
			in, err := s.joined(h, group.Addr())
			if err != nil {
				return err
			}
			if in {
				hosts = append(hosts, h)
			}
		}
		s.heard = s.heard || len(hosts) > 0
		if err := s.lan.Await(group.Addr(), hosts, 5*time.Second); err != nil {
			return err
		}
	}
	return nil
}

// Heard says whether any program has joined the address of a group so far: of one that does not, no stranger is heard.
func (s *Sockets) Heard() bool { return s.heard }

// joined says whether the kernel of a host is in a group.
func (s *Sockets) joined(host int, group netip.Addr) (in bool, err error) {
	err = s.lan.thread.in(s.lan.hosts[host], func() error {
		text, err := os.ReadFile("/proc/thread-self/net/igmp")
		a := group.As4()
		word := fmt.Sprintf("\t%08X ", binary.NativeEndian.Uint32(a[:]))
		in = strings.Contains(string(text), word)
		return err
	})
	return in, err
}

// machinery is what machines do to the programs of a run.
type machinery struct {
	groups []netip.AddrPort // of IP multicast
	heard  bool             // somebody has joined one
	begun  []struck         // floods and full cards
	listen []bool           // by group: the stranger does
	mute   bool             // the switch does not ask
	rogue  rogue
}

// struck is a fault that lasts until its end is called.
type struck struct {
	of  faults.Action
	end func()
}

// machines lets these faults of machines last from now on, and no other ones.
func (s *Sockets) machines(lasting []faults.Action) error {
	var still []struck
	percent, mute, listen, strange := 0, false, false, false
	for i := range lasting {
		a := &lasting[i]
		switch a.Op {
		case faults.RouterDown:
			mute = true
		case faults.Rogue:
			percent, strange = max(percent, a.Percent), true
		case faults.Listen:
			listen, strange = true, true
		case faults.Flood, faults.Overflow:
			k := slices.IndexFunc(s.begun, func(b struck) bool {
				return b.of.Op == a.Op && b.of.By == a.By && b.of.Size == a.Size && b.of.Node == a.Node
			})
			if k >= 0 {
				still, s.begun = append(still, s.begun[k]), slices.Delete(s.begun, k, k+1)
				continue
			}
			end, err := s.begins(a)
			if err != nil {
				s.begun = append(s.begun, still...)
				return err
			}
			still = append(still, struck{*a, end})
		}
	}
	for _, b := range s.begun {
		b.end()
	}
	s.begun = still
	if mute != s.mute {
		if err := s.lan.Ask(!mute); err != nil {
			return err
		}
		s.mute = mute
	}
	return s.estrange(strange, listen, percent)
}

// begins lets a flood begin, or fills a card.
func (s *Sockets) begins(a *faults.Action) (end func(), err error) {
	if a.Op == faults.Overflow {
		return s.lan.Fill(int(a.Node), a.Size)
	}
	x, err := s.lan.whoever()
	if err != nil {
		return nil, err
	}
	var ends []func()
	for _, g := range s.groups {
		all := newCopies()
		ends = append(ends, x.flood(func() []byte { return x.noise(Multicast, g.Addr(), g.Port(), 1, &all) }, a.By))
	}
	return func() {
		for _, end := range ends {
			end()
		}
	}, nil
}

// estrange lets the stranger listen to the groups, or not, and repeat so many percent of what is sent to them.
func (s *Sockets) estrange(wanted, listen bool, percent int) error {
	x := s.lan.guest
	if x == nil && !wanted {
		return nil
	}
	x, err := s.lan.whoever()
	if err != nil {
		return err
	}
	if percent > 0 {
		s.rogue.set(map[int]*stranger{0: x}, percent)
	} else {
		s.rogue.set(nil, 0)
	}
	for len(s.listen) < len(s.groups) {
		s.listen = append(s.listen, false)
	}
	for i, g := range s.groups {
		if s.listen[i] != listen {
			if err := x.listen(g.Addr(), listen); err != nil {
				return err
			}
			s.listen[i] = listen
		}
	}
	return nil
}

// overhear shows the stranger what hosts send to the groups of the run.
func (s *Sockets) overhear(frame []byte) {
	const ip = etherLen
	if len(frame) < ip+20 || frame[12] != 8 || frame[13] != 0 || frame[ip+9] != unix.IPPROTO_UDP {
		return
	}
	to := netip.AddrFrom4([4]byte(frame[ip+16 : ip+20]))
	if slices.ContainsFunc(s.groups, func(g netip.AddrPort) bool { return g.Addr() == to }) {
		s.rogue.hear(0, frame)
	}
}
