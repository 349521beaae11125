package sim

import (
	"testing"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// causalOnLinks is causal order over reliable multicast, where the network carries one packet to many.
func causalOnLinks(cfg impl.Config) impl.Layer {
	return impl.NewStack(ordering.NewCausal(cfg), reliability.NewReliable(cfg), reliability.NewBestEffort(cfg), transport.NewMulticast(cfg))
}

// soakFaults are those through which the stacks of the soak keep what they promise.
var soakFaults = spec.SetOf(spec.CrashFault, spec.PauseFault, spec.LossFault, spec.OmitSendFault, spec.OmitReceiveFault,
	spec.PartitionFault, spec.DelayFault, spec.DuplicateFault, spec.ReorderFault, spec.CorruptFault)

// promised is what they keep, group by group.
var promised = []spec.ID{"NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY", "SENDER-INTEGRITY", "DESTINATION-INTEGRITY",
	"CLOSED-GROUP", "SELF-DELIVERY", "VALIDITY", "AGREEMENT", "FIFO-GAPFREE", "CAUSAL-GAPFREE"}

var filters = []spec.ID{"NIC-FILTER", "SOCKET-FILTER"}

// soakWorld is a world whose groups have these addresses.
type soakWorld struct {
	cfg       Config
	addresses [3]string
	judged    []spec.ID
}

func soakWorlds() map[string]soakWorld {
	onLinks := append(filters[:2:2], promised...)
	ip, ip6, lan, broadcast := threeLANs, every["ipv6"], site{nic: ipmulticast.Hash64}, site{all: true}
	worlds := map[string]soakWorld{"one-to-one": {Config{New: causal}, [3]string{}, promised}}
	for name, x := range map[string]struct {
		n         *site
		addresses [3]string
	}{
		"ip":        {&ip, [3]string{"224.1.1.1", "225.1.1.1", "226.129.1.1"}}, // one hardware address
		"ipv6":      {&ip6, [3]string{"ff05::1:101", "ff05::2:101", "ff05:1::101"}},
		"hardware":  {&lan, sameBin("239.129.1.1", 64)},
		"broadcast": {&broadcast, [3]string{}},
	} {
		x.n.upper = causalOnLinks
		worlds[name] = soakWorld{x.n.config(), x.addresses, onLinks}
	}
	return worlds
}

// Several groups that overlap keep, each by itself, what their stacks promise, through all faults that they promise it
// through; and no filter lets through what is for another group, though the network takes their addresses for one.
func TestSeveralGroupsSoak(t *testing.T) {
	schedules := 250
	if testing.Short() {
		schedules = 40
	}
	for name, x := range soakWorlds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var j checkers.Judge
			w, h := New(x.cfg), &spec.History{}
			bites := map[spec.ID]int{}
			for seed := range uint64(schedules) {
				s := drawGroups(seed, x.addresses)
				if err := w.Play(s, h); err != nil {
					t.Fatalf("%v\n%s", err, s)
				}
				j.Load(h)
				for _, id := range x.judged {
					f := j.Check(id)
					if bites[id] += f.Antecedents; f.Verdict == spec.Fail && !silent(s, id) {
						t.Fatalf("seed %d: %s: %s\n%s", seed, id, f.Witness.Text, s)
					}
				}
			}
			for _, id := range x.judged {
				if bites[id] == 0 {
					t.Errorf("%s never bites", id)
				}
			}
		})
	}
}

// drawGroups draws a scenario with two or three groups that overlap.
func drawGroups(seed uint64, addresses [3]string) *faults.Scenario {
	s := faults.Draw(seed, faults.Params{Faults: soakFaults, MinNodes: 3, MaxNodes: 4, MaxSends: 8, Groups: 2 + int(seed%2),
		OneToOne: seed%4 == 0, NonMember: true})
	for i := range s.Groups {
		s.Groups[i].Address = addresses[i]
	}
	return s
}

