package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

type verifyCommand struct {
	Key         string        `placeholder:"FILE" help:"Public key (PEM, ed25519) by which the certificate has to be signed. Without, the one that it names: then nothing says whose that is."`
	Replay      int           `default:"0" placeholder:"N" help:"Play the first N schedules again, on the program, and compare."`
	Parallel    int           `default:"0" help:"Workers, each with its own processes; 0: one for each core."`
	Connect     string        `enum:",stdio,tcp,unix" default:"" placeholder:"stdio|tcp|unix" help:"How lines go; without it, as when it was certified."`
	Deadline    time.Duration `default:"10s" help:"How long one answer of the program may take."`
	Certificate string        `arg:"" name:"CERTIFICATE" help:"What conform certify --certificate wrote."`
	Command     []string      `arg:"" optional:"" name:"CMD" help:"Behind --, with --replay: the program, with its arguments; without, the command of the certificate."`
	output
}

func (verifyCommand) Help() string {
	return example("openssl genpkey -algorithm ed25519 -out key.pem",
		"openssl pkey -in key.pem -pubout -out public.pem",
		"conform certify --certificate my-mcast.json --key key.pem -- python3 impl/adapter/samples/python/causal.py",
		"conform verify --key public.pem --replay 20 my-mcast.json")
}

// Run opens a certificate and says what it certifies, or why it is not what it says.
func (c *verifyCommand) Run(s *session) error {
	if c.Replay < 0 || c.Deadline <= 0 || c.Replay == 0 && len(c.Command) > 0 {
		return usage(errors.New("to play the certificate again takes --replay N, and a --deadline above 0"))
	}
	if c.Replay == 0 {
		if err := s.idle("nothing is played without --replay N", "parallel", "connect", "deadline"); err != nil {
			return err
		}
	}
	b, err := os.ReadFile(c.Certificate)
	if err != nil {
		return usage(err)
	}
	var public ed25519.PublicKey
	if c.Key != "" {
		if public, err = readPublic(c.Key); err != nil {
			return usage(err)
		}
	}
	cert, err := suites.Unseal(s.ctx, b, public)
	if errors.As(err, new(suites.NotSealed)) {
		s.verdict(spec.Fail)
		return fmt.Errorf("%s is not what it says: %w", c.Certificate, err)
	} else if err != nil {
		return usage(fmt.Errorf("%s: %w", c.Certificate, err))
	}
	tell := func(w io.Writer) {
		cert.WriteText(w)
		if public == nil {
			fmt.Fprintln(w, "\nIt is signed by the key that it names; --key says whose key that has to be.")
		}
	}
	if c.Replay > 0 {
		if cert.World() == "netns" {
			if code, done, err := suites.Elevate(); done || err != nil {
				s.code = code
				return err
			}
		}
		return c.again(s, cert, tell)
	}
	s.verdict(spec.Pass)
	return c.emit(s, cert, tell)
}

// again plays schedules of the certificate again. A program that is not as certified fails, whatever else broke.
func (c *verifyCommand) again(s *session, cert *suites.Certificate, tell func(io.Writer)) error {
	r, err := cert.Recheck(s.ctx, c.Replay, adapter.Options{Command: c.Command, Connect: c.Connect, Answer: c.Deadline}, workers(c.Parallel))
	switch {
	case errors.Is(err, suites.ErrUsage):
		return usage(err)
	case errors.As(err, new(suites.NotSealed)):
		s.verdict(spec.Fail)
		return err
	case err != nil:
		return err
	}
	s.verdict(r.Verdict)
	return c.emit(s, r, func(w io.Writer) {
		tell(w)
		r.WriteText(w)
	})
}

// readPublic reads a public key of ed25519 from a PEM file.
func readPublic(name string) (ed25519.PublicKey, error) {
	block, err := readPEM(name)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(block)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%s: the key is a %T: want ed25519", name, key)
	}
	return public, nil
}

// readPrivate reads a private key of ed25519 from a PEM file.
func readPrivate(name string) (ed25519.PrivateKey, error) {
	block, err := readPEM(name)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(block)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: want one as `openssl genpkey -algorithm ed25519` makes it", name, err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: the key is a %T: want ed25519", name, key)
	}
	return private, nil
}

func readPEM(name string) ([]byte, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM block", name)
	}
	return block.Bytes, nil
}
