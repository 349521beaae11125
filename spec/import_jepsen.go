package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// jepsenOp is an operation of a client, or of the nemesis, as Jepsen writes it as JSON.
type jepsenOp struct {
	Type    string          `json:"type"` // invoke, ok, fail, info
	F       string          `json:"f"`
	Value   json.RawMessage `json:"value"`
	Process json.RawMessage `json:"process"` // a number, or "nemesis"
	Time    int64           `json:"time"`    // ns
	Node    string          `json:"node"`    // to which the client talks; not all say
}

// ReadOperations reads a history of operations as Jepsen writes it, as JSON: an array of operations, or one a line. What
// maps is broadcasting:
//
//	broadcast, add, send    a send; ok acknowledges it, fail refuses it, and after info nothing is known
//	deliver                 with ok: a delivery
//	read                    with ok: the messages that the node has; those that it had not shown before are deliveries
//	kill, start             of the nemesis, on the nodes that the value names: a crash, and a recovery
//
// Values are the messages: each is sent once. A client talks to the node that it names, or else the process p to node
// p mod nodes. The order of a read is one of deliveries only if each read of a node begins with the one before it; if
// not, ordered is false, and nothing that was found about order means anything. Any other operation is an error that
// names it; other ones of the nemesis are left out. A run is settled if the caller knows that it was.
func ReadOperations(r io.Reader, nodes int, settled bool) (h *History, ordered bool, err error) {
	ops, err := readOps(r)
	if err != nil {
		return nil, false, err
	}
	x := operations{h: &History{Header: Header{Model: CrashRecovery, Settled: settled, Groups: []Group{{Name: "g"}}}},
		count: nodes, sends: map[string]MsgID{}, ordered: true}
	for n := range nodes {
		x.node(strconv.Itoa(n))
	}
	for _, first := range []bool{true, false} { // a delivery may be told before its send: first who sent what
		clear(x.lives)
		clear(x.down)
		for i := range ops {
			if err := x.take(&ops[i], first); err != nil {
				return nil, false, &SyntaxError{Line: i + 1, Reason: err.Error()}
			}
		}
	}
	for n := range x.h.Nodes {
		x.h.Groups[0].Members = append(x.h.Groups[0].Members, NodeID(n))
	}
	return x.h, x.ordered, nil
}

