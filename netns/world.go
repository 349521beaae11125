package netns

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// WorldConfig is what a world is made of.
type WorldConfig struct {
	LAN     *LAN     // the caller's, who closes it after the world
	Program []string // the guest and its arguments; nil: this program
	Stack   string   // what the guests are told to run
	Wire    Wire
	TS, TL  time.Duration
	Motion  int // how many times slower the layers live, of whose clocks TS and TL are so many times less; 0: 1
	Model   spec.CrashModel
	Revive  bool                                       // in scenarios in which somebody comes back, all that are down when the faults are healed do so then
	Views   bool                                       // members come and go: only silence says that nothing more comes
	Logs    bool                                       // nodes write down what has to outlive them: on a real disk
	Across  bool                                       // something above the stacks of a node orders across groups
	Declare func(s *faults.Scenario, h *spec.Header)   // completes the header of a history; may be nil
	Capture func(at spec.Time, from int, frame []byte) // is shown every frame that a host sends; may be nil
	Least   time.Duration                              // a run lasts so long, also where nothing happens any more; 0: not longer than it does
	Timed   bool                                       // measure how late guests are
	Frames  bool                                       // the history tells of the frames on the cables, and of what nodes take in
	NIC     ipmulticast.NICModel                       // how cards filter, where they can be told (TAPs)
	Slots   int                                        // of an exact filter
}

// World plays scenarios on a LAN in real time. It implements [faults.World].
//
// A crash is a SIGKILL: what the node has handed to the kernel still arrives, and the kernel says for it that it leaves
// its groups. Where what is in flight may be lost (crash-lossy) the host's cable is unplugged first, and nobody hears
// anything of it any more. A pause is a SIGSTOP. Omissions, loss, partitions and whatever is done to packets are the
// switch's, each change of them one transaction. Where a fault strikes at the k-th action of a node, the node waits there until it has struck. What
// it did before the scenario began does not count, and of a node that has come back only the actions since then do.
//
// A run has the parts that one in package sim has, and is as settled: all faults are healed, and nothing has been
// observed for twice TL and a bit; or, where nobody is down, everyone has delivered everything and nothing more comes.
type World struct {
	cfg   WorldConfig
	plays int
	late  time.Duration
	tardy time.Duration
	lag   time.Duration // of routers
	addrs []netip.Addr  // of the groups of the present run
	seen  *evidence     // nil: nobody wants any
	rogue rogue
	undo  []undo

	s       *faults.Scenario
	epoch   spec.Time // on the clock of Now: what nodes measure from
	base    spec.Time // since then: when the scenario began
	nodes   []*resident
	own     []observed // what the harness did
	active  []active
	agenda  []errand
	moments chan moment
	healed  bool
	script  spec.Time // since the base: when the last timed step is over
	fired   map[int]bool

	mu   sync.Mutex // of the residents' books
	last spec.Time  // when something was last observed
}

// active is a fault that lasts.
type active struct {
	step  int
	since spec.Time
}

// errand is something that the harness does at a time since the base.
type errand struct {
	at spec.Time
	do func() error
}

type moment struct {
	node spec.NodeID
	life int
	step int
}

// NewWorld makes a world.
func NewWorld(cfg WorldConfig) (*World, error) {
	if cfg.LAN == nil {
		return nil, errors.New("netns: a world needs a LAN")
	}
	if cfg.LAN.cards == Taps {
		switch {
		case cfg.Wire != Frames:
			return nil, fmt.Errorf("netns: behind a TAP there is no IP for %s", cfg.Wire)
		case cfg.NIC == ipmulticast.Hash512:
			return nil, errors.New("netns: the filter of a TAP has 64 bins, and that of a macvlan 256")
		}
	}
	return &World{cfg: cfg}, nil
}

