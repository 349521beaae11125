package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Config is what a node is made of.
type Config struct {
	impl.Config                               // the group, the timers, the seed. An MTU of 0 is that of UDP
	New         func(impl.Config) impl.Layer  // the whole stack
	Socket      *net.UDPConn                  // bound to the node's address; the node closes it
	Link        Link                          // in place of Socket and Peers, if any; the node closes it
	Peers       []netip.AddrPort              // the addresses of all nodes, by id
	Disk        *Disk                         // the caller's, who closes it after the node; several nodes may share it
	Epoch       spec.Time                     // on the clock of [Now]: when the history began
	Shift       spec.Time                     // how far the kernel's clock is ahead of that for this process
	Ahead       time.Duration                 // how far the node's own clock is ahead at the start, in all
	Fast        int                           // percent: what it gains besides, since the epoch
	Motion      int                           // how many times slower the layers' clock goes than all others, with TS and TL by it; 0: 1
	Groups      []spec.GroupID                // for which the node has stacks, side by side in an impl.Node; nil: one stack, for the group above, which nothing names
	Incarnation *spec.Incarnation             // of the life that begins; nil: the disk counts them
	Names       []string                      // of the groups; nil: their numbers
	Kept        *uint64                       // how many messages the application has kept; nil: it does not say
	Observe     func(spec.Event, *spec.Extra) // is told what the node does and sees, before its application is; nil extra: none
	Hear        func(e spec.Event, body []byte)

	Moment func(on faults.Moment, point string) // is told what the node is about to do, and may keep it waiting; may be nil
	Depths bool                                 // tell also how many copies a layer keeps
	Sights bool                                 // tell also which datagrams of groups sockets and driver have taken in
}

// Node drives one stack in real time. One goroutine owns the layers: it steps them with what comes from the socket, the
// disk, the clock and the application, one after the other, and carries out what they want done in order. It calls
// Observe, and then Hear, which may be nil: the application, that hears of deliveries, answers and losses. Both keep the
// node waiting, and must not call it.
type Node struct {
	cfg   Config
	inc   spec.Incarnation
	layer impl.Layer
	out   *impl.Effects
	links Link
	logs  map[spec.GroupID]*Logs

	timers  timers
	own     []impl.Input // packets to oneself; own[taken:] wait
	taken   int
	sends   uint64
	waiting map[impl.Ref]bool // sends without an answer
	calls   []spec.Kind
	sights  atomic.Int64          // that were told
	wrong   atomic.Pointer[wrong] // nil: its clock is right
	states  []spec.Event          // that replicas reached in the step that is being carried out

	packets chan impl.Input
	told    chan []impl.Input
	asked   chan call
	quit    chan struct{}
	once    sync.Once
	all     sync.WaitGroup
}

// call is what the application wants.
type call struct {
	kind  impl.InputKind
	to    spec.NodeID
	group spec.GroupID
	body  []byte
	done  chan spec.MsgID
}

// ErrClosed is given by the calls of a node that has been closed.
var ErrClosed = errors.New("netns: the node is closed")

// backlog is how many packets wait for a node. What comes beyond waits in the kernel, and is lost when that is full too.
const backlog = 1 << 10

// Start begins the next life of a node: its incarnation gets to the disk, its layers get back their logs.
func Start(cfg Config) (*Node, error) {
	if cfg.Link == nil && len(cfg.Peers) != cfg.Nodes {
		return nil, fmt.Errorf("netns: %d addresses for %d nodes", len(cfg.Peers), cfg.Nodes)
	}
	if cfg.MTU == 0 || cfg.MTU > maxPacket {
		cfg.MTU = maxPacket
	}
	n := &Node{cfg: cfg, out: impl.NewEffects(&impl.Arena{Forget: true}), links: cfg.Link,
		logs: map[spec.GroupID]*Logs{}, waiting: map[impl.Ref]bool{}, packets: make(chan impl.Input, backlog), told: make(chan []impl.Input), asked: make(chan call),
		quit: make(chan struct{})}
	if cfg.Ahead != 0 || cfg.Fast != 0 {
		n.SetClock(cfg.Ahead, cfg.Fast)
	}
	if n.links == nil {
		n.links = newLinks(cfg.Socket, &cfg.Config, cfg.Peers)
	}
	var err error
	if cfg.Incarnation != nil {
		n.inc = *cfg.Incarnation
	} else if n.inc, err = cfg.Disk.Begin(cfg.Self); err != nil {
		return nil, err
	}
	kept, err := n.readLogs()
	if err != nil {
		return nil, err
	}
	r := spec.NewRand(cfg.Seed, uint64(cfg.Self)+1, uint64(n.inc))
	cfg.Config.Seed = r.Uint64()
	n.layer = cfg.New(cfg.Config)
	if l, ok := n.links.(interface{ See(sight) }); ok && cfg.Sights {
		l.See(n.saw)
	}
	n.all.Go(func() { n.links.Receive(n.take) })
	n.all.Go(func() { n.run(kept) })
	return n, nil
}

