package netns

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
)

// TestMain makes this program a host where it was started to be one.
func TestMain(m *testing.M) {
	if g, asked, err := GuestAsked(); asked {
		if err == nil {
			err = visit(g)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if kind := os.Getenv(ruinVariable); kind != "" {
		build, ok := ruinous[kind]
		if !ok {
			build = ruinOfSubnets
		}
		fmt.Fprintln(os.Stderr, build())
		os.Exit(1)
	}
	if os.Getenv(plainVariable) != "" {
		plain()
	}
	h, asked, err := HostAsked()
	if !asked {
		if os.Getenv("RAPID_SEED") == "" {
			_ = flag.Set("rapid.seed", "1") // what fails fails again
		}
		_ = flag.Set("test.parallel", "12") // they wait more than they work. The command line may say otherwise
		_ = os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
		os.Exit(m.Run())
	}
	if err == nil {
		err = play(h)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// play hosts one of the stacks, or of the planted bugs.
func play(h Host) error {
	stack, change := levels[h.Stack], liars[h.Stack]
	if change != nil {
		stack = durable(reliability.Majority)
	}
	for _, m := range mutant.Logged() {
		if m.Name == h.Stack {
			stack = m.New
		}
	}
	if stack == nil {
		return fmt.Errorf("no stack %q", h.Stack)
	}
	return h.Run(stack, change, os.Stdin, os.Stdout)
}

// levels are those that keep a log, over what carries them.
var levels = map[string]func(impl.Config) impl.Layer{
	"durable:acks=1":        durable(reliability.One),
	"durable:acks=majority": durable(reliability.Majority),
	"durable:acks=all":      durable(reliability.All),
	"atomic-log":            atomicLog(2),
	"atomic-log:phases=1":   atomicLog(1),
	"atomic-abort": over(func(cfg impl.Config) impl.Layer {
		return reliability.NewAtomicAbort(cfg)
	}),
}

func durable(q reliability.Quorum) func(impl.Config) impl.Layer {
	return over(func(cfg impl.Config) impl.Layer { return reliability.NewDurable(cfg, q) })
}

func atomicLog(phases int) func(impl.Config) impl.Layer {
	return over(func(cfg impl.Config) impl.Layer { return reliability.NewAtomicLog(cfg, phases) })
}

func over(level func(impl.Config) impl.Layer) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer {
		return impl.NewStack(level(cfg), transport.NewUnicast(cfg), transport.NewAcceptingChannel(cfg))
	}
}

// liars are disks that tell a layer that its log is on disk when it is not.
var liars = map[string]func(*Disk){
	// It keeps in memory what it has to write, and writes it some time later.
	"disk-tells-before-writing": func(d *Disk) {
		type later struct {
			write func() error
			at    time.Time
		}
		var waiting []later
		d.Rules.Commit = func(write func() error) error {
			waiting = append(waiting, later{write, time.Now().Add(50 * time.Millisecond)})
			for len(waiting) > 0 && time.Now().After(waiting[0].at) {
				if err := waiting[0].write(); err != nil {
					return err
				}
				waiting = waiting[1:]
			}
			return nil
		}
	},
	// It never writes.
	"disk-in-memory": func(d *Disk) {
		d.Rules.Commit = func(func() error) error { return nil }
	},
}
