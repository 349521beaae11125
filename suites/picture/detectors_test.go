package picture

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/conform-go/conform/suites"
)

// The picture has a panel of each figure for each trouble, and both detectors by name.
func TestDetectors(t *testing.T) {
	r, err := suites.MeasureDetectors(context.Background(), suites.DetectorsPlan{Runs: 1, Length: time.Second, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*suites.DetectorsReport{r, {}} {
		var b bytes.Buffer
		if err := Detectors(&b, r); err != nil {
			t.Fatal(err)
		}
		texts := textsOf(t, b.Bytes())
		for _, word := range []string{"fixed", "adaptive", "Detection time, by jitter", "packets lost, %"} {
			if !texts[word] {
				t.Errorf("no %q in the picture", word)
			}
		}
	}
}
