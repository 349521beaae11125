package membership_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// overViews is an ordering across views, and what it promises there beside what views promise.
type overViews struct {
	order  func(impl.Config) impl.Layer
	judge  []spec.ID
	total  bool       // one sequence a view
	later  bool       // a message may be delivered in a later view than the one in which it was sent
	lossy  bool       // what comes too late is lost to who gets it too late
	syncs  bool       // barriers that divide what their caller sends
	cuts   bool       // … of all
	blocks bool       // … that return when all is delivered everywhere
	kinds  *viewKinds // nil: everything
}

var acrossViews = map[string]overViews{
	"fifo":              {order: func(cfg impl.Config) impl.Layer { return ordering.NewFifo(cfg) }, judge: []spec.ID{"FIFO-ORDER"}},
	"fifo:gap=announce": {order: func(cfg impl.Config) impl.Layer { return ordering.NewAnnouncingFifo(cfg) }, judge: []spec.ID{"FIFO-ORDER"}},
	"causal":            {order: func(cfg impl.Config) impl.Layer { return ordering.NewCausal(cfg) }, judge: []spec.ID{"CAUSAL-ORDER"}},
	"total-sequencer": {order: func(cfg impl.Config) impl.Layer { return ordering.NewTotalSequencer(cfg, ordering.BB) }, total: true,
		judge: []spec.ID{"TOTAL-ORDER", "POSITION-AGREEMENT"}},
	"total-sequencer:form=ub": {order: func(cfg impl.Config) impl.Layer { return ordering.NewTotalSequencer(cfg, ordering.UB) }, total: true, later: true,
		judge: []spec.ID{"TOTAL-ORDER", "POSITION-AGREEMENT"}},
	"total-seqserver": {order: func(cfg impl.Config) impl.Layer { return ordering.NewTotalSeqServer(cfg, ordering.FillHoles) }, total: true, later: true,
		judge: []spec.ID{"TOTAL-ORDER", "POSITION-AGREEMENT"}},
	"total-seqserver:holes=block": {order: func(cfg impl.Config) impl.Layer { return ordering.NewTotalSeqServer(cfg, ordering.BlockHoles) }, total: true, later: true,
		judge: []spec.ID{"TOTAL-ORDER", "POSITION-AGREEMENT"}},
	"total-kaashoek": {order: func(cfg impl.Config) impl.Layer { return ordering.NewKaashoek(cfg, ordering.SequencerMulticasts, 0) }, total: true, later: true,
		judge: []spec.ID{"TOTAL-ORDER"}},
	"total-kaashoek:history=4": {order: func(cfg impl.Config) impl.Layer { return ordering.NewKaashoek(cfg, ordering.SequencerMulticasts, 4) }, total: true, later: true,
		judge: []spec.ID{"TOTAL-ORDER"}},
	"total-kaashoek:method=bb": {order: func(cfg impl.Config) impl.Layer { return ordering.NewKaashoek(cfg, ordering.SenderMulticasts, 0) }, total: true, later: true,
		judge: []spec.ID{"TOTAL-ORDER"}},
	"total-agreement": {order: func(cfg impl.Config) impl.Layer { return ordering.NewAgreement(cfg) }, total: true, judge: []spec.ID{"TOTAL-ORDER"}},
	"total-lamport": {order: func(cfg impl.Config) impl.Layer { return ordering.NewLamport(cfg, 0) }, total: true,
		judge: []spec.ID{"TOTAL-ORDER", "CAUSAL-ORDER"}},
	"real-time": {order: func(cfg impl.Config) impl.Layer { return ordering.NewRealTime(cfg, 0, 100*time.Millisecond) }, total: true, lossy: true,
		judge: []spec.ID{"TOTAL-ORDER", "CAUSAL-ORDER"}},
	"real-time:moves": {order: func(cfg impl.Config) impl.Layer { return ordering.NewRealTime(cfg, 0, 500*time.Millisecond) }, total: true,
		kinds: &viewKinds{moves: true}, judge: []spec.ID{"TOTAL-ORDER", "CAUSAL-ORDER", "REALTIME-ORDER"}},
	"sync:reading=sender+fifo": {order: syncOver(ordering.OfSender, func(cfg impl.Config) impl.Layer { return ordering.NewFifo(cfg) }), syncs: true,
		judge: []spec.ID{"FIFO-ORDER"}},
	"sync:reading=cut": {order: syncOver(ordering.Cut, func(cfg impl.Config) impl.Layer { return ordering.NewUnordered(cfg) }), syncs: true, cuts: true, later: true},
	"sync:reading=cut+total": {order: syncOver(ordering.Cut, func(cfg impl.Config) impl.Layer { return ordering.NewTotalSequencer(cfg, ordering.BB) }),
		syncs: true, cuts: true, later: true, total: true, judge: []spec.ID{"TOTAL-ORDER"}},
	"sync:reading=causal+causal": {order: syncOver(ordering.CausalBarrier, func(cfg impl.Config) impl.Layer { return ordering.NewCausal(cfg) }), syncs: true,
		judge: []spec.ID{"CAUSAL-ORDER"}},
	"sync:reading=blocking": {order: syncOver(ordering.Blocking, func(cfg impl.Config) impl.Layer { return ordering.NewUnordered(cfg) }), blocks: true},
	"fifo-total": {order: func(cfg impl.Config) impl.Layer {
		return ordering.NewFifoTotal(cfg, ordering.NewTotalSequencer(cfg, ordering.BB))
	},
		total: true, judge: []spec.ID{"TOTAL-ORDER", "FIFO-ORDER"}},
	"fifo-total:agreement": {order: func(cfg impl.Config) impl.Layer { return ordering.NewFifoTotal(cfg, ordering.NewAgreement(cfg)) },
		total: true, judge: []spec.ID{"TOTAL-ORDER", "FIFO-ORDER"}},
	"causal-total": {order: func(cfg impl.Config) impl.Layer {
		return ordering.NewCausalTotal(cfg, ordering.NewTotalSequencer(cfg, ordering.BB))
	},
		total: true, judge: []spec.ID{"TOTAL-ORDER", "CAUSAL-ORDER"}},
	"causal-total:agreement": {order: func(cfg impl.Config) impl.Layer { return ordering.NewCausalTotal(cfg, ordering.NewAgreement(cfg)) },
		total: true, judge: []spec.ID{"TOTAL-ORDER", "CAUSAL-ORDER"}},
}

