package suites

import (
	"fmt"
	"io"
	"slices"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// ReplayOutdoors plays a scenario on the kernel, where it is another run each time: as often as it takes to see what is
// expected of it, and no more than a few times. The frames of the last run go to w as a capture (pcap), unless it is nil:
// all that hosts send, what they say of groups (IGMP), and what the switch asks.
func ReplayOutdoors(s *faults.Scenario, w io.Writer) (*Replayed, error) {
	subject, err := Playable(s)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	rules, err := subject.misled()
	if err != nil {
		return nil, fmt.Errorf("%w: %s on the kernel: %w", ErrUsage, subject.Name, err)
	}
	cell, wire, err := subject.cell.outdoors()
	if err != nil {
		return nil, fmt.Errorf("%w: %s on the kernel: %w", ErrUsage, subject.Name, err)
	}
	o := &outdoor{plan: &Plan{}, cell: cell, wire: wire, stack: cell.String(), lans: &lans{hosts: s.Nodes}, rules: rules}
	if subject.isMutant() {
		o.stack = subject.Name
	}
	o.prepare(nil)
	defer o.lans.close()
	lan, back, err := o.borrow(s.Nodes)
	if err != nil {
		return nil, err
	}
	defer back()
	if err := lan.Fits(s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	var r *Replayed
	for range again {
		long, err := o.play(lan, s)
		if err != nil {
			return nil, err
		}
		r = &Replayed{Schema: "conform.replay/1", Subject: subject.Name, Expect: s.Expect, Scenario: s.String(),
			Settled: o.bench.h.Settled, Events: len(o.bench.h.Events)}
		claims := slices.DeleteFunc(slices.Clone(subject.Claims), func(c spec.Claim) bool { return cell.unseen(c.ID) != "" || o.bench.outlasts(long, c.ID) || o.late(c) })
		r.judge(o.bench, s, cell, claims)
		for i := range r.Requirements {
			if x := r.Requirements[i].Witness; x != nil {
				x.Replay = "conform replay --world netns " + s.Token()
			}
		}
		if s.Expect == "" || o.bench.judge.Check(s.Expect).Verdict == spec.Fail {
			break
		}
	}
	if w == nil {
		return r, r.capture(&o.pcap)
	}
	if _, err := w.Write(o.pcap.Bytes()); err != nil {
		return nil, err
	}
	return r, nil
}
