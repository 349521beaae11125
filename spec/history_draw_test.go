package spec

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"pgregory.net/rapid"
)

// anyHistory draws a history in the form in which it is read: what is not marked is zero, and what has no rare part
// has no extra.
func anyHistory() *rapid.Generator[*History] {
	return rapid.Custom(func(t *rapid.T) *History {
		h := &History{Header: anyHeader().Draw(t, "header")}
		for i := range rapid.IntRange(0, 12).Draw(t, "events") {
			e, x := anyEvent(t, h, fmt.Sprint("event ", i))
			if reflect.DeepEqual(x, Extra{}) && e.Has&(HasView|HasPos|HasID|HasOf) == 0 {
				h.Add(e)
			} else {
				h.AddExtra(e, x)
			}
		}
		return h
	})
}

// Names with everything that has to be escaped, and with the slashes of message ids.
func anyNames(least int) *rapid.Generator[[]string] {
	name := rapid.OneOf(rapid.StringN(1, 5, -1), rapid.StringMatching(`[0-9]|a/b|"\\|[\x00-\x1f]`))
	return rapid.SliceOfNDistinct(name, least, 4, func(s string) string { return s })
}

func anyHeader() *rapid.Generator[Header] {
	return rapid.Custom(func(t *rapid.T) Header {
		h := Header{
			Nodes:   anyNames(1).Draw(t, "nodes"),
			Model:   CrashModel(rapid.IntRange(0, 1).Draw(t, "model")),
			Settled: rapid.Bool().Draw(t, "settled"),
			Epsilon: time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "epsilon")),
			Unknown: anyUnknown().Draw(t, "unknown"),
		}
		groups := anyNames(1).Draw(t, "groups")
		slices.Sort(groups)
		for _, name := range groups {
			g := Group{Name: name, Closed: rapid.Bool().Draw(t, "closed")}
			for n := range h.Nodes {
				if rapid.Bool().Draw(t, "member") {
					g.Members = append(g.Members, NodeID(n))
				}
			}
			h.Groups = append(h.Groups, g)
		}
		for n := range h.Nodes {
			if rapid.IntRange(0, 4).Draw(t, "lies") == 0 {
				h.Byzantine = append(h.Byzantine, NodeID(n))
			}
		}
		for _, id := range rapid.SliceOfN(rapid.SampledFrom([]string{"TAIL-RECOVERY", "TIMELINESS", "→"}), 0, 2).Draw(t, "bounds") {
			if h.Bounds == nil {
				h.Bounds = make(map[string]time.Duration)
			}
			h.Bounds[id] = time.Duration(rapid.Int64Min(0).Draw(t, "bound"))
		}
		for _, id := range rapid.SliceOfN(rapid.SampledFrom([]string{"COST-PACKETS", "COST-ACKS", "\""}), 0, 2).Draw(t, "costs") {
			if h.Costs == nil {
				h.Costs = make(map[string]int)
			}
			h.Costs[id] = int(rapid.Int32Min(0).Draw(t, "cost"))
		}
		if rapid.Bool().Draw(t, "network") {
			h.Topology = anyTopology(len(h.Nodes)).Draw(t, "topology")
		}
		return h
	})
}

func anyTopology(nodes int) *rapid.Generator[*Topology] {
	some := rapid.Custom(func(t *rapid.T) (set []NodeID) {
		for n := range nodes {
			if rapid.Bool().Draw(t, "node") {
				set = append(set, NodeID(n))
			}
		}
		return set
	})
	return rapid.Custom(func(t *rapid.T) *Topology {
		n := &Topology{
			Routers: some.Draw(t, "routers"), Switches: some.Draw(t, "switches"), RPs: some.Draw(t, "rps"),
			Routing: rapid.SampledFrom([]string{"", "dense", "sparse"}).Draw(t, "routing"),
			IGMP:    rapid.IntRange(0, 3).Draw(t, "igmp"),
		}
		slices.Reverse(n.RPs) // the preferred first, whatever its number
		for _, name := range anyNames(0).Draw(t, "links") {
			n.Links = append(n.Links, Link{Name: name, Metric: rapid.IntRange(0, 3).Draw(t, "metric"), Nodes: some.Draw(t, "ends")})
		}
		if rapid.Bool().Draw(t, "anycast") {
			for range nodes * nodes {
				n.Metrics = append(n.Metrics, int(rapid.Int32().Draw(t, "metric")))
			}
		}
		if rapid.Bool().Draw(t, "mixed") {
			for range nodes {
				n.Versions = append(n.Versions, rapid.IntRange(0, 3).Draw(t, "version"))
			}
		}
		return n
	})
}

