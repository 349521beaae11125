package netns

import (
	"testing"

	"github.com/conform-go/conform/faults"
)

// A stranger that could not be plugged in has nothing to leave.
func TestForgetNoStranger(t *testing.T) {
	t.Parallel()
	s, err := faults.Parse("conform.scenario/1\nnodes 2\ngroup g 0 1\nseed 1\nat 0s listen 0\n")
	if err != nil {
		t.Fatal(err)
	}
	w := &World{cfg: WorldConfig{LAN: &LAN{}}, s: s, active: []active{{step: 0}}}
	if err := w.forget(); err != nil {
		t.Error(err)
	}
}
