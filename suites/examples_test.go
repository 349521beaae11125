package suites_test

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

func example(t *testing.T, name string) *faults.Scenario {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "examples", name+".scenario"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := faults.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func replayed(t *testing.T, name string) *suites.Replayed {
	t.Helper()
	r, err := suites.Replay(example(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// received counts the datagrams that a node received from a time on.
func received(h *spec.History, n spec.NodeID, from time.Duration) (count int) {
	for i := range h.Events {
		e := &h.Events[i]
		if e.Kind == spec.Receive && e.Node == n && h.ExtraOf(e).Op == "data" && e.T >= spec.Time(from) {
			count++
		}
	}
	return count
}

// TestRouterDies: some but not all members receive.
func TestRouterDies(t *testing.T) {
	r := replayed(t, "router-dies")
	for n, want := range []int{0, 1, 0} {
		if got := received(&r.History, spec.NodeID(n), 0); got != want {
			t.Errorf("node %d received %d datagrams of others, want %d", n, got, want)
		}
	}
	if r.Verdict != spec.Fail {
		t.Errorf("AGREEMENT is %s", r.Verdict)
	}
}

// TestRouterFailover: the second router of the LAN takes over, and the listener goes on to receive.
func TestRouterFailover(t *testing.T) {
	r := replayed(t, "router-failover")
	if got := received(&r.History, 0, 700*time.Millisecond); got != 2 {
		t.Errorf("after the failover node 0 received %d datagrams, want 2", got)
	}
	for _, want := range []string{"router-down r0", "r3 to r2 on wan3: pim-graft g"} {
		if !strings.Contains(r.Diagram, want) {
			t.Errorf("the story lacks %q:\n%s", want, r.Diagram)
		}
	}
}

// TestIPTV: the old stream stops, the new one starts, and both take their time.
func TestIPTV(t *testing.T) {
	r := replayed(t, "iptv")
	if len(r.Changes) != 2 {
		t.Fatalf("changes: %+v", r.Changes)
	}
	left, joined := r.Changes[0], r.Changes[1]
	if left.Kind != "left" || !left.Nobody || left.Stray != 1 || left.Took > int64(10*time.Millisecond) {
		t.Errorf("leave: %+v", left)
	}
	if joined.Kind != "joined" || joined.Took < 0 || joined.Took > int64(10*time.Millisecond) {
		t.Errorf("join: %+v", joined)
	}
	if r.Verdict != spec.Pass {
		t.Errorf("verdict %s", r.Verdict)
	}
}

// TestChannels: a change from one group to another; what the node leaves behind stops, and it gets all of the new one.
func TestChannels(t *testing.T) {
	r := replayed(t, "channels")
	if len(r.Changes) != 2 || r.Verdict != spec.Pass || len(r.Beyond) > 0 {
		t.Fatalf("verdict %s, changes %+v", r.Verdict, r.Changes)
	}
	left, joined := r.Changes[0], r.Changes[1]
	if left.Kind != "left" || left.Group != "one" || left.Took > int64(10*time.Millisecond) {
		t.Errorf("leave: %+v", left)
	}
	if joined.Kind != "joined" || joined.Group != "two" || joined.Took < 0 || joined.Took > int64(10*time.Millisecond) {
		t.Errorf("join: %+v", joined)
	}
	one, two := deliveredIn(&r.History, "one"), deliveredIn(&r.History, "two")
	if one[1] != " 0.0 0.1" || two[1] != " 0.2 0.3 0.4" || one[2] != "" || two[2] != " 0.0 0.1 0.2 0.3 0.4" {
		t.Errorf("delivered%s of one and%s of two, and by the other%s and%s", one[1], two[1], one[2], two[2])
	}
}

// TestSharedMAC: each group's members deliver their own group's messages and no others.
func TestSharedMAC(t *testing.T) {
	r := replayed(t, "shared-mac")
	if r.Verdict != spec.Pass {
		t.Errorf("verdict %s", r.Verdict)
	}
	judged := false
	for _, row := range r.Requirements {
		judged = judged || row.ID == "NIC-FILTER" && row.Verdict == spec.Pass && row.Antecedents > 0
	}
	if !judged {
		t.Error("NIC-FILTER was not tested")
	}
}

// bites says whether a requirement was tested in a run, and held.
func bites(r *suites.Replayed, id spec.ID) bool {
	for _, row := range r.Requirements {
		if row.ID == id && row.Verdict == spec.Pass && row.Antecedents > 0 {
			return true
		}
	}
	return false
}

// deliveredIn tells what each node delivered, in order: for each message its sender, and how many messages that one
// had sent before in the same group.
func deliveredIn(h *spec.History, group string) []string {
	by := make([]string, len(h.Nodes))
	sent, count := map[spec.MsgID]string{}, map[spec.NodeID]int{}
	for i := range h.Events {
		e := &h.Events[i]
		if !e.Is(spec.HasGroup) || h.GroupName(e.Group) != group {
			continue
		}
		switch e.Kind {
		case spec.Send:
			sent[e.Msg] = fmt.Sprintf(" %d.%d", e.Node, count[e.Node])
			count[e.Node]++
		case spec.Deliver:
			by[e.Node] += cmp.Or(sent[e.Msg], " of another group")
		}
	}
	return by
}

// TestTwoGroups: a process in two groups whose addresses share a MAC hears both, and each in its own; who is in one of
// them, only that one, though the card lets the frames of both through.
func TestTwoGroups(t *testing.T) {
	r := replayed(t, "two-groups")
	if r.Verdict != spec.Pass || !bites(r, "NIC-FILTER") || !bites(r, "SOCKET-FILTER") || !bites(r, "DESTINATION-INTEGRITY") {
		t.Errorf("verdict %s, %+v", r.Verdict, r.Requirements)
	}
	for group, want := range map[string][]string{
		"g": {" 0.0 1.0 3.0", " 0.0 1.0 3.0", "", ""},
		"h": {"", " 2.0 1.0 3.0", " 2.0 1.0 3.0", ""},
	} {
		for n, got := range deliveredIn(&r.History, group)[:4] {
			if got != want[n] {
				t.Errorf("in %s node %d delivered%s, want%s", group, n, got, want[n])
			}
		}
	}
	for n, want := range []int{2, 4, 2, 0} {
		if got := received(&r.History, spec.NodeID(n), 0); got != want {
			t.Errorf("node %d received %d datagrams of others, want %d", n, got, want)
		}
	}
}

// TestBulletinBoard: the topics of the board are groups; who reads a topic gets its items, a reply behind its original
// and those of one author in their order, and of other topics not even the datagrams.
func TestBulletinBoard(t *testing.T) {
	r := replayed(t, "bulletin-board")
	if r.Verdict != spec.Pass || len(r.Unplayed) > 0 || !bites(r, "AGREEMENT") || !bites(r, "FIFO-GAPFREE") || !bites(r, "CAUSAL-GAPFREE") {
		t.Errorf("verdict %s, %+v", r.Verdict, r.Requirements)
	}
	readers := map[string][]spec.NodeID{"os.interesting": {0, 1, 2}, "os.trivial": {1, 3, 4}}
	for topic, members := range readers {
		for n, got := range deliveredIn(&r.History, topic)[:5] {
			items := len(strings.Fields(got))
			switch reads := slices.Contains(members, spec.NodeID(n)); {
			case reads && items < 3, !reads && items > 0, strings.Contains(got, "another"):
				t.Errorf("of %s node %d delivered%s", topic, n, got)
			case reads && topic == "os.interesting" && strings.Index(got, " 2.0") < strings.Index(got, " 0.0"):
				t.Errorf("node %d read the reply before the original:%s", n, got)
			}
		}
	}
	for i := range r.History.Events {
		e := &r.History.Events[i]
		if e.Kind == spec.Receive && r.History.ExtraOf(e).Op == "data" && !slices.Contains(readers[r.History.GroupName(e.Group)], e.Node) {
			t.Errorf("node %d received a datagram of %s", e.Node, r.History.GroupName(e.Group))
		}
	}
}

// TestCapture: the frames of a run are a capture that others read.
func TestCapture(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	for name, want := range map[string][]string{
		"router-failover": {"IGMPv2", "PIMv2", "Hello", "Graft", "UDP"},
		"shared-mac":      {"Membership Report group 225.1.1.1", "10.0.1.1 → 239.129.1.1"},
	} {
		if testing.Short() && name != "router-failover" { // tshark takes its time
			continue
		}
		file := filepath.Join(t.TempDir(), name+".pcap")
		f, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := suites.Capture(example(t, name), f); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		checks := []string{"-r", file, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-d", "udp.port==5000,data"}
		out, err := exec.Command(tshark, checks...).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !bytes.Contains(out, []byte(w)) {
				t.Errorf("%s: tshark reads no %q", name, w)
			}
		}
		bad, err := exec.Command(tshark, append(checks, "-Y",
			"_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0 || igmp.checksum.status == 0 || pim.cksum.status == 0")...).Output()
		if err != nil {
			t.Fatal(err)
		}
		if len(bad) > 0 {
			t.Errorf("%s: tshark finds fault with\n%s", name, bad)
		}
	}
	if _, err := suites.Capture(&faults.Scenario{Subject: "unicast/unreliable/unordered", Nodes: 1}, &bytes.Buffer{}); err == nil {
		t.Error("frames were captured where there are none")
	}
}

// A disk that says of what it loses that it is safe takes with it what was acknowledged.
func TestLostSync(t *testing.T) {
	r := replayed(t, "lost-sync")
	if i := slices.IndexFunc(r.Requirements, func(x suites.Row) bool { return x.ID == "DURABILITY" }); i < 0 || r.Requirements[i].Verdict != spec.Fail {
		t.Errorf("durability was not broken: %+v", r.Requirements)
	}
}

// Who waits for the dead says so: it is suspected, nothing is delivered, and whether that is for ever one run can't tell.
func TestDeadMember(t *testing.T) {
	r := replayed(t, "dead-member")
	if r.Verdict != spec.Inconclusive || !slices.Contains(r.NotJudged, "VALIDITY") || !strings.Contains(r.Diagram, "suspect 2") || strings.Contains(r.Diagram, "deliver") {
		t.Errorf("%v, not judged %v\n%s", r.Verdict, r.NotJudged, r.Diagram)
	}
}
