// Package linear judges whether the operations on an object have an order, compatible with real time, in which every
// answer is the one that a single copy would give (Herlihy, Wing, Linearizability, ACM TOPLAS 12(3), 1990). The search is
// that of github.com/anishathalye/porcupine, which the other judges must not pay for: so it has a package of its own.
//
// # Objects
//
// An operation is an invoke event and the return event of it; group operations are join, leave, query, create and destroy
// and their returns. What is before what, the order of the events says. The operations tell what an object is:
//
//	next, fetch                a number server: each answer is the next number
//	read, write                a register: read answers what was written last, null at first
//	get, put, add              a record, which is a register to whose number something can be added: add answers the sum
//	append, list               a bulletin board: list answers all that was appended, in order
//
// An operation named local-read is answered by a replica by itself. That is promised to be sequentially consistent at
// most, and so it takes no part here.
//
// An operation that never returned may have happened, or not; one that returned with a reason was refused, and has not.
// A node that crashes, or that somebody suspects, may be removed from its groups at any time after that.
package linear

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/conform-go/conform/spec"
)

// The requirements that this package judges.
const (
	Sequence   spec.ID = "SEQUENCE-LINEARIZABLE"
	Membership spec.ID = "MEMBERSHIP-LINEARIZABLE"
	State      spec.ID = "STATE-LINEARIZABLE"
)

// Judged lists them, in the order of the catalogue.
func Judged() []spec.ID { return []spec.ID{Sequence, Membership, State} }

// Options of a check; the zero value is ready.
type Options struct {
	Deadline time.Duration // for all objects together; 0 is ten seconds. What is undecided by then is inconclusive
	Before   uint64        // the last number that the number server had given before the history began
}

// Check judges one requirement. The antecedents are the operations that returned, on objects with two or more.
func Check(h *spec.History, id spec.ID, o Options) spec.Finding {
	f := spec.Finding{ID: id, Verdict: spec.Inconclusive}
	objects, reason := read(h, id, o)
	if reason != "" {
		f.Reason = reason
		return f
	}
	c := begin(o)
	for k := range objects {
		x := &objects[k]
		if len(x.ops) < 2 {
			continue
		}
		if x.reason != "" {
			f.Reason = x.reason
			continue
		}
		f.Antecedents += x.returned()
		switch c.search(x, x.ops) {
		case porcupine.Unknown:
			f.Reason = "undecided within the deadline"
		case porcupine.Illegal:
			f.Verdict, f.Reason = spec.Fail, ""
			f.Antecedents = max(f.Antecedents, 1)
			f.Witness = c.witness(h, x)
			return f
		}
	}
	switch {
	case f.Reason != "":
	case f.Antecedents == 0:
		f.Reason = "vacuous: no two operations on one object, one of which returned"
	default:
		f.Verdict = spec.Pass
	}
	return f
}

// Draw writes a page that shows the operations on the first object that is not linearizable, or else on the first there
// is, and how far they can be put in order. The error is of the writer, or says that there is nothing to draw.
func Draw(w io.Writer, h *spec.History, id spec.ID, o Options) error {
	objects, reason := read(h, id, o)
	if reason != "" {
		return fmt.Errorf("nothing to draw: %s", reason)
	}
	c := begin(o)
	var first *object
	var shown porcupine.LinearizationInfo
	for k := range objects {
		x := &objects[k]
		if x.reason != "" || len(x.ops) == 0 {
			continue
		}
		result, info := c.searchAll(x, x.ops)
		if first == nil || result == porcupine.Illegal {
			first, shown = x, info
		}
		if result == porcupine.Illegal {
			break
		}
	}
	if first == nil {
		return fmt.Errorf("nothing to draw: no operation on an object that has a model")
	}
	return porcupine.Visualize(first.model.described(nil), shown, w)
}

// searching keeps the deadline.
type searching struct{ until time.Time }

func begin(o Options) *searching {
	if o.Deadline <= 0 {
		o.Deadline = 10 * time.Second
	}
	return &searching{until: time.Now().Add(o.Deadline)}
}

// search asks porcupine whether the operations have an order.
func (c *searching) search(x *object, ops []operation) porcupine.CheckResult {
	return c.within(x, func(m porcupine.Model, left time.Duration) porcupine.CheckResult {
		return porcupine.CheckOperationsTimeout(m, history(ops), left)
	})
}

