package sim

import (
	"slices"
	"testing"

	"github.com/conform-go/conform/impl"
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

// recovered plays a crash of node 0 at a time, and gives what its log was after it.
func recovered(t *testing.T, crash string, act func(in impl.Input, out *impl.Effects)) []string {
	var kept []string
	play(t, Config{New: func(cfg impl.Config) impl.Layer {
		if cfg.Self != 0 {
			return bare(cfg)
		}
		return diary{act, &kept}
	}}, "at "+crash+" crash 0", "at 100ms recover 0")
	return kept
}

// What was appended before a persist is there once the persist is done, and what came after it is not.
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
	for crash, want := range map[string]string{"500us": "", "2ms": "one two "} {
		if got := recovered(t, crash, act); !slices.Equal(got, []string{want}) {
			t.Errorf("a crash at %s: %q", crash, got)
		}
	}
}

// What is truncated while a persist is on its way does not make later bytes durable.
func TestTruncationAndPersistence(t *testing.T) {
	got := recovered(t, "2ms", func(in impl.Input, out *impl.Effects) {
		if in.Kind == impl.Ready {
			out.Append([]byte("0123456789"))
			out.Persist(1)
			out.Truncate(4)
			out.Append([]byte("abcd"))
		}
	})
	if !slices.Equal(got, []string{"456789"}) {
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
