package sim

import (
	"bytes"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// steadily persists "one ", and when that is done "two ", and so on to "four "; after a recovery it goes on with the
// words that the log lacks. What it is told goes into told.
type steadily struct {
	told []string
	kept string
}

var numerals = []string{"one ", "two ", "four ", "eight "}

func (s *steadily) act(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		s.kept = ""
	case impl.Recovered:
		s.kept = string(in.Body)
	case impl.Ready:
		s.next(len(strings.Fields(s.kept)), out)
	case impl.Persisted, impl.StorageFailed:
		s.told = append(s.told, fmt.Sprintf("%v %d at %v", in.Kind, in.Ref, time.Duration(in.Now)))
		if in.Kind == impl.StorageFailed {
			in.Ref-- // once more
		}
		s.next(int(in.Ref), out)
	}
}

func (s *steadily) next(i int, out *impl.Effects) {
	if i < len(numerals) {
		out.Append([]byte(numerals[i]))
		out.Persist(impl.Ref(i + 1))
	}
}

func steady(t *testing.T, seed uint64, steps ...string) (told, kept []string) {
	t.Helper()
	var s steadily
	kept = recovered(t, seed, s.act, steps...)
	return s.told, kept
}

// A disk that loses syncs says that they are done. After a crash they are gone, with all that came later; what was
// persisted before is there.
func TestLostSync(t *testing.T) {
	for seed := range uint64(20) {
		told, kept := steady(t, seed, "on 0 persist 2 lost-sync 0", "at 50ms crash 0", "at 60ms recover 0")
		if !slices.Equal(kept, []string{"one "}) || len(told) < 4 || told[3] != "persisted 4 at 4ms" {
			t.Errorf("seed %d: %q, told %q", seed, kept, told)
		}
		// A later persist that is done saves what came before it too.
		_, kept = steady(t, seed, "on 0 persist 2 lost-sync 0 for 500us", "at 50ms crash 0", "at 60ms recover 0")
		if !slices.Equal(kept, []string{"one two four eight "}) {
			t.Errorf("seed %d: %q after a lie that was over", seed, kept)
		}
	}
}

// A torn write keeps a beginning of the last record, and all records before it. It strikes once.
func TestTorn(t *testing.T) {
	lengths := map[int]bool{}
	for seed := range uint64(60) {
		_, kept := steady(t, seed, "on 0 persist 3 torn 0", "on 0 persist 3 crash 0", "at 60ms recover 0", "at 70ms crash 0",
			"at 80ms recover 0")
		if len(kept) != 2 {
			t.Fatalf("seed %d: %q", seed, kept)
		}
		cut, whole := strings.CutPrefix(kept[0], "one two ")
		if !whole || len(cut) == 0 || len(cut) >= len("four ") || !strings.HasPrefix("four ", cut) {
			t.Errorf("seed %d: %q", seed, kept)
		}
		lengths[len(cut)] = true
		if want := kept[0] + "eight "; kept[1] != want {
			t.Errorf("seed %d: after the second crash %q, want %q", seed, kept[1], want)
		}
	}
	if len(lengths) != 4 {
		t.Errorf("cut at %v", lengths)
	}
	// What was persisted is not torn.
	_, kept := steady(t, 1, "at 0s torn 0", "at 50ms crash 0", "at 60ms recover 0")
	if !slices.Equal(kept, []string{"one two four eight "}) {
		t.Errorf("%q", kept)
	}
}

// Where the last append failed, the record before it is the last that was written.
func TestTornBeforeAFailure(t *testing.T) {
	for seed := range uint64(20) {
		kept := recovered(t, seed, func(in impl.Input, out *impl.Effects) {
			if in.Kind == impl.Ready && in.Now == 0 {
				out.Append([]byte("abcd"))
				out.Persist(1)
				out.Append([]byte("efgh"))
				out.Persist(2)
			}
		}, "on 0 persist 2 disk-error 0 100%", "on 0 persist 2 torn 0", "at 500us crash 0", "at 60ms recover 0")
		if len(kept) != 1 || len(kept[0]) == 0 || len(kept[0]) > 3 || !strings.HasPrefix("abcd", kept[0]) {
			t.Errorf("seed %d: %q", seed, kept)
		}
	}
}

