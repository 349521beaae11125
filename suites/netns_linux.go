package suites

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/netns"
	"github.com/conform-go/conform/spec"
)

// The stacks of the matrix on the kernel: on a switch and hosts in network namespaces, in processes, in real time. A
// run takes seconds there and not milliseconds, so the simulator chooses: of many schedules it plays those are played
// on the kernel in which most claims are put to the test. What is judged, and how, is the same.

const (
	mostOutdoors = 10  // schedules of a cell that are chosen to test every claim
	candidates   = 400 // schedules among which they are chosen
	again        = 3   // times that one of them may be played: on the kernel it is another run each time
	slower       = 2   // times as long as in the simulator everything takes: the machine is not idle
	tries        = 2   // on the kernel, of a schedule that breaks what is not promised in the simulator
)

// outdoorFaults are what a world on the kernel injects.
var outdoorFaults = spec.SetOf(spec.CrashFault, spec.CrashLossyFault, spec.CoordinatorFault, spec.RecoverFault, spec.PauseFault,
	spec.OmitSendFault, spec.OmitReceiveFault, spec.LossFault, spec.PartitionFault, spec.DelayFault, spec.ReorderFault,
	spec.DuplicateFault, spec.CorruptFault, spec.ByzantineFault, spec.NICFault, spec.TTLFault, spec.ReportFault, spec.RogueFault,
	spec.FloodFault, spec.DiskFullFault, spec.DiskSlowFault, spec.DiskFlipFault, spec.DiskGoneFault) | spec.ClockFaults

// unseen says why nothing on the kernel writes down what a requirement is judged by; empty where it can be judged.
func unseen(id spec.ID) string {
	if id == "COST-DELAY" {
		return "not observed on the kernel: how long a machine that does other things takes says nothing of a protocol"
	}
	if ofRouters(string(id)) || strings.HasPrefix(string(id), "TTL-") {
		return "not observed on the kernel: there is one LAN, and its timers are its own"
	}
	return ""
}

// outdoors gives the cell as it stands on the kernel, and what carries its packets; or why it can't.
func (c Cell) outdoors() (Cell, netns.Wire, error) {
	wires := map[string]netns.Wire{"unicast": netns.Unicast, "coordinator": netns.Unicast, "hierarchy": netns.Unicast, "anycast": netns.Unicast,
		"hardware": netns.Frames, "tcp": netns.Streams, "ip": netns.Multicast, "broadcast": netns.Broadcast}
	wire, ok := wires[c.Transport.Name]
	switch {
	case !ok:
		return c, "", fmt.Errorf("%s is not carried by the kernel in this version", c.Transport.Name)
	case c.mtu() > 0:
		return c, "", errors.New("the kernel itself cuts packets into pieces")
	}
	if wire == netns.Multicast { // one LAN with a switch that snoops
		if len(c.Transport.Options) == 0 {
			c.Transport.Options = []Setting{{"pim", "none"}, {"snooping", "on"}, {"subnets", "1"}}
		}
	}
	if _, err := c.cards(); err != nil {
		return c, "", err
	}
	if err := c.frrMissing(); err != nil {
		return c, "", err
	}
	return c, wire, c.Applicable()
}

