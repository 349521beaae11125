package membership

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// ViewSync is G7, the service that decides on views for virtual synchrony (Birman & Joseph, Exploiting Virtual Synchrony
// in Distributed Systems, 1987; the properties in the words of Chockler, Keidar, Vitenberg, Group Communication
// Specifications, 2001). It keeps a primary component: of a group that is cut in pieces at most one goes on.
//
//	who coordinates:        the oldest member of the view who is not suspected; where there is none, the lowest of the
//	                        configured nodes that are up
//	on a suspicion, a join, a leave, or a life that is over:
//	  ask b:                the coordinator asks all who are up to follow nobody older than b, and what they know
//	  promise b:            they say which view they are in, and which they have agreed to last
//	  finish:               what may have been decided by somebody who has failed meanwhile is decided first
//	  propose b, V:         V goes on from the view that is known to be the last. Every member of V blocks, and flushes;
//	                        the other configured nodes are witnesses
//	  ready b:              the flush is over here, and V is written down
//	  decide:               when all members of V are ready, and a majority of the configured nodes; all hear of it
//
// It is the synod of Lamport, The Part-Time Parliament, 1998, for one view after the other: b is the ballot, V the decree,
// and the quorum is a majority of the configured nodes, whether members or not. (Of an even number, half of them are one
// if the lowest is among them.) Any two quorums have a node in common; that one has promised to the later coordinator,
// and tells it what the earlier one may have decided. So the views that are decided form a chain. A view goes only to
// those who are in the one before it, have installed it in this life with the state of the group, and are called Came;
// whoever else is in it comes in without a past. Because a quorum counts witnesses, a view may have few members, and a group of which all but one have
// left or forgotten lives on; because it counts configured nodes only, a majority of strangers decides nothing.
//
// Where no quorum is trusted the members are blocked, and told so, until there is one, or a view.
//
// A new life of a member is no member until a view without it and then one with it is installed. When nobody is left who
// has installed the last view, or of those none who has the state, the group begins again as soon as all of its members are
// there (Skeen, Determining the Last Process to Fail, 1985): with nothing, or with what they have written down, see
// [NewLoggedGate]. What a node promises and agrees to it writes down before it answers, so the ids of views rise
// through all lives.
//
// It stands on the channel, below the level of reliability, which is asked by a block with a view and a reference whether
// its flush is over. Join and leave return when the view is installed; a query gives the members. One-to-one messages
// pass through.
type ViewSync struct {
	Rules ViewSyncRules

	standing
	last     viewRecord  // decided
	promised spec.ViewID // no older ballot is followed
	agreed   viewVote    // to what, last
	pending  viewPending // the flush that is under way, or over and not decided

	peers    []viewSyncPeer // by node
	attempt  viewAttempt
	newest   uint64    // the highest epoch that was heard of
	first    uint64    // the epoch of the first attempt of this life; 0: there was none
	patience spec.Time // no attempt before
}

// ViewSyncRules are the rules that the promises rest on.
type ViewSyncRules struct {
	Quorum   func(configured []spec.NodeID, has func(spec.NodeID) bool) bool    // whether so many may decide
	Follows  func(ballot, promised spec.ViewID) bool                            // whether a ballot is followed
	Asks     func() bool                                                        // whether a coordinator asks what may have been decided
	Finishes func(all bool) bool                                                // whether an undecided view is finished; all: nobody of it is known not to have agreed
	Flushes  func(cfg *impl.Config) bool                                        // whether a member waits for its flush
	Awaits   func(coordinator, member spec.NodeID) bool                         // whether a coordinator waits for a member
	ID       func(cfg *impl.Config, epoch uint64) spec.ViewID                   // of a new view
	Recovers func(kept uint64) uint64                                           // the epoch that a new life begins from
	Members  func(cfg *impl.Config, members []spec.NodeID) []spec.NodeID        // as they are told
	Reborn   func(installed bool) bool                                          // whether who has not installed the last view in this life is out
	Holds    func(state bool) bool                                              // whether who has the state, or not, passes on the group
	Admits   func(cfg *impl.Config, n spec.NodeID, incarnation uint32) bool     // whether who wants in comes in
	Releases func(n spec.NodeID) bool                                           // whether who wants out goes
	Forgives func(n spec.NodeID) bool                                           // whether a suspicion is taken back
	Removes  func(n spec.NodeID) bool                                           // whether who is suspected is left out
	Blocks   func(quorum bool) bool                                             // whether members are blocked when there is no quorum
	Saves    func() bool                                                        // whether is written down what is promised
	Complete func(cfg *impl.Config, last []spec.NodeID, here impl.NodeSet) bool // whether all are there to begin again
	Returns  func(wants bool) bool                                              // whether a member of the last view is in the one that begins again
}

// viewRecord is a view as it is decided on.
type viewRecord struct {
	id, before spec.ViewID
	members    []spec.NodeID // oldest first
	came       []spec.NodeID
}

// viewVote is what a node has agreed to, and in which ballot.
type viewVote struct {
	ballot spec.ViewID
	view   viewRecord
}

// viewPending is a block that the layers above have been told, toward a view.
type viewPending struct {
	view  viewRecord
	ref   impl.Ref
	since spec.Time
	under bool
	over  bool // the layers above have accepted it
}

