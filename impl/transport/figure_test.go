package transport_test

import (
	"flag"
	"slices"
	"testing"

	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/spec"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// golden compares the transcript of a figure with the one in testdata.
func golden(t *testing.T, f *impltest.Figure, name string) {
	t.Helper()
	if err := f.Golden("testdata/"+name+".transcript", *update); err != nil {
		t.Error(err)
	}
}

// delivered checks what a node has delivered, in order.
func delivered(t *testing.T, f *impltest.Figure, n spec.NodeID, want ...string) {
	t.Helper()
	if got := f.Delivered(n); !slices.Equal(got, want) {
		t.Errorf("node %d delivered %q, want %q\n%s", n, got, want, f)
	}
}
