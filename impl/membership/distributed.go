package membership

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Distributed is distributed membership: there is no server, a process that joins or leaves announces it to all members,
// and every member keeps the list (Tanenbaum & van Steen, Distributed Systems, on group membership: "in the distributed
// way a new process sends a message to all members to announce its presence; to leave, it says goodbye to all").
//
//	an entry of the list: a node, its life, the number of its last join or leave there, whether it is in, and whether it
//	    was removed. Of two entries of a node the later counts, and of one that was removed the removal; so the order in
//	    which announcements come does not matter, and two at a time do not either
//	to join:             my entry is in; ask one member after the other until one answers with its list;
//	                     when all on my list have told me that they know: install, return
//	to leave:            my entry is out; tell all; return when all know
//	on a list:           take in what is later; if anything was, install it and tell all; if the other lacks something, tell it
//	on suspicion of q:   its entry is removed; tell all
//	on my own removal, while I want to be in:  my entry has the next number, and is in again
//	every eighth of TL:  tell all, also those removed, and one other node, so that parts come together when they can
//
// When nothing changes any more all members have the same list: who is up and wants to be in. Until then they differ:
// views with one id may have different members, concurrent queries may be answered differently, there is no virtual
// synchrony, and members see a join at different places among the messages. After a join has returned every member sends
// to the joiner, for each has said that it knows it.
//
// Nothing is written down. What no member remembers is forgotten: when all have left or died, the group begins again with
// those of the configuration that come back, also with one that had left. So does one that left while it was cut off from
// all, and died before they heard of it.
//
// The id of a view counts the changes that its member knows of.
//
// Views do not tell who comes along (Came is nil): orderings go on through them, and are told of no joiner where its
// numbers begin. So a joiner is served without an order only.
type Distributed struct {
	Rules DistributedRules

	cfg         impl.Config
	incarnation uint32
	ready       bool

	list      []listEntry // by node
	knows     []listEntry // by node: what it has said of this one
	heard     []bool      // by node: in this life, from a member
	member    bool        // has installed a view in this life
	wants     bool
	returning bool // has not heard yet whether its last life had left
	changed   bool // since the last view
	asked     spec.NodeID
	since     spec.Time // when it began to ask
	calls     []serverCall
	suspected impl.NodeSet
	up        []impl.Effect
}

// DistributedRules are the rules that the promises rest on.
type DistributedRules struct {
	Tells    func(self, n spec.NodeID) bool // whether a change is announced to a node
	Awaits   func(n spec.NodeID) bool       // whether who joins or leaves waits until a node knows
	Removes  func(n spec.NodeID) bool       // whether who is suspected is removed
	Returns  func() bool                    // whether who was removed comes back
	Later    func(a, b uint64) bool         // whether an entry of rank a counts against one of rank b
	Goodbyes func() bool                    // whether who leaves says so
}

// listEntry is what is known of a node.
type listEntry struct {
	life    uint32
	n       uint64
	in      bool
	removed bool
}

// rank orders the entries of a node; it is the number of changes that they stand for, where a life counts for many.
func (e *listEntry) rank() uint64 {
	r := uint64(e.life)<<24 + e.n*2
	if e.removed {
		r++
	}
	return r
}

func (e *listEntry) member() bool { return e.in && !e.removed }

// NewDistributed makes the layer of one node.
func NewDistributed(cfg impl.Config) *Distributed {
	return &Distributed{cfg: cfg, Rules: DistributedRules{
		Tells:    func(_, _ spec.NodeID) bool { return true },
		Awaits:   func(spec.NodeID) bool { return true },
		Removes:  func(spec.NodeID) bool { return true },
		Returns:  func() bool { return true },
		Later:    func(a, b uint64) bool { return a > b },
		Goodbyes: func() bool { return true },
	}}
}

// Step implements [impl.Layer].
func (l *Distributed) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		l.start(uint32(in.Num))
	case in.Kind == impl.Ready:
		l.ready, l.since = true, in.Now
		l.changed = l.member
		out.SetTimer(0, in.Now+spec.Time(l.cfg.TL/8))
	case in.Kind == impl.Send && in.To != impl.Everyone:
		b := out.Extend(in.Body, 1) // kind 0: somebody else's
		out.Down(in.To, b, in.Ref).Code = in.Code
	case in.Kind == impl.Packet && in.To != impl.Everyone:
		l.receive(in, out)
	case in.Kind == impl.TimerFired:
		l.turn(in.Now, out)
	case in.Kind == impl.Suspected:
		l.suspected.Add(in.From)
		l.suspect(in.From, out)
		out.Pass(in)
	case in.Kind == impl.Trusted:
		l.suspected.Remove(in.From)
		out.Pass(in)
	case in.Kind == impl.Join || in.Kind == impl.Leave || in.Kind == impl.Query:
		l.call(in, out)
	case in.Kind == impl.Create || in.Kind == impl.Destroy:
		out.Refuse(in.Ref, impl.FixedMembers) // it is there as long as somebody is in it
	default:
		out.Pass(in)
	}
	l.finish(in.Now, out)
	for i := range l.up {
		out.Add(l.up[i])
	}
	clear(l.up)
	l.up = l.up[:0]
}

func (l *Distributed) start(incarnation uint32) {
	n := l.cfg.Nodes
	*l = Distributed{Rules: l.Rules, cfg: l.cfg, incarnation: incarnation, asked: l.cfg.Self,
		list: make([]listEntry, n), knows: make([]listEntry, n), heard: make([]bool, n)}
	for _, m := range l.cfg.Members {
		l.list[m].in = true
	}
	me := l.me()
	l.member = incarnation == 0 && me.in
	l.wants = l.member
	if incarnation > 0 {
		*me = listEntry{life: incarnation}
	}
}

