package spec

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// rareFields are the marks of what appendRare writes.
const rareFields = HasView | HasPos | HasID | HasOf | IsSafe | IsRedelivered | IsTransitional | IsCounted

// appendRare writes what few events carry, and what stands behind it.
func (p *Writer) appendRare(b []byte, e *Event, x *Extra) []byte {
	if e.Has&HasPos != 0 {
		b = strconv.AppendUint(append(b, `,"pos":`...), x.Pos, 10)
	}
	if e.Has&HasView != 0 {
		b = append(append(append(b, `,"view":"`...), x.View.String()...), '"')
	}
	if len(x.Members) > 0 || e.Kind == ViewChange {
		b = append(b, `,"members":[`...)
		for i, n := range x.Members {
			if i > 0 {
				b = append(b, ',')
			}
			b = p.appendNode(b, n)
		}
		b = append(b, ']')
	}
	b = appendMark(b, `,"transitional":true`, e.Has&IsTransitional)
	b = appendMark(b, `,"safe":true`, e.Has&IsSafe)
	b = appendMark(b, `,"redelivered":true`, e.Has&IsRedelivered)
	b = appendMark(b, `,"counted":true`, e.Has&IsCounted)
	if e.Has&HasID != 0 {
		b = strconv.AppendUint(append(b, `,"id":`...), x.ID, 10)
	}
	if e.Has&HasOf != 0 {
		b = strconv.AppendUint(append(b, `,"of":`...), x.Of, 10)
	}
	if len(x.Msgs) > 0 || e.Kind == Restore {
		b = append(b, `,"msgs":[`...)
		for i, m := range x.Msgs {
			if i > 0 {
				b = append(b, ',')
			}
			b = p.appendMsg(b, m)
		}
		b = append(b, ']')
	}
	return appendWords(b, e, x)
}

func appendMark(b []byte, text string, f Field) []byte {
	if f == 0 {
		return b
	}
	return append(b, text...)
}

func appendWords(b []byte, e *Event, x *Extra) []byte {
	b = appendWord(b, `,"object":`, x.Object, e.Kind == Invoke)
	b = appendWord(b, `,"op":`, x.Op, e.Kind == Invoke)
	if x.Value != "" {
		b = append(append(b, `,"value":`...), x.Value...)
	}
	b = appendWord(b, `,"reason":`, x.Reason, false)
	b = appendWord(b, `,"link":`, x.Link, false)
	b = appendWord(b, `,"via":`, x.Via, false)
	if x.TTL != 0 {
		b = strconv.AppendInt(append(b, `,"ttl":`...), int64(x.TTL), 10)
	}
	if x.Depth != 0 {
		b = strconv.AppendInt(append(b, `,"depth":`...), x.Depth, 10)
	}
	if e.Kind != Extension {
		b = appendWord(b, `,"text":`, x.Text, false)
	}
	if len(x.Unknown) > 0 {
		b = append(append(b, ','), x.Unknown...)
	}
	return b
}

func appendWord(b []byte, name, text string, always bool) []byte {
	if text == "" && !always {
		return b
	}
	return appendText(append(b, name...), text)
}

// appendHeader writes the first line.
func appendHeader(b []byte, h *Header) ([]byte, error) {
	if err := checkHeader(h); err != nil {
		return b, fmt.Errorf("header: %w", err)
	}
	b = append(b, `{"schema":"`+HistorySchema+`","nodes":[`...)
	for i, name := range h.Nodes {
		b = appendListed(b, i, name)
	}
	b = append(b, `],"groups":{`...)
	var closed []string
	for i := range h.Groups {
		g := &h.Groups[i]
		b = append(appendListed(b, i, g.Name), `:[`...)
		for j, n := range g.Members {
			b = appendListed(b, j, h.Nodes[n])
		}
		b = append(b, ']')
		if g.Closed {
			closed = append(closed, g.Name)
		}
	}
	b = append(b, '}')
	if len(closed) > 0 {
		b = append(b, `,"closed":[`...)
		for i, name := range closed {
			b = appendListed(b, i, name)
		}
		b = append(b, ']')
	}
	b = append(append(append(b, `,"model":"`...), h.Model.String()...), '"')
	b = appendSet(b, `,"byzantine":`, h.Byzantine, h)
	b = strconv.AppendBool(append(b, `,"settled":`...), h.Settled)
	if h.Epsilon != 0 {
		b = strconv.AppendInt(append(b, `,"epsilon":`...), int64(h.Epsilon), 10)
	}
	if len(h.Bounds) > 0 {
		b = append(b, `,"bounds":{`...)
		for i, name := range slices.Sorted(maps.Keys(h.Bounds)) {
			b = strconv.AppendInt(append(appendListed(b, i, name), ':'), int64(h.Bounds[name]), 10)
		}
		b = append(b, '}')
	}
	b = appendTopology(appendCosts(b, h), h)
	if len(h.Unknown) > 0 {
		b = append(append(b, ','), h.Unknown...)
	}
	if len(b) > MaxLine-1 {
		return b, fmt.Errorf("header of %d bytes: want at most %d", len(b)+1, MaxLine)
	}
	return append(b, '}', '\n'), nil
}

// checkHeader says why a header could not be read again.
func checkHeader(h *Header) error {
	seen := make(map[string]bool, len(h.Nodes))
	for _, name := range h.Nodes {
		if name == "" || seen[name] {
			return fmt.Errorf("node name %q is empty or stands twice", name)
		}
		seen[name] = true
	}
	for i := range h.Groups {
		g := &h.Groups[i]
		if g.Name == "" || i > 0 && h.Groups[i-1].Name >= g.Name {
			return fmt.Errorf("group %q is empty or not in the order of the names", g.Name)
		}
		members := make(map[NodeID]bool, len(g.Members))
		for _, n := range g.Members {
			if n < 0 || int(n) >= len(h.Nodes) || members[n] {
				return fmt.Errorf("member %d of group %q is no node or stands twice", n, g.Name)
			}
			members[n] = true
		}
	}
	if err := checkSet(h.Byzantine, "the Byzantine nodes", h); err != nil {
		return err
	}
	if h.Epsilon < 0 {
		return fmt.Errorf("negative epsilon %d", h.Epsilon)
	}
	for name, bound := range h.Bounds {
		if bound < 0 {
			return fmt.Errorf("negative bound %d of %q", bound, name)
		}
	}
	if err := checkNetwork(h); err != nil {
		return err
	}
	if len(h.Unknown) > 0 && !insideOfObject(h.Unknown, func(name []byte) bool {
		return !slices.Contains(headerNames, string(name))
	}) {
		return errors.New("unknown fields are not the inside of a JSON object on one line, or have the name of a known one")
	}
	return nil
}

func appendListed(b []byte, i int, text string) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return appendText(b, text)
}

// appendText writes a JSON string.
func appendText(b []byte, s string) []byte {
	return append(appendEscaped(append(b, '"'), s), '"')
}

// appendEscaped writes the inside of a JSON string, as short as it can be.
func appendEscaped(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[start:i]...), "\uFFFD"...)
				start = i + 1
			}
			i += size
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
		i++
		start = i
	}
	return append(b, s[start:]...)
}
