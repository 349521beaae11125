package membership

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Gate is the top of a stack whose members change. What it lets through is what an application sees:
//
//	nothing is sent by who is no member, or while a view ends:  it is refused, with the reason
//	nothing is delivered to who is no member, and nothing after a leave has returned
//	a view is told before what is delivered in it; who comes in with it is given the state of the group, as it was at the
//	beginning of the view, before anything else (Birman & Joseph, 1987, on joining and the transfer of state)
//
// The state is the application's: the one of a member who came to the view from the one before it. The oldest of them
// sends it without being asked; if it fails the others are asked in turn, and until then the views and messages wait.
// When another view comes meanwhile its state is waited for. The service below is told by an accept of [gateWhole] when
// the state is here: who has none does not count as one who has come to a view. Where nobody has come to a view, the
// group begins anew, with an empty state, or with that of its logs: see [NewLoggedGate].
//
// After a crash a node joins again by itself; the service refuses that to one that was no member, or had left.
type Gate struct {
	Rules GateRules

	cfg     impl.Config
	state   State
	view    spec.View // the last that came; without members: none
	member  bool      // in it, and has not left
	whole   bool      // has the state of the group
	blocked bool      // by the layers below
	told    bool      // … and the application knows
	left    bool
	leaving impl.Ref
	joining impl.Ref

	saved []byte        // the state at the beginning of the view
	early earlyState    // one that has come before its view
	held  []impl.Effect // from the view on, while the state is waited for, or while the first view is; bodies live as long as the incarnation
	next  int           // whom to ask next

	window gateWindow
	logs   bool // the group comes back from its logs
	log    gateLog
}

// GateRules are the rules that the promises rest on.
type GateRules struct {
	Closes   func(blocked bool) bool // whether sends are refused
	Waits    func() bool             // whether who comes in waits for the state
	Snapshot func(state []byte) []byte
	Rejoins  func() bool          // whether who comes back joins by itself
	After    func(left bool) bool // whether something is delivered to who has left
	Before   func() bool          // whether something is delivered to who joins, before its view
	Repeats  func() bool          // whether somebody else is asked for the state

	Room    func(held, places int) bool                     // whether there is a place for what waits for the state
	Kept    func(onDisk, delivered int) int                 // how many of the messages delivered here are told to be on disk
	Gathers func(cfg *impl.Config, member spec.NodeID) bool // whether the log of a member is taken
	Replays func() bool                                     // whether the messages in it are, and not the state before them alone
	Retells func() bool                                     // whether the application is told once more what an earlier life has written down
}

// State is what an application makes of what is delivered: what a member that comes in has to be given.
type State interface {
	Deliver(from spec.NodeID, body []byte)
	Save(b []byte) []byte // appends
	Load(b []byte)
}

// Messages is the state of an application that remembers which messages have been delivered, by the harness's ids.
type Messages struct{ ids []byte }

// Deliver implements [State].
func (m *Messages) Deliver(_ spec.NodeID, body []byte) {
	if _, id, ok := impl.Open(body); ok {
		m.ids = impl.AppendMsg(m.ids, id)
	}
}

// Save implements [State].
func (m *Messages) Save(b []byte) []byte { return append(b, m.ids...) }

// Load implements [State].
func (m *Messages) Load(b []byte) { m.ids = append(m.ids[:0], b...) }

type earlyState struct {
	view spec.ViewID
	body []byte
}

// NewGate makes the top of one node; without a state it has [Messages].
func NewGate(cfg impl.Config, state State) *Gate {
	if state == nil {
		state = &Messages{}
	}
	return &Gate{cfg: cfg, state: state, window: gateWindow{places: GateWindow}, Rules: GateRules{
		Closes:   func(blocked bool) bool { return blocked },
		Waits:    func() bool { return true },
		Snapshot: func(state []byte) []byte { return state },
		Rejoins:  func() bool { return true },
		After:    func(left bool) bool { return !left },
		Before:   func() bool { return false },
		Repeats:  func() bool { return true },
		Room:     func(held, places int) bool { return held < places },
		Kept:     func(onDisk, _ int) int { return onDisk },
		Gathers:  func(*impl.Config, spec.NodeID) bool { return true },
		Replays:  func() bool { return true },
		Retells:  func() bool { return false },
	}}
}

