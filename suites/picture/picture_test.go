package picture

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/conform-go/conform/suites"
)

func drawn(t *testing.T, r *suites.AcksReport) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Acks(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// textsOf reads the words of a picture, which must be well-formed XML.
func textsOf(t *testing.T, svg []byte) map[string]bool {
	t.Helper()
	texts := map[string]bool{}
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		if err != nil {
			t.Fatal(err)
		}
		if word, ok := token.(xml.CharData); ok {
			texts[strings.TrimSpace(string(word))] = true
		}
	}
}

// The picture has a title, axes with their units, and every series by name; two of one seed are equal.
func TestAcks(t *testing.T) {
	plan := suites.AcksPlan{Messages: 20, Loss: []int{0, 30}, Sizes: []int{2, 10, 50}, Seed: 3}
	var svgs [2][]byte
	for i := range svgs {
		r, err := suites.Acks(context.Background(), plan)
		if err != nil {
			t.Fatal(err)
		}
		svgs[i] = drawn(t, r)
		texts := textsOf(t, svgs[i])
		want := []string{"What acknowledging costs, over unicast", "packets lost, %", "ms (logarithmic)", "members (logarithmic)"}
		for k := range r.Implosion {
			want = append(want, r.Implosion[k].Level())
		}
		for _, word := range want {
			if !texts[word] {
				t.Errorf("no %q in the picture", word)
			}
		}
	}
	if !bytes.Equal(svgs[0], svgs[1]) {
		t.Error("two pictures of one seed differ")
	}
}

// What there is nothing of is drawn empty, and what can't be drawn is an error.
func TestOddPictures(t *testing.T) {
	textsOf(t, drawn(t, &suites.AcksReport{}))
	textsOf(t, drawn(t, &suites.AcksReport{Loss: []suites.AckCost{{Reliability: "a<b&c", Traffic: "one"}}}))
	p := picture{panels: []panel{{logY: true, series: []series{{name: "x"}}}}}
	if err := p.draw(broken{}); err == nil {
		t.Error("a writer's error is lost")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no more ink") }