// What failed is not in the log, and what follows stands in its place.
func TestDiskError(t *testing.T) {
	told, kept := steady(t, 1, "on 0 persist 2 disk-error 0 100% for 1500us", "at 50ms crash 0", "at 60ms recover 0")
	want := []string{"persisted 1 at 1ms", "storage-failed 2 at 2ms", "storage-failed 2 at 3ms", "persisted 2 at 4ms",
		"persisted 3 at 5ms", "persisted 4 at 6ms"}
	if !slices.Equal(told, want) || !slices.Equal(kept, []string{"one two four eight "}) {
		t.Errorf("told %q\nkept %q", told, kept)
	}
	told, _ = steady(t, 1, "on 0 persist 2 disk-error 0 0%")
	if len(told) != 4 {
		t.Errorf("none of them fails: %q", told)
	}
	// Whatever fails, the log is a beginning of what was written.
	seen := map[string]bool{}
	for seed := range uint64(200) {
		kept := recovered(t, seed, func(in impl.Input, out *impl.Effects) {
			switch {
			case in.Kind == impl.Ready && in.Now == 0:
				out.Append([]byte("a"))
				out.Persist(1)
			case in.Kind == impl.Persisted && in.Ref == 1:
				out.Append([]byte("b"))
				out.Append([]byte("c"))
				out.Persist(2)
				out.Append([]byte("d"))
				out.Persist(3)
			}
		}, "at 500us disk-error 0 30% for 10ms", "at 20ms crash 0", "at 60ms recover 0")
		if len(kept) != 1 || !slices.Contains([]string{"a", "abc", "abcd"}, kept[0]) {
			t.Fatalf("seed %d: %q", seed, kept)
		}
		seen[kept[0]] = true
	}
	if len(seen) != 3 {
		t.Errorf("only %v", seen)
	}
}

// Between a failure and the moment at which a layer is told of it everything fails; then the log is as good as before.
func TestAFailureHasNoHoleBehindIt(t *testing.T) {
	var told []string
	kept := recovered(t, 1, func(in impl.Input, out *impl.Effects) {
		switch {
		case in.Kind == impl.Ready && in.Now == 0:
			out.Append([]byte("a"))
			out.Persist(1)
			out.Append([]byte("b"))
			out.Persist(2)
			out.SetTimer(1, spec.Time(500*time.Microsecond))
		case in.Kind == impl.TimerFired:
			out.Append([]byte("c"))
			out.Persist(3)
		case in.Kind == impl.StorageFailed && in.Ref == 2:
			out.Append([]byte("d"))
			out.Persist(4)
		}
		if in.Kind == impl.Persisted || in.Kind == impl.StorageFailed {
			told = append(told, fmt.Sprint(in.Kind, in.Ref))
		}
	}, "on 0 persist 2 disk-error 0 100% for 100us", "at 20ms crash 0", "at 60ms recover 0")
	want := []string{"persisted 1", "storage-failed 2", "storage-failed 3", "persisted 4"}
	if !slices.Equal(told, want) || !slices.Equal(kept, []string{"ad"}) {
		t.Errorf("told %q, kept %q", told, kept)
	}
}

// A share is a share.
func TestDiskErrorOfAShare(t *testing.T) {
	asked, failed := 0, 0
	recovered(t, 1, func(in impl.Input, out *impl.Effects) {
		switch {
		case in.Kind == impl.Ready:
			out.SetTimer(1, ms(5))
			return
		case in.Kind == impl.StorageFailed:
			failed++
		}
		if asked++; asked <= 400 && in.Kind >= impl.TimerFired {
			out.Persist(1)
		}
	}, "at 0s disk-error 0 25% for 2s")
	if failed < 60 || failed > 140 {
		t.Errorf("%d of 400 failed", failed)
	}
}

