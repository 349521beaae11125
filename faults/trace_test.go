package faults

import (
	"testing"

	"github.com/conform-go/conform/spec"
	"pgregory.net/rapid"
)

func traceOf(events []uint64) Trace {
	var t Tracer
	for _, e := range events {
		t.Add(e)
	}
	return t.Trace()
}

func TestTraceIsValid(t *testing.T) {
	var tracer Tracer
	for n := range 3000 {
		trace := tracer.Trace()
		if err := trace.validate(); err != nil {
			t.Fatalf("after %d events: %v", n, err)
		}
		if len(trace.Samples) > maxSamples || n >= maxSamples && len(trace.Samples) < maxSamples/2 {
			t.Fatalf("%d samples of %d events", len(trace.Samples), n)
		}
		tracer.Add(uint64(n))
	}
}

func TestTracesDepart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := spec.NewRand(rapid.Uint64().Draw(t, "seed"))
		a := make([]uint64, rapid.IntRange(1, 2000).Draw(t, "events"))
		for i := range a {
			a[i] = r.Uint64()
		}
		// b is a, up to event i, and may be shorter or longer.
		b := append([]uint64(nil), a[:rapid.IntRange(0, len(a)).Draw(t, "length")]...)
		for range rapid.IntRange(0, 300).Draw(t, "more") {
			b = append(b, r.Uint64())
		}
		if len(b) > 0 && rapid.Bool().Draw(t, "change") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "where")]++
		}
		first := 0
		for first < min(len(a), len(b)) && a[first] == b[first] {
			first++
		}
		same := first == len(a) && first == len(b)
		after, by, differs := traceOf(a).Departs(traceOf(b))
		if differs == same {
			t.Fatalf("differs %v, want %v", differs, !same)
		}
		// One byte may hide the difference once, so that only the latest event is sure.
		if differs && by <= first || !differs && by != len(a) || after > by {
			t.Fatalf("they differ from event %d on; said %d to %d", first+1, after, by)
		}
		mirrored, mirroredBy, _ := traceOf(b).Departs(traceOf(a))
		if mirrored != after || mirroredBy != by {
			t.Fatalf("%d to %d, and the other way %d to %d", after, by, mirrored, mirroredBy)
		}
	})
}

func TestDepartsSaysWhere(t *testing.T) {
	events := make([]uint64, 200) // stride 4
	other := append([]uint64(nil), events...)
	other[101] = 1
	if after, by, differs := traceOf(events).Departs(traceOf(other)); after != 100 || by != 104 || !differs {
		t.Errorf("got %d, %d, %v: want 100, 104, true", after, by, differs)
	}
	if after, by, differs := traceOf(events).Departs(traceOf(events[:150])); after != 148 || by != 151 || !differs {
		t.Errorf("got %d, %d, %v: want 148, 151, true", after, by, differs)
	}
	if _, _, differs := traceOf(events).Departs(traceOf(events)); differs {
		t.Error("a run departs from itself")
	}
}

func TestTracerAllocatesNothing(t *testing.T) {
	var tracer Tracer
	if n := testing.AllocsPerRun(100, func() {
		tracer.Reset()
		for i := range uint64(1000) {
			tracer.Add(i)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTracer(b *testing.B) {
	b.ReportAllocs()
	var tracer Tracer
	for b.Loop() {
		tracer.Add(1)
	}
}
