package faults

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/conform-go/conform/spec"
)

// The bounds of a valid scenario.
const (
	MaxNodes   = 1000
	MaxRouters = 128
	MaxSize    = 1 << 20        // bytes of a message
	MaxTime    = 24 * time.Hour // of every moment and duration
	maxCount   = 1<<31 - 1      // of K, contents and trace events
	maxDepth   = 64             // of PCT: more change points than a run has decisions are no use
)

// Validate says what is wrong with the scenario, or nil. A valid one can be played, and prints to text that parses
// back to the same: so fields that an action does not use must be zero.
func (s *Scenario) Validate() error {
	if err := s.validateHead(); err != nil {
		return err
	}
	for i := range s.Groups {
		if err := s.validateGroup(i); err != nil {
			return fmt.Errorf("group %d: %w", i, err)
		}
	}
	for i := range s.Steps {
		if err := s.validateStep(i); err != nil {
			return fmt.Errorf("step %d (%s): %w", i+1, s.StepText(i), err)
		}
	}
	return s.Trace.validate()
}

func (s *Scenario) validateHead() error {
	if err := validateSubject(s.Subject); err != nil {
		return err
	}
	if s.Expect != "" {
		if err := validateName("requirement", string(s.Expect)); err != nil {
			return err
		}
	}
	if err := within("nodes", s.Nodes, 1, MaxNodes); err != nil {
		return err
	}
	return s.Net.validate()
}

// validateSubject accepts what stands on a line of its own and keeps its spaces there.
func validateSubject(subject string) error {
	if !utf8.ValidString(subject) || strings.ContainsFunc(subject, unicode.IsControl) {
		return fmt.Errorf("subject %q: want one line of UTF-8 without control characters", subject)
	}
	if strings.TrimSpace(subject) != subject {
		return fmt.Errorf("subject %q: want no space around it", subject)
	}
	return nil
}

// validateName accepts letters, digits and - _ . : /, which is enough for names, addresses and requirement ids and
// leaves the rest to the grammar. It begins with a letter or digit.
func validateName(what, name string) error {
	if name == "" {
		return fmt.Errorf("%s: want a name", what)
	}
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && (i == 0 || strings.IndexByte("-_.:/", c) < 0) {
			return fmt.Errorf("%s %q: want letters, digits and -_.:/ only, a letter or digit first", what, name)
		}
	}
	return nil
}

func (n Net) validate() error {
	switch {
	case n.Strategy >= strategies:
		return fmt.Errorf("net: %v is no strategy", n.Strategy)
	case n.Min < 0 || n.Max > MaxTime:
		return fmt.Errorf("net: latency %v..%v: want 0s to %v", n.Min, n.Max, MaxTime)
	case n.Min > n.Max:
		return fmt.Errorf("net: latency %v..%v: the lower bound is above the upper", n.Min, n.Max)
	case n.Strategy != PCT && n.Depth != 0:
		return fmt.Errorf("net: only pct has a depth")
	}
	if n.Strategy == PCT {
		if err := within("depth", n.Depth, 1, maxDepth); err != nil {
			return fmt.Errorf("net: %w", err)
		}
	}
	if err := within("mtu", n.MTU, 0, MaxSize); err != nil {
		return fmt.Errorf("net: %w", err)
	}
	return nil
}

func (s *Scenario) validateGroup(i int) error {
	g := &s.Groups[i]
	if err := validateName("group", g.Name); err != nil {
		return err
	}
	if g.Name == "to" {
		return errors.New(`group "to": the name is taken by "send 0 to 1"`)
	}
	if g.Address != "" {
		if err := validateName("address", g.Address); err != nil {
			return fmt.Errorf("group %q: %w", g.Name, err)
		}
	}
	for j := range i {
		if s.Groups[j].Name == g.Name {
			return fmt.Errorf("group %q: there are two of that name", g.Name)
		}
	}
	for j, n := range g.Members {
		if err := s.node("member", n); err != nil {
			return err
		}
		if j > 0 && g.Members[j-1] >= n {
			return fmt.Errorf("member %d after %d: want them ascending", n, g.Members[j-1])
		}
	}
	return nil
}

