package linear

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/conform-go/conform/spec"
)

// unknown is the output of an operation that did not return.
const unknown = ""

// input of an operation.
type input struct {
	op, value string
	node      spec.NodeID // group operations: who joins, leaves or is removed
}

// operation on an object. Its output is the answer as JSON text without blanks.
type operation struct {
	client    int
	call, ret int // events; ret is -1 if it did not return
	in        input
	out       string
}

// object is what operations are about, by its name.
type object struct {
	name   string
	model  *model
	ops    []operation
	reason string // why it can't be judged
}

func (x *object) returned() (n int) {
	for _, op := range x.ops {
		if op.ret >= 0 {
			n++
		}
	}
	return n
}

// events of operations, in order.
func events(ops []operation) []int {
	var out []int
	for _, op := range ops {
		out = append(out, op.call)
		if op.ret >= 0 {
			out = append(out, op.ret)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// read finds the objects that a requirement is about, and the operations on each.
func read(h *spec.History, id spec.ID, o Options) ([]object, string) {
	switch id {
	case Sequence, State:
		return readObjects(h, id, o)
	case Membership:
		return readGroups(h)
	}
	return nil, "not judged by this version"
}

// pairing matches returns with calls: by the id of the call, or, where a return has none, with the last open call of
// that node on that object.
type pairing struct {
	byID map[[2]uint64]place
	open map[spoken]place
}

// place of an operation: object and index.
type place struct{ object, op int }

// spoken is who does what to which object.
type spoken struct {
	node   spec.NodeID
	object int
	kind   spec.Kind
}

func newPairing() *pairing {
	return &pairing{byID: map[[2]uint64]place{}, open: map[spoken]place{}}
}

func (p *pairing) call(h *spec.History, e *spec.Event, at place) {
	if e.Is(spec.HasID) {
		p.byID[[2]uint64{uint64(e.Node), h.ExtraOf(e).ID}] = at
	}
	p.open[spoken{e.Node, at.object, e.Kind}] = at
}

func (p *pairing) answer(h *spec.History, e *spec.Event, object int, kind spec.Kind) (place, bool) {
	if e.Is(spec.HasOf) {
		at, ok := p.byID[[2]uint64{uint64(e.Node), h.ExtraOf(e).Of}]
		return at, ok
	}
	at, ok := p.open[spoken{e.Node, object, kind}]
	return at, ok
}

// readObjects reads invoke and return events.
func readObjects(h *spec.History, id spec.ID, o Options) ([]object, string) {
	var all []object
	names := map[string]int{}
	find := func(name string) int {
		k, ok := names[name]
		if !ok {
			k = len(all)
			names[name] = k
			all = append(all, object{name: name})
		}
		return k
	}
	pairs := newPairing()
	observed := false
	for i := range h.Events {
		e := &h.Events[i]
		if e.Kind != spec.Invoke && e.Kind != spec.Return {
			continue
		}
		x := h.ExtraOf(e)
		if e.Kind == spec.Invoke {
			observed = true
			k := find(x.Object)
			pairs.call(h, e, place{k, len(all[k].ops)})
			all[k].ops = append(all[k].ops, operation{client: int(e.Node), call: i, ret: -1, in: input{op: x.Op, value: compact(x.Value)}})
			if slices.Contains(h.Byzantine, e.Node) {
				all[k].reason = "a Byzantine process invoked operations on " + x.Object
			}
			continue
		}
		at, ok := pairs.answer(h, e, find(x.Object), spec.Invoke)
		if !ok || all[at.object].ops[at.op].ret >= 0 {
			continue
		}
		all[at.object].ops[at.op].settle(i, x)
	}
	if !observed {
		return nil, "not observed: invoke"
	}
	for k := range all {
		all[k].sort(id, o)
	}
	return slices.DeleteFunc(all, func(x object) bool { return x.model == nil && x.reason == "" }), ""
}

// settle takes in the answer. A refusal is kept until the operations are sorted.
func (op *operation) settle(i int, x *spec.Extra) {
	op.ret, op.out = i, compact(x.Value)
	if x.Reason != "" {
		op.in.op = refused
	} else if op.out == unknown {
		op.out = "null"
	}
}

const refused = "refused"

// sort leaves out what takes no part, and finds the model; none if the object is not what the requirement is about.
func (x *object) sort(id spec.ID, o Options) {
	x.ops = slices.DeleteFunc(x.ops, func(op operation) bool { return op.in.op == refused || op.in.op == "local-read" })
	for _, op := range x.ops {
		m := modelOf(op.in.op, o)
		switch {
		case m == nil && id == State:
			x.model, x.reason = nil, fmt.Sprintf("no model has the operation %q of %s", op.in.op, x.name)
			return
		case m == nil:
			x.model, x.reason = nil, ""
			return
		case x.model == nil:
			x.model = m
		case x.model.name != m.name:
			x.model, x.reason = nil, fmt.Sprintf("no model has all operations on %s", x.name)
			return
		}
	}
	if x.model != nil && (x.model.name == numberServer) != (id == Sequence) || x.model == nil {
		x.model, x.reason = nil, ""
	}
}

// compact gives JSON text without blanks; what is no JSON stays as it is.
func compact(s string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(s)) != nil {
		return s
	}
	return b.String()
}

func number(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}
