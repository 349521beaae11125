package reliability_test

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
)

// overAccepting puts a level over channels that wait for it.
func overAccepting(level func(impl.Config) impl.Layer) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer {
		return impl.NewStack(level(cfg), transport.NewUnicast(cfg), transport.NewAcceptingChannel(cfg))
	}
}

// synced tells a node that its last sync is done, or has failed.
func synced(f *impltest.Figure, n, record int) {
	f.Give(impltest.Node(n), impl.Input{Kind: impl.Persisted, Layer: 1, Ref: impl.Ref(record)})
}

// 0 logs, sends to 1, and crashes before its copy to 2 leaves. 1 logs, and only then acknowledges the hop, relays,
// confirms and delivers; 2 hears of it from 1.
func TestDurableRelaysWhatItsDiskHas(t *testing.T) {
	f := impltest.NewFigure(3, overAccepting(durable(reliability.Majority)))
	f.Send(0, impl.Everyone, "m", 7)
	f.Say("the record is on 0's disk: it sends, and crashes half way")
	synced(f, 0, 2)
	f.Lose(0, 2)
	f.Crash(0)
	f.Say("1 has it in memory, and says nothing; what comes again is not acknowledged")
	f.Again(0, 1, nil)
	f.Take(0, 1)
	f.Say("it is on 1's disk")
	synced(f, 1, 1)
	delivered(t, f, 1, "m")
	f.Take(1, 2)
	synced(f, 2, 1)
	delivered(t, f, 2, "m")
	golden(t, f, "durable-sender-crashes")
}

// Two phases: prepare, and commit when all have acknowledged.
func TestAtomicAbortCommits(t *testing.T) {
	f := impltest.NewFigure(2, overAccepting(atomicAbort))
	f.Send(0, impl.Everyone, "m", 7)
	f.Say("“prepare” is on 0's disk")
	synced(f, 0, 2)
	f.Take(0, 1)
	f.Take(0, 0)
	f.Say("1 has prepared, and 0 as a recipient")
	synced(f, 1, 1)
	synced(f, 0, 3)
	delivered(t, f, 1)
	f.Take(1, 0)
	f.Take(1, 0)
	f.Take(0, 0)
	f.Say("all have acknowledged: “commit” is on 0's disk")
	synced(f, 0, 6)
	f.Take(0, 1)
	f.Take(0, 1)
	synced(f, 1, 2)
	delivered(t, f, 1, "m")
	if s := f.String(); strings.Count(s, "    acknowledge ref 7\n") != 1 {
		t.Error("not acknowledged once")
	}
	golden(t, f, "atomic-abort-commits")
}

// 1 does not answer: after TL nobody may deliver, and the application is told.
func TestAtomicAbortAborts(t *testing.T) {
	f := impltest.NewFigure(2, overAccepting(atomicAbort))
	f.Crash(1)
	f.Send(0, impl.Everyone, "m", 7)
	synced(f, 0, 2)
	f.Take(0, 0)
	synced(f, 0, 3)
	f.Take(0, 0)
	f.Say("TL has passed")
	f.Wait(f.TL)
	f.Say("“abort” is on 0's disk")
	synced(f, 0, 5)
	for f.Has(0, 0) {
		f.Take(0, 0)
	}
	synced(f, 0, 6)
	delivered(t, f, 0)
	if s := f.String(); strings.Count(s, "    refuse aborted ref 7\n") != 1 {
		t.Error("not refused once")
	}
	golden(t, f, "atomic-abort-aborts")
}
