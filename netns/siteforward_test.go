package netns

import (
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/ipmulticast"
)

// A router that is late says so, and makes no copies of what its kernel has forwarded long since: it can't know any more
// which of them the kernel did not make.
func TestLateRouter(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a run of seconds")
	}
	l := spread{mode: ipmulticast.Dense, igmp: 2, plan: ipmulticast.InternetConfig{Hosts: 3}}.build(t)
	s, err := faults.Parse("conform.scenario/1\nnodes 3\ngroup g 0 1 2\nseed 1\nat 0s send 0 g 8\nat 200ms send 0 g 8\nat 300ms send 0 g 8\nat 700ms send 0 g 8\n")
	if err != nil {
		t.Fatal(err)
	}
	w := siteWorld(t, l, "dense")
	r := l.wide.routers[2]
	done := make(chan bool)
	go func() { // while the second and the third packet pass, and are forwarded, the router stands still
		defer close(done)
		until(t, "the first packet", 20*time.Second, func() bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			return len(r.order) > 0
		})
		time.Sleep(100 * time.Millisecond)
		r.mu.Lock()
		defer r.mu.Unlock()
		time.Sleep(250 * time.Millisecond)
		for k, x := range r.flows { // as if the kernel had been told of no way yet
			x.out = nil
			r.flows[k] = x
		}
	}()
	h := play1(t, w, s)
	<-done
	if w.Late() < 100*time.Millisecond {
		t.Errorf("the run was %v late", w.Late())
	}
	copies, _ := copiesOf(h, 2)
	for m, n := range copies {
		if n != 1 {
			t.Errorf("node 2 has delivered message %d %d times", m, n)
		}
	}
	if len(copies) != 4 {
		t.Errorf("node 2 has delivered %v", copies)
	}
}
