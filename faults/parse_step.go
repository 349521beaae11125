package faults

import (
	"errors"
	"time"

	"github.com/conform-go/conform/spec"
)

// parseStep reads the rest of a line that began with "at" or "on".
func (p *parser) parseStep(first string) error {
	var step Step
	var err error
	if first == "at" {
		var at time.Duration
		at, err = p.words.duration("time")
		step.When.At = spec.Time(at)
	} else {
		step.When, err = p.parseTrigger()
	}
	if err != nil {
		return err
	}
	word, err := p.words.next("an action")
	if err != nil {
		return err
	}
	a := &step.Action
	if a.Op, err = ParseOp(word); err != nil {
		return err
	}
	for _, f := range shapes[a.Op] {
		if err := p.parseField(a, f); err != nil {
			return err
		}
	}
	p.s.Steps = append(p.s.Steps, step)
	return p.words.end()
}

var triggerNames = momentNames[AtTime+1:]

// parseTrigger reads "1 deliver 2" or "1 point relayed 2".
func (p *parser) parseTrigger() (When, error) {
	var w When
	node, err := p.words.node("node")
	if err != nil {
		return w, err
	}
	word, err := p.words.next("a moment")
	if err != nil {
		return w, err
	}
	i, err := indexOf("moment", word, triggerNames)
	if err != nil {
		return w, err
	}
	w.Node, w.On = node, AtTime+1+Moment(i)
	if w.On == OnPoint {
		if w.Point, err = p.words.next("the name of a point"); err != nil {
			return w, err
		}
	}
	w.K, err = p.words.number("count")
	return w, err
}

func (p *parser) parseField(a *Action, f field) (err error) {
	w := &p.words
	switch f {
	case nodeField:
		a.Node, err = w.node("node")
	case routerField:
		a.Router, err = w.router()
	case destField:
		err = p.parseDest(a)
	case groupField:
		a.Group, err = p.parseGroupName()
	case sizeField:
		a.Size, err = w.number("size")
	case contentField:
		if w.accept("content") {
			a.Content, err = w.number("content")
		}
	case toField:
		a.Peer, err = w.peer("to")
	case fromField:
		a.Peer, err = w.peer("from")
	case percentField:
		a.Percent, err = w.percent()
	case partsField:
		a.Parts, err = w.parts("|")
	case arrowField:
		a.Parts, err = w.parts(">")
	case viaField:
		if err = w.want("via"); err == nil {
			a.Node, err = w.node("bridge")
		}
	case everyField:
		if err = w.want("every"); err == nil {
			a.By, err = w.duration("every")
		}
	case byField:
		if err = w.want("by"); err == nil {
			a.By, err = w.duration("by")
		}
	case lieField:
		var word string
		if word, err = w.next("a lie"); err == nil {
			a.Lie, err = spec.ParseLie(word)
		}
	case durationField:
		if w.accept("for") {
			a.For, err = w.duration("for")
			if err == nil && a.For == 0 {
				err = errors.New("for 0s: leave it out, for until healed")
			}
		}
	}
	return err
}

// parseDest reads "g", or "to 2".
func (p *parser) parseDest(a *Action) (err error) {
	if p.words.accept("to") {
		a.To, err = p.words.node("destination")
		return err
	}
	a.To = -1
	a.Group, err = p.parseGroupName()
	return err
}

func (p *parser) parseGroupName() (spec.GroupID, error) {
	word, err := p.words.next("the name of a group")
	if err != nil {
		return 0, err
	}
	names := make([]string, len(p.s.Groups))
	for i := range p.s.Groups {
		if names[i] = p.s.Groups[i].Name; names[i] == word {
			return spec.GroupID(i), nil
		}
	}
	return 0, unknown("group", word, names)
}
