package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

type certifyCommand struct {
	Claims    []string      `placeholder:"L" help:"Requirements and levels that it is judged by; without them, what the program says it claims."`
	Profile   string        `placeholder:"NAME" help:"Judge it by a profile instead."`
	Faults    string        `default:"none" placeholder:"L" help:"Faults beyond those that it tolerates."`
	Network   string        `enum:",harness,own" default:"" placeholder:"harness|own" help:"Whose network it uses; without it, what the program says."`
	Schedules int           `default:"0" help:"Schedules; 0: 300, or a tenth where every life needs a new process."`
	Runs      int           `default:"1" help:"How often a violation that was found is played again."`
	Nodes     int           `default:"0" help:"Nodes of a schedule; 0: three or four."`
	Messages  int           `default:"0" help:"Most messages of a schedule; 0: four."`
	Seed      uint64        `default:"1" help:"Same seed, same schedules."`
	Parallel  int           `default:"0" help:"Workers, each with its own processes; 0: one for each core."`
	Connect   string        `enum:"stdio,tcp,unix" default:"stdio" help:"How lines go: stdio, or a tcp or unix address in CONFORM_ADDR that the program dials."`
	Deadline  time.Duration `default:"10s" help:"How long one answer of the program may take."`
	Check     bool          `name:"check-adapter" help:"See only whether it speaks the protocol."`
	Command   []string      `arg:"" name:"CMD" help:"The program, with its arguments, behind --."`
	output
}

func (certifyCommand) Help() string {
	return example("conform certify --claims reliable,causal --faults crash -- python3 impl/adapter/samples/python/causal.py")
}

// Run tries the program.
func (c *certifyCommand) Run(s *session) error {
	if err := c.prepare(); err != nil {
		return err
	}
	plan, err := c.plan()
	if err != nil {
		return usage(err)
	}
	if c.Check {
		r := plan.CheckAdapter()
		s.verdict(r.Verdict)
		return c.emit(s, r, r.WriteText)
	}
	show, end := progress(s, "certifying")
	plan.Progress = show
	r, err := plan.Run(s.ctx)
	end()
	if err != nil {
		return usage(err)
	}
	s.verdict(r.Verdict)
	return c.emit(s, r, r.WriteText)
}

func (c *certifyCommand) plan() (suites.Certification, error) {
	var p suites.Certification
	more, err := spec.ParseFaultSet(c.Faults)
	switch {
	case err != nil:
		return p, err
	case c.Profile != "" && len(named(c.Claims)) > 0:
		return p, errors.New("--claims and --profile: want one of them")
	case c.Schedules < 0 || c.Runs < 1:
		return p, fmt.Errorf("--schedules %d, --runs %d: want at least 1", c.Schedules, c.Runs)
	case c.Deadline <= 0:
		return p, fmt.Errorf("--deadline %v: want more than that", c.Deadline)
	}
	return suites.Certification{Adapter: adapter.Options{Command: c.Command, Connect: c.Connect, Answer: c.Deadline},
		Claims: named(c.Claims), Profile: strings.ToLower(c.Profile), Faults: more, Network: c.Network, Nodes: c.Nodes, Messages: c.Messages,
		Schedules: c.Schedules, Runs: c.Runs, Seed: c.Seed, Parallel: workers(c.Parallel), Clock: time.Now}, nil
}
