package impltest

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/conform-go/conform/spec"
)

// Golden compares what has happened with a file, line by line; with update it writes the file.
func (f *Figure) Golden(path string, update bool) error {
	got := strings.TrimLeft(f.String(), "\n")
	if update {
		return os.WriteFile(path, []byte(got), 0o644)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%w: run the test with -update to write it", err)
	}
	have, want := strings.Split(got, "\n"), strings.Split(string(b), "\n")
	for i := range max(len(have), len(want)) {
		if i >= len(have) || i >= len(want) || have[i] != want[i] {
			return fmt.Errorf("%s: line %d: got %s, want %s", path, i+1, lineAt(have, i), lineAt(want, i))
		}
	}
	return nil
}

func lineAt(lines []string, i int) string {
	if i >= len(lines) {
		return "the end"
	}
	return fmt.Sprintf("%q", lines[i])
}

// T is what of a test a check needs.
type T interface {
	Helper()
	Errorf(format string, args ...any)
}

// Goldens makes the check that compares the transcript of a figure with the one of that name in testdata. With update,
// a flag of the package under test, it writes it.
func Goldens(update *bool) func(t T, f *Figure, name string) {
	return func(t T, f *Figure, name string) {
		t.Helper()
		if err := f.Golden("testdata/"+name+".transcript", *update); err != nil {
			t.Errorf("%v", err)
		}
	}
}

// Delivered checks what a node has delivered, in order.
func Delivered(t T, f *Figure, n spec.NodeID, want ...string) {
	t.Helper()
	if got := f.Delivered(n); !slices.Equal(got, want) {
		t.Errorf("node %d delivered %q, want %q\n%s", n, got, want, f)
	}
}
