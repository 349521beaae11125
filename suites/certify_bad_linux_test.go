package suites

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
)

// wild is a program that does not behave, in the way that its argument says.
const wild = `
import json, os, signal, subprocess, sys, time
mode = sys.argv[1]
say = lambda **x: print(json.dumps(x), flush=True)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "forks": subprocess.Popen(["sleep", "1000"], start_new_session=True, env={**os.environ, "WILD": sys.argv[2]}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
for line in map(json.loads, sys.stdin):
    if line["op"] == "hello": say(op="hello", protocol=1, name="wild", version="1", network="own", claims=["integrity"], tolerates=[])
    elif line["op"] == "init":
        if mode == "hangs": time.sleep(1000)
        say(op="ready")
    elif line["op"] == "send":
        if mode == "dies": sys.exit("it gives up")
        if mode == "talks": print("hello world", flush=True)
        say(op="done", of=line["id"])
        if mode == "repeats": say(op="done", of=line["id"])
    else: say(op="error", of=line.get("id", 0), code="unsupported", definite=True)
`

// A program that does not behave is told of with the line, and leaves nothing behind: no process, also none that has left
// its group, and no namespace.
func TestForeignProgramsThatDoNotBehave(t *testing.T) {
	kernelled(t)
	before := namespaces(t)
	t.Run("all", func(t *testing.T) {
		for mode, want := range map[string]string{"dies": "it ended: exit status 1; its stderr ends:\n  it gives up",
			"talks": "the line `hello world`: it is no JSON", "hangs": "no answer to `{\"op\":\"", "repeats": "the call with the id 1 has had its answer", "forks": ""} {
			t.Run(mode, func(t *testing.T) {
				t.Parallel()
				token, answer := fmt.Sprintf("token-of-%s-%d", mode, os.Getpid()), time.Minute
				if mode == "hangs" {
					answer = 2 * time.Second
				}
				c := Certification{Adapter: adapter.Options{Command: []string{"python3", "-c", wild, mode, token}, Answer: answer}, World: "netns", Schedules: 1, Seed: 1}
				r, err := c.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(r.Error, want) || (r.Error != "") != (want != "") || want != "" && r.Verdict != spec.Error {
					t.Errorf("%s, %q, want %q", r.Verdict, r.Error, want)
				}
				if left := lives(t, token); len(left) > 0 {
					t.Errorf("%q are left", left)
				}
			})
		}
	})
	for end := time.Now().Add(5 * time.Second); namespaces(t) > before; time.Sleep(time.Millisecond) { // a thread ends by itself
		if time.Now().After(end) {
			t.Fatalf("%d namespaces are held, %d were before", namespaces(t), before)
		}
	}
}

// lives gives the processes that were started by a program with this argument, or by its children.
func lives(t *testing.T, token string) (names []string) {
	t.Helper()
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range all {
		line, _ := os.ReadFile(p + "/cmdline")
		env, _ := os.ReadFile(p + "/environ")
		if bytes.Contains(line, []byte(token)) || bytes.Contains(env, []byte("WILD="+token)) {
			names = append(names, p+" "+string(line))
		}
	}
	return names
}

// namespaces counts those of networks that this process holds.
func namespaces(t *testing.T) (n int) {
	t.Helper()
	all, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if name, err := os.Readlink(f); err == nil && strings.HasPrefix(name, "net:") {
			n++
		}
	}
	return n
}