func readOps(r io.Reader) ([]jepsenOp, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var ops []jepsenOp
	if t := bytes.TrimSpace(b); len(t) > 0 && t[0] == '[' {
		if err := json.Unmarshal(t, &ops); err != nil {
			return nil, &SyntaxError{Line: 1, Reason: err.Error()}
		}
		return ops, nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	for {
		var op jepsenOp
		if err := d.Decode(&op); err == io.EOF {
			return ops, nil
		} else if err != nil {
			return nil, &SyntaxError{Line: len(ops) + 1, Reason: err.Error()}
		}
		ops = append(ops, op)
	}
}

// operations is a history in the making.
type operations struct {
	h       *History
	count   int              // of nodes, where clients don't name them
	sends   map[string]MsgID // by value
	numbers []uint64         // of sends, by node
	seen    [][]MsgID        // delivered, by node
	lives   []Incarnation    // recoveries so far, by node
	down    []bool
	ordered bool
}

func (x *operations) node(name string) NodeID {
	if i := slices.Index(x.h.Nodes, name); i >= 0 {
		return NodeID(i)
	}
	x.h.Nodes = append(x.h.Nodes, name)
	x.numbers, x.seen = append(x.numbers, 0), append(x.seen, nil)
	x.lives, x.down = append(x.lives, 0), append(x.down, false)
	return NodeID(len(x.h.Nodes) - 1)
}

// take adds an operation; in the first pass it only notes who sends what.
func (x *operations) take(op *jepsenOp, sends bool) error {
	var process int
	if err := json.Unmarshal(op.Process, &process); err != nil {
		x.nemesis(op, sends)
		return nil
	}
	name := op.Node
	switch {
	case name != "":
	case x.count > 0:
		name = strconv.Itoa(process % x.count)
	default:
		return fmt.Errorf("process %d names no node, and how many there are is not told", process)
	}
	n := x.node(name)
	value := string(bytes.TrimSpace(op.Value))
	switch op.F {
	case "broadcast", "add", "send":
		return x.send(op, n, value, sends)
	case "deliver":
		if !sends && op.Type == "ok" {
			x.deliver(op, n, value)
		}
	case "read":
		if !sends && op.Type == "ok" {
			return x.read(op, n)
		}
	default:
		return fmt.Errorf("operation %q does not map: want broadcast, add, send, deliver or read", op.F)
	}
	return nil
}

func (x *operations) send(op *jepsenOp, n NodeID, value string, first bool) error {
	if first {
		if op.Type != "invoke" {
			return nil
		}
		if _, twice := x.sends[value]; twice {
			return fmt.Errorf("value %s is sent a second time: which one is delivered can't be told", value)
		}
		x.numbers[n]++
		x.sends[value] = MsgID{Sender: n, Incarnation: x.lives[n], Number: x.numbers[n]}
		return nil
	}
	m, ok := x.sends[value]
	if !ok {
		return fmt.Errorf("%s of %s, which was never invoked", op.Type, value)
	}
	kind, ok := map[string]Kind{"invoke": Send, "ok": Ack, "fail": Refuse}[op.Type]
	if !ok { // nothing is known
		return nil
	}
	e := Event{T: Time(op.Time), Node: n, Kind: kind, Msg: m, Has: HasNode | HasGroup | HasMsg}
	switch kind {
	case Send:
		e.Sum, e.Has = x.h.ParseSum(value), e.Has|HasSum
		x.h.Add(e)
	case Refuse:
		x.h.AddExtra(e, Extra{Reason: "failed"})
	default:
		x.h.Add(e)
	}
	return nil
}

// deliver adds a delivery. What nobody has sent is a message of nobody: number 0 of the node itself.
func (x *operations) deliver(op *jepsenOp, n NodeID, value string) {
	m, ok := x.sends[value]
	if !ok {
		m = MsgID{Sender: n, Incarnation: x.lives[n]}
	}
	x.seen[n] = append(x.seen[n], m)
	x.h.Add(Event{T: Time(op.Time), Node: n, Kind: Deliver, Msg: m, Sum: x.h.ParseSum(value), Has: HasNode | HasGroup | HasMsg | HasSum})
}

// read delivers what a node has not shown before.
func (x *operations) read(op *jepsenOp, n NodeID) error {
	var values []json.RawMessage
	if err := json.Unmarshal(op.Value, &values); err != nil {
		return fmt.Errorf("read: the value is no list: %w", err)
	}
	before := len(x.seen[n])
	for i, v := range values {
		value := string(bytes.TrimSpace(v))
		m, known := x.sends[value]
		if known && slices.Contains(x.seen[n][:before], m) {
			x.ordered = x.ordered && i < before && x.seen[n][i] == m
			continue
		}
		x.ordered = x.ordered && i >= before
		x.deliver(op, n, value)
	}
	return nil
}

// nemesis adds crashes and recoveries.
func (x *operations) nemesis(op *jepsenOp, first bool) {
	kind, ok := map[string]Kind{"kill": Crash, "start": Recover}[op.F]
	if !ok || op.Type != "info" {
		return
	}
	var names []string
	byName := map[string]json.RawMessage{}
	if json.Unmarshal(op.Value, &names) != nil {
		if json.Unmarshal(op.Value, &byName) != nil {
			return // it is about to begin, and says no nodes
		}
		for name := range byName {
			names = append(names, name)
		}
		slices.Sort(names)
	}
	for _, name := range names {
		n := x.node(name)
		if x.down[n] == (kind == Crash) {
			continue
		}
		if x.down[n] = kind == Crash; !x.down[n] {
			x.lives[n]++
		}
		if !first {
			x.h.Add(Event{T: Time(op.Time), Node: n, Kind: kind, Has: HasNode})
		}
	}
}
