package adapter

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/adapter/adaptertest"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/spec"
)

func TestMain(m *testing.M) {
	adaptertest.Main()
	os.Exit(m.Run())
}

func open(t testing.TB, mode string) *Pool {
	t.Helper()
	p, err := Open(Options{Command: adaptertest.Command(mode, "token"), Answer: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// say lets a puppet answer a send with some lines, and gives the effects.
func say(t *testing.T, lines string) ([]impl.Effect, error) {
	t.Helper()
	p := open(t, "puppet")
	l, out := p.single(0)
	out.Reset()
	var arena impl.Arena
	body := impl.Seal(impl.NewEffects(&arena), []byte(lines), spec.MsgID{Number: 1})
	l.Step(impl.Input{Kind: impl.Send, Now: 1000, To: impl.Everyone, Body: body, Ref: 7}, out)
	return out.List, p.Err()
}

// TestEffects: what a line means.
func TestEffects(t *testing.T) {
	for _, x := range []struct{ lines, want string }{
		{`{"op":"packet","to":"1","data":"aGk="}`, "packet to 1"},
		{`{"op":"packet","group":"g","data":"aGk="}`, "packet to 0, packet to 1"},
		{`{"op":"timer","id":3,"after":500}`, "set-timer 3 at 1500"},
		{`{"op":"cancel","id":3}`, "stop-timer 3"},
		{`{"op":"done","of":1}`, "acknowledge 7"},
		{`{"op":"error","of":1,"code":"closed-group","definite":true}`, "refuse 7 closed-group"},
		{`{"op":"error","of":1,"code":"timeout"}`, "note"},
		{`{"op":"deliver","group":"g","msg":"1/0/5","body":"aGk="}`, "up 1/0/5 from 1 at 0"},
		{`{"op":"deliver","msg":"1/0/5","body":"aGk=","from":"0","pos":17}`, "up 1/0/5 from 0 at 17"},
		{`{"op":"view","view":"2","members":["1","0"]}`, "view 2 [0 1]"},
		{`{"op":"suspect","node":"1"}`, "suspect 1"},
		{`{"op":"gap","from":"1","first":2,"last":3}`, "gap 1 2 3"},
		{`{"op":"block","group":"g"}` + "\n" + `{"op":"unblock","group":"g"}`, "block, unblock"},
		{`{"op":"deliver","msg":"0/0/1","body":""}` + "\n" + `{"op":"packet","to":"1","data":""}`, "up 0/0/1 from 0 at 0, packet to 1"},
	} {
		effects, err := say(t, x.lines+"\n")
		if err != nil {
			t.Errorf("%s: %v", x.lines, err)
		}
		if got := inWordsOf(effects); got != x.want {
			t.Errorf("%s:\ngot  %s\nwant %s", x.lines, got, x.want)
		}
	}
}

func inWordsOf(effects []impl.Effect) string {
	var words []string
	for i := range effects {
		e := &effects[i]
		n := func(x uint64) string { return " " + nodeName(spec.NodeID(x)) }
		switch w := e.Kind.String(); e.Kind {
		case impl.Down:
			w = "packet to" + n(uint64(e.To))
			words = append(words, w)
		case impl.SetTimer:
			words = append(words, w+n(e.Num)+" at"+n(uint64(e.At)))
		case impl.StopTimer:
			words = append(words, w+n(e.Num))
		case impl.Acknowledge:
			words = append(words, w+n(uint64(e.Ref)))
		case impl.Refuse:
			words = append(words, w+n(uint64(e.Ref))+" "+e.Code.String())
		case impl.Up:
			_, id, _ := impl.Open(e.Body)
			words = append(words, w+" "+id.String()+" from"+n(uint64(e.From))+" at"+n(e.Num))
		case impl.InstallView:
			words = append(words, w+" "+e.View.ID.String()+" ["+strings.Join(nodeNames(e.View.Members), " ")+"]")
		case impl.Suspect:
			words = append(words, w+n(uint64(e.From)))
		case impl.Gap:
			words = append(words, w+n(uint64(e.From))+n(e.Num)+n(e.Last))
		default:
			words = append(words, w)
		}
	}
	return strings.Join(words, ", ")
}

// TestRefused: lines that are none, or make no sense, are errors that quote them, and nothing is asked any more.
func TestRefused(t *testing.T) {
	for _, x := range []struct{ line, want string }{
		{`{"op":"deliver","msg":"1/0","body":""}`, "'1/0' does not match pattern"},
		{`{"op":"deliver","msg":"0/0/99999999999999999999","body":""}`, "want sender/incarnation/number"},
		{`{"op":"deliver","msg":"1/0/5","body":"a"}`, "/body"},
		{`{"op":"deliver","group":"h","msg":"1/0/5","body":""}`, `there is no group "h"`},
		{`{"op":"deliver","msg":"1/0/5","body":"","from":"2"}`, `there is no node "2"`},
		{`{"op":"packet","data":""}`, "missing property 'to'"},
		{`{"op":"timer","id":-1,"after":1}`, "/id"},
		{`{"op":"timer","id":1,"after":9000000000000000}`, "a timer of more than 24h"},
		{`{"op":"timer","id":1}`, "missing property 'after'"},
		{`{"op":"done","of":2}`, "nothing with the id 2"},
		{`{"op":"ready"}`, `"ready" is no part of this answer`},
		{`{"op":"hello","protocol":1,"name":"x"}`, `"hello" is no part of this answer`},
		{`{"op":"frobnicate"}`, `there is no op "frobnicate"`},
		{`{"deliver":1}`, `it has no "op"`},
		{`{"op":"idle"} {"op":"idle"}`, "it is no JSON"},
		{`{"op":"view","view":"new","members":[]}`, "/view"},
	} {
		_, err := say(t, x.line+"\n")
		if err == nil || !strings.Contains(err.Error(), x.want) || !strings.Contains(err.Error(), "`"+x.line+"`") {
			t.Errorf("%s: %v\nwant %s, and the line", x.line, err, x.want)
		}
	}
}

// TestDeaf: a program that neither reads nor leaves room in its pipe is given up in time.
func TestDeaf(t *testing.T) {
	t.Parallel() // it waits for as long as a program may take
	p := open(t, "deaf")
	l, out := p.single(0)
	from := time.Now()
	for i := range 2 {
		var arena impl.Arena
		body := impl.Seal(impl.NewEffects(&arena), make([]byte, 300_000), spec.MsgID{Number: 1 + uint64(i)})
		l.Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Body: body, Ref: impl.Ref(1 + i)}, out)
	}
	if p.Err() == nil || time.Since(from) > 10*time.Second {
		t.Errorf("%v after %v", p.Err(), time.Since(from))
	}
	q := open(t, "puppet")
	x := q.seats[0]
	x.alive(standStill)
	if err := x.write(make([]byte, 300_000)); err == nil || !strings.Contains(err.Error(), "it does not read") {
		t.Errorf("a pipe that is full: %v", err)
	}
}

// TestDisk: what was persisted before a crash comes back, and nothing of what was not has to.
func TestDisk(t *testing.T) {
	p := open(t, "journal")
	w := sim.New(sim.Config{New: p.Member, Model: spec.CrashRecovery})
	s, err := faults.Parse(`conform.scenario/1
nodes 2
group g 0 1
seed 1
net latency 1ms..1ms
at 0s send 0 g 4
at 50ms crash 1
at 60ms recover 1
at 70ms send 0 g 4
`)
	if err != nil {
		t.Fatal(err)
	}
	var h spec.History
	if err := w.Play(s, &h); err != nil || p.Err() != nil {
		t.Fatal(err, p.Err())
	}
	var got []string
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == spec.Deliver && e.Node == 1 {
			got = append(got, e.Msg.String())
			if e.Is(spec.IsRedelivered) {
				got[len(got)-1] += " again"
			}
		}
	}
	if want := []string{"0/0/1", "0/0/1 again", "0/0/2"}; !slices.Equal(got, want) {
		t.Errorf("node 1 delivered %v, want %v", got, want)
	}
}

