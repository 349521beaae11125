package faults

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

func TestTextParsesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := arbitrary().Draw(t, "scenario")
		if err := s.Validate(); err != nil {
			t.Fatalf("the generator drew an invalid scenario: %v\n%s", err, s)
		}
		back, err := Parse(s.String())
		if err != nil {
			t.Fatalf("%v\n%s", err, s)
		}
		if !back.Equal(s) || back.String() != s.String() {
			t.Fatalf("wrote\n%s\nread\n%s", s, back)
		}
	})
}

// The generator of the tests draws every action: that is said of fixed examples, and not left to luck.
func TestArbitraryHasEveryAction(t *testing.T) {
	seen := map[Op]bool{}
	for seed := range 500 {
		for _, step := range arbitrary().Example(seed).Steps {
			seen[step.Action.Op] = true
		}
	}
	for op := range ops {
		if !seen[op] {
			t.Errorf("no scenario with %v was drawn", op)
		}
	}
}

func TestNamesParseBack(t *testing.T) {
	for o := range ops {
		if got, err := ParseOp(o.String()); err != nil || got != o {
			t.Errorf("%v: got %v, %v", o, got, err)
		}
	}
	for m := range moments {
		if got, err := ParseMoment(m.String()); err != nil || got != m {
			t.Errorf("%v: got %v, %v", m, got, err)
		}
	}
	for s := range strategies {
		if got, err := ParseStrategy(s.String()); err != nil || got != s {
			t.Errorf("%v: got %v, %v", s, got, err)
		}
	}
	if got := ops.String(); got != "action(47)" {
		t.Errorf("an op that does not exist prints as %q", got)
	}
}