// On a full disk appends fail, and a persist of nothing does not.
func TestDiskFull(t *testing.T) {
	told, kept := steady(t, 1, "at 1500us disk-full 0 for 2s", "at 50ms crash 0", "at 60ms recover 0")
	if !slices.Equal(told[:3], []string{"persisted 1 at 1ms", "persisted 2 at 2ms", "storage-failed 3 at 3ms"}) ||
		!slices.Equal(kept, []string{"one two "}) {
		t.Errorf("told %q\nkept %q", told, kept)
	}
	var kinds []impl.InputKind
	recovered(t, 1, func(in impl.Input, out *impl.Effects) {
		switch in.Kind {
		case impl.Ready:
			out.SetTimer(1, ms(5))
		case impl.TimerFired:
			out.Persist(1)
		case impl.Persisted, impl.StorageFailed:
			kinds = append(kinds, in.Kind)
		}
	}, "at 0s disk-full 0")
	if !slices.Equal(kinds, []impl.InputKind{impl.Persisted}) {
		t.Errorf("a persist of nothing: %v", kinds)
	}
}

// A slow disk takes longer, and keeps the order of its persists.
func TestDiskSlow(t *testing.T) {
	told, _ := steady(t, 1, "on 0 persist 2 disk-slow 0 by 30ms for 500us")
	want := []string{"persisted 1 at 1ms", "persisted 2 at 32ms", "persisted 3 at 33ms", "persisted 4 at 34ms"}
	if !slices.Equal(told, want) {
		t.Errorf("%q", told)
	}
	var order []impl.Ref
	recovered(t, 1, func(in impl.Input, out *impl.Effects) {
		switch in.Kind {
		case impl.Ready:
			out.Persist(1)
			out.SetTimer(1, ms(5))
		case impl.TimerFired:
			out.Persist(2)
		case impl.Persisted:
			order = append(order, in.Ref)
			if in.Now != ms(31) {
				t.Errorf("persisted %d at %v", in.Ref, time.Duration(in.Now))
			}
		}
	}, "on 0 persist 1 disk-slow 0 by 30ms for 1ms")
	if !slices.Equal(order, []impl.Ref{1, 2}) {
		t.Errorf("persisted %v", order)
	}
	// Before it is done nothing is certain.
	_, kept := steady(t, 2, "on 0 persist 2 disk-slow 0 by 30ms", "at 20ms crash 0", "at 60ms recover 0")
	if len(kept) != 1 || !strings.HasPrefix(kept[0], "one ") || !strings.HasPrefix("one two ", kept[0]) {
		t.Errorf("%q", kept)
	}
}

// One bit is another, from the next recovery on.
func TestDiskFlip(t *testing.T) {
	const written = "one two four eight "
	at := map[int]bool{}
	for seed := range uint64(40) {
		_, kept := steady(t, seed, "at 0s disk-flip 0", "at 50ms crash 0", "at 60ms recover 0", "at 70ms crash 0", "at 80ms recover 0")
		if len(kept) != 2 || len(kept[0]) != len(written) || !strings.HasPrefix(kept[1], kept[0]) {
			t.Fatalf("seed %d: %q", seed, kept)
		}
		changed := 0
		for i := range written {
			if n := bits.OnesCount8(kept[0][i] ^ written[i]); n > 0 {
				changed += n
				at[i] = true
			}
		}
		if changed != 1 {
			t.Errorf("seed %d: %d bits of %q are others", seed, changed, kept[0])
		}
	}
	if len(at) < 10 {
		t.Errorf("only the bytes %v were ever changed", at)
	}
}

// A disk that is gone is empty, and there is no log to recover. What is written to the new one is kept.
func TestDiskGone(t *testing.T) {
	_, kept := steady(t, 1, "at 0s disk-gone 0", "at 50ms crash 0", "at 60ms recover 0", "at 70ms crash 0", "at 80ms recover 0")
	if !slices.Equal(kept, []string{"one two four eight "}) {
		t.Errorf("%q; want nothing at the first recovery, and all at the second", kept)
	}
}

// What waits for a crash or a recovery is over when all is healed.
func TestHealingDisks(t *testing.T) {
	for _, fault := range []string{"lost-sync", "torn", "disk-flip", "disk-gone", "disk-full"} {
		_, kept := steady(t, 1, "at 0s "+fault+" 0", "at 0s heal", "at 50ms crash 0", "at 60ms recover 0")
		if fault == "lost-sync" || fault == "disk-full" { // the first persist was before it began
			_, kept = steady(t, 1, "on 0 persist 2 "+fault+" 0", "at 1200us heal", "at 50ms crash 0", "at 60ms recover 0")
		}
		if !slices.Equal(kept, []string{"one two four eight "}) {
			t.Errorf("%s: %q", fault, kept)
		}
	}
}

