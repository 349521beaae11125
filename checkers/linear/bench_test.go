package linear

import (
	"strconv"
	"strings"
	"testing"
)

// BenchmarkCheck judges what a short schedule leaves: four calls of the number server that overlap in pairs.
func BenchmarkCheck(b *testing.B) {
	for _, n := range []int{4, 64} {
		var text strings.Builder
		for k := 0; k < n; k += 2 {
			text.WriteString("0>fetch 1>fetch 1=" + strconv.Itoa(k+1) + " 0=" + strconv.Itoa(k+2) + " ")
		}
		h := parse(text.String())
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if f := Check(h, Sequence, Options{}); f.Witness != nil {
					b.Fatal(f)
				}
			}
		})
	}
}
