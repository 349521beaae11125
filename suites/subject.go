package suites

import (
	"strings"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/spec"
)

// Subject is what plays a scenario: a cell, or a mutant of one.
type Subject struct {
	Name   string
	New    func(impl.Config) impl.Layer
	Claims spec.Claims
	Params faults.Params // what its schedules are drawn from

	above func(impl.Config, []spec.Group) impl.Layer // of a mutant whose bug is there; else nil
	cell  Cell                                       // that it is, or that it is a mutant of
	rules *ipmulticast.Rules
}

// mutantPrefix begins the name of a subject that is a mutant.
const mutantPrefix = "mutant:"

// ParseSubject finds a cell, "transport/reliability/ordering[/membership]", or "mutant:NAME", whose claims are those
// of the cell it is a mutant of.
func ParseSubject(text string) (*Subject, error) {
	name, ok := strings.CutPrefix(text, mutantPrefix)
	if !ok {
		c, err := ParseCell(text)
		if err != nil {
			return nil, err
		}
		p := faults.Params{Subject: c.String(), Faults: c.Claims().Union(), OneToOne: true, NonMember: true, MTU: c.mtu()}
		if c.mtu() > 0 {
			p.MaxSize = 4 * c.mtu()
		}
		p.MinNodes, p.MaxNodes = c.sizes()
		return &Subject{Name: c.String(), New: c.Member, Claims: c.Claims(), Params: p, cell: c}, nil
	}
	m, ok := mutant.Lookup(name)
	if !ok {
		var all []string
		for _, m := range mutant.All() {
			all = append(all, m.Name)
		}
		return nil, unknown("mutant", name, all)
	}
	return mutantSubject(m)
}

func mutantSubject(m *mutant.Mutant) (*Subject, error) {
	c, err := ParseCell(m.Cell)
	if err != nil {
		return nil, err
	}
	p := faults.Params{Subject: mutantPrefix + m.Name, Faults: m.Under, OneToOne: m.OneToOne, NonMember: m.NonMember, MTU: m.MTU}
	if m.MTU > 0 {
		p.MaxSize = 4 * m.MTU
	}
	p.MinNodes, p.MaxNodes = c.sizes()
	out := &Subject{Name: p.Subject, New: m.New, Claims: c.Claims(), Params: p, cell: c, rules: m.Network, above: m.Across}
	if out.New == nil { // the bug is below
		out.New = c.Member
	}
	return out, nil
}

// world says how the subject's scenarios are played.
func (s *Subject) world() sim.Config {
	cfg := s.cell.world(s.New, s.rules)
	if s.above != nil {
		cfg.Across = s.above
	}
	if s.isMutant() && s.cell.changes() { // it may change views for ever
		cfg.Enough = func(now spec.Time, _ *spec.History) bool { return now > 5*spec.Time(viewsAreAsked) }
	}
	return cfg
}

func (s *Subject) isMutant() bool { return strings.HasPrefix(s.Name, mutantPrefix) }

// OnLinks says whether the subject stands on links, on which there are frames.
func (s *Subject) OnLinks() bool {
	_, links := s.cell.network()
	return links
}

func (s *Subject) bench() *bench { return s.cell.newBench(s.world(), s.Params.MTU) }

// draw makes schedule i of a mutant in s. On a network of links it has what schedules of the cell have.
func (s *Subject) draw(into *faults.Scenario, seed uint64, i int) {
	if _, links := s.cell.network(); links || len(s.cell.heads(8)) > 0 || s.cell.Transport.Name == "anycast" || s.cell.special() || s.cell.across() {
		s.cell.drawInto(into, seed, s.Params, s.Params.Faults, i)
		return
	}
	faults.DrawInto(into, seed, s.Params)
}
