package faults

import (
	"slices"

	"github.com/conform-go/conform/spec"
)

// field is one part of an action's text. The text of an action is its name and then its fields, in the order of
// [shapes]; printing, parsing and validation all walk the same list, so that none of them can forget a field.
type field uint8

const (
	nodeField     field = iota // 0
	routerField                // r0
	destField                  // g, or: to 2
	groupField                 // g
	sizeField                  // 16
	contentField               // content 1; absent: 0
	toField                    // to 2; absent: everyone
	fromField                  // from 2; absent: everyone
	percentField               // 50%
	partsField                 // 0 1 | 2
	arrowField                 // 0 > 1 2
	viaField                   // via 2
	everyField                 // every 10ms
	byField                    // by 10ms
	lieField                   // equivocate,mute
	durationField              // for 50ms; absent: until healed
)

var shapes = [ops][]field{
	Send:        {nodeField, destField, sizeField, contentField},
	Join:        {nodeField, groupField},
	Leave:       {nodeField, groupField},
	Sync:        {nodeField, groupField},
	Query:       {nodeField, groupField},
	Create:      {nodeField, groupField},
	Destroy:     {nodeField, groupField},
	Crash:       {nodeField},
	CrashLossy:  {nodeField},
	Recover:     {nodeField},
	Pause:       {nodeField, durationField},
	OmitSend:    {nodeField, toField, percentField, durationField},
	OmitReceive: {nodeField, fromField, percentField, durationField},
	Loss:        {percentField, durationField},
	Partition:   {partsField, durationField},
	OneWay:      {arrowField, durationField},
	Bridge:      {partsField, viaField, durationField},
	Isolate:     {nodeField, durationField},
	Flap:        {partsField, everyField, durationField},
	Delay:       {nodeField, toField, byField, durationField},
	Duplicate:   {percentField, durationField},
	Reorder:     {percentField, byField, durationField},
	Corrupt:     {percentField, durationField},
	RouterDown:  {routerField, durationField},
	RPDown:      {durationField},
	PruneLost:   {routerField},
	Boundary:    {routerField, durationField},
	TableFull:   {routerField, durationField},
	TTL:         {nodeField, sizeField, durationField},
	IGMPLoss:    {nodeField, percentField, durationField},
	Rogue:       {percentField, durationField},
	Listen:      {nodeField, durationField},
	Flood:       {everyField, durationField},
	Overflow:    {nodeField, sizeField},
	LostSync:    {nodeField, durationField},
	Torn:        {nodeField},
	DiskError:   {nodeField, percentField, durationField},
	DiskFull:    {nodeField, durationField},
	DiskSlow:    {nodeField, byField, durationField},
	DiskFlip:    {nodeField},
	DiskGone:    {nodeField},
	Lies:        {nodeField, lieField},
	Skew:        {nodeField, byField, durationField},
	Jump:        {nodeField, byField, durationField},
	Drift:       {nodeField, percentField, durationField},
}

// uses says whether actions of this kind have the field.
func (o Op) uses(f field) bool { return slices.Contains(shapes[o], f) }

// hasNode says whether Action.Node means something for o.
func (o Op) hasNode() bool { return o.uses(nodeField) || o.uses(viaField) }

// hasPeer says whether Action.Peer means something for o.
func (o Op) hasPeer() bool { return o.uses(toField) || o.uses(fromField) }

// HasRouter says whether Action.Router means something for o.
func (o Op) HasRouter() bool { return o.uses(routerField) }

// hasParts says whether Action.Parts means something for o.
func (o Op) hasParts() bool { return o.uses(partsField) || o.uses(arrowField) }

// canonical gives the action with every field that its text does not show at zero.
func (a *Action) canonical() Action {
	c := Action{Op: a.Op}
	for _, f := range shapes[a.Op] {
		switch f {
		case nodeField, viaField:
			c.Node = a.Node
		case routerField:
			c.Router = a.Router
		case destField:
			if c.To = a.To; a.To < 0 {
				c.Group = a.Group
			}
		case groupField:
			c.Group = a.Group
		case sizeField:
			c.Size = a.Size
		case contentField:
			c.Content = a.Content
		case toField, fromField:
			c.Peer = a.Peer
		case percentField:
			c.Percent = a.Percent
		case partsField, arrowField:
			c.Parts = a.Parts
		case everyField, byField:
			c.By = a.By
		case lieField:
			c.Lie = a.Lie
		case durationField:
			c.For = a.For
		}
	}
	return c
}

func (a *Action) equal(b *Action) bool {
	return a.Op == b.Op && a.Node == b.Node && a.Peer == b.Peer && a.To == b.To && a.Group == b.Group &&
		a.Size == b.Size && a.Router == b.Router && a.Content == b.Content && a.Percent == b.Percent && a.Lie == b.Lie && a.By == b.By && a.For == b.For &&
		equalParts(a.Parts, b.Parts)
}

func equalParts(a, b [][]spec.NodeID) bool {
	return slices.EqualFunc(a, b, func(p, q []spec.NodeID) bool { return slices.Equal(p, q) })
}

// Equal says whether two scenarios are the same, with subject, seed and trace. An empty list is a nil one.
func (s *Scenario) Equal(t *Scenario) bool {
	return s.Subject == t.Subject && s.Expect == t.Expect && s.Trace.Equal(t.Trace) && s.plays(t)
}

// plays says whether both scenarios are the same run to be, whoever plays it.
func (s *Scenario) plays(t *Scenario) bool {
	return s.Nodes == t.Nodes && s.Seed == t.Seed && s.Net == t.Net && slices.Equal(s.Decisions, t.Decisions) &&
		slices.EqualFunc(s.Groups, t.Groups, func(a, b Group) bool {
			return a.Name == b.Name && a.Closed == b.Closed && a.Address == b.Address && slices.Equal(a.Members, b.Members)
		}) &&
		slices.EqualFunc(s.Steps, t.Steps, sameStep)
}

// Clone copies the scenario; the copy shares no memory with it.
func (s *Scenario) Clone() *Scenario {
	c := *s
	c.Groups = slices.Clone(s.Groups)
	for i := range c.Groups {
		c.Groups[i].Members = slices.Clone(c.Groups[i].Members)
	}
	c.Steps = slices.Clone(s.Steps)
	for i := range c.Steps {
		c.Steps[i].Action.Parts = cloneParts(c.Steps[i].Action.Parts)
	}
	c.Decisions = slices.Clone(s.Decisions)
	c.Trace.Samples = slices.Clone(s.Trace.Samples)
	return &c
}

func cloneParts(parts [][]spec.NodeID) [][]spec.NodeID {
	c := slices.Clone(parts)
	for i := range c {
		c[i] = slices.Clone(c[i])
	}
	return c
}
