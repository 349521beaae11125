// Command conform judges multicast protocols: it plays scenarios with faults against them, records what every node
// saw, and says which promises held. Here are flags, progress and exit codes; all else is in package suites.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// The exit codes, which scripts depend on.
const (
	exitPass         = 0  // all passes
	exitFail         = 1  // a claim failed, a violation was found, a mutant survived
	exitInconclusive = 2  // nothing failed, nothing broke, something was not shown
	exitUsage        = 64 // unknown name, bad flag, unreadable or malformed file
	exitBroken       = 70 // the harness broke
)

var cli struct {
	Run       runCommand       `cmd:"" default:"withargs" help:"Judge stacks of the matrix; without arguments, all of them."`
	Certify   certifyCommand   `cmd:"" help:"Judge a program of your own, in any language."`
	Check     checkCommand     `cmd:"" help:"Judge recorded histories."`
	Replay    replayCommand    `cmd:"" help:"Play one scenario again and show what happens."`
	Report    reportCommand    `cmd:"" help:"Write a run again, in other formats."`
	Verify    verifyCommand    `cmd:"" help:"Is this certificate what it says?"`
	Acks      acksCommand      `cmd:"" help:"What acknowledging costs, measured: under loss, and as the group grows."`
	Detectors detectorsCommand `cmd:"" help:"How good failure detectors are, measured: under delay, jitter, loss and pauses."`
	Fuzz      fuzzCommand      `cmd:"" help:"Search for a scenario that breaks a claim, and shrink it."`
	Mutants   mutantsCommand   `cmd:"" help:"The kill table: every planted bug, and who caught it."`
	List      listCommand      `cmd:"" help:"List what has a name."`
	Explain   explainCommand   `cmd:"" help:"Explain a requirement, a part of a stack, a fault, a mutant, a level, a profile."`
	Version   kong.VersionFlag `help:"Print the version."`
}

// session is what a command has to do with the world.
type session struct {
	ctx            context.Context
	stdout, stderr io.Writer
	code           int
	flags          map[string]bool // that were typed
	taken          bool            // stdout is a file's: nothing else goes there
}

// usageError is a mistake of the one who typed the command: nothing was executed.
type usageError struct{ error }

func usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// verdict sets the exit code that a verdict stands for.
func (s *session) verdict(v spec.Verdict) {
	s.code = map[spec.Verdict]int{spec.Pass: exitPass, spec.Fail: exitFail, spec.Inconclusive: exitInconclusive, spec.Error: exitBroken}[v]
}

func main() {
	suites.Guest() // where this process was started to be a node
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // the heap is small, and most of it is short-lived: a fifth of a run's time
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// execute does one command and gives its exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(stderr, "conform: the harness broke: %v\n", r)
			code = exitBroken
		}
	}()
	left := -1 // the exit code that --help or --version asks for
	parser, err := kong.New(&cli, kong.Name("conform"), kong.Writers(stdout, stderr), kong.Exit(func(c int) { left = c }),
		kong.Description("Does your multicast do what it says? Exit codes: 0 pass, 1 fail, 2 inconclusive, 64 usage, 70 broken."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}), kong.Vars{"version": "conform " + suites.Version})
	if err != nil {
		fmt.Fprintln(stderr, "conform:", err)
		return exitBroken
	}
	command, err := parser.Parse(signed(args))
	if left >= 0 {
		return left
	}
	if err != nil {
		fmt.Fprint(stderr, refused(parser, args, err))
		return exitUsage
	}
	s := &session{ctx: ctx, stdout: stdout, stderr: stderr}
	if err = s.typed(command); err == nil {
		err = command.Run(s)
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(stderr, "conform: interrupted: nothing was shown")
		return exitInconclusive
	}
	if err != nil {
		fmt.Fprintln(stderr, "conform:", err)
	}
	switch {
	case err == nil || s.code == exitFail: // what was found stays found, whatever broke besides
		return s.code
	case errors.As(err, new(usageError)):
		return exitUsage
	}
	return exitBroken
}
