package spec

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
)

func appendCosts(b []byte, h *Header) []byte {
	if len(h.Costs) == 0 {
		return b
	}
	b = append(b, `,"costs":{`...)
	for i, name := range slices.Sorted(maps.Keys(h.Costs)) {
		b = strconv.AppendInt(append(appendListed(b, i, name), ':'), int64(h.Costs[name]), 10)
	}
	return append(b, '}')
}

func appendTopology(b []byte, h *Header) []byte {
	n := h.Topology
	if n == nil {
		return b
	}
	b = append(b, `,"topology":{`...)
	start := len(b)
	if len(n.Links) > 0 {
		b = append(b, `,"links":[`...)
		for i := range n.Links {
			b = appendLink(b, i, &n.Links[i], h)
		}
		b = append(b, ']')
	}
	b = appendSet(b, `,"routers":`, n.Routers, h)
	b = appendSet(b, `,"switches":`, n.Switches, h)
	b = appendSet(b, `,"rps":`, n.RPs, h)
	b = appendWord(b, `,"routing":`, n.Routing, false)
	if n.IGMP != 0 {
		b = strconv.AppendInt(append(b, `,"igmp":`...), int64(n.IGMP), 10)
	}
	if len(n.Versions) > 0 {
		b = appendRow(append(b, `,"versions":`...), 0, n.Versions)
	}
	if len(n.Metrics) > 0 {
		b = append(b, `,"metrics":[`...)
		for i := range h.Nodes {
			b = appendRow(b, i, n.Metrics[i*len(h.Nodes):(i+1)*len(h.Nodes)])
		}
		b = append(b, ']')
	}
	if len(b) > start {
		b = slices.Delete(b, start, start+1) // the comma before the first
	}
	return append(b, '}')
}

func appendLink(b []byte, i int, l *Link, h *Header) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	b = appendText(append(b, `{"name":`...), l.Name)
	if l.Metric != 0 {
		b = strconv.AppendInt(append(b, `,"metric":`...), int64(l.Metric), 10)
	}
	return append(appendSet(b, `,"nodes":`, l.Nodes, h), '}')
}

func appendSet(b []byte, name string, nodes []NodeID, h *Header) []byte {
	if len(nodes) == 0 {
		return b
	}
	b = append(append(b, name...), '[')
	for i, n := range nodes {
		b = appendListed(b, i, h.Nodes[n])
	}
	return append(b, ']')
}

func appendRow(b []byte, i int, row []int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	for k, metric := range row {
		if k > 0 {
			b = append(b, ',')
		} else {
			b = append(b, '[')
		}
		b = strconv.AppendInt(b, int64(metric), 10)
	}
	return append(b, ']')
}

// checkNetwork says why what a header says of the network could not be read again.
func checkNetwork(h *Header) error {
	for name, cost := range h.Costs {
		if cost < 0 || cost > math.MaxInt32 {
			return fmt.Errorf("cost %d of %q is not from 0 to %d", cost, name, math.MaxInt32)
		}
	}
	n := h.Topology
	if n == nil {
		return nil
	}
	seen := make(map[string]bool, len(n.Links))
	for i := range n.Links {
		l := &n.Links[i]
		switch {
		case l.Name == "" || seen[l.Name]:
			return fmt.Errorf("link name %q is empty or stands twice", l.Name)
		case l.Metric < 0 || l.Metric > math.MaxInt32:
			return fmt.Errorf("metric %d of link %q is not from 0 to %d", l.Metric, l.Name, math.MaxInt32)
		case !slices.IsSorted(l.Nodes):
			return fmt.Errorf("the nodes of link %q are not in ascending order", l.Name)
		}
		seen[l.Name] = true
		if err := checkSet(l.Nodes, fmt.Sprintf("link %q", l.Name), h); err != nil {
			return err
		}
	}
	for _, set := range [...]struct {
		nodes []NodeID
		what  string
	}{{n.Routers, "the routers"}, {n.Switches, "the switches"}, {n.RPs, "the RPs"}} {
		if err := checkSet(set.nodes, set.what, h); err != nil {
			return err
		}
	}
	switch {
	case !knownRouting(n.Routing):
		return fmt.Errorf("routing %q is none of \"dense\", \"sparse\" and \"\"", n.Routing)
	case n.IGMP < 0 || n.IGMP > 3:
		return fmt.Errorf("IGMP version %d is not from 0 to 3", n.IGMP)
	case len(n.Versions) != 0 && len(n.Versions) != len(h.Nodes):
		return fmt.Errorf("%d versions of IGMP: want %d, as there are nodes", len(n.Versions), len(h.Nodes))
	case slices.ContainsFunc(n.Versions, func(v int) bool { return v < 0 || v > 3 }):
		return fmt.Errorf("the versions of IGMP %v are not all from 0 to 3", n.Versions)
	case len(n.Metrics) != 0 && len(n.Metrics) != len(h.Nodes)*len(h.Nodes):
		return fmt.Errorf("%d metrics: want %d rows of %d, as there are nodes", len(n.Metrics), len(h.Nodes), len(h.Nodes))
	}
	for _, metric := range n.Metrics {
		if metric != int(int32(metric)) {
			return fmt.Errorf("metric %d needs more than 32 bits", metric)
		}
	}
	return nil
}

func checkSet(nodes []NodeID, what string, h *Header) error {
	seen := make(map[NodeID]bool, len(nodes))
	for _, n := range nodes {
		if n < 0 || int(n) >= len(h.Nodes) || seen[n] {
			return fmt.Errorf("node %d of %s is no node or stands twice", n, what)
		}
		seen[n] = true
	}
	return nil
}
