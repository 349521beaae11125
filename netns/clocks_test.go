package netns

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// A clock that is wrong says when it will be right what it says now, and no timer fires before its time.
func TestWrongClocks(t *testing.T) {
	r := spec.NewRand(1, 0xc10c)
	for range 10_000 {
		c := &wrong{ahead: int64(r.IntN(1e9)) - 5e8, percent: int64(r.IntN(50))}
		now := spec.Time(r.IntN(1e10))
		at := c.at(now) + spec.Time(r.IntN(1e9))
		when := c.right(now, at)
		if when < now || c.at(when) < at || c.at(when) > at+2 {
			t.Fatalf("%+v at %d: %d says %d, want %d", *c, now, when, c.at(when), at)
		}
		if past := c.right(now, c.at(now)-5); past != now {
			t.Fatalf("%+v: what is over is due at %d, want %d", *c, past, now)
		}
	}
	var none *wrong
	if none.at(7) != 7 || none.right(3, 9) != 9 {
		t.Error("a right clock is wrong")
	}
}

// askedTime lets this program say what time it is, by every way that the runtime and the kernel have.
const askedTime = "CONFORM_ASKED_TIME"

func init() {
	guests["unicast/real-time"] = struct {
		wire  Wire
		stack func(impl.Config) impl.Layer
	}{Unicast, func(cfg impl.Config) impl.Layer {
		return impl.NewStack(ordering.NewRealTime(cfg, 20*time.Millisecond, 100*time.Millisecond), reliability.NewReliable(cfg),
			transport.NewUnicast(cfg), transport.NewChannel(cfg))
	}}
	if os.Getenv(askedTime) == "" {
		return
	}
	start := time.Now()
	before := Now()
	time.Sleep(20 * time.Millisecond)
	b, _ := os.ReadFile("/proc/uptime")
	up, _ := strconv.ParseFloat(strings.Fields(string(b))[0], 64)
	fmt.Println(int64(before), time.Since(start).Milliseconds(), int64(Now()-before)/1e6, int64(up*1e9))
	os.Exit(0)
}

// A program that knows nothing of it is told another time by its kernel, by the vDSO as by a file; its runtime sleeps as
// long as ever. Two that are started one after the other have clocks of their own, and everybody else has the right one.
func TestTimeNamespaces(t *testing.T) {
	t.Parallel()
	l := lan(t, 2)
	s := l.Sockets()
	if _, err := s.Addresses(2); err != nil {
		t.Fatal(err)
	}
	s.Ahead(1, 100*time.Second)
	for n := range spec.NodeID(2) {
		var out strings.Builder
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), askedTime+"=1")
		cmd.Stdout, cmd.Stderr = &out, os.Stderr
		before := Now()
		if err := s.Start(n, cmd); err != nil {
			if Missing(err) && os.Getenv(RequiredVariable) == "" {
				t.Skip(err)
			}
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		after := Now()
		var said, up int64
		var slept, passed int
		if _, err := fmt.Sscan(out.String(), &said, &slept, &passed, &up); err != nil {
			t.Fatalf("%q: %v", out.String(), err)
		}
		by := spec.Time(n) * spec.Time(100*time.Second)
		if at := spec.Time(said) - by; at < before || at > after {
			t.Errorf("node %d says %d; it was %d to %d, and its clock is to be %d ahead", n, said, before, after, by)
		}
		if slept < 20 || passed < 20 || time.Duration(slept)*time.Millisecond > time.Duration(after-before) {
			t.Errorf("node %d slept for %d ms, and %d ms passed", n, slept, passed)
		}
		if d := time.Duration(up - said); d < -time.Minute || n == 1 && up < int64(100*time.Second) {
			t.Errorf("node %d has been up for %d, and says %d", n, up, said)
		}
	}
}

// Clocks that are ahead from the start, that jump and that are too fast are seen by the layers and by nobody else: what
// orders by clocks that agree orders wrongly where they do not, and the history tells it by the one that is right.
func TestClocksOnTheKernel(t *testing.T) {
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	for _, c := range []struct {
		name, fault string
		broken      bool
	}{
		{"little", "at 0s skew 1 by 10ms\n", false},
		{"skew from the start", "at 0s skew 1 by 250ms\n", true},
		{"skew", "at 1ms skew 1 by 250ms for 300ms\n", true},
		{"jump", "at 1ms jump 1 by 250ms for 300ms\n", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := lan(t, 3)
			w := earth(t, l, "unicast/real-time")
			w.cfg.Frames = true // to be told how late the machine is
			w.cfg.Declare = func(_ *faults.Scenario, h *spec.Header) {
				h.Bounds = map[string]time.Duration{"TIMELINESS": 180 * time.Millisecond}
				h.Epsilon = 1
			}
			s := scenario(t, c.fault+"at 100ms send 1 g 8\nat 130ms send 0 g 8\nat 160ms send 2 g 8\n")
			h := play1(t, w, s)
			late := func() bool { return !c.broken && max(w.Tardy(), w.Late()) > punctual }
			for range tries {
				if late() {
					h = play1(t, w, s)
				}
			}
			if late() {
				t.Skipf("not judged: the machine was %v late, and delays have no bound", max(w.Tardy(), w.Late()))
			}
			for i := range h.Events[1:] {
				if h.Events[i+1].T < h.Events[i].T || h.Events[i+1].T > spec.Time(5*time.Second) {
					t.Fatalf("event %d at %d, after %d", i+1, h.Events[i+1].T, h.Events[i].T)
				}
			}
			f := checkers.Check(h, "TIMELINESS")[0]
			if got := f.Verdict == spec.Fail; got != c.broken {
				t.Errorf("%v %s %+v", f.Verdict, f.Reason, f.Witness)
			} else if got {
				t.Log(f.Witness.Text)
			}
		})
	}
}

// In slow motion the layers' clock goes so many times slower, whatever is wrong with it besides, and no timer fires before
// its time on it, nor later than rounding makes it.
func TestSlowMotion(t *testing.T) {
	r := spec.NewRand(2, 0xc10c)
	for range 1_000 {
		n := &Node{cfg: Config{Motion: 1 + r.IntN(8), Epoch: Now() - spec.Time(r.IntN(1e10))}}
		n.SetClock(time.Duration(r.IntN(1e9)), r.IntN(50))
		k := n.motion()
		before, at, after := n.now(), n.clock(), n.now()
		if c := n.wrong.Load(); at < c.at(before)/k || at > c.at(after)/k {
			t.Fatalf("%+v: %d times slower says %d between %d and %d", *c, k, at, before, after)
		}
		want := at + spec.Time(r.IntN(1e9))
		c, when := n.wrong.Load(), n.rightTime(want)
		if says := c.at(when) / k; says < want || says > want+2 {
			t.Fatalf("%+v: %d times slower the timer of %d fires at %d", *c, k, want, says)
		}
	}
	if n := (&Node{cfg: Config{Motion: 4}}); n.rightTime(math.MaxInt64) < n.now() {
		t.Error("never is in the past")
	}
}
