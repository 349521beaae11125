package netns

import (
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// hear takes in what comes by any card.
func (r *siteRouter) hear() {
	r.stamps = stamp(r.raw)
	_ = r.raw.Read(func(fd uintptr) bool {
		for {
			if err := r.listen1(int(fd)); err != nil {
				clear(r.did) // what nobody wants of that by now the kernel did by a rule that is no more
				return !errors.Is(err, unix.EAGAIN)
			}
			for len(r.inbox) > 0 {
				f := r.inbox[0]
				r.inbox = r.inbox[1:]
				r.take(int(fd), &f)
			}
		}
	})
}

// came is a frame that came by a port.
type came struct {
	port  int
	when  spec.Time // the kernel had it
	frame []byte
}

// copied is a copy of a packet that the kernel has sent by a port.
type copied struct {
	print
	port int
}

// listen1 reads one frame: one that came is to be dealt with in its turn, and of what the kernel forwards it is noted
// that it has.
func (r *siteRouter) listen1(fd int) error {
	at, when, frame, err := r.stamps.read(fd)
	if err != nil {
		return err
	}
	port := slices.Index(r.cards, at.Ifindex)
	switch {
	case port < 0:
	case at.Pkttype != unix.PACKET_OUTGOING:
		r.inbox = append(r.inbox, came{port, when, slices.Clone(frame)})
	default:
		if x := r.sent.Read(frame); x.Kind == ipmulticast.DataFrame {
			r.did[copied{printOf(&x, frame), port}]++
		}
	}
	return nil
}

// take hands a frame to the protocol.
func (r *siteRouter) take(fd int, f *came) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.layer == nil {
		return
	}
	r.came = r.inspect.Read(f.frame)
	if r.came.Kind == ipmulticast.DataFrame {
		k := flow{r.came.Src, r.came.Group}
		if _, known := r.flows[k]; !known && !ipmulticast.LinkLocal(k.group) {
			r.flows[k] = way{}
			r.order = append(r.order, k)
		}
	}
	r.step(impl.Input{Kind: impl.Packet, Num: uint64(f.port), Body: r.convert.up(f.frame), From: -1, To: impl.Everyone})
	if len(r.again) > 0 {
		r.byHand(fd, f)
	}
	for _, c := range r.own {
		r.send(c.port, c.frame)
	}
	r.came, r.again, r.own = ipmulticast.Inspected{}, r.again[:0], r.own[:0]
	r.slowest = max(r.slowest, time.Duration(Now()-f.when))
	r.lags.add(f.when, Now())
}

// step lets the protocol do a step, carries out what it wants, and tells the kernel what it would do now.
func (r *siteRouter) step(in impl.Input) {
	in.Now = Now()
	r.out.Reset()
	r.layer.Step(in, r.out)
	for i := range r.out.List {
		switch e := &r.out.List[i]; e.Kind {
		case impl.Down:
			r.emit(int(e.Num), e.Body)
		case impl.SetTimer:
			r.timers.reset(timerKey{layer: e.Layer, id: e.Num}, e.At)
		case impl.StopTimer:
			r.timers.stop(timerKey{layer: e.Layer, id: e.Num})
		}
	}
	for _, k := range r.order {
		r.direct(k)
	}
	r.wind()
}

// emit sends what the router itself has to say, and what it takes out of a register. Copies of packets are the kernel's
// to make; they are kept until it is known whether the kernel makes them.
func (r *siteRouter) emit(port int, frame []byte) {
	x := r.inspect.Read(frame)
	switch forwarded := x.Src.IsValid() && x.Src == r.came.Src && x.Dst == r.came.Dst; {
	case forwarded && x.Kind == ipmulticast.DataFrame:
		r.again = append(r.again, copyOf{port, slices.Clone(frame)})
	case forwarded: // by the kernel's unicast routes
	case r.came.Kind == ipmulticast.DataFrame: // a register, say, is not to overtake the packet itself
		r.own = append(r.own, copyOf{port, slices.Clone(r.convert.down(frame))})
	default:
		r.send(port, r.convert.down(frame))
	}
}

func (r *siteRouter) send(port int, frame []byte) {
	_ = r.raw.Control(func(fd uintptr) {
		_ = unix.Sendto(int(fd), frame, 0, &unix.SockaddrLinklayer{Ifindex: r.cards[port]})
	})
}

// direct tells the kernel where packets of a flow go, if that is new.
func (r *siteRouter) direct(k flow) {
	in, out, _ := r.layer.Way(k.source, k.group, nil)
	if w := r.flows[k]; w.told && w.in == in && slices.Equal(w.out, out) {
		return
	}
	r.flows[k] = way{in, out, true}
	if err := r.table.set(k.source, k.group, max(0, in), out); err != nil && r.err == nil {
		r.err = can("route a group", err)
	}
}

// asked tells the kernel again where packets of a flow go: it may have asked at the very moment at which it was told, and
// then it holds a packet of which it will not be told any more. Of a flow that is not known the packet is still to come.
func (r *siteRouter) asked(t *table, k flow) {
	for !r.mu.TryLock() {
		if t.over.Load() {
			return
		}
		time.Sleep(50 * time.Microsecond)
	}
	defer r.mu.Unlock()
	if w, ok := r.flows[k]; ok && r.layer != nil && r.table == t && w.told {
		_ = t.set(k.source, k.group, max(0, w.in), w.out)
	}
}

// settles is how long the kernel may take to forward a packet that has been read: it does so at once, but perhaps on
// another processor, which a hypervisor may have stopped in the middle of it. A copy by hand too many is a duplicate.
const settles = spec.Time(1_000_000)

// byHand sends those copies of a packet that the kernel did not make, because it was told only afterwards: the packet was
// there before the protocol had learned from it, or from another one just before, where it goes. Which copies it made is
// seen on the cards. One that it holds, because it did not know the flow, it sends when it is told again.
func (r *siteRouter) byHand(fd int, f *came) {
	key, k := printOf(&r.came, f.frame), flow{r.came.Src, r.came.Group}
	for end := Now() + settles; !r.made(fd, key) && Now() < end; {
		time.Sleep(20 * time.Microsecond)
	}
	if !r.made(fd, key) && r.flows[k].told {
		w := r.flows[k]
		_ = r.table.set(k.source, k.group, max(0, w.in), w.out)
		r.made(fd, key)
	}
	for _, c := range r.again {
		if x := (copied{key, c.port}); r.did[x] > 0 {
			r.did[x]--
		} else {
			r.send(c.port, c.frame)
		}
	}
}

// made says whether the kernel has made all copies that are wanted of a packet.
func (r *siteRouter) made(fd int, key print) bool {
	for r.listen1(fd) == nil {
	}
	return !slices.ContainsFunc(r.again, func(c copyOf) bool { return r.did[copied{key, c.port}] == 0 })
}
