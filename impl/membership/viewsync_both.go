package membership

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Partitionable is the service of view synchrony for groups whose parts all go on (partition=both; Moser, Amir,
// Melliar-Smith, Agarwal, Extended Virtual Synchrony, 1994; the properties in the words of Chockler, Keidar, Vitenberg,
// Group Communication Specifications, 2001, on partitionable membership). A group that is cut in pieces has a view in each
// of them, and the views merge when the pieces hear of each other again: every node says to all others, at intervals,
// which view it is in, whether it can hear them or not.
//
//	who coordinates:     the lowest member that is up, of whatever view; where there is none, the lowest that was one
//	ask b:               whoever is up follows nobody older than b, and says which view it is in
//	propose b, V:        V has all that are up and want to be in it; for each of them it says from which view it comes. Each
//	                     part blocks, and flushes among those that come along from its view
//	ready b:             the flush is over here, and this node is bound to V: written down, it goes nowhere else until it
//	                     knows what has become of V
//	vote b, V, commit:   when all members of V are ready; each writes down how it has voted
//	outcome V:           when a majority of the members of V has voted. Who is bound to V installs it
//
// Who is bound and hears no more of its coordinator asks whom it can reach, or is asked. Somebody knows the outcome; or a
// member of V is not bound, and never will be: then nobody installs V; or a majority of the members of V is there, and
// votes, on what one of them has voted for last, or against. So two views that follow one view have no member in common,
// unless one comes after the other. Without such a majority it waits: with what it has promised to the others it can't go
// on, and no protocol can tell it whether they did. All others go on.
//
// To each member the view tells who comes along from the same view (the transitional set): these have delivered the same.
// The state of the application is not changed by a merge: each part keeps its own, and what it makes of the others' is the
// application's matter. Who joins comes in when all are in one view, and is given the state of the lowest member.
//
// What is promised, bound and voted, and the views that are known to have been installed, is written down before it is
// said, so the ids of views rise through all lives. A new life comes in without a past. Members that come back and hear of no
// other begin anew.
//
// It stands where [ViewSync] stands.
type Partitionable struct {
	Rules PartitionRules

	standing
	last     partView    // installed last, or the first
	promised spec.ViewID // no older ballot is followed
	bound    partView    // ready for it, and not known what became of it; no id: none
	vote     partVote    // on that
	past     []spec.ViewID
	forgot   spec.ViewID // of the views up to here it is not known whether they were installed
	pending  partPending

	peers    []partPeer
	attempt  partAttempt
	polled   []spec.ViewID // own views that were put to the vote, in this life
	first    uint64        // the epoch of the first attempt of this life
	newest   uint64
	patience spec.Time
}

// PartitionRules are the rules that the promises rest on.
type PartitionRules struct {
	Merges   func(own, other spec.ViewID) bool                                   // whether members of another view come along
	Binds    func() bool                                                         // whether who is ready waits for the outcome
	Most     func(members []spec.NodeID, has func(spec.NodeID) bool) bool        // whether so many may say what becomes of a view
	Members  func(cfg *impl.Config, members, before []spec.NodeID) []spec.NodeID // as they are told; before: those of the last view
	Came     func(members, came []spec.NodeID) []spec.NodeID                     // as it is told
	ID       func(id spec.ViewID) spec.ViewID                                    // as it is told
	Saves    func() bool
	Recovers func(kept uint64) uint64 // the epoch that a new life begins from
	Removes  func(n spec.NodeID) bool // whether who is suspected is left out
	Forgives func(n spec.NodeID) bool // whether a suspicion is taken back
	Holds    func(state bool) bool    // whether who has the state, or not, comes along
}

// partView is a view as it is decided on: ascending by member, for each the view from which it comes.
type partView struct {
	id      spec.ViewID
	members []spec.NodeID
	before  []spec.ViewID // no epoch: it comes in without a past
}

func (v *partView) from(n spec.NodeID) spec.ViewID {
	if i := slices.Index(v.members, n); i >= 0 {
		return v.before[i]
	}
	return spec.ViewID{}
}

// came gives those that come along with a member; for one that comes in, those that come with the lowest that has a past.
func (v *partView) came(n spec.NodeID) []spec.NodeID {
	from := v.from(n)
	for _, b := range v.before {
		if from.Epoch == 0 {
			from = b
		}
	}
	came := []spec.NodeID{}
	for i, m := range v.members {
		if from.Epoch != 0 && v.before[i] == from {
			came = append(came, m)
		}
	}
	return came
}

// partVote is how a node has voted on the view that it is bound to.
type partVote struct {
	ballot spec.ViewID // no epoch: it has not
	commit bool
}

type partPending struct {
	view  partView
	ref   impl.Ref
	since spec.Time
	under bool
	over  bool
}

type partPeer struct {
	known bool
	news  partNews
}

// NewPartitionable makes the service of one node.
func NewPartitionable(cfg impl.Config) *Partitionable {
	return &Partitionable{standing: standing{cfg: cfg}, Rules: PartitionRules{
		Merges:   func(_, _ spec.ViewID) bool { return true },
		Binds:    func() bool { return true },
		Most:     majority,
		Members:  func(_ *impl.Config, members, _ []spec.NodeID) []spec.NodeID { return members },
		Came:     func(_, came []spec.NodeID) []spec.NodeID { return came },
		ID:       func(id spec.ViewID) spec.ViewID { return id },
		Saves:    func() bool { return true },
		Recovers: func(kept uint64) uint64 { return kept },
		Removes:  func(spec.NodeID) bool { return true },
		Forgives: func(spec.NodeID) bool { return true },
		Holds:    func(state bool) bool { return state },
	}}
}

// Step implements [impl.Layer].
func (l *Partitionable) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		l.start(uint32(in.Num))
	case in.Kind == impl.Recovered:
		l.recover(in.Body)
	case in.Kind == impl.Ready:
		l.begin(in.Now, out)
	case in.Kind == impl.Send && in.To != impl.Everyone:
		b := out.Extend(in.Body, 1) // kind 0: somebody else's
		out.Down(in.To, b, in.Ref).Code = in.Code
	case in.Kind == impl.Packet && in.To != impl.Everyone:
		l.receive(in, out)
	case in.Kind == impl.TimerFired:
		l.tick(in.Now, out)
	case in.Kind == impl.Persisted:
		l.saved(uint64(in.Ref), out)
		l.gone(l.Rules.Saves())
	case in.Kind == impl.StorageFailed: // what waits for it is never said
	case in.Kind == impl.Accept && in.Ref == gateWhole:
		l.whole = l.member
	case in.Kind == impl.Accept && in.Ref&viewRefs != 0:
		l.flushed(in.Ref, out)
	case in.Kind == impl.Suspected:
		l.suspected.Add(in.From)
		l.check(in.Now, out)
		out.Pass(in)
	case in.Kind == impl.Trusted:
		if l.Rules.Forgives(in.From) {
			l.suspected.Remove(in.From)
		}
		out.Pass(in)
	case in.Kind == impl.Join:
		l.join(in, out)
	case in.Kind == impl.Leave:
		l.leave(in, out)
	case in.Kind == impl.Query:
		l.query(in, l.last.members, out)
	default:
		out.Pass(in)
	}
	for i := range l.up {
		out.Add(l.up[i])
	}
	l.up = l.up[:0]
}

