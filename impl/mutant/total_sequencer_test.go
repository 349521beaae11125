package mutant

import (
	"fmt"
	"slices"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// sequencerPlayer plays schedules in which the first member, which numbers, stays up.
type sequencerPlayer struct{ player }

func newSequencerPlayer(params faults.Params, node func(impl.Config) impl.Layer) *sequencerPlayer {
	return &sequencerPlayer{player{params: params, world: sim.New(sim.Config{New: node})}}
}

// fails plays the schedule of a seed; one in which the first member crashes is left out.
func (p *sequencerPlayer) fails(t *testing.T, seed uint64) map[spec.ID]string {
	faults.DrawInto(&p.s, seed, p.params)
	if firstCrashes(&p.s) {
		return nil
	}
	return p.player.fails(t, seed)
}

func firstCrashes(s *faults.Scenario) bool {
	return slices.ContainsFunc(s.Steps, func(x faults.Step) bool {
		return (x.Action.Op == faults.Crash || x.Action.Op == faults.CrashLossy) && x.Action.Node == s.Groups[0].Members[0]
	})
}

// What the total orders promise over each level, on random schedules of the faults under which they promise it, as long
// as the first member, which numbers, stays up; and what they promise though it crashes. Uniform stands on a majority
// that is up. The number server gives a local order only where nobody delivers what all others never get: nobody
// crashes, or the level is uniform.
func TestTotalOrdersKeepTheirPromises(t *testing.T) {
	all, lasting := spec.EndToEndFaults, spec.EndToEndFaults.Without(spec.RecoverFault)
	calm := lasting.Without(spec.CrashFault, spec.CrashLossyFault)
	intact := all.Without(spec.CorruptFault)
	safe := []spec.ID{"NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY", "SENDER-INTEGRITY", "DESTINATION-INTEGRITY",
		"CLOSED-GROUP", "NO-RESURRECTION", "LOCAL-ORDER", "TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE"}
	live := append(slices.Clone(safe), "SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "CHANNEL-VALIDITY", "CHANNEL-INTEGRITY")
	for _, c := range []struct {
		level string
		under spec.FaultSet
		ids   []spec.ID
		dead  bool // also where the first member crashes
	}{
		{bare, intact, safe, true},
		{overBestEffort, all, safe, true},
		{overBestEffort, calm, live, false},
		{overNack, calm, live, false},
		{overReliable, all, safe, true},
		{overReliable, lasting, live, false},
		{overReliableIP, all, safe, true},
		{overReliableIP, lasting, live, false},
		{overStableIP, lasting, append(slices.Clone(live), "UNIFORM-AGREEMENT"), false},
		{overUniform, all, safe, true},
		{overUniform, lasting, append(slices.Clone(live), "UNIFORM-AGREEMENT"), false},
		{overDurable, all, safe, true},
	} {
		for name, o := range map[string]maker{"bb": sequencer(ordering.BB), "ub": sequencer(ordering.UB),
			"server": seqServer(ordering.FillHoles)} {
			t.Run(fmt.Sprintf("%s/%s/%d", c.level, name, len(c.ids)), func(t *testing.T) {
				t.Parallel()
				s := correct(c.level)
				s.ordering = o
				p := newSequencerPlayer(faults.Params{Faults: c.under, OneToOne: true, NonMember: true, MaxSends: 8, MaxNodes: 5}, s.node)
				ids := c.ids
				if name == "server" && c.under.Has(spec.CrashFault) && !slices.Contains(ids, "UNIFORM-AGREEMENT") {
					ids = exceptFor(ids, "LOCAL-ORDER")
				}
				play := p.fails
				if c.dead {
					play = p.player.fails
				}
				for i := range uint64(share(10)) {
					if faults.DrawInto(&p.s, *seed+i, p.params); c.level == overUniform && !c.dead && majorityFails(&p.s) {
						continue
					}
					for id, text := range play(t, *seed+i) {
						if slices.Contains(ids, id) {
							t.Fatalf("schedule %d breaks %s: %s\n%s", *seed+i, id, text, p.s.String())
						}
					}
				}
			})
		}
	}
}

func exceptFor(ids []spec.ID, one spec.ID) []spec.ID {
	return slices.DeleteFunc(slices.Clone(ids), func(id spec.ID) bool { return id == one })
}

// Cuts and pauses that outlast TL break agreement, since somebody is removed that is alive; but never the order of what
// is delivered, and nothing is delivered twice.
func TestTotalOrdersOutlastAgreement(t *testing.T) {
	for name, o := range map[string]maker{"bb": sequencer(ordering.BB), "ub": sequencer(ordering.UB), "server": seqServer(ordering.FillHoles)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := correct(overReliable)
			s.ordering = o
			p := newSequencerPlayer(faults.Params{Faults: spec.EndToEndFaults, MaxSends: 8, Hold: 5 * sim.DefaultTL}, s.node)
			b, _ := until(t, p.player.fails, share(2), func(b broken) bool { return b.lacks("AGREEMENT") })
			for _, id := range []spec.ID{"NO-CREATION", "NO-DUPLICATION", "SENDER-INTEGRITY", "TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE"} {
				if x, ok := b[id]; ok {
					t.Errorf("schedule %d breaks %s: %s", x.schedule, id, x.text)
				}
			}
			if b.lacks("AGREEMENT") {
				t.Error("agreement was never broken: the faults do not last")
			}
		})
	}
}

