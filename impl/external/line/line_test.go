package line

import (
	"errors"
	"strings"
	"testing"
)

// echo delivers what it sends.
type echo struct {
	out    *Out
	closed *bool
}

func (e echo) Send(id uint64, msg string, body []byte) {
	if len(body) > 3 {
		e.out.Refused(id, true, errors.New("too long"))
		return
	}
	e.out.Deliver(Delivery{Msg: msg, Body: body, From: "1", Pos: 7})
	e.out.Done(id)
}

func (e echo) Close() { *e.closed = true }

func run(t *testing.T, start Start, in ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := Run(Hello{Name: "echo", Version: "1", Claims: []string{"integrity"}, Tolerates: []string{}}, start, strings.NewReader(strings.Join(in, "\n")), &out)
	return out.String(), err
}

func TestRun(t *testing.T) {
	closed := false
	start := func(i Init, out *Out) (Member, error) {
		if i.Node != "1" || i.Addresses["0"] != "a:1" || i.Incarnation != 2 {
			t.Errorf("%+v", i)
		}
		return echo{out, &closed}, nil
	}
	got, err := run(t, start, `{"op":"send","id":1}`, `{"op":"hello","protocol":1}`,
		`{"op":"init","node":"1","incarnation":2,"nodes":["0","1"],"group":"g","addresses":{"0":"a:1","1":"b:2"}}`,
		`{"op":"send","id":1,"group":"g","msg":"1/2/1","body":""}`, `{"op":"send","id":2,"msg":"1/2/2","body":"YWJjZA=="}`, `{"op":"probe","id":9}`)
	want := `{"code":"unsupported","definite":true,"of":1,"op":"error"}
{"op":"hello","protocol":1,"name":"echo","version":"1","claims":["integrity"],"tolerates":[],"network":"own","limits":{}}
{"op":"ready"}
{"op":"deliver","group":"g","msg":"1/2/1","body":"","from":"1","pos":7}
{"of":1,"op":"done"}
{"code":"refused","definite":true,"of":2,"op":"error","text":"too long"}
{"code":"unsupported","definite":true,"of":9,"op":"error"}
`
	if err != nil || got != want || !closed {
		t.Errorf("%v, closed %v, got\n%s\nwant\n%s", err, closed, got, want)
	}
}

func TestRunEnds(t *testing.T) {
	no := errors.New("no such address")
	if _, err := run(t, func(Init, *Out) (Member, error) { return nil, no }, `{"op":"init"}`); !errors.Is(err, no) {
		t.Errorf("a start that failed: %v", err)
	}
	if _, err := run(t, nil, `no line`); err == nil || !strings.Contains(err.Error(), "no line") {
		t.Errorf("a line that is none: %v", err)
	}
}
