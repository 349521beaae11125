package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

const notDense = "not applicable: the routers do not speak PIM dense mode"

// pimOverride is the bound on how long a prune may wait for others on the link that object.
const pimOverride spec.ID = "PIM-OVERRIDE"

// wireBranches is what PIM-PRUNE remembers.
type wireBranches struct {
	branches []wireBranch // port × stream: what its router does there
	upstream []uint16     // port × stream, of the first port of a router: the LAN from which it last forwarded
	learned  []uint32     // … and when; never if it has not
	listened []uint32     // LAN × group: when a host last said or did anything about its membership
	newcomer []uint32     // LAN: when a router first said hello there
	greeted  []bool       // port: its router said hello
	unclear  []bool       // LAN: asserts or state refreshes have a say
}

// wireBranch is a link on which a router was told to forward nothing of a stream.
type wireBranch struct {
	pruned uint32    // the prune; never if there is none in force
	last   uint32    // its last repetition or refresh
	due    uint32    // a datagram came to the router after the hold time; never without
	from   spec.Time // when it has to be in force
	tested bool
}

// wireHold are the times of a prune's life.
type wireHold struct {
	calm     spec.Time // quiet before it
	override spec.Time // until it is in force
	least    spec.Time // how long it holds at least
	most     spec.Time
	grace    spec.Time // between two datagrams that find it still there
}

// pimPrune judges PIM-PRUNE: what was pruned stays pruned for the hold time, or longer if it was refreshed; then it
// floods again (RFC 3973 sections 4.4.2 and 4.5). A tenth of the hold time is allowed at its end, and a fifth after it.
func (j *Judge) pimPrune() (f spec.Finding) {
	if t := j.h.Topology; t != nil && t.Routing != "dense" {
		return inconclusive(0, notDense)
	}
	bound, reason := j.wired(PIMPrune)
	if reason != "" {
		return inconclusive(0, reason)
	}
	w, n := &j.ip, 0
	if tooLarge(len(w.ports), len(w.streams)) {
		return broken()
	}
	w.restart(j.h)
	w.resetBranches(j.h)
	t := j.holdTimes(bound)
	j.replayed(false, func(s wireStep, e *spec.Event) bool {
		switch s.op {
		case wireForward, wireOrigin, wireCopy:
			n, f = j.pruneData(n, s, e, t)
		case wirePrune:
			j.pruned(s, e, t)
		case wireJoin, wireGraft:
			j.unpruned(s, e)
		case wireRefresh:
			w.unclear[s.lan] = true
			if b := j.branchOf(s.lan, e.Node, e); b != nil && b.pruned != never && e.T <= j.h.Events[b.last].T+t.least {
				b.last = s.event
			}
		case wireAssert:
			w.unclear[s.lan] = true
		case wireHello:
			if p, ok := w.port(s.lan, e.Node); ok && !w.greeted[p] {
				w.greeted[p], w.newcomer[s.lan] = true, s.event
			}
		default:
			w.hearHost(j.h, s, e)
		}
		return f.Verdict != spec.Fail
	}, nil)
	if f.Verdict == spec.Fail {
		return f
	}
	return held(n, "vacuous: nothing was sent while an undisturbed branch was pruned")
}

func (j *Judge) holdTimes(bound spec.Time) wireHold {
	slack := 2 * spec.Time(max(j.h.Epsilon, 0))
	t := wireHold{calm: bound, override: bound / 50, least: bound - bound/10 - slack, most: bound + bound/5 + slack, grace: bound / 10}
	if reach, ok := j.wireBound("ROUTE-REACH"); ok {
		t.calm = min(t.calm, reach)
	}
	if o, ok := j.wireBound(pimOverride); ok {
		t.override = o
	}
	return t
}

func (w *wireIndex) resetBranches(h *spec.History) {
	n := len(w.ports) * len(w.streams)
	w.branches, w.upstream, w.learned = sized(w.branches, n), zeroed(w.upstream, n), nevers(w.learned, n)
	for i := range w.branches {
		w.branches[i].pruned = never
	}
	w.listened, w.newcomer = nevers(w.listened, w.lans*len(h.Groups)), nevers(w.newcomer, w.lans)
	w.greeted, w.unclear = zeroed(w.greeted, len(w.ports)), zeroed(w.unclear, w.lans)
}

// hearHost takes in what a host says or does about its membership, and a router that has to say hello again.
func (w *wireIndex) hearHost(h *spec.History, s wireStep, e *spec.Event) {
	switch s.op {
	case wireReport, wireDone:
		for g, to := w.concerns(h, e); g < to; g++ {
			w.listened[int(s.lan)*w.groups+g] = s.event
		}
	case wireMember:
		for lan := range w.lans {
			if w.on[lan*len(h.Nodes)+int(e.Node)] {
				w.listened[lan*w.groups+int(e.Group)] = s.event
			}
		}
	case wireCrash:
		for _, p := range w.portsOf(e.Node) {
			w.greeted[p] = false
		}
	}
}

// branchOf is what a router does on a LAN with the stream of an event; nil if there is no such thing.
func (j *Judge) branchOf(lan uint16, router spec.NodeID, e *spec.Event) *wireBranch {
	p, ok := j.ip.port(lan, router)
	k, known := j.stream(e)
	if !ok || !known {
		return nil
	}
	return &j.ip.branches[p*len(j.ip.streams)+k]
}

