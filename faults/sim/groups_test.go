package sim

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// overlap lets nodes 1 and 2 be in two groups, whose addresses on IPv4 share a hardware address.
func (n site) overlap(t testing.TB, steps ...string) *faults.Scenario {
	t.Helper()
	g, h := "group g 0 1 2", "group h 1 2 3"
	if n.subnets > 0 && !n.v6 {
		g, h = "group g at 224.1.1.1 0 1 2", "group h at 225.1.1.1 1 2 3"
	}
	return siteScenario(t, slices.Concat([]string{g, h}, steps)...)
}

// worlds are one-to-one links, and every kind of network of links.
func worlds() map[string]Config {
	all := map[string]Config{"one-to-one": {New: bare}}
	for name, n := range every {
		all[name] = n.config()
	}
	return all
}

// playOverlap plays steps on two groups that overlap, in every world.
func playOverlap(t *testing.T, f func(name string, h *spec.History), steps ...string) {
	t.Helper()
	for name, cfg := range worlds() {
		h := &spec.History{}
		if err := New(cfg).Play(every[name].overlap(t, steps...), h); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		f(name, h)
	}
}

// What is sent to a group is delivered in that group, by its members and by nobody else, once; also what one sends who
// is in the other group only, or in both. A message to one node goes to it alone.
func TestGroupsThatOverlap(t *testing.T) {
	playOverlap(t, func(name string, h *spec.History) {
		for n, want := range []string{"012 123", "012 123 0 3", "", "123 012 0"} {
			if got := reached(h, spec.NodeID(n)); got != want {
				t.Errorf("%s: the messages of node %d reached %s, want %s", name, n, got, want)
			}
		}
		groups := map[spec.MsgID]spec.GroupID{}
		for _, e := range events(h, spec.Send) {
			groups[e.Msg] = e.Group
		}
		for _, e := range events(h, spec.Deliver) {
			if e.Group != groups[e.Msg] {
				t.Errorf("%s: %v of group %d was delivered in group %d", name, e.Msg, groups[e.Msg], e.Group)
			}
		}
		if n := len(events(h, spec.Deliver)); n != 21 {
			t.Errorf("%s: %d deliveries", name, n)
		}
		var taken [2]string // by group: who took a datagram that others had sent
		for _, e := range events(h, spec.Receive) {
			if h.ExtraOf(&e).Op == "data" {
				taken[e.Group] += fmt.Sprint(e.Node)
			}
		}
		for g, want := range []string{"001122", "112233"} {
			all := strings.Split(taken[g], "")
			slices.Sort(all)
			if got := strings.Join(all, ""); h.Topology != nil && len(got) < len(want) || strings.Trim(got, want) != "" {
				t.Errorf("%s: datagrams of group %d were taken by %s", name, g, got)
			}
		}
	}, "at 10ms send 0 g 8", "at 20ms send 1 g 8", "at 30ms send 1 h 8", "at 40ms send 3 h 8", "at 50ms send 3 g 8", "at 60ms send 0 h 8",
		"at 70ms send 1 to 0 8", "at 80ms send 1 to 3 8", "at 90ms send 3 to 0 8")
}

// A message to one node goes over a group that both are in, though the sender is in others before it.
func TestOneToOneOverTheGroupOfBoth(t *testing.T) {
	playOverlap(t, func(name string, h *spec.History) {
		if a, b := reached(h, 1), reached(h, 3); a != "3" || b != "2" {
			t.Errorf("%s: reached %s and %s", name, a, b)
		}
	}, "at 10ms send 1 to 3 8", "at 20ms send 3 to 2 8")
}

// Every stack of a node has random numbers of its own, those of the first group are what they would be alone, and who
// else is in a group changes nothing.
func TestSeedsOfStacks(t *testing.T) {
	seeds := func(steps ...string) map[string]uint64 {
		all := map[string]uint64{}
		cfg := Config{New: func(cfg impl.Config) impl.Layer {
			all[fmt.Sprint(cfg.Self, " ", cfg.Group)] = cfg.Seed
			return bare(cfg)
		}}
		if err := New(cfg).Play(siteScenario(t, steps...), &spec.History{}); err != nil {
			t.Fatal(err)
		}
		return all
	}
	both, alone, apart := seeds("group g 0 1 2", "group h 1 2 3"), seeds("group g 0 1 2"), seeds("group g 0", "group h 1")
	different := map[uint64]bool{}
	for name, seed := range both {
		different[seed] = true
		if a, ok := alone[name]; ok && a != seed {
			t.Errorf("%s has another seed alone", name)
		}
		if a, ok := apart[name]; ok && a != seed {
			t.Errorf("%s has another seed where another node is not there", name)
		}
	}
	if len(different) != 6 || len(both) != 6 {
		t.Errorf("seeds: %v", both)
	}
}