func anyUnknown() *rapid.Generator[[]byte] {
	return rapid.SampledFrom([][]byte{nil, nil, []byte(`"a":1`), []byte(`"a":[ ],"b\u0063":{"kind":"\"", "z" : -1.5e-3}`),
		[]byte(`"a":null,"a":true`)})
}

// marks says which column each mark fills, so that the columns that a kind needs are always there.
var marks = map[Field]column{HasNode: colNode, HasGroup: colGroup, HasMsg: colMsg, HasTo: colTo, HasView: colView}

func anyEvent(t *rapid.T, h *History, label string) (Event, Extra) {
	e := Event{
		Kind: Kind(rapid.IntRange(int(Send), int(Extension)).Draw(t, label)),
		T:    Time(rapid.Int64Min(0).Draw(t, "t")),
		Has:  Field(rapid.Uint16().Draw(t, "has")) & (IsCounted<<1 - 1),
	}
	for f, c := range marks {
		if needed[e.Kind]&c != 0 {
			e.Has |= f
		}
	}
	if (e.Kind == Send || e.Kind == Deliver) && e.Has&HasTo == 0 {
		e.Has |= HasGroup
	}
	var x Extra
	fillEvent(t, h, &e)
	fillExtra(t, h, &e, &x)
	return e, x
}

func fillEvent(t *rapid.T, h *History, e *Event) {
	node := rapid.IntRange(0, len(h.Nodes)-1)
	if e.Is(HasNode) {
		e.Node = NodeID(node.Draw(t, "node"))
	}
	if e.Is(HasTo) {
		e.To = NodeID(node.Draw(t, "to"))
	}
	if e.Is(HasFrom) {
		e.From = NodeID(node.Draw(t, "from"))
	}
	if e.Is(HasGroup) {
		e.Group = GroupID(rapid.IntRange(0, len(h.Groups)-1).Draw(t, "group"))
	}
	if e.Is(HasMsg) {
		e.Msg = anyMsg(h).Draw(t, "msg")
	}
	if e.Is(HasLen) {
		e.Len = rapid.Int32Min(0).Draw(t, "len")
	}
	if e.Is(HasSum) {
		if e.Sum = Digest(rapid.Uint64().Draw(t, "sum")); rapid.Bool().Draw(t, "words") {
			e.Sum = h.ParseSum(rapid.StringN(0, 20, -1).Draw(t, "sum"))
		}
	}
}

func anyMsg(h *History) *rapid.Generator[MsgID] {
	return rapid.Custom(func(t *rapid.T) MsgID {
		return MsgID{
			Sender:      NodeID(rapid.IntRange(0, len(h.Nodes)-1).Draw(t, "sender")),
			Incarnation: Incarnation(rapid.Uint32().Draw(t, "incarnation")),
			Number:      rapid.Uint64().Draw(t, "number"),
		}
	})
}

func fillExtra(t *rapid.T, h *History, e *Event, x *Extra) {
	if e.Is(HasView) {
		x.View = anyViewID().Draw(t, "view")
	}
	if e.Is(HasPos) {
		x.Pos = rapid.Uint64().Draw(t, "pos")
	}
	if e.Is(HasID) {
		x.ID = rapid.Uint64().Draw(t, "id")
	}
	if e.Is(HasOf) {
		x.Of = rapid.Uint64().Draw(t, "of")
	}
	if rapid.Bool().Draw(t, "rare") {
		word := rapid.StringN(0, 6, -1)
		x.Reason, x.Link = word.Draw(t, "reason"), word.Draw(t, "link")
		x.Via, x.TTL = word.Draw(t, "via"), rapid.IntRange(0, 255).Draw(t, "ttl")
		x.Object, x.Op, x.Text = word.Draw(t, "object"), word.Draw(t, "op"), word.Draw(t, "text")
		x.Value = rapid.SampledFrom([]string{"", "null", `"x"`, `{"a": [1, 2]}`, "-0.5e+7"}).Draw(t, "value")
		x.Depth = rapid.Int64().Draw(t, "depth")
		x.Unknown = anyUnknown().Draw(t, "unknown")
		for range rapid.IntRange(0, 3).Draw(t, "list") {
			x.Members = append(x.Members, NodeID(rapid.IntRange(0, len(h.Nodes)-1).Draw(t, "member")))
			x.Msgs = append(x.Msgs, anyMsg(h).Draw(t, "msgs"))
		}
	}
	if e.Kind == Extension {
		x.Text = "x-" + rapid.StringN(1, 5, -1).Draw(t, "extension")
	}
}
