package membership

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
)

// The kinds of messages to the group, behind their number.
const (
	flushData = 1
	flushMark = 2
)

func sealFlush(out *impl.Effects, body []byte, n uint64, kind byte) []byte {
	b := out.Extend(body, 8+1)
	binary.LittleEndian.PutUint64(b[len(body):], n)
	b[len(b)-1] = kind
	return b
}

func openFlush(b []byte) (body []byte, n uint64, kind byte, ok bool) {
	body, h, ok := impl.Cut(b, 8+1)
	if !ok || h[8] != flushData && h[8] != flushMark {
		return nil, 0, 0, false
	}
	return body, binary.LittleEndian.Uint64(h), h[8], true
}

// numberRuns is a set of numbers of one sender, as runs without overlap, ascending. Where nothing is lost it has one.
type numberRuns []numberRun

type numberRun struct{ first, last uint64 }

// maxRuns bounds a set: beyond it the oldest hole counts as filled.
const maxRuns = 256

func (r *numberRuns) add(n uint64) {
	s := *r
	i := len(s)
	for i > 0 && s[i-1].first > n {
		i--
	}
	switch {
	case i > 0 && n <= s[i-1].last:
		return
	case i > 0 && s[i-1].last+1 == n:
		s[i-1].last = n
		if i < len(s) && s[i].first == n+1 {
			s[i-1].last = s[i].last
			s = append(s[:i], s[i+1:]...)
		}
	case i < len(s) && s[i].first == n+1:
		s[i].first = n
	default:
		s = append(s, numberRun{})
		copy(s[i+1:], s[i:])
		s[i] = numberRun{n, n}
	}
	if len(s) > maxRuns {
		s[1].first = s[0].first
		s = append(s[:0], s[1:]...)
	}
	*r = s
}

func (r numberRuns) has(n uint64) bool {
	for i := len(r) - 1; i >= 0; i-- {
		if r[i].first <= n {
			return n <= r[i].last
		}
	}
	return false
}

// hasAll says whether another set is part of this one.
func (r numberRuns) hasAll(s numberRuns) bool {
	k := 0
	for _, x := range s {
		for k < len(r) && r[k].last < x.first {
			k++
		}
		if k == len(r) || r[k].first > x.first || r[k].last < x.last {
			return false
		}
	}
	return true
}

func (r numberRuns) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(r)))
	for _, x := range r {
		b = binary.AppendUvarint(binary.AppendUvarint(b, x.first), x.last-x.first)
	}
	return b
}

func readRuns(r *newsReader) (s numberRuns) {
	n := r.number()
	r.bad = r.bad || n > maxRuns
	for end := uint64(0); n > 0 && !r.bad; n-- {
		x := numberRun{first: r.number()}
		x.last = x.first + r.number()
		r.bad = r.bad || x.first <= end || x.last < x.first
		end = x.last
		s = append(s, x)
	}
	return s
}
