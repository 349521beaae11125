package netns

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

// lifeOf makes a life that began with an incarnation and sent once, or that was over before it had said anything.
func lifeOf(inc int, over spec.Time) *life {
	l := &life{killed: over != 0, over: over}
	if inc < 0 {
		return l
	}
	begin := observed{Event: spec.Event{T: over - 50, Kind: spec.Recover, Has: spec.HasNode | spec.HasID}, extra: spec.Extra{ID: uint64(inc)}, rare: true}
	if inc == 0 {
		begin.Kind = spec.Note
	}
	l.events = []observed{begin, {Event: spec.Event{T: over - 20, Kind: spec.Send, Has: spec.HasNode}}}
	return l
}

// Every incarnation has its recovery and its crash in the history, also one that was killed before it had said anything.
func TestEveryLifeIsCounted(t *testing.T) {
	for _, c := range []struct {
		lives []int // by incarnation; -1: it said nothing
		want  string
	}{
		{[]int{0}, "note send crash"},
		{[]int{0, 1}, "note send crash recover send crash"},
		{[]int{0, -1, 1}, "note send crash recover send crash"},
		{[]int{0, -1, 2}, "note send crash recover crash recover send crash"},
		{[]int{0, -1, -1, 3, 4}, "note send crash recover crash recover crash recover send crash recover send crash"},
		{[]int{-1, 0}, "note send crash"},
		{[]int{-1, 1}, "crash recover send crash"},
		{[]int{-1, -1, 2}, "crash recover crash recover send crash"},
		{[]int{0, -1}, "note send crash"},
	} {
		var s seat
		for i, inc := range c.lives {
			s.lives = append(s.lives, lifeOf(inc, spec.Time(100*(i+1))))
		}
		var got []string
		last := spec.Time(0)
		for _, o := range s.history(nil, 0, 0) {
			got = append(got, o.Kind.String())
			if o.T < last {
				t.Errorf("%v: %v at %d, after %d", c.lives, o.Kind, o.T, last)
			}
			last = o.T
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%v: %s, want %s", c.lives, text, c.want)
		}
	}
}

// A process that ends though nobody told it to is not taken for a killed one.
func TestAProcessThatDiesOfItself(t *testing.T) {
	for _, c := range []struct{ stack, line, want string }{
		{"atomic-log", "jump", `command "jump": want send COUNT SIZE`},
		{"atomic-log", "send x 3", `want send COUNT SIZE`},
		{"no-such-thing", "", `no stack "no-such-thing"`},
	} {
		s := newSlaughter(t, c.stack, 1, time.Second)
		s.must(s.g.Start(0, Birth{}))
		if c.line != "" {
			if _, err := fmt.Fprintln(s.g.seats[0].up().input, c.line); err != nil {
				t.Fatal(err)
			}
		}
		<-s.g.seats[0].up().read
		if err := s.g.Dead(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
		s.must(s.g.Close())
	}
}

// A variable that is no host says so.
func TestHostVariable(t *testing.T) {
	t.Setenv(HostVariable, "{")
	if _, asked, err := HostAsked(); !asked || err == nil {
		t.Error(asked, err)
	}
}
