package faults

import (
	"bytes"
	"errors"
	"fmt"
)

// maxSamples bounds the samples of a trace: the stride doubles when they would be more.
const maxSamples = 64

// Tracer digests a run as it goes, event by event. The zero Tracer is ready; it allocates nothing.
type Tracer struct {
	events  int
	digest  uint64
	stride  int // 0: nothing added yet
	left    int // events until the next sample
	kept    int
	samples [maxSamples]byte
}

// Reset forgets the run.
func (t *Tracer) Reset() { *t = Tracer{} }

// Add adds an event of the run: any number that stands for what happened.
func (t *Tracer) Add(x uint64) {
	if t.stride == 0 {
		t.stride, t.left = 1, 1
	}
	t.events++
	t.digest = mix(t.digest, x)
	if t.left--; t.left > 0 {
		return
	}
	if t.kept == maxSamples {
		t.thin()
		return
	}
	t.samples[t.kept] = byte(t.digest >> 56)
	t.kept++
	t.left = t.stride
}

// thin keeps every second sample. The event that asked for a 65th place is the first half of a doubled stride.
func (t *Tracer) thin() {
	for i := range maxSamples / 2 {
		t.samples[i] = t.samples[2*i+1]
	}
	t.kept = maxSamples / 2
	t.left = t.stride
	t.stride *= 2
}

// mix is the finalizer of SplitMix64 over the digest so far and the event; it depends on the order of the events.
func mix(digest, x uint64) uint64 {
	z := digest*0x9e3779b97f4a7c15 + x + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Events counts the events added since the start.
func (t *Tracer) Events() int { return t.events }

// Digest digests the events added since the start.
func (t *Tracer) Digest() uint64 { return t.digest }

// Trace gives the trace of the run so far, in memory of its own.
func (t *Tracer) Trace() Trace {
	if t.events == 0 {
		return Trace{}
	}
	return Trace{Events: t.events, Digest: t.digest, Stride: t.stride, Samples: bytes.Clone(t.samples[:t.kept])}
}

// Equal says whether two traces are the same.
func (t Trace) Equal(u Trace) bool {
	return t.Events == u.Events && t.Digest == u.Digest && t.Stride == u.Stride && bytes.Equal(t.Samples, u.Samples)
}

// Departs compares the traces of two runs. Where they differ, the runs agree on their first `after` events, as far as
// the samples tell, and differ at event number `by` (counted from 1) at the latest. A sample is one byte, so a
// difference may hide behind one of them with probability 1/256, and then shows at the next.
func (t Trace) Departs(u Trace) (after, by int, differs bool) {
	common := min(t.Events, u.Events)
	if t.Stride > 0 && u.Stride > 0 {
		step := commonMultiple(t.Stride, u.Stride)
		for e := step; e <= common; e += step {
			i, j := e/t.Stride-1, e/u.Stride-1
			if i >= len(t.Samples) || j >= len(u.Samples) {
				break
			}
			if t.Samples[i] != u.Samples[j] {
				return after, e, true
			}
			after = e
		}
	}
	switch {
	case t.Events != u.Events:
		return after, common + 1, true
	case t.Digest != u.Digest:
		if after == common { // the sample of the last event hid the difference
			after = max(0, common-1)
		}
		return after, common, true
	}
	return common, common, false
}

func commonMultiple(a, b int) int {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	return a / x * b
}

func (t Trace) validate() error {
	if t.Events == 0 {
		if t.Digest != 0 || t.Stride != 0 || len(t.Samples) != 0 {
			return errors.New("trace: without events there is nothing to trace")
		}
		return nil
	}
	if err := within("events", t.Events, 1, maxCount); err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	if err := within("stride", t.Stride, 1, maxCount); err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	if want := t.Events / t.Stride; len(t.Samples) != want {
		return fmt.Errorf("trace: %d samples: want %d, one after every %d of %d events",
			len(t.Samples), want, t.Stride, t.Events)
	}
	return nil
}
