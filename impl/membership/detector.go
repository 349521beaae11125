package membership

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Detector is an eventually perfect failure detector by heartbeats (Chandra & Toueg, Unreliable Failure Detectors for
// Reliable Distributed Systems, 1996; Cachin, Guerraoui, Rodrigues, 2011, the increasing timeout): a node that has
// crashed is suspected by every one that watches it, for good (strong completeness); one that lives may be suspected
// wrongly, and is trusted when it is heard again. It never says that a node has failed, only that it is silent.
//
//	every TS, to each node that I watch or that watches me:  send ⟨heartbeat, number, incarnation⟩
//	on any packet of the present life of q:                  q has been heard; trust q, if it was suspected
//	when q has been silent for as long as patience says:     suspect q
//
// The nodes that it watches are the members, of the configuration and later of each view. Who sends heartbeats wants
// some too: so that one who is no member, or no longer, does not suspect those that are. Patience is [FixedPatience] or
// [PhiAccrual].
//
// It stands at the bottom of a stack, below what repairs losses: a heartbeat that comes late, because an older one had
// to be sent again, says nothing. What goes through it gets its header, so that traffic is a sign of life and a life is
// told from the next: what a dead incarnation has left on the network is handed up, but is no sign. A checksum finds
// changed bytes, or a forged incarnation would make all that follow look old.
//
// A timer that fires late says that it is this node that stood still, and that the signs of others wait to be taken in:
// it gives them TS more.
type Detector struct {
	Rules DetectorRules

	cfg         impl.Config
	incarnation uint32
	beats       uint64 // heartbeats sent, in rounds
	ready       bool
	peers       []watchedPeer // by node
}

// DetectorRules are the rules of the detector.
type DetectorRules struct {
	Patience Patience
	Signs    func(packet, known uint32) bool // whether a packet of one incarnation is a sign of the life known last
	Revokes  func() bool                     // whether a node that is heard again is trusted
	Vouches  func(from, n spec.NodeID) bool  // whether a packet of one node is a sign of life of another
}

// Patience says how long a node may be silent before it is suspected, by how its heartbeats have come; never more than
// TL.
type Patience func(a *Arrivals, ts, tl time.Duration) time.Duration

// watchedPeer is what is known of a node.
type watchedPeer struct {
	watched     bool
	suspected   bool
	fresh       bool // only while a view is taken in: watched anew, and suspected before
	known       bool // it has been heard of
	incarnation uint32
	number      uint64    // of its last heartbeat
	beat        spec.Time // when that came
	heard       spec.Time // when it was last heard, or began to be watched
	alarm       spec.Time // when its timer fires; 0: it does not run
	arrivals    Arrivals
}

// NewDetector makes the detector of one node.
func NewDetector(cfg impl.Config, p Patience) *Detector {
	return &Detector{cfg: cfg, Rules: DetectorRules{
		Patience: p,
		Signs:    func(packet, known uint32) bool { return packet >= known },
		Revokes:  func() bool { return true },
		Vouches:  func(from, n spec.NodeID) bool { return from == n },
	}}
}

// The kinds of packets.
const (
	detectorTraffic   = 1
	detectorHeartbeat = 2
)

// tick is the timer of the heartbeats; that of node n is tick+1+n.
const tick = 0

// Step implements [impl.Layer].
func (d *Detector) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		*d = Detector{Rules: d.Rules, cfg: d.cfg, incarnation: uint32(in.Num), peers: make([]watchedPeer, d.cfg.Nodes)}
	case impl.Ready:
		d.ready = true
		d.watch(d.cfg.Members, in.Now, out)
		out.SetTimer(tick, in.Now)
	case impl.TimerFired:
		if in.Num == tick {
			d.beat(in.Now, out)
		} else {
			d.fire(in, out)
		}
	case impl.Send:
		in.Body = impl.AppendNumbered(out, in.Body, impl.Numbered{Incarnation: d.incarnation, Kind: detectorTraffic})
		out.Pass(in)
	case impl.Packet:
		d.receive(in, out)
	case impl.ViewChanged:
		d.watch(in.View.Members, in.Now, out)
		out.Pass(in)
	default:
		out.Pass(in)
	}
}

// beat sends a heartbeat to all that this node watches, and to those whose heartbeats come.
func (d *Detector) beat(now spec.Time, out *impl.Effects) {
	d.beats++
	b := impl.AppendNumbered(out, nil, impl.Numbered{N: d.beats, Incarnation: d.incarnation, Kind: detectorHeartbeat})
	for n := range d.peers {
		p := &d.peers[n]
		if p.watched || p.number > 0 && now-p.beat < spec.Time(d.cfg.TL) {
			out.Down(spec.NodeID(n), b, 0)
		}
	}
	out.SetTimer(tick, now+spec.Time(d.cfg.TS))
}

