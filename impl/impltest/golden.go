package impltest

import (
	"fmt"
	"os"
	"strings"
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
