package membership

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// A hierarchical group of several levels (Tanenbaum & van Steen, Distributed Systems, on hierarchical groups: the
// coordinator decides; that there are coordinators of coordinators, and what follows, is ours). The server is the root
// coordinator. Below it are subgroups, each with a coordinator, which may have subgroups of its own:
//
//	member:       says all to its coordinator: calls, that it is ready, that it has a view, that it is here
//	coordinator:  hands a call up to its own coordinator; it decides nothing
//	              says for its subgroup that it is ready, or has a view, when all in it are; every TL/8 who has been heard
//	root:         decides, numbers and writes down, as [Server] does; asks and tells its coordinators alone
//	coordinator:  hands on what the root asks and tells, to the coordinators below it and to its members
//	on the decision, a coordinator that the root told tells the other ones of its level: though the root dies, what one of
//	              them has heard all do
//
// Who is in which subgroup, and who coordinates it, follows from the configuration ([SubgroupCoordinators]): nobody has to
// remember it. So a coordinator is a node and not a rank: it need be no member, and coordinates on when it has left.
//
// A node sends what belongs to a change to as many as it has below it, and where it is right below the root to the others
// there: the fan-out is about the root of the number of nodes, of as high a degree as there are levels. What a view ends
// with is multicast by the members, as ever.
//
// When a coordinator dies its subgroup is an orphan: whatever it says does not reach the root, nor the other way round. Who
// has heard nothing of the root through its coordinator for TL is adopted by the next one above, if orphans are: changes
// wait for that long, and nothing else is lost. If they are not, the root takes them for silent and removes them: they have
// the view that they had, among themselves, and can neither join nor leave before their coordinator is back. The others go
// on in either case. When the root dies there is no change anywhere, and the multicast goes on.
//
// Who is adopted has been asked later than the others whether it is ready, and these may have waited for it as long as a
// flush waits; so the root begins the question again, under a new number, when somebody has another coordinator than
// before, or a coordinator begins a new life.
type groupLevels struct {
	rules  LevelRules
	adopts bool
	over   [][]spec.NodeID // by node: those that it speaks through, its coordinator first and the root last

	heard           []spec.Time    // by node above: when anything of the root came last through it
	last            spec.NodeID    // through whom this node spoke last
	moves           uint64         // how often that has changed
	via             []spec.NodeID  // by node below: through whom it was heard last
	said            []subgroupSaid // by node: this one, and those below
	told            subgroupTold
	anew            bool         // at the root: somebody has come another way than before
	mute            impl.NodeSet // at the root: nothing is heard of them
	listened, still spec.Time    // at the root: when it last looked, and when it last had not looked for long

	ways    []spec.NodeID   // scratch of branches
	entries []subgroupEntry // and of takeReport
}

// LevelRules are the rules of a group of several levels.
type LevelRules struct {
	Adopts  func(n spec.NodeID) bool             // whether an orphan turns to the next one above
	Answers func(decided bool) bool              // whether a coordinator answers a call, before the root has decided
	Speaks  func(all bool) bool                  // whether a coordinator says that its subgroup is ready: when all in it are, or before
	Passes  func(n spec.NodeID, leave bool) bool // whether a node hands on what the root asks and tells: of a leave, or of all else
	Strikes func(awaited bool) bool              // whether a node that says that it is ready is struck off the list: once, or again
}

// subgroupSaid is what a coordinator has heard of a node.
type subgroupSaid struct {
	life      uint32
	installed uint64
	ready     uint64
	moves     uint64
	known     bool
	wants     bool
	fresh     bool // since it was last handed up
	answered  bool // what was told last
}

// subgroupTold is what was asked or told last of all.
type subgroupTold struct {
	id       uint64
	kind     byte
	answered bool // and the answer of all is handed up
	who      []spec.NodeID
}

// NewServerOfLevels makes the layer of one node of a hierarchical group with so many levels of coordinators, 2 or more: at
// is the root. Adopts says whether who has lost its coordinator turns to the one above.
func NewServerOfLevels(cfg impl.Config, at spec.NodeID, levels int, adopts bool) *Server {
	l := NewServer(cfg, at)
	l.levels = &groupLevels{adopts: adopts, over: subgroups(cfg.Nodes, at, levels), rules: LevelRules{
		Adopts:  func(spec.NodeID) bool { return true },
		Answers: func(decided bool) bool { return decided },
		Speaks:  func(all bool) bool { return all },
		Passes:  func(spec.NodeID, bool) bool { return true },
		Strikes: func(awaited bool) bool { return awaited },
	}}
	return l
}

// Levels gives the rules of the levels, or nil where there are none.
func (l *Server) Levels() *LevelRules {
	if l.levels == nil {
		return nil
	}
	return &l.levels.rules
}

