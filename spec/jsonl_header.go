package spec

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// HistorySchema is the schema that the first line of a history names.
const HistorySchema = "conform.history/1"

const headerExample = `{"schema":"conform.history/1","nodes":["0","1"],"groups":{"g":["0","1"]},"model":"crash-stop","settled":true}`

var headerNames = []string{"schema", "nodes", "groups", "closed", "model", "byzantine", "settled",
	"epsilon", "bounds", "costs", "topology"}

// names maps what a history calls its nodes and groups to their ids.
type names struct {
	nodes  map[string]NodeID
	groups map[string]GroupID
}

// header reads the first line; the reason is empty when all is well.
func (r *Reader) header(line []byte) (reason string) {
	s := scanner{b: line}
	fields, ok := s.line(nil)
	if !ok {
		return s.reason() + "; the first line is the header, as " + headerExample
	}
	byName := make(map[string][]byte, len(fields))
	for _, f := range fields {
		name := string(f.name)
		if !slices.Contains(headerNames, name) {
			r.h.Header.Unknown = appendField(r.h.Header.Unknown, f)
			continue
		}
		if _, twice := byName[name]; twice {
			return fmt.Sprintf("field %q twice", name)
		}
		byName[name] = f.value
	}
	if byName["schema"] == nil {
		return fmt.Sprintf("no schema: want %q first, in a header as %s", HistorySchema, headerExample)
	}
	if schema, ok := unquote(byName["schema"]); !ok || string(schema) != HistorySchema {
		return fmt.Sprintf("unknown schema %s: want %q", excerpt(byName["schema"]), HistorySchema)
	}
	if byName["nodes"] == nil {
		return "header without nodes: want " + headerExample
	}
	// Nodes stand first: groups name them. Closed stands behind groups.
	for _, step := range [...]struct {
		name string
		read func([]byte) string
	}{{"nodes", r.readNodes}, {"groups", r.readGroups}, {"closed", r.readClosed}, {"model", r.readModel}, {"byzantine", r.readByzantine},
		{"settled", r.readSettled}, {"epsilon", r.readEpsilon}, {"bounds", r.readBounds},
		{"costs", r.readCosts}, {"topology", r.readTopology}} {
		if v := byName[step.name]; v != nil {
			if reason := step.read(v); reason != "" {
				return fmt.Sprintf("field %q: %s", step.name, reason)
			}
		}
	}
	return ""
}

func (r *Reader) readNodes(v []byte) string {
	return eachText(v, "a list of node names", func(name []byte) string {
		if len(name) == 0 {
			return "empty node name"
		}
		if _, twice := r.names.nodes[string(name)]; twice {
			return fmt.Sprintf("node %q twice: want each name once", name)
		}
		r.names.nodes[string(name)] = NodeID(len(r.h.Nodes))
		r.h.Nodes = append(r.h.Nodes, string(name))
		return ""
	})
}

func (r *Reader) readGroups(v []byte) string {
	fields, ok := objectFields(v)
	if !ok {
		return "want an object of groups with their members, found " + excerpt(v)
	}
	for _, f := range fields {
		g := Group{Name: string(f.name)}
		if g.Name == "" {
			return "empty group name"
		}
		seen := make(map[NodeID]bool) // a list may be long, so that Group.Is would take too long
		if reason := eachText(f.value, fmt.Sprintf("a list of the members of %q", g.Name), func(name []byte) string {
			n, reason := r.node(name)
			if reason == "" && seen[n] {
				return fmt.Sprintf("node %q twice in %q", name, g.Name)
			}
			seen[n] = true
			g.Members = append(g.Members, n)
			return reason
		}); reason != "" {
			return reason
		}
		r.h.Groups = append(r.h.Groups, g)
	}
	slices.SortStableFunc(r.h.Groups, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
	for i, g := range r.h.Groups {
		if _, twice := r.names.groups[g.Name]; twice {
			return fmt.Sprintf("group %q twice: want each name once", g.Name)
		}
		r.names.groups[g.Name] = GroupID(i)
	}
	return ""
}

func (r *Reader) readClosed(v []byte) string {
	return eachText(v, "a list of group names", func(name []byte) string {
		g, reason := r.group(name)
		if reason == "" {
			r.h.Groups[g].Closed = true
		}
		return reason
	})
}

func (r *Reader) readModel(v []byte) string {
	text, _ := unquote(v)
	switch string(text) {
	case CrashStop.String():
		r.h.Model = CrashStop
	case CrashRecovery.String():
		r.h.Model = CrashRecovery
	default:
		return fmt.Sprintf("want %q or %q, found %s", CrashStop, CrashRecovery, excerpt(v))
	}
	return ""
}

func (r *Reader) readByzantine(v []byte) string { return r.readSet(v, &r.h.Byzantine) }

func (r *Reader) readSettled(v []byte) (reason string) {
	r.h.Settled, reason = boolean(v)
	return reason
}

func (r *Reader) readEpsilon(v []byte) string {
	ns, reason := natural(v, math.MaxInt64, "nanoseconds, a whole number from 0")
	r.h.Epsilon = time.Duration(ns)
	return reason
}

func (r *Reader) readBounds(v []byte) string {
	fields, ok := objectFields(v)
	if !ok {
		return "want an object of requirements with their bounds, found " + excerpt(v)
	}
	for _, f := range fields {
		ns, reason := natural(f.value, math.MaxInt64, "nanoseconds, a whole number from 0")
		if reason != "" {
			return fmt.Sprintf("%q: %s", f.name, reason)
		}
		if _, twice := r.h.Bounds[string(f.name)]; twice {
			return fmt.Sprintf("%q twice", f.name)
		}
		if r.h.Bounds == nil {
			r.h.Bounds = make(map[string]time.Duration)
		}
		r.h.Bounds[string(f.name)] = time.Duration(ns)
	}
	return ""
}

// node gives the node of a name.
func (r *Reader) node(name []byte) (NodeID, string) {
	if n, ok := r.names.nodes[string(name)]; ok {
		return n, ""
	}
	return 0, fmt.Sprintf("unknown node %s: want %s", strconv.Quote(clip(string(name))), oneOf(r.h.Nodes))
}

// group gives the group of a name.
func (r *Reader) group(name []byte) (GroupID, string) {
	if g, ok := r.names.groups[string(name)]; ok {
		return g, ""
	}
	known := make([]string, len(r.h.Groups))
	for i := range known {
		known[i] = r.h.Groups[i].Name
	}
	return 0, fmt.Sprintf("unknown group %s: want %s", strconv.Quote(clip(string(name))), oneOf(known))
}
