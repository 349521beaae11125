package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

type checkCommand struct {
	Claims  []string `placeholder:"L" help:"Requirements and levels that are claimed (reliable, causal, total, …). Without: all that has a judge is reported, and the level reliable counts."`
	Format  string   `default:"jsonl" help:"Format of the histories: jsonl, which is conform.history/1; epfl, lines b n and d sender n, a file for each process, whose number the file's name ends with; jepsen, operations of broadcasting as JSON."`
	Settled bool     `help:"epfl, jepsen: the run went on until everything was delivered."`
	Crashed []uint64 `placeholder:"P" help:"epfl: processes that crashed at the end of their logs."`
	Nodes   int      `placeholder:"N" help:"jepsen: nodes, where operations do not name theirs: process p is a client of node p mod N."`
	Pages   string   `default:"." placeholder:"DIR" help:"Directory for a page that shows the operations of each requirement …-LINEARIZABLE that fails, named after it."`
	History []string `arg:"" name:"HISTORY" help:"Files; - is stdin."`
	formats
}

func (checkCommand) Help() string {
	return example("conform replay --history history.jsonl suites/testdata/examples/relayed.scenario",
		"conform check --claims reliable,causal history.jsonl")
}

// Run judges each history.
func (c *checkCommand) Run(s *session) error {
	if err := c.formatted(); err != nil {
		return usage(err)
	}
	claims, err := spec.ParseClaims(named(c.Claims))
	if err != nil {
		return usage(err)
	}
	if len(claims) == 0 && len(named(c.Claims)) > 0 {
		return usage(fmt.Errorf("--claims %v promises nothing that could be judged", c.Claims))
	}
	var reports []*suites.CheckReport
	worst := spec.Pass
	var unread []error
	for _, files := range c.histories() {
		name := strings.Join(files, " ")
		h, err := c.read(files, claims)
		if err != nil {
			unread = append(unread, err)
			continue
		}
		if h.Truncated {
			fmt.Fprintf(s.stderr, "%s: the last line is cut off; the rest is judged as unsettled\n", name)
		}
		r := suites.CheckHistory(h, claims)
		r.File = name
		c.draw(s, h, r)
		worst = worst.Merge(r.Verdict)
		reports = append(reports, r)
	}
	s.verdict(worst)
	unreadable := usage(errors.Join(unread...))
	if len(reports) == 0 {
		return unreadable
	}
	tell := func(w io.Writer) {
		for i, r := range reports {
			if i > 0 {
				fmt.Fprintln(w)
			}
			r.WriteText(w)
		}
	}
	var result suites.Sheet = reports[0]
	if len(c.histories()) > 1 {
		result = suites.CheckReports{Schema: reports[0].Schema, Histories: reports, Verdict: worst}
	}
	return errors.Join(unreadable, c.emit(s, result, tell))
}

// draw writes the page of each requirement about operations that failed, and says where it is. With several histories
// the name of the file stands before that of the requirement. A page that can't be drawn changes no verdict.
func (c *checkCommand) draw(s *session, h *spec.History, r *suites.CheckReport) {
	for i := range r.Requirements {
		row := &r.Requirements[i]
		if row.Verdict != spec.Fail || !suites.Drawable(row.ID) {
			continue
		}
		name := string(row.ID) + ".html"
		if len(c.histories()) > 1 {
			name = strings.TrimSuffix(filepath.Base(r.File), filepath.Ext(r.File)) + "." + name
		}
		name = filepath.Join(c.Pages, name)
		var page bytes.Buffer
		err := suites.DrawOperations(&page, h, row.ID)
		if err == nil {
			err = os.WriteFile(name, page.Bytes(), 0o666)
		}
		if err != nil {
			fmt.Fprintf(s.stderr, "%s: not drawn: %v\n", row.ID, err)
			continue
		}
		fmt.Fprintf(s.stderr, "%s: the operations are shown in %s\n", row.ID, name)
	}
}

// mark is the byte order mark that some editors put in front of UTF-8.
const mark = "\ufeff"

// readHistory reads a file, or stdin for "-". Its errors name the file, and the line where one is malformed.
func readHistory(name string) (*spec.History, error) {
	f := os.Stdin
	if name != "-" {
		var err error
		if f, err = os.Open(name); err != nil {
			return nil, err
		}
		defer f.Close()
	}
	r := bufio.NewReader(f)
	if b, _ := r.Peek(len(mark)); string(b) == mark {
		_, _ = r.Discard(len(mark))
	}
	h, err := spec.ReadHistory(r)
	if err == nil {
		err = h.Sound()
	}
	if syntax := new(spec.SyntaxError); errors.As(err, &syntax) {
		return nil, fmt.Errorf("%s: %w", name, err)
	} else if err != nil {
		return nil, fmt.Errorf("%s: unreadable: %w", name, err)
	}
	return h, nil
}
