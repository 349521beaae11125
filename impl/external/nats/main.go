// Nats records what real clients see of a real cluster: three core-NATS servers with routes between them, embedded in
// this process, and a group of members that multicast at the same instants. The history it writes is judged like any
// other:
//
//	go run ./nats -o history.jsonl
//
// What a user of core NATS may rely on, in the words of its FAQ (https://docs.nats.io/reference/faq, "Does NATS offer any
// guarantee of message ordering?"): "messages from a given single publisher will be delivered to all eligible subscribers
// in the order in which they were originally published. There are no guarantees of message delivery order amongst
// multiple publishers." And of loss: "at-most-once" ("Does NATS guarantee message delivery?"). So FIFO order must hold,
// total order is refuted, and with -kill messages are lost.
//
// What the history leaves out, because core NATS does not tell its application: `from` (the sender is known by the id
// that the publisher puts into a header, which no server vouches for), `ack` (Publish returns before anything is sent),
// views and positions.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/conform-go/conform/spec"
)

// Exit codes, as conform's own commands have them.
const (
	exitOK           = 0
	exitInconclusive = 2 // the history is written, but the run has not settled
	exitUsage        = 64
	exitBroke        = 70
)

func main() { os.Exit(command(os.Args[1:], os.Stdout, os.Stderr)) }

func command(args []string, stdout, stderr io.Writer) int {
	var p Params
	flags := flag.NewFlagSet("nats", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&p.Members, "members", 4, "clients, spread over the three servers in turn")
	flags.IntVar(&p.Messages, "messages", 200, "messages that each member sends unasked")
	flags.Uint64Var(&p.Seed, "seed", 1, "decides bodies, bursts and who answers what; not the schedule")
	flags.DurationVar(&p.Timeout, "timeout", time.Minute, "for the whole run")
	flags.DurationVar(&p.Quiet, "quiet", 500*time.Millisecond, "without any event: traffic has drained")
	flags.BoolVar(&p.Kill, "kill", false, "shut one server down in the middle")
	out := flags.String("o", "history.jsonl", "file for the history; - is stdout")
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp {
			return exitOK
		}
		return exitUsage
	}
	if err := p.Check(); err != nil || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "nats:", usage(err, flags.Args()))
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	h, err := Run(ctx, p)
	if err == nil {
		err = save(h, *out, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "nats:", err)
		return exitBroke
	}
	if *out == "-" {
		stdout = stderr
	}
	fmt.Fprintln(stdout, summary(h, *out))
	if !h.Settled {
		return exitInconclusive
	}
	return exitOK
}

func usage(err error, rest []string) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("unexpected arguments %q", rest)
}

// save writes the history to the named file, or to stdout for "-".
func save(h *spec.History, name string, stdout io.Writer) error {
	if name == "-" {
		return spec.WriteHistory(stdout, h)
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	err = spec.WriteHistory(f, h)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// summary says in a few lines what is in the history; it judges nothing.
func summary(h *spec.History, name string) string {
	var n [256]int
	text := ""
	for i := range h.Events {
		e := &h.Events[i]
		n[e.Kind]++
		switch e.Kind {
		case spec.Note, spec.Fault, spec.Heal:
			text += fmt.Sprintf("%9.3fms %-5s %s\n", float64(e.T)/1e6, e.Kind, h.ExtraOf(e).Text)
		}
	}
	return text + fmt.Sprintf("%s: %d events, %d sends, %d deliveries, %d refused, %d gaps, settled %v",
		name, len(h.Events), n[spec.Send], n[spec.Deliver], n[spec.Refuse], n[spec.Gap], h.Settled)
}