// Incarnation is that of the node's present life.
func (n *Node) Incarnation() spec.Incarnation { return n.inc }

// Close ends the node as a crash would: nothing is said or written any more. It returns when its goroutines have ended.
func (n *Node) Close() error {
	var err error
	n.once.Do(func() {
		close(n.quit)
		err = n.links.Close()
	})
	n.all.Wait()
	for _, l := range n.logs {
		l.Close()
	}
	return err
}

// Send lets the application send a body to the group ([impl.Everyone]) or to one node, and gives its id. It returns when
// the protocol has been handed it; the answer, if there is one, comes as an event.
func (n *Node) Send(to spec.NodeID, body []byte) (spec.MsgID, error) {
	return n.SendIn(n.cfg.Group, to, body)
}

// SendIn is [Node.Send] for a node that is in several groups: to one of them, or to one node over the stack of one.
func (n *Node) SendIn(g spec.GroupID, to spec.NodeID, body []byte) (spec.MsgID, error) {
	return n.ask(call{kind: impl.Send, to: to, group: g, body: body})
}

// Call lets the application join or leave a group, set a barrier in it, query it, create or destroy it: [impl.Join] to
// [impl.Destroy]. The answer comes as an event.
func (n *Node) Call(kind impl.InputKind) error { return n.CallIn(n.cfg.Group, kind) }

// CallIn is [Node.Call] for a node that is in several groups.
func (n *Node) CallIn(g spec.GroupID, kind impl.InputKind) error {
	if kind < impl.Join || kind > impl.Destroy {
		return fmt.Errorf("netns: %v is not what an application calls", kind)
	}
	_, err := n.ask(call{kind: kind, group: g})
	return err
}

func (n *Node) ask(c call) (spec.MsgID, error) {
	c.done = make(chan spec.MsgID, 1)
	select {
	case n.asked <- c:
	case <-n.quit:
		return spec.MsgID{}, ErrClosed
	}
	select {
	case id := <-c.done:
		return id, nil
	case <-n.quit:
		return spec.MsgID{}, ErrClosed
	}
}

// about gives the group that an effect is about, or impl.Shared: with a single group nothing names it.
func (n *Node) about(e *impl.Effect) spec.GroupID {
	if n.cfg.Groups != nil {
		return e.Group
	}
	return n.cfg.Group
}

// readLogs opens the logs of all stacks, and of what they share.
func (n *Node) readLogs() (all []kept, err error) {
	groups := []spec.GroupID{n.cfg.Group}
	if n.cfg.Groups != nil {
		groups = append([]spec.GroupID{impl.Shared}, n.cfg.Groups...)
	}
	for _, g := range groups {
		logs, bytes, err := n.cfg.Disk.Logs(n.cfg.Self, g, func(inputs []impl.Input) {
			for i := range inputs {
				inputs[i].Group = g
			}
			n.tell(inputs)
		})
		if err != nil {
			return nil, err
		}
		n.logs[g] = logs
		for _, k := range bytes {
			all = append(all, kept{k, g})
		}
	}
	return all, nil
}

// kept is what the disk has kept for a group.
type kept struct {
	Kept
	group spec.GroupID
}

// take and tell hand over what comes from socket and disk.
func (n *Node) take(in impl.Input) bool {
	select {
	case n.packets <- in:
		return true
	case <-n.quit:
		return false
	}
}

func (n *Node) tell(inputs []impl.Input) {
	select {
	case n.told <- inputs:
	case <-n.quit:
	}
}

// run is the life of the node. Of what waits it takes one of each kind in turn.
func (n *Node) run(logs []kept) {
	n.begin(logs)
	alarm := time.NewTimer(time.Hour)
	defer alarm.Stop()
	for {
		if k, ok := n.timers.due(n.now()); ok {
			n.step(impl.Input{Kind: impl.TimerFired, Group: k.group, Layer: k.layer, Num: k.id})
		}
		if in, ok := n.toSelf(); ok {
			n.step(in)
		}
		var rung <-chan time.Time
		if d := n.idle(); d > 0 {
			alarm.Reset(d)
			rung = alarm.C
		} else {
			rung = atOnce
		}
		select {
		case <-n.quit:
			return
		case inputs := <-n.told:
			for _, in := range inputs {
				n.step(in)
			}
		case in := <-n.packets:
			if n.cfg.Moment != nil && len(in.Body) > 0 {
				n.cfg.Moment(faults.OnReceive, "")
			}
			if l, ok := n.links.(interface{ Taken(*impl.Input) }); ok {
				l.Taken(&in)
			}
			n.step(in)
		case c := <-n.asked:
			n.serve(c)
		case <-rung:
		}
	}
}

