package linear

import (
	"slices"
	"strconv"
	"strings"

	"github.com/conform-go/conform/spec"
)

// returns of the group server, and the calls that they answer.
var returns = map[spec.Kind]spec.Kind{
	spec.Joined: spec.Join, spec.Left: spec.Leave, spec.Answered: spec.Query, spec.Created: spec.Create, spec.Destroyed: spec.Destroy,
}

// The operations that nobody calls: the server removes a node that it takes for dead, and lets it in again when it hears
// it, or when it comes back and joins by itself.
const (
	removal  = "remove"
	comeback = "come-back"
)

var callNames = map[spec.Kind]string{
	spec.Join: "join", spec.Leave: "leave", spec.Query: "query", spec.Create: "create", spec.Destroy: "destroy",
}

// readGroups reads the calls and returns of group operations. Where a return tells members, they are those after it.
func readGroups(h *spec.History) ([]object, string) {
	all := make([]object, len(h.Groups))
	for g := range all {
		all[g] = object{name: "group " + h.Groups[g].Name, model: groupModel(h, &h.Groups[g])}
	}
	pairs := newPairing()
	observed := false
	removed := map[spec.NodeID]bool{}
	for i := range h.Events {
		e := &h.Events[i]
		switch e.Kind {
		case spec.Crash:
			remove(all, removed, e.Node, i)
		case spec.Suspect:
			if e.Is(spec.HasTo) {
				remove(all, removed, e.To, i)
			}
		case spec.Trust:
			comeBack(all, removed, e.To, i)
		case spec.Recover:
			for n := range spec.NodeID(len(h.Nodes)) { // with the life of a server its suspicions end
				comeBack(all, removed, n, i)
			}
		}
		g := int(e.Group)
		if !e.Is(spec.HasNode|spec.HasGroup) || g < 0 || g >= len(all) {
			continue
		}
		if name, ok := callNames[e.Kind]; ok {
			observed = true
			if e.Kind == spec.Join {
				delete(removed, e.Node)
			}
			if slices.Contains(h.Byzantine, e.Node) {
				all[g].reason = "a Byzantine process called the server of " + all[g].name
			}
			pairs.call(h, e, place{g, len(all[g].ops)})
			all[g].ops = append(all[g].ops, operation{client: int(e.Node), call: i, ret: -1, in: input{op: name, node: e.Node}})
		} else if kind, ok := returns[e.Kind]; ok {
			if at, ok := pairs.answer(h, e, g, kind); ok && all[at.object].ops[at.op].ret < 0 {
				all[at.object].ops[at.op].member(i, h.ExtraOf(e))
			}
		}
	}
	if !observed {
		return nil, "not observed: join"
	}
	for g := range all {
		all[g].ops = slices.DeleteFunc(all[g].ops, func(op operation) bool { return op.in.op == refused })
		if all[g].returned() == 0 {
			all[g].ops = nil
		}
	}
	return all, ""
}

// remove lets the server take a node out of all groups at any time from now on, once until it is heard of again.
func remove(all []object, removed map[spec.NodeID]bool, n spec.NodeID, i int) {
	if removed[n] {
		return
	}
	removed[n] = true
	for g := range all {
		all[g].ops = append(all[g].ops, operation{client: int(n), call: i, ret: -1, in: input{op: removal, node: n}})
	}
}

// comeBack lets the server take in again a node that it may have removed, at any time from now on, once.
func comeBack(all []object, removed map[spec.NodeID]bool, n spec.NodeID, i int) {
	if !removed[n] {
		return
	}
	delete(removed, n)
	for g := range all {
		all[g].ops = append(all[g].ops, operation{client: int(n), call: i, ret: -1, in: input{op: comeback, node: n}})
	}
}

// member takes in the answer of a group operation.
func (op *operation) member(i int, x *spec.Extra) {
	op.ret, op.out = i, "ok"
	if x.Reason != "" {
		op.in.op = refused
	}
	if len(x.Members) > 0 || x.Members != nil && op.in.op == "query" {
		op.out = setOf(x.Members)
	}
}

// setOf gives a set of nodes as a text, in ascending order.
func setOf(nodes []spec.NodeID) string {
	list := slices.Clone(nodes)
	slices.Sort(list)
	text := make([]string, 0, len(list))
	for _, n := range slices.Compact(list) {
		text = append(text, strconv.Itoa(int(n)))
	}
	return "{" + strings.Join(text, " ") + "}"
}

func nodesOf(set string) (out []spec.NodeID) {
	for _, w := range strings.Fields(strings.Trim(set, "{}")) {
		n, _ := strconv.Atoi(w)
		out = append(out, spec.NodeID(n))
	}
	return out
}

// groupModel is a set of members. A group is created empty, and destroyed with all its members.
func groupModel(h *spec.History, g *spec.Group) *model {
	return &model{
		name: "group server", init: setOf(g.Members),
		describe: func(in input, out string) string {
			text := in.op
			if in.op != "query" {
				text += "(" + h.NodeName(in.node) + ")"
			}
			if out != unknown && out != "ok" {
				text += " = " + out
			}
			return text
		},
		step: func(state string, in input, out string) (bool, string) {
			list, next := nodesOf(state), state
			switch in.op {
			case "join", comeback:
				next = setOf(append(list, in.node))
			case "leave", removal:
				next = setOf(slices.DeleteFunc(list, func(n spec.NodeID) bool { return n == in.node }))
			case "destroy":
				next = setOf(nil)
			case "create":
				if len(list) > 0 && out != unknown {
					return false, state
				}
			}
			return out == unknown || out == "ok" || out == next, next
		},
	}
}
