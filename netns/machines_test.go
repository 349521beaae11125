package netns

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink/nl"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// What a host says of groups is lost on its cable: the switch goes on sending it what it no longer wants. And the time to
// live of its packets is another one, with a checksum that its receivers take for right.
func TestMarks(t *testing.T) {
	if testing.Short() {
		t.Skip("a leave takes its time")
	}
	t.Parallel()
	l := lan(t, 3)
	e := listen(t, l, 1, 5000).join(1, "239.129.9.1")
	known(t, l, "239.129.9.1", 1)
	wire := tap(t, l, 1)
	s := listen(t, l, 0, 0)
	for _, ttl := range []int{-1, 5, 0} {
		l.marks = []Mark{{Host: 0, TTL: ttl}}
		if err := l.Drop(nil); err != nil {
			t.Fatal(err)
		}
		if _, err := s.WriteToUDPAddrPort([]byte("x"), netip.MustParseAddrPort("239.129.9.1:5000")); err != nil && ttl != 0 {
			t.Fatal(err)
		}
	}
	if got := e.heard(200 * time.Millisecond); len(got) != 2 {
		t.Errorf("%d packets taken, want 2: as it was, with 5, and none with 0", len(got))
	}
	seen := map[byte]int{}
	wire.count(func(f []byte) bool {
		if toGroup("239.129.9.1")(f) && f[23] == 17 {
			seen[f[22]]++
		}
		return false
	})
	if len(seen) != 2 || seen[1] != 1 || seen[5] != 1 {
		t.Errorf("times to live on the cable: %v", seen)
	}
	l.marks = []Mark{{Host: 1, Percent: 100, TTL: -1}}
	if err := l.Drop(nil); err != nil {
		t.Fatal(err)
	}
	_ = e.Close()
	time.Sleep(400 * time.Millisecond) // twice what the switch takes that hears it
	if at, err := l.Listeners(netip.MustParseAddr("239.129.9.1")); err != nil || !at[1] {
		t.Errorf("the leave that was lost is known: %v %v", at, err)
	}
}

