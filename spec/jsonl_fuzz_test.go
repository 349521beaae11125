package spec

import (
	"bytes"
	"os"
	"reflect"
	"testing"
)

// Whatever the bytes, reading never panics; and what is read can be written, and is then read as the same.
func FuzzReadHistory(f *testing.F) {
	golden, err := os.ReadFile("testdata/all-kinds.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	header, events, _ := bytes.Cut(golden, []byte("\n"))
	for event := range bytes.Lines(events) {
		f.Add(append(append(bytes.Clone(header), '\n'), event...))
	}
	for _, c := range malformedEvents {
		if len(c.text) < 2000 {
			f.Add([]byte(smallHeader + c.text))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := ReadHistory(bytes.NewReader(text))
		if err != nil {
			return
		}
		out := written(t, h)
		back, err := ReadHistory(bytes.NewReader(out))
		if err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		h.Truncated = false // a file that was cut off is written as one that just did not settle
		if !reflect.DeepEqual(h, back) {
			t.Fatalf("read %+v\nthen %+v\nin between\n%s", h, back, out)
		}
		if again := written(t, back); !bytes.Equal(again, out) {
			t.Fatalf("wrote\n%s\nthen\n%s", out, again)
		}
	})
}
