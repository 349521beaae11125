package ipmulticast

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// diary is an agenda with what it asked of its layer's timer.
type diary struct {
	agenda
	out *impl.Effects
}

func newDiary(speed int) *diary {
	d := &diary{out: impl.NewEffects(&impl.Arena{})}
	d.reset(&Timing{Speed: speed})
	return d
}

// ask ends a step, and gives what is asked of the layer's timer: "12ms", "stop" or nothing.
func (d *diary) ask() string {
	d.out.Reset()
	d.arm(d.out)
	var s []string
	for i := range d.out.List {
		switch e := &d.out.List[i]; e.Kind {
		case impl.SetTimer:
			s = append(s, time.Duration(e.At).String())
		case impl.StopTimer:
			s = append(s, "stop")
		}
	}
	return strings.Join(s, " ")
}

// take gives the timers that are due, by their ports.
func (d *diary) take(now spec.Time) string {
	d.fired()
	s := ""
	for k, ok := d.due(now); ok; k, ok = d.due(now) {
		s += fmt.Sprint(k.port)
	}
	return s
}

func port(n int) timer { return timer{kind: routerTimers, port: int16(n)} }

const msec = spec.Time(time.Millisecond)

// Timers fire in the order of their times, and those of one time in the order in which they were set.
func TestAgendaOrder(t *testing.T) {
	d := newDiary(1)
	for n, after := range []time.Duration{30, 10, 20, 10, 0, 20} {
		d.set(port(n), 5*msec, after*time.Millisecond)
	}
	if got := d.ask(); got != "5ms" {
		t.Errorf("armed at %q", got)
	}
	for _, c := range []struct {
		at         spec.Time
		fire, then string
	}{
		{4 * msec, "", "5ms"}, // too early: nothing fires, and the layer's timer is set again
		{5 * msec, "4", "15ms"},
		{24 * msec, "13", "25ms"}, // late
		{25 * msec, "25", "35ms"},
		{99 * msec, "0", ""}, // none is left, and the layer's timer is not running
	} {
		if got := d.take(c.at); got != c.fire {
			t.Errorf("at %v: %q fire, want %q", time.Duration(c.at), got, c.fire)
		}
		if got := d.ask(); got != c.then {
			t.Errorf("at %v: then armed at %q, want %q", time.Duration(c.at), got, c.then)
		}
		if got := d.ask(); got != "" {
			t.Errorf("at %v: armed at %q again, though nothing has changed", time.Duration(c.at), got)
		}
	}
}

// Setting again replaces; after a stop a timer never fires.
func TestAgendaReplaceAndStop(t *testing.T) {
	d := newDiary(1)
	d.set(port(1), 0, 10*time.Millisecond)
	d.set(port(2), 0, 20*time.Millisecond)
	if got := d.ask(); got != "10ms" {
		t.Errorf("armed at %q", got)
	}
	d.set(port(1), 0, 30*time.Millisecond) // later: the first is now the other one
	if got := d.ask(); got != "20ms" {
		t.Errorf("armed at %q after 1 was put off", got)
	}
	d.set(port(1), 0, 5*time.Millisecond)
	if got := d.ask(); got != "5ms" {
		t.Errorf("armed at %q after 1 was brought forward", got)
	}
	d.stop(port(1))
	d.stop(port(7)) // was never set
	if got := d.ask(); got != "20ms" {
		t.Errorf("armed at %q after 1 was stopped", got)
	}
	if left, ok := d.left(port(1), 0); ok {
		t.Errorf("1 is stopped, and has %v left", left)
	}
	d.stop(port(2))
	if got := d.ask(); got != "stop" {
		t.Errorf("asked %q after the last one was stopped", got)
	}
	if got := d.take(time99); got != "" {
		t.Errorf("%q fired after the stop", got)
	}
	d.set(port(2), 0, 20*time.Millisecond)
	d.ask()
	if got := d.take(20*msec) + d.take(time99); got != "2" {
		t.Errorf("%q fired, want 2 once", got)
	}
}

const time99 = 99 * spec.Time(time.Second)

