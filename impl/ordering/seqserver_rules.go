package ordering

import (
	"fmt"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Holes says what becomes of a number that is never used.
type Holes uint8

// The ways to treat it.
const (
	FillHoles Holes = iota
	BlockHoles
)

var holesNames = [...]string{"fill", "block"}

func (h Holes) String() string {
	if int(h) < len(holesNames) {
		return holesNames[h]
	}
	return fmt.Sprintf("holes(%d)", uint8(h))
}

// ParseHoles is the inverse of [Holes.String].
func ParseHoles(s string) (Holes, error) {
	for h, name := range holesNames {
		if name == s {
			return Holes(h), nil
		}
	}
	return 0, fmt.Errorf("unknown treatment of holes %q: want fill or block", s)
}

// SeqServerRules are the rules that the order, and its progress, rest on.
type SeqServerRules struct {
	Numbers func(cfg *impl.Config, incarnation uint32) bool // whether this node gives numbers
	Answer  func(next, before uint64) (given, after uint64) // to a request that had that answer before; 0: none
	Turn    func(n, next uint64) bool                       // whether number n is delivered when the next is that one
	Rescan  func(delivered int) bool                        // whether to look for the next number after so many deliveries in this step
	Fills   func(holes Holes) bool                          // whether a hole is filled
	Overdue func(cfg *impl.Config) time.Duration            // how long after it was given a number is looked for
	Asks    func() bool                                     // whether somebody is asked before a no-op is ordered
	Holds   func() bool                                     // whether what comes after a "lack" waits for the server
	Patient func(silent spec.Time, cfg *impl.Config) bool   // whether one who does not answer is waited for
	Base    func(view, own uint64) uint64                   // behind which a view's numbers begin: by its id, or by the last one here
	Renews  func() bool                                     // whether the next server is asked again
}
