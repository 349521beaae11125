package spec

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// The header's words on the network: its topology, and what a send may cost. As in the rest of the header, nodes go by
// their names, and what is empty is not written.

var topologyNames = []string{"links", "routers", "switches", "rps", "routing", "igmp", "versions", "metrics"}

var linkNames = []string{"name", "metric", "nodes"}

// namedFields gives the fields of an object that has only these names, and each once.
func namedFields(v []byte, what string, names []string) (map[string][]byte, string) {
	fields, ok := objectFields(v)
	if !ok {
		return nil, "want " + what + ", found " + excerpt(v)
	}
	byName := make(map[string][]byte, len(fields))
	for _, f := range fields {
		name := string(f.name)
		if !slices.Contains(names, name) {
			return nil, fmt.Sprintf("unknown field %s: want %s", strconv.Quote(clip(name)), oneOf(names))
		}
		if _, twice := byName[name]; twice {
			return nil, fmt.Sprintf("field %q twice", name)
		}
		byName[name] = f.value
	}
	return byName, ""
}

func (r *Reader) readTopology(v []byte) string {
	byName, reason := namedFields(v, "an object with links, routers and more", topologyNames)
	if reason != "" {
		return reason
	}
	n := &Topology{}
	r.h.Topology = n
	for _, step := range [...]struct {
		name string
		read func([]byte) string
	}{
		{"links", func(v []byte) string { return r.readLinks(v, n) }},
		{"routers", func(v []byte) string { return r.readSet(v, &n.Routers) }},
		{"switches", func(v []byte) string { return r.readSet(v, &n.Switches) }},
		{"rps", func(v []byte) string { return r.readSet(v, &n.RPs) }},
		{"routing", n.readRouting},
		{"igmp", func(v []byte) (reason string) {
			var version uint64
			version, reason = natural(v, 3, "the version, a whole number from 0 to 3")
			n.IGMP = int(version)
			return reason
		}},
		{"versions", func(v []byte) string { return n.readVersions(v, len(r.h.Nodes)) }},
		{"metrics", func(v []byte) string { return n.readMetrics(v, len(r.h.Nodes)) }},
	} {
		if v := byName[step.name]; v != nil {
			if reason := step.read(v); reason != "" {
				return fmt.Sprintf("%q: %s", step.name, reason)
			}
		}
	}
	return ""
}

func (r *Reader) readLinks(v []byte, n *Topology) string {
	seen := make(map[string]bool)
	return eachValue(v, "a list of links", func(v []byte) string {
		byName, reason := namedFields(v, "a link, an object with name, metric and nodes", linkNames)
		if reason != "" {
			return reason
		}
		var l Link
		if v := byName["name"]; v != nil {
			name, ok := unquote(v)
			if !ok {
				return "field \"name\": want a string, found " + excerpt(v)
			}
			l.Name = string(name)
		}
		if l.Name == "" || seen[l.Name] {
			return fmt.Sprintf("link name %s is empty or stands twice", strconv.Quote(clip(l.Name)))
		}
		seen[l.Name] = true
		if v := byName["metric"]; v != nil {
			metric, reason := natural(v, math.MaxInt32, "a whole number from 0")
			if reason != "" {
				return fmt.Sprintf("metric of %q: %s", l.Name, reason)
			}
			l.Metric = int(metric)
		}
		if v := byName["nodes"]; v != nil {
			if reason := r.readSet(v, &l.Nodes); reason != "" {
				return fmt.Sprintf("nodes of %q: %s", l.Name, reason)
			}
			slices.Sort(l.Nodes)
		}
		n.Links = append(n.Links, l)
		return ""
	})
}

// readSet reads a list of names of nodes, each once, in its order.
func (r *Reader) readSet(v []byte, nodes *[]NodeID) string {
	seen := make(map[NodeID]bool)
	return eachText(v, "a list of node names", func(name []byte) string {
		n, reason := r.node(name)
		if reason == "" && seen[n] {
			return fmt.Sprintf("node %q twice", name)
		}
		seen[n] = true
		*nodes = append(*nodes, n)
		return reason
	})
}

func (n *Topology) readRouting(v []byte) string {
	text, ok := unquote(v)
	if n.Routing = string(text); !ok || !knownRouting(n.Routing) {
		return `want "dense", "sparse" or "", found ` + excerpt(v)
	}
	return ""
}

func knownRouting(s string) bool { return s == "" || s == "dense" || s == "sparse" }

func (n *Topology) readVersions(v []byte, nodes int) string {
	reason := eachValue(v, "a list of versions of IGMP", func(v []byte) string {
		version, reason := natural(v, 3, "the version, a whole number from 0 to 3")
		n.Versions = append(n.Versions, int(version))
		return reason
	})
	if reason == "" && len(n.Versions) != nodes && len(n.Versions) != 0 {
		reason = fmt.Sprintf("want %d, as the header has nodes, found %d", nodes, len(n.Versions))
	}
	return reason
}

func (n *Topology) readMetrics(v []byte, nodes int) string {
	want := fmt.Sprintf("%d rows of %d numbers, as the header has nodes", nodes, nodes)
	rows := 0
	reason := eachValue(v, want, func(v []byte) string {
		columns := 0
		reason := eachValue(v, want, func(v []byte) string {
			metric, err := strconv.ParseInt(string(v), 10, 32)
			if err != nil {
				return "want a whole number, found " + excerpt(v)
			}
			columns++
			n.Metrics = append(n.Metrics, int(metric))
			return ""
		})
		if rows++; reason == "" && columns != nodes {
			reason = fmt.Sprintf("want %s, found %d in row %d", want, columns, rows)
		}
		return reason
	})
	if reason == "" && rows != nodes && rows != 0 {
		reason = fmt.Sprintf("want %s, found %d rows", want, rows)
	}
	return reason
}

func (r *Reader) readCosts(v []byte) string {
	fields, ok := objectFields(v)
	if !ok {
		return "want an object of requirements with their costs, found " + excerpt(v)
	}
	for _, f := range fields {
		packets, reason := natural(f.value, math.MaxInt32, "packets a send, a whole number from 0")
		if reason != "" {
			return fmt.Sprintf("%q: %s", f.name, reason)
		}
		if _, twice := r.h.Costs[string(f.name)]; twice {
			return fmt.Sprintf("%q twice", f.name)
		}
		if r.h.Costs == nil {
			r.h.Costs = make(map[string]int)
		}
		r.h.Costs[string(f.name)] = int(packets)
	}
	return ""
}
