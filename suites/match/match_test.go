package match_test

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites/match"
)

// history has two processes; the second one delivers as often as times says.
func history(t *testing.T, times int) *spec.History {
	t.Helper()
	text := `{"schema":"conform.history/1","nodes":["0","1"],"groups":{"g":["0","1"]},"settled":true}
{"t":0,"node":"0","kind":"send","group":"g","msg":"0/0/1","sum":"a"}
{"t":1,"node":"0","kind":"deliver","group":"g","msg":"0/0/1","sum":"a"}
` + strings.Repeat(`{"t":2,"node":"1","kind":"deliver","group":"g","msg":"0/0/1","sum":"a"}`+"\n", times)
	h, err := spec.ReadHistory(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestSatisfy(t *testing.T) {
	g := gomega.NewWithT(t)
	g.Expect(history(t, 1)).To(match.Satisfy("AGREEMENT", "NO-DUPLICATION"))
	g.Expect(history(t, 1)).NotTo(match.Violate("AGREEMENT"))
	g.Expect(history(t, 0)).To(match.Violate("AGREEMENT"))
	g.Expect(history(t, 2)).NotTo(match.Satisfy("NO-DUPLICATION"))
	g.Expect(history(t, 1)).NotTo(match.Satisfy("UNIFORM-AGREEMENT"), "nobody crashed: nothing is shown")
}

// What a failed expectation says is the witness.
func TestMessages(t *testing.T) {
	g := gomega.NewWithT(t)
	m := match.Satisfy("AGREEMENT")
	ok, err := m.Match(history(t, 0))
	g.Expect(ok).To(gomega.BeFalse())
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(m.FailureMessage(nil)).To(gomega.SatisfyAll(gomega.ContainSubstring("Expected a history that satisfies AGREEMENT"),
		gomega.ContainSubstring("process 1, a correct member, never delivered 0/0/1")))
	_, err = match.Satisfy("AGREEMENT").Match(42)
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("want a *spec.History")))
	_, err = match.Satisfy("AGREMENT").Match(history(t, 1))
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("AGREEMENT")))
	_, err = match.Satisfy().Match(history(t, 1))
	g.Expect(err).To(gomega.HaveOccurred())
}
