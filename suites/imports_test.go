package suites_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/conform-go/conform"

// mayKnow says which folders of this module each folder's code may import, its tests aside. A folder that is not
// listed here fails the test: give it its place in the house first.
var mayKnow = map[string][]string{
	"spec":                     {},
	"checkers":                 {"spec"},
	"checkers/linear":          {"spec"},
	"impl":                     {"spec"},
	"impl/transport":           {"spec", "impl"},
	"impl/reliability":         {"spec", "impl"},
	"impl/ordering":            {"spec", "impl"},
	"impl/membership":          {"spec", "impl"},
	"impl/ipmulticast":         {"spec", "impl"},
	"impl/mutex":               {"spec", "impl"},
	"impl/impltest":            {"spec", "impl"},
	"impl/adapter":             {"spec", "impl", "faults"},
	"impl/adapter/adaptertest": {"spec", "impl"},
	"impl/adapter/samples/go":  {},
	"impl/mutant":              {"spec", "impl", "impl/mutex", "impl/ipmulticast", "impl/transport", "impl/reliability", "impl/ordering", "impl/membership"},
	"faults":                   {"spec"},
	"faults/sim":               {"spec", "impl", "impl/ipmulticast", "faults"},
	"netns":                    {"spec", "impl", "impl/ipmulticast", "faults"},
	"suites": {"spec", "impl", "impl/transport", "impl/reliability", "impl/ordering", "impl/membership", "impl/mutex", "impl/mutant",
		"impl/ipmulticast", "impl/adapter", "faults", "faults/sim", "checkers", "checkers/linear", "netns"},
	"suites/picture": {"suites"},
	"suites/kv":      {"spec", "impl", "faults", "faults/sim", "suites"},
	"suites/specs":   {"spec", "suites"},
	"suites/match":   {"spec", "suites"},
	"cmd/conform":    {"spec", "faults", "impl/adapter", "checkers", "suites", "suites/picture"},
}

// stdOnly are the folders that import nothing but the standard library from outside this module.
var stdOnly = map[string]bool{"spec": true, "checkers": true, "impl": true, "impl/transport": true,
	"impl/ipmulticast": true, "impl/mutex": true, "impl/reliability": true, "impl/ordering": true, "impl/membership": true, "impl/impltest": true, "impl/mutant": true}

// TestImports holds the arrows of the architecture: they point downward only, a judge never knows the judged, and the
// vocabulary stands on the standard library alone. It reads the files, so that no cached listing can hide a change.
func TestImports(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		if d.IsDir() {
			if rel == "impl/external" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && rel != "." {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		read++
		checkFile(t, name, path.Dir(filepath.ToSlash(rel)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if read < 40 {
		t.Errorf("only %d files read: this test has lost the tree", read)
	}
}

func checkFile(t *testing.T, name, folder string) {
	t.Helper()
	allowed, known := mayKnow[folder]
	if !known {
		t.Errorf("%s: the folder %s has no place in the house: add it to mayKnow", name, folder)
		return
	}
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range f.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		inner, ours := strings.CutPrefix(imported, module+"/")
		switch {
		case ours && inner != folder && !contains(allowed, inner):
			t.Errorf("%s imports %s: %s may know %v only", name, inner, folder, allowed)
		case !ours && stdOnly[folder] && strings.Contains(strings.SplitN(imported, "/", 2)[0], "."):
			t.Errorf("%s imports %s: %s stands on the standard library alone", name, imported, folder)
		case folder != "suites" && !ours && imported == "testing":
			t.Errorf("%s imports testing: that belongs to the doors in suites", name)
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
