package suites

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/conform-go/conform/spec"
)

// Change is a listener that came or left, as a set-top box does that changes the channel, and how long the network
// took to follow.
type Change struct {
	Node   string `json:"node"`
	Group  string `json:"group"`
	Kind   string `json:"kind"`    // joined or left
	At     int64  `json:"at_ns"`   // since the scenario's start
	Took   int64  `json:"took_ns"` // joined: until the first datagram; left: until the last frame on its links. -1: there was none
	Stray  int    `json:"stray"`   // left: frames of the group on its links
	Nobody bool   `json:"nobody"`  // left: nobody else on its links listens
}

// changes measures every join and leave of a history, up to the node's next one.
func changes(h *spec.History) []Change {
	var out []Change
	for i := range h.Events {
		e := &h.Events[i]
		if e.Kind != spec.Joined && e.Kind != spec.Left {
			continue
		}
		c := Change{Node: h.NodeName(e.Node), Group: h.GroupName(e.Group), Kind: e.Kind.String(), At: int64(e.T), Took: -1}
		c.Nobody = e.Kind == spec.Left && !othersListen(h, e, i)
		for k := i + 1; k < len(h.Events); k++ {
			x := &h.Events[k]
			if x.Kind == spec.Join && x.Node == e.Node && x.Group == e.Group {
				break
			}
			data := x.Is(spec.HasGroup) && x.Group == e.Group && h.ExtraOf(x).Op == "data"
			switch {
			case !data:
			case e.Kind == spec.Joined && x.Kind == spec.Receive && x.Node == e.Node && x.From != e.Node:
				c.Took = int64(x.T - e.T)
			case e.Kind == spec.Left && x.Kind == spec.Frame && forwards(h, x.Node) && on(h, e.Node, h.ExtraOf(x).Link):
				c.Took = int64(x.T - e.T)
				c.Stray++
			}
			if e.Kind == spec.Joined && c.Took >= 0 {
				break
			}
		}
		out = append(out, c)
	}
	return out
}

// forwards says whether a node is a router or a switch.
func forwards(h *spec.History, n spec.NodeID) bool {
	return slices.Contains(h.Topology.Routers, n) || slices.Contains(h.Topology.Switches, n)
}

// on says whether a node is at an end of a link.
func on(h *spec.History, n spec.NodeID, link string) bool {
	l := h.Topology.Link(link)
	if l < 0 {
		return false
	}
	for _, m := range h.Topology.Links[l].Nodes {
		if m == n {
			return true
		}
	}
	return false
}

// othersListen says whether somebody else on the links of a node is in the group when it leaves.
func othersListen(h *spec.History, left *spec.Event, before int) bool {
	in := map[spec.NodeID]bool{}
	for _, m := range h.Groups[left.Group].Members {
		in[m] = true
	}
	for i := range h.Events[:before] {
		switch e := &h.Events[i]; {
		case e.Kind == spec.Joined && e.Group == left.Group:
			in[e.Node] = true
		case e.Kind == spec.Left && e.Group == left.Group, e.Kind == spec.Crash:
			delete(in, e.Node)
		}
	}
	delete(in, left.Node)
	for _, l := range h.Topology.Links {
		if !on(h, left.Node, l.Name) {
			continue
		}
		for _, m := range l.Nodes {
			if in[m] {
				return true
			}
		}
	}
	return false
}

// tellChanges writes a line for each join and leave.
func tellChanges(w io.Writer, list []Change) {
	for _, c := range list {
		took := time.Duration(c.Took)
		switch {
		case c.Kind == "joined" && c.Took < 0:
			fmt.Fprintf(w, "node %s joined %s at %v and received nothing\n", c.Node, c.Group, time.Duration(c.At))
		case c.Kind == "joined":
			fmt.Fprintf(w, "node %s joined %s at %v: the first datagram came %v later\n", c.Node, c.Group, time.Duration(c.At), took)
		case c.Stray == 0:
			fmt.Fprintf(w, "node %s left %s at %v: no stray frame on its link\n", c.Node, c.Group, time.Duration(c.At))
		case !c.Nobody:
			fmt.Fprintf(w, "node %s left %s at %v, where others listen on\n", c.Node, c.Group, time.Duration(c.At))
		default:
			fmt.Fprintf(w, "node %s left %s at %v: %d stray frames on its link, the last %v later\n", c.Node, c.Group, time.Duration(c.At), c.Stray, took)
		}
	}
	if len(list) > 0 {
		fmt.Fprintln(w)
	}
}
