package linear

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

// parse writes operations down in a few words, one event each:
//
//	0>next      node 0 invokes next on object x; 0>write:5, 0>append:7, and 0>next@y on another object
//	0=3         the last operation that node 0 invoked on x answers 3; 0!full refuses it
//	2>join 2=   node 2 calls join of group g, which returns; 0=0,2 answers the members 0 and 2; also leave, query, destroy, create
//	c1          node 1 crashes; 0?1 node 0 suspects it
func parse(text string) *spec.History {
	h := &spec.History{}
	h.Nodes = []string{"0", "1", "2", "3"}
	h.Groups = []spec.Group{{Name: "g", Members: []spec.NodeID{0, 1}}}
	kinds := map[string]spec.Kind{"join": spec.Join, "leave": spec.Leave, "query": spec.Query, "create": spec.Create, "destroy": spec.Destroy}
	last := map[spec.NodeID]spec.Event{} // the call without its return
	for i, w := range strings.Fields(text) {
		e := spec.Event{T: spec.Time(i) * 1_000_000, Has: spec.HasNode}
		if w[0] == 'c' {
			e.Kind, e.Node = spec.Crash, spec.NodeID(w[1]-'0')
			h.Add(e)
			continue
		}
		e.Node = spec.NodeID(w[0] - '0')
		rest := w[2:]
		switch w[1] {
		case '?':
			e.Kind, e.Has, e.To = spec.Suspect, e.Has|spec.HasTo, spec.NodeID(rest[0]-'0')
			h.Add(e)
		case '>':
			e.Has |= spec.HasID
			op, object, _ := strings.Cut(rest, "@")
			op, value, _ := strings.Cut(op, ":")
			x := spec.Extra{ID: uint64(i + 1), Object: "x" + object, Op: op, Value: value}
			if e.Kind = spec.Invoke; kinds[op] != spec.KindNone {
				e.Kind, e.Has, x = kinds[op], e.Has|spec.HasGroup, spec.Extra{ID: x.ID}
			}
			h.AddExtra(e, x)
			e.Extra = uint32(i + 1)
			last[e.Node] = e
		default:
			call := last[e.Node]
			e.Has |= spec.HasOf | call.Has&spec.HasGroup
			x := spec.Extra{Of: uint64(call.Extra)}
			e.Kind = spec.Return
			for returned, called := range returns {
				if called == call.Kind {
					e.Kind = returned
				}
			}
			switch {
			case w[1] == '!':
				x.Reason = rest
			case e.Kind == spec.Return:
				x.Value = rest
			case rest != "":
				for _, n := range strings.Split(rest, ",") {
					x.Members = append(x.Members, spec.NodeID(n[0]-'0'))
				}
			}
			h.AddExtra(e, x)
		}
	}
	return h
}

// The smallest histories, good ones and those with a planted bug.
var cases = []struct {
	name, text string
	id         spec.ID
	want       spec.Verdict
	events     []int // of the witness
}{
	{"numbers in turn", "0>next 0=1 1>next 1=2", Sequence, spec.Pass, nil},
	{"two that overlap, either way round", "0>next 1>next 1=1 0=2", Sequence, spec.Pass, nil},
	{"a number given twice", "0>next 0=1 1>next 1=1", Sequence, spec.Fail, []int{0, 1, 2, 3}},
	{"a number skipped", "0>next 0=1 1>next 1=3", Sequence, spec.Fail, []int{0, 1, 2, 3}},
	{"later, and smaller", "0>next 0=2 1>next 1=1", Sequence, spec.Fail, []int{0, 1}},
	{"a number fetched by one that then crashed", "0>next c0 1>next 1=2", Sequence, spec.Pass, nil},
	{"or that it never fetched", "0>next c0 1>next 1=1", Sequence, spec.Pass, nil},
	{"but not one that nobody fetched", "0>next c0 1>next 1=3", Sequence, spec.Fail, []int{0, 2, 3}},
	{"a refused call takes no number", "0>next 0!full 1>next 1=1 2>next 2=2", Sequence, spec.Pass, nil},
	{"two servers count by themselves", "0>next 0=1 1>next@y 1=1 0>next 0=2 1>next@y 1=2", Sequence, spec.Pass, nil},
	{"one call shows nothing", "0>next 0=1", Sequence, spec.Inconclusive, nil},
	{"a register is no number server", "0>write:1 0= 1>read 1=1", Sequence, spec.Inconclusive, nil},

	{"what was written is read", "0>write:1 0= 1>read 1=1", State, spec.Pass, nil},
	{"a stale read", "0>write:1 0= 1>read 1=null", State, spec.Fail, []int{0, 1, 2, 3}},
	{"a read beside the write may be early", "0>write:1 1>read 1=null 0= 2>read 2=1", State, spec.Pass, nil},
	{"or late, but not both in turn", "0>write:1 1>read 1=1 2>read 2=null 0=", State, spec.Fail, []int{0, 1, 2, 3, 4}},
	{"a local read may be stale", "0>write:1 0= 1>local-read 1=null 2>read 2=1", State, spec.Pass, nil},
	{"a write of one that crashed may come late", "0>write:1 c0 1>read 1=null 1>read 1=1", State, spec.Pass, nil},
	{"but not go again", "0>write:1 c0 1>read 1=1 1>read 1=null", State, spec.Fail, []int{0, 2, 3, 4, 5}},
	{"blanks do not count", "0>write:[1,2] 0= 1>read 1=[1,2]", State, spec.Pass, nil},
	{"a board lists what was appended", "0>append:7 0= 1>append:8 1= 2>list 2=[7,8]", State, spec.Pass, nil},
	{"in order", "0>append:7 0= 1>append:8 1= 2>list 2=[8,7]", State, spec.Fail, []int{0, 1, 2, 3, 4, 5}},
	{"and all of it", "0>append:7 0= 1>append:8 1= 2>list 2=[8]", State, spec.Fail, []int{0, 1, 2, 3, 4, 5}},
	{"two lists must fit", "0>append:7 1>append:8 2>list 2=[7] 3>list 3=[8] 0= 1=", State, spec.Fail, []int{0, 1, 2, 3, 4, 5}},
	{"nobody knows what this does", "0>frob 0= 1>frob 1=", State, spec.Inconclusive, nil},
	{"nor what that is", "0>read 0=null 1>list 1=[]", State, spec.Inconclusive, nil},

	{"who has joined is a member", "2>join 2= 0>query 0=0,1,2", Membership, spec.Pass, nil},
	{"a joiner that is not listed", "2>join 2= 0>query 0=0,1", Membership, spec.Fail, []int{0, 1, 2, 3}},
	{"beside the join both will do", "2>join 0>query 0=0,1 1>query 1=0,1,2 2=", Membership, spec.Pass, nil},
	{"but not back again", "2>join 0>query 0=0,1,2 1>query 1=0,1 2=", Membership, spec.Fail, []int{0, 1, 2, 3, 4}},
	{"a ghost that has left", "1>leave 1= 0>query 0=0,1", Membership, spec.Fail, []int{0, 1, 2, 3}},
	{"a join answers with its members", "2>join 2=0,1,2 3>join 3=0,1,3", Membership, spec.Fail, []int{0, 1, 2, 3}},
	{"who crashed is removed, at some time", "0>query 0=0,1 c1 0>query 0=0,1 0>query 0=0", Membership, spec.Pass, nil},
	{"and not back", "c1 0>query 0=0 0>query 0=0,1", Membership, spec.Fail, []int{0, 1, 2, 3, 4}},
	{"a live one is not removed", "0>query 0=0,1 0>query 0=0", Membership, spec.Fail, []int{0, 1, 2, 3}},
	{"unless somebody suspects it", "0>query 0=0,1 0?1 0>query 0=0", Membership, spec.Pass, nil},
	{"a destroyed group is empty", "0>destroy 0= 2>join 2=2", Membership, spec.Pass, nil},
	{"and not created twice", "0>create 0= 2>join 2=0,1,2", Membership, spec.Fail, []int{0, 1}},
}