// possible are the actions that this world can bring about.
var possible = []faults.Op{faults.Nothing, faults.Send, faults.Join, faults.Leave, faults.Sync, faults.Query,
	faults.Create, faults.Destroy, faults.Crash,
	faults.CrashLossy, faults.Recover, faults.Pause, faults.OmitSend, faults.OmitReceive, faults.Loss, faults.Partition,
	faults.OneWay, faults.Bridge, faults.Isolate, faults.Flap, faults.Delay, faults.Reorder, faults.Duplicate, faults.Corrupt,
	faults.Heal, faults.Lies, faults.Skew, faults.Jump, faults.Drift, faults.TTL, faults.IGMPLoss, faults.Rogue, faults.Listen,
	faults.Flood, faults.Overflow, faults.RouterDown, faults.DiskFull, faults.DiskSlow, faults.DiskFlip, faults.DiskGone}

// Can says why the world can't inject this, or nil.
func (w *World) Can(op faults.Op) error {
	if w.cfg.LAN.wide != nil {
		return w.cfg.LAN.wide.canInject(op)
	}
	return CanInject(op)
}

// CanInject says why no world of this package can inject this, or nil.
func CanInject(op faults.Op) error {
	k, _ := op.Fault()
	if spec.DiskFaults.Has(k) {
		return canStore(op)
	}
	if slices.Contains(possible, op) {
		return nil
	}
	return fmt.Errorf("%v: %s", op, impossible(op))
}

// Fits says why the world can't play a scenario, or nil.
func (w *World) Fits(s *faults.Scenario) error {
	for i := range s.Steps {
		if err := w.cfg.Wire.strikes(s.Steps[i].Action.Op); err != nil {
			return fmt.Errorf("%q: %w", s.StepText(i), err)
		}
	}
	return w.cfg.LAN.Fits(s)
}

// Fits says why a scenario can't be played on the LAN, or nil.
func (l *LAN) Fits(s *faults.Scenario) error {
	if s.Nodes > l.Hosts() {
		return fmt.Errorf("%d nodes: the LAN has %d hosts", s.Nodes, l.Hosts())
	}
	if len(s.Groups) < 1 || len(s.Groups) > mostGroups {
		return fmt.Errorf("%d groups: want 1 to %d", len(s.Groups), mostGroups)
	}
	if s.Net.MTU != 0 {
		return fmt.Errorf("an MTU of %d: the kernel cuts packets into pieces", s.Net.MTU)
	}
	if l.wide != nil {
		return l.wide.fits(s)
	}
	for i := range s.Steps {
		a := &s.Steps[i].Action
		if a.Op == faults.RouterDown && a.Router != 0 {
			return fmt.Errorf("%q: of a LAN only the switch asks who listens, as r0", s.StepText(i))
		}
		if err := CanInject(a.Op); err != nil {
			return fmt.Errorf("%q: %w", s.StepText(i), err)
		}
	}
	return nil
}

// Late is how much later than it should the harness did something in the last run. Where that is no small part of TL
// the machine was too busy: nodes may have been as late, and nobody promises anything of such a run.
func (w *World) Late() time.Duration { return w.late }

// Play plays a scenario from its start and fills the history with what the nodes observe.
func (w *World) Play(s *faults.Scenario, h *spec.History) (err error) {
	if err := w.Fits(s); err != nil {
		return err
	}
	w.plays++
	w.s, w.epoch, w.base, w.late, w.tardy, w.lag = s, Now(), 0, 0, 0, 0
	w.nodes, w.own, w.active, w.agenda, w.healed, w.script = nil, nil, nil, nil, false, 0
	w.moments, w.fired = make(chan moment, 1<<10), map[int]bool{}
	w.cfg.LAN.netem.avoid = s.Faults().Has(spec.CrashLossyFault)
	if err := w.cfg.LAN.begin(s.Seed); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.clear()) }()
	if err := w.address(); err != nil {
		return err
	}
	stop, err := w.capture()
	if err != nil {
		return err
	}
	defer stop()
	if err := w.raise(); err != nil {
		return err
	}
	w.header(h)
	settled, err := w.run()
	if err != nil {
		return err
	}
	if err := errors.Join(w.end(), w.cfg.LAN.refused()); err != nil {
		return err
	}
	stop()
	w.write(h)
	h.Settled = settled
	return nil
}

