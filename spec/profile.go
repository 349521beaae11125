package spec

import "slices"

// Profile is what an implementation that goes by a common name is measured against.
type Profile struct {
	Name   string // as `--profile` takes it
	Title  string
	Must   []ID // all of these hold, or it does not conform; in the order of the catalogue
	Should []ID // judged and reported, without a say in the result
}

type profileDraft struct {
	name, title string
	levels      []string // the levels that it must reach
	should      []ID
}

var profileDrafts = []profileDraft{
	{
		name: "best-effort", title: "Everyone delivers as long as the sender lives", levels: []string{"best-effort"},
		should: []ID{"SENDER-INTEGRITY", "CLOSED-GROUP", "TAIL-RECOVERY", "BOUNDED-OVERFLOW"},
	},
	{
		name: "reliable", title: "All correct members deliver the same, though the sender crashes half way", levels: []string{"reliable"},
		should: []ID{"SENDER-INTEGRITY", "CLOSED-GROUP", "UNIFORM-AGREEMENT", "TAIL-RECOVERY", "STABILITY-TRIM", "BOUNDED-OVERFLOW"},
	},
	{
		name: "fifo", title: "Reliable, and one sender's messages in their order", levels: []string{"reliable", "fifo"},
		should: []ID{"SENDER-INTEGRITY", "CLOSED-GROUP", "TAIL-RECOVERY", "BOUNDED-OVERFLOW"},
	},
	{
		name: "causal", title: "Reliable, and causes before effects", levels: []string{"reliable", "fifo", "causal"},
		should: []ID{"SENDER-INTEGRITY", "CLOSED-GROUP", "TAIL-RECOVERY", "BOUNDED-OVERFLOW"},
	},
	{
		name: "total", title: "Everyone that delivers, delivers in one order", levels: []string{"best-effort", "total"},
		should: []ID{"SENDER-INTEGRITY", "CLOSED-GROUP", "UNIFORM-TOTAL-ORDER", "UNIFORM-TOTAL-GAPFREE", "POSITION-AGREEMENT"},
	},
	{
		name: "atomic", title: "Reliable, and in one order", levels: []string{"atomic"},
		should: []ID{"SENDER-INTEGRITY", "CLOSED-GROUP", "UNIFORM-AGREEMENT", "UNIFORM-TOTAL-ORDER", "UNIFORM-TOTAL-GAPFREE",
			"NO-CONTAMINATION", "POSITION-AGREEMENT"},
	},
	{
		name: "durable", title: "Reliable, and nothing acknowledged is ever lost", levels: []string{"durable"},
		should: []ID{"SENDER-INTEGRITY", "UNIFORM-AGREEMENT", "STABILITY-TRIM", "BOUNDED-OVERFLOW", "GROUP-RESTART"},
	},
	{
		name: "view-synchronous", title: "Members agree on who they are, and on what they delivered as such",
		levels: []string{"reliable", "view-synchronous"},
		should: []ID{"JOIN-TRANSFER", "PRIMARY-COMPONENT", "VIEW-OVERLAP", "TRANSITIONAL-SET",
			"SUCCESSOR-AGREEMENT", "DETECTOR-COMPLETENESS", "SAFE-DELIVERY"},
	},
}

// Profiles lists the profiles, the weakest promises first. They are fresh copies.
func Profiles() []Profile {
	out := make([]Profile, len(profileDrafts))
	for i, d := range profileDrafts {
		out[i] = d.profile()
	}
	return out
}

// LookupProfile gives the profile of a name.
func LookupProfile(name string) (*Profile, bool) {
	for _, d := range profileDrafts {
		if d.name == name {
			p := d.profile()
			return &p, true
		}
	}
	return nil, false
}

func (d profileDraft) profile() Profile {
	var must []ID
	for _, name := range d.levels {
		ids, _ := Level(name)
		must = append(must, ids...)
	}
	return Profile{
		Name: d.name, Title: d.title,
		Must: catalogueOrder(must), Should: catalogueOrder(slices.Clone(d.should)),
	}
}
