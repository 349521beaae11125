package suites

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// Replayed is one scenario played again (conform.replay/1).
type Replayed struct {
	Schema       string       `json:"schema"`
	Subject      string       `json:"subject"`
	Expect       spec.ID      `json:"expect,omitempty"`
	Scenario     string       `json:"scenario"`
	Settled      bool         `json:"settled"`
	Events       int          `json:"events"`
	Recorded     bool         `json:"recorded"`             // the scenario carries the trace of a run
	SameTrace    bool         `json:"same_trace"`           // and this run has the same
	Departs      string       `json:"departs,omitempty"`    // where it does not
	Requirements []Row        `json:"requirements"`         // what the subject claims, and what was expected to break
	NotJudged    []spec.ID    `json:"not_judged,omitempty"` // liveness that is not promised because faults may outlast TL, packets did not fit, or one that is waited for is dead
	Unplayed     []string     `json:"unplayed,omitempty"`   // steps whose moment never came
	Beyond       []spec.ID    `json:"beyond,omitempty"`     // broken in this run, and not promised under its faults
	Changes      []Change     `json:"changes,omitempty"`    // listeners that came and left, on a network of links
	Frames       string       `json:"frames,omitempty"`     // the file with the frames of this run, if it broke something on the kernel
	Verdict      spec.Verdict `json:"verdict"`

	Diagram string       `json:"-"`
	History spec.History `json:"-"`
}

// Playable finds the subject of a scenario, and says what in the scenario it can't play, before anything is executed.
func Playable(s *faults.Scenario) (*Subject, error) {
	if s.Subject == "" {
		return nil, fmt.Errorf("the scenario names no subject: want a line like \"subject unicast/reliable/causal\"")
	}
	if s.Subject == AdapterSubject || s.Subject == MaelstromSubject {
		return nil, errPlayedByAdapter
	}
	subject, err := ParseSubject(s.Subject)
	if err != nil {
		return nil, fmt.Errorf("subject: %w", err)
	}
	if s.Expect != "" {
		if _, err := spec.ParseClaims([]string{string(s.Expect)}); err != nil {
			return nil, fmt.Errorf("expect: %w", err)
		}
	}
	if err := subject.cell.Applicable(); err != nil {
		return nil, fmt.Errorf("%s makes no sense: %w", subject.Name, err)
	}
	if err := subject.cell.fits(s); err != nil {
		return nil, err
	}
	for i := range s.Steps {
		st := &s.Steps[i]
		switch st.Action.Op {
		case faults.Join, faults.Leave:
			if subject.cell.Membership.Name != "anonymous" && !subject.cell.changes() {
				return nil, fmt.Errorf("%q: the members of %s never change", s.StepText(i), subject.Name)
			}
		case faults.Sync, faults.Query:
			if _, barriers := subject.cell.barrier(); barriers && st.Action.Op == faults.Sync || subject.cell.changes() && st.Action.Op == faults.Query {
				break
			}
			return nil, fmt.Errorf("%q: %s has no %s", s.StepText(i), subject.Name, st.Action.Op)
		}
		if _, known := impl.ParsePoint(st.When.Point); st.When.On == faults.OnPoint && !known {
			return nil, fmt.Errorf("%q: %w", s.StepText(i), unknown("point", st.When.Point, impl.Points()))
		}
	}
	return subject, nil
}

// Replay plays a scenario again on its subject. What it expects to break is judged whatever the faults; what the
// subject claims is judged where the faults are within the claim's model.
func Replay(s *faults.Scenario) (*Replayed, error) { return replay(s, nil) }

// Capture is [Replay], and writes the frames on all links to w as a capture file (pcap). It is an error where there are
// no links.
func Capture(s *faults.Scenario, w io.Writer) (*Replayed, error) {
	p, err := ipmulticast.NewPcapWriter(w)
	if err != nil {
		return nil, err
	}
	var failed error
	r, err := replay(s, func(at spec.Time, frame []byte) {
		if failed == nil {
			failed = p.Write(at, frame)
		}
	})
	return r, errors.Join(err, failed)
}

func replay(s *faults.Scenario, capture func(at spec.Time, frame []byte)) (*Replayed, error) {
	subject, err := Playable(s)
	if err != nil {
		return nil, err
	}
	if err := subject.cell.Indoors(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUsage, subject.Name, err)
	}
	cfg := subject.world()
	if capture != nil && cfg.Internet == nil {
		return nil, fmt.Errorf("%s stands on no links: there are no frames to capture", subject.Name)
	}
	cfg.Evidence, cfg.Capture = true, capture
	b := subject.cell.newBench(cfg, subject.Params.MTU)
	if err := b.play(s); err != nil {
		return nil, err
	}
	r := &Replayed{Schema: "conform.replay/1", Subject: subject.Name, Expect: s.Expect, Scenario: s.String(),
		Settled: b.h.Settled, Events: len(b.h.Events)}
	r.compare(s, b.world.Trace())
	for _, i := range b.world.Unplayed() {
		r.Unplayed = append(r.Unplayed, s.StepText(i))
	}
	if b.h.Topology != nil && len(b.h.Topology.Links) > 0 {
		r.Changes = changes(&b.h)
	}
	r.judge(b, s, subject.cell, subject.Claims)
	return r, nil
}