// The kinds of one-to-one packets, behind the view's id that all but the first have.
const (
	gatePassing = 0
	gateState   = 1 // at the beginning of this view
	gateAsk     = 2 // for it
)

// gateGives is the timer of who gives the state; 0 is that of who waits for it.
const gateGives = 1

// gateRejoin is the reference of the join after a crash.
const gateRejoin = impl.RestoreRef + 1

// gateWhole is the reference with which the service is told that the state of the group has come.
const gateWhole = viewRefs | 1<<60

// Step implements [impl.Layer].
func (g *Gate) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		rules, cfg, state := g.Rules, g.cfg, g.state
		state.Load(nil)
		*g = Gate{Rules: rules, cfg: cfg, state: state, left: true, logs: g.logs, window: gateWindow{places: g.window.places}}
		g.log.start(uint32(in.Num))
		g.whole = in.Num == 0 && cfg.Index(cfg.Self) >= 0
		if in.Num > 0 && g.Rules.Rejoins() {
			g.joining = gateRejoin
		}
	case impl.Recovered:
		g.recover(in.Body)
	case impl.Ready:
		g.reopen(out)
		if g.joining != 0 {
			out.Add(impl.Effect{Kind: impl.CallDown, Call: impl.Join, Ref: g.joining})
		}
		if g.Rules.Retells() {
			g.retell(out)
		}
	case impl.Send:
		g.send(in, out)
	case impl.Packet:
		g.receive(in, out)
	case impl.ViewChanged:
		if !in.Flag {
			g.change(in.View, in.Now, out)
		}
	case impl.TimerFired:
		g.fired(in, out)
	case impl.Persisted:
		g.persisted(in.Ref, in.Now, out)
	case impl.StorageFailed:
		g.failed(in.Ref, in.Now, out)
	case impl.Acknowledged:
		if !g.logs || in.Ref&gateRefs == 0 { // else more is needed
			out.Pass(in)
		}
	case impl.Blocked, impl.Unblocked:
		g.block(in.Kind == impl.Blocked, in, out)
	case impl.Join, impl.Leave:
		if in.Kind == impl.Join {
			g.joining = in.Ref
		} else if g.leaving == 0 { // of two the first is answered, and the second refused
			g.leaving = in.Ref
		}
		out.Pass(in)
	case impl.Refused:
		g.refused(in, out)
	case impl.Done:
		g.done(in, out)
	default:
		out.Pass(in)
	}
}

func (g *Gate) send(in impl.Input, out *impl.Effects) {
	switch {
	case in.To != impl.Everyone:
		b := out.Extend(in.Body, 1)
		out.Down(in.To, b, in.Ref).Code = in.Code
	case (!g.member || !g.whole) && g.cfg.Closed:
		out.Refuse(in.Ref, impl.ClosedGroup)
	case !g.member || !g.whole:
		out.Refuse(in.Ref, impl.NotMember)
	case g.Rules.Closes(g.blocked):
		out.Refuse(in.Ref, impl.ViewChanging)
	case g.full():
		g.askWhole(out)
		out.Refuse(in.Ref, impl.Overflow)
	case g.logs:
		g.number(in, out)
	default:
		out.Pass(in)
	}
}

func (g *Gate) fired(in impl.Input, out *impl.Effects) {
	switch in.Num {
	case gateGives:
		g.give(out)
	case gateAsks:
		g.askKept(in.Now, out)
	case gateWrites:
		g.writeAgain(out)
	default:
		g.ask(in.Now, out)
	}
}

func (g *Gate) block(blocked bool, in impl.Input, out *impl.Effects) {
	if in.Ref != 0 {
		out.Accept(in.Ref)
	}
	g.blocked = blocked
	g.begin(in.Now, out)
	g.tellBlocked(out)
}

// tellBlocked tells the application whether it is blocked, if it can hear that and has not heard it.
func (g *Gate) tellBlocked(out *impl.Effects) {
	if g.left || !g.whole || g.told == g.blocked {
		return
	}
	if g.told = g.blocked; g.blocked {
		out.Add(impl.Effect{Kind: impl.Block})
	} else {
		out.Add(impl.Effect{Kind: impl.Unblock})
	}
}