// silent says whether liveness is not promised: a link may have been silent for TL.
func silent(s *faults.Scenario, id spec.ID) bool {
	r, ok := spec.Lookup(id)
	return ok && r.Is(spec.Liveness) && s.Silence()+2*s.Net.Max > DefaultTL-DefaultTL/6
}

// sameBin gives addresses that fall into one bin of a network card's hash filter.
func sameBin(first string, bins int) (all [3]string) {
	a, err := ipmulticast.ParseGroup(first)
	if err != nil {
		panic(err)
	}
	all[0] = first
	for i := range 2 {
		all[i+1] = ipmulticast.SameBin(a, bins, i).String()
	}
	return all
}

// A bug in any of the stacks is seen in its group, though the other groups do as they should.
func TestTheSoakSeesABugInOneGroup(t *testing.T) {
	for _, broken := range []spec.GroupID{0, 1} {
		cfg := Config{New: func(cfg impl.Config) impl.Layer {
			if cfg.Group == broken { // order is lost, and what a crash has cut in half is not repaired
				return channels(cfg)
			}
			return causal(cfg)
		}}
		found := map[spec.ID]bool{}
		var j checkers.Judge
		w, h := New(cfg), &spec.History{}
		for seed := range uint64(300) {
			s := drawGroups(seed, [3]string{})
			if err := w.Play(s, h); err != nil {
				t.Fatal(err)
			}
			j.Load(h)
			for _, id := range []spec.ID{"AGREEMENT", "FIFO-GAPFREE", "CAUSAL-GAPFREE"} {
				f := j.Check(id)
				if f.Verdict != spec.Fail || silent(s, id) {
					continue
				}
				found[id] = true
				for _, i := range f.Witness.Events {
					if e := &h.Events[i]; e.Is(spec.HasGroup) && e.Group != broken {
						t.Errorf("group %d is broken, and for %s blamed is group %d: %s", broken, id, e.Group, f.Witness.Text)
					}
				}
			}
		}
		if len(found) != 3 {
			t.Errorf("with group %d broken only these are found: %v", broken, found)
		}
	}
}

// durable is a reliable level with a log, over channels that acknowledge what is on disk.
func durable(cfg impl.Config) impl.Layer {
	return impl.NewStack(reliability.NewDurable(cfg, reliability.Majority), transport.NewUnicast(cfg), transport.NewAcceptingChannel(cfg))
}

// The stacks of a node share a disk, and each keeps its own log there: what was acknowledged in any of the groups
// survives the crash and the recovery of any of the nodes, and of all.
func TestSeveralGroupsOnOneDiskSoak(t *testing.T) {
	schedules := 250
	if testing.Short() {
		schedules = 40
	}
	judged := []spec.ID{"NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY", "DESTINATION-INTEGRITY", "AGREEMENT",
		"ACKED-DELIVERED", "DURABILITY"}
	var j checkers.Judge
	w, h := New(Config{New: durable, Model: spec.CrashRecovery, Revive: true}), &spec.History{}
	bites := map[spec.ID]int{}
	for seed := range uint64(schedules) {
		s := faults.Draw(seed, faults.Params{MinNodes: 3, MaxNodes: 4, MaxSends: 6, Groups: 2 + int(seed%2), Revive: true,
			Faults: spec.SetOf(spec.CrashFault, spec.CrashLossyFault, spec.RecoverFault, spec.PauseFault, spec.LossFault, spec.TornFault, spec.DiskSlowFault)})
		if err := w.Play(s, h); err != nil {
			t.Fatalf("%v\n%s", err, s)
		}
		j.Load(h)
		for _, id := range judged {
			f := j.Check(id)
			if bites[id] += f.Antecedents; f.Verdict == spec.Fail && !silent(s, id) {
				t.Fatalf("seed %d: %s: %s\n%s", seed, id, f.Witness.Text, s)
			}
		}
	}
	for _, id := range judged {
		if bites[id] == 0 {
			t.Errorf("%s never bites", id)
		}
	}
}
