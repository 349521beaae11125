package netns

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

// Persists a second of logs on one disk, of which each asks for the next when it is told of the last: how many share a
// sync is how many logs there are.
func BenchmarkPersists(b *testing.B) {
	for _, logs := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("logs=%d", logs), func(b *testing.B) {
			d, err := OpenDisk(filepath.Join(b.TempDir(), "disk"))
			if err != nil {
				b.Fatal(err)
			}
			told := make(chan impl.Input, logs)
			l, _, err := d.Logs(0, 0, func(inputs []impl.Input) {
				for _, in := range inputs {
					told <- in
				}
			})
			if err != nil {
				b.Fatal(err)
			}
			record := make([]byte, 200)
			before := d.Commits()
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N + logs {
				layer := impl.Path(i)
				if i >= logs {
					layer = (<-told).Layer
				}
				if i < b.N {
					l.Append(layer, record)
					l.Truncate(layer, uint64(len(record)))
					l.Persist(layer, 1)
				} else if i < logs {
					told <- impl.Input{}
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "persists/s")
			b.ReportMetric(float64(b.N)/float64(max(1, d.Commits()-before)), "persists/sync")
			if err := d.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// Acknowledged sends a second of one member of a durable group of three, over UDP on loopback, each with a file of its
// own; so many sends wait for their answers at a time.
func BenchmarkDurableGroup(b *testing.B) {
	for _, window := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("open=%d", window), func(b *testing.B) {
			w := newTown(b, 3, durable(reliability.Majority))
			w.mute(spec.Ack)
			body := "a message of about a hundred bytes, as many groups have them, with some words that say what happened"
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N + window {
				if i >= window {
					w.answer(b)
				}
				if i < b.N {
					w.send(0, impl.Everyone, body)
				} else if i < window {
					w.came <- spec.Event{}
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acked/s")
		})
	}
}

// mute lets a town keep no history, and tell of one kind of events only.
func (w *town) mute(but spec.Kind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.only = but
	for len(w.came) > 0 {
		<-w.came
	}
}

func (w *town) answer(b *testing.B) {
	select {
	case <-w.came:
	case <-time.After(10 * time.Second):
		b.Fatal("no answer")
	}
}
