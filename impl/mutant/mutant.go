// Package mutant holds the reference protocols with one bug each, of the kind that developers make. A harness is only
// worth its verdicts if it catches them: each mutant names the requirements that it breaks, the correct stack that it
// differs from, and the faults that bring the bug out. On that stack, under those faults, the requirements hold.
package mutant

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// Mutant is a protocol with one named bug.
type Mutant struct {
	Name   string        // after what it does wrong
	Title  string        // one sentence: what it does wrong, and what comes of it
	Breaks []spec.ID     // in the order of the catalogue, without what is broken only because it entails one of them
	Cell   string        // the correct stack: transport/reliability/ordering, an option of the transport behind a colon
	Under  spec.FaultSet // the faults through which its schedules go

	OneToOne  bool // its schedules need sends to one node
	NonMember bool // … and nodes outside the group
	MTU       int  // … and packets no longer than this, in bytes; 0: no limit

	New     func(impl.Config) impl.Layer               // the stack of one node, on a network of links its upper part; nil: that of the cell
	Across  func(impl.Config, []spec.Group) impl.Layer // what stands above the stacks of a node; nil: as in the cell
	Network *ipmulticast.Rules                         // the rules of hosts and routers; nil: the correct ones
}

// All lists the mutants, from the channel up; always in the same order. The slices are fresh.
func All() []Mutant {
	return slices.Concat(channelMutants(), unicastMutants(), treeMutants(), tcpMutants(), lanMutants(), hostMutants(),
		routerMutants(), fragmentMutants(), bestEffortMutants(), ackMutants(), nackMutants(), reliableIPMutants(), uniformMutants(), atomicViewMutants(), reliableMutants(),
		durableMutants(), gossipMutants(), byzantineMutants(),
		fifoMutants(), causalMutants(), acrossMutants(),
		sequencerMutants(), restartMutants(), numberMutants(), agreedMutants(), detourMutants(), kaashoekMutants(), realTimeMutants(), syncMutants(),
		changingMutants(), Servers(), Subgroups(), Gates(), Distributeds(), detectorMutants(), electionMutants(), mutexMutants())
}

// Lookup gives the mutant of a name, spelled exactly as in All.
func Lookup(name string) (*Mutant, bool) {
	all := All()
	for i := range all {
		if all[i].Name == name {
			return &all[i], true
		}
	}
	return nil, false
}
