package mutant

// Logged lists the mutants of the levels with logs. They are not among All: they show only where every node that crashes
// comes back, and the judge takes one that did for correct. The slices are fresh.
func Logged() []Mutant { return durableMutants() }
