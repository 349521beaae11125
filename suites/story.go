package suites

import (
	"bytes"
	"encoding/json"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// shrinkBudget is how many runs shrinking one scenario may take.
const shrinkBudget = 300

// story shrinks a scenario that breaks a requirement and tells what happens in it. What keep refuses is another story:
// one with other faults, or of which nothing is promised.
func (b *bench) story(s *faults.Scenario, id spec.ID, keep func(*faults.Scenario) bool) *Story {
	budget := shrinkBudget
	if b.views { // members that come and go make schedules long
		budget *= 3
	}
	small, _ := faults.Shrink(s.Clone(), func(t *faults.Scenario) bool { return keep(t) && b.fails(t, id) }, budget)
	return b.tell(small, id)
}

// tell plays a scenario that breaks a requirement and makes its story; nil where it doesn't.
func (b *bench) tell(s *faults.Scenario, id spec.ID) *Story {
	if b.play(s) != nil {
		return nil
	}
	f := b.judge.Check(id)
	if f.Verdict != spec.Fail {
		return nil
	}
	s = s.Clone()
	s.Expect, s.Trace = id, b.world.Trace()
	token := s.Token()
	return &Story{ID: id, Text: f.Witness.Text, Scenario: s.String(), Replay: "conform replay " + token, Steps: len(s.Steps), token: token,
		Events: eventLines(&b.h, f.Witness.Events), Diagram: Diagram(&b.h, s, f.Witness.Events)}
}

// eventLines writes some events of a history as the lines of a file.
func eventLines(h *spec.History, events []int) []json.RawMessage {
	part := *h
	part.Events = nil
	for _, i := range events {
		part.Events = append(part.Events, h.Events[i])
	}
	var buf bytes.Buffer
	if err := spec.WriteHistory(&buf, &part); err != nil {
		return nil
	}
	lines := bytes.Split(bytes.TrimSpace(buf.Bytes()), []byte("\n"))
	var out []json.RawMessage
	for _, line := range lines[1:] {
		out = append(out, json.RawMessage(line))
	}
	return out
}