// At time 0 a timer may be due at once.
func TestAgendaAtTheBeginning(t *testing.T) {
	d := newDiary(200)
	d.set(port(1), 0, 100*time.Nanosecond)
	if got := d.ask(); got != "0s" {
		t.Errorf("armed at %q", got)
	}
	if got := d.take(0); got != "1" {
		t.Errorf("%q fired", got)
	}
}

// The clock of a machine may be fast: its times are shorter for the world.
func TestAgendaSpeed(t *testing.T) {
	for speed, want := range map[int]string{0: "1m40s", 1: "1m40s", 200: "500ms"} {
		d := newDiary(speed)
		d.set(port(1), 0, 100*time.Second)
		if got := d.ask(); got != want {
			t.Errorf("speed %d: armed at %s, want %s", speed, got, want)
		}
		half := d.at[port(1)].at / 2
		if left, ok := d.left(port(1), half); !ok || left != 50*time.Second {
			t.Errorf("speed %d: %v left, %v", speed, left, ok)
		}
	}
}

// A restart drops every timer.
func TestAgendaReset(t *testing.T) {
	d := newDiary(1)
	d.set(port(1), 0, time.Second)
	d.ask()
	d.reset(&Timing{Speed: 1})
	if got := d.ask(); got != "" {
		t.Errorf("asked %q", got)
	}
	d.set(port(1), 0, time.Second)
	if got := d.ask(); got != "1s" {
		t.Errorf("armed at %q after the restart", got)
	}
}

// naive is an agenda that searches a list.
type naive []entry

func (n *naive) stop(k timer) {
	*n = slices.DeleteFunc(*n, func(e entry) bool { return e.key == k })
}

func (n *naive) first() *entry {
	var best *entry
	for i := range *n {
		if e := &(*n)[i]; best == nil || e.before(*best) {
			best = e
		}
	}
	return best
}

// An agenda does what a list does that is searched.
func TestAgendaTwin(t *testing.T) {
	for seed := range uint64(40) {
		r := spec.NewRand(seed, 0xa6e)
		d, n, armed := newDiary(1+int(seed%3)), naive{}, spec.Time(-1)
		now, seq := spec.Time(seed%2)*msec, uint64(0)
		for range 400 {
			k := timer{kind: routerTimers + timerKind(r.IntN(2)), port: int16(r.IntN(6)), group: group4(spec.GroupID(r.IntN(2)))}
			switch r.IntN(5) {
			case 0, 1:
				after := time.Duration(r.IntN(8)) * time.Millisecond
				d.set(k, now, after)
				seq++
				n.stop(k)
				n = append(n, entry{now + spec.Time(after)/d.speed, seq, k})
			case 2:
				d.stop(k)
				n.stop(k)
			case 3:
				now += spec.Time(r.IntN(3)) * msec
			default: // the layer's timer fires, if it runs
				if armed < 0 {
					break
				}
				now = max(now, armed)
				d.fired()
				armed = -1
				for {
					got, ok := d.due(now)
					want := n.first()
					if want == nil || want.at > now {
						if ok {
							t.Fatalf("seed %d: %v fires at %d, and nothing is due", seed, got, now)
						}
						break
					}
					if !ok || got != want.key {
						t.Fatalf("seed %d: at %d %v fires (%v), want %v", seed, now, got, ok, want.key)
					}
					n.stop(got)
				}
			}
			d.out.Reset()
			d.arm(d.out)
			for i := range d.out.List {
				if armed = -1; d.out.List[i].Kind == impl.SetTimer {
					armed = d.out.List[i].At
				}
			}
			if want := n.first(); want != nil && armed != want.at || want == nil && armed >= 0 {
				t.Fatalf("seed %d: the layer's timer is at %d, and the first one is %+v", seed, armed, want)
			}
			for k := range n {
				if left, ok := d.left(n[k].key, now); !ok || left != time.Duration((n[k].at-now)*d.speed) {
					t.Fatalf("seed %d: %v has %v left, %v", seed, n[k].key, left, ok)
				}
			}
		}
	}
}