// SubgroupCoordinators lists the nodes that coordinate a subgroup, of so many, the root not among them.
func SubgroupCoordinators(nodes int, root spec.NodeID, levels int) (out []spec.NodeID) {
	over := subgroups(nodes, root, levels)
	for n := range spec.NodeID(nodes) {
		if n != root && slices.ContainsFunc(over, func(above []spec.NodeID) bool { return slices.Contains(above, n) }) {
			out = append(out, n)
		}
	}
	return out
}

// subgroups gives for each node those that it speaks through, the nearest first: none for the root.
func subgroups(nodes int, root spec.NodeID, levels int) [][]spec.NodeID {
	over := make([][]spec.NodeID, nodes)
	var others []spec.NodeID
	for n := range spec.NodeID(nodes) {
		if n != root {
			others = append(others, n)
		}
	}
	divide(over, others, []spec.NodeID{root}, levels)
	return over
}

// divide makes even subgroups of some nodes: the lowest of each is its coordinator.
func divide(over [][]spec.NodeID, nodes, above []spec.NodeID, levels int) {
	if levels <= 1 {
		for _, n := range nodes {
			over[n] = above
		}
		return
	}
	for left := subgroupCount(len(nodes), levels); left > 0 && len(nodes) > 0; left-- {
		size := (len(nodes) + left - 1) / left
		head := nodes[0]
		over[head] = above
		divide(over, nodes[1:size], append([]spec.NodeID{head}, above...), levels-1)
		nodes = nodes[size:]
	}
}

// subgroupCount says in how many subgroups so many nodes are divided: no more than have to be, so that no node has more
// below it, and no more than leaves one as deep as there are levels.
func subgroupCount(nodes, levels int) int {
	f := 1
	for room, width := 0, 1; room < nodes; f++ {
		room, width = 0, 1
		for range levels {
			width *= f
			room += width
		}
		if room >= nodes {
			break
		}
	}
	for f > 1 && nodes >= levels && (nodes+f-1)/f < levels {
		f--
	}
	return f
}

func (t *groupLevels) start(nodes int) *groupLevels {
	if t == nil {
		return nil
	}
	n := &groupLevels{rules: t.rules, adopts: t.adopts, over: t.over, last: -1}
	n.heard, n.via, n.said = make([]spec.Time, nodes), make([]spec.NodeID, nodes), make([]subgroupSaid, nodes)
	for i := range n.via {
		n.via[i] = -1
	}
	return n
}

// begin counts silence from now on.
func (t *groupLevels) begin(now spec.Time) {
	if t != nil {
		for n := range t.heard {
			t.heard[n] = now
		}
	}
}

// below says whether a node speaks through another.
func (t *groupLevels) below(n, through spec.NodeID) bool {
	return n >= 0 && int(n) < len(t.over) && slices.Contains(t.over[n], through)
}

// coordinates says whether this node has anybody below.
func (l *Server) coordinates() bool {
	return l.levels != nil && slices.ContainsFunc(l.levels.over, func(above []spec.NodeID) bool { return slices.Contains(above, l.cfg.Self) })
}

// above gives the one through which this node speaks: the nearest that it hears the root through.
func (l *Server) above() spec.NodeID {
	t := l.levels
	over := t.over[l.cfg.Self]
	to := over[len(over)-1]
	for _, c := range over[:len(over)-1] {
		if !t.adopts || !t.rules.Adopts(l.cfg.Self) || l.now-t.heard[c] <= spec.Time(l.cfg.TL) && !l.suspected.Has(c) {
			to = c
			break
		}
	}
	if t.last >= 0 && t.last != to {
		t.moves++
	}
	t.last = to
	return to
}

// toward gives the one through which a node below is spoken to: as it was heard last, or by the configuration.
func (l *Server) toward(n spec.NodeID) spec.NodeID {
	t := l.levels
	if t.via[n] >= 0 {
		return t.via[n]
	}
	over := t.over[n]
	if i := slices.Index(over, l.cfg.Self); i > 0 {
		return over[i-1]
	}
	return n
}

// patience is how long a member that has been asked waits to hear more: where there are levels an orphan has to be adopted
// first.
func (l *Server) patience() spec.Time {
	if l.levels != nil {
		return 2 * spec.Time(l.cfg.TL)
	}
	return spec.Time(l.cfg.TL)
}

// mute says whether nothing is heard of a node whose coordinator is dead, and whom nobody adopts.
func (l *Server) mute(n spec.NodeID) bool { return l.levels != nil && l.levels.mute.Has(n) }

