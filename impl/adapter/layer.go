package adapter

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// layer is one life of a lock-step process: a whole stack. Each input is a line, and the lines of the answer are the
// effects, in their order: the world may let the node crash between any two, and then discards the rest.
type layer struct {
	pool  *Pool
	cfg   impl.Config
	p     *process // nil before the life has begun, and after an error
	ready bool
	life  uint64
	log   []byte // what the disk kept
	asked []call // by id, from 1
}

// call is what an id stands for.
type call struct {
	ref  impl.Ref
	kind impl.InputKind
	open bool // not answered
}

var ops = map[impl.InputKind]string{impl.Send: "send", impl.Join: "join", impl.Leave: "leave", impl.Barrier: "sync",
	impl.Query: "query"}

// Step lets the process take in one thing that happens.
func (l *layer) Step(in impl.Input, out *impl.Effects) {
	if l.pool.err != nil {
		return
	}
	switch in.Kind {
	case impl.Start:
		l.life = in.Num
		return
	case impl.Recovered:
		l.log = slices.Clone(in.Body)
		return
	case impl.Ready:
		l.begin(in, out)
		return
	}
	if !l.ready {
		return
	}
	line, err := l.line(in)
	if err == nil && line != nil {
		err = l.tell(in, line, out)
	}
	if err != nil {
		l.broken(err)
	}
}

func (l *layer) broken(err error) {
	l.pool.fail(l.cfg.Self, err)
	l.ready = false
}

func (l *layer) tell(in impl.Input, line any, out *impl.Effects) error {
	return l.pool.exchange(l.p, line, func(a *Line) error { return l.effect(in, a, out) })
}

// begin lets the life of a node begin.
func (l *layer) begin(in impl.Input, out *impl.Effects) {
	if l.p = l.pool.fresh(l.cfg.Self); l.p == nil {
		return
	}
	line := initLine{Op: "init", T: int64(in.Now), Node: nodeName(l.cfg.Self), Incarnation: uint32(l.life),
		Nodes: everyone(l.cfg.Nodes), Group: l.pool.group, Members: nodeNames(l.cfg.Members),
		Groups: map[string]groupInfo{l.pool.group: {nodeNames(l.cfg.Members), !l.cfg.Closed, "1", ""}},
		Seed:   strconv.FormatUint(l.cfg.Seed, 10), TS: int64(l.cfg.TS), TL: int64(l.cfg.TL)}
	ready := false
	err := l.pool.exchange(l.p, line, func(a *Line) error {
		if a.Op == "ready" {
			ready = true
			return nil
		}
		if !ready {
			return errors.New("it comes before ready")
		}
		return l.effect(in, a, out)
	})
	if err == nil && !ready {
		err = fmt.Errorf("init was answered without ready")
	}
	if err == nil && l.pool.hello.Disk {
		err = l.tell(in, recoveredLine{"recovered", int64(in.Now), append([]byte{}, l.log...)}, out)
	}
	if err != nil {
		l.broken(err)
		return
	}
	l.ready = true
}

func everyone(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.Itoa(i)
	}
	return out
}

// line is what the process is told of an input; nil where it is not told.
func (l *layer) line(in impl.Input) (any, error) {
	t := int64(in.Now)
	switch in.Kind {
	case impl.Send:
		body, id, ok := impl.Open(in.Body)
		if !ok || in.To != impl.Everyone {
			return nil, errors.New("the harness sends to the group only")
		}
		body = append([]byte{}, body...)
		return callLine{"send", t, l.call(in), l.pool.group, id.String(), &body}, nil
	case impl.Join, impl.Leave, impl.Barrier, impl.Query:
		return callLine{Op: ops[in.Kind], T: t, ID: l.call(in), Group: l.pool.group}, nil
	case impl.Packet:
		return packetLine{"packet", t, nodeName(in.From), append([]byte{}, in.Body...)}, nil
	case impl.TimerFired:
		return idLine{Op: "fire", T: t, ID: in.Num}, nil
	case impl.Persisted, impl.StorageFailed:
		return idLine{Op: "persisted", T: t, ID: uint64(in.Ref), Failed: in.Kind == impl.StorageFailed}, nil
	}
	return nil, nil
}

func (l *layer) call(in impl.Input) uint64 {
	l.asked = append(l.asked, call{in.Ref, in.Kind, true})
	return uint64(len(l.asked))
}