func syncOver(r ordering.Reading, below func(impl.Config) impl.Layer) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer { return impl.NewStack(ordering.NewSync(cfg, r), below(cfg)) }
}

// shown is what a schedule of an ordering across views has shown.
type shown struct {
	wrong                    []string
	sequences, later, synced int
}

// lookAtOrder holds a history against what an ordering promises across views, by brute force.
func (x *overViews) lookAtOrder(s *faults.Scenario, h *spec.History) (o shown) {
	bad := func(format string, a ...any) { o.wrong = append(o.wrong, fmt.Sprintf(format, a...)) }
	type stay struct {
		life
		view spec.ViewID
	}
	var stays []stay
	sequences := map[stay][]spec.MsgID{}
	at, inc := make([]spec.ViewID, s.Nodes), make([]uint32, s.Nodes)
	sentIn, refused, sent := map[spec.MsgID]spec.ViewID{}, map[spec.MsgID]bool{}, []spec.MsgID{}
	in := map[spec.MsgID]spec.ViewID{}
	numbers, of := map[uint64]spec.MsgID{}, map[spec.MsgID]uint64{}
	own := map[spec.MsgID]bool{}
	through := make([]bool, s.Nodes) // up and a member, all the time
	for n := range through {
		through[n] = slices.Contains(s.Groups[0].Members, spec.NodeID(n))
	}
	up := make([]bool, s.Nodes)
	for n := range up {
		up[n] = true
	}
	highest := make([]uint64, s.Nodes)
	syncs := map[[2]uint64]bool{}
	for i := range h.Events {
		e := &h.Events[i]
		switch n := e.Node; e.Kind {
		case spec.Crash:
			through[n], up[n] = false, false
		case spec.Leave, spec.Restore:
			through[n] = false
		case spec.Recover:
			up[n] = true
			inc[n]++
			at[n], highest[n] = spec.ViewID{}, 0
		case spec.Send:
			sent = append(sent, e.Msg)
			sentIn[e.Msg] = at[n]
		case spec.Refuse:
			refused[e.Msg] = true
		case spec.Sync:
			syncs[[2]uint64{uint64(n), h.ExtraOf(e).ID}] = true
		case spec.Synced:
			o.synced++
			delete(syncs, [2]uint64{uint64(n), h.ExtraOf(e).Of})
		case spec.ViewChange:
			v := h.ExtraOf(e)
			at[n] = v.View
			stays = append(stays, stay{life{n, inc[n]}, at[n]})
			for m := range through {
				through[m] = through[m] && slices.Contains(v.Members, spec.NodeID(m))
			}
		case spec.Deliver:
			k := stay{life{n, inc[n]}, at[n]}
			sequences[k] = append(sequences[k], e.Msg)
			own[e.Msg] = own[e.Msg] || n == e.Msg.Sender
			if v, before := in[e.Msg]; before && v != at[n] {
				bad("SAME-VIEW-DELIVERY: %d delivers %v in %v, another one in %v", n, e.Msg, at[n], v)
			}
			if in[e.Msg] = at[n]; at[n] != sentIn[e.Msg] {
				o.later++
			}
			if !e.Is(spec.HasPos) {
				break
			}
			pos := h.ExtraOf(e).Pos
			if m, before := numbers[pos]; before && m != e.Msg {
				bad("POSITION-AGREEMENT: %d delivers %v at %d, where %v is", n, e.Msg, pos, m)
			}
			if p, before := of[e.Msg]; before && p != pos {
				bad("POSITION-AGREEMENT: %d delivers %v at %d, another one at %d", n, e.Msg, pos, p)
			}
			if pos <= highest[n] {
				bad("POSITION-AGREEMENT: %d delivers %d after %d", n, pos, highest[n])
			}
			numbers[pos], of[e.Msg], highest[n] = e.Msg, pos, pos
		}
	}
	for i, a := range stays {
		for _, b := range stays[:i] {
			if !x.total || a.view != b.view {
				continue
			}
			o.sequences++
			p, q := sequences[a], sequences[b]
			if k := min(len(p), len(q)); !slices.Equal(p[:k], q[:k]) && !(x.lossy && fits(p, q)) {
				bad("TOTAL-ORDER: in view %v %v delivers %v, and %v %v", a.view, a.life, p, b.life, q)
			}
		}
	}
	goesOn := h.Settled && hasQuorum(s, up)
	for _, m := range sent {
		if goesOn && through[m.Sender] && !refused[m] && !own[m] && !x.lossy {
			bad("SELF-DELIVERY: %d, a member all the time, never delivers its %v", m.Sender, m)
		}
	}
	for k := range syncs {
		if goesOn && through[k[0]] {
			bad("SYNC-RETURNS: the sync %d of %d, a member all the time, never returns", k[1], k[0])
		}
	}
	if x.syncs {
		o.wrong = append(o.wrong, lookAtBarriers(s, h, x.cuts)...)
	}
	if x.blocks {
		o.wrong = append(o.wrong, lookAtReturns(s, h, through)...)
	}
	return o
}

