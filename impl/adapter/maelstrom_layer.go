package adapter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// life is one life of a Maelstrom node: a whole stack. Each input is a request, or a line of another node, and what the
// node writes until it is still are the effects; then it is read.
type life struct {
	m           *maelstrom
	cfg         impl.Config
	x           *node
	incarnation uint64
	ready       bool

	asked []request // by msg_id, from 1
	ticks int
	shown map[int64]int // how often a number was delivered
	order []int64       // these numbers
	last  []int64       // the read that was answered last
}

// request is what a msg_id stands for.
type request struct {
	kind string
	ref  impl.Ref
	open bool // not answered
}

// Step lets the node take in one thing that happens.
func (l *life) Step(in impl.Input, out *impl.Effects) {
	if l.m.pool.err != nil {
		return
	}
	var err error
	switch {
	case in.Kind == impl.Start:
		l.incarnation = in.Num
	case in.Kind == impl.Ready:
		l.m.keepPace(in.Now)
		if err = l.begin(out); err == nil && l.m.real() {
			out.SetTimer(1, in.Now+spec.Time(tick))
		}
	case !l.ready:
	default:
		l.m.keepPace(in.Now)
		err = l.take(in, out)
	}
	if err != nil {
		l.m.pool.fail(l.cfg.Self, err)
		l.ready = false
	}
}

// begin lets a life begin: init, topology, and a first read, which shows that it can be read at all.
func (l *life) begin(out *impl.Effects) (err error) {
	if l.x, err = l.m.fresh(l.cfg.Self); err != nil {
		return err
	}
	l.m.lives, l.shown = append(l.m.lives, l), map[int64]int{}
	all := maelstromNames(l.cfg.Members)
	id := l.ask("init", 0)
	if err := l.request(maelstromInit{"init", id, maelstromName(l.cfg.Self), all}, id, out); err != nil {
		return err
	}
	near := map[string][]string{}
	for i, n := range all {
		near[n] = slices.Delete(slices.Clone(all), i, i+1)
	}
	id = l.ask("topology", 0)
	if err := l.request(maelstromTopology{"topology", id, near}, id, out); err != nil {
		return err
	}
	l.ready = true
	return l.read(out)
}

// take lets the node have a request or a line, or hears what it says of its own accord.
func (l *life) take(in impl.Input, out *impl.Effects) error {
	switch in.Kind {
	case impl.Send:
		body, id, ok := impl.Open(in.Body)
		if !ok || in.To != impl.Everyone {
			return errors.New("the harness sends to the group only")
		}
		v := MaelstromValue(id)
		l.m.said[v] = said{id, bytes.Clone(body)}
		n := l.ask("broadcast", in.Ref)
		if err := l.request(maelstromBroadcast{"broadcast", n, v}, 0, out); err != nil {
			return err
		}
	case impl.Packet:
		if err := l.exchange(in.Body, 0, out); err != nil {
			return err
		}
	case impl.TimerFired:
		out.SetTimer(1, in.Now+spec.Time(tick))
		heard, err := l.x.hear(0, func(raw []byte) error { return l.line(raw, out) })
		if l.ticks++; err != nil || !heard && l.ticks%readEvery != 0 {
			return err
		}
	default:
		return nil
	}
	return l.read(out)
}

// ask gives the msg_id of a new request.
func (l *life) ask(kind string, ref impl.Ref) int64 {
	l.asked = append(l.asked, request{kind, ref, true})
	return int64(len(l.asked))
}

// request sends a request; if id is not 0, its answer is waited for.
func (l *life) request(body any, id int64, out *impl.Effects) error {
	b, err := json.Marshal(message{maelstromClient, maelstromName(l.cfg.Self), body})
	if err != nil {
		return err
	}
	return l.exchange(b, id, out)
}

// exchange writes a line and takes what the node writes until it is still, and until the request was answered.
func (l *life) exchange(line []byte, id int64, out *impl.Effects) error {
	l.m.pool.lines++
	return l.x.converse(line, func() bool { return id == 0 || !l.asked[id-1].open },
		func(raw []byte) error { return l.line(raw, out) })
}

// read asks for what the node has, and delivers what is new.
func (l *life) read(out *impl.Effects) error {
	id := l.ask("read", 0)
	return l.request(maelstromRead{"read", id}, id, out)
}