// The golden files are named after what they show: x.scenario is read, and printed it is x.printed.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.scenario")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(string(text))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		printed := strings.TrimSuffix(file, ".scenario") + ".printed"
		if *update {
			if err := os.WriteFile(printed, []byte(s.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(printed)
		if err != nil {
			t.Fatal(err)
		}
		if s.String() != string(want) {
			t.Errorf("%s prints as\n%s\nwant\n%s", file, s, want)
		}
	}
}

func TestStepText(t *testing.T) {
	s, err := Parse("conform.scenario/1\nnodes 2\ngroup g 0 1\non 0 point relayed 2 send 1 g 8\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.StepText(0); got != "on 0 point relayed 2 send 1 g 8" {
		t.Errorf("the step is %q", got)
	}
	if got := s.ActionText(0); got != "send 1 g 8" {
		t.Errorf("the action is %q", got)
	}
}

func TestAbsentNetIsTheDefault(t *testing.T) {
	s, err := Parse("conform.scenario/1\nnodes 1\n")
	if err != nil || s.Net != DefaultNet || s.Seed != 0 {
		t.Fatalf("got %v, %v", s, err)
	}
}

var parseErrors = []struct{ text, want string }{
	{"at 0s crush 0", `line 4: unknown action "crush": want one of crash`},
	{"\n\nat 0s zzzzzzzz 0", `line 6: unknown action "zzzzzzzz": want one of ` + strings.Join(opNames[:], ", ")},
	{"att 0s crash 0", `line 4: unknown line "att": want one of at, net`},
	{"at 0s crash 3", "line 4: node 3: want 0 to 2"},
	{"at 0s crash -1", `line 4: node "-1": want a number`},
	{"at 0s crash", "line 4: want a number (node) at the end of the line"},
	{"at 0s crash 0 1", `line 4: "1" is too much: the line should end before it`},
	{"at now crash 0", `line 4: time "now": want a duration such as 1.5ms`},
	{"at -1s crash 0", "line 4: time -1s: want 0s to 24h0m0s"},
	{"at 25h crash 0", "line 4: time 25h0m0s: want 0s to 24h0m0s"},
	{"at 0s", "line 4: want an action at the end of the line"},
	{"on 0 sent 1 crash 0", `line 4: unknown moment "sent": want one of send`},
	{"on 0 at 1 crash 0", `line 4: unknown moment "at": want one of ack`},
	{"on 0 send 0 crash 0", "line 4: count 0: want 1 to 2147483647"},
	{"on 0 point a|b 1 crash 0", `line 4: count "|": want a number`},
	{"on 0 point -a 1 crash 0", `line 4: point "-a": want letters, digits and -_.:/ only, a letter or digit first`},
	{"at 0s send 0 h 1", `line 4: unknown group "h": want one of g`},
	{"at 0s send 0 to 3 1", "line 4: destination 3: want 0 to 2"},
	{"at 0s send 0 g", "line 4: want a number (size) at the end of the line"},
	{"at 0s send 0 g 1048577", "line 4: size 1048577: want 0 to 1048576"},
	{"at 0s send 0 g 99999999999", `line 4: size "99999999999": want a number`},
	{"at 0s loss 20", `line 4: percentage "20": want a number and a percent sign, such as 50%`},
	{"at 0s loss 101%", "line 4: percent 101: want 0 to 100"},
	{"at 0s loss 20% for 0s", "line 4: for 0s: leave it out, for until healed"},
	{"at 0s partition 0 1", "line 4: 1 parts: want 2 or more"},
	{"at 0s partition 0 | 1 | 0", "line 4: node 0: it is twice in the parts"},
	{"at 0s partition 0 | | 1", "line 4: part 2 is empty"},
	{"at 0s partition 0 > 1", `line 4: ">" between the parts: want "|"`},
	{"at 0s oneway 0 > 1 > 2", "line 4: 3 parts: want 2"},
	{"at 0s bridge 0 | 1 via 1", "line 4: node 1: the bridge is in a part"},
	{"at 0s bridge 0 | 1", `line 4: want "via" at the end of the line`},
	{"at 0s flap 0 | 1 by 1ms", `line 4: want "every", not "by"`},
	{"at 0s flap 0 | 1 every 0s", "line 4: every 0s: want 1ns to 24h0m0s"},
	{"nodes 2", `line 4: a second "nodes": the first is in line 2`},
	{"group g 0", `line 4: group "g": there are two of that name`},
	{"group to 0", `line 4: group "to": the name is taken by "send 0 to 1"`},
	{"group h 1 0", "line 4: member 0 after 1: want them ascending"},
	{"group h 3", "line 4: member 3: want 0 to 2"},
	{"net fast 1ms..2ms", `line 4: unknown strategy "fast": want one of latency, pos, pct`},
	{"net latency 1ms", `line 4: latency "1ms": want bounds such as 1ms..10ms`},
	{"net latency 2ms..1ms", "line 4: net: latency 2ms..1ms: the lower bound is above the upper"},
	{"net pct 1ms..2ms", "line 4: net: depth 0: want 1 to 64"},
	{"net pos 1ms..2ms depth 2", "line 4: net: only pct has a depth"},
	{"seed -1", `line 4: seed "-1": want a number from 0 to 2^64-1`},
	{"decisions 0a0", `line 4: decisions "0a0": want pairs of hexadecimal digits`},
	{"trace 2 12 1 ab", `line 4: digest "12": want 16 hexadecimal digits`},
	{"trace 2 0123456789abcdef 1 ab", "line 4: trace: 1 samples: want 2, one after every 1 of 2 events"},
	{"expect -", `line 4: requirement "-": want letters, digits and -_.:/ only, a letter or digit first`},
	{"subject a\x00", `line 4: subject "a\x00": want one line of UTF-8 without control characters`},
}

func TestParseErrors(t *testing.T) {
	// Each text follows these three lines, so it begins with line 4.
	const head = "conform.scenario/1\nnodes 3\ngroup g 0 1 2\n"
	for _, test := range parseErrors {
		s, err := Parse(head + test.text + "\n# the end\n")
		var located *ParseError
		if !errors.As(err, &located) {
			t.Errorf("%q: got %v, %v: want a ParseError", test.text, s, err)
			continue
		}
		if err.Error() != test.want {
			t.Errorf("%q:\n got %s\nwant %s", test.text, err, test.want)
		}
	}
}

func TestParseErrorsOfTheHead(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", "line 1: the text is empty: want conform.scenario/1 as the first line"},
		{"# hello\nnodes 3\n", `line 2: this is no scenario: want conform.scenario/1 as the first line, not "nodes"`},
		{"conform.scenario/1\nseed 1\n", "line 2: there is no nodes line"},
		{"conform.scenario/1\nnodes 0\nseed 1\n", "line 2: nodes 0: want 1 to 1000"},
		{"conform.scenario/1\nnodes 1001\n", "line 2: nodes 1001: want 1 to 1000"},
		{"conform.scenario/1\nat 0s sync 0 g\n", `line 2: unknown group "g": there are none`},
	} {
		if _, err := Parse(test.text); err == nil || err.Error() != test.want {
			t.Errorf("%q:\n got %v\nwant %s", test.text, err, test.want)
		}
	}
}

func TestValidateNamesTheStep(t *testing.T) {
	s := &Scenario{Nodes: 2, Net: DefaultNet, Steps: []Step{{}, {Action: Action{Op: Crash, Peer: -1}}}}
	const want = "step 2 (at 0s crash 0): a field that crash does not use is not zero"
	if err := s.Validate(); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.scenario")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for seed := range uint64(8) {
		f.Add(Draw(seed, everything).String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		if err := s.Validate(); err != nil {
			t.Fatalf("what was parsed is not valid: %v\n%s", err, s)
		}
		back, err := Parse(s.String())
		if err != nil || !back.Equal(s) {
			t.Fatalf("%v\nwrote\n%s\nread\n%s", err, s, back)
		}
	})
}
