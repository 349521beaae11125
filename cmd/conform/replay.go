package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

type replayCommand struct {
	Scenario string   `arg:"" name:"FILE|TOKEN" help:"A scenario file (- is stdin), or the token that a report prints."`
	Subject  string   `placeholder:"NAME" help:"Play it on this instead: transport/reliability/ordering, or mutant:NAME."`
	History  string   `placeholder:"FILE" writes:"" help:"Write what the nodes saw as a history."`
	Pcap     string   `placeholder:"FILE" writes:"" help:"Write the frames on all links as a capture (hardware, broadcast and ip transports; on the kernel, all)."`
	World    string   `enum:"sim,netns" default:"sim" placeholder:"sim|netns" help:"Where it is played: sim, the embedded simulator; netns, the kernel's network, which takes a stack, or a program of your own with sockets of its own."`
	Command  []string `arg:"" optional:"" name:"CMD" help:"Behind --: a program of your own that plays it, with its arguments."`
	output
}

func (replayCommand) Help() string {
	return example("conform replay --subject unicast/reliable/causal suites/testdata/examples/not-relayed.scenario")
}

// Run plays the scenario.
func (c *replayCommand) Run(s *session) error {
	sc, err := readScenario(c.Scenario)
	if err != nil {
		return usage(err)
	}
	if c.World == "netns" {
		if code, done, err := suites.Elevate(); done || err != nil {
			s.code = code
			return err
		}
	}
	if len(c.Command) > 0 {
		return c.certified(s, sc)
	}
	if c.Subject != "" {
		if sc.Subject != c.Subject {
			sc.Trace = faults.Trace{} // that of another subject's run
		}
		sc.Subject = c.Subject
	}
	subject, err := suites.Playable(sc)
	if err != nil {
		return usage(fmt.Errorf("%s: %w", c.Scenario, err))
	}
	if c.World == "sim" && c.Pcap != "" && !subject.OnLinks() {
		return usage(fmt.Errorf("--pcap: %s stands on no links, so that there are no frames to capture", subject.Name))
	}
	r, err := c.play(s, sc)
	if errors.Is(err, suites.ErrUsage) {
		return usage(err)
	}
	if err != nil {
		return err
	}
	s.verdict(r.Verdict)
	return errors.Join(c.emit(s, r, r.WriteText), c.keep(s, &r.History))
}

// certified lets a program of somebody's own play the scenario.
func (c *replayCommand) certified(s *session, sc *faults.Scenario) error {
	if c.Pcap != "" || c.Subject != "" {
		return usage(errors.New("--pcap and --subject do not go with a program of your own"))
	}
	r, err := suites.Certification{Adapter: adapter.Options{Command: c.Command}, World: strings.TrimPrefix(c.World, "sim")}.Replay(sc)
	switch {
	case errors.Is(err, suites.ErrUsage):
		return usage(err)
	case err != nil:
		return err
	}
	s.verdict(r.Verdict)
	return errors.Join(c.emit(s, r, r.WriteText), c.keep(s, &r.History))
}

// play plays the scenario, and captures the frames if it is asked to.
func (c *replayCommand) play(s *session, sc *faults.Scenario) (*suites.Replayed, error) {
	if c.Pcap == "" && c.World == "netns" {
		return suites.ReplayOutdoors(sc, nil)
	}
	if c.Pcap == "" {
		return suites.Replay(sc)
	}
	capture := suites.Capture
	if c.World == "netns" {
		capture = suites.ReplayOutdoors
	}
	var r *suites.Replayed
	err := s.write(c.Pcap, func(w io.Writer) (err error) {
		r, err = capture(sc, w)
		return err
	})
	return r, err
}

// readScenario reads a token, or a file of text.
func readScenario(what string) (*faults.Scenario, error) {
	if faults.IsToken(what) {
		if _, err := os.Stat(what); err != nil {
			return faults.ParseToken(what)
		}
	}
	var b []byte
	var err error
	if what == "-" {
		b, err = io.ReadAll(os.Stdin)
	} else {
		b, err = os.ReadFile(what)
	}
	if err != nil {
		return nil, fmt.Errorf("%w (and it is no token: these begin with c1.)", err)
	}
	sc, err := faults.Parse(string(bytes.TrimPrefix(b, []byte(mark))))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return sc, nil
}

// keep writes what the nodes saw.
func (c *replayCommand) keep(s *session, h *spec.History) error {
	return s.write(c.History, func(w io.Writer) error { return spec.WriteHistory(w, h) })
}
