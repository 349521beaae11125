// Package match holds matchers of Gomega for recorded histories:
//
//	Expect(history).To(match.Satisfy("AGREEMENT", "CAUSAL-ORDER"))
//
// Their failure messages are witnesses.
package match

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// Satisfy matches a *spec.History in which each requirement holds and was tested. Ids are those of the catalogue, or
// levels, as `conform check --claims` takes them: "reliable", "causal", "total". What the history can't show is no
// match: a test that tests nothing should not pass.
func Satisfy(claims ...string) types.GomegaMatcher { return &satisfy{claims: claims} }

// Violate matches a *spec.History that breaks each of the requirements.
func Violate(claims ...string) types.GomegaMatcher { return &satisfy{claims: claims, broken: true} }

type satisfy struct {
	claims []string
	broken bool // they are to be
	report *suites.CheckReport
}

// Match judges the history.
func (m *satisfy) Match(actual any) (bool, error) {
	h, ok := actual.(*spec.History)
	if !ok {
		return false, fmt.Errorf("match: want a *spec.History, have a %T", actual)
	}
	ids, err := spec.ParseClaims(m.claims)
	if err != nil {
		return false, err
	}
	if len(ids) == 0 {
		return false, fmt.Errorf("match: nothing is claimed")
	}
	if err := h.Sound(); err != nil {
		return false, err
	}
	m.report = suites.CheckHistory(h, ids)
	for i := range m.report.Requirements {
		if m.report.Requirements[i].Verdict != m.want() {
			return false, nil
		}
	}
	return true, nil
}

func (m *satisfy) want() spec.Verdict {
	if m.broken {
		return spec.Fail
	}
	return spec.Pass
}

// FailureMessage tells of each requirement that is not as it was expected.
func (m *satisfy) FailureMessage(any) string {
	return m.tell("a history that "+m.verb(), func(v spec.Verdict) bool { return v != m.want() })
}

// NegatedFailureMessage tells of each requirement that is as it was not expected.
func (m *satisfy) NegatedFailureMessage(any) string {
	return m.tell("a history that does not "+strings.TrimSuffix(m.verb(), "s"), func(v spec.Verdict) bool { return v == m.want() })
}

func (m *satisfy) verb() string {
	if m.broken {
		return "violates"
	}
	return "satisfies"
}

func (m *satisfy) tell(expected string, shown func(spec.Verdict) bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Expected %s %s\n", expected, strings.Join(m.claims, ", "))
	for i := range m.report.Requirements {
		r := &m.report.Requirements[i]
		if !shown(r.Verdict) {
			continue
		}
		switch {
		case r.Witness != nil:
			fmt.Fprintf(&b, "\n%s is broken: %s\n\n%s", r.ID, r.Witness.Text, r.Witness.Diagram)
		case r.Reason != "":
			fmt.Fprintf(&b, "\n%s is %s: %s\n", r.ID, r.Verdict, r.Reason)
		default:
			fmt.Fprintf(&b, "\n%s: %s, tested %d times\n", r.ID, r.Verdict, r.Antecedents)
		}
	}
	return b.String()
}
