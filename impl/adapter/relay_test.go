package adapter

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// between opens relays between two sockets of a test, which strikes as a scenario says.
func between(t *testing.T, steps string) (*relays, *faults.Scenario, [2]*net.UDPConn) {
	t.Helper()
	s, err := faults.Parse("conform.scenario/1\nnodes 2\ngroup g 0 1\nseed 1\nnet latency 1ms..1ms\n" + steps)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UDPConn
	var real []string
	for n := range ends {
		if ends[n], err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ends[n].Close() })
		real = append(real, ends[n].LocalAddr().String())
	}
	r, err := newRelays(real, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	r.watch(s.Steps)
	var lasting []faults.Action
	for i := range s.Steps {
		if s.Steps[i].When.On == faults.AtTime {
			lasting = append(lasting, s.Steps[i].Action)
		}
	}
	r.breaks(lasting)
	return r, s, ends
}

// pass sends n datagrams from 0 to 1 and gives what comes within a moment, and from where.
func pass(t *testing.T, r *relays, ends [2]*net.UDPConn, n int) (got []string, from string) {
	t.Helper()
	to, _ := net.ResolveUDPAddr("udp4", r.address(0, 1))
	for i := range n {
		if _, err := ends[0].WriteTo([]byte(fmt.Sprint(i)), to); err != nil {
			t.Fatal(err)
		}
	}
	b := make([]byte, 100)
	_ = ends[1].SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	for {
		k, a, err := ends[1].ReadFrom(b)
		if err != nil {
			return got, from
		}
		got, from = append(got, string(b[:k])), a.String()
	}
}

// A datagram comes from the address that its receiver knows its sender by, so that an answer goes back the same way.
func TestRelayAnswers(t *testing.T) {
	r, _, ends := between(t, "")
	if own := r.address(1, 1); own != ends[1].LocalAddr().String() {
		t.Errorf("a node's own address is %s, want its real one, %s", own, ends[1].LocalAddr())
	}
	got, from := pass(t, r, ends, 3)
	if strings.Join(got, " ") != "0 1 2" || from != r.address(1, 0) {
		t.Fatalf("got %v from %s, want 0 1 2 from %s", got, from, r.address(1, 0))
	}
	back, _ := net.ResolveUDPAddr("udp4", from)
	if _, err := ends[1].WriteTo([]byte("yes"), back); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	_ = ends[0].SetReadDeadline(time.Now().Add(time.Second))
	if n, a, err := ends[0].ReadFrom(b); err != nil || string(b[:n]) != "yes" || a.String() != r.address(0, 1) {
		t.Errorf("the answer is %q from %v, %v", b[:n], a, err)
	}
}

// Each fault does what it says, and nothing of it is left when it has been healed.
func TestRelayFaults(t *testing.T) {
	t.Parallel()
	for steps, want := range map[string]int{
		"at 0s loss 100%\n":           0,
		"at 0s partition 0 | 1\n":     0,
		"at 0s oneway 0 > 1\n":        0,
		"at 0s oneway 1 > 0\n":        8,
		"at 0s isolate 1\n":           0,
		"at 0s omit-send 0 100%\n":    0,
		"at 0s omit-send 1 100%\n":    8,
		"at 0s omit-receive 1 100%\n": 0,
		"at 0s duplicate 100%\n":      16,
		"at 0s corrupt 100%\n":        8,
		"at 0s delay 0 by 20ms\n":     8,
		"on 0 send 3 crash-lossy 0\n": -1, // of two, what the relay has not handed on is lost
	} {
		t.Run(strings.TrimSpace(steps), func(t *testing.T) {
			t.Parallel()
			r, _, ends := between(t, steps)
			got, _ := pass(t, r, ends, 8)
			switch {
			case want >= 0 && len(got) != want:
				t.Errorf("%d of 8 came: %v, want %d", len(got), got, want)
			case want < 0 && (len(got) > 2 || len(r.struck) != 1):
				t.Errorf("%v came after the crash, and %d steps struck", got, len(r.struck))
			case strings.Contains(steps, "corrupt") && got[0] == "0":
				t.Errorf("nothing was changed: %v", got)
			}
			if want < 0 {
				return
			}
			r.breaks(nil)
			if got, _ := pass(t, r, ends, 8); strings.Join(got, " ") != "0 1 2 3 4 5 6 7" {
				t.Errorf("healed: %v", got)
			}
		})
	}
}

// A crash loses nothing that was sent before, and takes nothing that is sent after.
func TestRelayCrash(t *testing.T) {
	r, _, ends := between(t, "")
	to, _ := net.ResolveUDPAddr("udp4", r.address(0, 1))
	for range 100 {
		_, _ = ends[0].WriteTo([]byte("before"), to)
	}
	r.silence(0, false)
	_, _ = ends[0].WriteTo([]byte("after"), to)
	got, _ := pass(t, r, ends, 1)
	if len(got) != 100 || got[99] != "before" {
		t.Errorf("%d of 100 came, the last %q", len(got), got[len(got)-1])
	}
	r.speak(0)
	if got, _ := pass(t, r, ends, 1); len(got) != 1 {
		t.Errorf("of the next life came %v", got)
	}
}

// A stream goes on when a cut is over, and breaks in a crash.
func TestRelayStream(t *testing.T) {
	r, _, ends := between(t, "")
	l, err := net.Listen("tcp4", ends[1].LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp4", r.address(0, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	r.breaks([]faults.Action{{Op: faults.Partition, Parts: [][]spec.NodeID{{0}, {1}}}})
	_, _ = c.Write([]byte("hi"))
	b := make([]byte, 2)
	_ = far.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := far.Read(b); err == nil {
		t.Errorf("%q came through a cut", b[:n])
	}
	r.breaks(nil)
	_ = far.SetReadDeadline(time.Now().Add(time.Second))
	if _, err := io.ReadFull(far, b); err != nil || string(b) != "hi" {
		t.Errorf("when it is healed: %q, %v", b, err)
	}
	r.silence(0, false)
	_ = far.SetReadDeadline(time.Now().Add(time.Second))
	if _, err := far.Read(b); err == nil {
		t.Error("the stream of a crashed node goes on")
	}
}
