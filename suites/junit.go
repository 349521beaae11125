package suites

import (
	"encoding/xml"
	"fmt"
	"io"

	"github.com/conform-go/conform/spec"
)

// The elements of JUnit's XML, as Apache Ant wrote it first and all readers know it: there is no standard.
type junitFile struct {
	XMLName xml.Name `xml:"testsuites"`
	Name    string   `xml:"name,attr"`
	junitCounts
	Time   string       `xml:"time,attr"` // seconds
	Suites []junitSuite `xml:"testsuite"`
}

type junitCounts struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
}

type junitSuite struct {
	Name string `xml:"name,attr"`
	junitCounts
	Cases []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string       `xml:"name,attr"`
	Class   string       `xml:"classname,attr"`
	Failure *junitReason `xml:"failure"`
	Error   *junitReason `xml:"error"`
	Skipped *junitReason `xml:"skipped"`
}

type junitReason struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes what was found as JUnit's XML: a suite for each stack or history, and in it a case for each claimed
// requirement, named after it. A claim that failed is a failure, one that could not be judged an error, and one of which
// nothing was shown, like a stack that makes no sense, is skipped, with the reason. What is not claimed has no case:
// that it is broken is no failure, and that it is not is no success.
func WriteJUnit(w io.Writer, from Sheet) error {
	s := from.sheet()
	f := junitFile{Name: s.title, Time: fmt.Sprintf("%.3f", s.seconds)}
	for i := range s.parts {
		p := &s.parts[i]
		suite := junitSuite{Name: p.name}
		if p.absent != "" {
			suite.add(junitCase{Name: "applicable", Class: p.name, Skipped: &junitReason{Message: "not applicable: " + p.absent}})
		}
		for k := range p.rows {
			if r := &p.rows[k]; r.Claimed {
				suite.add(r.junit(p.name))
			}
		}
		f.Tests, f.Failures = f.Tests+suite.Tests, f.Failures+suite.Failures
		f.Errors, f.Skipped = f.Errors+suite.Errors, f.Skipped+suite.Skipped
		f.Suites = append(f.Suites, suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", " ")
	if err := e.Encode(f); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(c junitCase) {
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

// junit makes the case of a requirement.
func (r *Row) junit(class string) junitCase {
	c := junitCase{Name: string(r.ID), Class: class}
	switch {
	case r.Skipped:
		c.Skipped = &junitReason{Message: r.Reason}
	case r.Verdict == spec.Inconclusive:
		c.Skipped = &junitReason{Message: "inconclusive: " + r.Reason}
	case r.Verdict == spec.Error:
		c.Error = &junitReason{Message: r.Reason}
	case r.Verdict == spec.Fail:
		c.Failure = &junitReason{Message: r.why()}
		if x := r.Witness; x != nil {
			c.Failure.Text = "\n" + x.Scenario + x.Replay + "\n"
		}
	}
	return c
}
