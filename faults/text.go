package faults

import (
	"encoding/hex"
	"strconv"
	"time"

	"github.com/conform-go/conform/spec"
)

// Schema is the first line of a scenario's text.
const Schema = "conform.scenario/1"

// DefaultNet is the network of a scenario whose text has no net line.
var DefaultNet = Net{Strategy: Latency, Min: time.Millisecond, Max: 10 * time.Millisecond}

// String gives the scenario as text: a line for each thing it says, the steps in their order. [Parse] is the inverse
// for every scenario that [Scenario.Validate] accepts; of another, the text still shows what is there.
func (s *Scenario) String() string { return string(s.AppendText(make([]byte, 0, 256))) }

// AppendText appends what [Scenario.String] gives.
func (s *Scenario) AppendText(b []byte) []byte {
	b = append(b, Schema...)
	if s.Subject != "" {
		b = append(append(b, "\nsubject "...), s.Subject...)
	}
	if s.Expect != "" {
		b = append(append(b, "\nexpect "...), s.Expect...)
	}
	b = appendInt(append(b, "\nnodes "...), s.Nodes)
	for i := range s.Groups {
		b = appendGroup(append(b, '\n'), &s.Groups[i])
	}
	b = strconv.AppendUint(append(b, "\nseed "...), s.Seed, 10)
	b = appendNet(append(b, '\n'), s.Net)
	for i := range s.Steps {
		b = s.appendStep(append(b, '\n'), &s.Steps[i])
	}
	if len(s.Decisions) > 0 {
		b = hex.AppendEncode(append(b, "\ndecisions "...), s.Decisions)
	}
	if t := s.Trace; t.Events > 0 {
		b = append(appendInt(append(b, "\ntrace "...), t.Events), ' ')
		b = append(appendHex64(b, t.Digest), ' ')
		b = appendInt(b, t.Stride)
		if len(t.Samples) > 0 {
			b = hex.AppendEncode(append(b, ' '), t.Samples)
		}
	}
	return append(b, '\n')
}

// StepText gives the line of step i, as in the text of the scenario.
func (s *Scenario) StepText(i int) string { return string(s.appendStep(nil, &s.Steps[i])) }

// ActionText gives the action of step i, as in the text of the scenario.
func (s *Scenario) ActionText(i int) string { return string(s.appendAction(nil, &s.Steps[i].Action)) }

func appendGroup(b []byte, g *Group) []byte {
	b = append(append(b, "group "...), g.Name...)
	if g.Closed {
		b = append(b, " closed"...)
	}
	if g.Address != "" {
		b = append(append(b, " at "...), g.Address...)
	}
	for _, n := range g.Members {
		b = appendInt(append(b, ' '), int(n))
	}
	return b
}

func appendNet(b []byte, n Net) []byte {
	b = append(append(b, "net "...), n.Strategy.String()...)
	b = append(append(b, ' '), n.Min.String()...)
	b = append(append(b, ".."...), n.Max.String()...)
	if n.Strategy == PCT {
		b = appendInt(append(b, " depth "...), n.Depth)
	}
	if n.MTU != 0 {
		b = appendInt(append(b, " mtu "...), n.MTU)
	}
	return b
}

func (s *Scenario) appendStep(b []byte, step *Step) []byte {
	w := &step.When
	if w.On == AtTime {
		b = append(append(b, "at "...), time.Duration(w.At).String()...)
	} else {
		b = appendInt(append(b, "on "...), int(w.Node))
		b = append(append(b, ' '), w.On.String()...)
		if w.On == OnPoint {
			b = append(append(b, ' '), w.Point...)
		}
		b = appendInt(append(b, ' '), w.K)
	}
	return s.appendAction(append(b, ' '), &step.Action)
}

func (s *Scenario) appendAction(b []byte, a *Action) []byte {
	b = append(b, a.Op.String()...)
	if a.Op >= ops {
		return b
	}
	for _, f := range shapes[a.Op] {
		b = s.appendField(b, a, f)
	}
	return b
}

func (s *Scenario) appendField(b []byte, a *Action, f field) []byte {
	switch f {
	case nodeField:
		b = appendInt(append(b, ' '), int(a.Node))
	case routerField:
		b = appendInt(append(b, " r"...), a.Router)
	case viaField:
		b = appendInt(append(b, " via "...), int(a.Node))
	case destField:
		if a.To >= 0 {
			return appendInt(append(b, " to "...), int(a.To))
		}
		return s.appendField(b, a, groupField)
	case groupField:
		b = append(append(b, ' '), s.GroupName(a.Group)...)
	case sizeField:
		b = appendInt(append(b, ' '), a.Size)
	case contentField:
		if a.Content != 0 {
			b = appendInt(append(b, " content "...), a.Content)
		}
	case toField, fromField:
		if a.Peer >= 0 {
			word := " to "
			if f == fromField {
				word = " from "
			}
			b = appendInt(append(b, word...), int(a.Peer))
		}
	case percentField:
		b = append(appendInt(append(b, ' '), a.Percent), '%')
	case partsField:
		b = appendParts(b, a.Parts, " |")
	case arrowField:
		b = appendParts(b, a.Parts, " >")
	case everyField:
		b = append(append(b, " every "...), a.By.String()...)
	case byField:
		b = append(append(b, " by "...), a.By.String()...)
	case lieField:
		b = append(append(b, ' '), a.Lie.String()...)
	case durationField:
		if a.For != 0 {
			b = append(append(b, " for "...), a.For.String()...)
		}
	}
	return b
}

func appendParts(b []byte, parts [][]spec.NodeID, between string) []byte {
	for i, part := range parts {
		if i > 0 {
			b = append(b, between...)
		}
		for _, n := range part {
			b = appendInt(append(b, ' '), int(n))
		}
	}
	return b
}

// GroupName gives the name of a group; its number where there is no such group.
func (s *Scenario) GroupName(g spec.GroupID) string {
	if g >= 0 && int(g) < len(s.Groups) {
		return s.Groups[g].Name
	}
	return strconv.Itoa(int(g))
}

func appendInt(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }

// appendHex64 writes all sixteen digits.
func appendHex64(b []byte, x uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[x>>shift&15])
	}
	return b
}
