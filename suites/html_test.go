package suites_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// found is a run in which a claim is broken, something else is refuted, and a stack makes no sense.
func found() *suites.Report {
	r := &suites.Report{Schema: suites.RunSchema, Seed: "1", ElapsedMS: 7, Verdict: spec.Fail}
	for _, level := range []string{"reliable", "best-effort"} {
		for _, transport := range []string{"unicast", "hardware"} {
			r.Cells = append(r.Cells, suites.CellReport{Transport: transport, Reliability: level, Ordering: "causal", Membership: "static", Applicable: true,
				Requirements: []suites.Row{
					{ID: "NO-DUPLICATION/restart", Claimed: true, Under: "crash", Verdict: spec.Pass, Judged: 10, Antecedents: 4},
					{ID: "TOTAL-ORDER", With: "none", Verdict: spec.Fail, Witness: &suites.Story{ID: "TOTAL-ORDER", Text: "two orders", Scenario: "conform.scenario/1\n", Diagram: "> 0s  send\n"}},
				}})
		}
	}
	r.Cells[0].Requirements = append(r.Cells[0].Requirements, suites.Row{ID: "AGREEMENT", Claimed: true, Under: "crash", Verdict: spec.Fail, Judged: 10, Failed: 1,
		Witness: &suites.Story{ID: "AGREEMENT", Text: `process 2 <script>alert("x")</script> never delivered`, Replay: "conform replay c1.x"}})
	r.Cells = append(r.Cells, suites.CellReport{Transport: "anycast", Reliability: "reliable", Ordering: "causal", Membership: "static", Reason: "anycast reaches one"})
	return r
}

// TestPage: everything that a link names is there, nothing comes from elsewhere, what is not promised is told once for
// each part, and a run that was kept gives the same bytes.
func TestPage(t *testing.T) {
	r := found()
	var page bytes.Buffer
	if err := suites.WriteHTML(&page, r); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	for _, want := range []string{"<h1>conform run --seed 1: <span class=\"fail\">fail</span></h1>", "process 2 &lt;script&gt;", "conform replay c1.x", "&gt; 0s  send",
		"unicast/reliable/causal/static claims it under crash.", "anycast reaches one: anycast/reliable/causal/static", "4 judged, 1 not applicable", "prefers-color-scheme"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, never := range []string{"<script", "http:", "https:", "src=", "@import"} {
		if strings.Contains(text, never) {
			t.Errorf("%q is in the page", never)
		}
	}
	if n := strings.Count(text, ">two orders<"); n != 1+4 { // of one ordering, and four lines that lead to it
		t.Errorf("told and linked %d times, want 5", n)
	}
	ids := map[string]int{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if ids[m[1]]++; ids[m[1]] > 1 {
			t.Errorf("id %s stands twice", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`(?:href="#|aria-labelledby=")([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if ids[m[1]] == 0 {
			t.Errorf("a link to %s, which is nowhere", m[1])
		}
	}
	kept, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var again suites.Report
	if err := json.Unmarshal(kept, &again); err != nil {
		t.Fatal(err)
	}
	again.ElapsedMS = 8
	var second bytes.Buffer
	if err := suites.WriteHTML(&second, &again); err != nil || !bytes.Equal(page.Bytes(), second.Bytes()) {
		t.Errorf("another page from the same run: %v", err)
	}
}

// TestPageOfMutants: a bug that was caught passes and shows how, one that survived fails.
func TestPageOfMutants(t *testing.T) {
	table := &suites.KillTable{Total: 2, Killed: 1, Mutants: []suites.Kill{
		{Name: "no-relay", Killed: true, By: []spec.ID{"AGREEMENT"}, Breaks: []spec.ID{"AGREEMENT"}, Witness: &suites.Story{ID: "AGREEMENT", Text: "never delivered"}},
		{Name: "too-quiet", Breaks: []spec.ID{"VALIDITY"}}}}
	var page bytes.Buffer
	if err := suites.WriteHTML(&page, table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"How planted bugs were caught", ">AGREEMENT of no-relay<", "caught by AGREEMENT", "it survived: nobody saw that it breaks VALIDITY", `id="r-AGREEMENT"`} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("no %q in\n%s", want, page.String())
		}
	}
}