// fits says whether what both sequences have is in one order.
func fits(p, q []spec.MsgID) bool {
	last := -1
	for _, m := range p {
		if k := slices.Index(q, m); k >= 0 {
			if k < last {
				return false
			}
			last = k
		}
	}
	return true
}

// wrongs gives what is wrong with a played schedule.
func (x *overViews) wrongs(j *checkers.Judge, s *faults.Scenario, h *spec.History) (o shown) {
	o = x.lookAtOrder(s, h)
	for _, w := range lookAt(s, h).wrong {
		if strings.HasPrefix(w, "PRIMARY-COMPONENT") { // the service's, and judged with it
			continue
		}
		if x.later && (strings.HasPrefix(w, "SENDING-VIEW-DELIVERY") || strings.HasPrefix(w, "FLUSH-BLOCK")) ||
			x.lossy && (strings.HasPrefix(w, "VIRTUAL-SYNCHRONY") || strings.HasPrefix(w, "JOIN-TRANSFER") || strings.HasPrefix(w, "VALIDITY")) {
			continue
		}
		o.wrong = append(o.wrong, w)
	}
	j.Load(h)
	for _, id := range x.judge {
		if f := j.Check(id); f.Verdict == spec.Fail {
			o.wrong = append(o.wrong, fmt.Sprintf("%s: %s", id, f.Witness.Text))
		}
	}
	return o
}

