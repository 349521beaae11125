package impl

import "github.com/conform-go/conform/spec"

// EffectKind says what a layer wants done.
type EffectKind uint8

// The kinds of effects. Those from Up on go upward.
const (
	NoEffect  EffectKind = iota
	Down                 // hand Body to the layer below, for To; acknowledge Ref
	CallDown             // pass a join, leave, barrier, query, accept or view to the layers below: Call
	SetTimer             // let timer Num fire at At; setting again replaces
	StopTimer            // timer Num never fires
	Append               // Body to my log
	Persist              // tell me by Ref when everything appended so far is on disk
	Truncate             // forget the first Num bytes of my log
	Note                 // Code, with Num and Last: for the reader, and a point at which a crash can strike

	Up          // hand Body to the layer above, from From to To
	Acknowledge // the send of Ref, to the layer above
	Refuse      // the send of Ref, for the reason Code
	Finish      // the call of Ref; Body is the result
	InstallView // View
	Block       // the layers above must stop sending
	Unblock     // … and may go on
	Suspect     // From
	Trust       // From
	Gap         // the messages Num to Last of From are lost; where the layer has the one that is, Body
	Resume      // Body, which an earlier life of this node sent to the group, is still under way; with Flag: that was all

	effectKinds
)

var effectNames = [effectKinds]string{"none", "down", "call-down", "set-timer", "stop-timer", "append", "persist",
	"truncate", "note", "up", "acknowledge", "refuse", "finish", "view", "block", "unblock", "suspect", "trust", "gap", "resume"}

func (k EffectKind) String() string { return effectNames[k] }

// Upward says whether the effect goes to the layer above.
func (k EffectKind) Upward() bool { return k >= Up }

// Effect is one thing that a layer wants done.
type Effect struct {
	Body  []byte
	View  *spec.View
	Ref   Ref
	Num   uint64 // up to the group: the message's position in the order of all; 0: it has none
	Last  uint64
	At    spec.Time
	From  spec.NodeID
	To    spec.NodeID
	Group spec.GroupID
	Layer Path
	Code  Code
	Kind  EffectKind
	Call  InputKind // call-down: which
	Flag  bool      // up: delivered again after a recovery; view: the layers below have it
}

// Effects is the buffer that a step writes its effects into. It belongs to the caller of Step and is reused.
type Effects struct {
	List  []Effect
	arena *Arena
}

// NewEffects makes a buffer whose bytes come from the arena.
func NewEffects(a *Arena) *Effects { return &Effects{arena: a} }

// Reset empties the buffer.
func (e *Effects) Reset() { e.List = e.List[:0] }

// add gives the next effect, cleared but for its kind.
func (e *Effects) add(k EffectKind) *Effect {
	if len(e.List) < cap(e.List) {
		e.List = e.List[:len(e.List)+1]
		x := &e.List[len(e.List)-1]
		*x = Effect{Kind: k}
		return x
	}
	e.List = append(e.List, Effect{Kind: k})
	return &e.List[len(e.List)-1]
}

// Add appends a ready-made effect.
func (e *Effects) Add(x Effect) { e.List = append(e.List, x) }

// Down hands a body to the layer below. The effect that it gives is for setting its Code, at once: what is emitted next
// may move it.
func (e *Effects) Down(to spec.NodeID, body []byte, ref Ref) *Effect {
	x := e.add(Down)
	x.To, x.Body, x.Ref = to, body, ref
	return x
}

// Up hands a body to the layer above: from is the claimed sender, to is Everyone or this node.
func (e *Effects) Up(from, to spec.NodeID, body []byte) {
	x := e.add(Up)
	x.From, x.To, x.Body = from, to, body
}

// UpAgain is Up of a message that the layer held back: again says that it came up from below as one that is delivered
// again after a recovery.
func (e *Effects) UpAgain(from, to spec.NodeID, body []byte, again bool) {
	x := e.add(Up)
	x.From, x.To, x.Body, x.Flag = from, to, body, again
}

// UpAt is UpAgain to the group of a message that has a position in the one order of all, from 1 on: the application is
// told it.
func (e *Effects) UpAt(from spec.NodeID, body []byte, position uint64, again bool) {
	x := e.add(Up)
	x.From, x.To, x.Body, x.Num, x.Flag = from, Everyone, body, position, again
}

// SetTimer lets timer id fire at that time.
func (e *Effects) SetTimer(id uint64, at spec.Time) {
	x := e.add(SetTimer)
	x.Num, x.At = id, at
}

// StopTimer lets timer id never fire.
func (e *Effects) StopTimer(id uint64) { e.add(StopTimer).Num = id }

// Append adds bytes to the layer's log.
func (e *Effects) Append(b []byte) { e.add(Append).Body = b }

