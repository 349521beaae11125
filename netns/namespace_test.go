package netns

import (
	"testing"

	"golang.org/x/sys/unix"
)

// No thread that has to end is the first one of the process, which never does.
func TestThreadsEnd(t *testing.T) {
	for range 200 {
		x, err := newThread()
		if err != nil {
			t.Fatal(err)
		}
		if err := x.in(namespace{}, func() error {
			if unix.Gettid() == unix.Getpid() {
				t.Error("the first thread of the process is taken")
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		x.end()
	}
}
