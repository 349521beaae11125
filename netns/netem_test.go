package netns

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// What is asked of netem, byte by byte as linux/pkt_sched.h has it: struct tc_netem_qopt (latency, limit, loss, gap,
// duplicate, jitter), and behind it the attributes, on a machine whose lower bytes come first.
func TestNetemOptions(t *testing.T) {
	if nl.NativeEndian().Uint16([]byte{1, 0}) != 1 {
		t.Skip("the bytes are those of another machine")
	}
	const head, seed = "a0860100" + "00000000", "0c000e00" + "0900000000000000"
	for _, c := range []struct {
		x    Alter
		want string
	}{
		{Alter{From: 0, To: 1, Percent: 100, Late: 64 * time.Millisecond},
			"40420f00" + head + "00000000" + "00000000" + "00000000" +
				"0c000a00" + "0090d00300000000" + "0c000b00" + "0000000000000000" + seed},
		{Alter{From: -1, To: -1, Percent: 100, Upto: 128 * time.Millisecond},
			"40420f00" + head + "00000000" + "00000000" + "40420f00" +
				"0c000a00" + "0090d00300000000" + "0c000b00" + "0090d00300000000" + seed},
		{Alter{From: -1, To: -1, Percent: 40, Upto: 128 * time.Millisecond},
			"40420f00" + head + "01000000" + "00000000" + "40420f00" +
				"0c000300" + "99999999" + "00000000" + "0c000a00" + "0090d00300000000" + "0c000b00" + "0090d00300000000" + seed},
		{Alter{From: -1, To: -1, Percent: 20, Twice: true},
			"00000000" + head + "00000000" + "33333333" + "00000000" +
				"0c000a00" + "0000000000000000" + "0c000b00" + "0000000000000000" + seed},
	} {
		kind, options := netemOf(c.x, 9)
		want, _ := hex.DecodeString(c.want)
		if got := options.Serialize()[unix.SizeofRtAttr:]; kind != "netem" || !bytes.Equal(got, want) {
			t.Errorf("%+v: %s %x, want %x", c.x, kind, got, want)
		}
		q := nl.DeserializeTcNetemQopt(want)
		if x, err := nl.ParseRouteAttr(want[nl.SizeofTcNetemQopt:]); err != nil || q.Limit != netemWaiting || x[len(x)-1].Attr.Type != netemSeed {
			t.Errorf("%+v is not what the library reads: %+v %v", c.x, q, err)
		}
	}
}

// What netem can't do exactly is left to our own switch.
func TestNetemIsExact(t *testing.T) {
	for _, c := range []struct {
		alters []Alter
		drops  []Drop
		want   bool
	}{
		{[]Alter{{From: 0, To: 1, Percent: 100, Late: 1}}, nil, true},
		{[]Alter{{From: 0, To: -1, Percent: 100, Late: 1}}, []Drop{{From: 0, To: 1, Percent: 100}}, true},
		{[]Alter{{From: 0, To: 1, Percent: 50, Late: 1}}, nil, false},
		{[]Alter{{From: -1, To: -1, Percent: 50, Upto: 1}}, nil, true},
		{[]Alter{{From: -1, To: -1, Percent: 50, Twice: true}}, nil, true},
		{[]Alter{{From: -1, To: -1, Percent: 50, Flip: true}}, nil, false},
		{[]Alter{{From: -1, To: -1, Percent: 100, Late: 1, Upto: 1}}, nil, false},
		{[]Alter{{From: 0, To: 1, Percent: 100, Late: 1}, {From: 1, To: 0, Percent: 100, Late: 1}}, nil, false},
		{[]Alter{{From: 0, To: 1, Percent: 100, Late: 1}}, []Drop{{From: 0, To: -1, Percent: 100, Cable: true}}, false},
		{nil, nil, false},
	} {
		l := &LAN{netem: netem{asked: true}}
		if got := l.byNetem(c.drops, c.alters); got != c.want {
			t.Errorf("%+v %+v: by netem: %v", c.drops, c.alters, got)
		}
		l.netem.reason = errors.New("there is none")
		if l.byNetem(c.drops, c.alters) {
			t.Errorf("%+v by a netem that is not there", c.alters)
		}
	}
}

// Only the packets that are meant come into the class of a port where netem is; here a queue without room is there, which
// drops them. What hosts say of groups goes past, and all of it does when the fault is over.
func TestNetemsClass(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes a second")
	}
	l := lan(t, 3)
	t.Log("netem:", l.Netem())
	l.netem.asked, l.netem.reason = true, nil
	l.netem.leaf = func(Alter, uint64) (string, *nl.RtAttr) {
		return "pfifo", nl.NewRtAttr(nl.TCA_OPTIONS, make([]byte, 4)) // struct tc_fifo_qopt: the limit
	}
	said := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
	for _, c := range []struct {
		alters   []Alter
		one, two []string
	}{
		{[]Alter{{From: 0, To: 1, Percent: 100, Late: time.Millisecond}}, nil, said},
		{[]Alter{{From: 0, To: 2, Percent: 100, Late: time.Millisecond}}, said, nil},
		{[]Alter{{From: 1, To: -1, Percent: 100, Late: time.Millisecond}}, said, said},
		{[]Alter{{From: -1, To: -1, Percent: 100, Upto: time.Millisecond}}, nil, nil},
		{nil, said, said},
	} {
		heard := talk(t, l, [3]int{0, len(c.one), len(c.two)}, func() {
			if err := l.Break(nil, c.alters); err != nil {
				if Missing(err) {
					t.Skip(err)
				}
				t.Fatal(err)
			}
		})
		if !slices.Equal(heard[1], c.one) || !slices.Equal(heard[2], c.two) {
			t.Errorf("%+v: %q and %q arrive", c.alters, heard[1], heard[2])
		}
	}
	if err := l.begin(2); err != nil {
		t.Fatal(err)
	}
	if l.netem.laid {
		t.Error("the queues are still there in the next run")
	}
}

// What is late is late by that time, on that way alone, whoever does it; and what still was on its way when the fault
// ended arrives.
func TestLateIsLate(t *testing.T) {
	t.Parallel()
	l := lan(t, 3)
	for _, own := range []bool{true, false} {
		l.netem.avoid = own
		if err := l.Netem(); !own && err != nil {
			t.Skip(err)
		}
		const group, late = "239.129.78.1", 60 * time.Millisecond
		slow, fast := listen(t, l, 1, 5000).join(1, group), listen(t, l, 2, 5000).join(2, group)
		known(t, l, group, 1, 2)
		s := listen(t, l, 0, 0)
		if err := l.Break(nil, []Alter{{From: 0, To: 1, Percent: 100, Late: late}}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		s.send(group, 5000, "end")
		fast.heard(5 * time.Second)
		atOnce := time.Since(start)
		if err := l.Drop(nil); err != nil {
			t.Fatal(err)
		}
		slow.heard(5 * time.Second)
		if took := time.Since(start); took < late || took >= 5*time.Second {
			t.Errorf("by our own switch: %v: what should take %v more than %v took %v", own, late, atOnce, took)
		}
		for _, e := range []ear{slow, fast, s} {
			_ = e.Close()
		}
	}
}