// Persist asks to be told, by ref, when everything appended so far is on disk.
func (e *Effects) Persist(ref Ref) { e.add(Persist).Ref = ref }

// Accept tells the layer below that the packet of ref has been taken in for good: its hop may be acknowledged.
func (e *Effects) Accept(ref Ref) {
	if ref != 0 {
		x := e.add(CallDown)
		x.Call, x.Ref = Accept, ref
	}
}

// Truncate forgets the first n bytes of the log.
func (e *Effects) Truncate(n uint64) { e.add(Truncate).Num = n }

// Note leaves a remark: a code and two numbers.
func (e *Effects) Note(c Code, a, b uint64) {
	x := e.add(Note)
	x.Code, x.Num, x.Last = c, a, b
}

// Acknowledge tells the layer above that its send is done, in the sense that the layer's package comment gives.
func (e *Effects) Acknowledge(ref Ref) {
	if ref != 0 {
		e.add(Acknowledge).Ref = ref
	}
}

// Refuse tells the layer above that its send will never be delivered.
func (e *Effects) Refuse(ref Ref, reason Code) {
	x := e.add(Refuse)
	x.Ref, x.Code = ref, reason
}

// Finish answers a call.
func (e *Effects) Finish(ref Ref, result []byte) {
	x := e.add(Finish)
	x.Ref, x.Body = ref, result
}

// Suspect says that a node is taken for failed.
func (e *Effects) Suspect(n spec.NodeID) { e.add(Suspect).From = n }

// Trust takes a suspicion back.
func (e *Effects) Trust(n spec.NodeID) { e.add(Trust).From = n }

// Gap announces that the messages first to last of a sender are lost.
func (e *Effects) Gap(sender spec.NodeID, first, last uint64) {
	x := e.add(Gap)
	x.From, x.Num, x.Last = sender, first, last
}

// InstallView hands a new view to the layers below and above. A view that came from below is handed on by Pass.
func (e *Effects) InstallView(v *spec.View) { e.add(InstallView).View = v }

// Pass hands on an input that the layer has no business with: what came from above goes down, what came from below
// goes up. What is meant for this layer alone (a timer, a log) is dropped.
func (e *Effects) Pass(in Input) {
	switch {
	case in.Kind == Send:
		x := e.add(Down)
		x.To, x.Body, x.Ref, x.Num, x.Group, x.Code = in.To, in.Body, in.Ref, in.Num, in.Group, in.Code
	case downward(in.Kind):
		x := e.add(CallDown)
		x.Call, x.Ref, x.Body, x.To, x.Num, x.Group = in.Kind, in.Ref, in.Body, in.To, in.Num, in.Group
	case in.Kind == ViewChanged && in.Flag: // the layers above have it already
	case fromBelow(in.Kind):
		e.Add(effectOf(in))
	}
}

// Extend gives a body with room for n more bytes, zeroed, behind it. The body itself is not changed.
func (e *Effects) Extend(body []byte, n int) []byte { return e.arena.Extend(body, n) }

// Alloc gives n zeroed bytes that live as long as the incarnation.
func (e *Effects) Alloc(n int) []byte { return e.arena.Alloc(n) }

var upOf = [inputKinds]EffectKind{Packet: Up, Acknowledged: Acknowledge, Refused: Refuse, Done: Finish,
	ViewChanged: InstallView, Blocked: Block, Unblocked: Unblock, Suspected: Suspect, Trusted: Trust, GapFound: Gap, Resumed: Resume}

var inputOf = [effectKinds]InputKind{Down: Send, Up: Packet, Acknowledge: Acknowledged, Refuse: Refused, Finish: Done,
	InstallView: ViewChanged, Block: Blocked, Unblock: Unblocked, Suspect: Suspected, Trust: Trusted, Gap: GapFound, Resume: Resumed}

// effectOf gives the upward effect that hands an input on.
func effectOf(in Input) Effect {
	return Effect{Kind: upOf[in.Kind], Body: in.Body, View: in.View, Ref: in.Ref, Num: in.Num, Last: in.Last,
		From: in.From, To: in.To, Group: in.Group, Code: in.Code, Flag: in.Flag || in.Kind == ViewChanged}
}

// InputOf gives the input by which an effect reaches the next layer, up or down.
func InputOf(e *Effect, now spec.Time) Input {
	k := inputOf[e.Kind]
	if e.Kind == CallDown {
		k = e.Call
	}
	return Input{Kind: k, Now: now, Body: e.Body, View: e.View, Ref: e.Ref, Num: e.Num, Last: e.Last,
		From: e.From, To: e.To, Group: e.Group, Code: e.Code, Flag: e.Flag && e.Kind != InstallView}
}