// pruned takes in a prune. One that a router sends to itself is the echo of another's.
func (j *Judge) pruned(s wireStep, e *spec.Event, t wireHold) {
	w := &j.ip
	if !e.Is(spec.HasTo) || e.To == e.Node {
		return
	}
	b := j.branchOf(s.lan, e.To, e)
	switch {
	case b == nil:
	case b.pruned != never && e.T <= j.h.Events[b.last].T+t.least:
		b.last, b.due = s.event, never
	case w.anybody(s.lan, e.Group) || !j.unheard(s, e):
		b.pruned = never
	default:
		*b = wireBranch{pruned: s.event, last: s.event, due: never, from: e.T + t.override}
	}
}

// anybody says whether a host on the LAN may be a member of the group, up or not.
func (w *wireIndex) anybody(lan uint16, g spec.GroupID) bool {
	for _, n := range w.hostsOn(lan) {
		if w.may[w.at(n, g)] {
			return true
		}
	}
	return false
}

// unheard says whether no router can believe in a member on the LAN of a prune: nobody said anything of one for as long
// as a membership lasts.
func (j *Judge) unheard(s wireStep, e *spec.Event) bool {
	l := j.ip.listened[int(s.lan)*j.ip.groups+int(e.Group)]
	age, ok := j.wireBound(IGMPAgeing)
	return l == never || ok && j.h.Events[l].T+age < e.T
}

// unpruned takes in a join or a graft: somebody on the LAN wants the traffic, whoever is meant.
func (j *Judge) unpruned(s wireStep, e *spec.Event) {
	w := &j.ip
	for k, x := range w.streams {
		if !j.concernsGroup(e, x.group) || e.Is(spec.HasFrom) && e.From != x.from && w.knows(j.h, e.From) && w.roles[e.From] == 0 {
			continue
		}
		for p := w.portsAt[s.lan]; p < w.portsAt[s.lan+1]; p++ {
			w.branches[int(p)*len(w.streams)+k].pruned = never
		}
	}
}

// inForce says whether nothing has happened since a prune that may have ended it.
func (j *Judge) inForce(b *wireBranch, lan uint16, e *spec.Event, t wireHold) bool {
	w := &j.ip
	l, hello := w.listened[int(lan)*w.groups+int(e.Group)], w.newcomer[lan]
	return (l == never || l < b.pruned) && (hello == never || hello < b.pruned) && !w.anybody(lan, e.Group) &&
		w.quiet(j.h.Events[b.pruned].T-t.calm, e.T)
}

// pruneData takes in a frame with a datagram: by a router that was told to forward none, or to one.
func (j *Judge) pruneData(n int, s wireStep, e *spec.Event, t wireHold) (int, spec.Finding) {
	w := &j.ip
	k, _ := j.stream(e)
	if p, ok := w.port(s.lan, e.Node); ok && s.op == wireForward {
		if via, ok := w.links[j.h.ExtraOf(e).Via]; ok {
			at := int(w.portsOf(e.Node)[0])*len(w.streams) + k
			w.upstream[at], w.learned[at] = via, s.event
		}
		b := &w.branches[p*len(w.streams)+k]
		switch {
		case b.pruned == never || e.T <= b.from:
		case e.T <= j.h.Events[b.last].T+t.least && j.inForce(b, s.lan, e, t):
			return n, j.notPruned(max(n, 1), b, s, e)
		default: // it floods again
			if b.due != never {
				n++
			}
			b.pruned = never
		}
	}
	for _, r := range w.routersOn(s.lan) {
		ports := w.portsOf(r.router)
		at := int(ports[0])*len(w.streams) + k
		if r.router == e.Node || w.learned[at] == never || w.upstream[at] != s.lan {
			continue
		}
		for _, p := range ports {
			b := &w.branches[int(p)*len(w.streams)+k]
			if lan := w.ports[p].lan; lan == s.lan || b.pruned == never || !j.inForce(b, lan, e, t) ||
				!w.quiet(j.h.Events[w.learned[at]].T, e.T) {
				continue
			}
			var f spec.Finding
			if n, f = j.arrived(n, b, w.ports[p], s, e, t); f.Verdict == spec.Fail {
				return n, f
			}
		}
	}
	return n, spec.Finding{}
}

// arrived judges a datagram that came to a router with a pruned branch.
func (j *Judge) arrived(n int, b *wireBranch, p wirePort, s wireStep, e *spec.Event, t wireHold) (int, spec.Finding) {
	last := j.h.Events[b.last].T
	switch {
	case e.T > b.from && e.T <= last+t.least:
		if !b.tested {
			b.tested = true
			n++
		}
	case e.T <= last+t.most || j.h.ExtraOf(e).TTL < 2 || j.ip.unclear[p.lan]:
	case b.due == never:
		b.due = s.event
	case e.T > j.h.Events[b.due].T+t.grace:
		return n, violated(n, fmt.Sprintf("datagrams of %s to group %s came to %s at %s and at %s, but since %s pruned %s at %s it has forwarded none there, though the declared hold time is over: the prune never expired",
			j.wireNode(e.From), j.h.GroupName(e.Group), j.wireNode(p.router), j.time(int(b.due)), j.time(int(s.event)),
			j.wireNode(j.h.Events[b.last].Node), j.lanName(p.lan), j.time(int(b.last))), int(b.pruned), int(b.last), int(b.due), int(s.event))
	}
	return n, spec.Finding{}
}

func (j *Judge) notPruned(n int, b *wireBranch, s wireStep, e *spec.Event) spec.Finding {
	return violated(n, fmt.Sprintf("%s forwarded datagram %d of %s to group %s onto %s at %s, though %s had pruned it there at %s and the declared hold time was not over",
		j.wireNode(e.Node), j.h.ExtraOf(e).ID, j.wireNode(e.From), j.h.GroupName(e.Group), j.lanName(s.lan), j.time(int(s.event)),
		j.wireNode(j.h.Events[b.pruned].Node), j.time(int(b.pruned))), int(b.pruned), int(b.last), int(s.event))
}
