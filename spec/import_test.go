package spec_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/conform-go/conform/spec"
)

func logs(texts ...string) (out []spec.ProcessLog) {
	for i, text := range texts {
		out = append(out, spec.ProcessLog{Process: uint64(i + 1), Text: strings.NewReader(text)})
	}
	return out
}

// line tells the events of a history in short.
func line(h *spec.History) string {
	var b strings.Builder
	for i := range h.Events {
		e := &h.Events[i]
		b.WriteString(h.NodeName(e.Node) + " " + e.Kind.String())
		if e.Is(spec.HasMsg) {
			b.WriteString(" " + h.MsgName(e.Msg))
		}
		b.WriteString("; ")
	}
	return strings.TrimSuffix(b.String(), "; ")
}

func TestReadProcessLogs(t *testing.T) {
	for name, c := range map[string]struct {
		logs []spec.ProcessLog
		want string
	}{
		"a delivery comes after its send": {logs("d 2 1\nb 1\n", "b 1\nd 1 1\n"), "2 send 2/0/1; 1 deliver 2/0/1; 1 send 1/0/1; 2 deliver 1/0/1"},
		"cut off":                         {logs("b 1\nb 2", ""), "1 send 1/0/1"},
		"a phantom stands where it must":  {logs("d 2 7\nb 1\n", "d 1 1\n"), "1 deliver 2/0/7; 1 send 1/0/1; 2 deliver 1/0/1"},
	} {
		h, err := spec.ReadProcessLogs(c.logs, true, nil)
		if err != nil || line(h) != c.want || h.Sound() != nil {
			t.Errorf("%s: %v, %v\nhave %s\nwant %s", name, err, h.Sound(), line(h), c.want)
		}
	}
	h, err := spec.ReadProcessLogs(logs("b 1\nd 1 1\n", ""), false, map[uint64]bool{1: true})
	if err != nil || line(h) != "1 send 1/0/1; 1 deliver 1/0/1; 1 crash" || h.Settled {
		t.Errorf("crashed: %v, %s", err, line(h))
	}
}

func TestMalformedProcessLogs(t *testing.T) {
	for text, want := range map[string]string{
		"b 1\nx 2\n":    `process 1: line 2: "x 2": want "b n" or "d sender n"`,
		"d 9 1\n":       `line 1: sender "9" is no process that has a log`,
		"b one\n":       `line 1: message "one": want a number`,
		"b 1 2\n":       `want "b n"`,
		"d 1 -1\n":      `message "-1"`,
		"deliver 1 1\n": `want "b n"`,
	} {
		_, err := spec.ReadProcessLogs(logs(text), true, nil)
		if !errors.As(err, new(*spec.SyntaxError)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, err := spec.ReadProcessLogs([]spec.ProcessLog{{Process: 1, Text: strings.NewReader("")}, {Process: 1, Text: strings.NewReader("")}}, true, nil); err == nil {
		t.Error("two logs of one process are read")
	}
	if _, err := spec.ReadProcessLogs(logs(""), true, map[uint64]bool{4: true}); err == nil {
		t.Error("one that has no log has crashed")
	}
}

func TestReadOperations(t *testing.T) {
	op := func(process, typ, f, value string) string {
		return `{"process":` + process + `,"type":"` + typ + `","f":"` + f + `","value":` + value + `}`
	}
	for name, c := range map[string]struct {
		ops     []string
		want    string
		ordered bool
	}{
		"broadcasts and reads": {[]string{op("0", "invoke", "broadcast", "7"), op("1", "ok", "read", "[7]"), op("0", "ok", "broadcast", "7"), op("1", "ok", "read", "[7]")},
			"0 send 0/0/1; 1 deliver 0/0/1; 0 ack 0/0/1", true},
		"a read that is no log": {[]string{op("0", "invoke", "add", "1"), op("0", "invoke", "add", "2"), op("1", "ok", "read", "[2]"), op("1", "ok", "read", "[1,2]")},
			"0 send 0/0/1; 0 send 0/0/2; 1 deliver 0/0/2; 1 deliver 0/0/1", false},
		"failed, unknown": {[]string{op("0", "invoke", "send", `"a"`), op("0", "fail", "send", `"a"`), op("1", "invoke", "send", `"b"`), op("1", "info", "send", `"b"`)},
			"0 send 0/0/1; 0 refuse 0/0/1; 1 send 1/0/1", true},
		"killed and started": {[]string{op(`"nemesis"`, "info", "kill", "null"), op(`"nemesis"`, "info", "kill", `{"0":"killed"}`), op(`"nemesis"`, "info", "start", `["0"]`),
			op("0", "invoke", "send", "1"), op(`"nemesis"`, "info", "start-partition", `"majority"`)}, "0 crash; 0 recover; 0 send 0/1/1", true},
	} {
		for form, text := range map[string]string{"array": "[" + strings.Join(c.ops, ",") + "]", "lines": strings.Join(c.ops, "\n") + "\n"} {
			h, ordered, err := spec.ReadOperations(strings.NewReader(text), 2, true)
			if err != nil {
				t.Errorf("%s, %s: %v", name, form, err)
			} else if line(h) != c.want || ordered != c.ordered || h.Sound() != nil {
				t.Errorf("%s, %s: ordered %t, %v\nhave %s\nwant %s", name, form, ordered, h.Sound(), line(h), c.want)
			}
		}
	}
}

func TestMalformedOperations(t *testing.T) {
	for text, want := range map[string]string{
		`[{"process":0,"type":"invoke","f":"cas","value":[1,2]}]`:                                                        `operation "cas" does not map`,
		`{"process":0,"type":"invoke","f":"add","value":1}` + "\n" + `{"process":0,"type":"invoke","f":"add","value":1}`: "line 2: value 1 is sent a second time",
		`{"process":0,"type":"ok","f":"add","value":1}`:                                                                  "never invoked",
		`{"process":0,"type":"ok","f":"read","value":1}`:                                                                 "no list",
		`[{`: "line 1",
	} {
		_, _, err := spec.ReadOperations(strings.NewReader(text), 2, true)
		if !errors.As(err, new(*spec.SyntaxError)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, _, err := spec.ReadOperations(strings.NewReader(`{"process":3,"type":"invoke","f":"add","value":1}`), 0, true); err == nil || !strings.Contains(err.Error(), "names no node") {
		t.Errorf("no nodes: %v", err)
	}
}