// compare holds the trace of the run against the one that the scenario carries, if it carries one.
func (r *Replayed) compare(s *faults.Scenario, trace faults.Trace) {
	if r.Recorded = s.Trace.Events > 0; !r.Recorded {
		return
	}
	after, by, differs := s.Trace.Departs(trace)
	if r.SameTrace = !differs; differs {
		r.Departs = fmt.Sprintf("the run departs from the recorded one after event %d, and by event %d", after, by)
	}
}

func (r *Replayed) has(id spec.ID) bool {
	return slices.ContainsFunc(r.Requirements, func(row Row) bool { return row.ID == id })
}

func (r *Replayed) judge(b *bench, s *faults.Scenario, cell Cell, claims spec.Claims) {
	var marked []int
	bites := false
	add := func(id spec.ID, claimed bool, under string) {
		f := b.judge.Check(id)
		row := Row{ID: id, Claimed: claimed, Under: under, Verdict: f.Verdict, Judged: 1, Antecedents: f.Antecedents, Reason: f.Reason}
		if f.Witness != nil {
			row.Failed = 1
			row.Witness = &Story{ID: id, Text: f.Witness.Text, Scenario: r.Scenario, Replay: "conform replay " + s.Token(),
				Steps: len(s.Steps), Events: eventLines(&b.h, f.Witness.Events)}
			if marked == nil || id == s.Expect {
				marked = f.Witness.Events
			}
		}
		r.Requirements = append(r.Requirements, row)
		// What did not occur in one run says nothing against it; only what it was played for has to.
		if f.Verdict == spec.Pass || f.Verdict == spec.Fail {
			bites = true
		}
		if f.Verdict != spec.Inconclusive || id == s.Expect {
			r.Verdict = r.Verdict.Merge(f.Verdict)
		}
	}
	injected := cell.injects(s)
	expected := false
	for _, c := range claims {
		switch {
		case !injected.Within(c.Under):
		case b.outlasts(s, c.ID):
			r.NotJudged = append(r.NotJudged, c.ID)
		default:
			add(c.ID, true, c.Under.String())
			expected = expected || c.ID == s.Expect
		}
	}
	if s.Expect != "" && !expected {
		add(s.Expect, false, "")
	}
	for _, id := range Judged() { // worth knowing, and no fault of the subject's
		if !r.has(id) && b.judge.Check(id).Verdict == spec.Fail {
			r.Beyond = append(r.Beyond, id)
		}
	}
	if !bites { // nothing was tested at all
		r.Verdict = r.Verdict.Merge(spec.Inconclusive)
	}
	r.Diagram = Diagram(&b.h, s, marked)
	r.History = b.h
}

// fits says what of a scenario does not fit the cell's network, or nil.
func (c Cell) fits(s *faults.Scenario) error {
	n, _ := c.network()
	if err := c.addresses(s); err != nil {
		return err
	}
	for i := range s.Steps {
		a := &s.Steps[i].Action
		kind, fault := a.Op.Fault()
		switch {
		case !fault || kind <= spec.CorruptFault:
		case !c.faces().Has(kind):
			return fmt.Errorf("%q: %s has nothing that this could strike", s.StepText(i), c)
		case a.Op.HasRouter() && a.Router >= n.routers():
			return fmt.Errorf("%q: the number of routers is %d", s.StepText(i), n.routers())
		}
	}
	return nil
}

// addresses says which address of a group the cell's network can't carry, or can't tell from another one's.
func (c Cell) addresses(s *faults.Scenario) error {
	n, links := c.network()
	var seen []netip.Addr
	for i := range s.Groups {
		g := &s.Groups[i]
		text := g.Address
		switch {
		case text != "" && !links:
			return fmt.Errorf("group %s at %s: %s has no network on which groups have addresses", g.Name, text, c)
		case !links:
			continue
		case text == "":
			text = n.group(i)
		}
		a, err := ipmulticast.ParseGroup(text)
		switch {
		case err != nil:
			return fmt.Errorf("group %s: %w", g.Name, err)
		case a.Is4() == n.v6:
			return fmt.Errorf("group %s at %s: the network of %s has addresses of the other family", g.Name, text, c)
		case !n.lan && (ipmulticast.LinkLocal(a) || !ipmulticast.Reportable(a)):
			return fmt.Errorf("group %s at %s: it is never forwarded, or never reported: want one of wider scope", g.Name, text)
		}
		for k, b := range seen {
			if a == b || n.lan && !n.all && ipmulticast.GroupMAC(a) == ipmulticast.GroupMAC(b) {
				return fmt.Errorf("groups %s and %s: on %s their addresses are one and the same", s.Groups[k].Name, g.Name, c)
			}
		}
		seen = append(seen, a)
	}
	return nil
}
