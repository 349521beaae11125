package spec

import "math/bits"

// Rand is a small seeded generator (SplitMix64: Steele, Lea, Flood, OOPSLA 2014). It is a value: a stream for each
// purpose and node costs nothing, and one more draw from one stream changes no other.
type Rand struct{ state uint64 }

// NewRand makes the stream of a seed and a path of purposes.
func NewRand(seed uint64, path ...uint64) Rand {
	r := Rand{seed}
	for _, p := range path {
		r = Rand{r.Uint64() ^ p*0x9e3779b97f4a7c15}
	}
	return r
}

// Uint64 draws 64 bits.
func (r *Rand) Uint64() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// IntN draws from [0, n); 0 where n < 2.
func (r *Rand) IntN(n int) int {
	if n < 2 {
		return 0
	}
	hi, _ := bits.Mul64(r.Uint64(), uint64(n))
	return int(hi)
}

// Float64 draws from [0, 1).
func (r *Rand) Float64() float64 { return float64(r.Uint64()>>11) / (1 << 53) }

// Chance is true with probability p.
func (r *Rand) Chance(p float64) bool { return r.Float64() < p }
