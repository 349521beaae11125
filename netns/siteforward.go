package netns

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// hear takes in what comes by any card.
func (r *siteRouter) hear() {
	eachStamped(r.raw, func(at *unix.SockaddrLinklayer, when spec.Time, frame []byte) {
		if port := slices.Index(r.cards, at.Ifindex); port >= 0 && at.Pkttype != unix.PACKET_OUTGOING {
			r.take(port, when, frame)
			r.lags.add(when, Now())
		}
	})
}

// tooLate is after how long a router that is only now told of a packet can't know any more what its kernel did with it.
const tooLate = 50 * time.Millisecond

// take hands a frame to the protocol, which the kernel had at a time on the clock of Now.
func (r *siteRouter) take(port int, when spec.Time, frame []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.layer == nil {
		return
	}
	stale := Now()-when > spec.Time(tooLate)
	r.came = r.inspect.Read(frame)
	if r.came.Kind == ipmulticast.DataFrame {
		k := flow{r.came.Src, r.came.Group}
		if _, known := r.flows[k]; !known && !ipmulticast.LinkLocal(k.group) {
			r.flows[k] = way{}
			r.order = append(r.order, k)
		}
	}
	r.step(impl.Input{Kind: impl.Packet, Num: uint64(port), Body: r.convert.up(slices.Clone(frame)), From: -1, To: impl.Everyone})
	if r.came.Kind == ipmulticast.DataFrame && !stale {
		r.byHand(port, when)
	}
	for _, c := range r.own {
		r.send(c.port, c.frame)
	}
	r.came, r.again, r.own = ipmulticast.Inspected{}, r.again[:0], r.own[:0]
	r.slowest = max(r.slowest, time.Duration(Now()-when))
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
	w := r.flows[k]
	if w.told && w.in == in && slices.Equal(w.out, out) {
		return
	}
	if err := r.table.set(k.source, k.group, max(0, in), out); err != nil && r.err == nil {
		r.err = can("route a group", err)
	}
	past := append(w.past, told{in, out, Now()})
	if len(past) > mostTold {
		past = slices.Delete(past, 0, len(past)-mostTold/2)
	}
	r.flows[k] = way{in, out, true, past}
}

// asked tells the kernel again where packets of a flow go: it may have asked at the very moment at which it was told, and
// then it holds a packet of which it will not be told any more. Of a flow that is not known the packet is still to come.
func (r *siteRouter) asked(t *table, k flow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w, ok := r.flows[k]; ok && r.layer != nil && r.table == t && w.told {
		_ = t.set(k.source, k.group, max(0, w.in), w.out)
	}
}

// byHand sends those copies of a packet that the kernel did not make, because it was told only afterwards: the packet was
// there before the protocol had learned from it, or from another one just before, where it goes. Of a flow that was new
// then the kernel has kept the packet until it was told.
func (r *siteRouter) byHand(port int, when spec.Time) {
	w := r.flows[flow{r.came.Src, r.came.Group}]
	for _, c := range r.again {
		if !w.did(port, c.port, when) {
			r.send(c.port, c.frame)
		}
	}
}

// did says whether the kernel has forwarded a packet that it had then.
func (w *way) did(in, out int, when spec.Time) bool {
	for i := len(w.past) - 1; i >= 0; i-- {
		if x := &w.past[i]; x.at <= when || i == 0 {
			return x.in == in && slices.Contains(x.out, out)
		}
	}
	return false
}