// mostGroups is how many groups have addresses.
const mostGroups = 16

// groupAddr is the address of a group of the present run: one of its own, so that what the switch still knows of the
// run before is about another one.
func (w *World) groupAddr(g int) netip.Addr {
	if w.s != nil && w.chosen() {
		if text := w.s.Groups[g].Address; text != "" {
			a, _ := netip.ParseAddr(text)
			return a
		}
		if w.cfg.LAN.wide != nil && w.cfg.LAN.wide.v6 {
			return netip.AddrFrom16([16]byte{0xff, 5, 14: 1, 15: byte(g + 1)})
		}
		return netip.AddrFrom4([4]byte{239, 129, 1, byte(g + 1)})
	}
	n := w.plays - 1
	if w.cfg.LAN.wide != nil && w.cfg.LAN.wide.v6 {
		return netip.AddrFrom16([16]byte{0xff, 5, 13: byte(1 + g), 14: byte(1 + n/250%250), 15: byte(1 + n%250)})
	}
	return netip.AddrFrom4([4]byte{239, byte(129 + g), byte(1 + n/250%250), byte(1 + n%250)})
}

// raise starts all nodes and waits until they are there, and the switch knows it.
func (w *World) raise() error {
	moments := w.moments
	for n := range w.s.Nodes {
		disk, err := newDrive(w.ground())
		if err != nil {
			return err
		}
		r := &resident{id: spec.NodeID(n), disk: disk, mu: &w.mu, last: &w.last}
		r.seat.delivered = map[spec.MsgID]bool{}
		r.moment = func(m moment) { moments <- m }
		w.nodes = append(w.nodes, r)
	}
	for n := range w.nodes {
		if err := w.start(spec.NodeID(n)); err != nil {
			return err
		}
	}
	if err := w.await(); err != nil {
		return err
	}
	for _, r := range w.nodes {
		if err := r.say("begin"); err != nil {
			return err
		}
	}
	w.base = Now() - w.epoch
	return nil
}

// await waits until every node that is up has begun, and listens.
func (w *World) await() error {
	const longest = 20 * time.Second
	for end := time.Now().Add(longest); ; time.Sleep(time.Millisecond) {
		begun := true
		for _, r := range w.nodes {
			w.mu.Lock()
			begun = begun && (!r.up() || r.begun())
			w.mu.Unlock()
			if err := r.dead(); err != nil {
				return err
			}
		}
		if begun {
			break
		}
		if time.Now().After(end) {
			return errors.New("netns: the processes do not begin")
		}
	}
	if w.cfg.Wire != Multicast {
		return nil
	}
	for g := range w.s.Groups {
		var hosts []int
		for _, m := range w.s.Groups[g].Members {
			if w.nodes[m].up() {
				hosts = append(hosts, int(m))
			}
		}
		if err := w.listening(w.groupAddr(g), hosts); err != nil {
			return err
		}
	}
	return nil
}

