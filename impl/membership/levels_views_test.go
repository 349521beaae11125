package membership_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// leveled is a level of reliability without virtual synchrony, with members that change.
type leveled struct {
	level     func(impl.Config) impl.Layer
	agreement bool // what one who stays delivers all who stay deliver
	uniform   bool // … what anybody delivers
	acks      bool // every send of one who stays is acknowledged
}

var levelsAcrossViews = map[string]leveled{
	"best-effort":                {level: func(cfg impl.Config) impl.Layer { return reliability.NewBestEffort(cfg) }, acks: true},
	"reliable":                   {level: func(cfg impl.Config) impl.Layer { return reliability.NewReliable(cfg) }, agreement: true, acks: true},
	"reliable-ip":                {level: func(cfg impl.Config) impl.Layer { return reliability.NewReliableIP(cfg, false) }, agreement: true, acks: true},
	"reliable-ip:deliver=stable": {level: func(cfg impl.Config) impl.Layer { return reliability.NewReliableIP(cfg, true) }, agreement: true, acks: true},
	"uniform":                    {level: func(cfg impl.Config) impl.Layer { return reliability.NewUniform(cfg) }, agreement: true, uniform: true, acks: true},
}

// deaf is a level that does not hear of views.
type deaf struct {
	impl.Layer
	self spec.NodeID
}

func (d deaf) Step(in impl.Input, out *impl.Effects) {
	if in.Kind == impl.ViewChanged {
		if slices.Contains(in.View.Members, d.self) {
			out.Pass(in)
		}
		return
	}
	d.Layer.Step(in, out)
}

func (x leveled) stack(cfg impl.Config) impl.Layer {
	return impl.NewStack(membership.NewGate(cfg, nil), ordering.NewUnordered(cfg), x.level(cfg), membership.NewViewSync(cfg),
		transport.NewUnicast(cfg), transport.NewChannel(cfg))
}

// lookAtLevel holds a history against what a level promises those who are members all the time, and to one who has come
// in, by brute force.
func (x leveled) lookAtLevel(s *faults.Scenario, h *spec.History) (wrong []string, pairs int) {
	bad := func(format string, a ...any) { wrong = append(wrong, fmt.Sprintf(format, a...)) }
	through, up := make([]bool, s.Nodes), make([]bool, s.Nodes)
	joined := make([]int, s.Nodes) // since which event; -1: no member
	inc := make([]uint32, s.Nodes)
	for n := range through {
		through[n], up[n] = slices.Contains(s.Groups[0].Members, spec.NodeID(n)), true
		if joined[n] = -1; through[n] {
			joined[n] = 0
		}
	}
	sent, order := map[spec.MsgID]int{}, []spec.MsgID{}
	gone, acked := map[spec.MsgID]bool{}, map[spec.MsgID]bool{}
	has := map[life]map[spec.MsgID]bool{}
	for i := range h.Events {
		e := &h.Events[i]
		n := e.Node
		switch e.Kind {
		case spec.Crash:
			through[n], up[n], joined[n] = false, false, -1
		case spec.Recover:
			up[n] = true
			inc[n]++
		case spec.Leave:
			through[n], joined[n] = false, -1
		case spec.Joined:
			joined[n] = i
		case spec.Gap:
			bad("NO-GAP: %d is told of a gap", n)
		case spec.ViewChange:
			if !slices.Contains(h.ExtraOf(e).Members, n) {
				bad("SELF-INCLUSION: %d installs a view without itself", n)
			}
			for m := range through {
				if !slices.Contains(h.ExtraOf(e).Members, spec.NodeID(m)) {
					through[m] = false
					if joined[m] >= 0 && joined[m] < i && !slices.Contains(s.Groups[0].Members, spec.NodeID(m)) {
						joined[m] = -1
					}
				}
			}
		case spec.Send:
			sent[e.Msg] = i
			order = append(order, e.Msg)
		case spec.Refuse:
			gone[e.Msg] = true
		case spec.Ack:
			acked[e.Msg] = true
		case spec.Deliver:
			k := life{n, inc[n]}
			if has[k] == nil {
				has[k] = map[spec.MsgID]bool{}
			}
			if has[k][e.Msg] {
				bad("NO-DUPLICATION: %d delivers %v twice", n, e.Msg)
			}
			has[k][e.Msg] = true
		}
	}
	if !h.Settled || !hasQuorum(s, up) {
		return wrong, 0
	}
	for _, m := range order {
		who := ""
		stays := through[m.Sender] && !gone[m]
		if stays {
			who = "its sender stays"
		}
		for n := range spec.NodeID(s.Nodes) {
			for l := range inc[n] + 1 {
				if has[life{n, l}][m] && (x.uniform || x.agreement && through[n]) {
					who = fmt.Sprintf("%d delivers it", n)
				}
			}
		}
		if x.acks && stays && !acked[m] {
			bad("ACKNOWLEDGED: %v, of one who stays, is never acknowledged", m)
		}
		for n := range spec.NodeID(s.Nodes) {
			owed := through[n] || joined[n] > 0 && up[n] && sent[m] > joined[n] && stays
			if pairs++; who != "" && owed && !has[life{n, inc[n]}][m] {
				bad("VALIDITY: %d, a member, never delivers %v: %s", n, m, who)
			}
		}
	}
	return wrong, pairs
}

// Levels without virtual synchrony, with members that crash, join and leave: those who stay get what they are promised,
// and nobody waits for one who has left.
func TestLevelsAcrossViews(t *testing.T) {
	runs := 60 * *viewRuns
	if testing.Short() {
		runs = 5
	}
	for name, x := range levelsAcrossViews {
		t.Run(name, func(t *testing.T) {
			w, h := sim.New(sim.Config{New: x.stack, Model: spec.CrashRecovery}), &spec.History{}
			all := 0
			for seed := range uint64(runs) {
				s := drawOrders(seed, viewKinds{crashes: true, moves: true}, false)
				if err := w.Play(s, h); err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, s)
				}
				wrong, pairs := x.lookAtLevel(s, h)
				if len(wrong) > 0 || !h.Settled {
					t.Fatalf("seed %d: settled %t, %d wrong: %v\n%s", seed, h.Settled, len(wrong), wrong[:min(3, len(wrong))], s)
				}
				all += pairs
			}
			t.Logf("%d runs, %d messages and members", runs, all)
		})
	}
	t.Run("uniform, deaf to views", func(t *testing.T) {
		x := levelsAcrossViews["uniform"]
		level := x.level
		x.level = func(cfg impl.Config) impl.Layer { return deaf{level(cfg), cfg.Self} }
		w, h := sim.New(sim.Config{New: x.stack, Model: spec.CrashRecovery}), &spec.History{}
		for seed := range uint64(100) {
			s := drawOrders(seed, viewKinds{crashes: true, moves: true}, false)
			if err := w.Play(s, h); err != nil {
				t.Fatal(err)
			}
			if wrong, _ := x.lookAtLevel(s, h); len(wrong) > 0 {
				t.Logf("seed %d: %s", seed, wrong[0])
				return
			}
		}
		t.Error("not caught")
	})
}
