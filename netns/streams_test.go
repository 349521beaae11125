package netns

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// wired makes the links of two nodes over TCP on loopback, and channels of what they hear.
func wired(t *testing.T) (s [2]*streams, heard [2]chan impl.Input) {
	t.Helper()
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).AddrPort().Port()
	_ = l.Close()
	peers := []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 2}), port), netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 3}), port)}
	for n := range s {
		if s[n], err = listenStreams(&impl.Config{Self: spec.NodeID(n), Nodes: 2, TS: 50 * time.Millisecond}, peers); err != nil {
			t.Fatal(err)
		}
		in := make(chan impl.Input, 100)
		heard[n] = in
		go s[n].Receive(func(x impl.Input) bool { in <- x; return true })
		t.Cleanup(func() { _ = s[n].Close() })
	}
	return s, heard
}

func hear(t *testing.T, in chan impl.Input) impl.Input {
	t.Helper()
	select {
	case x := <-in:
		return x
	case <-time.After(10 * time.Second):
		t.Fatal("nothing is heard")
		return impl.Input{}
	}
}

func down(to spec.NodeID, num uint64, body string) *impl.Effect {
	return &impl.Effect{Kind: impl.Down, To: to, Num: num, Body: []byte(body)}
}

// What is written before the node has been told that a connection is open is dropped: it is what the node writes again
// when it hears so, and the second frame must not come before the first.
func TestAStreamIsOpenWhenTheNodeKnows(t *testing.T) {
	s, heard := wired(t)
	s[0].Send(down(1, 0, "first "))
	open := hear(t, heard[0])
	if !open.Flag || open.From != 1 || open.Num == 0 {
		t.Fatalf("%+v", open)
	}
	if x := hear(t, heard[1]); x.From != 0 || x.Num == 0 || len(x.Body) > 0 || x.Flag {
		t.Fatalf("%+v", x)
	}
	s[0].Send(down(1, 0, "second ")) // the connection is open, and the node has not stepped yet
	s[0].Taken(&open)
	s[0].Send(down(1, 0, "first "))
	s[0].Send(down(1, 0, "second "))
	text := ""
	for len(text) < len("first second ") {
		text += string(hear(t, heard[1]).Body)
	}
	if text != "first second " {
		t.Errorf("%q", text)
	}
}

// A connection that the reader refuses is lost for the writer, and the next one has another number at both ends.
func TestAStreamIsRefused(t *testing.T) {
	s, heard := wired(t)
	var numbers [2][]uint64
	for range 3 {
		s[0].Send(down(1, 0, "x"))
		open := hear(t, heard[0])
		s[0].Taken(&open)
		came := hear(t, heard[1])
		numbers[0], numbers[1] = append(numbers[0], open.Num), append(numbers[1], came.Num)
		s[1].Send(down(0, came.Num, ""))
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			s[0].mu.Lock()
			lost := s[0].to[1] == nil
			s[0].mu.Unlock()
			if lost {
				break
			}
			if time.Now().After(end) {
				t.Fatal("the writer does not hear of it")
			}
		}
	}
	for n := range numbers {
		if x := slices.Compact(slices.Clone(numbers[n])); !slices.IsSorted(x) || len(x) != 3 {
			t.Errorf("%d: %v", n, numbers[n])
		}
	}
}

// Where nobody listens the node is not told anything, and may try again.
func TestNobodyListens(t *testing.T) {
	s, heard := wired(t)
	if err := s[1].Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s[0].Send(down(1, 0, "x"))
		time.Sleep(30 * time.Millisecond)
	}
	if len(heard[0]) != 0 {
		t.Errorf("%+v", <-heard[0])
	}
}
