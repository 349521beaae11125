package reliability_test

import (
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
)

func atomicLog(phases int) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer { return reliability.NewAtomicLog(cfg, phases) }
}

func atomicAbort(cfg impl.Config) impl.Layer { return reliability.NewAtomicAbort(cfg) }

// atomics are the levels with logs whose sender waits for everyone.
var atomics = map[string]func(impl.Config) impl.Layer{"atomic-log": atomicLog(2), "atomic-log:phases=1": atomicLog(1), "atomic-abort": atomicAbort}

// logged are the levels with logs.
var logged = map[string]func(impl.Config) impl.Layer{
	"durable:acks=1": durable(reliability.One), "durable:acks=majority": durable(reliability.Majority), "durable:acks=all": durable(reliability.All),
	"atomic-log": atomicLog(2), "atomic-log:phases=1": atomicLog(1),
}

func TestAtomicsKeepTheContract(t *testing.T) {
	for name, level := range atomics {
		t.Run(name, func(t *testing.T) {
			if err := impltest.TestLayer(level); err != nil {
				t.Error(err)
			}
			stack := func(cfg impl.Config) impl.Layer {
				return impl.NewStack(level(cfg), transport.NewUnicast(cfg), transport.NewAcceptingChannel(cfg))
			}
			if err := impltest.TestLayer(stack, impltest.Checksummed(), impltest.Handles(impl.Accept)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAtomicsCrashAtEveryEffect(t *testing.T) {
	for name, level := range atomics {
		backs := []time.Duration{20 * time.Millisecond, 500 * time.Millisecond}
		if !*exhaustive {
			backs = backs[len(name)%2:][:1]
		}
		for _, back := range backs {
			t.Logf("%s, back after %v: %d runs", name, back, crashEverywhere(t, level, back, func(w *world) { w.told = back < time.Second/10 }))
		}
	}
}

// short makes a level whose log keeps little history.
func short(level func(impl.Config) impl.Layer) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer {
		l := level(cfg)
		switch l := l.(type) {
		case *reliability.AtomicLog:
			l.Rules.History = 300
		case *reliability.AtomicAbort:
			l.Rules.History = 300
		case *reliability.Durable:
			l.Rules.History = 300
		}
		return l
	}
}

// Through losses, cuts of any length, torn tails, crashes and restarts of any and all: all or none.
func TestAtomicsSoak(t *testing.T) {
	for name, level := range atomics {
		for seed := range storms() / 2 {
			s := newStorm(seed, level)
			if s.whole = seed%3 > 0; !s.whole {
				s = newStorm(seed, short(level))
			}
			s.begin()
			s.sendsSome(30)
			s.crashes(600 * time.Millisecond)
			s.cuts(time.Second)
			if err := s.end(true); err != nil {
				t.Fatalf("%s, seed %d: %v", name, seed, err)
			}
		}
	}
}