func (l *Partitionable) start(incarnation uint32) {
	rules, cfg := l.Rules, l.cfg
	*l = Partitionable{Rules: rules, standing: begins(cfg, incarnation), peers: make([]partPeer, cfg.Nodes)}
	l.last = partView{id: spec.ViewID{Epoch: 1}, members: slices.Clone(cfg.Members), before: make([]spec.ViewID, len(cfg.Members))}
	slices.Sort(l.last.members)
}

// begin tells the first view to those that are in it, and everybody who is here.
func (l *Partitionable) begin(now spec.Time, out *impl.Effects) {
	l.journal.Mend(out)
	l.ready = true
	out.SetTimer(0, now+l.turn())
	l.patience = now + 2*l.turn()
	if !l.member {
		l.tell(out)
		return
	}
	v := &spec.View{ID: l.last.id, Members: slices.Clone(l.last.members), Came: slices.Clone(l.last.members)}
	l.up = append(l.up, impl.Effect{Kind: impl.InstallView, View: v})
}

// viewOf gives a view as it is told to this node.
func (l *Partitionable) viewOf(v *partView) *spec.View {
	return &spec.View{ID: l.Rules.ID(v.id), Members: slices.Clone(l.Rules.Members(&l.cfg, v.members, l.last.members)),
		Came: slices.Clone(l.Rules.Came(v.members, v.came(l.cfg.Self)))}
}

// join comes in with a view.
func (l *Partitionable) join(in impl.Input, out *impl.Effects) {
	if l.comes(in, l.last.members, out) {
		l.save(out)
		l.tell(out)
	}
}

// leave goes when the others of its part have agreed on a view without this node. One that has not come in refuses to from
// now on.
func (l *Partitionable) leave(in impl.Input, out *impl.Effects) {
	outside := !l.member && !l.pending.under
	if !l.parts(in, len(l.last.members) == 1, out) {
		return
	}
	l.save(out)
	l.leftBy, l.goes = l.saves, outside
	if outside {
		l.gone(l.Rules.Saves())
	} else {
		l.tell(out)
	}
}
