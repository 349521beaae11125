package spec

import (
	"bytes"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func written(t interface{ Fatalf(string, ...any) }, h *History) []byte {
	var b bytes.Buffer
	if err := WriteHistory(&b, h); err != nil {
		t.Fatalf("write: %v", err)
	}
	return b.Bytes()
}

func TestReadIsTheInverseOfWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyHistory().Draw(t, "history")
		text := written(t, h)
		back, err := ReadHistory(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if !reflect.DeepEqual(h, back) {
			t.Fatalf("wrote %+v\nread %+v\nin between\n%s", h, back, text)
		}
		if again := written(t, back); !bytes.Equal(text, again) {
			t.Fatalf("wrote\n%s\nthen\n%s", text, again)
		}
	})
}

// The file has every kind and every field; it is read and written byte by byte the same.
func TestGoldenHistory(t *testing.T) {
	text, err := os.ReadFile("testdata/all-kinds.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	h, err := ReadHistory(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := written(t, h); !bytes.Equal(got, text) {
		t.Errorf("written again\n%s", got)
	}
	seen := make(map[Kind]bool)
	for _, e := range h.Events {
		seen[e.Kind] = true
	}
	for k := Send; k < kinds; k++ {
		if !seen[k] {
			t.Errorf("the golden history has no %s", k)
		}
	}
	e := &h.Events[5]
	x := h.ExtraOf(e)
	if e.Kind != Deliver || e.Sum != 0x9f00000000000001 || e.Len != 3 || !e.Is(HasFrom|HasPos|HasView|IsSafe) || x.Pos != 1 || x.View.Epoch != 1 {
		t.Errorf("the delivery reads as %+v %+v", *e, *x)
	}
	one := &h.Events[8]
	if h.MsgName(one.Msg) != "p/2/0/1" || one.Is(HasGroup) || h.NodeName(one.To) != "1" || h.SumText(one.Sum) != "any words" {
		t.Errorf("the one-to-one message reads as %+v", *one)
	}
	if !h.Groups[1].Closed || h.Groups[0].Closed || h.Epsilon != 5000 || h.Bounds["TIMELINESS"] != 1000000 || h.Model != CrashRecovery {
		t.Errorf("the header reads as %+v", h.Header)
	}
	if n := h.Topology; h.Costs["COST-PACKETS"] != 3 || n.Link("lan-1") != 1 || n.Link("lan-2") != -1 || n.Links[1].Metric != 2 ||
		!reflect.DeepEqual(n.Links[0].Nodes, []NodeID{0, 2}) || !reflect.DeepEqual(n.RPs, []NodeID{2}) || n.Metrics[1] != 3 {
		t.Errorf("the network reads as %+v", n)
	}
	if x := h.ExtraOf(&h.Events[2]); x.Link != "lan-1" || x.Via != "lan-0" || x.TTL != 7 {
		t.Errorf("the frame reads as %+v", *x)
	}
	if len(h.Byzantine) != 1 || h.NodeName(h.Byzantine[0]) != "p/2" {
		t.Errorf("the Byzantine nodes read as %v", h.Byzantine)
	}
	if x := h.ExtraOf(&h.Events[len(h.Events)-3]); x.Op != OpKept || x.Depth != 2 {
		t.Errorf("the copies kept read as %+v", *x)
	}
	h.Reset()
	if h.Topology == nil || h.Costs == nil || h.Bounds == nil || h.Settled || len(h.Events) != 0 {
		t.Errorf("reset leaves %+v", h.Header)
	}
}

const smallHeader = `{"schema":"conform.history/1","nodes":["0","1"],"groups":{"z":["1"],"g":["0","1"]},"settled":true}` + "\n"