// refused hands on that a call or a send was refused, but not what the gate has asked for itself.
func (g *Gate) refused(in impl.Input, out *impl.Effects) {
	if in.Ref&gateRefs != 0 && g.logs && in.Ref < viewRefs {
		ref, ok := g.log.refused(in.Ref)
		if in.Ref = ref; !ok {
			return
		}
	}
	if in.Ref == g.leaving {
		g.leaving = 0
	}
	if in.Ref == g.joining {
		if g.joining = 0; !g.member {
			g.held = g.held[:0]
		}
	}
	if in.Ref != gateRejoin {
		out.Pass(in)
	}
}

// done answers a call, but a join only when the state is here.
func (g *Gate) done(in impl.Input, out *impl.Effects) {
	switch in.Ref {
	case 0:
	case g.leaving:
		g.leaving, g.member, g.left, g.whole = 0, false, true, false
		g.log.enter(false)
		g.held = g.held[:0]
	case g.joining:
		g.joining = 0
		if in.Ref == gateRejoin {
			return
		}
		if !g.whole {
			g.held = append(g.held, impl.Effect{Kind: impl.Finish, Ref: in.Ref, Body: in.Body})
			return
		}
	}
	out.Pass(in)
}

func (g *Gate) receive(in impl.Input, out *impl.Effects) {
	if in.To != impl.Everyone {
		g.letter(in, out)
		return
	}
	if _, ok := messageOf(in.From, in.Body); g.logs && !ok {
		out.Accept(in.Ref)
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	switch {
	case !g.member && g.joining != 0 && !g.Rules.Before(): // who has let this node in may send before its view is here
		g.hold(in, out)
	case !g.member && g.joining == 0 && !g.Rules.After(g.left):
		out.Accept(in.Ref)
		out.Note(impl.NotMember, uint64(in.From), 0)
	case g.member && !g.whole:
		g.hold(in, out)
	default:
		in.Body = g.deliver(in.From, in.Body, out)
		out.Pass(in)
	}
}

// deliver takes a message into the state, and gives its body.
func (g *Gate) deliver(from spec.NodeID, body []byte, out *impl.Effects) []byte {
	if g.logs {
		body = g.write(from, body, out)
	}
	g.state.Deliver(from, body)
	return body
}

// change lets a view through. Who has come to it from the one before with the state goes on; the others wait for it.
func (g *Gate) change(v *spec.View, now spec.Time, out *impl.Effects) {
	g.expect(v)
	if v.Came == nil { // nobody says who comes along: who comes in begins with what it gets
		g.view, g.member, g.left, g.whole = *v, true, false, true
		g.absorb(0, out)
		g.sayWhole(out)
		out.InstallView(v)
		out.List[len(out.List)-1].Flag = true
		g.release(0, out)
		return
	}
	first := g.whole && len(g.view.Members) == 0 && v.ID == spec.ViewID{Epoch: 1}
	came := first || slices.Contains(v.Came, g.cfg.Self)
	g.view, g.member, g.left = *v, true, false
	g.next = 0
	g.whole = g.whole && came
	g.log.enter(g.whole)
	if g.whole {
		if len(v.Members) > len(v.Came) || v.ID.Epoch > 1 {
			g.saved = g.Rules.Snapshot(g.state.Save(nil))
		}
		if !first && g.logs {
			g.checkpoint(v.ID, g.saved, out)
		}
		if !first && g.eldest() == g.cfg.Self {
			out.SetTimer(gateGives, now) // not before the application here has been told the view
		}
		g.sayWhole(out)
		out.InstallView(v)
		out.List[len(out.List)-1].Flag = true // the layers below have it
		return
	}
	calls := g.held[:0]
	for _, e := range g.held { // what was delivered before is part of the state
		if e.Kind == impl.Finish {
			calls = append(calls, e)
		}
	}
	g.held = slices.Insert(calls, 0, impl.Effect{Kind: impl.InstallView, View: v, Flag: true})
	switch {
	case len(v.Came) == 0 && g.logs:
		out.SetTimer(0, now+spec.Time(g.cfg.TL/8))
		if v.Members[0] == g.cfg.Self {
			g.gather(out)
		}
	case len(v.Came) == 0 || !g.Rules.Waits():
		g.restore(nil, out)
	case g.early.view == v.ID:
		g.arrive(g.early.body, out)
	default:
		out.SetTimer(0, now+spec.Time(g.cfg.TL/8))
	}
}
