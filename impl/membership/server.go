package membership

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Server is centralized membership: a group server with a database, to which create, destroy, join, leave and query go,
// and which tells the members (Coulouris et al., Distributed Systems, on group membership management; Birman & Joseph,
// 1987, on joining and leaving at one place in the stream of messages). The server is one configured node; it need be no
// member.
//
//	client:  to create, destroy, join, leave or query:  send it to the server until it answers, one call after the other
//	server:  on query:  answer what is in the database
//	         on anything else, one after the other, and when a member is silent for TL or is alive again:
//	           write down that a new number is used; ask the members, and who comes in, whether they are ready
//	           when all are:         write the new membership and the answer into the database: now it is decided
//	           when it is on disk:   tell all
//	           when all have it:     answer the call
//	member:  on the question:    block, flush, say that I am ready
//	         on the decision:    tell it to the other members, install it as a view, say that I have it
//
// So the database is linearizable, and no answer is given of what a crash of the server can undo. After a join has
// returned every member sends to the joiner; after a leave has returned nobody does, and the leaver takes in nothing.
//
// When the server is down calls wait, and the group goes on with the members that it had: a flush that no decision
// follows is called off when the server has been silent for TL. What was decided and has reached one member reaches all,
// by the members. When it comes back it goes on from its log; it first hears which views its members have, and begins the
// next from the newest of these.
//
// A member that is wrongly taken for dead is removed, and comes in again as a new one when the server hears it. A node
// that comes back is a new member, and the old one is removed; with it comes the new one, if the gate joins.
//
// Nothing is said of a server that lives, is cut off from the members for longer than TL, and decides.
type Server struct {
	Rules ServerRules

	cfg         impl.Config
	at          spec.NodeID // the server
	hierarchic  bool        // it speaks to the coordinator of the group, and that one to the members
	incarnation uint32
	ready       bool

	view    groupView // installed in this life; 0: none
	newest  uint64    // of those installed, and of those in which this node was no more: none that is older comes
	pending groupPending
	blocked bool // the layers above have been told
	wants   bool // to be a member
	calls   []serverCall
	number  uint64    // of the last request of this life
	heard   spec.Time // when the server was heard last
	refs    uint64

	base     groupBase // from here on: at the server
	peers    []serverPeer
	requests []serverRequest
	doing    serverChange
	since    spec.Time // when this life of it began
	now      spec.Time // of the step
	saves    uint64
	logged   uint64 // bytes of the log
	journal  impl.Journal

	levels *groupLevels // nil: of one level, or of peers

	suspected impl.NodeSet
	up        []impl.Effect // the upward effects of a step under way: they come last
	text      []byte        // what is being packed
	target    []groupMember // what is being compared
}

// ServerRules are the rules that the promises rest on.
type ServerRules struct {
	Saves    func() bool                                           // whether the database is written down
	Newest   func(records int) int                                 // which record of the log is the database
	Tells    func(n, other spec.NodeID) bool                       // whether a decision that was asked of a node is told to another
	Trims    func() bool                                           // whether what is older than the database is taken off the log
	Answers  func(everywhere bool) bool                            // whether a call is answered, when every member has the view or before
	Shows    func(decided, asked []spec.NodeID) []spec.NodeID      // what a query is answered
	Removes  func(n spec.NodeID) bool                              // whether who is silent is removed
	Releases func(n spec.NodeID) bool                              // whether who leaves is taken out
	Awaits   func(n spec.NodeID) bool                              // whether a member is waited for until it is ready
	Members  func(cfg *impl.Config, m []spec.NodeID) []spec.NodeID // as a member tells them
	Reborn   func(known, now uint32) bool                          // whether a life is another member than an earlier one
	Forgives func() bool                                           // whether who was wrongly removed comes in again
}

// groupView is a view as its members have it.
type groupView struct {
	id, from uint64 // from: the view that those who came had
	members  []groupMember
	came     []spec.NodeID // when asked: who flushes, also those that leave
}

// groupMember is one life of a node.
type groupMember struct {
	node spec.NodeID
	life uint32
}

func (v *groupView) nodes() []spec.NodeID { return nodesOf(v.members) }

func nodesOf(members []groupMember) []spec.NodeID {
	out := make([]spec.NodeID, 0, len(members))
	for _, m := range members {
		out = append(out, m.node)
	}
	return out
}

// groupPending is a question that this node has been asked.
type groupPending struct {
	view  groupView
	ref   impl.Ref
	under bool
	over  bool // the layers above are ready
}

// serverCall is a call of the layers above.
type serverCall struct {
	kind impl.InputKind
	ref  impl.Ref
	n    uint64
}