// Guest makes this process a node of a run on the kernel, if it was started to be one; then it does not return.
func Guest() {
	g, asked, err := netns.GuestAsked()
	if !asked {
		return
	}
	if err == nil {
		err = visit(&g)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Elevate runs this program again as root of a user namespace, where it is not root; then it gives its exit code.
func Elevate() (code int, done bool, err error) { return netns.Elevate() }

func visit(g *netns.Guest) error {
	x, err := ParseSubject(g.Stack)
	if err != nil {
		return err
	}
	if strings.HasPrefix(g.Stack, mutantPrefix) {
		return g.RunAcross(x.New, x.cell.above(), os.Stdin, os.Stdout)
	}
	c := x.cell
	c.Transport.Options = append(c.Transport.Options[:len(c.Transport.Options):len(c.Transport.Options)], Setting{"stream", "kernel"})
	return g.RunAcross(c.Member, c.above(), os.Stdin, os.Stdout)
}

// outdoor is one piece of work: the claims of a cell, or one thing that it does not promise.
type outdoor struct {
	plan  *Plan
	cell  Cell
	wire  netns.Wire
	stack string      // what guests are told to run: the cell, or a mutant of it
	sep   *Separation // nil: the claims
	lans  *lans
	rules *ipmulticast.RouterRules // what routers do wrong; nil: nothing
	unit  unit
	hands int // how many schedules of the claims are played at a time
	err   error

	sim     *bench // which chooses
	bench   *bench // which judges what the kernel shows
	pcap    bytes.Buffer
	packets int // in the run played last

	tardy    time.Duration   // how late the machine was in the run played last
	least    time.Duration   // that a run lasts
	overdue  map[spec.ID]int // runs in which it was too late for a claim to be judged
	forgave  []spec.ID       // what the machine was too late for in the run played last
	forgiven map[spec.ID]int // runs that would have judged this, and in which it was too late
	unpaced  bool            // a router was too late for the times of IGMP and PIM in the run played last
	sluggish int             // runs in which it was
}

// RunOutdoors judges every cell on the kernel. The frames of runs that break something go to files in captures, unless
// it is empty.
func RunOutdoors(ctx context.Context, p Plan, captures string) (*Report, error) {
	if p.Schedules <= 0 {
		p.Schedules = Outdoors
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	var started time.Time
	if p.Clock != nil {
		started = p.Clock()
	}
	r := &Report{Schema: "conform.run/1", Version: Version, Seed: strconv.FormatUint(p.Seed, 10), World: "netns", Faults: faultsText(p.Faults)}
	p.Faults &= outdoorsOf(p.Cells)
	pool := &lans{captures: captures, hosts: p.Nodes}
	defer pool.close()
	work, works, reasons := p.outdoors(pool)
	if len(work) == 0 {
		return nil, fmt.Errorf("%w: %w", ErrNotOutdoors, errors.Join(reasons[:1]...))
	}
	for _, o := range work {
		o.hands = max(1, p.Parallel/len(work))
	}
	err := spread(ctx, p.Parallel, len(work), p.Progress, func(i int) { work[i].do(ctx) })
	if err != nil && !interrupted(ctx, err, slices.Concat(works...)) {
		return nil, err
	}
	for _, o := range work {
		if o.err != nil && o.unit.over { // what is interrupted comes to no good end
			return nil, fmt.Errorf("%s: %w", o.cell, o.err)
		}
	}
	for i, c := range p.Cells {
		cr := CellReport{Transport: c.Transport.String(), Reliability: c.Reliability.String(), Ordering: c.Ordering.String(), Membership: c.Membership.String()}
		if reasons[i] != nil {
			cr.Reason = reasons[i].Error()
		} else {
			cr = together(works[i])
		}
		r.add(&cr, &p, works[i])
	}
	if p.Clock != nil {
		r.ElapsedMS = p.Clock().Sub(started).Milliseconds()
	}
	return r, nil
}

// outdoors lists the work for the kernel, in all and by cell: its claims, and what it does not promise and no cell before
// it shows. Where a cell can't be there, it gives the reason.
func (p *Plan) outdoors(pool *lans) (work []*outdoor, works [][]*unit, reasons []error) {
	works = make([][]*unit, len(p.Cells))
	seen := map[Separation]bool{}
	for i, asked := range p.Cells {
		c, wire, err := asked.outdoors()
		reasons = append(reasons, err)
		if err != nil {
			continue
		}
		add := func(sep *Separation) {
			o := &outdoor{plan: p, cell: c, wire: wire, stack: c.String(), sep: sep, lans: pool}
			o.unit = unit{plan: p, cell: c, separating: sep != nil}
			work, works[i] = append(work, o), append(works[i], &o.unit)
		}
		add(nil)
		for _, sep := range c.shownOutdoors(p, seen) {
			add(&sep)
		}
	}
	return work, works, reasons
}

// together makes the report of a cell of its claims, and of what it does not promise.
func together(units []*unit) CellReport {
	c := units[0].cell
	apart := &unit{separating: true}
	for _, u := range units[1:] {
		apart.rows = append(apart.rows, u.rows...)
	}
	r := merge(c, c.members(units[0].plan.Nodes), []*unit{units[0], apart})
	units[0].pardon(&r)
	return r
}

// shownOutdoors lists what the cell does not promise and no cell before it shows on the kernel.
func (c Cell) shownOutdoors(p *Plan, seen map[Separation]bool) (out []Separation) {
	for _, sep := range c.Separations() {
		kind := Separation{ID: sep.ID, With: sep.With}
		if sep.With == 0 || !sep.With.Within(p.Faults) || p.Nodes != 0 && p.Nodes < sep.Nodes || c.unseen(sep.ID) != "" || seen[kind] {
			continue
		}
		seen[kind] = true
		out = append(out, sep)
	}
	return out
}

func (o *outdoor) do(ctx context.Context) {
	defer func() { o.unit.over = ctx.Err() == nil }()
	o.prepare(o.cell.newBench(o.cell.world(o.cell.Member, nil), o.cell.mtu()))
	lan, back, err := o.borrow(o.plan.Nodes)
	if err != nil {
		o.err = err
		return
	}
	defer back()
	if o.sep == nil {
		o.err = o.claims(ctx, lan)
		return
	}
	row, err := o.separate(ctx, lan, *o.sep)
	if o.err = err; row.Judged > 0 {
		o.unit.rows = append(o.unit.rows, row)
	}
}

// prepare sets up the judges: of the simulator, and of the kernel, where everything is slower.
func (o *outdoor) prepare(chooser *bench) {
	if o.sim = chooser; chooser != nil {
		o.cell.choosing(chooser)
	}
	k := time.Duration(o.cell.slower())
	o.bench = o.cell.newBench(sim.Config{TS: k * sim.DefaultTS, TL: k * sim.DefaultTL}, o.cell.mtu())
}

// add counts what a run on the kernel cost.
func (u *unit) add(h *spec.History) {
	for i := range h.Events {
		switch h.Events[i].Kind {
		case spec.Send:
			u.counts.Sends++
		case spec.Deliver:
			u.counts.Deliveries++
		case spec.Ack:
			u.counts.Acks++
		}
	}
}

// play plays a schedule on the kernel, stretched, and loads its history into the judge. What it gives is the schedule
// as it was played, on a network that is as slow as the machine was.
func (o *outdoor) play(lan *netns.LAN, s *faults.Scenario) (*faults.Scenario, error) {
	k := o.cell.slower()
	long := stretch(s, k)
	o.pcap.Reset()
	o.packets = 0
	frames, err := ipmulticast.NewPcapWriter(&o.pcap)
	if err != nil {
		return nil, err
	}
	model := spec.CrashStop
	if o.cell.logged() || o.cell.changes() || o.cell.elects() {
		model = spec.CrashRecovery
	}
	n, _ := o.cell.network()
	if o.wire == netns.Multicast && !o.cell.wide() {
		if err := lan.Snoop(n.snoop); err != nil {
			return nil, err
		}
	}
	w, err := netns.NewWorld(netns.WorldConfig{LAN: lan, Stack: o.stack, Wire: o.wire, TS: o.bench.cfg.TS, TL: o.bench.cfg.TL, Motion: o.cell.motion(),
		Timed: o.cell.timed() || o.cell.watches(), Least: o.least, Model: model, Revive: o.cell.logged(), Views: o.cell.changes(), Across: o.cell.across(), Logs: o.cell.logged() || o.cell.regroups() || o.cell.elects(),
		Frames: o.framed(s), NIC: n.nic, Slots: n.slots, Capture: func(at spec.Time, from int, frame []byte) {
			_ = frames.Write(at, frame)
			if from >= 0 && carries(frame) {
				o.packets++
			}
		},
		Declare: func(_ *faults.Scenario, h *spec.Header) {
			o.cell.declare(s, h)
			o.cell.declareOutdoors(h)
		}})
	if err != nil {
		return nil, err
	}
	if err := w.Play(long, &o.bench.h); err != nil {
		return nil, fmt.Errorf("%w\nscenario:\n%s", err, indent(s.String()))
	}
	long.Net.Max = w.Late() + 2*time.Millisecond
	o.tardy = max(w.Tardy(), w.Late())
	o.forgave = o.forgive(w.Tardy())
	o.unpaced = o.unpace(max(w.Lag(), w.Late()))
	o.bench.judge.Load(&o.bench.h)
	return long, nil
}

// carries says whether a frame is one of UDP, TCP, or a transport without IP, and not one in which hosts speak of groups.
func carries(frame []byte) bool {
	protocol := ipmulticast.EthernetLen + 9 // where the header of IPv4 has it
	f, ok := ipmulticast.ParseFrame(frame)
	if ok && f.Type == ipmulticast.TypeIPv6 {
		protocol = ipmulticast.EthernetLen + 6
	}
	return ok && (f.Type == ipmulticast.TypeGroup || (f.Type == ipmulticast.TypeIPv4 || f.Type == ipmulticast.TypeIPv6) &&
		len(frame) > protocol && (frame[protocol] == 17 || frame[protocol] == 6))
}

// stretch makes everything in a scenario take so many times as long.
func stretch(s *faults.Scenario, k int) *faults.Scenario {
	s = s.Clone()
	for i := range s.Steps {
		x := &s.Steps[i]
		x.When.At *= spec.Time(k)
		x.Action.For *= time.Duration(k)
		x.Action.By *= time.Duration(k)
	}
	return s
}

// tell makes the story of what the kernel has just shown.
func (o *outdoor) tell(s *faults.Scenario, id spec.ID, f *spec.Finding) (*Story, error) {
	s = s.Clone()
	s.Expect, s.Trace = id, faults.Trace{}
	h := &o.bench.h
	w := &Story{ID: id, Text: f.Witness.Text, Scenario: s.String(), Steps: len(s.Steps), Events: eventLines(h, f.Witness.Events),
		Diagram: Diagram(h, s, f.Witness.Events), token: s.Token(), Replay: "conform replay --world netns " + s.Token()}
	if o.cell.Indoors() == nil {
		w.Replay = "conform replay " + s.Token() + "   # in the simulator\n  " + w.Replay
	}
	if o.lans.captures == "" && o.sep != nil { // it breaks what nobody promised
		return w, nil
	}
	name, err := keepCapture(o.lans.captures, o.cell.String()+"_"+string(id), o.pcap.Bytes())
	w.Replay += "\n  tcpdump -r " + name
	return w, err
}

// separate lets the simulator find a schedule that breaks what the cell does not promise, and the kernel show it. Where
// there is none without faults that the kernel does not inject, nothing is judged.
func (o *outdoor) separate(ctx context.Context, lan *netns.LAN, sep Separation) (Row, error) {
	row := Row{ID: sep.ID, With: sep.With.String(), Verdict: spec.Inconclusive}
	var s faults.Scenario
	for i := 0; i < searchBudget/5 && ctx.Err() == nil; i++ {
		seed := seedOf(o.plan.Seed, o.cell.String()+string(sep.ID), 7, uint64(i))
		if o.plan.draw(&s, seed, o.cell, sep.With, i); i%2 == 1 {
			o.cell.aim(&s, seed, sep.With)
		}
		if lan.Fits(&s) != nil {
			continue
		}
		if err := o.sim.play(&s); err != nil {
			return row, o.sim.broke(&s, err)
		}
		if o.sim.judge.Check(sep.ID).Verdict != spec.Fail {
			continue
		}
		injected := o.cell.injects(&s)
		small, _ := faults.Shrink(s.Clone(), func(t *faults.Scenario) bool {
			i := o.cell.injects(t)
			return i.Within(injected) && i != 0 && lan.Fits(t) == nil && o.sim.fails(t, sep.ID)
		}, shrinkBudget)
		for range tries {
			if _, err := o.play(lan, small); err != nil {
				return row, err
			}
			row.Judged++
			if f := o.bench.judge.Check(sep.ID); f.Verdict == spec.Fail {
				var err error
				row.Verdict, row.Failed = spec.Fail, 1
				row.Witness, err = o.tell(small, sep.ID, &f)
				return row, err
			}
		}
		break
	}
	row.Skipped = true
	row.Reason = fmt.Sprintf("what breaks it in the simulator did not in %d runs on the kernel, which delays packets as it likes", row.Judged)
	return row, nil
}

// lans are the LANs of a run: as many as are used at a time.
type lans struct {
	captures string
	hosts    int // that schedules have at most, if it is told

	mu   sync.Mutex
	free []*netns.LAN
}

func (p *lans) get() (*netns.LAN, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		l := p.free[n-1]
		p.free = p.free[:n-1]
		return l, nil
	}
	return netns.NewLAN(max(8, p.hosts))
}

func (p *lans) put(l *netns.LAN) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, l)
}

func (p *lans) close() {
	for _, l := range p.free {
		_ = l.Close()
	}
}

// OutdoorWorkers is how many schedules are played at a time where nobody says: they wait more than they work.
func OutdoorWorkers() int { return 2 * runtime.NumCPU() }
