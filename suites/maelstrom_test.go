package suites_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/impl/adapter/adaptertest"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// maelstrom is a plan for a mode of the test's own nodes, in virtual time.
func maelstrom(mode string) suites.Certification {
	token := fmt.Sprintf("token-%s-%d", mode, os.Getpid())
	return suites.Certification{Adapter: adapter.Options{Command: adaptertest.Command(mode, token), Answer: time.Second,
		Speak: adapter.Maelstrom, Pace: adapter.PaceVirtual}, Schedules: 2, Nodes: 2}
}

// TestMaelstromNodes: what a node does wrong as a program is an error with the line quoted, and what it does not show
// though it should is a fail.
func TestMaelstromNodes(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		mode    string
		verdict spec.Verdict
		says    string
	}{
		{"", spec.Pass, "order: not judged"},
		{"plain", spec.Pass, "holds integrity, best-effort, reliable"},
		{"threads", spec.Pass, "holds integrity, best-effort, reliable"},
		{"parent", spec.Pass, "holds integrity, best-effort, reliable"},
		{"silent", spec.Pass, "AGREEMENT"}, // an acknowledgement is nothing that a broadcast has to have
		{"refuses", spec.Inconclusive, "VALIDITY"},

		{"dead", spec.Error, "no such broadcast"},
		{"mute", spec.Error, "no answer within 1s to `{\"src\":\"c1\",\"dest\":\"n0\",\"body\":{\"type\":\"init\""},
		{"chatty", spec.Error, "the line `starting up …`: it is no JSON object"},
		{"dies", spec.Error, "panic: index out of range"},
		{"wrong-id", spec.Error, "\"in_reply_to\":99,\"type\":\"broadcast_ok\"}}`: nothing with the msg_id 99 was asked"},
		{"wrong-type", spec.Error, "want broadcast_ok"},
		{"no-id", spec.Error, "what is said to a client has in_reply_to"},
		{"twice", spec.Error, "broadcast, has had its answer"},
		{"garbage", spec.Error, "the line `Traceback (most recent call last):`"},
		{"array", spec.Error, "the line `[1,2]`"},
		{"half", spec.Error, "in the middle of the line `{\"src\":\"n0\",\"dest\":\"n`"},
		{"flood", spec.Error, "after `{\"src\":\"c1\",\"dest\":\"n0\",\"body\":{\"type\":\"broadcast\""},
		{"long", spec.Error, "a line is longer than 1048576 bytes"},
		{"stranger", spec.Error, `there is no node, client or service "n77"`},
		{"service", spec.Error, `there is no node, client or service "lin-kv"`},
		{"forger", spec.Error, `src is "n77"`},
		{"words", spec.Error, "messages has `\"1000001\"`: want the numbers"},
		{"null", spec.Error, "read_ok has messages"},
		{"timer-fast", spec.Error, "it has timers, which need the pace real"},
	} {
		if slow := []string{"mute", "flood", "long", "half", "timer-fast", "plain", "silent", "parent"}; testing.Short() && slices.Contains(slow, x.mode) {
			continue
		}
		t.Run("mode="+x.mode, func(t *testing.T) {
			t.Parallel()
			c := maelstrom(strings.TrimSuffix("maelstrom-"+x.mode, "-"))
			if x.mode != "mute" { // who answers may have to wait for its turn
				c.Adapter.Answer = adapter.DefaultAnswer
			}
			if x.mode == "timer-fast" { // it may take a while until one is heard
				c.Schedules = 30
			}
			r := certify(t, c)
			var text bytes.Buffer
			r.WriteText(&text)
			if r.Verdict != x.verdict {
				t.Fatalf("verdict %s, want %s:\n%s", r.Verdict, x.verdict, text.String())
			}
			if !strings.Contains(text.String(), x.says) {
				t.Errorf("it does not say %q:\n%s", x.says, text.String())
			}
		})
	}
}

// TestMaelstromTimers: that a node has timers is found out, virtual time waits for them, and a bug shows in real time too.
func TestMaelstromTimers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("in real time")
	}
	s, err := faults.Parse("conform.scenario/1\nsubject maelstrom\nexpect VALIDITY\nnodes 2\ngroup g 0 1\nseed 1\n" +
		"net latency 1ms..10ms\nat 0s loss 50% for 150ms\nat 0s send 1 g 12\nat 450ms send 0 g 1\n")
	if err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[string]spec.Verdict{"maelstrom-timer": spec.Pass, "maelstrom-timer-lost": spec.Fail} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			c := maelstrom(mode)
			c.Adapter.Pace, c.Faults = "", spec.SetOf(spec.LossFault)
			r, err := c.Replay(s)
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != want {
				t.Errorf("verdict %s, want %s", r.Verdict, want)
			}
		})
	}
	c := maelstrom("maelstrom-timer")
	c.Adapter.Command[len(c.Adapter.Command)-1], c.Adapter.Pace, c.Schedules, c.Parallel = "token-timers", "", 2, 2
	if r := certify(t, c); r.Verdict != spec.Pass || r.Subject.Pace != adapter.PaceReal {
		t.Errorf("verdict %s, pace %q: want pass, real", r.Verdict, r.Subject.Pace)
	}
}

