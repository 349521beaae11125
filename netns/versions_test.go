package netns

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/conform-go/conform/impl/ipmulticast"
)

// On one LAN hosts of versions 1, 2 and 3 report to a switch that asks in the newest. Those of version 1 take ten
// seconds to answer it, and are remembered.
func TestVersionsOnALAN(t *testing.T) {
	t.Parallel()
	const group = "239.129.77.1"
	l, err := NewLANOfVersions(5, Versions{Host: func(h int) int { return [...]int{1, 2, 3, 1, 1}[h] }})
	orSkip(t, l, err)
	for h := range 5 {
		listen(t, l, h, 5000).join(h, group)
	}
	known(t, l, group, 0, 1, 2, 3, 4)
	if testing.Short() {
		return
	}
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		at, err := l.Listeners(netip.MustParseAddr(group))
		if err != nil {
			t.Fatal(err)
		}
		for h := range 5 {
			if !at[h] {
				t.Fatalf("the switch has forgotten host %d, which listens", h)
			}
		}
	}
}

// What hosts say is what they know, or the switch knows.
func TestWordsOnALAN(t *testing.T) {
	t.Parallel()
	for querier, want := range map[int][3]byte{2: {0x12, 0x16, 0x16}, 3: {0x12, 0x16, 0x22}} {
		l, err := NewLANOfVersions(3, Versions{Host: func(h int) int { return h + 1 }, Querier: querier})
		orSkip(t, l, err)
		var mu sync.Mutex
		said := map[int][]byte{} // by port
		x, err := l.listenIn(func(port int, out bool, frame []byte) {
			var h ipmulticast.IP
			if f, ok := ipmulticast.ParseFrame(frame); ok && !out && ipmulticast.ParseIP(f.Payload, &h) && h.Protocol == ipmulticast.ProtoIGMP && len(h.Payload) > 0 {
				mu.Lock()
				said[port] = append(said[port], h.Payload[0])
				mu.Unlock()
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for h := range 3 {
			listen(t, l, h, 5000).join(h, "239.129.77.2")
		}
		known(t, l, "239.129.77.2", 0, 1, 2)
		until(t, "a word of every host", 2*time.Second, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return !slices.ContainsFunc(l.ports, func(port int) bool { return len(said[port]) == 0 })
		})
		if err := x.close(); err != nil {
			t.Fatal(err)
		}
		for h, w := range want {
			got := said[l.ports[h]]
			if len(got) == 0 || slices.ContainsFunc(got, func(b byte) bool { return b != w }) {
				t.Errorf("a switch of version %d, a host of version %d: messages of types %x, want %x alone", querier, h+1, got, w)
			}
		}
	}
}

// No switch of the kernel asks in version 1.
func TestNoSwitchOfVersion1(t *testing.T) {
	if _, err := NewLANOfVersions(2, Versions{Querier: 1}); err == nil {
		t.Error("a switch that asks in version 1 was made")
	}
}
