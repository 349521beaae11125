package linear

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/spec"
)

// call is an operation in a drawn history.
type call struct {
	node   int
	op     string
	value  int
	answer string
	from   int // events
	to     int // -1 if it did not return
}

// copyOf is a single copy of an object, once more: all of its state as Go values.
type copyOf struct {
	last  int
	value string
	board []string
	set   map[int]bool
}

func newCopy() *copyOf { return &copyOf{value: "null", set: map[int]bool{0: true, 1: true}} }

func (c *copyOf) do(x call) string {
	switch x.op {
	case "next":
		c.last++
		return strconv.Itoa(c.last)
	case "add":
		n, _ := strconv.Atoi(c.value)
		c.value = strconv.Itoa(n + x.value)
		return c.value
	case "get":
		return c.value
	case "write", "put":
		c.value = strconv.Itoa(x.value)
	case "read":
		return c.value
	case "append":
		c.board = append(c.board, strconv.Itoa(x.value))
	case "list":
		return "[" + strings.Join(c.board, ",") + "]"
	case "join":
		c.set[x.node] = true
	case "leave":
		delete(c.set, x.node)
	case "query":
		var out []string
		for n := range 4 {
			if c.set[n] {
				out = append(out, strconv.Itoa(n))
			}
		}
		return strings.Join(out, ",")
	}
	return ""
}

// explained says whether some order of the calls, each in it or, without a return, perhaps not, gives these answers: it
// tries them all.
func explained(calls []call) bool {
	var order []int
	var try func() bool
	try = func() bool {
		if slices.IndexFunc(calls, func(x call) bool {
			return x.to >= 0 && !slices.ContainsFunc(order, func(k int) bool { return calls[k] == x })
		}) < 0 {
			c := newCopy()
			for _, k := range order {
				if answer := c.do(calls[k]); calls[k].to >= 0 && answer != calls[k].answer {
					return false
				}
			}
			return true
		}
		for k, x := range calls {
			if slices.Contains(order, k) {
				continue
			}
			early := true // nothing that ended before x began is still to come
			for l, y := range calls {
				early = early && (slices.Contains(order, l) || y.to < 0 || y.to > x.from)
			}
			if !early {
				continue
			}
			order = append(order, k)
			if try() {
				return true
			}
			order = order[:len(order)-1]
		}
		return false
	}
	return try()
}

// drawCalls plays a single copy, each operation at some point between its call and its return, and changes an answer
// now and then.
func drawCalls(t *rapid.T, ops []string) ([]call, string) {
	var calls []call
	var text []string
	open := map[int]int{} // node: its call
	done := map[int]bool{}
	c := newCopy()
	for range rapid.IntRange(2, 14).Draw(t, "events") {
		n := rapid.IntRange(0, 3).Draw(t, "node")
		k, busy := open[n]
		switch {
		case !busy && len(calls) < 6:
			x := call{node: n, op: rapid.SampledFrom(ops).Draw(t, "op"), value: len(calls), from: len(text), to: -1}
			word := strconv.Itoa(n) + ">" + x.op
			if slices.Contains([]string{"write", "put", "add", "append"}, x.op) {
				word += ":" + strconv.Itoa(x.value)
			}
			open[n] = len(calls)
			calls, text = append(calls, x), append(text, word)
		case busy && !done[k]:
			done[k] = true
			calls[k].answer = c.do(calls[k])
		case busy:
			if calls[k].answer != "" && rapid.IntRange(0, 5).Draw(t, "wrong") == 0 {
				calls[k].answer = wrong(t, calls[k])
			}
			calls[k].to = len(text)
			text = append(text, strconv.Itoa(n)+"="+calls[k].answer)
			delete(open, n)
		}
	}
	return calls, strings.Join(text, " ")
}

func wrong(t *rapid.T, x call) string {
	switch x.op {
	case "next", "read", "get", "add":
		return strconv.Itoa(rapid.IntRange(0, 5).Draw(t, "answer"))
	case "list":
		return rapid.SampledFrom([]string{"[]", "[0]", "[1]", "[1,0]", "[0,1]", "[0,2]"}).Draw(t, "answer")
	}
	return rapid.SampledFrom([]string{"0", "0,1", "1", "0,1,2", "0,2", "0,1,2,3"}).Draw(t, "answer")
}

// The judge says what trying every order says.
func TestBruteForce(t *testing.T) {
	for _, c := range []struct {
		id  spec.ID
		ops []string
	}{
		{Sequence, []string{"next"}},
		{State, []string{"read", "read", "write"}},
		{State, []string{"get", "put", "add"}},
		{State, []string{"list", "append"}},
		{Membership, []string{"join", "leave", "query", "query"}},
	} {
		passes, fails := 0, 0
		rapid.Check(t, func(t *rapid.T) {
			for range 25 {
				calls, text := drawCalls(t, c.ops)
				f := Check(parse(text), c.id, Options{})
				switch ok := explained(calls); {
				case f.Verdict == spec.Inconclusive && f.Antecedents == 0:
				case ok != (f.Verdict == spec.Pass) || ok != (f.Verdict != spec.Fail):
					t.Fatalf("%s %s: %+v, but explained %v", c.id, text, f, ok)
				case ok:
					passes++
				default:
					fails++
				}
			}
		})
		t.Logf("%s %v: %d passes, %d fails", c.id, c.ops, passes, fails)
		if passes < 20 || fails < 20 && !testing.Short() {
			t.Errorf("%s %v: too few of one kind: %d passes, %d fails", c.id, c.ops, passes, fails)
		}
	}
}
