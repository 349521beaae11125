package spec

// Claim is a promise: this requirement holds in every run whose faults are all of this model.
type Claim struct {
	ID    ID
	Under FaultSet
}

// Claims is what an implementation promises, in the order of the catalogue.
type Claims []Claim

// Get gives the model under which id is promised.
func (c Claims) Get(id ID) (FaultSet, bool) {
	for _, x := range c {
		if x.ID == id {
			return x.Under, true
		}
	}
	return 0, false
}

// Union gives every kind of fault that some claim tolerates.
func (c Claims) Union() FaultSet {
	var s FaultSet
	for _, x := range c {
		s |= x.Under
	}
	return s
}

// IDs lists the requirements.
func (c Claims) IDs() []ID {
	out := make([]ID, len(c))
	for i, x := range c {
		out[i] = x.ID
	}
	return out
}
