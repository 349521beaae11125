package adaptertest

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Stack is a program that speaks for a stack without I/O: what a stack keeps in the simulator it must keep as a program,
// or the protocol between loses something.
type Stack struct {
	New   func(impl.Config) impl.Layer
	Hello map[string]any // what it says of itself, besides its network

	out    *bufio.Writer
	layer  impl.Layer
	now    spec.Time
	group  string
	timers map[timerKey]uint64 // the number that the harness knows a timer by
	keys   []timerKey          // by that number, less one
	asked  []persistKey        // by the number of a persist, less one
}

type timerKey struct {
	layer impl.Path
	id    uint64
}

type persistKey struct {
	layer impl.Path
	ref   impl.Ref
}

// told is a line of the harness.
type told struct {
	Op, Node, Group, Msg, From, Seed string
	T, TS, TL                        int64
	ID                               uint64
	Incarnation                      uint32
	Nodes, Members                   []string
	Groups                           map[string]struct{ Open bool }
	Body, Data                       []byte
	Failed                           bool
}

// Run is the program until its stdin is closed.
func (s *Stack) Run(in io.Reader, out io.Writer) error {
	s.out = bufio.NewWriter(out)
	lines := json.NewDecoder(bufio.NewReader(in))
	for {
		var l told
		if err := lines.Decode(&l); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := s.answer(&l); err != nil {
			return err
		}
		if l.Op != "hello" {
			s.say(line{"op": "idle"})
		}
		if err := s.out.Flush(); err != nil {
			return err
		}
	}
}

func (s *Stack) say(l line) {
	b, err := json.Marshal(l)
	if err != nil {
		panic(err) // it is made of words and bytes
	}
	_, _ = s.out.Write(append(b, '\n'))
}

var calls = map[string]impl.InputKind{"join": impl.Join, "leave": impl.Leave, "sync": impl.Barrier, "query": impl.Query}

// answer makes an input of a line.
func (s *Stack) answer(l *told) error {
	s.now = spec.Time(l.T)
	if kind, ok := calls[l.Op]; ok {
		s.step(impl.Input{Kind: kind, Ref: impl.Ref(l.ID), To: impl.Everyone})
		return nil
	}
	switch l.Op {
	case "hello":
		h := line{"op": "hello", "protocol": 1, "network": "harness", "reset": true}
		for k, v := range s.Hello {
			h[k] = v
		}
		s.say(h)
	case "init":
		return s.init(l)
	case "recovered":
		for _, log := range logsOf(l.Data) {
			s.step(impl.Input{Kind: impl.Recovered, Layer: log.layer, Body: log.bytes})
		}
		s.step(impl.Input{Kind: impl.Ready})
	case "send":
		var id spec.MsgID
		if _, err := fmt.Sscanf(l.Msg, "%d/%d/%d", &id.Sender, &id.Incarnation, &id.Number); err != nil {
			return err
		}
		s.step(impl.Input{Kind: impl.Send, To: impl.Everyone, Ref: impl.Ref(l.ID), Body: impl.Seal(impl.NewEffects(new(impl.Arena)), l.Body, id)})
	case "packet":
		s.step(impl.Input{Kind: impl.Packet, From: node(l.From), Body: l.Data})
	case "fire":
		k := s.keys[l.ID-1]
		s.step(impl.Input{Kind: impl.TimerFired, Num: k.id, Layer: k.layer})
	case "persisted":
		in := impl.Input{Kind: impl.Persisted, Ref: s.asked[l.ID-1].ref, Layer: s.asked[l.ID-1].layer}
		if l.Failed {
			in.Kind = impl.StorageFailed
		}
		s.step(in)
	default:
		s.say(line{"op": "error", "of": l.ID, "code": "unsupported", "definite": true})
	}
	return nil
}

func node(s string) spec.NodeID {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err) // the harness numbers its nodes
	}
	return spec.NodeID(n)
}

// init begins a life.
func (s *Stack) init(l *told) error {
	seed, err := strconv.ParseUint(l.Seed, 10, 64)
	if err != nil {
		return err
	}
	cfg := impl.Config{Self: node(l.Node), Nodes: len(l.Nodes), Closed: !l.Groups[l.Group].Open, Seed: seed, TS: time.Duration(l.TS), TL: time.Duration(l.TL)}
	for _, m := range l.Members {
		cfg.Members = append(cfg.Members, node(m))
	}
	s.layer, s.group, s.timers, s.keys, s.asked = s.New(cfg), l.Group, map[timerKey]uint64{}, nil, nil
	s.say(line{"op": "ready"})
	s.step(impl.Input{Kind: impl.Start, Num: uint64(l.Incarnation)})
	if s.Hello["disk"] != true {
		s.step(impl.Input{Kind: impl.Ready})
	}
	return nil
}

