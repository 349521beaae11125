package suites

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/conform-go/conform/faults/sim"
)

// What acknowledging costs, measured: nothing is judged here. Two questions, each with a table of its own. What do the
// ways of acknowledging cost when packets are lost, and how long do they take? And how many acknowledgements does one
// send bring down on its sender when the group grows: the feedback implosion of Pingali, Towsley, Kurose, SIGMETRICS
// 1994?

// AcksPlan says what acknowledging is measured on. The zero values are filled in by [AcksPlan.Complete].
type AcksPlan struct {
	Transport     Variant
	Reliabilities []Variant     // for both questions; none: those that the questions are about
	Nodes         int           // members that a stream goes to, its sender among them
	Messages      int           // of a stream
	Every         time.Duration // from one message of a sender to its next
	Loss          []int         // percent
	Sizes         []int         // of the groups, ascending
	Limit         int           // no run that is likely to have more packets, or receipts, is played
	Seed          uint64
	Parallel      int
	Progress      func(done, total int) // called from one goroutine at a time; may be nil
}

// The bounds of a plan.
const (
	maxAckMessages = 5000
	maxAckGroup    = 2000
)

// Complete fills in what a plan leaves open, and says what is wrong with the rest. Its errors name the flag.
func (p *AcksPlan) Complete() error {
	if p.Transport.Name == "" {
		p.Transport = Variant{Name: "unicast"}
	}
	if len(p.Loss) == 0 {
		p.Loss = []int{0, 1, 5, 10, 20, 30}
	}
	if len(p.Sizes) == 0 {
		p.Sizes = []int{2, 5, 10, 20, 50, 100, 200, 500, 1000}
	}
	for _, x := range []struct {
		flag             string
		at               *int
		def, least, most int
	}{{"nodes", &p.Nodes, 4, 2, 64}, {"messages", &p.Messages, 400, 1, maxAckMessages}, {"limit", &p.Limit, 200_000, 1, 100_000_000}} {
		if *x.at == 0 {
			*x.at = x.def
		}
		if *x.at < x.least || *x.at > x.most {
			return fmt.Errorf("--%s %d: want %d to %d", x.flag, *x.at, x.least, x.most)
		}
	}
	if p.Every == 0 {
		p.Every = 20 * time.Millisecond
	}
	if p.Every < time.Microsecond || p.Every > time.Minute {
		return fmt.Errorf("--every %v: want %v to %v", p.Every, time.Microsecond, time.Minute)
	}
	if err := ascending("loss", p.Loss, 0, 90); err != nil {
		return err
	}
	if err := ascending("sizes", p.Sizes, 2, maxAckGroup); err != nil {
		return err
	}
	if p.Transport.Name == "anycast" {
		return errors.New("there is nothing to measure: anycast reaches one member, and nobody acknowledges")
	}
	for _, v := range p.levels(true) {
		if p.cell(v).Applicable() == nil {
			return nil
		}
	}
	return fmt.Errorf("there is nothing to measure: %w", p.cell(p.levels(true)[0]).Applicable())
}

func ascending(flag string, list []int, least, most int) error {
	for i, x := range list {
		if x < least || x > most || i > 0 && x <= list[i-1] {
			return fmt.Errorf("--%s %v: want ascending numbers from %d to %d", flag, list, least, most)
		}
	}
	return nil
}

// ParseAckParts reads the transport and the levels of reliability of a plan: a variant, and a list as `conform run` takes
// it, where none stands for those that the questions are about.
func ParseAckParts(transport, levels string) (t Variant, rs []Variant, err error) {
	if t, err = parseVariant(transport, "transport", Transports()); err != nil || levels == "" {
		return t, nil, err
	}
	rs, err = parseVariants(levels, "reliability", Reliabilities())
	return t, rs, err
}

func (p *AcksPlan) cell(level Variant) Cell {
	return Cell{p.Transport, level, Variant{Name: "unordered"}, Variant{Name: "static"}}
}

// levels lists the levels of reliability that a question is about: all that there are, with the variants that differ in
// how they acknowledge, or those that repair what is lost.
func (p *AcksPlan) levels(all bool) []Variant {
	if len(p.Reliabilities) > 0 {
		return p.Reliabilities
	}
	var out []Variant
	for _, part := range Reliabilities() {
		switch part.Name {
		case "best-effort":
			for _, way := range []string{"stop-and-wait", "pipelined", "cumulative", "piggyback"} {
				out = append(out, Variant{part.Name, []Setting{{"ack", way}}})
			}
		case "reliable-ip":
			for _, when := range []string{"received", "stable"} {
				out = append(out, Variant{part.Name, []Setting{{"deliver", when}}})
			}
		case "nack", "reliable", "uniform":
			out = append(out, Variant{Name: part.Name})
		default:
			if all {
				out = append(out, Variant{Name: part.Name})
			}
		}
	}
	return out
}

// Traffics are the patterns of traffic, by the name that a report gives them.
func Traffics() []string { return []string{"one", "all"} }

// Acks measures what acknowledging costs. The error is for what could not be played.
func Acks(ctx context.Context, p AcksPlan) (*AcksReport, error) {
	if err := p.Complete(); err != nil {
		return nil, err
	}
	r := &AcksReport{Schema: "conform.acks/1", Version: Version, Seed: strconv.FormatUint(p.Seed, 10),
		Transport: p.Transport.String(), Nodes: p.Nodes, Messages: p.Messages, Every: int64(p.Every),
		Delay: [2]int64{int64(ackNet.Min), int64(ackNet.Max)}, TS: int64(sim.DefaultTS), TL: int64(sim.DefaultTL),
		Limit: p.Limit, Loss: []AckCost{}, Implosion: []Implosion{}, LeftOut: []LeftOut{}}
	units := p.units(r)
	if err := spread(ctx, p.Parallel, len(units), p.Progress, func(i int) { units[i].err = units[i].do(units[i]) }); err != nil {
		return nil, err
	}
	for _, u := range units {
		if u.err != nil {
			return nil, fmt.Errorf("%s: %w", u.cell, u.err)
		}
		r.Loss = append(r.Loss, u.costs...)
		r.Implosion = append(r.Implosion, u.implosions...)
		if u.out != nil {
			r.LeftOut = append(r.LeftOut, *u.out)
		}
	}
	return r, nil
}

// ackUnit is one piece of work: streams through one level, or sends to groups of all sizes.
type ackUnit struct {
	plan    *AcksPlan
	cell    Cell
	traffic string
	percent int
	do      func(*ackUnit) error

	costs      []AckCost
	implosions []Implosion
	out        *LeftOut
	err        error
}

// units lists the work in the order of the report, which gets what makes no sense at once.
func (p *AcksPlan) units(r *AcksReport) []*ackUnit {
	var out []*ackUnit
	for _, traffic := range Traffics() {
		for _, percent := range p.Loss {
			for _, v := range p.levels(false) {
				if c := p.cell(v); c.Applicable() == nil {
					out = append(out, &ackUnit{plan: p, cell: c, traffic: traffic, percent: percent, do: (*ackUnit).stream})
				}
			}
		}
	}
	for _, v := range p.levels(true) {
		c := p.cell(v)
		if err := c.Applicable(); err != nil {
			r.LeftOut = append(r.LeftOut, LeftOut{Of: "all", Reliability: v.String(), Reason: err.Error()})
			continue
		}
		out = append(out, &ackUnit{plan: p, cell: c, do: (*ackUnit).groups})
	}
	return out
}
