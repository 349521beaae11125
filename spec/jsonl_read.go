package spec

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// MaxLine is the length in bytes that a line of a history may have, its end not counted.
const MaxLine = 1 << 20

// SyntaxError says where a history file is not what [HistorySchema] demands. The reason names what was found and
// what was expected.
type SyntaxError struct {
	Line   int // from 1
	Reason string
}

// Error gives "line 3: " and the reason.
func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// Reader reads a history of the schema [HistorySchema], one event after the other, and holds none of them.
//
// Times need not rise: the order of the lines is the order of observation. Blank lines may stand at the end only. A
// last line that has no end and is not JSON was cut off: it is left out, the history is then Truncated and not
// settled, and that is no error. Fields of events and of the header that this version does not know are kept; an
// unknown kind is an error. Of an event of a kind "x-…", which is anybody's, only t, node and kind must be as usual:
// any other field that is not is kept as an unknown one.
type Reader struct {
	in     *bufio.Reader
	long   []byte // a line that does not fit into the buffer of in
	number int    // of the line read last
	blank  int    // the first blank line, 0 for none
	err    error  // what every further call gives
	h      *History
	names  names
	fields []field
	extra  Extra
}

// NewReader reads the header line. The error is a [SyntaxError], or what r gave.
func NewReader(r io.Reader) (*Reader, error) {
	p := &Reader{
		in:    bufio.NewReaderSize(r, 64<<10),
		h:     &History{},
		names: names{nodes: make(map[string]NodeID), groups: make(map[string]GroupID)},
	}
	line, _, err := p.line()
	if err == io.EOF {
		p.number = 1
		return nil, p.syntax("empty: want the header, as " + headerExample)
	}
	if err != nil {
		return nil, err
	}
	if reason := p.header(line); reason != "" {
		return nil, p.syntax(reason)
	}
	return p, nil
}

// Header gives what the first line says. When the last line was cut off, Settled becomes false at the end.
func (r *Reader) Header() *Header { return &r.h.Header }

// History gives the header, and the names and digests of what was read so far, without events: enough to print an
// event, and to write it again with [NewWriter]. Truncated is known when [Reader.Next] has given io.EOF.
func (r *Reader) History() *History { return r.h }

// Line gives the number of the line read last, from 1.
func (r *Reader) Line() int { return r.number }

// Next reads one event, and its rare part, nil where it has none; the rare part is overwritten by the next call, what
// its fields point to is not. At the end the error is io.EOF; otherwise it is a [SyntaxError], or what the underlying
// reader gave, and every further call gives it again.
func (r *Reader) Next() (Event, *Extra, error) {
	if r.err != nil {
		return Event{}, nil, r.err
	}
	e, x, err := r.next()
	if err != nil {
		r.err = err
		return Event{}, nil, err
	}
	return e, x, nil
}

func (r *Reader) next() (Event, *Extra, error) {
	for {
		line, ended, err := r.line()
		if err != nil {
			return Event{}, nil, err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			if r.blank == 0 {
				r.blank = r.number
			}
			continue
		}
		if r.blank != 0 {
			r.number = r.blank
			return Event{}, nil, r.syntax("blank line: want an event; only the end of a file may have blank lines")
		}
		s := scanner{b: line}
		fields, ok := s.line(r.fields[:0])
		r.fields = fields
		if !ok && !ended {
			r.h.Truncated, r.h.Settled = true, false
			return Event{}, nil, io.EOF
		}
		if !ok {
			return Event{}, nil, r.syntax(s.reason())
		}
		e, rare, reason := r.event()
		if reason != "" {
			return Event{}, nil, r.syntax(reason)
		}
		if !rare {
			return e, nil, nil
		}
		return e, &r.extra, nil
	}
}

// line reads up to the next end of a line, and says whether there was one. The bytes are good until the next call.
func (r *Reader) line() (line []byte, ended bool, err error) {
	r.number++
	line, err = r.in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		r.long = r.long[:0]
		for err == bufio.ErrBufferFull && len(r.long) <= MaxLine {
			r.long = append(r.long, line...)
			line, err = r.in.ReadSlice('\n')
		}
		r.long = append(r.long, line...)
		line = r.long
	}
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line, ended = line[:n-1], true
	}
	switch {
	case len(line) > MaxLine:
		return nil, false, r.syntax(fmt.Sprintf("line too long: want at most %d bytes", MaxLine))
	case err == nil, err == io.EOF && len(line) > 0:
		return line, ended, nil
	}
	r.number--
	return nil, false, err
}

func (r *Reader) syntax(reason string) error { return &SyntaxError{Line: r.number, Reason: reason} }

// ReadHistory reads a whole history of the schema [HistorySchema]; see [Reader] for what it accepts. It gives no
// history with an error, which is a [SyntaxError] or what r gave.
func ReadHistory(r io.Reader) (*History, error) {
	p, err := NewReader(r)
	if err != nil {
		return nil, err
	}
	for {
		e, x, err := p.Next()
		switch {
		case err == io.EOF:
			return p.h, nil
		case err != nil:
			return nil, err
		case x != nil:
			p.h.AddExtra(e, *x)
		default:
			p.h.Add(e)
		}
	}
}