// effect does what a line of the process asks for.
func (l *layer) effect(in impl.Input, a *Line, out *impl.Effects) error {
	if a.Group != "" && a.Group != l.pool.group {
		return fmt.Errorf("there is no group %q", a.Group)
	}
	switch a.Op {
	case "deliver":
		return l.deliver(a, out)
	case "packet":
		return l.packet(a, out)
	case "timer":
		if a.After > int64(maxTimer) {
			return fmt.Errorf("a timer of more than %v", maxTimer)
		}
		out.SetTimer(a.ID, in.Now+spec.Time(a.After))
	case "cancel":
		out.StopTimer(a.ID)
	case "done", "error":
		return l.answered(a, out)
	case "append", "persist":
		if !l.pool.hello.Disk {
			return errors.New(`its hello does not say "disk":true`)
		}
		if a.Op == "append" {
			out.Append(a.Data)
		} else {
			out.Persist(impl.Ref(a.ID))
		}
	case "view", "block", "unblock", "suspect", "trust", "gap":
		return l.upward(a, out)
	default:
		return fmt.Errorf("%q is no part of this answer", a.Op)
	}
	return nil
}

// maxTimer is the longest timer: virtual time is not for waiting.
const maxTimer = 24 * time.Hour

func (l *layer) deliver(a *Line, out *impl.Effects) error {
	id, err := parseMsg(a.Msg)
	if err != nil {
		return err
	}
	from := id.Sender
	if a.From != "" {
		if from, err = parseNode(a.From, l.cfg.Nodes); err != nil {
			return err
		}
	}
	if body := impl.Seal(out, a.Body, id); a.Pos > 0 {
		out.UpAt(from, body, a.Pos, a.Again)
	} else {
		out.UpAgain(from, impl.Everyone, body, a.Again)
	}
	if a.View != "" { // what it tells its application of the view is judged
		id, err := spec.ParseViewID(a.View)
		if err != nil {
			return err
		}
		out.List[len(out.List)-1].View = &spec.View{ID: id}
	}
	return nil
}

func (l *layer) packet(a *Line, out *impl.Effects) error {
	if a.Group != "" {
		for _, m := range l.cfg.Members {
			out.Down(m, a.Data, 0)
		}
		return nil
	}
	to, err := parseNode(a.To, l.cfg.Nodes)
	if err == nil {
		out.Down(to, a.Data, 0)
	}
	return err
}

// answered lets a call have its answer.
func (l *layer) answered(a *Line, out *impl.Effects) error {
	if a.Of == 0 || a.Of > uint64(len(l.asked)) {
		return fmt.Errorf("nothing with the id %d was asked in this life", a.Of)
	}
	c := &l.asked[a.Of-1]
	if !c.open {
		return fmt.Errorf("the call with the id %d has had its answer", a.Of)
	}
	c.open = false
	switch {
	case a.Op == "error" && c.kind == impl.Send && a.Definite:
		out.Refuse(c.ref, reason(a.Code))
	case a.Op == "error": // nobody knows
		out.Note(impl.NoCode, a.Of, 0)
	case c.kind == impl.Send:
		out.Acknowledge(c.ref)
	default:
		members, err := parseNodes(a.Members, l.cfg.Nodes)
		if err != nil {
			return err
		}
		var body []byte
		if a.Members != nil {
			body = impl.AppendMembers(nil, members)
		}
		out.Finish(c.ref, body)
	}
	return nil
}

// reasons are the codes of errors that judges know.
var reasons = []impl.Code{impl.NotMember, impl.ClosedGroup, impl.TooLong, impl.StorageBroken, impl.Aborted,
	impl.ViewChanging, impl.Overflow}

func reason(code string) impl.Code {
	for _, c := range reasons {
		if c.String() == code {
			return c
		}
	}
	return impl.NoCode
}

// upward tells the application what the process says of the group.
func (l *layer) upward(a *Line, out *impl.Effects) error {
	switch a.Op {
	case "view":
		id, err := spec.ParseViewID(a.View)
		if err == nil && a.Some {
			err = errors.New("a transitional set is told by programs on their own network only")
		}
		if err != nil {
			return err
		}
		members, err := parseNodes(a.Members, l.cfg.Nodes)
		if err != nil {
			return err
		}
		slices.Sort(members)
		out.InstallView(&spec.View{ID: id, Members: slices.Compact(members)})
	case "block":
		out.Add(impl.Effect{Kind: impl.Block})
	case "unblock":
		out.Add(impl.Effect{Kind: impl.Unblock})
	default:
		node, err := parseNode(a.Node+a.From, l.cfg.Nodes)
		if err != nil {
			return err
		}
		switch a.Op {
		case "suspect":
			out.Suspect(node)
		case "trust":
			out.Trust(node)
		case "gap":
			out.Gap(node, a.First, a.Last)
		}
	}
	return nil
}
