package spec

import (
	"fmt"
	"strconv"
	"strings"
)

// Reading of single values. What is given has passed the scanner, so it is one well-formed value; a reason says why
// it is not the one that was asked for.

// natural reads a whole number from 0 to limit.
func natural(v []byte, limit uint64, want string) (uint64, string) {
	n, ok := digitsValue(v, limit)
	if !ok {
		return 0, "want " + want + ", found " + excerpt(v)
	}
	return n, ""
}

// digitsValue reads decimal digits, and nothing else, up to limit.
func digitsValue(v []byte, limit uint64) (uint64, bool) {
	if len(v) == 0 {
		return 0, false
	}
	var n uint64
	for _, c := range v {
		d := uint64(c - '0')
		if c < '0' || c > '9' || d > limit || n > (limit-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

func boolean(v []byte) (bool, string) {
	switch string(v) {
	case "true":
		return true, ""
	case "false":
		return false, ""
	}
	return false, "want true or false, found " + excerpt(v)
}

// eachText hands every string of a list to take, and stops at the first reason.
func eachText(v []byte, want string, take func([]byte) string) string {
	return eachValue(v, want, func(v []byte) string {
		text, ok := unquote(v)
		if !ok {
			return "want " + want + ", found " + excerpt(v) + " in it"
		}
		return take(text)
	})
}

// eachValue hands every value of a list to take, and stops at the first reason.
func eachValue(v []byte, want string, take func([]byte) string) string {
	if v[0] != '[' {
		return "want " + want + ", found " + excerpt(v)
	}
	s := scanner{b: v, i: 1}
	if s.skip(']') {
		return ""
	}
	for {
		s.space()
		start := s.i
		s.anything(1)
		if reason := take(v[start:s.i]); reason != "" {
			return reason
		}
		if !s.skip(',') {
			return ""
		}
	}
}

// objectFields gives the fields of a value, if it is an object.
func objectFields(v []byte) ([]field, bool) {
	s := scanner{b: v}
	return s.object(nil)
}

// appendField appends an unknown field to the inside of an object.
func appendField(inside []byte, f field) []byte {
	if len(inside) > 0 {
		inside = append(inside, ',')
	}
	inside = append(inside, f.raw...)
	inside = append(inside, ':')
	return append(inside, f.value...)
}

// oneOf lists names for an error message, the first of many.
func oneOf(names []string) string {
	const most = 8
	if len(names) == 0 {
		return "none, since the header has none"
	}
	var b strings.Builder
	b.WriteString("one of ")
	for i, name := range names {
		if i == most {
			fmt.Fprintf(&b, " … (%d in all)", len(names))
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(clip(name)))
	}
	return b.String()
}

// excerpt is a value for an error message.
func excerpt(v []byte) string { return clip(string(v)) }

// clip shortens a text to what fits into a sentence.
func clip(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
