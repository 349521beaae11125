package spec

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// flushAt is how many bytes a Writer gathers before it writes.
const flushAt = 32 << 10

// Writer writes a history of the schema [HistorySchema], one event after the other. The bytes depend on the events
// only: fields stand in a fixed order, and what is absent or false is left out. It refuses what a [Reader] would
// refuse, but for text that is not UTF-8, of which it replaces the bad bytes by U+FFFD.
type Writer struct {
	w      io.Writer
	h      *History
	buf    []byte
	err    error
	nodes  []string // the names, escaped
	groups []string // the names, escaped and quoted
}

// NewWriter writes the header of h. It takes names and digests from h, also those that h comes to know later. An
// error is given by the next call.
func NewWriter(w io.Writer, h *History) *Writer {
	p := &Writer{w: w, h: h, buf: make([]byte, 0, flushAt+4<<10)}
	for _, name := range h.Nodes {
		p.nodes = append(p.nodes, string(appendEscaped(nil, name)))
	}
	for i := range h.Groups {
		p.groups = append(p.groups, string(appendText(nil, h.Groups[i].Name)))
	}
	p.buf, p.err = appendHeader(p.buf, &h.Header)
	return p
}

// Write writes one event with its rare part; where x is nil, that is what e points to in the history of [NewWriter].
// It gives an error for an event that cannot be read again, as a send without a message or with a node that the
// header lacks, or when the underlying writer gave one. After an error nothing more is written.
func (p *Writer) Write(e Event, x *Extra) error {
	if p.err != nil {
		return p.err
	}
	if x == nil {
		x = &noExtra
		if e.Extra != 0 && int(e.Extra) < len(p.h.Extras) {
			x = &p.h.Extras[e.Extra]
		}
	}
	start := len(p.buf)
	if p.err = p.check(&e, x); p.err != nil {
		return p.err
	}
	p.buf = p.appendEvent(p.buf, &e, x)
	if n := len(p.buf) - start - 1; n > MaxLine {
		p.buf = p.buf[:start]
		p.err = fmt.Errorf("%s at %d ns: a line of %d bytes, want at most %d", e.Kind, e.T, n, MaxLine)
		return p.err
	}
	if len(p.buf) >= flushAt {
		return p.Flush()
	}
	return nil
}

// noExtra is the rare part of events that have none. Nobody writes to it.
var noExtra Extra

// Flush hands all that was written to the underlying writer.
func (p *Writer) Flush() error {
	if p.err == nil && len(p.buf) > 0 {
		_, p.err = p.w.Write(p.buf)
		p.buf = p.buf[:0]
	}
	return p.err
}

// WriteHistory writes a whole history of the schema [HistorySchema]. That it was truncated is not written, but then
// it is not settled.
func WriteHistory(w io.Writer, h *History) error {
	p := NewWriter(w, h)
	if p.err != nil {
		return p.err
	}
	for i := range h.Events {
		if err := p.Write(h.Events[i], nil); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
	}
	return p.Flush()
}

// check says why an event could not be read again.
func (p *Writer) check(e *Event, x *Extra) error {
	switch {
	case e.Kind == KindNone || e.Kind >= kinds:
		return fmt.Errorf("%s is no kind of event", e.Kind)
	case e.T < 0:
		return fmt.Errorf("%s at %d ns: negative time", e.Kind, e.T)
	case e.Has&HasLen != 0 && e.Len < 0:
		return fmt.Errorf("%s at %d ns: negative length", e.Kind, e.T)
	case e.Has&HasGroup != 0 && (e.Group < 0 || int(e.Group) >= len(p.groups)):
		return fmt.Errorf("%s at %d ns: group %d is not in the header", e.Kind, e.T, e.Group)
	case e.Kind == Extension && (len(x.Text) < 3 || x.Text[:2] != "x-"):
		return fmt.Errorf("extension at %d ns: the text %q is no kind that begins with \"x-\"", e.T, x.Text)
	}
	// The lists and names of these are always written, if only as empty ones.
	lacks := missing(e.Kind, columnsOf(e.Has)|colMembers|colMsgs|colObject|colOp)
	if lacks != "" {
		return fmt.Errorf("%s at %d ns: %s", e.Kind, e.T, lacks)
	}
	if e.Has&HasNode != 0 && !p.knows(e.Node) || e.Has&HasTo != 0 && !p.knows(e.To) ||
		e.Has&HasFrom != 0 && !p.knows(e.From) || e.Has&HasMsg != 0 && !p.knows(e.Msg.Sender) {
		return fmt.Errorf("%s at %d ns: a node that is not in the header", e.Kind, e.T)
	}
	if x == &noExtra {
		return nil
	}
	return p.checkExtra(e, x)
}

