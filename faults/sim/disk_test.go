package sim

import (
	"slices"
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// diary does to its disk what act says, and remembers what it was given back.
type diary struct {
	act  func(in impl.Input, out *impl.Effects)
	kept *[]string
}

func (d diary) Step(in impl.Input, out *impl.Effects) {
	if in.Kind == impl.Recovered {
		*d.kept = append(*d.kept, string(in.Body))
	}
	d.act(in, out)
}

// recovered plays steps, and gives what the log of node 0 was each time that it came back.
func recovered(t *testing.T, seed uint64, act func(in impl.Input, out *impl.Effects), steps ...string) []string {
	t.Helper()
	var kept []string
	s := scenario(t, steps...)
	s.Seed = seed
	err := New(Config{New: func(cfg impl.Config) impl.Layer {
		if cfg.Self != 0 {
			return bare(cfg)
		}
		return diary{act, &kept}
	}}).Play(s, &spec.History{})
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// What was appended before a persist is there once the persist is done. Of what came after it nothing is, or a
// beginning of any length.
func TestADiskKeepsWhatWasPersisted(t *testing.T) {
	act := func(in impl.Input, out *impl.Effects) {
		switch in.Kind {
		case impl.Ready:
			out.Append([]byte("one "))
			out.Append([]byte("two "))
			out.Persist(3)
			out.Append([]byte("three "))
		case impl.Persisted:
			if in.Ref != 3 {
				t.Errorf("persisted %d", in.Ref)
			}
			out.Append([]byte("four "))
		}
	}
	for _, c := range []struct{ crash, certain, written string }{
		{"500us", "", "one two three "},
		{"2ms", "one two ", "one two three four "},
	} {
		lengths := map[int]int{}
		for seed := range uint64(400) {
			got := recovered(t, seed, act, "at "+c.crash+" crash 0", "at 100ms recover 0")
			if len(got) != 1 || !strings.HasPrefix(got[0], c.certain) || !strings.HasPrefix(c.written, got[0]) {
				t.Fatalf("seed %d, a crash at %s: %q", seed, c.crash, got)
			}
			lengths[len(got[0])]++
		}
		if n := lengths[len(c.certain)]; n < 150 || n > 300 {
			t.Errorf("a crash at %s: in %d of 400 runs nothing more is left; want about half of them", c.crash, n)
		}
		for n := len(c.certain); n <= len(c.written); n++ {
			if lengths[n] == 0 {
				t.Errorf("a crash at %s: never %d bytes", c.crash, n)
			}
		}
	}
}

// What is truncated while a persist is on its way does not make later bytes durable.
func TestTruncationAndPersistence(t *testing.T) {
	act := func(in impl.Input, out *impl.Effects) {
		if in.Kind == impl.Ready {
			out.Append([]byte("0123456789"))
			out.Persist(1)
			out.Truncate(4)
			out.Append([]byte("abcd"))
		}
	}
	for seed := range uint64(20) {
		got := recovered(t, seed, act, "at 2ms crash 0", "at 100ms recover 0")
		if len(got) != 1 || !strings.HasPrefix(got[0], "456789") || !strings.HasPrefix("456789abcd", got[0]) {
			t.Errorf("seed %d: %q", seed, got)
		}
	}
}

// What survived a crash is on the disk, and survives the next one too.
func TestWhatSurvivedStays(t *testing.T) {
	ready := 0
	act := func(in impl.Input, out *impl.Effects) {
		if in.Kind == impl.Ready {
			if ready++; ready == 1 {
				out.Append([]byte("one two three"))
			}
		}
	}
	some := 0
	for seed := range uint64(40) {
		ready = 0
		got := recovered(t, seed, act, "at 2ms crash 0", "at 10ms recover 0", "at 20ms crash 0", "at 30ms recover 0")
		if len(got) != 2 || got[0] != got[1] {
			t.Errorf("seed %d: %q", seed, got)
		}
		if len(got) == 2 && got[0] != "" {
			some++
		}
	}
	if some == 0 {
		t.Error("nothing ever survived")
	}
}

// What a layer appends when it starts again is not taken for what was kept.
func TestALogIsReadAsItWas(t *testing.T) {
	got := recovered(t, 1, func(in impl.Input, out *impl.Effects) {
		if in.Kind == impl.Start {
			out.Append([]byte{byte('a' + in.Num)})
			out.Persist(1)
		}
	}, "at 10ms crash 0", "at 20ms recover 0", "at 30ms crash 0", "at 40ms recover 0")
	if !slices.Equal(got, []string{"a", "ab"}) {
		t.Errorf("%q", got)
	}
}

// A log belongs to a layer, and each layer gets its own.
func TestEachLayerHasItsLog(t *testing.T) {
	var kept [2][]string
	layer := func(i int) impl.Layer {
		return diary{func(in impl.Input, out *impl.Effects) {
			if in.Kind == impl.Ready && len(kept[i]) == 0 {
				out.Append([]byte{byte('a' + i)})
				out.Persist(1)
			}
		}, &kept[i]}
	}
	play(t, Config{New: func(cfg impl.Config) impl.Layer {
		if cfg.Self != 0 {
			return bare(cfg)
		}
		return impl.NewStack(layer(0), layer(1))
	}}, "at 10ms crash 0", "at 20ms recover 0", "at 30ms crash 0", "at 40ms recover 0")
	if !slices.Equal(kept[0], []string{"a", "a"}) || !slices.Equal(kept[1], []string{"b", "b"}) {
		t.Errorf("%q", kept)
	}
}
