package netns

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

// However often programs are started whose clocks are ahead, there is one thread for each time that they are ahead by;
// and each program is still told its own.
func TestStartsAheadKeepOneThread(t *testing.T) {
	l := lan(t, 2)
	s := l.Sockets()
	if _, err := s.Addresses(2); err != nil {
		t.Fatal(err)
	}
	if !inOtherTime() && os.Getenv(RequiredVariable) == "" {
		t.Skip("this machine has no time namespaces for us")
	}
	up := func(n spec.NodeID) (seconds float64) {
		var out strings.Builder
		cmd := exec.Command("cat", "/proc/uptime")
		cmd.Stdout = &out
		if err := s.Start(n, cmd); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(out.String(), &seconds); err != nil {
			t.Fatal(err)
		}
		return seconds
	}
	s.Ahead(0, 1000*time.Second)
	s.Ahead(1, 5000*time.Second)
	var first [2]float64
	for n := range first {
		first[n] = up(spec.NodeID(n))
	}
	for range 20 {
		for n := range first {
			if d := up(spec.NodeID(n)) - first[n]; d < 0 || d > 60 {
				t.Errorf("node %d has been up for %v seconds more", n, d)
			}
		}
	}
	if d := first[1] - first[0]; d < 3990 || d > 4060 {
		t.Errorf("the one is %v seconds ahead of the other, want 4000", d)
	}
	if n := threadsAhead(t); n != 2 {
		t.Errorf("%d threads for two times when each was started 20 times more, want 2", n)
	}
	if _, err := s.Addresses(2); err != nil { // the next run
		t.Fatal(err)
	}
	s.Ahead(1, 5000*time.Second)
	if d := up(1) - first[1]; d < 0 || d > 60 {
		t.Errorf("in the next run node 1 has been up for %v seconds more", d)
	}
	until(t, "one thread for the one time of the next run", 5*time.Second, func() bool { return threadsAhead(t) == 1 })
}

// threadsAhead counts the threads of this process whose children are in another time than its own.
func threadsAhead(t *testing.T) (n int) {
	own, err := os.Readlink("/proc/self/ns/time")
	if err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob("/proc/self/task/*/ns/time_for_children")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		if its, err := os.Readlink(name); err == nil && its != own { // else it has ended
			n++
		}
	}
	return n
}