// NewServer makes the layer of one node; at is the node that is the group server.
func NewServer(cfg impl.Config, at spec.NodeID) *Server {
	return &Server{cfg: cfg, at: at, Rules: ServerRules{
		Saves:    func() bool { return true },
		Newest:   func(records int) int { return records - 1 },
		Tells:    func(_, _ spec.NodeID) bool { return true },
		Trims:    func() bool { return true },
		Answers:  func(everywhere bool) bool { return everywhere },
		Shows:    func(decided, _ []spec.NodeID) []spec.NodeID { return decided },
		Removes:  func(spec.NodeID) bool { return true },
		Releases: func(spec.NodeID) bool { return true },
		Awaits:   func(spec.NodeID) bool { return true },
		Members:  func(_ *impl.Config, m []spec.NodeID) []spec.NodeID { return m },
		Reborn:   func(known, now uint32) bool { return now > known },
		Forgives: func() bool { return true },
	}}
}

// NewHierarchicServer makes the layer of one node of a hierarchical group (Tanenbaum & van Steen, Distributed Systems: peer
// groups and hierarchical groups): the server asks and tells the lowest member alone, its coordinator, which asks and tells
// the others. The server sends two packets a change and not two for each member; when the coordinator dies a change waits
// for TL, until the server takes another one.
func NewHierarchicServer(cfg impl.Config, at spec.NodeID) *Server {
	l := NewServer(cfg, at)
	l.hierarchic = true
	return l
}

// Step implements [impl.Layer].
func (l *Server) Step(in impl.Input, out *impl.Effects) {
	l.now = in.Now
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
		l.turn(in.Now, out)
	case in.Kind == impl.Persisted:
		l.persisted(uint64(in.Ref), in.Now, out)
	case in.Kind == impl.StorageFailed:
		l.broken(uint64(in.Ref))
	case in.Kind == impl.Accept && in.Ref&serverRefs != 0:
		l.flushed(in.Ref, out)
	case in.Kind == impl.Suspected:
		l.suspected.Add(in.From)
		l.decide(in.Now, out)
		out.Pass(in)
	case in.Kind == impl.Trusted:
		l.suspected.Remove(in.From)
		out.Pass(in)
	case in.Kind == impl.Join || in.Kind == impl.Leave || in.Kind == impl.Query || in.Kind == impl.Create || in.Kind == impl.Destroy:
		l.call(in, out)
	default:
		out.Pass(in)
	}
	for i := range l.up {
		out.Add(l.up[i])
	}
	clear(l.up)
	l.up = l.up[:0]
}

// serverRefs marks the references of blocks.
const serverRefs impl.Ref = 1 << 60

func (l *Server) start(incarnation uint32) {
	rules, cfg, at := l.Rules, l.cfg, l.at
	*l = Server{Rules: rules, cfg: cfg, at: at, hierarchic: l.hierarchic, levels: l.levels.start(cfg.Nodes), incarnation: incarnation}
	first := groupView{id: 1, came: cfg.Members}
	for _, m := range cfg.Members {
		first.members = append(first.members, groupMember{node: m})
	}
	if incarnation == 0 && cfg.Index(cfg.Self) >= 0 {
		l.view, l.newest, l.wants = first, 1, true
	}
	if cfg.Self == at {
		l.base = groupBase{id: 1, members: first.members, belong: first.members, sessions: make([]groupSession, cfg.Nodes)}
		l.peers = make([]serverPeer, cfg.Nodes)
	}
}

// begin tells the first view to those that are in it.
func (l *Server) begin(now spec.Time, out *impl.Effects) {
	l.logged += uint64(l.journal.Mend(out))
	l.ready, l.since, l.heard = true, now, now
	l.levels.begin(now)
	if l.cfg.Self == l.at && l.incarnation == 0 {
		for _, m := range l.base.members {
			l.peers[m.node] = serverPeer{known: true, installed: 1, heard: now}
		}
	}
	if l.view.id != 0 {
		l.up = append(l.up, impl.Effect{Kind: impl.InstallView, View: l.viewOf(&l.view, true)})
	} else if l.cfg.Self == l.at {
		l.tellBelow(out)
	}
	l.turn(now, out)
}

// turn sends again what has not been answered, says that this node is here, and looks whether something is to be done.
func (l *Server) turn(now spec.Time, out *impl.Effects) {
	out.SetTimer(0, now+spec.Time(l.cfg.TL/8))
	if l.view.id != 0 || l.wants || len(l.calls) > 0 || l.coordinates() && l.cfg.Self != l.at {
		l.send(l.at, &serverPacket{kind: serverStatus, life: l.incarnation, groupView: groupView{id: l.view.id}, flag: l.wants && len(l.calls) == 0}, out)
	}
	l.ask(out)
	if l.pending.under && l.cfg.Self != l.at && (l.suspected.Has(l.at) || now-l.heard > l.patience()) {
		l.callOff()
	}
	l.repeat(out)
	l.decide(now, out)
}

// viewOf gives a view as it is told.
func (l *Server) viewOf(v *groupView, came bool) *spec.View {
	x := &spec.View{ID: spec.ViewID{Epoch: v.id}, Members: slices.Clone(l.Rules.Members(&l.cfg, v.nodes())), Came: []spec.NodeID{}}
	for _, n := range v.came {
		if slices.Contains(x.Members, n) && (came || n != l.cfg.Self) {
			x.Came = append(x.Came, n)
		}
	}
	slices.Sort(x.Members)
	return x
}
