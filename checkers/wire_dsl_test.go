package checkers

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/conform-go/conform/spec"
)

// wired writes a history of a network down in a few words, times in seconds:
//
//	a=0,1,r0 b=2,r0    links and their ends: hosts are numbers, routers r…, switches s…, strangers x…
//	dense sparse igmp=2 rps=r0 members=0,1 groups=2 unsettled IGMP-JOIN=10 (a bound)
//	@12.5              the events that follow happen then
//	join:0 joined:0 leave:0 left:0 crash:r0 recover:r0 pause:0 resume:0 fault:loss heal:loss
//	query:r0@a report:0@a done:0@a hello:r0@a pjoin:r1@b prune:r1@b graft:r1@b assert:r1@b refresh:r0@b data:0@a
//	heardq:0 heardr:0 got:0
//
// Suffixes of events are /1 group (/- none; without it a query has none, and everything else group 0), #7 datagram,
// <0 from, >r0 to, ^a received on, *2 TTL (16 without), ! duplicate. Data without from is the node's own. What is not
// an event may stand anywhere, and the last word of a kind counts.
func wired(text string) *spec.History {
	h := &spec.History{}
	h.Settled = true
	h.Topology = &spec.Topology{}
	h.Bounds = map[string]time.Duration{}
	var names, links, events []string
	set := map[string]string{}
	for _, w := range strings.Fields(text) {
		if w[0] == '@' || strings.Contains(w, ":") {
			events = append(events, w)
			continue
		}
		key, value, _ := strings.Cut(w, "=")
		switch {
		case key == "dense" || key == "sparse":
			h.Topology.Routing = key
		case key[0] >= 'A' && key[0] <= 'Z':
			h.Bounds[key] = time.Duration(seconds(value))
		case len(key) == 1:
			names = append(names, strings.Split(value, ",")...)
			if _, again := set[key]; !again {
				links = append(links, key)
			}
		}
		set[key] = value
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(rank(a), rank(b)) })
	h.Nodes = slices.Compact(names)
	node := func(name string) spec.NodeID {
		n := slices.Index(h.Nodes, name)
		if n < 0 {
			panic("no such node: " + name)
		}
		return spec.NodeID(n)
	}
	wireTopology(h, links, set, node)
	at := spec.Time(0)
	for _, w := range events {
		if w[0] == '@' {
			at = seconds(w[1:])
			continue
		}
		e, x := wireWord(w, node)
		e.T = at
		h.AddExtra(e, x)
	}
	return h
}

// wireTopology fills in the header.
func wireTopology(h *spec.History, links []string, set map[string]string, node func(string) spec.NodeID) {
	list := func(key string) (out []spec.NodeID) {
		if set[key] == "" {
			return nil
		}
		for _, name := range strings.Split(set[key], ",") {
			out = append(out, node(name))
		}
		slices.Sort(out)
		return out
	}
	for _, l := range links {
		h.Topology.Links = append(h.Topology.Links, spec.Link{Name: l, Nodes: list(l)})
	}
	for n, name := range h.Nodes {
		switch name[0] {
		case 'r':
			h.Topology.Routers = append(h.Topology.Routers, spec.NodeID(n))
		case 's':
			h.Topology.Switches = append(h.Topology.Switches, spec.NodeID(n))
		}
	}
	h.Topology.RPs = list("rps")
	if set["versions"] != "" {
		for _, v := range strings.Split(set["versions"], ",") {
			h.Topology.Versions = append(h.Topology.Versions, number(v))
		}
	}
	h.Topology.IGMP = 2
	if v := set["igmp"]; v != "" {
		h.Topology.IGMP = number(v)
	}
	groups := 1
	if v := set["groups"]; v != "" {
		groups = number(v)
	}
	for g := range groups {
		h.Groups = append(h.Groups, spec.Group{Name: "g" + strconv.Itoa(g), Members: list("members")})
	}
	if _, ok := set["unsettled"]; ok {
		h.Settled = false
	}
}

// rank sorts hosts by number, then routers, switches and strangers.
func rank(name string) string {
	if name[0] >= '0' && name[0] <= '9' {
		return "0" + strings.Repeat("0", 4-len(name)) + name
	}
	return name
}

func seconds(s string) spec.Time {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(err)
	}
	return spec.Time(f * 1e9)
}

var wireFrames = map[string]string{
	"query": "igmp-query", "report": "igmp-report", "done": "igmp-leave", "data": "data", "hello": "pim-hello",
	"pjoin": "pim-join", "prune": "pim-prune", "graft": "pim-graft", "assert": "pim-assert", "refresh": "pim-state-refresh",
}

var wireReceives = map[string]string{"got": "data", "heardq": "igmp-query", "heardr": "igmp-report"}

func wireWord(w string, node func(string) spec.NodeID) (spec.Event, spec.Extra) {
	name, rest, _ := strings.Cut(w, ":")
	end := strings.IndexAny(rest, "@/#<>^*!")
	if end < 0 {
		end = len(rest)
	}
	who, rest := rest[:end], rest[end:]
	var e spec.Event
	var x spec.Extra
	if name == "fault" || name == "heal" {
		e.Kind, x.Text, x.ID = spec.Fault, who, uint64(len(who))
		if name == "heal" {
			e.Kind = spec.Heal
		}
		return e, x
	}
	e.Has, e.Node = spec.HasNode|spec.HasGroup, node(who)
	switch {
	case wireFrames[name] != "":
		e.Kind, x.Op = spec.Frame, wireFrames[name]
	case wireReceives[name] != "":
		e.Kind, x.Op = spec.Receive, wireReceives[name]
	default:
		k, err := spec.ParseKind(name)
		if err != nil {
			panic(err)
		}
		e.Kind = k
	}
	if x.Op == "igmp-query" || e.Kind >= spec.Crash && e.Kind <= spec.Resume {
		e.Has &^= spec.HasGroup
	}
	if name == "data" {
		x.TTL, e.From = 16, e.Node
		e.Has |= spec.HasFrom
	}
	wireSuffixes(rest, &e, &x, node)
	return e, x
}

func wireSuffixes(rest string, e *spec.Event, x *spec.Extra, node func(string) spec.NodeID) {
	for rest != "" {
		c := rest[0]
		end := strings.IndexAny(rest[1:], "@/#<>^*!") + 1
		if end == 0 {
			end = len(rest)
		}
		v := rest[1:end]
		rest = rest[end:]
		switch c {
		case '@':
			x.Link = v
		case '/':
			if e.Has &^= spec.HasGroup; v != "-" {
				e.Has, e.Group = e.Has|spec.HasGroup, spec.GroupID(number(v))
			}
		case '#':
			x.ID = uint64(number(v))
			e.Has |= spec.HasID
		case '<':
			e.Has, e.From = e.Has|spec.HasFrom, node(v)
		case '>':
			e.Has, e.To = e.Has|spec.HasTo, node(v)
		case '^':
			x.Via = v
		case '*':
			x.TTL = number(v)
		case '!':
			x.Reason = "duplicate"
		}
	}
}
