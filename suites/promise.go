package suites

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/spec"
)

// Promise is what an implementation of one's own is held to: requirements under a fault model, and how hard to try.
// Make one with [Profile] or [Requirements] and refine it with its methods, each of which gives a changed copy.
type Promise struct {
	name      string
	ids       []spec.ID
	under     spec.FaultSet
	schedules int
	counted   bool // schedules were set
	asked     bool // the fault model was set
	seed      uint64
	nodes     int
	messages  int
	mtu       int
	oneToOne  bool
	ts, tl    time.Duration
	err       error
}

// promiseSchedules is how many schedules a member of one's own is tried in, unless the promise says another number.
const promiseSchedules = 500

// tolerated is the fault model that a promise starts with: what a group of processes on a network has to live with
// while no process comes back from the dead and checksums keep changed bytes out.
var tolerated = spec.EndToEndFaults.Without(spec.RecoverFault, spec.CorruptFault)

// Profile promises what a profile of the catalogue demands: best-effort, reliable, fifo, causal and so on, as
// `conform list profiles` shows. An unknown name is reported when the promise is used.
func Profile(name string) Promise {
	p, ok := spec.LookupProfile(name)
	if !ok {
		var all []string
		for _, p := range spec.Profiles() {
			all = append(all, p.Name)
		}
		return Promise{err: unknown("profile", name, all)}
	}
	out := Requirements(p.Must...)
	out.name = name
	return out
}

// Requirements promises these requirements.
func Requirements(ids ...spec.ID) Promise {
	p := Promise{name: "requirements", ids: ids, under: tolerated, schedules: promiseSchedules, seed: 1,
		ts: sim.DefaultTS, tl: sim.DefaultTL}
	for _, id := range ids {
		if _, ok := spec.Lookup(id); !ok {
			p.err = fmt.Errorf("unknown requirement %q", id)
		}
	}
	return p
}

// IDs lists what is promised.
func (p Promise) IDs() []spec.ID { return slices.Clone(p.ids) }

// validate says what is wrong with a promise, or with the member that is held to it.
func (p *Promise) validate(newMember Member) error {
	switch {
	case p.err != nil:
		return p.err
	case newMember == nil:
		return errors.New("no member to try: newMember is nil")
	case len(p.ids) == 0:
		return errors.New("nothing is promised: begin with suites.Profile or suites.Requirements")
	case p.schedules < 1:
		return fmt.Errorf("schedules %d: want at least 1", p.schedules)
	case p.nodes < 0 || p.nodes > 64:
		return fmt.Errorf("nodes %d: want 1 to 64, or 0 for 3 or 4", p.nodes)
	case p.messages < 0 || p.messages > 24:
		return fmt.Errorf("messages %d: want 1 to 24, or 0 for up to 4", p.messages)
	case p.mtu != 0 && p.mtu < 64:
		return fmt.Errorf("MTU %d: want at least 64 bytes, or 0 for no limit", p.mtu)
	case p.ts <= 0 || p.tl < 4*p.ts:
		return fmt.Errorf("timers TS %v, TL %v: want TS above 0, and TL at least four times TS", p.ts, p.tl)
	}
	return nil
}

// Under sets the fault model: the schedules inject faults of these kinds and no others. None is a network that only
// delays and reorders.
func (p Promise) Under(kinds ...spec.FaultKind) Promise {
	p.under, p.asked = spec.SetOf(kinds...), true
	return p
}

// Without takes kinds of faults out of the fault model.
func (p Promise) Without(kinds ...spec.FaultKind) Promise {
	p.under = p.under.Without(kinds...)
	return p
}

// Schedules sets how many schedules are tried.
func (p Promise) Schedules(n int) Promise {
	p.schedules, p.counted = n, true
	return p
}

// Seed sets the seed from which all schedules are made.
func (p Promise) Seed(seed uint64) Promise {
	p.seed = seed
	return p
}

// Nodes sets the number of nodes; without it schedules have three or four.
func (p Promise) Nodes(n int) Promise {
	p.nodes = n
	return p
}

// Messages sets how many messages a schedule has at most; without it four.
func (p Promise) Messages(n int) Promise {
	p.messages = n
	return p
}

// Timers tells members their short and long timers, which they get in their configuration. Cuts, pauses and delays
// of the schedules stay below a quarter of the long one.
func (p Promise) Timers(ts, tl time.Duration) Promise {
	p.ts, p.tl = ts, tl
	return p
}

// MTU limits the length of packets in some schedules.
func (p Promise) MTU(bytes int) Promise {
	p.mtu = bytes
	return p
}

// OneToOne lets schedules send to single nodes also, for what is promised of the channel.
func (p Promise) OneToOne() Promise {
	p.oneToOne = true
	return p
}
