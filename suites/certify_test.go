package suites_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/impl/adapter/adaptertest"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

func TestMain(m *testing.M) {
	playStack()
	adaptertest.Main()
	os.Setenv(mine, strconv.Itoa(os.Getpid()))
	_ = flag.Set("test.parallel", "4") // those that run beside each other wait more than they work
	os.Exit(m.Run())
}

// certify tries a program in a few schedules, and sees that none of its processes is left.
func certify(t *testing.T, c suites.Certification) *suites.Certified {
	t.Helper()
	c.Seed = 1
	r, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if left := running(c.Adapter.Command[len(c.Adapter.Command)-1]); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	return r
}

// mine is the variable that tells the programs which these tests start from those of others.
const mine = "CONFORM_TESTS"

// running gives the processes with an argument that these tests have started.
func running(token string) (pids []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		b, _ := os.ReadFile(f)
		state, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "stat"))
		environment, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "environ"))
		ours := slices.Contains(strings.Split(string(environment), "\x00"), mine+"="+os.Getenv(mine))
		if ours && slices.Contains(strings.Split(string(b), "\x00"), token) && !bytes.Contains(state, []byte(") Z ")) {
			pids = append(pids, filepath.Base(filepath.Dir(f)))
		}
	}
	return pids
}

// TestBadAdapters: what a program does wrong as a program is an error with the line quoted, and what it does not do
// though it claims it is a fail.
func TestBadAdapters(t *testing.T) {
	for _, x := range []struct {
		mode    string
		verdict spec.Verdict
		says    string // in the error, or in the table
	}{
		{"good", spec.Pass, "VALIDITY"},
		{"yes", spec.Fail, "VALIDITY"},
		{"yes-safe", spec.Inconclusive, "AGREEMENT"},
		{"boast", spec.Fail, "TOTAL-ORDER"},
		{"modest", spec.Pass, "holds integrity, best-effort, reliable; "},
		{"no-reset", spec.Pass, "VALIDITY"},
		{"payload", spec.Pass, "VALIDITY"},
		{"gush", spec.Pass, "VALIDITY"},
		{"journal", spec.Pass, "NO-CREATION"},
		{"dice", spec.Pass, "the program does not answer the same lines the same way"},
		{"stubborn", spec.Pass, "VALIDITY"},
		{"parent", spec.Pass, "VALIDITY"},

		{"dead", spec.Error, "no such multicast"},
		{"mute", spec.Error, "no answer to `{\"op\":\"hello\",\"protocol\":1}` within 3s"},
		{"chatty", spec.Error, "the line `starting up …`: it is no JSON"},
		{"future", spec.Error, "it speaks protocol 2"},
		{"moon", spec.Error, "at '/network': value must be one of 'harness', 'own'"},
		{"typo", spec.Error, `unknown claim "CAUSAL-ODER"`},
		{"faults", spec.Error, `unknown fault "crsh": did you mean crash?`},
		{"early", spec.Error, "`{\"body\":\"\",\"msg\":\"0/0/1\",\"op\":\"deliver\"}` though nobody asked"},
		{"no-ready", spec.Error, "init was answered without ready"},
		{"late", spec.Error, "no idle within 3s after `{\"op\":\"init\""},
		{"twice", spec.Error, "`{\"op\":\"idle\"}` though nobody asked"},
		{"dies", spec.Error, "panic: index out of range"},
		{"agrees", spec.Error, "is answered by op \"done\": want error"},
		{"silent-probe", spec.Error, "is answered by idle alone"},
		{"wrong-code", spec.Error, `by the code "what?": want unsupported`},
		{"wrong-id", spec.Error, "the line `{\"of\":99,\"op\":\"done\"}`, in answer to"},
		{"done-twice", spec.Error, "the call with the id 1 has had its answer"},
		{"garbage", spec.Error, "the line `Traceback (most recent call last):`, in answer to"},
		{"array", spec.Error, "the line `[1,2]`"},
		{"half", spec.Error, "in the middle of the line `{\"op\":\"packet\",\"gro`"},
		{"flood", spec.Error, "more than 65536 lines"},
		{"long", spec.Error, "a line is longer than 1048576 bytes"},
		{"stranger", spec.Error, `there is no node "77"`},
		{"log", spec.Error, `its hello does not say "disk":true`},
		{"own", spec.Fail, "VALIDITY is broken"},
		{"own-garbage", spec.Error, "the line `Traceback (most recent call last):`: it is no JSON"},
		{"own-dies", spec.Error, "it ended: exit status 4"},
		{"own-late", spec.Error, "no answer to `{\"op\":\"init\""},
		{"own-probe", spec.Error, "has no answer within 3s"},
		{"no-body", spec.Error, "missing property 'body'"},
		{"no-base64", spec.Error, "at '/body': 'not base64!' does not match pattern"},
	} {
		if slow := []string{"mute", "late", "stubborn", "flood", "gush", "no-reset", "long", "own", "own-garbage", "own-dies", "own-late", "own-probe"}; testing.Short() && slices.Contains(slow, x.mode) {
			continue
		}
		t.Run(x.mode, func(t *testing.T) {
			t.Parallel()
			token := fmt.Sprintf("token-%s-%d", x.mode, os.Getpid())
			from, schedules := time.Now(), 20
			if strings.HasPrefix(x.mode, "own") || x.mode == "gush" || x.mode == "no-reset" {
				schedules = 4
			} else if testing.Short() {
				schedules = 8
			}
			r := certify(t, suites.Certification{Adapter: adapter.Options{Command: adaptertest.Command(x.mode, token), Answer: 3 * time.Second},
				Schedules: schedules, Whole: x.verdict == spec.Pass})
			var text bytes.Buffer
			r.WriteText(&text)
			if r.Verdict != x.verdict {
				t.Fatalf("verdict %s, want %s:\n%s", r.Verdict, x.verdict, text.String())
			}
			if !strings.Contains(text.String(), x.says) {
				t.Errorf("it does not say %q:\n%s", x.says, text.String())
			}
			if took := time.Since(from); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestOutside: what breaks under faults that a program does not tolerate is told, and is no failed claim.
func TestOutside(t *testing.T) {
	c := suites.Certification{Adapter: adapter.Options{Command: adaptertest.Command("crash-prone", "token-outside")}, Schedules: 60,
		Faults: spec.SetOf(spec.CrashFault), Parallel: 2, Runs: 3}
	r := certify(t, c)
	if r.Verdict != spec.Pass {
		t.Errorf("verdict %s, want pass: without crashes it is reliable", r.Verdict)
	}
	i := slices.IndexFunc(r.Outside, func(row suites.Row) bool { return row.ID == "AGREEMENT" })
	if i < 0 {
		t.Fatalf("a crash half way breaks agreement, but only %v is told", r.Outside)
	}
	if x := r.Outside[i]; x.Claimed || x.Witness == nil || x.Witness.Replay == "" {
		t.Errorf("told as %+v", x)
	}
	for _, x := range r.Reproduced {
		if x.Shown != 3 {
			t.Errorf("%s showed in %d of %d runs: lock-step is exact", x.ID, x.Shown, x.Runs)
		}
	}
	c.Adapter.Command, c.Faults = adaptertest.Command("brittle", "token-brittle"), spec.SetOf(spec.CorruptFault)
	if r := certify(t, c); r.Verdict != spec.Pass || !strings.Contains(r.OutsideError, "corrupt") {
		t.Errorf("a program that dies of changed bytes, which it does not tolerate: %s, %q", r.Verdict, r.OutsideError)
	}
	c.Adapter.Command = adaptertest.Command("crash-prone", "token-outside")
	c.Claims, c.Faults = []string{"reliable"}, 0
	if again := certify(t, c); again.Verdict != spec.Pass || len(again.Outside) != 0 {
		t.Errorf("without faults: %s, outside %v", again.Verdict, again.Outside)
	}
}

// TestReplayOnAdapter: what certification finds shows again, event for event, also from a file.
func TestReplayOnAdapter(t *testing.T) {
	c := suites.Certification{Adapter: adapter.Options{Command: adaptertest.Command("boast", "token-replay")}, Schedules: 40}
	r := certify(t, c)
	for _, row := range r.Cells[0].Requirements {
		if row.Verdict != spec.Fail {
			continue
		}
		s, err := faults.Parse(row.Witness.Scenario)
		if err != nil {
			t.Fatal(err)
		}
		again, err := c.Replay(s)
		if err != nil {
			t.Fatal(err)
		}
		if again.Verdict != spec.Fail || !again.SameTrace {
			t.Errorf("%s: played again: %s, same trace %v", row.ID, again.Verdict, again.SameTrace)
		}
		if _, err := suites.Replay(s); err == nil || !strings.Contains(err.Error(), "-- CMD") {
			t.Errorf("without the program: %v", err)
		}
	}
}

// TestCertifiedTwice: the same seed gives the same result, whatever the number of workers.
func TestCertifiedTwice(t *testing.T) {
	var out [2]string
	for i := range out {
		r := certify(t, suites.Certification{Adapter: adapter.Options{Command: adaptertest.Command("boast", "token-twice")},
			Schedules: 60, Parallel: 1 + i})
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = string(b)
	}
	if out[0] != out[1] {
		t.Errorf("one worker:\n%s\ntwo workers:\n%s", out[0], out[1])
	}
	if !strings.HasPrefix(out[0], `{"schema":"conform.run/1"`) || !strings.Contains(out[0], `"subject":{"name":"boast"`) {
		t.Errorf("the run object begins %.200s", out[0])
	}
}

// samples are the programs that show how it is done, and what breaks in each with --broken.
var samples = []struct {
	name    string
	needs   string
	command []string
	breaks  spec.ID
}{
	{"go", "go", nil, "AGREEMENT"},
	{"python", "python3", []string{"python3", "../impl/adapter/samples/python/causal.py"}, "CAUSAL-ORDER"},
	{"own", "python3", []string{"python3", "../impl/adapter/samples/python/own.py"}, "NO-DUPLICATION"},
	{"javascript", "node", []string{"node", "../impl/adapter/samples/javascript/causal.js"}, "NO-DUPLICATION"},
}

func TestSamples(t *testing.T) {
	t.Parallel()
	for _, x := range samples {
		if testing.Short() && x.needs != "go" {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(x.needs); err != nil {
				t.Skipf("%s is not here", x.needs)
			}
			command := x.command
			if command == nil {
				command = []string{filepath.Join(t.TempDir(), "sample")}
				if out, err := exec.Command("go", "build", "-o", command[0], "../impl/adapter/samples/go").CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			c := suites.Certification{Adapter: adapter.Options{Command: append(slices.Clone(command), "token-"+x.name)}, Schedules: 30, Parallel: 2}
			if x.name == "own" {
				c.Schedules = 2
			}
			if r := certify(t, c); r.Verdict != spec.Pass {
				var text bytes.Buffer
				r.WriteText(&text)
				t.Errorf("%s", text.String())
			}
			if x.name != "go" { // whose bug needs a crash half way
				c.Schedules = min(c.Schedules, 12)
			}
			c.Adapter.Command = append(slices.Clone(command), "--broken", "token-broken-"+x.name)
			r := certify(t, c)
			if i := slices.IndexFunc(r.Cells[0].Requirements, func(row suites.Row) bool { return row.ID == x.breaks }); r.Verdict != spec.Fail || r.Cells[0].Requirements[i].Verdict != spec.Fail {
				t.Errorf("broken: %s, want %s to fail", r.Verdict, x.breaks)
			}
		})
	}
}