// TestCrashBetweenLines: what a program wrote behind the line at which its node crashes never happens.
func TestCrashBetweenLines(t *testing.T) {
	p := open(t, "good")
	w := sim.New(sim.Config{New: p.Member})
	s, err := faults.Parse(`conform.scenario/1
nodes 3
group g 0 1 2
seed 1
net latency 1ms..1ms
at 0s send 0 g 4
on 0 send 2 crash 0
`)
	if err != nil {
		t.Fatal(err)
	}
	var h spec.History
	if err := w.Play(s, &h); err != nil || p.Err() != nil {
		t.Fatal(err, p.Err())
	}
	var who []spec.NodeID
	for i := range h.Events {
		if h.Events[i].Kind == spec.Deliver {
			who = append(who, h.Events[i].Node)
		}
	}
	if !slices.Equal(who, []spec.NodeID{1}) {
		t.Errorf("delivered by %v, want by node 1 alone", who)
	}
}

// TestSchemas: the examples of the protocol fit, and each without one thing that must be there does not.
func TestSchemas(t *testing.T) {
	for _, x := range []struct {
		d    direction
		line string
		must []string
	}{
		{toAdapter, `{"op":"hello","protocol":1}`, []string{`,"protocol":1`}},
		{toAdapter, `{"op":"init","node":"1","incarnation":0,"nodes":["0","1"],"groups":{"g":{"members":["0","1"],"open":false,"view":"1"}},"addresses":{"0":"127.0.0.1:1"},"dir":"/d","seed":"7"}`,
			[]string{`"node":"1",`, `,"seed":"7"`, `,"open":false`}},
		{toAdapter, `{"op":"send","id":4,"group":"g","msg":"1/0/5","body":"aGk="}`, []string{`"id":4,`, `,"msg":"1/0/5"`, `,"body":"aGk="`}},
		{fromAdapter, `{"op":"hello","protocol":1,"name":"my-mcast","version":"1.4","claims":["AGREEMENT"],"tolerates":["crash"],"network":"own","reset":true,"limits":{"payload":65000}}`,
			[]string{`,"name":"my-mcast"`}},
		{fromAdapter, `{"op":"deliver","group":"g","msg":"1/0/5","body":"aGk=","from":"1","view":"2","pos":17}`, []string{`,"msg":"1/0/5"`, `,"body":"aGk="`}},
		{fromAdapter, `{"op":"packet","to":"2","data":"aGk="}`, []string{`,"to":"2"`, `,"data":"aGk="`}},
	} {
		if err := checkLine(x.d, []byte(x.line)); err != nil {
			t.Errorf("%s: %v", x.line, err)
		}
		for _, m := range x.must {
			if !strings.Contains(x.line, m) {
				t.Fatalf("%s has no %s", x.line, m)
			}
			if without := strings.Replace(x.line, m, "", 1); checkLine(x.d, []byte(without)) == nil {
				t.Errorf("fits, though it has no %s: %s", m, without)
			}
		}
	}
	for _, op := range append(calls, "packet", "fire", "persisted", "recovered") {
		if compiled[toAdapter]()[op] == nil {
			t.Errorf("no schema for op %q", op)
		}
	}
}

func BenchmarkExchange(b *testing.B) {
	p := open(b, "good")
	l, out := p.single(0)
	in := impl.Input{Kind: impl.Packet, From: 1, Body: []byte(`["1/0/1","aGVsbG8="]`)}
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		l.Step(in, out)
	}
	if p.Err() != nil || len(out.List) != 1 {
		b.Fatal(p.Err(), impltest.Effects(out.List))
	}
}