// A fault of a disk is about one node, and says when it strikes.
func TestDisksOfOthers(t *testing.T) {
	_, kept := steady(t, 1, "at 0s torn 1", "at 0s disk-gone 1", "at 0s disk-flip 2", "at 0s disk-full 1", "at 0s disk-error 2 100%",
		"at 50ms crash 0", "at 60ms recover 0")
	if !slices.Equal(kept, []string{"one two four eight "}) {
		t.Errorf("%q", kept)
	}
	h, _ := play(t, Config{New: bare}, "at 1ms torn 0", "at 2ms disk-gone 0", "at 3ms crash 0", "at 4ms recover 0")
	var lines []string
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind >= spec.Crash {
			text := ""
			if x := h.ExtraOf(e); x != nil {
				text = x.Text
			}
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%v %v %s", time.Duration(e.T), e.Kind, text)))
		}
	}
	want := []string{"1ms fault torn", "2ms fault disk-gone", "3ms crash", "3ms heal torn", "4ms recover", "4ms heal disk-gone"}
	if !slices.Equal(lines, want) {
		t.Errorf("%q", lines)
	}
}

// What a paused node's disk has to say waits, in its order.
func TestAPausedNodeHearsOfItsDiskLater(t *testing.T) {
	told, _ := steady(t, 1, "at 0s disk-error 0 100% for 3ms", "at 500us pause 0 for 20ms")
	if len(told) < 2 || told[0] != "persisted 1 at 20.5ms" || told[1] != "persisted 2 at 21.5ms" {
		t.Errorf("%q", told)
	}
	told, _ = steady(t, 1, "on 0 persist 2 disk-error 0 100% for 3ms", "at 1500us pause 0 for 20ms")
	if len(told) < 2 || told[1] != "storage-failed 2 at 21.5ms" {
		t.Errorf("%q", told)
	}
	// What it has not heard of is done all the same.
	_, kept := steady(t, 2, "at 500us pause 0", "at 20ms crash 0", "at 60ms recover 0")
	if !slices.Equal(kept, []string{"one "}) {
		t.Errorf("%q", kept)
	}
}

// With Revive every node is up in the end, though a trigger strikes after the last step of the scenario.
func TestReviveInTheEnd(t *testing.T) {
	steps := []string{"at 1ms send 0 g 8", "on 1 deliver 1 crash 1", "at 2ms crash 2", "at 3ms recover 2", "at 4ms crash-lossy 2"}
	h, _ := play(t, Config{New: channels, Revive: true, Model: spec.CrashRecovery}, steps...)
	if got := told(h, spec.Recover); got != "2 recover\n1 recover\n2 recover" || !h.Settled || h.Model != spec.CrashRecovery {
		t.Errorf("got\n%s", got)
	}
	h, _ = play(t, Config{New: channels}, steps...)
	if got := told(h, spec.Recover); got != "2 recover" {
		t.Errorf("without Revive: got\n%s", got)
	}
}

// What was handed out at a recovery is never written to, whatever becomes of the log.
func TestRecoveredBytesStay(t *testing.T) {
	var first, copied []byte
	recovered(t, 3, func(in impl.Input, out *impl.Effects) {
		switch {
		case in.Kind == impl.Recovered && first == nil:
			first, copied = in.Body, bytes.Clone(in.Body)
			_ = append(in.Body, "over"...) // does not reach the log
		case in.Kind == impl.Ready:
			out.Append([]byte("0123456789"))
			out.Persist(1)
			out.Append([]byte("not persisted"))
		}
	}, "at 10ms crash 0", "at 20ms recover 0", "at 20500us crash 0", "at 21ms disk-flip 0", "at 30ms recover 0",
		"at 40ms disk-gone 0", "at 40ms crash 0", "at 50ms recover 0")
	if len(first) < 10 || !bytes.Equal(first, copied) {
		t.Errorf("%q has become %q", copied, first)
	}
}
