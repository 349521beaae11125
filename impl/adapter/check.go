package adapter

import (
	"fmt"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Step is one thing that was tried to see whether a program speaks the protocol.
type Step struct {
	Name    string       `json:"name"`
	Verdict spec.Verdict `json:"verdict"`
	Text    string       `json:"text"`
}

// calls are the ops that a program may answer by done, or by error: unsupported where it has no such thing.
var calls = []string{"send", "join", "leave", "sync", "query", "create", "destroy"}

// Check tries what the protocol asks of every program: hello, init, an op that does not exist, every call, an init that
// begins anew where that was promised, and the end. It gives what was tried, up to the first thing that went wrong,
// and the hello, nil where there was none. What the group does is not its business.
func Check(o Options) (*Hello, []Step) { return CheckOn(o, loopback{}) }

// CheckOn is [Check] for a program that, if it has sockets of its own, uses them on somebody's network.
func CheckOn(o Options, n Network) (*Hello, []Step) {
	c := &checking{}
	pool, err := Open(o)
	if !c.tried("hello", err, "") {
		return nil, c.steps
	}
	c.steps[0].Text = fmt.Sprintf("%s %s, network %s", pool.hello.Name, pool.hello.Version, pool.hello.Network)
	defer pool.Close()
	if pool.hello.Network == "own" {
		c.tried("init, and an op that does not exist", NewOwnOn(o, pool.hello, n).Probe(), "ready; error unsupported")
		return pool.hello, c.steps
	}
	if pool.nodes != nil {
		c.tried("init, topology, broadcast and read", pool.nodes.try(), "answered")
		return pool.hello, c.steps
	}
	c.lockStep(pool)
	return pool.hello, c.steps
}

type checking struct{ steps []Step }

// tried notes what came of a step; false where it went wrong.
func (c *checking) tried(name string, err error, text string) bool {
	s := Step{Name: name, Text: text}
	if err != nil {
		s.Verdict, s.Text = spec.Error, err.Error()
	}
	c.steps = append(c.steps, s)
	return err == nil
}

func (c *checking) lockStep(pool *Pool) {
	if !c.tried("init, and an op that does not exist", pool.Probe(), "ready; error unsupported") {
		return
	}
	for _, op := range calls {
		l, out := pool.single(0)
		text, err := "no answer yet", pool.err
		if err == nil {
			err = l.try(op, out, &text)
		}
		if !c.tried(op, err, text) {
			return
		}
	}
	if pool.hello.Reset {
		pool.single(1)
		if !c.tried("init again, incarnation 1", pool.err, "ready") {
			return
		}
	}
	x := pool.seats[0]
	pool.seats[0] = nil
	text := fmt.Sprintf("it had to be killed: it did not leave within %v", Grace)
	if x.stop(time.Now().Add(Grace)) {
		text = "it leaves"
	}
	c.tried("closed stdin", nil, text)
}

// single lets node 0 of two begin a life.
func (p *Pool) single(life uint64) (*layer, *impl.Effects) {
	l := p.Member(impl.Config{Self: 0, Nodes: 2, Members: []spec.NodeID{0, 1}, Seed: 1, TS: probeTS, TL: probeTL}).(*layer)
	var arena impl.Arena
	out := impl.NewEffects(&arena)
	l.Step(impl.Input{Kind: impl.Start, Num: life}, out)
	l.Step(impl.Input{Kind: impl.Ready}, out)
	return l, out
}

// try makes one call and says how it was answered.
func (l *layer) try(op string, out *impl.Effects, text *string) error {
	line := callLine{Op: op, ID: l.call(impl.Input{Kind: impl.Query, Ref: 1}), Group: l.pool.group}
	if op == "send" {
		body := []byte("hello")
		line.Msg, line.Body = "0/0/1", &body
	}
	return l.pool.exchange(l.p, line, func(a *Line) error {
		switch {
		case a.Op == "done":
			*text = "done"
		case a.Op == "error" && a.Of == 0:
			*text = "error " + a.Code
			return nil
		case a.Op == "error":
			*text = "error " + a.Code
		}
		return l.effect(impl.Input{}, a, out)
	})
}