// drawOrders is drawViews with more sends, most of them in bursts around what fails and moves, and with syncs.
func drawOrders(seed uint64, k viewKinds, syncs bool) *faults.Scenario {
	s := drawViews(seed, k)
	r := spec.NewRand(seed, 72)
	var busy []spec.Time
	for _, x := range s.Steps {
		if x.Action.Op != faults.Send && x.When.At > 0 {
			busy = append(busy, x.When.At)
		}
	}
	for range 3 + r.IntN(5) {
		at := spec.Time(r.IntN(1800)) * ms
		if len(busy) > 0 && r.Chance(.7) {
			at = busy[r.IntN(len(busy))] + spec.Time(r.IntN(200)-20)*ms
		}
		for range 1 + r.IntN(6) {
			a := faults.Action{Op: faults.Send, Node: spec.NodeID(r.IntN(s.Nodes)), To: -1, Size: 16}
			if syncs && r.Chance(.4) {
				a = faults.Action{Op: faults.Sync, Node: a.Node}
			}
			s.Steps = append(s.Steps, faults.Step{When: faults.When{At: max(0, at+spec.Time(r.IntN(int(15*time.Millisecond))))}, Action: a})
		}
	}
	slices.SortStableFunc(s.Steps, func(a, b faults.Step) int { return int(a.When.At - b.When.At) })
	return s
}

// Orderings across views that change, with members that crash, come back, are cut off, join and leave, up to three
// failures at a time: all properties of views, and those of the order.
func TestOrdersAcrossViews(t *testing.T) {
	runs := 25 * *viewRuns
	if testing.Short() {
		runs = 3
	}
	for name, x := range acrossViews {
		t.Run(name, func(t *testing.T) {
			var j checkers.Judge
			w, h := sim.New(sim.Config{New: func(cfg impl.Config) impl.Layer {
				return mutant.OrderedViewStack(cfg, x.order(cfg), nil)
			}, Model: spec.CrashRecovery}), &spec.History{}
			var sum shown
			for seed := range uint64(runs) {
				k := soaks["everything"]
				if seed%3 == 0 {
					k = soaks["mixed"]
				}
				if x.kinds != nil {
					k = *x.kinds
				}
				s := drawOrders(seed, k, x.syncs || x.blocks)
				if err := w.Play(s, h); err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, s)
				}
				o := x.wrongs(&j, s, h)
				if len(o.wrong) > 0 || !h.Settled {
					t.Fatalf("seed %d: settled %t, %d wrong: %s\n%s", seed, h.Settled, len(o.wrong), strings.Join(o.wrong[:min(3, len(o.wrong))], "\n"), s)
				}
				sum.sequences, sum.later, sum.synced = sum.sequences+o.sequences, sum.later+o.later, sum.synced+o.synced
			}
			t.Logf("%d runs: %d pairs of sequences, %d deliveries in a later view, %d syncs returned", runs, sum.sequences, sum.later, sum.synced)
		})
	}
}
