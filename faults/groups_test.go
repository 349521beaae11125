package faults

import (
	"fmt"
	"slices"
	"testing"

	"github.com/conform-go/conform/spec"
)

const groupsText = `conform.scenario/1
nodes 6
group g 0 1
group h 1 2
group i 2 3
at 0s send 0 h 8
at 0s send 1 to 2 8
at 0s send 0 to 3 8
at 0s send 4 to 3 8
at 0s join 3 h
at 0s crash 4
`

// A node has stacks for the groups that it is in, that it calls or sends to, and of those that send to it alone; one
// that has nothing to do with any of them, for all.
func TestStacksOfNodes(t *testing.T) {
	s, err := Parse(groupsText)
	if err != nil {
		t.Fatal(err)
	}
	want := "[[0 1] [0 1] [1 2] [0 1 2] [2] [0 1 2]]"
	if got := fmt.Sprint(s.Stacks()); got != want {
		t.Errorf("stacks of %s, want %s", got, want)
	}
	if got := fmt.Sprint((&Scenario{Nodes: 2, Steps: []Step{{Action: Action{Op: Send, Node: 0, To: 1}}}}).Stacks()); got != "[[] []]" {
		t.Errorf("without a group: %s", got)
	}
}

// A message to one node goes over the first group of both, or else of the sender, or else of the receiver.
func TestGroupBetweenTwoNodes(t *testing.T) {
	s, err := Parse(groupsText)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		a, b spec.NodeID
		want spec.GroupID
	}{{0, 1, 0}, {1, 0, 0}, {1, 2, 1}, {2, 3, 2}, {1, 1, 0}, {0, 3, 0}, {3, 0, 2}, {4, 3, 2}, {4, 5, 0}, {4, 2, 1}} {
		if got := s.Between(c.a, c.b); got != c.want {
			t.Errorf("from %d to %d: group %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// Drawn groups overlap, and every one of them is used.
func TestDrawnGroupsOverlap(t *testing.T) {
	sent := map[spec.GroupID]int{}
	for seed := range uint64(200) {
		s := Draw(seed, Params{Groups: 4, MinNodes: 4, Joins: true})
		if err := s.Validate(); err != nil || len(s.Groups) != 4 {
			t.Fatalf("%d groups, %v", len(s.Groups), err)
		}
		for i := range s.Steps {
			if a := &s.Steps[i].Action; a.Op == Send {
				sent[a.Group]++
			}
		}
		if back, err := Parse(s.String()); err != nil || back.String() != s.String() {
			t.Fatalf("%v\n%s", err, s)
		}
	}
	for g := range spec.GroupID(4) {
		if sent[g] < 100 {
			t.Errorf("%d sends to group %d", sent[g], g)
		}
	}
}

// Of groups that are to overlap any two share two nodes, each is sent to, and some scenarios have three.
func TestDrawnGroupsShareTwoNodes(t *testing.T) {
	count := map[int]int{}
	for seed := range uint64(400) {
		p := Params{Overlaps: true, OneToOne: seed%2 == 0, NonMember: true, MinNodes: 3, MaxNodes: 5}
		s := Draw(seed, p)
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		count[len(s.Groups)]++
		for i := range s.Groups {
			if !slices.ContainsFunc(s.Steps, func(x Step) bool {
				return x.Action.Op == Send && x.Action.To < 0 && x.Action.Group == spec.GroupID(i)
			}) {
				t.Errorf("seed %d: nothing is sent to group %d\n%s", seed, i, s)
			}
			for k := range i {
				shared := 0
				for _, m := range s.Groups[i].Members {
					if slices.Contains(s.Groups[k].Members, m) {
						shared++
					}
				}
				if shared < 2 {
					t.Errorf("seed %d: groups %d and %d share %d nodes\n%s", seed, i, k, shared, s)
				}
			}
		}
		if b, exact := Encode(s, p); !exact || Decode(b, p).String() != s.String() {
			t.Fatalf("seed %d is not encoded exactly\n%s", seed, s)
		}
	}
	if count[2] < 200 || count[3] < 60 || len(count) != 2 {
		t.Errorf("scenarios by number of groups: %v", count)
	}
}
