package checkers

import (
	"slices"
	"sort"

	"github.com/conform-go/conform/spec"
)

// wireSpan is a time in which nothing is promised, ends included.
type wireSpan struct{ from, to spec.Time }

// wireFault is a fault that has not been healed yet.
type wireFault struct {
	id   uint64 // of the fault; of a machine that stands still: its node
	span int    // in trouble
	kind spec.Kind
}

const forever = spec.Time(1) << 62

// readFault takes in what the harness broke or mended. Of a machine that it stopped, the crash or pause itself is
// recorded, and so the fault says nothing new.
func (w *wireIndex) readFault(h *spec.History, i int) {
	e := &h.Events[i]
	x := h.ExtraOf(e)
	if e.Kind == spec.Heal {
		w.mend(spec.Fault, x.ID, e.T)
		return
	}
	switch x.Text {
	case "crash", "crash-lossy", "pause", "router-down", "rp-down":
		if stopsAt(h, i) {
			return
		}
	}
	w.suffer(spec.Fault, x.ID, e.T)
}

// stopsAt says whether a machine stopped at the very time of an event.
func stopsAt(h *spec.History, i int) bool {
	at := h.Events[i].T
	first := i
	for first > 0 && h.Events[first-1].T == at {
		first--
	}
	for ; first < len(h.Events) && h.Events[first].T == at; first++ {
		if k := h.Events[first].Kind; k == spec.Crash || k == spec.Pause {
			return true
		}
	}
	return false
}

func (w *wireIndex) suffer(kind spec.Kind, id uint64, t spec.Time) {
	w.open = append(w.open, wireFault{id: id, span: len(w.trouble), kind: kind})
	w.trouble = append(w.trouble, wireSpan{t, forever})
}

func (w *wireIndex) mend(kind spec.Kind, id uint64, t spec.Time) {
	for k := len(w.open) - 1; k >= 0; k-- {
		if f := w.open[k]; f.kind == kind && f.id == id {
			w.trouble[f.span].to = t
			w.open = slices.Delete(w.open, k, k+1)
			return
		}
	}
	w.trouble = append(w.trouble, wireSpan{t, t})
}

// readTrouble takes in what happens to routers and switches. A router that stays away is a change like any other; what
// is left of a LAN without its switch is not the LAN any more.
func (w *wireIndex) readTrouble(e *spec.Event, o wireOp) {
	if o < wireCrash {
		return
	}
	role := w.roles[e.Node]
	switch {
	case role == 0:
	case o == wirePause, o == wireCrash && role&isSwitch != 0:
		w.suffer(e.Kind, uint64(e.Node), e.T)
	case o == wireResume:
		w.mend(spec.Pause, uint64(e.Node), e.T)
	case o == wireRecover && role&isSwitch != 0:
		w.mend(spec.Crash, uint64(e.Node), e.T)
	default: // if it was paused, it is not any more
		w.mend(spec.Pause, uint64(e.Node), e.T)
	}
}

// endTrouble brings the spans in order and makes those that overlap one.
func (w *wireIndex) endTrouble() {
	slices.SortFunc(w.trouble, func(a, b wireSpan) int {
		switch {
		case a.from < b.from:
			return -1
		case a.from > b.from:
			return 1
		}
		return 0
	})
	n := 0
	for _, s := range w.trouble {
		if n > 0 && s.from <= w.trouble[n-1].to {
			w.trouble[n-1].to = max(w.trouble[n-1].to, s.to)
			continue
		}
		w.trouble[n] = s
		n++
	}
	w.trouble = w.trouble[:n]
}

// quiet says whether nothing was broken, or happened to a router or switch, from one time to another, ends included.
// Before the record began nothing is known.
func (w *wireIndex) quiet(from, to spec.Time) bool {
	if from < 0 {
		return false
	}
	k := sort.Search(len(w.trouble), func(i int) bool { return w.trouble[i].to >= from })
	return k == len(w.trouble) || w.trouble[k].from > to
}
