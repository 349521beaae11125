package ordering

import (
	"fmt"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Form says how a message comes to the sequencer.
type Form uint8

// The forms.
const (
	BB Form = iota // the sender multicasts the message, the sequencer its number
	UB             // the sender sends it to the sequencer, which multicasts both
)

var formNames = [...]string{"bb", "ub"}

func (f Form) String() string {
	if int(f) < len(formNames) {
		return formNames[f]
	}
	return fmt.Sprintf("form(%d)", uint8(f))
}

// ParseForm is the inverse of [Form.String].
func ParseForm(s string) (Form, error) {
	for f, name := range formNames {
		if name == s {
			return Form(f), nil
		}
	}
	return 0, fmt.Errorf("unknown form %q: want bb or ub", s)
}

// Absence says what is done with a number whose message has not come.
type Absence uint8

// The ways to treat it. The last two are wrong.
const (
	Wait Absence = iota // nothing is delivered before it has come
	Skip                // the number is passed over, and the message never delivered
	Late                // the number is passed over, and the message delivered when it comes
)

// SequencerRules are the rules that the order rests on.
type SequencerRules struct {
	Numbers func(cfg *impl.Config, incarnation uint32) bool     // whether this node gives numbers
	Follows func(cfg *impl.Config, from spec.NodeID) bool       // whether the numbers of that node count
	Number  func(next uint64, again bool) (given, after uint64) // of a message that may come again; 0: it gets none
	Absent  func() Absence
	Rescan  func(delivered int) bool // whether to look for the next position after so many deliveries in this step

	Base     func(view, own uint64) uint64      // behind which a view's positions begin: by its id, or by the last one here
	Rest     func() bool                        // whether messages that have no number at the end of a view are delivered
	Renews   func() bool                        // ub: whether the next sequencer is asked again
	Stops    func(blocked bool) bool            // whether no numbers are given
	Presents func(asked, view uint64) bool      // ub: whether a request is of the view
	Again    func(next, position uint64) uint64 // the next position, when a sequencer that is back finds one that it has given
	Lapses   func() bool                        // whether such a sequencer gives again what the level has withdrawn
}
