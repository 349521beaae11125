package main

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
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
	World     string        `enum:",netns" default:"" placeholder:"netns" help:"Where a program with sockets of its own lives: on loopback, or with netns each node on a host of the kernel's own network, which is broken around it."`
	Schedules int           `default:"0" help:"Schedules; 0: 300, or a tenth where every life needs a new process."`
	Runs      int           `default:"1" help:"How often a violation that was found is played again."`
	Nodes     int           `default:"0" help:"Nodes of a schedule; 0: three or four."`
	Messages  int           `default:"0" help:"Most messages of a schedule; 0: four."`
	Seed      uint64        `default:"1" help:"Same seed, same schedules."`
	Parallel  int           `default:"0" help:"Workers, each with its own processes; 0: one for each core."`
	Connect   string        `enum:"stdio,tcp,unix" default:"stdio" help:"How lines go: stdio, or a tcp or unix address in CONFORM_ADDR that the program dials."`
	Deadline  time.Duration `default:"10s" help:"How long one answer of the program may take."`
	Protocol  string        `enum:"conform,maelstrom" default:"conform" placeholder:"conform|maelstrom" help:"What the program speaks: the adapter protocol, or that of Maelstrom's broadcast nodes."`
	Pace      string        `enum:",virtual,real" default:"" placeholder:"virtual|real" help:"Of Maelstrom nodes: virtual time runs ahead, or waits for their timers; without it, what is found by watching one."`
	Settle    time.Duration `default:"0" help:"Of Maelstrom nodes: how long one may be silent before it does something of its own accord; 0: what is found by watching one."`
	Check     bool          `name:"check-adapter" help:"See only whether it speaks the protocol."`
	Cert      string        `name:"certificate" placeholder:"FILE" writes:"" help:"Write a signed certificate, if everything holds; nothing may be left out then."`
	Key       string        `placeholder:"FILE" help:"Private key (PEM, PKCS #8, ed25519) that signs the certificate: openssl genpkey -algorithm ed25519 makes one."`
	Command   []string      `arg:"" name:"CMD" help:"The program, with its arguments, behind --."`
	formats
}

func (certifyCommand) Help() string {
	return example("conform certify --claims reliable,causal --faults crash -- python3 impl/adapter/samples/python/causal.py")
}

// Run tries the program.
func (c *certifyCommand) Run(s *session) error {
	plan, err := c.plan()
	if err != nil {
		return usage(err)
	}
	if c.World == "netns" {
		if code, done, err := suites.Elevate(); done || err != nil {
			s.code = code
			return err
		}
	}
	key, err := c.key()
	if err != nil {
		return usage(err)
	}
	if c.Check {
		err := s.idle("--check-adapter judges no claim and draws no schedule", "claims", "profile", "faults", "schedules", "runs",
			"nodes", "messages", "seed", "parallel")
		if err != nil {
			return err
		}
		r := plan.CheckAdapter()
		s.verdict(r.Verdict)
		return c.emit(s, r, r.WriteText)
	}
	show, end := progress(s, "certifying")
	plan.Progress = show
	if key != nil {
		return c.certify(s, &plan, key, end)
	}
	r, err := plan.Run(s.ctx)
	end()
	if err != nil {
		return usage(err)
	}
	s.verdict(r.Verdict)
	return c.emit(s, r, r.WriteText)
}

// key reads what a certificate is to be signed with, before anything is executed; nil where none is wanted.
func (c *certifyCommand) key() (ed25519.PrivateKey, error) {
	switch {
	case c.Cert == "" && c.Key == "":
		return nil, nil
	case c.Cert == "" || c.Key == "":
		return nil, errors.New("--certificate FILE and --key FILE: want both")
	case c.Check:
		return nil, errors.New("--check-adapter judges nothing that a certificate could say")
	}
	return readPrivate(c.Key)
}

// certify tries the program and writes a certificate. Where there is none though nothing is broken, nothing that the
// certificate would say was shown.
func (c *certifyCommand) certify(s *session, plan *suites.Certification, key ed25519.PrivateKey, end func()) error {
	r, cert, none, err := plan.Certify(s.ctx)
	end()
	if err != nil {
		return usage(err)
	}
	s.verdict(r.Verdict)
	if none != nil && r.Verdict == spec.Pass {
		s.verdict(spec.Inconclusive)
	}
	if err := c.emit(s, r, r.WriteText); err != nil {
		return err
	}
	if none != nil {
		fmt.Fprintln(s.stderr, "conform:", none)
		return nil
	}
	sealed, err := cert.Seal(s.ctx, key)
	if err != nil {
		return err
	}
	err = s.write(c.Cert, func(w io.Writer) error {
		_, err := w.Write(sealed)
		return err
	})
	if err != nil || c.Cert == "-" {
		return err
	}
	fmt.Fprintf(s.stderr, "the certificate is in %s; conform verify --replay 20 %s plays the first 20 schedules again\n", c.Cert, c.Cert)
	return nil
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
	case c.Protocol != adapter.Maelstrom && (c.Pace != "" || c.Settle != 0):
		return p, errors.New("--pace and --settle are for --protocol maelstrom: other programs ask the harness for their timers")
	case c.Settle < 0:
		return p, fmt.Errorf("--settle %v: want at least 0", c.Settle)
	case c.Deadline <= 0:
		return p, fmt.Errorf("--deadline %v: want more than that", c.Deadline)
	}
	return suites.Certification{Adapter: adapter.Options{Command: c.Command, Connect: c.Connect, Answer: c.Deadline, Speak: speak(c.Protocol), Pace: c.Pace, Settle: c.Settle},
		Claims: named(c.Claims), Profile: strings.ToLower(c.Profile), Faults: more, Network: c.Network, World: c.World, Nodes: c.Nodes, Messages: c.Messages,
		Schedules: c.Schedules, Runs: c.Runs, Seed: c.Seed, Parallel: workers(c.Parallel), Clock: time.Now}, nil
}

// speak is what adapter.Options call a protocol.
func speak(protocol string) string {
	if protocol == adapter.Maelstrom {
		return protocol
	}
	return ""
}
