package impltest

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Input prints an input in one line.
func Input(in impl.Input) string {
	w := line{what: in.Kind.String()}
	switch in.Kind {
	case impl.Start:
		w.add("incarnation %d", in.Num)
	case impl.Ready:
		if in.Flag {
			w.add("kept %d", in.Num)
		}
	case impl.TimerFired:
		w.layer(in.Layer)
		w.add("%d", in.Num)
	case impl.Recovered, impl.Persisted, impl.StorageFailed:
		w.layer(in.Layer)
	case impl.Packet:
		w.add("from %d", in.From)
		w.to(in.To)
	case impl.Suspected, impl.Trusted:
		w.add("%d", in.From)
	case impl.GapFound:
		w.add("%d to %d of %d", in.Num, in.Last, in.From)
	case impl.Send:
		w.to(in.To)
	case impl.Refused:
		w.add("%v", in.Code)
	}
	w.rest(in.Ref, in.View, in.Body)
	return w.String()
}

// Effect prints an effect in one line.
func Effect(e *impl.Effect) string {
	w := line{what: e.Kind.String()}
	switch e.Kind {
	case impl.Down:
		w.to(e.To)
	case impl.CallDown:
		w.add("%v", e.Call)
	case impl.SetTimer:
		w.layer(e.Layer)
		w.add("%d at %v", e.Num, clock(e.At))
	case impl.StopTimer:
		w.layer(e.Layer)
		w.add("%d", e.Num)
	case impl.Truncate, impl.Append, impl.Persist:
		w.layer(e.Layer)
		if e.Kind == impl.Truncate {
			w.add("%d", e.Num)
		}
	case impl.Note:
		w.layer(e.Layer)
		w.add("%v %d %d", e.Code, e.Num, e.Last)
	case impl.Up:
		w.add("from %d", e.From)
		w.to(e.To)
		if e.Num != 0 {
			w.add("at position %d", e.Num)
		}
		if e.Flag {
			w.add("again")
		}
	case impl.Refuse:
		w.add("%v", e.Code)
	case impl.Suspect, impl.Trust:
		w.add("%d", e.From)
	case impl.Gap:
		w.add("%d to %d of %d", e.Num, e.Last, e.From)
	}
	w.rest(e.Ref, e.View, e.Body)
	return w.String()
}

// Effects prints effects, one after another, in one line.
func Effects(list []impl.Effect) string {
	if len(list) == 0 {
		return "nothing"
	}
	var parts []string
	for i := range list {
		parts = append(parts, Effect(&list[i]))
	}
	return strings.Join(parts, "; ")
}

// line is a line that is being written.
type line struct {
	what  string
	parts []string
}

func (w *line) add(format string, args ...any) {
	w.parts = append(w.parts, fmt.Sprintf(format, args...))
}

func (w *line) to(n spec.NodeID) {
	if n == impl.Everyone {
		w.add("to all")
	} else {
		w.add("to %d", n)
	}
}

func (w *line) layer(p impl.Path) {
	if p != 0 {
		w.what += p.String()
	}
}

func (w *line) rest(ref impl.Ref, v *spec.View, body []byte) {
	if ref != 0 {
		w.add("ref %d", ref)
	}
	if v != nil {
		w.add("view %v %v", v.ID, v.Members)
	}
	if body != nil {
		w.add("%s", bytesText(body))
	}
}

func (w *line) String() string { return strings.Join(append([]string{w.what}, w.parts...), " ") }

// bytesText prints the text that a body begins with, and what follows, headers, in hexadecimal.
func bytesText(b []byte) string {
	n := 0
	for n < len(b) && b[n] < unicode.MaxASCII && unicode.IsPrint(rune(b[n])) {
		n++
	}
	text := fmt.Sprintf("%q", b[:n])
	switch rest := b[n:]; {
	case len(rest) > 64:
		text += fmt.Sprintf(" %x… (%d bytes)", rest[:16], len(rest))
	case len(rest) > 0:
		text += fmt.Sprintf(" %x", rest)
	}
	return text
}