// A switch that no longer asks forgets who listens.
func TestQuerierGone(t *testing.T) {
	if testing.Short() {
		t.Skip("the switch takes seconds to forget")
	}
	t.Parallel()
	l := lan(t, 3)
	e := listen(t, l, 1, 5000).join(1, "239.129.9.1")
	known(t, l, "239.129.9.1", 1)
	if err := l.set(map[int]uint64{nl.IFLA_BR_MCAST_MEMBERSHIP_INTVL: 130}); err != nil { // a bit more than between two questions
		t.Fatal(err)
	}
	time.Sleep(1200 * time.Millisecond) // it is asked, and answers
	known(t, l, "239.129.9.1", 1)
	if err := l.Ask(false); err != nil {
		t.Fatal(err)
	}
	if err := l.forgotten(netip.MustParseAddr("239.129.9.1"), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	// It has never been asked again, and nobody asks: so the switch sends to all, and it is heard still.
	s := listen(t, l, 0, 0)
	s.send("239.129.9.1", 5000, "x")
	s.send("239.129.9.1", 5000, "end")
	if got := e.heard(2 * time.Second); len(got) != 1 {
		t.Errorf("%q", got)
	}
	if err := l.Ask(true); err != nil {
		t.Fatal(err)
	}
	known(t, l, "239.129.9.1", 1)
}

// A stranger that repeats, listens and floods changes nothing of what members deliver, and is seen at all of it.
func TestStrangersOnTheKernel(t *testing.T) {
	for _, stack := range []string{"ip/unreliable", "hardware/reliable-ip", "broadcast/best-effort"} {
		t.Run(stack, func(t *testing.T) {
			t.Parallel()
			if testing.Short() {
				t.Skip("runs of seconds")
			}
			l := lan(t, 4)
			w := earth(t, l, stack)
			w.cfg.Frames = true
			s, err := faults.Parse("conform.scenario/1\nnodes 3\ngroup g closed 0 1 2\nseed 1\nat 0s rogue 100% for 300ms\nat 0s listen 1 for 300ms\n" +
				"at 0s flood every 5ms for 60ms\nat 0s overflow 2 20\nat 150ms send 0 g 8\nat 200ms send 1 g 8\n")
			if err != nil {
				t.Fatal(err)
			}
			h := play1(t, w, s)
			if got := deliveredBy(h); got != [3]int{2, 2, 2} || !h.Settled {
				t.Errorf("deliveries %v, settled %v", got, h.Settled)
			}
			for _, f := range checkers.Check(h, "NO-CREATION", "NO-DUPLICATION", "SENDER-INTEGRITY", "CLOSED-GROUP") {
				if f.Verdict == spec.Fail {
					t.Errorf("%s: %s", f.ID, f.Witness.Text)
				}
			}
			sent, heard, foreign := 0, 0, 0
			var story []string
			for i := range h.Events {
				e := &h.Events[i]
				if e.Kind != spec.Frame {
					continue
				}
				x := h.ExtraOf(e)
				if x.Op == "igmp-report" || x.Op == "igmp-leave" {
					story = append(story, h.NodeName(e.Node)+" "+x.Op)
				}
				switch {
				case h.NodeName(e.Node) == "stranger" && x.Op == "data":
					sent++
				case x.Link == "cable-stranger" && x.Op == "data" && h.NodeName(e.From) != "stranger":
					heard++
				case x.Link == "cable2" && h.NodeName(e.From) == "stranger":
					foreign++
				}
			}
			if sent < 5+2 || heard < 2 || foreign < 5 {
				t.Errorf("the stranger sent %d frames and got %d; %d of its came to a member", sent, heard, foreign)
			}
			slices.Sort(story[:min(3, len(story))]) // who is up first is luck
			want := []string{"0 igmp-report", "1 igmp-report", "2 igmp-report", "stranger igmp-report", "stranger igmp-leave"}
			for len(story) > len(want) && strings.HasSuffix(story[len(story)-1], " igmp-leave") { // as a process ends
				story = story[:len(story)-1]
			}
			if w.cfg.Wire == Multicast && !slices.Equal(story, want) {
				t.Errorf("what was said of the group: %q, want %q", story, want)
			}
			if n := len(w.undo); n != 0 || w.cfg.LAN.marks != nil {
				t.Errorf("%d things are left", n)
			}
			if at, err := l.Listeners(w.addrs[0]); err != nil || len(at) > 3 {
				t.Error(at, err)
			}
		})
	}
}

// Where the time to live is too small packets do not come as far as before, and the router that would have forwarded them
// is not to blame.
func TestScopeBetweenSubnets(t *testing.T) {
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	t.Parallel()
	l := spread{mode: ipmulticast.Dense, plan: ipmulticast.InternetConfig{Hosts: 3, Subnets: 3}}.build(t)
	w := earth(t, l, "ip/unreliable")
	h := play1(t, w, scenario(t, "at 0s send 0 g 8\nat 300ms ttl 0 1 for 200ms\nat 400ms send 0 g 8\nat 600ms ttl 0 2 for 200ms\nat 700ms send 0 g 8\nat 1s send 0 g 8\n"))
	var j checkers.Judge
	j.Load(h)
	if f := j.Check("TTL-SCOPE"); f.Verdict != spec.Pass || f.Antecedents == 0 {
		t.Errorf("%v %s %+v", f.Verdict, f.Reason, f.Witness)
	}
	got := deliveredBy(h)
	if got[0] != 4 || got[1] != 3 && got[1] != 2 || got[1]+got[2] >= 2*4 || got[1]+got[2] < 4 {
		t.Errorf("deliveries %v", got)
	}
	left := map[int]int{}
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == spec.Frame && e.Node == 0 && h.ExtraOf(e).Op == "data" {
			left[h.ExtraOf(e).TTL]++
		}
	}
	if left[1] != 1 || left[2] != 1 || left[16] != 2 {
		t.Errorf("times to live: %v", left)
	}
}