// atOnce can always be received from.
var atOnce = func() <-chan time.Time {
	c := make(chan time.Time)
	close(c)
	return c
}()

// toSelf gives the oldest packet to oneself that waits.
func (n *Node) toSelf() (in impl.Input, ok bool) {
	if n.taken == len(n.own) {
		return in, false
	}
	in, n.own[n.taken] = n.own[n.taken], in
	if n.taken++; n.taken == len(n.own) {
		n.own, n.taken = n.own[:0], 0
	}
	return in, true
}

// idle is how long nothing has to be done if nothing happens.
func (n *Node) idle() time.Duration {
	if n.taken < len(n.own) {
		return 0
	}
	at, ok := n.timers.next()
	if !ok {
		return time.Hour
	}
	return time.Duration(max(0, at-n.now()))
}

// now is the time since the history began.
func (n *Node) now() spec.Time { return Now() - n.cfg.Shift - n.cfg.Epoch }

// begin hands the layers what the disk has kept of their logs.
func (n *Node) begin(logs []kept) {
	n.born()
	n.step(impl.Input{Kind: impl.Start, Num: uint64(n.inc)})
	for _, k := range logs {
		n.step(impl.Input{Kind: impl.Recovered, Group: k.group, Layer: k.Layer, Body: k.Bytes})
	}
	in := impl.Input{Kind: impl.Ready, Flag: n.cfg.Kept != nil}
	if n.cfg.Kept != nil {
		in.Num = *n.cfg.Kept
	}
	n.step(in)
}

// step hands an input to the stack, and carries out what leaves it.
func (n *Node) step(in impl.Input) {
	in.Now = n.clock()
	n.out.Reset()
	n.layer.Step(in, n.out)
	for i := range n.out.List {
		n.carry(&n.out.List[i])
	}
	if len(n.states) > 0 {
		n.reached()
	}
}

// carry does one thing that the stack wants done.
func (n *Node) carry(e *impl.Effect) {
	if n.cfg.Moment != nil {
		n.nears(e)
	}
	switch e.Kind {
	case impl.Down:
		if e.To != n.cfg.Self {
			n.links.Send(e)
			return
		}
		n.own = append(n.own, impl.Input{Kind: impl.Packet, Body: e.Body, From: e.To, To: e.To, Group: n.about(e), Num: e.Num})
	case impl.CallDown:
		if in, ok := n.links.Call(e); ok {
			n.own = append(n.own, in)
		}
	case impl.SetTimer:
		n.timers.reset(timerKey{n.about(e), e.Layer, e.Num}, n.rightTime(e.At))
	case impl.StopTimer:
		n.timers.stop(timerKey{n.about(e), e.Layer, e.Num})
	case impl.Append:
		n.logs[n.about(e)].Append(e.Layer, e.Body)
	case impl.Persist:
		n.logs[n.about(e)].Persist(e.Layer, e.Ref)
	case impl.Truncate:
		n.logs[n.about(e)].Truncate(e.Layer, e.Num)
	case impl.Note:
		n.remark(e)
	default:
		if e.Kind.Upward() {
			n.record(e)
		}
	}
}

// serve does what the application wants.
func (n *Node) serve(c call) {
	if c.kind == impl.Send {
		c.done <- n.accept(c)
		return
	}
	n.calls = append(n.calls, callKinds[c.kind])
	id := uint64(len(n.calls))
	n.observe(spec.Event{Kind: callKinds[c.kind], Group: c.group, Has: spec.HasGroup | spec.HasID},
		&spec.Extra{ID: n.callID(id)}, nil)
	n.step(impl.Input{Kind: c.kind, Group: c.group, Ref: impl.Ref(callRef | id)})
	c.done <- spec.MsgID{}
}

// accept records a send and hands it to the protocol.
func (n *Node) accept(c call) spec.MsgID {
	n.sends++
	id := spec.MsgID{Sender: n.cfg.Self, Incarnation: n.inc, Number: n.sends}
	e := spec.Event{Kind: spec.Send, Msg: id, Sum: digest(c.body), Len: int32(len(c.body)), Has: spec.HasMsg | spec.HasSum | spec.HasLen}
	if c.to == impl.Everyone {
		e.Group, e.Has = c.group, e.Has|spec.HasGroup
	} else {
		e.To, e.Has = c.to, e.Has|spec.HasTo
	}
	n.observe(e, nil, nil)
	ref := impl.Ref(n.sends)
	n.waiting[ref] = true
	n.out.Reset()
	n.step(impl.Input{Kind: impl.Send, To: c.to, Group: c.group, Body: impl.Seal(n.out, c.body, id), Ref: ref})
	return id
}
