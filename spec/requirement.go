package spec

// ID names a requirement for ever: a retired one stays in the catalogue, marked withdrawn.
type ID string

// Class says how a requirement can be violated.
type Class uint8

const (
	Safety    Class = iota // a finite history proves the violation, whatever comes later
	Liveness               // only a settled run, or a declared bound that has passed, proves it
	Statistic              // judged over many runs, with a confidence bound
)

func (c Class) String() string {
	return [...]string{Safety: "safety", Liveness: "liveness", Statistic: "statistic"}[c]
}

// Family is the chapter of the catalogue that a requirement stands in.
type Family string

// The chapters of the catalogue.
const (
	Integrity   Family = "integrity"
	Reliability Family = "reliability"
	Order       Family = "order"
	Views       Family = "views"
	Byzantine   Family = "byzantine"
	Network     Family = "network"
)

// Requirement is one entry of the catalogue.
type Requirement struct {
	ID         ID
	Title      string // a few words
	Statement  string // what must hold, in one or two sentences
	Source     string // author, year, section or figure; RFC and section; empty where it is this project's own
	Family     Family
	Classes    []Class // most have one; ALL-OR-NOTHING has a half of each
	Needs      []Field // fields of events without which it can't be observed
	NeedsKinds []Kind  // kinds of events without which it can't be observed
	Antecedent string  // what must have occurred for a check to bite
	Test       string  // how it is tested, in a sentence
	Since      string  // version of the catalogue in which it appeared
	Withdrawn  string  // why it is no longer judged; empty for all that are
	Untestable string  // why no test can judge it; empty for all that can be
}

// Is says whether the requirement has a part of this class.
func (r *Requirement) Is(c Class) bool {
	for _, x := range r.Classes {
		if x == c {
			return true
		}
	}
	return false
}