// listen has the root suspect members of whom nothing is heard, though they may live: their coordinator is dead. When the
// root itself stood still it waits anew.
func (l *Server) listen() {
	if l.levels == nil || l.levels.adopts {
		return
	}
	t := l.levels
	for n := range spec.NodeID(l.cfg.Nodes) {
		if _, in := l.memberOf(l.base.members, n); !in && !l.doing.await.Has(n) || n == l.cfg.Self {
			continue
		}
		since := l.since
		if q := &l.peers[n]; q.known {
			since = max(since, q.heard, t.still)
		}
		if l.now-since > spec.Time(l.cfg.TL+l.cfg.TL/4) && t.mute.Add(n) && !l.suspected.Has(n) {
			l.up = append(l.up, impl.Effect{Kind: impl.Suspect, From: n})
		}
	}
}

// stand notes whether the root itself stood still.
func (l *Server) stand() {
	if t := l.levels; t != nil {
		if l.now-t.listened > spec.Time(l.cfg.TL/4) {
			t.still = l.now
		}
		t.listened = l.now
	}
}

// unmute trusts again who is heard.
func (l *Server) unmute(n spec.NodeID) {
	if l.levels.mute.Remove(n) && !l.suspected.Has(n) {
		l.up = append(l.up, impl.Effect{Kind: impl.Trust, From: n})
	}
}

// climb lets what is to the server, or of the server, go from level to level. It says whether it does.
func (l *Server) climb(to spec.NodeID, p *serverPacket, out *impl.Effects) bool {
	t := l.levels
	if t == nil || to == l.cfg.Self || l.cfg.Self != l.at && to != l.at || p.kind == serverRelay {
		return false
	}
	own := &t.said[l.cfg.Self]
	switch p.kind {
	case serverRequestKind:
		l.carry(l.above(), l.cfg.Self, p, levelsUp, out)
	case serverAnswer:
		l.carry(l.toward(to), to, p, levelsDown, out)
	case serverHere: // to who has handed up the report
	case serverStatus:
		own.wants = p.flag
		l.report(out)
	case serverReady:
		own.ready = max(own.ready, p.id)
		l.answerTold(l.cfg.Self)
		l.reportWhole(out)
	case serverInstalled:
		own.installed = max(own.installed, p.id)
		l.answerTold(l.cfg.Self)
		l.reportWhole(out)
	default:
		return false
	}
	return true
}

// report hands up what is new of this node and of those below.
func (l *Server) report(out *impl.Effects) {
	t := l.levels
	to := l.above()
	own := &t.said[l.cfg.Self]
	own.known, own.fresh, own.life, own.moves = true, true, l.incarnation, t.moves
	own.installed = max(own.installed, l.view.id)
	b := appendSaid(l.text[:0], l.cfg.Self, own) // first, so that a new life of it is heard of before what comes by it
	for n := range t.said {
		if s := &t.said[n]; s.fresh && spec.NodeID(n) != l.cfg.Self {
			b = appendSaid(b, spec.NodeID(n), s)
			s.fresh = false
		}
	}
	own.fresh = false
	out.Down(to, l.pack(append(b, levelsReport), out), 0)
}

// answerTold notes that a node has answered what was told last.
func (l *Server) answerTold(n spec.NodeID) {
	t := l.levels
	s := &t.said[n]
	if t.told.kind == serverPrepare && s.ready >= t.told.id || t.told.kind == serverDecision && s.installed >= t.told.id {
		s.answered = true
	}
}

// reportWhole hands up the answer of the subgroup, when all have given it.
func (l *Server) reportWhole(out *impl.Effects) {
	t := l.levels
	all, some := true, false
	for _, n := range t.told.who {
		if n == l.cfg.Self || t.below(n, l.cfg.Self) {
			all, some = all && t.said[n].answered, true
		}
	}
	if !some || t.told.answered || !t.rules.Speaks(all) {
		return
	}
	t.told.answered = true
	if t.told.kind == serverPrepare {
		for _, n := range t.told.who { // only a coordinator that speaks too early finds any
			if s := &t.said[n]; !s.answered && (n == l.cfg.Self || t.below(n, l.cfg.Self)) {
				s.fresh, s.ready = s.known, t.told.id
			}
		}
	}
	l.report(out)
}

// branches lists through whom this node speaks to some of those below, each once. The list is good until the next one.
func (l *Server) branches(to func(n spec.NodeID) bool) []spec.NodeID {
	out := l.levels.ways[:0]
	for n := range spec.NodeID(l.cfg.Nodes) {
		if !l.levels.below(n, l.cfg.Self) || !to(n) {
			continue
		}
		if b := l.toward(n); !slices.Contains(out, b) {
			out = append(out, b)
		}
	}
	l.levels.ways = out
	return out
}