// viewSyncPeer is what is known of a node.
type viewSyncPeer struct {
	known bool
	news  viewNews
}

// NewViewSync makes the service of one node.
func NewViewSync(cfg impl.Config) *ViewSync {
	return &ViewSync{standing: standing{cfg: cfg}, Rules: ViewSyncRules{
		Quorum:   majority,
		Follows:  func(ballot, promised spec.ViewID) bool { return ballot.Compare(promised) >= 0 },
		Asks:     func() bool { return true },
		Finishes: func(all bool) bool { return all },
		Flushes:  func(*impl.Config) bool { return true },
		Awaits:   func(_, _ spec.NodeID) bool { return true },
		ID: func(cfg *impl.Config, epoch uint64) spec.ViewID {
			return spec.ViewID{Epoch: epoch, Node: uint64(cfg.Self), HasNode: true}
		},
		Recovers: func(kept uint64) uint64 { return kept },
		Members:  func(_ *impl.Config, members []spec.NodeID) []spec.NodeID { return members },
		Reborn:   func(installed bool) bool { return !installed },
		Holds:    func(state bool) bool { return state },
		Admits:   func(*impl.Config, spec.NodeID, uint32) bool { return true },
		Releases: func(spec.NodeID) bool { return true },
		Forgives: func(spec.NodeID) bool { return true },
		Removes:  func(spec.NodeID) bool { return true },
		Blocks:   func(quorum bool) bool { return !quorum },
		Saves:    func() bool { return true },
		Returns:  func(wants bool) bool { return wants },
		Complete: func(_ *impl.Config, last []spec.NodeID, here impl.NodeSet) bool {
			return !slices.ContainsFunc(last, func(n spec.NodeID) bool { return !here.Has(n) })
		},
	}}
}

// majority is more than half of the configured nodes, or half of them and the lowest.
func majority(configured []spec.NodeID, has func(spec.NodeID) bool) bool {
	n := 0
	for _, m := range configured {
		if has(m) {
			n++
		}
	}
	return 2*n > len(configured) || 2*n == len(configured) && n > 0 && has(slices.Min(configured))
}

// Step implements [impl.Layer].
func (l *ViewSync) Step(in impl.Input, out *impl.Effects) {
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
		l.flushed(in.Ref, in.Now, out)
	case in.Kind == impl.Suspected:
		l.suspected.Add(in.From)
		l.watch()
		l.check(in.Now, out)
		out.Pass(in)
	case in.Kind == impl.Trusted:
		if l.Rules.Forgives(in.From) {
			l.suspected.Remove(in.From)
		}
		l.watch()
		out.Pass(in)
	case in.Kind == impl.Join:
		l.join(in, out)
	case in.Kind == impl.Leave:
		l.leave(in, out)
	case in.Kind == impl.Query:
		l.query(in, l.viewOf(&l.last).Members, out)
	default:
		out.Pass(in)
	}
	for i := range l.up {
		out.Add(l.up[i])
	}
	l.up = l.up[:0]
}

// viewRefs marks the references of blocks.
const viewRefs impl.Ref = 1 << 61

func (l *ViewSync) start(incarnation uint32) {
	rules, cfg := l.Rules, l.cfg
	*l = ViewSync{Rules: rules, standing: begins(cfg, incarnation), peers: make([]viewSyncPeer, cfg.Nodes)}
	l.last = viewRecord{id: spec.ViewID{Epoch: 1}, members: cfg.Members, came: cfg.Members}
}

// begin tells the first view to those that are in it, and everybody who is here.
func (l *ViewSync) begin(now spec.Time, out *impl.Effects) {
	l.journal.Mend(out)
	l.ready = true
	out.SetTimer(0, now+l.turn())
	if !l.member {
		l.tell(out)
		return
	}
	l.up = append(l.up, impl.Effect{Kind: impl.InstallView, View: l.viewOf(&l.last)})
}

// viewOf gives a view as it is told.
func (l *ViewSync) viewOf(r *viewRecord) *spec.View {
	v := &spec.View{ID: r.id, Members: slices.Clone(l.Rules.Members(&l.cfg, r.members)), Came: append([]spec.NodeID{}, r.came...)}
	slices.Sort(v.Members)
	slices.Sort(v.Came)
	return v
}

// join comes in with a view.
func (l *ViewSync) join(in impl.Input, out *impl.Effects) {
	if l.comes(in, l.viewOf(&l.last).Members, out) {
		l.save(out)
		l.tell(out)
	}
}

// leave goes when the others have installed a view without this node. One that has not come in refuses to from now on.
func (l *ViewSync) leave(in impl.Input, out *impl.Effects) {
	outside := !l.member && !l.pending.under && !(l.Rules.Returns(false) && slices.Contains(l.last.members, l.cfg.Self))
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

// watch blocks the layers above while no quorum is trusted.
func (l *ViewSync) watch() {
	if !l.member || l.pending.under {
		return
	}
	switch block := l.Rules.Blocks(l.Rules.Quorum(l.cfg.Members, l.trusts)); {
	case block && !l.blocked:
		l.blocked = true
		l.up = append(l.up, impl.Effect{Kind: impl.Block})
	case !block && l.blocked:
		l.blocked = false
		l.up = append(l.up, impl.Effect{Kind: impl.Unblock})
	}
}