// majorityFails says whether no majority of the members stays up.
func majorityFails(s *faults.Scenario) bool {
	crashed := map[spec.NodeID]bool{}
	for i := range s.Steps {
		if a := &s.Steps[i].Action; a.Op == faults.Crash || a.Op == faults.CrashLossy {
			crashed[a.Node] = true
		}
	}
	return 2*len(crashed) >= len(s.Groups[0].Members)
}

// promised is what every level with a log promises where all nodes come back.
var promised = []spec.ID{"NO-CREATION", "NO-DUPLICATION", "NO-DUPLICATION/restart", "CONTENT-INTEGRITY", "SENDER-INTEGRITY", "DESTINATION-INTEGRITY",
	"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT", "ACKED-DELIVERED", "DURABILITY", "NO-RESURRECTION", "LOG-PREFIX"}

// Over levels with logs, where all come back but the first member, which stays up, each is handed up again what it has
// had, in the same order and marked, and nothing acknowledged is lost.
func TestTotalOrdersComeBackOverLogs(t *testing.T) {
	ids := append(slices.Clone(promised), "LOCAL-ORDER", "TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE")
	for _, level := range []string{overDurable, overAtomicLog, overAtomicAbort} {
		for name, o := range map[string]maker{"bb": sequencer(ordering.BB), "ub": sequencer(ordering.UB), "server": seqServer(ordering.FillHoles)} {
			t.Run(level+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := correct(level)
				s.ordering = o
				ids := ids
				if name == "server" {
					ids = exceptFor(ids, "LOCAL-ORDER")
				}
				p := newSequencerPlayer(faults.Params{Faults: spec.EndToEndFaults, Revive: true, MaxSends: 8, MaxNodes: 5}, s.node)
				p.world = sim.New(sim.Config{New: s.node, Revive: true, Model: spec.CrashRecovery})
				again := 0
				for i := uint64(0); i < uint64(share(10)) || i < limit && again == 0; i++ {
					for id, text := range p.fails(t, *seed+i) {
						if slices.Contains(ids, id) {
							t.Fatalf("schedule %d breaks %s: %s\n%s", *seed+i, id, text, p.s.String())
						}
					}
					for k := range p.h.Events {
						if e := &p.h.Events[k]; e.Kind == spec.Deliver && e.Is(spec.IsRedelivered|spec.HasPos) {
							again++
						}
					}
				}
				if again == 0 {
					t.Error("nothing was handed up again")
				}
			})
		}
	}
}
