package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
)

// siteRouter is a router between subnets. A protocol of package ipmulticast decides; what it wants said of groups and of
// itself goes out by a packet socket on each card, by which it also hears everything. Packets for others are the
// kernel's to forward: after each step of the protocol the kernel's tables say what it would do.
type siteRouter struct {
	site   *Subnets
	number int
	place  namespace
	plan   *ipmulticast.RouterPlan
	cards  []int // by port: the index of its interface
	tap    *os.File
	raw    syscall.RawConn
	sink   *os.File // a socket for PIM that nobody reads, so that the kernel does not complain of messages it does not know
	over   sync.WaitGroup

	mu      sync.Mutex
	layer   *ipmulticast.Router // nil: the router is down, or not ours
	others  *frr
	life    uint64
	out     *impl.Effects
	timers  timers
	alarm   *time.Timer
	table   *table
	flows   map[flow]way // what the kernel has been told
	order   []flow
	convert hurried
	inspect ipmulticast.Inspector
	came    ipmulticast.Inspected // what the protocol is at work on, unless nothing came
	again   []copyOf              // of it, which the protocol sends out
	own     []copyOf              // what it has to say besides
	slowest time.Duration
	stamps  *stamper // of its own goroutine, as the next three
	inbox   []came
	did     map[copied]int // copies of packets that the kernel has made
	sent    ipmulticast.Inspector
	lags    lags
	err     error // the first of the kernel
}

// flow is what one host sends to one group.
type flow struct{ source, group netip.Addr }

// way is where a router takes packets from, and where it sends them.
type way struct {
	in   int
	out  []int
	told bool // the kernel knows
}

// copyOf is a frame for a port.
type copyOf struct {
	port  int
	frame []byte
}

// build makes a router of its namespace, which is not yet up.
func (r *siteRouter) build() error {
	r.did = map[copied]int{}
	r.out, r.convert.speed = impl.NewEffects(&impl.Arena{Forget: true}), max(1, r.site.cfg.Speed)
	r.alarm = time.AfterFunc(time.Hour, r.ring)
	return r.site.lan.thread.in(r.place, func() error {
		if err := errors.Join(r.site.family(r.names()...), r.forwards()); err != nil {
			return err
		}
		for p := range r.plan.Ports {
			name := cardName(p)
			if err := errors.Join(sumInSoftware(name), r.site.assign(name, &r.plan.Ports[p])); err != nil {
				return err
			}
			card, err := net.InterfaceByName(name)
			if err != nil {
				return err
			}
			r.cards = append(r.cards, card.Index)
		}
		return errors.Join(r.reach(), r.listen())
	})
}

func cardName(port int) string { return fmt.Sprint("p", port) }

func (r *siteRouter) names() (cards []string) {
	for p := range r.plan.Ports {
		cards = append(cards, cardName(p))
	}
	return cards
}

// forwards lets the kernel of this thread's namespace be a router's.
func (r *siteRouter) forwards() error {
	if r.site.v6 {
		return errors.Join(sysctl("net/ipv6/conf/all/forwarding", "1"), sysctl("net/ipv6/conf/default/forwarding", "1"))
	}
	return errors.Join(sysctl("net/ipv4/ip_forward", "1"), sysctl("net/ipv4/conf/all/rp_filter", "0"),
		sysctl("net/ipv4/conf/default/rp_filter", "0"), sysctl("net/ipv4/conf/all/send_redirects", "0"), sysctl("net/ipv4/conf/default/send_redirects", "0"))
}

// reach tells the kernel of this thread's namespace the unicast routes of the plan.
func (r *siteRouter) reach() error {
	plan := r.site.cfg.Plan
	for l := range plan.Links {
		if slices.Contains(r.plan.Links, l) {
			continue
		}
		if w := plan.Routes.To(r.number, plan.Links[l].Prefix.Addr().Next()); w.OK && w.Next.IsValid() {
			if err := r.site.viaIndex(r.cards[w.Port], plan.Links[l].Prefix, w.Next); err != nil {
				return err
			}
		}
	}
	return nil
}