func TestSmallestHistories(t *testing.T) {
	for _, c := range cases {
		h := parse(c.text)
		f := Check(h, c.id, Options{})
		if f.Verdict != c.want || f.ID != c.id {
			t.Errorf("%s (%s): %+v %+v", c.name, c.text, f, f.Witness)
			continue
		}
		if f.Verdict == spec.Inconclusive && f.Reason == "" || f.Verdict == spec.Pass && f.Antecedents == 0 {
			t.Errorf("%s: %+v", c.name, f)
		}
		if f.Verdict != spec.Fail {
			continue
		}
		t.Logf("%-42s %v %s", c.name, f.Witness.Events, f.Witness.Text)
		if !slices.Equal(f.Witness.Events, c.events) {
			t.Errorf("%s: witness %v, want %v", c.name, f.Witness.Events, c.events)
		}
	}
}

func TestNothingToJudge(t *testing.T) {
	for _, id := range Judged() {
		if f := Check(&spec.History{}, id, Options{}); f.Verdict != spec.Inconclusive || !strings.HasPrefix(f.Reason, "not observed") {
			t.Error(f)
		}
	}
	if f := Check(parse("0>next 0=1"), "AGREEMENT", Options{}); f.Verdict != spec.Inconclusive {
		t.Error(f)
	}
	h := parse("0>next 0=1 1>next 1=1")
	h.Byzantine = []spec.NodeID{1}
	if f := Check(h, Sequence, Options{}); f.Verdict != spec.Inconclusive || f.Reason == "" {
		t.Error(f)
	}
	if f := Check(parse("0>next 0=8 1>next 1=9"), Sequence, Options{Before: 7}); f.Verdict != spec.Pass {
		t.Error(f)
	}
}

// A search that takes too long ends in time, and proves nothing.
func TestDeadline(t *testing.T) {
	var text strings.Builder // all overlap, and the last list answers what nobody appended
	text.WriteString("0>list ")
	for k := range 40 {
		text.WriteString(strconv.Itoa(k%4) + ">append:" + strconv.Itoa(k) + " ")
	}
	h := parse(text.String())
	h.AddExtra(spec.Event{Kind: spec.Return, Has: spec.HasNode | spec.HasOf, T: 1}, spec.Extra{Of: 1, Value: `[0,1,2,3,4,5,6,7,8,9,10,11,12,"?"]`})
	begun := time.Now()
	f := Check(h, State, Options{Deadline: 50 * time.Millisecond})
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	if f.Verdict == spec.Pass {
		t.Errorf("%+v", f)
	}
	t.Log(f.Verdict, f.Reason, time.Since(begun))
}

func TestDraw(t *testing.T) {
	var b bytes.Buffer
	if err := Draw(&b, parse("0>write:1 1>write:2 0= 2>read 2=null 1="), State, Options{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<html", "write(1)", "read() = null"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if err := Draw(&b, &spec.History{}, State, Options{}); err == nil {
		t.Error("a page of nothing")
	}
}