func (s *Scenario) validateStep(i int) error {
	step := &s.Steps[i]
	if err := s.validateWhen(&step.When); err != nil {
		return err
	}
	a := &step.Action
	if a.Op >= ops {
		return fmt.Errorf("%v: there is no such action", a.Op)
	}
	for _, f := range shapes[a.Op] {
		if err := s.validateField(a, f); err != nil {
			return err
		}
	}
	if c := a.canonical(); !c.equal(a) {
		return fmt.Errorf("a field that %v does not use is not zero", a.Op)
	}
	return nil
}

func (s *Scenario) validateWhen(w *When) error {
	if w.On == AtTime {
		if w.K != 0 || w.Node != 0 || w.Point != "" {
			return errors.New("a time has no node, count or point")
		}
		return duration("time", time.Duration(w.At), 0)
	}
	switch {
	case w.On >= moments:
		return fmt.Errorf("%v: there is no such moment", w.On)
	case w.At != 0:
		return errors.New("a trigger has no time")
	}
	if w.On == OnPoint {
		if err := validateName("point", w.Point); err != nil {
			return err
		}
	} else if w.Point != "" {
		return fmt.Errorf("moment %v has no point", w.On)
	}
	if err := s.node("node", w.Node); err != nil {
		return err
	}
	return within("count", w.K, 1, maxCount)
}

func (s *Scenario) validateField(a *Action, f field) error {
	switch f {
	case nodeField:
		return s.node("node", a.Node)
	case routerField:
		return within("router", a.Router, 0, MaxRouters-1)
	case viaField:
		return s.validateVia(a)
	case destField:
		if a.To != -1 {
			return s.node("destination", a.To)
		}
		return s.group(a.Group)
	case groupField:
		return s.group(a.Group)
	case sizeField:
		return within("size", a.Size, 0, MaxSize)
	case contentField:
		return within("content", a.Content, 0, maxCount)
	case toField, fromField:
		if a.Peer == -1 {
			return nil
		}
		return s.node("peer", a.Peer)
	case percentField:
		return within("percent", a.Percent, 0, 100)
	case partsField:
		return s.validateParts(a)
	case arrowField:
		if len(a.Parts) != 2 {
			return fmt.Errorf("%d parts: want 2", len(a.Parts))
		}
		return s.validateParts(a)
	case everyField:
		return duration("every", a.By, 1)
	case byField:
		return duration("by", a.By, 0)
	case lieField:
		if a.Lie == 0 || a.Lie > spec.EveryLie {
			return fmt.Errorf("lie %v: want some of %v", a.Lie, spec.EveryLie)
		}
		return nil
	case durationField:
		return duration("for", a.For, 0)
	}
	return nil
}

func (s *Scenario) validateParts(a *Action) error {
	if len(a.Parts) < 2 {
		return fmt.Errorf("%d parts: want 2 or more", len(a.Parts))
	}
	seen := map[spec.NodeID]bool{}
	for i, part := range a.Parts {
		if len(part) == 0 {
			return fmt.Errorf("part %d is empty", i+1)
		}
		for _, n := range part {
			if err := s.node("node", n); err != nil {
				return err
			}
			if seen[n] {
				return fmt.Errorf("node %d: it is twice in the parts", n)
			}
			seen[n] = true
		}
	}
	return nil
}

func (s *Scenario) validateVia(a *Action) error {
	if len(a.Parts) != 2 {
		return fmt.Errorf("%d parts: want 2", len(a.Parts))
	}
	for _, part := range a.Parts {
		for _, n := range part {
			if n == a.Node {
				return fmt.Errorf("node %d: the bridge is in a part", n)
			}
		}
	}
	return s.node("bridge", a.Node)
}

func (s *Scenario) node(what string, n spec.NodeID) error {
	return within(what, int(n), 0, s.Nodes-1)
}

func (s *Scenario) group(g spec.GroupID) error {
	if len(s.Groups) == 0 {
		return errors.New("there is no group")
	}
	return within("group", int(g), 0, len(s.Groups)-1)
}

func within(what string, n, low, high int) error {
	if n < low || n > high {
		return fmt.Errorf("%s %d: want %d to %d", what, n, low, high)
	}
	return nil
}

func duration(what string, d, low time.Duration) error {
	if d < low || d > MaxTime {
		return fmt.Errorf("%s %v: want %v to %v", what, d, low, MaxTime)
	}
	return nil
}
