package netns

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

// ruinVariable makes this program one that builds a LAN with nodes that run, tells of it, and waits to be killed.
const ruinVariable = "CONFORM_TEST_RUIN"

// ruin builds it.
func ruin() error {
	l, err := NewLAN(3)
	if err != nil {
		return err
	}
	var lines []string
	for _, n := range append(l.hosts, l.place) {
		name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", n.fd()))
		if err != nil {
			return err
		}
		lines = append(lines, name)
	}
	fmt.Println(strings.Join(lines, " "))
	w, err := NewWorld(WorldConfig{LAN: l, Stack: "ip/unreliable", Wire: Multicast, TS: time.Second, TL: time.Minute})
	if err != nil {
		return err
	}
	s, err := scenarioOf("at 0s send 0 g 10\nat 100s send 0 g 10\n")
	if err != nil {
		return err
	}
	var h spec.History
	go func() {
		for ; ; time.Sleep(time.Millisecond) {
			if at, err := l.Listeners(w.groupAddr(0)); err == nil && len(at) == 3 {
				fmt.Println("up")
				return
			}
		}
	}()
	return w.Play(s, &h)
}

// holders lists the processes that are in one of these namespaces, or hold it.
func holders(names string) (pids []string) {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range all {
		links, _ := filepath.Glob(p + "/fd/*")
		for _, x := range append(links, p+"/ns/net") {
			if name, err := os.Readlink(x); err == nil && strings.HasPrefix(name, "net:") && strings.Contains(names, name) {
				pids = append(pids, p)
				break
			}
		}
	}
	return pids
}

// A harness that is killed leaves nothing: no process of a node, and nobody who holds a namespace, so that the kernel
// takes them down with all interfaces in them; no file either, because there has never been one with a name.
func TestNothingIsLeft(t *testing.T) {
	for kind := range ruinous {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && kind != "plain" {
				t.Skip("runs of seconds")
			}
			if kind == "taps" {
				lanOf(t, 1, Taps)
			}
			lan(t, 1) // or the test is skipped
			nothingIsLeft(t, kind)
		})
	}
}

func nothingIsLeft(t *testing.T, kind string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	files := t.TempDir()
	cmd := exec.Command(self)
	cmd.Dir = files
	cmd.Env = append(os.Environ(), ruinVariable+"="+kind, "TMPDIR="+files)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	names, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if line, err := r.ReadString('\n'); err != nil || line != "up\n" {
		t.Fatal(line, err)
	}
	if n := len(holders(names)); n != 1+3 {
		t.Errorf("%d processes before, want the harness and its nodes", n)
	}
	killHarness(t, cmd, out, names, files)
}

// killHarness kills a harness, and waits until nothing holds its namespaces and nothing is left in the folder of its files.
func killHarness(t *testing.T, cmd *exec.Cmd, out io.Reader, names, files string) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	_ = cmd.Wait()
	for end := time.Now().Add(5 * time.Second); len(holders(names)) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("left: %v", holders(names))
		}
	}
	if left, err := os.ReadDir(files); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

// A run that ends leaves nothing either.
func TestAnEndedRunLeavesNothing(t *testing.T) {
	l, err := NewLAN(3)
	if err != nil {
		lan(t, 1)
		t.Fatal(err)
	}
	var names []string
	for _, n := range append(l.hosts, l.place) {
		name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", n.fd()))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	w := earth(t, l, "unicast/best-effort")
	w.cfg.TL = 200 * time.Millisecond
	play1(t, w, scenario(t, "at 0s send 0 g 10\nat 5ms crash-lossy 1\n"))
	if n := holders(strings.Join(names, " ")); len(n) != 1 {
		t.Errorf("%v hold namespaces, want this process alone", n)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if n := holders(strings.Join(names, " ")); len(n) != 0 {
		t.Errorf("%v hold namespaces", n)
	}
}
