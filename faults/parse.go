package faults

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/conform-go/conform/spec"
)

// ParseError says which line of a scenario's text is wrong, counted from 1, and why.
type ParseError struct {
	Line   int
	Reason string
}

func (e *ParseError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// Parse reads a scenario's text: the inverse of [Scenario.String]. Blank lines are skipped, and so is what follows a
// word that begins with "#", but not in a subject. Groups stand before the steps that name them. The error is a
// [*ParseError].
func Parse(text string) (*Scenario, error) {
	p := parser{s: &Scenario{Net: DefaultNet}, seen: map[string]int{}}
	for line := range strings.Lines(text) {
		p.line++
		if err := p.parseLine(strings.TrimSpace(line)); err != nil {
			return nil, p.fail(err)
		}
	}
	if err := p.finish(); err != nil {
		return nil, p.fail(err)
	}
	return p.s, nil
}

type parser struct {
	s      *Scenario
	line   int
	schema bool           // the first line was there
	seen   map[string]int // the line of each word that may stand once
	groups []int          // the line of each group
	steps  []int          // the line of each step
	words  words
}

func (p *parser) fail(err error) error { return &ParseError{Line: max(1, p.line), Reason: err.Error()} }

var lineNames = []string{"subject", "expect", "nodes", "group", "seed", "net", "at", "on", "decisions", "trace"}

func (p *parser) parseLine(line string) error {
	p.words.cut(line)
	if p.words.done() {
		return nil
	}
	word, _ := p.words.next("a word")
	if !p.schema {
		p.schema = true
		if word != Schema {
			return fmt.Errorf("this is no scenario: want %s as the first line, not %q", Schema, word)
		}
		return p.words.end()
	}
	switch word {
	case "at", "on":
		p.steps = append(p.steps, p.line)
		return p.parseStep(word)
	case "group":
		p.groups = append(p.groups, p.line)
		return p.parseGroup()
	}
	if first, twice := p.seen[word]; twice {
		return fmt.Errorf("a second %q: the first is in line %d", word, first)
	}
	if word == "subject" {
		p.seen[word] = p.line
		p.s.Subject = strings.TrimSpace(line[len(word):])
		return validateSubject(p.s.Subject)
	}
	if err := p.parseHead(word); err != nil {
		return err
	}
	p.seen[word] = p.line
	return p.words.end()
}

func (p *parser) parseHead(word string) (err error) {
	s := p.s
	switch word {
	case "expect":
		var id string
		id, err = p.words.next("a requirement")
		s.Expect = spec.ID(id)
	case "nodes":
		s.Nodes, err = p.words.number("number of nodes")
	case "seed":
		s.Seed, err = p.parseSeed()
	case "net":
		err = p.parseNet()
	case "decisions":
		s.Decisions, err = p.words.hex("decisions")
	case "trace":
		err = p.parseTrace()
	default:
		err = unknown("line", word, lineNames)
	}
	return err
}

func (p *parser) parseSeed() (uint64, error) {
	word, err := p.words.next("a seed")
	if err != nil {
		return 0, err
	}
	seed, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("seed %q: want a number from 0 to 2^64-1", word)
	}
	return seed, nil
}

func (p *parser) parseNet() error {
	word, err := p.words.next("a strategy")
	if err != nil {
		return err
	}
	n := &p.s.Net
	if n.Strategy, err = ParseStrategy(word); err != nil {
		return err
	}
	if word, err = p.words.next("a latency"); err != nil {
		return err
	}
	low, high, ok := strings.Cut(word, "..")
	if !ok {
		return fmt.Errorf("latency %q: want bounds such as 1ms..10ms", word)
	}
	if n.Min, err = parseDuration("latency", low); err != nil {
		return err
	}
	if n.Max, err = parseDuration("latency", high); err != nil {
		return err
	}
	if p.words.accept("depth") {
		if n.Depth, err = p.words.number("depth"); err != nil {
			return err
		}
	}
	if p.words.accept("mtu") {
		if n.MTU, err = p.words.number("mtu"); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) parseGroup() error {
	name, err := p.words.next("the name of a group")
	if err != nil {
		return err
	}
	g := Group{Name: name, Closed: p.words.accept("closed")}
	if p.words.accept("at") {
		if g.Address, err = p.words.next("the address of the group"); err != nil {
			return err
		}
	}
	for !p.words.done() {
		n, err := p.words.number("member")
		if err != nil {
			return err
		}
		g.Members = append(g.Members, spec.NodeID(n))
	}
	p.s.Groups = append(p.s.Groups, g)
	return nil
}

func (p *parser) parseTrace() (err error) {
	t := &p.s.Trace
	if t.Events, err = p.words.number("events"); err != nil {
		return err
	}
	word, err := p.words.next("a digest")
	if err != nil {
		return err
	}
	if t.Digest, err = strconv.ParseUint(word, 16, 64); err != nil || len(word) != 16 {
		return fmt.Errorf("digest %q: want 16 hexadecimal digits", word)
	}
	if t.Stride, err = p.words.number("stride"); err != nil {
		return err
	}
	if !p.words.done() {
		t.Samples, err = p.words.hex("samples")
	}
	return err
}

// finish validates what was read, and blames the line that it was read from.
func (p *parser) finish() error {
	if !p.schema {
		return fmt.Errorf("the text is empty: want %s as the first line", Schema)
	}
	if _, ok := p.seen["nodes"]; !ok {
		return errors.New("there is no nodes line")
	}
	last := p.line
	if err := within("nodes", p.s.Nodes, 1, MaxNodes); err != nil {
		p.line = p.seen["nodes"]
		return err
	}
	if p.s.Expect != "" {
		if err := validateName("requirement", string(p.s.Expect)); err != nil {
			p.line = p.seen["expect"]
			return err
		}
	}
	if err := p.s.Net.validate(); err != nil {
		p.line = p.seen["net"]
		return err
	}
	for i := range p.groups {
		p.line = p.groups[i]
		if err := p.s.validateGroup(i); err != nil {
			return err
		}
	}
	for i := range p.steps {
		p.line = p.steps[i]
		if err := p.s.validateStep(i); err != nil {
			return err
		}
	}
	if p.line = p.seen["trace"]; p.line == 0 {
		p.line = last
	}
	return p.s.Trace.validate()
}
