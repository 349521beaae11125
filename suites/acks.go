package suites

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
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

// AcksReport is what was measured, as `conform acks --json` writes it (conform.acks/1). Packets are those that members
// put on the network, not the repetitions of switches and routers; a packet of acknowledgements is one that carries
// nothing else. All is counted from the first send to TS after the last delivery or acknowledgement to an application:
// beyond that are only heartbeats, which never end.
type AcksReport struct {
	Schema    string      `json:"schema"`
	Version   string      `json:"version"`
	Seed      string      `json:"seed"`
	Transport string      `json:"transport"`
	Nodes     int         `json:"nodes"`
	Messages  int         `json:"messages"`
	Every     int64       `json:"every_ns"`
	Delay     [2]int64    `json:"delay_ns"` // of a packet: least and most
	TS        int64       `json:"ts_ns"`
	TL        int64       `json:"tl_ns"`
	Limit     int         `json:"limit"`
	Loss      []AckCost   `json:"loss"`
	Implosion []Implosion `json:"implosion"`
	LeftOut   []LeftOut   `json:"left_out"`
}

// AckCost is what a stream of messages cost at one rate of loss.
type AckCost struct {
	Reliability  string   `json:"reliability"`
	Traffic      string   `json:"traffic"` // one: one member sends; all: they take turns
	Percent      int      `json:"loss_percent"`
	Sends        int      `json:"sends"`
	Deliveries   int      `json:"deliveries"`
	Missing      int      `json:"missing"` // deliveries, of accepted sends
	Refused      int      `json:"refused"`
	Packets      int      `json:"packets"`
	AckPackets   int      `json:"ack_packets"`
	NackPackets  int      `json:"nack_packets"`           // requests for what is missing, and nothing else
	Delivery     Latency  `json:"delivery"`               // from a send to each member's delivery, the sender's own among them
	Acknowledged *Latency `json:"acknowledged,omitempty"` // from a send to the application's acknowledgement
	Buffer       *int     `json:"buffer,omitempty"`       // see [bufferOf]
	KeptTold     int      `json:"kept_told"`              // the most copies that the level told of at a member, when they had doubled or halved; 0: it tells nothing
}

// Latency is a distribution, in nanoseconds of the world's clock. A percentile is the least value that so many percent
// of all do not exceed.
type Latency struct {
	P50 int64 `json:"p50_ns"`
	P90 int64 `json:"p90_ns"`
	P99 int64 `json:"p99_ns"`
	Max int64 `json:"max_ns"`
}

// Implosion is what one send to a group cost where nothing is lost.
type Implosion struct {
	Reliability string `json:"reliability"`
	Members     int    `json:"members"`
	Packets     int    `json:"packets"`
	AckPackets  int    `json:"ack_packets"`
	AtSender    int    `json:"ack_packets_at_sender"`
	Received    int    `json:"packets_at_sender"`    // whatever they carry
	Peak        int    `json:"packets_at_sender_ms"` // … the most within a millisecond
	Missing     int    `json:"missing"`              // deliveries
}

// LeftOut is a measurement that was not made.
type LeftOut struct {
	Of          string `json:"of"` // loss, implosion
	Reliability string `json:"reliability"`
	Members     []int  `json:"members,omitempty"` // of the groups
	Reason      string `json:"reason"`
}

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

// ackNet is the network of all measurements: every packet takes its own time.
var ackNet = faults.Net{Strategy: faults.Latency, Min: time.Millisecond, Max: 5 * time.Millisecond}

// ackBody is the length of a message in bytes.
const ackBody = 64

// ackScenario is a group of so many members to which nothing is sent yet.
func (p *AcksPlan) ackScenario(c Cell, members int, purpose, i uint64) *faults.Scenario {
	s := &faults.Scenario{Subject: c.String(), Nodes: members, Seed: seedOf(p.Seed, p.Transport.String(), purpose, i), Net: ackNet,
		Groups: []faults.Group{{Name: "g"}}}
	for n := range spec.NodeID(members) {
		s.Groups[0].Members = append(s.Groups[0].Members, n)
	}
	return s
}

// ending ends a run when all that was sent has been delivered, and acknowledged where the level does that, and TS has
// passed; or at the deadline.
type ending struct {
	members  int
	acks     bool // the level acknowledges
	sends    int  // of the scenario
	deadline spec.Time

	read       int // events of the history
	refused    int
	deliveries int
	answers    int
	last       spec.Time
}

func (e *ending) enough(now spec.Time, h *spec.History) bool {
	for ; e.read < len(h.Events); e.read++ {
		x := &h.Events[e.read]
		switch x.Kind {
		case spec.Deliver:
			e.deliveries++
		case spec.Ack:
			e.answers++
		case spec.Refuse:
			e.refused++
		default:
			continue
		}
		e.last = x.T
	}
	if now > e.deadline {
		return true
	}
	all := e.missing() <= 0 && (!e.acks || e.answers+e.refused >= e.sends)
	return all && now > e.last+spec.Time(sim.DefaultTS)
}

// missing counts the deliveries that have not happened.
func (e *ending) missing() int { return (e.sends-e.refused)*e.members - e.deliveries }

// ackWorld makes a world for one run of a cell, with a probe below the upper part of each node.
func (c Cell) ackWorld(e *ending, g *gauge) *sim.World {
	cfg := c.world(func(x impl.Config) impl.Layer { return impl.NewStack(c.Member(x), &probe{x.Self, g}) }, nil)
	cfg.Declare = func(_ *faults.Scenario, h *spec.Header) {
		h.Costs = map[string]int{"STABILITY-TRIM": 1 << 30} // so that what levels keep is written down
	}
	cfg.Even, cfg.Enough = true, e.enough
	return sim.New(cfg)
}

// gauge reads what goes to the first node, the sender.
type gauge struct {
	acks int         // packets of acknowledgements that are sent to it, or to all
	came []spec.Time // when packets of others came
}

// probe is the lowest layer of a node that does not stand for the network; it changes nothing.
type probe struct {
	self  spec.NodeID
	gauge *gauge
}

// Step implements [impl.Layer].
func (p *probe) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Packet && p.self == 0 && in.From != 0:
		p.gauge.came = append(p.gauge.came, in.Now)
	case in.Kind == impl.Send && in.Code == impl.BareAck && p.self != 0 && (in.To == 0 || in.To == impl.Everyone):
		p.gauge.acks++
	}
	out.Pass(in)
}

// latencyOf sorts some durations and gives their distribution; nil where there are none.
func latencyOf(all []int64) *Latency {
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	at := func(percent int) int64 { return all[(len(all)*percent+99)/100-1] }
	return &Latency{P50: at(50), P90: at(90), P99: at(99), Max: all[len(all)-1]}
}