// start starts the next life of a node.
func (w *World) start(n spec.NodeID) error {
	r := w.nodes[n]
	guest := &Guest{Stack: w.cfg.Stack, Self: n, Wire: w.cfg.Wire, TTL: w.cfg.LAN.ttl(),
		TS: w.cfg.TS, TL: w.cfg.TL, Motion: w.cfg.Motion, Seed: w.s.Seed, Lie: w.s.LiesOf(n), Epoch: w.epoch, Depths: true, Sights: w.cfg.Frames, Timed: w.cfg.Timed || w.cfg.Frames}
	for i := range w.s.Nodes {
		guest.Nodes = append(guest.Nodes, strconv.Itoa(i))
		guest.Peers = append(guest.Peers, netip.AddrPortFrom(w.cfg.LAN.addr(i), lanPort))
	}
	for i, g := range w.s.Groups {
		guest.Groups = append(guest.Groups, GuestGroup{Name: g.Name, Members: g.Members, Closed: g.Closed, Addr: w.groupAddr(i)})
	}
	if len(w.s.Groups) > 1 || w.cfg.Across {
		guest.Stacks = w.s.Stacks()[n]
	}
	guest.Tap, guest.Model, guest.Slots = w.cfg.LAN.cards == Taps, w.cfg.NIC, w.cfg.Slots
	c := w.aheadOf(n)
	guest.Shift, guest.Ahead, guest.Fast = fromStart(w.s, n), time.Duration(c.ahead), int(c.percent)
	guest.Waits = w.base == 0
	guest.Life, guest.Slow = spec.Incarnation(len(r.seat.lives)), w.slowness(n)
	guest.Full = w.among(faults.DiskFull, n)
	guest.Watch, r.steps = momentsOf(w.s, n, w.fired)
	return r.begin(w.cfg.LAN, w.cfg.Program, guest)
}

// header begins the history.
func (w *World) header(h *spec.History) {
	h.Reset()
	h.Model = w.cfg.Model
	h.Nodes, h.Groups, h.Byzantine = h.Nodes[:0], h.Groups[:0], h.Byzantine[:0]
	h.Topology, h.Bounds, h.Costs = nil, nil, nil
	for n := range w.s.Nodes {
		h.Nodes = append(h.Nodes, strconv.Itoa(n))
		if w.s.LiesOf(spec.NodeID(n)) != 0 {
			h.Byzantine = append(h.Byzantine, spec.NodeID(n))
		}
	}
	for _, g := range w.s.Groups {
		h.Groups = append(h.Groups, spec.Group{Name: g.Name, Members: g.Members, Closed: g.Closed})
	}
	w.describe(h)
	if w.seen != nil {
		w.seen.announce(&h.Header)
	}
	if w.cfg.Declare != nil {
		w.cfg.Declare(w.s, &h.Header)
	}
}

// write merges what all observed, by the clock that they share.
func (w *World) write(h *spec.History) {
	all := w.own
	_, bounded := h.Costs["STABILITY-TRIM"]
	for n, r := range w.nodes {
		all = r.seat.history(all, spec.NodeID(n), w.epoch)
		if !w.pauses(n) {
			w.tardy = max(w.tardy, r.tardy)
		}
	}
	all = w.seen.tell(all, w.base)
	slices.SortStableFunc(all, func(a, b observed) int { return cmp.Compare(a.T, b.T) })
	for i := range all {
		o := &all[i]
		o.T = max(0, o.T-w.base)
		switch {
		case o.Kind == spec.Note && o.rare && o.extra.Op == spec.OpKept && !bounded:
		case o.rare:
			h.AddExtra(o.Event, o.extra)
		default:
			h.Add(o.Event)
		}
	}
}

// end lets the processes come to their end in peace.
func (w *World) end() error {
	var errs []error
	for _, r := range w.nodes {
		if x := r.seat.up(); x != nil {
			errs = append(errs, x.input.Close())
		}
	}
	for _, r := range w.nodes {
		if x := r.seat.up(); x != nil {
			timer := time.AfterFunc(10*time.Second, func() { _ = x.cmd.Process.Kill() })
			errs = append(errs, x.reap())
			timer.Stop()
		}
	}
	return errors.Join(errs...)
}

// clear leaves nothing of a run: no process, no rule, no file.
func (w *World) clear() error {
	var errs []error
	for _, r := range w.nodes {
		errs = append(errs, r.kill(), r.disk.close())
	}
	errs = append(errs, w.forget())
	w.nodes = nil
	return errors.Join(append(errs, w.cfg.LAN.Drop(nil))...)
}
