package spec

import (
	"strings"
	"testing"
)

func TestLiesParse(t *testing.T) {
	for l := range EveryLie + 1 {
		if got, err := ParseLie(l.String()); got != l || err != nil {
			t.Errorf("%s: %s, %v", l, got, err)
		}
	}
	if _, err := ParseLie("equivocate,cheat"); err == nil || !strings.Contains(err.Error(), `"cheat"`) {
		t.Errorf("error: %v", err)
	}
}
