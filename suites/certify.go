package suites

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
)

// Certification is a plan: what somebody's program is to be held to, and how hard to try.
type Certification struct {
	Adapter   adapter.Options
	Claims    []string      // ids and levels; with none, and no profile, what the program says in its hello
	Profile   string        // or the name of a profile
	Faults    spec.FaultSet // beyond what the program tolerates
	Network   string        // harness or own; empty: as the program says
	World     string        // of programs with sockets of their own: empty, loopback; netns, a host of a LAN for each node
	Nodes     int           // 0: 3 or 4, drawn
	Messages  int           // most sends of a schedule; 0: 4
	Schedules int           // 0: CertifySchedules, or CertifyOwnSchedules in real time
	Whole     bool          // witnesses are told as they were found, and not shrunk
	Runs      int           // how often a violation that was found is played again; 0: once
	Seed      uint64
	Parallel  int
	Progress  func(done, total int)
	Clock     func() time.Time
}

// CertifySchedules is how many schedules a program gets.
const CertifySchedules = 300

// AdapterSubject is what scenarios say that somebody's program has to play.
const AdapterSubject = "adapter"

// Certified is a run of a program of somebody's own: conform.run/1, with its subject.
type Certified struct {
	Report
	Subject    Tested    `json:"subject"`
	Levels     []Reached `json:"levels"`               // the weakest first on each of two scales, reliability and order
	Outside    []Row     `json:"outside,omitempty"`    // claims under faults that the program does not tolerate
	Reproduced []Rate    `json:"reproduced,omitempty"` // of each witness: how often it showed when it was played again
	Error      string    `json:"error,omitempty"`      // what the program did wrong as an adapter
	// OutsideError is what it did wrong as an adapter under faults that it does not tolerate.
	OutsideError string   `json:"outside_error,omitempty"`
	NotPlayed    string   `json:"not_played,omitempty"`     // the faults that its world can't inject
	NotPlayedWhy []string `json:"not_played_why,omitempty"` // of these, why
	Incomplete   string   `json:"interrupted,omitempty"`    // why not all schedules were played

	provenance
}

// Tested is the program.
type Tested struct {
	Name          string    `json:"name"`
	Version       string    `json:"version"`
	Command       []string  `json:"command"`
	Network       string    `json:"network"`
	Reset         bool      `json:"reset"`
	Protocol      string    `json:"protocol,omitempty"` // maelstrom; empty for the adapter protocol
	Pace          string    `json:"pace,omitempty"`     // virtual or real, where there is no idle
	Claims        []spec.ID `json:"claims"`
	Tolerates     []string  `json:"tolerates"`
	Deterministic bool      `json:"deterministic"` // the same schedule gave the same run
}

// Reached says how far a program came with one level.
type Reached struct {
	Level   string       `json:"level"`
	Order   bool         `json:"order"` // of orders; else of reliability
	Claimed bool         `json:"claimed"`
	Verdict spec.Verdict `json:"verdict"`
	Broken  []spec.ID    `json:"broken,omitempty"`
	Unshown []spec.ID    `json:"unshown,omitempty"`
}

// Rate is how often a witness showed again.
type Rate struct {
	ID    spec.ID `json:"id"`
	Runs  int     `json:"runs"`
	Shown int     `json:"shown"`
}

// ladder are the levels that are tried, the weakest first.
var ladder = []struct {
	name  string
	order bool
}{{"integrity", false}, {"best-effort", false}, {"reliable", false}, {"uniform", false}, {"durable", false},
	{"fifo", true}, {"causal", true}, {"total", true}, {"uniform-total", true}}

// Run tries the program. What it does wrong stands in what is returned, also where it broke as an adapter; the error is
// for a plan that makes no sense, and then nothing was judged.
func (c Certification) Run(ctx context.Context) (*Certified, error) {
	t, err := c.open()
	if err != nil {
		return nil, err
	}
	defer t.close()
	if t.r.Error == "" {
		t.try(ctx)
	}
	t.finish()
	return t.r, nil
}

// trial is a certification under way.
type trial struct {
	plan   Certification
	hello  *adapter.Hello
	r      *Certified
	claims []spec.ID
	extra  []spec.ID // not claimed, and judged to see how far it comes
	model  spec.FaultSet
	more   spec.FaultSet // outside the model
	start  time.Time

	benches chan *certBench // idle
	outside outsideNets
	units   []*certUnit
}

// open starts the program and reads what it says of itself. A program that does not even say hello is told of in
// the result.
func (c Certification) open() (*trial, error) {
	t := &trial{plan: c, benches: make(chan *certBench, max(1, c.Parallel))}
	t.r = &Certified{Report: Report{Schema: "conform.run/1", Version: Version, Seed: strconv.FormatUint(c.Seed, 10), World: "sim"},
		Subject: Tested{Command: c.Adapter.Command, Deterministic: true}}
	if c.Clock != nil {
		t.start = c.Clock()
	}
	if c.Profile != "" {
		if _, ok := spec.LookupProfile(c.Profile); !ok {
			return nil, Profile(c.Profile).err
		}
	}
	asked, err := spec.ParseClaims(c.Claims)
	if err != nil {
		return nil, err
	}
	if err := c.readable(asked); err != nil {
		return nil, err
	}
	if err := (&Plan{Nodes: c.Nodes, Messages: c.Messages}).Validate(); err != nil {
		return nil, err
	}
	pool, err := adapter.Open(c.Adapter)
	if err != nil {
		t.broke(err)
		return t, nil
	}
	t.hello, t.plan.Adapter = pool.Hello(), pool.Options()
	t.introduce()
	t.r.hello, t.r.expected, t.r.full = t.hello.Line(), t.schedules(), t.fullSchedules()
	switch {
	case c.World != "" && (t.r.Subject.Network != "own" || c.World != "netns" || c.Adapter.Connect == "tcp"):
		pool.Close()
		return nil, fmt.Errorf("--world %s: want netns, for a program with sockets of its own (network \"own\"), which reads its stdin", c.World)
	case c.Network != "" && c.Network != t.r.Subject.Network:
		pool.Close()
		return nil, fmt.Errorf("--network %s: the program says that it uses network %q", c.Network, t.r.Subject.Network)
	}
	if err := t.choose(asked); err != nil {
		pool.Close()
		t.broke(err)
		return t, nil
	}
	if t.r.Subject.Network == "own" {
		pool.Close()
		if t.r.World = "loopback"; c.World != "" {
			t.r.World = c.World
		}
		return t, nil
	}
	t.benches <- t.bench(pool)
	return t, nil
}

