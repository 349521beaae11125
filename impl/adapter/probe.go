package adapter

import (
	"errors"
	"fmt"
)

// probeLine is a line with an op that does not exist.
const probeLine = `{"op":"x-probe","t":0,"id":1}`

// Probe lets a process live as node 0 of two and gives it an op that does not exist: it must say so, and go on.
func (p *Pool) Probe() error {
	if p.nodes != nil {
		return p.err // nobody says what becomes of a type that does not exist
	}
	l, _ := p.single(0)
	if p.err != nil {
		return p.err
	}
	answered := false
	err := p.converse(l.p, []byte(probeLine), func(a *Line) error {
		switch {
		case a.Op != "error":
			return fmt.Errorf("an op that does not exist is answered by op %q: want error", a.Op)
		case a.Code != "unsupported":
			return fmt.Errorf("an op that does not exist is answered by the code %q: want unsupported", a.Code)
		}
		answered = true
		return nil
	})
	if err == nil && !answered {
		err = errors.New("an op that does not exist, " + probeLine + `, is answered by idle alone: want {"op":"error","code":"unsupported"} before it`)
	}
	if err != nil {
		p.fail(0, err)
	}
	return p.err
}

// The timers that a probe is told.
const (
	probeTS = 30e6
	probeTL = 600e6
)
