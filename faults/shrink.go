package faults

import (
	"slices"

	"github.com/conform-go/conform/spec"
)

// ShrinkBudget is how many runs [Shrink] takes where none is given.
const ShrinkBudget = 300

// Shrink looks for the simplest scenario that still fails: with fewer steps, nodes and members (delta debugging:
// Zeller and Hildebrandt, IEEE TSE 28(2), 2002), then with simpler networks, seeds, moments, sizes and durations, and
// again until nothing more can be left out or the budget of runs is used up; 0 is [ShrinkBudget]. It gives the
// scenario and how many runs it took. s must fail; so does what is given back, and where nothing simpler fails it is a
// copy of s. Everything that was tried is without a trace, since another run has another one.
//
// fails must be a function of the scenario alone, must not change it, and must not keep it.
func Shrink(s *Scenario, fails func(*Scenario) bool, budget int) (*Scenario, int) {
	if budget <= 0 {
		budget = ShrinkBudget
	}
	z := &shrinker{best: s.Clone(), fails: fails, budget: budget, tried: map[string]bool{string(textOf(s)): true}}
	for z.more() {
		before := z.found
		for _, pass := range passes {
			pass(z)
		}
		if z.found == before {
			break
		}
	}
	return z.best, z.runs
}

// passes: what makes the scenario smallest first, so that the later ones are about little.
var passes = []func(*shrinker){
	(*shrinker).dropSteps, (*shrinker).dropNodes, (*shrinker).dropGroups, (*shrinker).dropMembers,
	(*shrinker).simplifyDecisions, (*shrinker).simplifyNet, (*shrinker).simplifyAll, (*shrinker).simplifySteps,
	(*shrinker).renumber, (*shrinker).simplifySeed, (*shrinker).sortSteps,
}

type shrinker struct {
	best         *Scenario // the simplest that fails, so far
	fails        func(*Scenario) bool
	runs, budget int
	found        int             // how often best was replaced
	tried        map[string]bool // texts: no scenario is run twice
}

func (z *shrinker) more() bool { return z.runs < z.budget }

// try runs a change of a copy of the best scenario, and keeps it if it still fails. A change that gives false, or
// something invalid or tried before, costs no run.
func (z *shrinker) try(change func(*Scenario) bool) bool {
	if !z.more() {
		return false
	}
	c := z.best.Clone()
	c.Trace = Trace{}
	if !change(c) || c.Validate() != nil {
		return false
	}
	text := string(textOf(c))
	if z.tried[text] {
		return false
	}
	z.tried[text] = true
	z.runs++
	// The predicate gets a copy of its own: what it does to it must not reach the result.
	if !z.fails(c.Clone()) {
		return false
	}
	z.best = c
	z.found++
	return true
}

// textOf is the text without the trace, which is no part of what is tried.
func textOf(s *Scenario) []byte {
	c := *s
	c.Trace = Trace{}
	return c.AppendText(nil)
}

// dropSteps leaves out runs of steps, from all of them down to single ones; from the end, since later steps depend on
// earlier ones.
func (z *shrinker) dropSteps() {
	for size := len(z.best.Steps); size > 0; size /= 2 {
		for end := len(z.best.Steps); end > 0; end -= size {
			z.try(func(s *Scenario) bool {
				if end > len(s.Steps) {
					return false
				}
				s.Steps = slices.Delete(s.Steps, max(0, end-size), end)
				return true
			})
		}
	}
}

// dropNodes leaves out single nodes, with the steps that are about them; the others move up.
func (z *shrinker) dropNodes() {
	for n := z.best.Nodes - 1; n >= 0; n-- {
		z.try(func(s *Scenario) bool { return s.dropNode(spec.NodeID(n)) })
	}
}

func (s *Scenario) dropNode(gone spec.NodeID) bool {
	if s.Nodes < 2 {
		return false
	}
	s.Nodes--
	for i := range s.Groups {
		s.Groups[i].Members = without(s.Groups[i].Members, gone)
	}
	kept := s.Steps[:0]
	for _, step := range s.Steps {
		if step.without(gone) {
			kept = append(kept, step)
		}
	}
	s.Steps = kept
	return true
}

// without renumbers a step for a scenario without a node; false where the step is about that node.
func (step *Step) without(gone spec.NodeID) bool {
	a := &step.Action
	if a.Op.hasParts() {
		for i := range a.Parts {
			a.Parts[i] = without(a.Parts[i], gone)
		}
		a.Parts = slices.DeleteFunc(a.Parts, func(part []spec.NodeID) bool { return len(part) == 0 })
		if len(a.Parts) < 2 {
			return false
		}
	}
	ok := true
	step.eachNode(func(n *spec.NodeID) {
		switch {
		case *n == gone:
			ok = false
		case *n > gone:
			*n--
		}
	})
	return ok
}

// eachNode visits the nodes of a step but those of parts; everyone, -1, is no node.
func (step *Step) eachNode(visit func(*spec.NodeID)) {
	a := &step.Action
	if step.When.On != AtTime {
		visit(&step.When.Node)
	}
	if a.Op.hasNode() {
		visit(&a.Node)
	}
	if a.Op.hasPeer() && a.Peer >= 0 {
		visit(&a.Peer)
	}
	if a.Op == Send && a.To >= 0 {
		visit(&a.To)
	}
}

// without leaves a node out of an ascending or other list and moves the later ones up, in place.
func without(nodes []spec.NodeID, gone spec.NodeID) []spec.NodeID {
	kept := nodes[:0]
	for _, n := range nodes {
		switch {
		case n > gone:
			kept = append(kept, n-1)
		case n < gone:
			kept = append(kept, n)
		}
	}
	return kept
}

// dropGroups leaves out groups with the steps that are about them.
func (z *shrinker) dropGroups() {
	for g := len(z.best.Groups) - 1; g >= 0; g-- {
		z.try(func(s *Scenario) bool {
			s.Groups = slices.Delete(s.Groups, g, g+1)
			s.Steps = slices.DeleteFunc(s.Steps, func(step Step) bool {
				return step.Action.hasGroup() && step.Action.Group == spec.GroupID(g)
			})
			for i := range s.Steps {
				if a := &s.Steps[i].Action; a.hasGroup() && a.Group > spec.GroupID(g) {
					a.Group--
				}
			}
			return true
		})
	}
}

func (a *Action) hasGroup() bool { return a.Op.uses(groupField) || a.Op == Send && a.To < 0 }

// sends says whether a node sends to a group.
func (s *Scenario) sends(n spec.NodeID, g spec.GroupID) bool {
	return slices.ContainsFunc(s.Steps, func(x Step) bool {
		return x.Action.Op == Send && x.Action.Node == n && x.Action.To < 0 && x.Action.Group == g
	})
}

// dropMembers leaves single members out of groups, and opens groups.
func (z *shrinker) dropMembers() {
	for g := range z.best.Groups {
		z.try(func(s *Scenario) bool {
			was := s.Groups[g].Closed
			s.Groups[g].Closed = false
			return was
		})
		for i := len(z.best.Groups[g].Members) - 1; i >= 0; i-- {
			z.try(func(s *Scenario) bool {
				if s.sends(s.Groups[g].Members[i], spec.GroupID(g)) {
					return false // a sender from outside would be another story
				}
				s.Groups[g].Members = slices.Delete(s.Groups[g].Members, i, i+1)
				return true
			})
		}
	}
}