func (t *trial) broke(err error) {
	if t.r.Error == "" {
		t.r.Error = err.Error()
	}
}

func (t *trial) introduce() {
	h, s := t.hello, &t.r.Subject
	s.Name, s.Version, s.Network, s.Reset, s.Tolerates = h.Name, h.Version, h.Network, h.Reset, h.Tolerates
	if s.Network == "" {
		s.Network = "harness"
	}
	s.Protocol, s.Pace = t.plan.Adapter.Speak, t.plan.Adapter.Pace
}

// choose settles what is claimed, and under which faults.
func (t *trial) choose(asked []spec.ID) error {
	model, err := spec.ParseFaultSet(strings.Join(t.hello.Tolerates, ","))
	if len(t.hello.Tolerates) == 0 {
		model, err = spec.NoFaults, nil
	}
	if err != nil {
		return fmt.Errorf("its hello says what it tolerates: %w", err)
	}
	if t.r.declared, err = spec.ParseClaims(t.hello.Claims); err != nil {
		return fmt.Errorf("its hello says what it claims: %w", err)
	}
	switch {
	case t.plan.Profile != "":
		p, _ := spec.LookupProfile(t.plan.Profile)
		t.claims = p.Must
	case len(asked) > 0:
		t.claims = asked
	default:
		t.claims = t.r.declared
	}
	if t.hello.Tolerates == nil || len(t.claims) == 0 { // nothing was declared: what is asked for is the model
		model |= t.plan.Faults
	}
	t.model, t.more = model, t.plan.Faults&^model
	t.r.Subject.Claims = t.claims
	t.playable()
	t.r.Faults = faultsText(t.model)
	for _, l := range ladder {
		if l.order && t.plan.speaksMaelstrom() {
			continue // what is read is a set
		}
		ids, _ := spec.Level(l.name)
		for _, id := range ids {
			if !slices.Contains(t.claims, id) && !slices.Contains(t.extra, id) && (l.name != "durable" || t.model.Has(spec.RecoverFault)) {
				t.extra = append(t.extra, id)
			}
		}
	}
	return nil
}

// playable takes out of the faults those that the world of the program can't inject.
func (t *trial) playable() {
	can := spec.EndToEndFaults | spec.ClockFaults
	if t.hello.Disk {
		can |= spec.DiskFaults
	}
	if t.hello.Network == "own" {
		can = adapter.OwnFaults
		if t.r.World == "netns" || t.plan.World == "netns" {
			can |= outsideNow()
		} else {
			can |= adapter.RelayFaults
		}
	}
	if t.plan.speaksMaelstrom() {
		can = maelstromFaults
	}
	if cannot := (t.model | t.more) &^ can; cannot != 0 {
		t.r.NotPlayed, t.r.NotPlayedWhy = cannot.String(), t.refusals(cannot)
	}
	t.model, t.more = t.model&can, t.more&can
}

func (t *trial) params(under spec.FaultSet) faults.Params {
	p := faults.Params{Subject: t.plan.subject(), Faults: under, MinNodes: t.plan.Nodes, MaxNodes: t.plan.Nodes,
		MaxSends: t.plan.Messages, Hold: sim.DefaultTL / 4, MaxSize: t.hello.Limits.Payload}
	if t.hello.Network == "own" { // in real time
		p.Window, p.Hold = 60*time.Millisecond, 100*time.Millisecond
		p.Routers = 1 // the switch, which asks who listens
		p.Groups = min(t.hello.Groups, mostOwnGroups)
	}
	if t.views() {
		p.Window, p.Hold = viewWindow, viewHold
		if t.plan.Nodes == 0 {
			p.MinNodes, p.MaxNodes = 3, 5
		}
	}
	p.Revive = t.hello.Disk
	p.NonMember = slices.Contains(t.claims, "NO-RESURRECTION") // of what a closed group refuses, too
	for _, id := range t.claims {
		p.Syncs = p.Syncs || strings.HasPrefix(string(id), "SYNC-")
	}
	return p
}

// views says whether something is claimed of a group whose members change: then they do.
func (t *trial) views() bool {
	ids, _ := spec.Level("view-synchronous")
	return t.hello.Network != "own" && slices.ContainsFunc(t.claims, func(id spec.ID) bool { return slices.Contains(ids, id) })
}

// schedules is how many schedules each phase has.
func (t *trial) schedules() int {
	if t.plan.Schedules > 0 {
		return t.plan.Schedules
	}
	return t.fullSchedules()
}

// fullSchedules is how many there are when no number is asked for.
func (t *trial) fullSchedules() int {
	switch {
	case t.hello.Network == "own":
		return CertifySchedules / 25 // in real time
	case t.waits():
		return CertifySchedules / 25
	case !t.hello.Reset:
		return CertifySchedules / 10 // a process for each life
	}
	return CertifySchedules
}