// A crash ends what a node does in all its groups, and a recovery begins it again.
func TestACrashIsOfAllGroups(t *testing.T) {
	playOverlap(t, func(name string, h *spec.History) {
		if a, b, c := reached(h, 0), reached(h, 3), reached(h, 1); a != "012 02 012" || b != "123 23 123" || c != "012 123" {
			t.Errorf("%s: reached %s, %s, and of the one that crashed %s", name, a, b, c)
		}
		if got := told(h, spec.Crash, spec.Recover); got != "1 crash\n1 recover" {
			t.Errorf("%s:\n%s", name, got)
		}
		last := events(h, spec.Send)[7]
		if last.Node != 1 || last.Msg.Incarnation != 1 || last.Msg.Number != 2 {
			t.Errorf("%s: the last message of node 1 is %v: it counts over all its groups", name, last.Msg)
		}
	}, "at 10ms send 0 g 8", "at 10ms send 3 h 8", "at 50ms crash 1", "at 60ms send 0 g 8", "at 60ms send 3 h 8", "at 70ms send 1 g 8",
		"at 80ms recover 1", "at 400ms send 0 g 8", "at 400ms send 3 h 8", "at 410ms send 1 g 8", "at 420ms send 1 h 8")
}

// A paused node takes in what came for all its groups, in the order in which it came.
func TestAPauseIsOfAllGroups(t *testing.T) {
	playOverlap(t, func(name string, h *spec.History) {
		var got []string
		for _, e := range events(h, spec.Deliver) {
			if e.Node == 1 {
				got = append(got, fmt.Sprintf("%d/%d at %v", e.Msg.Sender, e.Group, time.Duration(e.T).Round(10*time.Millisecond)))
			}
		}
		if got, want := strings.Join(got, ", "), "0/0 at 80ms, 3/1 at 80ms, 0/0 at 80ms"; got != want {
			t.Errorf("%s: node 1 delivered %s, want %s", name, got, want)
		}
	}, "at 5ms pause 1 for 75ms", "at 10ms send 0 g 8", "at 30ms send 3 h 8", "at 50ms send 0 g 8")
}

// The k-th thing that a node does is counted over all its groups.
func TestTriggersCountOverAllGroups(t *testing.T) {
	playOverlap(t, func(name string, h *spec.History) {
		if a, b := reached(h, 0), reached(h, 3); a != "012 02" || b != "123 23" {
			t.Errorf("%s: reached %s and %s", name, a, b)
		}
	}, "on 1 deliver 3 crash 1", "at 10ms send 0 g 8", "at 30ms send 3 h 8", "at 50ms send 0 g 8", "at 70ms send 3 h 8")
}

// Timers and logs with the same name in two stacks of a node are two, and so are those of what the stacks share.
func TestTimersAndLogsAreOfAGroup(t *testing.T) {
	var kept []string
	note := func(cfg impl.Config) impl.Layer {
		said := fmt.Sprintf("node %d group %d: ", cfg.Self, cfg.Group)
		return keeper{said: said, kept: &kept}
	}
	s := siteScenario(t, "group g 0 1", "group h 0 2", "at 20ms crash 0", "at 30ms recover 0")
	s.Seed = 4 // the disk keeps nothing that was not persisted
	if err := New(Config{New: note, Across: func(cfg impl.Config, _ []spec.Group) impl.Layer { return note(cfg) }}).Play(s, &spec.History{}); err != nil {
		t.Fatal(err)
	}
	want := "node 0 group 1: fired 1, node 0 group 0: fired 2, node 0 group -1: fired 3"
	if got := strings.Join(kept, ", "); got != want {
		t.Errorf("kept %s, want %s", got, want)
	}
}

// keeper logs what it is and that its timer has fired, and remembers what it was given back.
type keeper struct {
	said string
	kept *[]string
}

func (k keeper) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		if in.Num == 0 {
			delay := 3 // by group: the last one first
			if i := strings.IndexByte("10", k.said[len(k.said)-3]); i >= 0 && !strings.Contains(k.said, "-") {
				delay = 1 + i
			}
			out.SetTimer(7, spec.Time(time.Duration(delay)*time.Millisecond))
			out.Append([]byte(k.said))
		}
	case impl.TimerFired:
		out.Append(fmt.Appendf(nil, "fired %d", time.Duration(in.Now).Milliseconds()))
		out.Persist(1)
	case impl.Recovered:
		*k.kept = append(*k.kept, string(in.Body))
	default:
		out.Pass(in)
	}
}

