package spec

import (
	"strings"
	"testing"
)

func TestSound(t *testing.T) {
	const header = `{"schema":"conform.history/1","nodes":["0","1"],"groups":{"g":["0","1"]},"settled":true}` + "\n"
	const send = `{"t":1,"node":"0","kind":"send","group":"g","msg":"0/0/1"}` + "\n"
	const crash = `{"t":2,"node":"0","kind":"crash"}` + "\n"
	const recover = `{"t":3,"node":"0","kind":"recover"}` + "\n"
	for text, want := range map[string]string{
		send + crash + recover + crash: "",
		crash + recover + send:         "line 4: node 0 sends 0/0/1 in incarnation 1",
		send + send:                    "line 3: 0/0/1 is sent a second time: line 2 has it",
		crash + crash:                  "line 3: node 0 crashes a second time",
		recover:                        "line 2: node 0 recovers and was not down",
		crash + send:                   "line 3: node 0 sends 0/0/1 after its crash",
		`{"t":1,"node":"1","kind":"send","group":"g","msg":"0/0/1"}` + "\n":          "line 2: node 1 sends 0/0/1",
		`{"t":1,"node":"0","kind":"send","group":"g","to":"1","msg":"0/0/1"}` + "\n": "line 2: send of 0/0/1: want a group",
	} {
		h, err := ReadHistory(strings.NewReader(header + text))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := h.Sound(); err != nil {
			got = err.Error()
		}
		if want == "" && got != "" || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