// searchAll asks porcupine too how far the operations have an order, which takes longer.
func (c *searching) searchAll(x *object, ops []operation) (result porcupine.CheckResult, info porcupine.LinearizationInfo) {
	result = c.within(x, func(m porcupine.Model, left time.Duration) (r porcupine.CheckResult) {
		r, info = porcupine.CheckOperationsVerbose(m, history(ops), left)
		return r
	})
	return result, info
}

// within keeps the deadline of a search. Porcupine's own timeout is looked at only now and then, so that the model ends
// the search too: once the deadline has passed no step is possible any more, and what comes of that is no result.
func (c *searching) within(x *object, search func(porcupine.Model, time.Duration) porcupine.CheckResult) porcupine.CheckResult {
	left := time.Until(c.until)
	if left <= 0 {
		return porcupine.Unknown
	}
	var expired atomic.Bool
	var steps atomic.Uint32
	result := search(x.model.described(func() bool {
		if steps.Add(1)%256 == 0 && time.Now().After(c.until) {
			expired.Store(true)
		}
		return expired.Load()
	}), left)
	if expired.Load() {
		return porcupine.Unknown
	}
	return result
}

// history gives the operations as porcupine wants them. One that did not return ends behind all others: whatever it
// does there is as if it had not happened.
func history(ops []operation) []porcupine.Operation {
	end := int64(0)
	for _, op := range ops {
		end = max(end, int64(op.call)+1, int64(op.ret)+1)
	}
	out := make([]porcupine.Operation, len(ops))
	for i, op := range ops {
		out[i] = porcupine.Operation{ClientId: op.client, Input: op.in, Call: int64(op.call), Output: op.out, Return: int64(op.ret)}
		if op.ret < 0 {
			end++
			out[i].Return = end
		}
	}
	return out
}

// witness finds the shortest beginning of the history that has no order: linearizable histories have only linearizable
// beginnings. Its last event is an answer that nothing explains.
func (c *searching) witness(h *spec.History, x *object) *spec.Witness {
	low, high := 0, len(h.Events) // the first low events have an order, the first high have none
	for high-low > 1 {
		mid := (low + high) / 2
		result := c.search(x, upTo(x.ops, mid))
		if result == porcupine.Unknown {
			break
		}
		if result == porcupine.Ok {
			low = mid
		} else {
			high = mid
		}
	}
	return tell(h, x, upTo(x.ops, high))
}

// upTo gives the operations among the first n events: those that had begun, and their answers as far as they had come.
func upTo(ops []operation, n int) []operation {
	var out []operation
	for _, op := range ops {
		if op.call >= n {
			continue
		}
		if op.ret >= n {
			op.ret, op.out = -1, unknown
		}
		out = append(out, op)
	}
	return out
}

// shown is how many operations a witness tells of at most.
const shown = 12

// tell puts the operations in words: all of them, or only the last answer where they are many.
func tell(h *spec.History, x *object, ops []operation) *spec.Witness {
	last := 0
	for k := range ops {
		if ops[k].ret > ops[last].ret {
			last = k
		}
	}
	text := "no order of the operations on " + x.name + " explains that " + sentence(h, x, ops[last])
	list := []operation{ops[last]}
	if len(ops) <= shown {
		list = ops
		var others []string
		for k, op := range ops {
			if k != last {
				others = append(others, sentence(h, x, op))
			}
		}
		if len(others) > 0 {
			text += "; " + strings.Join(others, "; ")
		}
	} else {
		text += fmt.Sprintf(", after %d others", len(ops)-1)
	}
	return &spec.Witness{Text: text, Events: events(list)}
}

func sentence(h *spec.History, x *object, op operation) string {
	who := "process " + h.NodeName(h.Events[op.call].Node)
	what := x.model.describe(op.in, op.out)
	from := milliseconds(h.Events[op.call].T)
	switch {
	case op.in.op == removal:
		return fmt.Sprintf("process %s may have been removed from %s on", h.NodeName(op.in.node), from)
	case op.ret < 0:
		return fmt.Sprintf("%s called %s at %s and had no answer", who, what, from)
	}
	return fmt.Sprintf("%s called %s from %s to %s", who, what, from, milliseconds(h.Events[op.ret].T))
}

func milliseconds(t spec.Time) string {
	return strconv.FormatFloat(float64(t)/1e6, 'f', -1, 64) + " ms"
}