// sample is a plan for the sample, which a test tells by a token.
func sample(token string, args ...string) suites.Certification {
	c := maelstrom("")
	c.Adapter.Answer, c.Nodes = 0, 3
	c.Adapter.Command = slices.Concat([]string{"python3", "../impl/adapter/samples/maelstrom/broadcast.py", "--once"}, args, []string{token})
	return c
}

// TestMaelstromSample: the sample holds what it promises, and each of its bugs shows in every run, which is one and the
// same.
func TestMaelstromSample(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil || testing.Short() {
		t.Skip("python3 is not here, or there is no time for it")
	}
	r := certify(t, sample("token-sample"))
	if r.Verdict != spec.Pass || !r.Subject.Deterministic {
		t.Errorf("%s, deterministic %v", r.Verdict, r.Subject.Deterministic)
	}
	for broken, id := range map[string]spec.ID{"lost": "VALIDITY", "duplicate": "NO-DUPLICATION", "phantom": "NO-CREATION"} {
		s, err := faults.Parse("conform.scenario/1\nsubject maelstrom\nexpect " + string(id) + "\nnodes 3\ngroup g 0 1 2\nseed 1\n" +
			"net latency 1ms..10ms\nat 0s send 1 g 12\nat 450ms send 0 g 1\n")
		if err != nil {
			t.Fatal(err)
		}
		c := sample("token-sample-"+broken, "--broken="+broken)
		c.Adapter.Speak = "" // a scenario says what plays it
		r, err := c.Replay(s)
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != spec.Fail {
			t.Errorf("%s: %s is %s", broken, id, r.Verdict)
		}
	}
}

// TestMaelstromFound: a bug is found in a few schedules, shrunk, and shows again event for event.
func TestMaelstromFound(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil || testing.Short() {
		t.Skip("python3 is not here, or there is no time for it")
	}
	c := sample("token-found", "--broken=duplicate")
	c.Claims = []string{"NO-DUPLICATION"}
	r := certify(t, c)
	row := r.Cells[0].Requirements[0]
	if r.Verdict != spec.Fail || row.Verdict != spec.Fail {
		t.Fatalf("%s is %s", row.ID, row.Verdict)
	}
	s, err := faults.Parse(row.Witness.Scenario)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Steps) > 1 {
		t.Errorf("not shrunk:\n%s", s)
	}
	again, err := c.Replay(s)
	if err != nil {
		t.Fatal(err)
	}
	if again.Verdict != spec.Fail || !again.SameTrace {
		t.Errorf("played again: %s, same trace %v", again.Verdict, again.SameTrace)
	}
}

// TestMaelstromTwice: the same seed gives the same result, whatever the number of workers.
func TestMaelstromTwice(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes a process for each life")
	}
	var out [2]string
	for i := range out {
		c := maelstrom("maelstrom")
		c.Adapter.Command[len(c.Adapter.Command)-1], c.Parallel, c.Schedules = "token-maelstrom-twice", 1+i, 6
		c.Faults = spec.SetOf(spec.CrashFault)
		b, err := json.Marshal(certify(t, c))
		if err != nil {
			t.Fatal(err)
		}
		out[i] = string(b)
	}
	if out[0] != out[1] {
		t.Errorf("one worker:\n%s\ntwo workers:\n%s", out[0], out[1])
	}
	if !strings.Contains(out[0], `"protocol":"maelstrom","pace":"virtual"`) {
		t.Errorf("the run object begins %.400s", out[0])
	}
}

// TestMaelstromClaims: what a set of numbers can't show is refused before anything runs.
func TestMaelstromClaims(t *testing.T) {
	for _, claims := range []string{"causal", "total", "SENDER-INTEGRITY", "durable"} {
		c := maelstrom("maelstrom")
		c.Claims = []string{claims}
		if _, err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "can't be judged") {
			t.Errorf("%s: %v", claims, err)
		}
	}
	c := maelstrom("maelstrom")
	c.Network = "own"
	if _, err := c.Run(t.Context()); err == nil {
		t.Error("on a network of its own it has nothing to speak over")
	}
	if r := maelstrom("maelstrom").CheckAdapter(); r.Verdict != spec.Pass {
		t.Errorf("check: %+v", r)
	}
	if r := maelstrom("maelstrom-wrong-id").CheckAdapter(); r.Verdict != spec.Error {
		t.Errorf("check: %+v", r)
	}
}
