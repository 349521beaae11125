package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/conform-go/conform/impl/adapter/adaptertest"
	"github.com/conform-go/conform/suites"
)

func TestMain(m *testing.M) {
	programs := map[string]func(){"conform": main, "dial": adaptertest.Dial}
	for _, mode := range []string{"good", "boast", "crash-prone", "yes-safe", "dice", "maelstrom", "maelstrom-forgets", "maelstrom-garbage"} {
		programs[mode] = func() { adaptertest.Run(mode) }
	}
	testscript.Main(m, programs)
}

// TestScripts plays transcripts of the command line. Beside testscript's own commands they have
//
//	status N args…        conform args… exits with N
//	witness FILE ID REPLAY   the replay token of a run's first separation witness of ID goes to REPLAY
//	sameBytes A B         two JSON files are equal but for elapsed_ms
//	chop FILE             take the last newline away
//	keys PRIVATE PUBLIC   a pair of keys, which the first letter of PRIVATE determines
//	tamper FILE OLD NEW   change what an envelope holds, and leave the signature
//
// SOME and MANY are numbers of schedules: fewer of them where tests are to be short.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			some, many := "60", "3000"
			if testing.Short() {
				some, many = "20", "500"
			}
			e.Setenv("SOME", some)
			e.Setenv("MANY", many)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status, "witness": witness, "sameBytes": sameBytes, "chop": chop, "keys": keys, "tamper": tamper,
		},
	})
}

func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status code command…")
	}
	err := ts.Exec("conform", args[1:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("conform %s: exit status %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

func witness(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: witness run.json ID variable")
	}
	var r suites.Report
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &r))
	for i := range r.Cells {
		for _, row := range r.Cells[i].Requirements {
			if string(row.ID) == args[1] && !row.Claimed && row.Witness != nil {
				ts.Setenv(args[2], strings.TrimPrefix(row.Witness.Replay, "conform replay "))
				ts.Check(os.WriteFile(ts.MkAbs(args[2]+".scenario"), []byte(row.Witness.Scenario), 0o666))
				return
			}
		}
	}
	ts.Fatalf("%s has no witness of %s", args[0], args[1])
}

func chop(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: chop file")
	}
	text := strings.TrimSuffix(ts.ReadFile(args[0]), "\n")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o666))
}

var elapsed = regexp.MustCompile(`"elapsed_ms": *\d+`)

func sameBytes(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: sameBytes A B")
	}
	a := elapsed.ReplaceAllString(ts.ReadFile(args[0]), "")
	b := elapsed.ReplaceAllString(ts.ReadFile(args[1]), "")
	if (a == b) == neg {
		ts.Fatalf("%s and %s: equal %v", args[0], args[1], a == b)
	}
}

// TestHelpExamplesWork runs the examples of the commands' help where the repository is, line by line. Those that take
// keys or a program of somebody's own are in the scripts.
func TestHelpExamplesWork(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.Symlink(filepath.Join(root, "suites"), "suites"); err != nil {
		t.Fatal(err)
	}
	for _, help := range []string{runCommand{}.Help(), checkCommand{}.Help(), replayCommand{}.Help(), reportCommand{}.Help(), acksCommand{}.Help(),
		detectorsCommand{}.Help(), mutantsCommand{}.Help(), listCommand{}.Help(), explainCommand{}.Help()} {
		_, lines, _ := strings.Cut(help, "\n")
		for line := range strings.Lines(lines) {
			words := strings.Fields(line)
			if len(words) == 0 {
				continue
			}
			if words[1] == "mutants" && testing.Short() { // the scripts have it
				continue
			}
			var stdout, stderr bytes.Buffer
			code := execute(context.Background(), words[1:], &stdout, &stderr)
			if words[0] != "conform" || code == exitUsage || code == exitBroken || stdout.Len() == 0 {
				t.Errorf("%s: exit %d\n%s", line, code, &stderr)
			}
		}
	}
}

// TestPanicIsBroken: whatever breaks inside is 70, with the reason.
func TestPanicIsBroken(t *testing.T) {
	var stderr bytes.Buffer
	code := execute(context.Background(), []string{"list", "faults"}, panicking{}, &stderr)
	if code != exitBroken || !strings.Contains(stderr.String(), "the harness broke: no more paper") {
		t.Errorf("exit %d, %s", code, &stderr)
	}
}

type panicking struct{}

func (panicking) Write([]byte) (int, error) { panic("no more paper") }