// A group that nobody is in changes nothing: what happens where the group is named is what happens where it needs no
// name.
func TestASecondGroupChangesNothing(t *testing.T) {
	configs := worlds()
	configs["causal"] = Config{New: causal, Evidence: true}
	for name, cfg := range configs {
		params := everything
		params.Syncs, params.Queries = false, false
		if n, on := every[name]; on {
			params.Joins, params.MinNodes, params.Routers = true, 4, len(n.plan(4).Routers)
			params.Faults |= network
		}
		w, h := New(cfg), &spec.History{}
		for seed := range uint64(40) {
			s := faults.Draw(seed, params)
			alone, _ := written(t, w, s, h)
			counts, frames := w.Counts(), w.Trace()
			s.Groups = append(s.Groups, faults.Group{Name: "nobody"})
			beside, trace := written(t, w, s, h)
			_, alone, _ = strings.Cut(alone, "\n")
			_, beside, _ = strings.Cut(beside, "\n")
			if alone != beside || counts != w.Counts() || trace.Digest != frames.Digest {
				t.Fatalf("%s, seed %d: %+v alone, %+v beside a group of nobody\n%s\n%s\n%s", name, seed, counts, w.Counts(), s, alone, beside)
			}
		}
	}
}

// The same scenario plays the same run, whatever was played before in the same world.
func TestSeveralGroupsPlayTheSameRunAgain(t *testing.T) {
	configs := worlds()
	configs["causal"] = Config{New: causal, Evidence: true}
	for name, cfg := range configs {
		params := everything
		params.Groups, params.MinNodes = 3, 4
		used, h := New(cfg), &spec.History{}
		for seed := range uint64(30) {
			s := faults.Draw(seed, params)
			first, trace := written(t, New(cfg), s, h)
			if again, other := written(t, used, s, h); again != first || other.Digest != trace.Digest {
				t.Fatalf("%s, seed %d: played again it differs\n%s\n%s\n%s", name, seed, s, first, again)
			}
		}
	}
}

// Every line that a scenario can have is played, its groups overlap, and nothing is delivered where it should not be.
func TestEveryLineIsPlayed(t *testing.T) {
	text, err := os.ReadFile("../testdata/every-line.scenario")
	if err != nil {
		t.Fatal(err)
	}
	s, err := faults.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	s.Trace = faults.Trace{}
	var j checkers.Judge
	h, w := threeLANs.playScenario(t, s)
	j.Load(h)
	for _, id := range []spec.ID{"DESTINATION-INTEGRITY", "NO-CREATION"} {
		if f := j.Check(id); f.Verdict != spec.Pass || f.Antecedents == 0 {
			t.Errorf("%s is %v", id, f.Verdict)
		}
	}
	if !h.Settled || w.Counts().Deliveries == 0 {
		t.Errorf("settled %v, %d deliveries", h.Settled, w.Counts().Deliveries)
	}
}

// A process both hears and sends on two groups whose addresses share a hardware address. A host that tells its groups
// apart by that address hands each of them what is for the other.
func TestADemultiplexerThatTrustsTheMAC(t *testing.T) {
	steps := []string{"at 10ms send 1 g 8", "at 20ms send 2 h 8", "at 30ms send 0 g 8", "at 40ms send 3 h 8"}
	trusting := threeLANs
	trusting.rules.Gets = func(dst, group netip.Addr) bool { return ipmulticast.GroupMAC(dst) == ipmulticast.GroupMAC(group) }
	var j checkers.Judge
	for name, c := range map[string]struct {
		site   site
		broken bool
	}{"correct": {threeLANs, false}, "trusting": {trusting, true}} {
		h, _ := c.site.playScenario(t, c.site.overlap(t, steps...))
		j.Load(h)
		for _, id := range []spec.ID{"NIC-FILTER", "NO-CREATION"} {
			if f := j.Check(id); (f.Verdict == spec.Fail) != c.broken || f.Antecedents == 0 {
				t.Errorf("%s: %s is %v", name, id, f.Verdict)
			} else if c.broken && id == "NIC-FILTER" && !strings.Contains(f.Witness.Text, "in group h, but it was sent at") {
				t.Errorf("the witness: %s", f.Witness.Text)
			}
		}
	}
	// Where the IP layer does not filter either, those who are in one group take what is for the other.
	trusting.rules.Wants = func(netip.Addr, func(netip.Addr) bool) bool { return true }
	h, _ := trusting.playScenario(t, trusting.overlap(t, steps...))
	j.Load(h)
	for _, id := range []spec.ID{"NIC-FILTER", "SOCKET-FILTER"} {
		if f := j.Check(id); f.Verdict != spec.Fail {
			t.Errorf("without a filter %s is %v", id, f.Verdict)
		}
	}
}