// line takes in a line of the node.
func (l *life) line(raw []byte, out *impl.Effects) error {
	l.m.pool.lines++
	if l.m.pool.heard != nil {
		_, _ = l.m.pool.heard.Write(raw)
	}
	var a struct {
		Src, Dest *string
		Body      json.RawMessage
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	switch err := dec.Decode(&a); {
	case err != nil || dec.More():
		return errors.New("it is no JSON object")
	case a.Src == nil || a.Dest == nil || len(a.Body) == 0 || a.Body[0] != '{':
		return errors.New("want src, dest and an object as the body")
	case *a.Src != maelstromName(l.cfg.Self):
		return fmt.Errorf("src is %q: it is %s", *a.Src, maelstromName(l.cfg.Self))
	case *a.Dest == maelstromClient:
		return l.answer(a.Body, out)
	}
	for _, n := range l.cfg.Members {
		if maelstromName(n) == *a.Dest {
			out.Down(n, bytes.Clone(raw), 0)
			return nil
		}
	}
	return fmt.Errorf("there is no node, client or service %q", *a.Dest)
}

// answer takes in the answer to a request.
func (l *life) answer(body []byte, out *impl.Effects) error {
	var r reply
	if err := json.Unmarshal(body, &r); err != nil {
		return err
	}
	if r.InReplyTo == nil {
		return errors.New("what is said to a client has in_reply_to")
	}
	if n := *r.InReplyTo; n < 1 || n > int64(len(l.asked)) {
		return fmt.Errorf("nothing with the msg_id %d was asked in this life", n)
	}
	q := &l.asked[*r.InReplyTo-1]
	switch {
	case !q.open:
		return fmt.Errorf("the request %d, %s, has had its answer", *r.InReplyTo, q.kind)
	case r.Type == "error":
		return l.refused(q, &r, out)
	case r.Type != q.kind+"_ok":
		return fmt.Errorf("the request %d was %s: want %[2]s_ok", *r.InReplyTo, q.kind)
	}
	q.open = false
	switch q.kind {
	case "broadcast":
		out.Acknowledge(q.ref)
	case "read":
		return l.show(&r, out)
	}
	return nil
}

// refused takes in an error.
func (l *life) refused(q *request, r *reply, out *impl.Effects) error {
	if r.Code == nil {
		return errors.New("an error has a code")
	}
	q.open = false
	switch {
	case q.kind == "broadcast" && slices.Contains(definite, *r.Code):
		out.Refuse(q.ref, impl.NoCode)
	case q.kind == "broadcast": // nobody knows
		out.Note(impl.NoCode, uint64(*r.Code), 0)
	case q.kind == "topology" && *r.Code == codeNotSupported:
	case q.kind == "read" && *r.Code == codeUnavailable: // there will be others
	default:
		return fmt.Errorf("it can't do %s", q.kind)
	}
	return nil
}

// show delivers what a read shows for the first time, and what it shows more often than was seen before.
func (l *life) show(r *reply, out *impl.Effects) error {
	if r.Messages == nil {
		return errors.New("read_ok has messages")
	}
	l.last = l.last[:0]
	for _, raw := range *r.Messages {
		var v int64
		if err := json.Unmarshal(raw, &v); err != nil {
			return fmt.Errorf("messages has %s: want the numbers that were broadcast", quote(raw))
		}
		l.last = append(l.last, v)
	}
	now := map[int64]int{}
	for _, v := range l.last {
		if now[v]++; now[v] <= l.shown[v] {
			continue
		}
		if l.shown[v]++; l.shown[v] == 1 {
			l.order = append(l.order, v)
		}
		id := l.idOf(v)
		out.Up(id.Sender, impl.Everyone, impl.Seal(out, l.m.said[v].body, id))
	}
	return nil
}

// invented is the least number of messages that nobody can have sent. What stands behind it is the number that was shown.
const invented = 1_000_000_000_000

// idOf is the message that a number stands for; one that nobody sent where it stands for none.
func (l *life) idOf(v int64) spec.MsgID {
	if s, ok := l.m.said[v]; ok {
		return s.id
	}
	return spec.MsgID{Sender: l.cfg.Self, Number: uint64(invented + max(v%invented, -v%invented))}
}