// watch begins to watch those that it did not, and no longer watches others. What it thought of one that comes anew is
// forgotten.
func (d *Detector) watch(members []spec.NodeID, now spec.Time, out *impl.Effects) {
	if !d.ready {
		d.cfg.Members = members
		return
	}
	for n := range d.peers {
		p := &d.peers[n]
		was := p.watched
		p.watched = false
		for _, m := range members {
			p.watched = p.watched || m == spec.NodeID(n) && m != d.cfg.Self
		}
		switch {
		case p.watched && !was:
			p.heard = now
			d.arm(spec.NodeID(n), now+d.patience(p), out)
		case was && !p.watched && p.alarm != 0:
			p.alarm = 0
			out.StopTimer(tick + 1 + uint64(n))
		}
		p.fresh = p.watched && !was && p.suspected
	}
	for n := range d.peers { // upward effects come last
		if p := &d.peers[n]; p.fresh {
			p.fresh, p.suspected = false, false
			out.Trust(spec.NodeID(n))
		}
	}
}

func (d *Detector) patience(p *watchedPeer) spec.Time {
	return spec.Time(d.Rules.Patience(&p.arrivals, d.cfg.TS, d.cfg.TL))
}

func (d *Detector) arm(n spec.NodeID, at spec.Time, out *impl.Effects) {
	d.peers[n].alarm = at
	out.SetTimer(tick+1+uint64(n), at)
}

func (d *Detector) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.OpenNumbered(in, d.cfg.Nodes, out)
	if !ok {
		return
	}
	switch h.Kind {
	case detectorTraffic:
		if in.From != d.cfg.Self && d.alive(in.From, h.Incarnation) {
			d.heard(in.From, in.Now, out)
		}
		in.Body = body
		out.Pass(in)
	case detectorHeartbeat:
		d.heartbeat(in.From, h, in.Now, out)
	default:
		out.Note(impl.Malformed, uint64(in.From), h.N)
	}
}

// alive says whether a packet of an incarnation is a sign of life, and takes in that a new life has begun: of the old
// one nothing counts any more, neither its numbers nor how its heartbeats came.
func (d *Detector) alive(n spec.NodeID, incarnation uint32) bool {
	p := &d.peers[n]
	if p.known && !d.Rules.Signs(incarnation, p.incarnation) {
		return false
	}
	if !p.known || incarnation != p.incarnation {
		p.known, p.incarnation, p.number, p.arrivals = true, incarnation, 0, Arrivals{}
	}
	return true
}

// heartbeat takes in a heartbeat. One that others have overtaken says nothing that they have not said.
func (d *Detector) heartbeat(from spec.NodeID, h impl.Numbered, now spec.Time, out *impl.Effects) {
	p := &d.peers[from]
	switch {
	case from == d.cfg.Self:
		out.Note(impl.Forged, uint64(from), h.N)
		return
	case !d.alive(from, h.Incarnation):
		out.Note(impl.Stale, uint64(from), h.N)
		return
	case h.N <= p.number:
		out.Note(impl.Duplicate, uint64(from), h.N)
		return
	}
	if p.number > 0 {
		p.arrivals.add(min(time.Duration(now-p.beat), d.cfg.TL))
	}
	p.number, p.beat = h.N, now
	d.heard(from, now, out)
}

// heard takes in a sign of life.
func (d *Detector) heard(n spec.NodeID, now spec.Time, out *impl.Effects) {
	for m := range d.peers {
		if d.Rules.Vouches(n, spec.NodeID(m)) {
			d.peers[m].heard = now
		}
	}
	p := &d.peers[n]
	if p.suspected && !d.Rules.Revokes() {
		return
	}
	// The timer is set when it is wanted earlier; one that fires too early is set again then.
	if due := now + d.patience(p); p.watched && (p.alarm == 0 || due < p.alarm) {
		d.arm(n, due, out)
	}
	if p.suspected {
		p.suspected = false
		out.Trust(n)
	}
}

// fire suspects a node that has been silent for too long.
func (d *Detector) fire(in impl.Input, out *impl.Effects) {
	n := in.Num - tick - 1
	if n >= uint64(len(d.peers)) {
		return
	}
	p := &d.peers[n]
	set := p.alarm
	p.alarm = 0
	if !p.watched || p.suspected || set == 0 {
		return
	}
	due := p.heard + d.patience(p)
	if late := in.Now > set+spec.Time(d.cfg.TS); late && in.Now >= due { // I stood still
		due = in.Now + spec.Time(d.cfg.TS)
	}
	if in.Now < due {
		d.arm(spec.NodeID(n), due, out)
		return
	}
	p.suspected = true
	out.Suspect(spec.NodeID(n))
}
