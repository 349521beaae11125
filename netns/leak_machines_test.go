package netns

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// ruinous are the ways in which a LAN is built that is to be killed.
var ruinous = map[string]func() error{"plain": ruin, "strangers": ruinStrangers, "taps": ruinTaps}

// ruinStrangers has a stranger that floods, a host whose packets live longer, and a node in another time.
func ruinStrangers() error {
	return ruinOf(Veths, Multicast, "ip/unreliable", "at 0s listen 1\nat 0s flood every 5ms\nat 0s skew 1 by 1s\nat 0s ttl 0 7\nat 0s overflow 1 9\n")
}

// ruinTaps has hosts with other cards.
func ruinTaps() error { return ruinOf(Taps, Frames, "hardware/unreliable", "at 0s overflow 1 9\n") }

func ruinOf(cards Cards, wire Wire, stack, faults string) error {
	l, err := NewLANOf(3, cards)
	if err != nil {
		return err
	}
	x, err := l.whoever()
	if err != nil {
		return err
	}
	var lines []string
	for _, n := range append(l.hosts, l.place, x.place) {
		name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", n.fd()))
		if err != nil {
			return err
		}
		lines = append(lines, name)
	}
	fmt.Println(strings.Join(lines, " "))
	w, err := NewWorld(WorldConfig{LAN: l, Stack: stack, Wire: wire, TS: time.Second, TL: time.Minute, Frames: true, NIC: ipmulticast.Hash64})
	if err != nil {
		return err
	}
	s, err := scenarioOf(faults + "at 0s send 0 g 10\nat 100s send 0 g 10\n")
	if err != nil {
		return err
	}
	go func() {
		for ; ; time.Sleep(time.Millisecond) {
			if children() == 3 {
				time.Sleep(50 * time.Millisecond) // for the faults to begin
				fmt.Println("up")
				return
			}
		}
	}()
	var h spec.History
	return w.Play(s, &h)
}

// children counts the processes that this one has started.
func children() (n int) {
	files, _ := filepath.Glob("/proc/self/task/*/children")
	for _, f := range files {
		b, _ := os.ReadFile(f)
		n += len(strings.Fields(string(b)))
	}
	return n
}
