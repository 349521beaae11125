package suites

import (
	"fmt"
	"io"
	"slices"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/checkers/linear"
	"github.com/conform-go/conform/spec"
)

// judging joins the judges: those that walk a history, and those that search for an order of operations, which have a
// package of their own so that nobody else pays for the search. The zero value is ready. Not safe for concurrent use.
type judging struct {
	walk checkers.Judge
	h    *spec.History
}

// Load takes up a history, which must not change until the last check of it.
func (j *judging) Load(h *spec.History) {
	j.h = h
	j.walk.Load(h)
}

// Check judges one requirement on the loaded history.
func (j *judging) Check(id spec.ID) spec.Finding {
	if j.h != nil && slices.Contains(linear.Judged(), id) {
		return linear.Check(j.h, id, linear.Options{})
	}
	return j.walk.Check(id)
}

// Judged lists the requirements that this version judges, in the order of the catalogue.
func Judged() []spec.ID {
	var out []spec.ID
	for _, r := range spec.Catalogue() {
		if slices.Contains(checkers.Judged(), r.ID) || slices.Contains(linear.Judged(), r.ID) {
			out = append(out, r.ID)
		}
	}
	return out
}

// Drawable says whether the operations that a requirement is about can be drawn with [DrawOperations].
func Drawable(id spec.ID) bool { return slices.Contains(linear.Judged(), id) }

// DrawOperations writes a page of porcupine's that shows the operations on the object which has no order, and how far
// they can be put in one. The error is of the writer, or says that there is nothing to draw.
func DrawOperations(w io.Writer, h *spec.History, id spec.ID) error {
	if !Drawable(id) {
		return fmt.Errorf("%s is not about operations", id)
	}
	return linear.Draw(w, h, id, linear.Options{})
}