// step lets the stack take in an input, and makes lines of its effects.
func (s *Stack) step(in impl.Input) {
	in.Now = s.now
	out := impl.NewEffects(new(impl.Arena))
	s.layer.Step(in, out)
	for i := range out.List {
		s.effect(&out.List[i])
	}
}

func (s *Stack) effect(e *impl.Effect) {
	switch e.Kind {
	case impl.Down:
		s.say(line{"op": "packet", "to": name(e.To), "data": append([]byte{}, e.Body...)})
	case impl.SetTimer:
		s.say(line{"op": "timer", "id": s.timer(e), "after": max(0, int64(e.At-s.now))})
	case impl.StopTimer:
		s.say(line{"op": "cancel", "id": s.timer(e)})
	case impl.Append:
		s.say(line{"op": "append", "data": record(e.Layer, false, e.Body)})
	case impl.Truncate:
		s.say(line{"op": "append", "data": record(e.Layer, true, binary.BigEndian.AppendUint64(nil, e.Num))})
	case impl.Persist:
		s.asked = append(s.asked, persistKey{e.Layer, e.Ref})
		s.say(line{"op": "persist", "id": len(s.asked)})
	case impl.Up:
		if body, id, ok := impl.Open(e.Body); ok && e.To == impl.Everyone {
			d := line{"op": "deliver", "group": s.group, "msg": id.String(), "from": name(e.From), "body": append([]byte{}, body...), "redelivered": e.Flag}
			if e.Num > 0 {
				d["pos"] = e.Num
			}
			s.say(d)
		}
	case impl.Acknowledge:
		s.say(line{"op": "done", "of": e.Ref})
	case impl.Refuse:
		s.say(line{"op": "error", "of": e.Ref, "code": e.Code.String(), "definite": true})
	case impl.Finish:
		if e.Ref < impl.RestoreRef { // the protocol has no word for a state that is handed over
			done := line{"op": "done", "of": e.Ref}
			if members, ok := impl.ReadMembers(e.Body); ok && len(e.Body) > 0 {
				done["members"] = names(members)
			}
			s.say(done)
		}
	case impl.InstallView:
		s.say(line{"op": "view", "group": s.group, "view": e.View.ID.String(), "members": names(e.View.Members)})
	case impl.Block, impl.Unblock:
		s.say(line{"op": e.Kind.String()})
	case impl.Suspect, impl.Trust:
		s.say(line{"op": e.Kind.String(), "node": name(e.From)})
	case impl.Gap:
		s.say(line{"op": "gap", "from": name(e.From), "first": e.Num, "last": e.Last})
	}
}

func name(n spec.NodeID) string { return strconv.Itoa(int(n)) }

func names(list []spec.NodeID) []string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = name(n)
	}
	return out
}

// timer gives a timer the number that the harness knows it by.
func (s *Stack) timer(e *impl.Effect) uint64 {
	k := timerKey{e.Layer, e.Num}
	if s.timers[k] == 0 {
		s.keys = append(s.keys, k)
		s.timers[k] = uint64(len(s.keys))
	}
	return s.timers[k]
}

// A log holds the logs of all layers: records of a layer, whether it is cut short, and what is appended.
const recordHeader = 7

func record(layer impl.Path, cut bool, body []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(layer))
	b = append(b, 0)
	if cut {
		b[2] = 1
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(body))), body...)
}

type log struct {
	layer impl.Path
	bytes []byte
}

// logsOf takes the logs of the layers apart, in the order of their first records. The end may be cut anywhere.
func logsOf(b []byte) (logs []log) {
	for len(b) >= recordHeader {
		layer, cut, n := impl.Path(binary.BigEndian.Uint16(b)), b[2] == 1, int(binary.BigEndian.Uint32(b[3:]))
		b = b[recordHeader:]
		n = min(n, len(b))
		i := slices.IndexFunc(logs, func(l log) bool { return l.layer == layer })
		if i < 0 {
			i, logs = len(logs), append(logs, log{layer: layer})
		}
		switch {
		case !cut:
			logs[i].bytes = append(logs[i].bytes, b[:n]...)
		case n == 8:
			logs[i].bytes = logs[i].bytes[min(int(binary.BigEndian.Uint64(b)), len(logs[i].bytes)):]
		}
		b = b[n:]
	}
	return logs
}

// StackCommand gives the command of a test binary that becomes the program of a stack; what it claims and tolerates are
// lists with commas.
func StackCommand(stack, claims, tolerates string) []string {
	return append(Command(stack, claims), tolerates)
}

// StackArgs reads such a command's arguments, where there are any.
func StackArgs(args []string) (stack string, claims, tolerates []string, ok bool) {
	if len(args) < 5 || args[1] != mark || !strings.Contains(args[2], "/") {
		return "", nil, nil, false
	}
	split := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return r == ',' })
	}
	return args[2], split(args[3]), split(args[4]), true
}