func (l *Distributed) me() *listEntry { return &l.list[l.cfg.Self] }

// call begins to join or to leave, one call after the other.
func (l *Distributed) call(in impl.Input, out *impl.Effects) {
	leaves := slices.ContainsFunc(l.calls, func(c serverCall) bool { return c.kind == impl.Leave })
	switch {
	case in.Kind == impl.Query && l.member:
		out.Finish(in.Ref, impl.AppendMembers(nil, l.members()))
	case in.Kind == impl.Query:
		out.Refuse(in.Ref, impl.NotMember)
	case in.Kind == impl.Join && leaves:
		out.Refuse(in.Ref, impl.ViewChanging)
	case in.Kind == impl.Leave && (leaves || !l.wants):
		out.Refuse(in.Ref, impl.NotMember)
	default:
		for _, c := range l.calls { // the later call is answered
			l.up = append(l.up, impl.Effect{Kind: impl.Refuse, Ref: c.ref, Code: impl.ViewChanging})
		}
		l.calls = append(l.calls[:0], serverCall{kind: in.Kind, ref: in.Ref})
		l.begin(in.Kind, in.Now, out)
	}
}

func (l *Distributed) begin(kind impl.InputKind, now spec.Time, out *impl.Effects) {
	join := kind == impl.Join
	l.returning = l.calls[0].ref == gateRejoin && !l.me().member()
	if l.wants = join; join && (l.me().member() || l.returning) {
		l.since = now
		return
	}
	if join {
		out.Add(impl.Effect{Kind: impl.CallDown, Call: impl.Join}) // where the transport has to listen
		l.since = now
	}
	if join || l.Rules.Goodbyes() {
		*l.me() = listEntry{life: l.incarnation, n: l.me().n + 1, in: join}
		l.changed = true
	}
	if l.ready {
		l.tellAll(out)
	}
}

// finish installs what has changed, and answers the call that is done.
func (l *Distributed) finish(now spec.Time, out *impl.Effects) {
	if !l.ready {
		return
	}
	if l.returning && now-l.since > spec.Time(2*l.cfg.TL) { // nobody can say: the group begins with those of the configuration
		l.since = now
		l.comeBack(l.cfg.Index(l.cfg.Self) >= 0, out)
	}
	if l.member && l.changed && l.me().member() {
		l.install(out)
	}
	if l.wants && !l.member && l.known(now) {
		l.member = true
		l.install(out)
	}
	if len(l.calls) == 0 || !l.known(now) {
		return
	}
	c := l.calls[0]
	l.calls = l.calls[:0]
	if c.kind == impl.Join {
		l.up = append(l.up, impl.Effect{Kind: impl.Finish, Ref: c.ref, Body: impl.AppendMembers(nil, l.members())})
		return
	}
	l.member = false
	out.Add(impl.Effect{Kind: impl.CallDown, Call: impl.Leave})
	l.up = append(l.up, impl.Effect{Kind: impl.Finish, Ref: c.ref})
}

// known says whether all members know what this node has announced last. Who joins must have heard of one member; if none
// has answered for twice TL there is none.
func (l *Distributed) known(now spec.Time) bool {
	if l.wants && !l.me().member() {
		return false
	}
	any := l.member || now-l.since > spec.Time(2*l.cfg.TL)
	for n := range l.list {
		id := spec.NodeID(n)
		any = any || l.heard[n]
		if id != l.cfg.Self && l.list[n].member() && !l.suspected.Has(id) && l.Rules.Awaits(id) && l.knows[n].rank() < l.me().rank() {
			return false
		}
	}
	return any
}

// members gives those on the list, ascending.
func (l *Distributed) members() []spec.NodeID {
	out := make([]spec.NodeID, 0, len(l.list))
	for n := range l.list {
		if l.list[n].member() {
			out = append(out, spec.NodeID(n))
		}
	}
	return out
}

func (l *Distributed) install(out *impl.Effects) {
	id := uint64(1)
	for n := range l.list {
		id += l.list[n].rank()
	}
	l.changed = false
	l.up = append(l.up, impl.Effect{Kind: impl.InstallView, View: &spec.View{ID: spec.ViewID{Epoch: id}, Members: l.members()}})
}

// suspect removes a member.
func (l *Distributed) suspect(n spec.NodeID, out *impl.Effects) {
	if e := &l.list[n]; l.member && e.member() && l.Rules.Removes(n) {
		e.removed, l.changed = true, true
		l.tellAll(out)
	}
}

// turn tells all what is known, or asks the next one to be let in.
func (l *Distributed) turn(now spec.Time, out *impl.Effects) {
	out.SetTimer(0, now+spec.Time(l.cfg.TL/8))
	switch {
	case l.member || len(l.calls) > 0 && l.calls[0].kind == impl.Leave:
		for n := range l.list {
			if l.suspected.Has(spec.NodeID(n)) {
				l.suspect(spec.NodeID(n), out)
			}
		}
		l.tellAll(out)
		l.seek(out)
	case l.wants || l.returning:
		l.seek(out)
	}
}

// seek tells one node after the other: to be let in, or for members that nobody here knows of.
func (l *Distributed) seek(out *impl.Effects) {
	l.asked = (l.asked + 1) % spec.NodeID(l.cfg.Nodes)
	if l.asked == l.cfg.Self {
		l.asked = (l.asked + 1) % spec.NodeID(l.cfg.Nodes)
	}
	l.tell(l.asked, out)
}