// listen opens the sockets, in the namespace of this thread.
func (r *siteRouter) listen() error {
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in network order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, all)
	if err != nil {
		return can("speak on a link (CAP_NET_RAW)", err)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20)
	}
	r.tap = os.NewFile(uintptr(fd), "router")
	if r.raw, err = r.tap.SyscallConn(); err != nil {
		return err
	}
	family := unix.AF_INET
	if r.site.v6 {
		family = unix.AF_INET6
	}
	if fd, err = unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, ipmulticast.ProtoPIM); err != nil {
		return can("open a raw socket (CAP_NET_RAW)", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1)
	r.sink = os.NewFile(uintptr(fd), "pim")
	r.over.Go(r.hear)
	return nil
}

// start lets the router begin, knowing nothing.
func (r *siteRouter) start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.halt(); err != nil {
		return err
	}
	if c := r.site.cfg.FRR; c != nil && c(r.number) != "" {
		return r.site.lan.thread.in(r.place, func() (err error) {
			r.others, err = startFRR(c(r.number))
			return err
		})
	}
	if err := r.site.lan.thread.in(r.place, func() (err error) {
		r.table, err = newTable(r.site.v6, r.cards)
		return err
	}); err != nil {
		return err
	}
	table := r.table
	r.over.Go(func() { table.answer(func(source, group netip.Addr) { r.asked(table, flow{source, group}) }) })
	r.layer, r.flows, r.order, r.timers = r.site.cfg.Router(r.number), map[flow]way{}, nil, timers{}
	r.step(impl.Input{Kind: impl.Start, Num: r.life})
	r.step(impl.Input{Kind: impl.Ready})
	r.life++
	return r.err
}

// stop lets it fail: it says nothing, and what it knew is lost. The kernel forgets all multicast routes.
func (r *siteRouter) stop() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.halt()
}

func (r *siteRouter) halt() error {
	if x := r.others; x != nil {
		r.others = nil
		return x.stop()
	}
	if r.layer == nil {
		return nil
	}
	r.layer = nil
	r.alarm.Stop()
	return r.table.close()
}

// end leaves nothing of it.
func (r *siteRouter) end() error {
	var errs []error
	if r.alarm != nil {
		errs = append(errs, r.stop())
	}
	for _, f := range []*os.File{r.tap, r.sink} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	r.over.Wait()
	return errors.Join(append(errs, r.place.f.Close())...)
}

// ring lets what is due happen.
func (r *siteRouter) ring() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.layer != nil {
		now := Now()
		at, _ := r.timers.next()
		k, ok := r.timers.due(now)
		if !ok {
			break
		}
		r.lags.add(at, now)
		r.step(impl.Input{Kind: impl.TimerFired, Layer: k.layer, Num: k.id})
	}
	r.wind()
}

// wind sets the alarm to when something is due.
func (r *siteRouter) wind() {
	if at, ok := r.timers.next(); ok && r.layer != nil {
		r.alarm.Reset(time.Duration(max(0, at-Now())))
	}
}

// tell gives the router an input that is none of a link.
func (r *siteRouter) tell(in impl.Input) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.layer != nil {
		r.step(in)
	}
}

// late gives how long it took at most until the router had dealt with a frame that had come, since it was last asked.
func (r *siteRouter) late() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.slowest
	r.slowest = 0
	return d
}

// refused gives what the kernel has first refused to do since it was last asked: then it forwards otherwise than was
// decided; or says that a router that is not ours is no longer there.
func (r *siteRouter) refused() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.err
	r.err = nil
	if r.others != nil {
		err = errors.Join(err, r.others.ended())
	}
	return err
}

// portOn gives the port on a link, or -1.
func (r *siteRouter) portOn(link int) int { return slices.Index(r.plan.Links, link) }

func (r *siteRouter) listened(port int, group netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.layer != nil && r.layer.Listened(port, group)
}

// neighbors counts the PIM routers that are known on the link of a port.
func (r *siteRouter) neighbors(port int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.layer == nil {
		return 0
	}
	return r.layer.Neighbors(port)
}

// packets gives how many packets of a source to a group its kernel has forwarded, and how many came by the wrong card.
func (r *siteRouter) packets(source, group netip.Addr) (packets, wrong uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.layer == nil {
		return 0, 0
	}
	return r.table.packets(source, group)
}
