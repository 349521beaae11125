package faults

import (
	"slices"
	"time"

	"github.com/conform-go/conform/spec"
	"pgregory.net/rapid"
)

// arbitrary draws any valid scenario: every op, moment and field, far beyond what Draw makes.
func arbitrary() *rapid.Generator[*Scenario] {
	return rapid.Custom(func(t *rapid.T) *Scenario {
		s := &Scenario{
			Subject:   rapid.SampledFrom([]string{"", "unicast/reliable", "a # b", "ünï | > 7", "subject at 0s"}).Draw(t, "subject"),
			Expect:    rapid.SampledFrom([]spec.ID{"", "AGREEMENT", "NO-DUPLICATION/restart"}).Draw(t, "expect"),
			Nodes:     rapid.IntRange(1, 12).Draw(t, "nodes"),
			Seed:      rapid.Uint64().Draw(t, "seed"),
			Decisions: rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "decisions"),
		}
		s.Net = arbitraryNet(t)
		for i := range rapid.IntRange(0, 3).Draw(t, "groups") {
			s.Groups = append(s.Groups, Group{
				Name: groupNames[i] + rapid.SampledFrom([]string{"", "-1", ":/_.x"}).Draw(t, "name"),
				Members: slices.Sorted(slices.Values(
					rapid.SliceOfDistinct(nodeOf(s), rapid.ID[spec.NodeID]).Draw(t, "members"))),
				Closed:  rapid.Bool().Draw(t, "closed"),
				Address: rapid.SampledFrom([]string{"", "225.1.1.1", "ff05::1"}).Draw(t, "address"),
			})
		}
		for range rapid.IntRange(0, 6).Draw(t, "steps") {
			if step := arbitraryStep(t, s); s.validStep(step) {
				s.Steps = append(s.Steps, step)
			}
		}
		if rapid.Bool().Draw(t, "traced") {
			s.Trace.Events = rapid.IntRange(1, 200).Draw(t, "events")
			s.Trace.Digest = rapid.Uint64().Draw(t, "digest")
			s.Trace.Stride = rapid.IntRange(1, 300).Draw(t, "stride")
			n := s.Trace.Events / s.Trace.Stride
			s.Trace.Samples = rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "samples")
		}
		return s
	})
}

func arbitraryNet(t *rapid.T) Net {
	n := Net{Strategy: Strategy(rapid.IntRange(0, int(strategies)-1).Draw(t, "strategy"))}
	a, b := anyDuration.Draw(t, "a"), anyDuration.Draw(t, "b")
	n.Min, n.Max = min(a, b), max(a, b)
	if n.Strategy == PCT {
		n.Depth = rapid.IntRange(1, 9).Draw(t, "depth")
	}
	n.MTU = rapid.IntRange(0, MaxSize).Draw(t, "mtu")
	return n
}

var anyDuration = rapid.Map(rapid.Int64Range(0, int64(MaxTime)), func(n int64) time.Duration { return time.Duration(n) })

func nodeOf(s *Scenario) *rapid.Generator[spec.NodeID] {
	return rapid.Map(rapid.IntRange(0, s.Nodes-1), func(n int) spec.NodeID { return spec.NodeID(n) })
}

// validStep says whether the step fits; the few that do not (no group, too few nodes for parts) are left out.
func (s *Scenario) validStep(step Step) bool {
	c := *s
	c.Steps = []Step{step}
	return c.validateStep(0) == nil
}

func arbitraryStep(t *rapid.T, s *Scenario) Step {
	var step Step
	w := &step.When
	if w.On = Moment(rapid.IntRange(0, int(moments)-1).Draw(t, "on")); w.On == AtTime {
		w.At = spec.Time(anyDuration.Draw(t, "at"))
	} else {
		w.Node, w.K = nodeOf(s).Draw(t, "whose"), rapid.IntRange(1, maxCount).Draw(t, "k")
	}
	if w.On == OnPoint {
		w.Point = rapid.SampledFrom([]string{"relayed", "all-sent", "1", "for"}).Draw(t, "point")
	}
	a := Action{
		Op:      Op(rapid.IntRange(0, int(ops)-1).Draw(t, "op")),
		Node:    nodeOf(s).Draw(t, "node"),
		Peer:    nodeOf(s).Draw(t, "peer") - spec.NodeID(rapid.IntRange(0, 1).Draw(t, "less")),
		To:      nodeOf(s).Draw(t, "to"),
		Size:    rapid.IntRange(0, MaxSize).Draw(t, "size"),
		Content: rapid.IntRange(0, 9).Draw(t, "content"),
		Percent: rapid.IntRange(0, 100).Draw(t, "percent"),
		Router:  rapid.IntRange(0, MaxRouters-1).Draw(t, "router"),
		Lie:     spec.Lie(rapid.IntRange(1, int(spec.EveryLie)).Draw(t, "lie")),
		By:      anyDuration.Draw(t, "by") / 2,
		For:     anyDuration.Draw(t, "for"),
	}
	if rapid.Bool().Draw(t, "multicast") {
		a.To = -1
	}
	if len(s.Groups) > 0 {
		a.Group = spec.GroupID(rapid.IntRange(0, len(s.Groups)-1).Draw(t, "group"))
	}
	if a.Op.hasParts() {
		a.Parts = arbitraryParts(t, s, &a)
	}
	step.Action = a.canonical()
	return step
}

func arbitraryParts(t *rapid.T, s *Scenario, a *Action) [][]spec.NodeID {
	count := 2
	if a.Op == Partition || a.Op == Flap {
		count = rapid.IntRange(2, 3).Draw(t, "parts")
	}
	parts := make([][]spec.NodeID, count)
	for n := range spec.NodeID(s.Nodes) {
		if i := rapid.IntRange(0, count).Draw(t, "part"); i < count && !(a.Op == Bridge && n == a.Node) {
			parts[i] = append(parts[i], n)
		}
	}
	return parts
}