// What is not written as we write it means the same.
func TestReadOtherSpellings(t *testing.T) {
	h, err := ReadHistory(strings.NewReader(smallHeader +
		" { \"kind\" : \"s\\u0065nd\", \"\\u006eode\":\"\\u0030\" ,\"t\":7,\"msg\":\"0/0/1\",\"group\":\"g\",\"safe\":false, \"zig\" : [ 1 ] } \r\n" +
		"{\"t\":5,\"node\":\"1\",\"kind\":\"crash\"}\n\n  \n"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"t":7,"node":"0","kind":"send","group":"g","msg":"0/0/1","zig":[ 1 ]}` + "\n" + `{"t":5,"node":"1","kind":"crash"}` + "\n"
	text := string(written(t, h))
	if _, got, _ := strings.Cut(text, "\n"); got != want {
		t.Errorf("written again\n%s\nwant\n%s", got, want)
	}
	if h.GroupName(0) != "g" || h.GroupName(1) != "z" || h.Events[0].Group != 0 {
		t.Errorf("groups are not numbered in the order of their names: %+v", h.Groups)
	}
}

func TestTruncatedHistory(t *testing.T) {
	crash := `{"t":5,"node":"1","kind":"crash"}`
	for cut := 1; cut < len(crash); cut++ {
		h, err := ReadHistory(strings.NewReader(smallHeader + crash + "\n" + crash[:cut]))
		if err != nil || !h.Truncated || h.Settled || len(h.Events) != 1 {
			t.Fatalf("cut to %q: %v, %+v", crash[:cut], err, h)
		}
	}
	for _, end := range []string{"", "\n", "\n\n"} {
		h, err := ReadHistory(strings.NewReader(smallHeader + crash + end))
		if err != nil || h.Truncated || !h.Settled || len(h.Events) != 1 {
			t.Fatalf("ended by %q: %v, %+v", end, err, h)
		}
	}
}

// A stream is read and written without a history that holds it, and in whatever pieces it comes.
func TestStream(t *testing.T) {
	text, err := os.ReadFile("testdata/all-kinds.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(iotest.OneByteReader(bytes.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := NewWriter(&b, r.History())
	for {
		e, x, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(e, x); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil || !bytes.Equal(b.Bytes(), text) {
		t.Errorf("%v, copied\n%s", err, b.Bytes())
	}
	if _, _, err := r.Next(); err != io.EOF || len(r.History().Events) != 0 || r.Line() != bytes.Count(text, []byte("\n")) {
		t.Errorf("after the end: %v, line %d", err, r.Line())
	}
}

func TestReaderGivesTheErrorOfItsSource(t *testing.T) {
	broken := errors.New("broken disk")
	source := io.MultiReader(strings.NewReader(smallHeader), iotest.ErrReader(broken))
	if _, err := ReadHistory(source); err != broken {
		t.Errorf("got %v", err)
	}
	if _, err := ReadHistory(iotest.ErrReader(broken)); err != broken {
		t.Errorf("got %v", err)
	}
}

func TestDigests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h History
		texts := rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.StringMatching(`[0-9a-f]{16}`), rapid.StringMatching(`[0-9A-F]{16}`))).Draw(t, "texts")
		seen := make(map[Digest]string)
		for _, text := range texts {
			d := h.ParseSum(text)
			if other, ok := seen[d]; ok && other != text {
				t.Fatalf("%q and %q have the digest %x", text, other, d)
			}
			seen[d] = text
			if got := h.SumText(d); got != text || h.ParseSum(text) != d {
				t.Fatalf("%q has the digest %x, which reads %q", text, d, got)
			}
		}
	})
	// Sixteen digits that are the value of a word that came before, and a word whose value is taken.
	var h History
	word := h.ParseSum("word")
	digits := (&History{}).SumText(word)
	if d := h.ParseSum(digits); d == word || h.SumText(d) != digits || h.SumText(word) != "word" {
		t.Errorf("%q has the digest %x of %q", digits, d, "word")
	}
}

func TestWriterRefuses(t *testing.T) {
	h := &History{Header: Header{Nodes: []string{"0"}, Groups: []Group{{Name: "g", Members: []NodeID{0}}}}}
	whole := Event{Kind: Send, Has: HasNode | HasGroup | HasMsg}
	for want, change := range map[string]func(*Event, *Extra){
		"none is no kind of event":                                                      func(e *Event, _ *Extra) { e.Kind = KindNone },
		"send at -1 ns: negative time":                                                  func(e *Event, _ *Extra) { e.T = -1 },
		"send at 0 ns: negative length":                                                 func(e *Event, _ *Extra) { e.Has, e.Len = e.Has|HasLen, -1 },
		"send at 0 ns: group 1 is not in the header":                                    func(e *Event, _ *Extra) { e.Group = 1 },
		"send at 0 ns: a node that is not in the header":                                func(e *Event, _ *Extra) { e.Msg.Sender = 1 },
		"send at 0 ns: member 5 is not in the header":                                   func(_ *Event, x *Extra) { x.Members = []NodeID{5} },
		"send at 0 ns: the sender of 5/0/0 is not in the header":                        func(_ *Event, x *Extra) { x.Msgs = []MsgID{{Sender: 5}} },
		"send at 0 ns: time to live 256 is not from 0 to 255":                           func(_ *Event, x *Extra) { x.TTL = 256 },
		"send at 0 ns: value {\n} is not JSON on one line":                              func(_ *Event, x *Extra) { x.Value = "{\n}" },
		`send at 0 ns: value 1,"a":2 is not JSON on one line`:                           func(_ *Event, x *Extra) { x.Value = `1,"a":2` },
		"send at 0 ns: send without msg: want node, msg, and group or to":               func(e *Event, _ *Extra) { e.Has &^= HasMsg },
		"send at 0 ns: send without node, group or to: want node, msg, and group or to": func(e *Event, _ *Extra) { e.Has = HasMsg },
		`extension at 0 ns: the text "y-" is no kind that begins with "x-"`:             func(e *Event, x *Extra) { e.Kind, x.Text = Extension, "y-" },
		`send at 0 ns: unknown fields "msg":1 are not the inside of a JSON object on one line, or have the name of a known one`: func(_ *Event, x *Extra) { x.Unknown = []byte(`"msg":1`) },
	} {
		e, x := whole, Extra{}
		change(&e, &x)
		w := NewWriter(io.Discard, h)
		wantError(t, w.Write(e, &x), want)
		if w.Write(whole, nil) == nil || w.Flush() == nil {
			t.Errorf("%s: writing goes on", want)
		}
	}
	for want, bad := range map[string]Header{
		`header: node name "" is empty or stands twice`:                                                           {Nodes: []string{""}},
		`header: group "g" is empty or not in the order of the names`:                                             {Groups: []Group{{Name: "h"}, {Name: "g"}}},
		`header: member 0 of group "g" is no node or stands twice`:                                                {Groups: []Group{{Name: "g", Members: []NodeID{0}}}},
		`header: negative epsilon -1`:                                                                             {Epsilon: -1},
		`header: unknown fields are not the inside of a JSON object on one line, or have the name of a known one`: {Unknown: []byte(`"nodes":1`)},
		`header: cost -1 of "A" is not from 0 to 2147483647`:                                                      {Costs: map[string]int{"A": -1}},
		`header: link name "" is empty or stands twice`:                                                           {Topology: &Topology{Links: []Link{{}}}},
		`header: metric -1 of link "l" is not from 0 to 2147483647`:                                               {Topology: &Topology{Links: []Link{{Name: "l", Metric: -1}}}},
		`header: the nodes of link "l" are not in ascending order`:                                                {Nodes: []string{"0", "1"}, Topology: &Topology{Links: []Link{{Name: "l", Nodes: []NodeID{1, 0}}}}},
		`header: node 1 of link "l" is no node or stands twice`:                                                   {Nodes: []string{"0"}, Topology: &Topology{Links: []Link{{Name: "l", Nodes: []NodeID{1}}}}},
		`header: node 0 of the RPs is no node or stands twice`:                                                    {Topology: &Topology{RPs: []NodeID{0}}},
		`header: routing "flood" is none of "dense", "sparse" and ""`:                                             {Topology: &Topology{Routing: "flood"}},
		`header: IGMP version 4 is not from 0 to 3`:                                                               {Topology: &Topology{IGMP: 4}},
		`header: 1 metrics: want 2 rows of 2, as there are nodes`:                                                 {Nodes: []string{"0", "1"}, Topology: &Topology{Metrics: []int{0}}},
		`header: metric 4294967296 needs more than 32 bits`:                                                       {Nodes: []string{"0"}, Topology: &Topology{Metrics: []int{1 << 32}}},
	} {
		wantError(t, WriteHistory(io.Discard, &History{Header: bad, Events: []Event{{Kind: Note}}}), want)
	}
}