func (p *Writer) checkExtra(e *Event, x *Extra) error {
	for _, n := range x.Members {
		if !p.knows(n) {
			return fmt.Errorf("%s at %d ns: member %d is not in the header", e.Kind, e.T, n)
		}
	}
	for _, m := range x.Msgs {
		if !p.knows(m.Sender) {
			return fmt.Errorf("%s at %d ns: the sender of %s is not in the header", e.Kind, e.T, m)
		}
	}
	if x.TTL < 0 || x.TTL > math.MaxUint8 {
		return fmt.Errorf("%s at %d ns: time to live %d is not from 0 to 255", e.Kind, e.T, x.TTL)
	}
	if x.Value != "" && !oneValue([]byte(x.Value)) {
		return fmt.Errorf("%s at %d ns: value %s is not JSON on one line", e.Kind, e.T, clip(x.Value))
	}
	if len(x.Unknown) > 0 && !insideOfObject(x.Unknown, func(name []byte) bool {
		c := columnOf(name)
		return c == 0 || e.Kind == Extension && c&(colT|colNode|colKind|columnsOf(e.Has)) == 0
	}) {
		return fmt.Errorf("%s at %d ns: unknown fields %s are not the inside of a JSON object on one line, or have the name of a known one",
			e.Kind, e.T, clip(string(x.Unknown)))
	}
	return nil
}

func (p *Writer) knows(n NodeID) bool { return n >= 0 && int(n) < len(p.nodes) }

// oneValue says whether a text is one JSON value, on one line and with no spaces around it.
func oneValue(v []byte) bool {
	s := scanner{b: append(append([]byte(`{"":`), v...), '}')}
	fields, ok := s.line(nil)
	return ok && len(fields) == 1 && len(fields[0].value) == len(v) && !slices.Contains(v, '\n')
}

// insideOfObject says whether a text is the inside of a JSON object, on one line, whose names are all allowed.
func insideOfObject(inside []byte, allowed func(name []byte) bool) bool {
	s := scanner{b: append(append([]byte{'{'}, inside...), '}')}
	fields, ok := s.line(nil)
	if !ok || slices.Contains(inside, '\n') {
		return false
	}
	return !slices.ContainsFunc(fields, func(f field) bool { return !allowed(f.name) })
}

func (p *Writer) appendEvent(b []byte, e *Event, x *Extra) []byte {
	b = append(b, `{"t":`...)
	b = strconv.AppendInt(b, int64(e.T), 10)
	if e.Has&HasNode != 0 {
		b = p.appendNode(append(b, `,"node":`...), e.Node)
	}
	b = append(b, `,"kind":`...)
	if e.Kind == Extension {
		b = appendText(b, x.Text)
	} else {
		b = append(append(append(b, '"'), kindNames[e.Kind]...), '"')
	}
	if e.Has&HasGroup != 0 {
		b = append(append(b, `,"group":`...), p.groups[e.Group]...)
	}
	if e.Has&HasTo != 0 {
		b = p.appendNode(append(b, `,"to":`...), e.To)
	}
	if e.Has&HasMsg != 0 {
		b = p.appendMsg(append(b, `,"msg":`...), e.Msg)
	}
	if e.Has&HasSum != 0 {
		b = p.appendSum(append(b, `,"sum":`...), e.Sum)
	}
	if e.Has&HasFrom != 0 {
		b = p.appendNode(append(b, `,"from":`...), e.From)
	}
	if e.Has&HasLen != 0 {
		b = strconv.AppendInt(append(b, `,"len":`...), int64(e.Len), 10)
	}
	if e.Has&rareFields != 0 || e.Kind == Restore || e.Kind == Invoke || x != &noExtra {
		b = p.appendRare(b, e, x)
	}
	return append(b, '}', '\n')
}

func (p *Writer) appendNode(b []byte, n NodeID) []byte {
	return append(append(append(b, '"'), p.nodes[n]...), '"')
}

func (p *Writer) appendMsg(b []byte, m MsgID) []byte {
	b = append(append(append(b, '"'), p.nodes[m.Sender]...), '/')
	b = strconv.AppendUint(b, uint64(m.Incarnation), 10)
	b = strconv.AppendUint(append(b, '/'), m.Number, 10)
	return append(b, '"')
}

func (p *Writer) appendSum(b []byte, d Digest) []byte {
	if len(p.h.digests) > 0 {
		if text, ok := p.h.digests[d]; ok {
			return appendText(b, text)
		}
	}
	b = append(b, '"')
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[d>>shift&15])
	}
	return append(b, '"')
}
