package spec

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// maxNesting bounds the depth of JSON values that this version keeps without knowing them.
const maxNesting = 1000

// A scanner walks one line of JSON without copying it. On a mistake it remembers where, and what would have been
// right there; every method then answers false.
type scanner struct {
	b    []byte
	i    int
	want string
}

// A field is one name and value of an object. The slices point into the line.
type field struct {
	name  []byte // unescaped
	raw   []byte // the name as written, with its quotes
	value []byte // as written, without the spaces around it
}

func (s *scanner) fail(want string) bool {
	s.want = want
	return false
}

// reason says what is wrong with the line.
func (s *scanner) reason() string {
	if s.i >= len(s.b) {
		return fmt.Sprintf("bad JSON: want %s, found the end of the line", s.want)
	}
	r, size := utf8.DecodeRune(s.b[s.i:])
	if r == utf8.RuneError && size == 1 {
		return fmt.Sprintf("bad JSON at byte %d: want %s, found the byte 0x%02x, which is not UTF-8", s.i+1, s.want, s.b[s.i])
	}
	return fmt.Sprintf("bad JSON at byte %d: want %s, found %q", s.i+1, s.want, string(r))
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return
		}
	}
}

// skip takes the next character, after spaces, if it is c.
func (s *scanner) skip(c byte) bool {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

// line reads a line that is one object, and appends its fields.
func (s *scanner) line(fields []field) ([]field, bool) {
	if !utf8.Valid(s.b) {
		for s.i = 0; s.i < len(s.b); {
			r, size := utf8.DecodeRune(s.b[s.i:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			s.i += size
		}
		return fields, s.fail("UTF-8")
	}
	fields, ok := s.object(fields)
	if !ok {
		return fields, false
	}
	if s.space(); s.i < len(s.b) {
		return fields, s.fail("the end of the line after the object")
	}
	return fields, true
}

// object reads an object and appends its fields.
func (s *scanner) object(fields []field) ([]field, bool) {
	if !s.skip('{') {
		return fields, s.fail("a JSON object")
	}
	if s.skip('}') {
		return fields, true
	}
	for {
		s.space()
		start := s.i
		if !s.text() {
			return fields, s.fail("the name of a field")
		}
		f := field{raw: s.b[start:s.i]}
		f.name, _ = unquote(f.raw)
		if !s.skip(':') {
			return fields, s.fail("':' after the name of a field")
		}
		s.space()
		start = s.i
		if !s.anything(1) {
			return fields, false
		}
		f.value = s.b[start:s.i]
		fields = append(fields, f)
		if s.skip('}') {
			return fields, true
		}
		if !s.skip(',') {
			return fields, s.fail("',' or '}' after a field")
		}
	}
}

// anything reads one value of whatever type; depth counts the arrays and objects around it.
func (s *scanner) anything(depth int) bool {
	s.space()
	if s.i >= len(s.b) {
		return s.fail("a value")
	}
	switch c := s.b[s.i]; {
	case c == '"':
		return s.text()
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	case c != '[' && c != '{':
		return s.fail("a value")
	case depth > maxNesting:
		return s.fail(fmt.Sprintf("at most %d arrays and objects in each other", maxNesting))
	case c == '[':
		return s.array(depth)
	}
	return s.nested(depth)
}

func (s *scanner) word(w string) bool {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return s.fail("a value")
	}
	s.i += len(w)
	return true
}

func (s *scanner) array(depth int) bool {
	s.i++
	if s.skip(']') {
		return true
	}
	for {
		if !s.anything(depth + 1) {
			return false
		}
		if s.skip(']') {
			return true
		}
		if !s.skip(',') {
			return s.fail("',' or ']' after an element")
		}
	}
}

// nested is an object whose fields nobody asked for.
func (s *scanner) nested(depth int) bool {
	s.i++
	if s.skip('}') {
		return true
	}
	for {
		if s.space(); !s.text() {
			return s.fail("the name of a field")
		}
		if !s.skip(':') {
			return s.fail("':' after the name of a field")
		}
		if !s.anything(depth + 1) {
			return false
		}
		if s.skip('}') {
			return true
		}
		if !s.skip(',') {
			return s.fail("',' or '}' after a field")
		}
	}
}

// text reads a string with its quotes.
func (s *scanner) text() bool {
	if s.i >= len(s.b) || s.b[s.i] != '"' {
		return s.fail("a string")
	}
	for j := s.i + 1; j < len(s.b); j++ {
		switch c := s.b[j]; {
		case c == '"':
			s.i = j + 1
			return true
		case c == '\\':
			n := escapeLen(s.b[j:])
			if n == 0 {
				s.i = j
				return s.fail("an escape that JSON knows")
			}
			j += n - 1
		case c < ' ':
			s.i = j
			return s.fail("no control character in a string")
		}
	}
	s.i = len(s.b)
	return s.fail("'\"' at the end of a string")
}

// escapeLen gives the length of the escape sequence at the start of b, 0 where there is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) < 6 {
			return 0
		}
		for _, c := range b[2:6] {
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
				return 0
			}
		}
		return 6
	}
	return 0
}

// number reads a number as RFC 8259 has it.
func (s *scanner) number() bool {
	if s.b[s.i] == '-' {
		s.i++
	}
	if s.i < len(s.b) && s.b[s.i] == '0' {
		s.i++
	} else if !s.digits() {
		return false
	}
	if s.i < len(s.b) && s.b[s.i] == '.' {
		if s.i++; !s.digits() {
			return false
		}
	}
	if s.i < len(s.b) && s.b[s.i]|0x20 == 'e' {
		s.i++
		if s.i < len(s.b) && (s.b[s.i] == '+' || s.b[s.i] == '-') {
			s.i++
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	if s.i == start {
		return s.fail("a digit")
	}
	return true
}

// unquote gives what a string means: a part of the line itself where nothing is escaped. It answers false for a value
// that is no string.
func unquote(raw []byte) ([]byte, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return nil, false
	}
	for _, c := range raw {
		if c == '\\' {
			var text string
			if json.Unmarshal(raw, &text) != nil {
				return nil, false
			}
			return []byte(text), true
		}
	}
	return raw[1 : len(raw)-1], true
}
