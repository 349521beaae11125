package suites_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// broke says whether what a scenario was played for is broken in its run, and what a witness says.
func broke(t *testing.T, r *suites.Replayed) string {
	t.Helper()
	for _, row := range r.Requirements {
		if row.ID == r.Expect && row.Verdict == spec.Fail {
			return row.Witness.Text
		}
	}
	t.Errorf("%s: %s is not broken: %s\n%s", r.Subject, r.Expect, r.Verdict, r.Diagram)
	return ""
}

// sound says whether all that is claimed held, and these requirements were tested.
func sound(t *testing.T, r *suites.Replayed, ids ...spec.ID) {
	t.Helper()
	if r.Verdict != spec.Pass || len(r.Unplayed) > 0 {
		t.Errorf("%s: %s, unplayed %v\n%s", r.Subject, r.Verdict, r.Unplayed, r.Diagram)
	}
	for _, id := range ids {
		if !bites(r, id) {
			t.Errorf("%s: %s was not tested", r.Subject, id)
		}
	}
}

func orders(t *testing.T, r *suites.Replayed, group string, want ...string) {
	t.Helper()
	if got := deliveredIn(&r.History, group)[:len(want)]; !slices.Equal(got, want) {
		t.Errorf("%s: delivered %q, want %q", r.Subject, got, want)
	}
}

// TestTwoReplicas: without an order of messages 2 and 3 take two writes in different order, with it in the same.
func TestTwoReplicas(t *testing.T) {
	r := replayed(t, "replicas-diverge")
	if text := broke(t, r); !strings.Contains(text, "process 2") {
		t.Errorf("the witness is not replica 2: %s", text)
	}
	orders(t, r, "g", " 0.0 1.0", " 0.0 1.0", " 1.0 0.0", " 0.0 1.0")
	r = replayed(t, "replicas-equal")
	sound(t, r, "TOTAL-ORDER", "TOTAL-ORDER-PREFIX", "AGREEMENT")
	got := deliveredIn(&r.History, "g")
	orders(t, r, "g", got[0], got[0], got[0], got[0])
}

// TestReplyThatOvertakes: the second message is the first of its sender, which FIFO order lets pass and causal order
// holds back; of two concurrent ones each node may choose.
func TestReplyThatOvertakes(t *testing.T) {
	r := replayed(t, "reply-overtakes")
	broke(t, r)
	orders(t, r, "g", " 0.0 1.0 0.1 1.1", " 0.0 1.0 0.1 1.1", " 1.0 0.0 1.1 0.1")
	if !bites(r, "FIFO-GAPFREE") {
		t.Error("FIFO order did not hold")
	}
	r = replayed(t, "reply-held-back")
	sound(t, r, "CAUSAL-ORDER", "CAUSAL-GAPFREE", "LOCAL-ORDER")
	orders(t, r, "g", " 0.0 1.0 0.1 1.1", " 0.0 1.0 0.1 1.1", " 0.0 1.0 1.1 0.1")
	if !strings.Contains(r.Diagram, " hold") {
		t.Errorf("nothing was held back:\n%s", r.Diagram)
	}
}

// TestAllOrders: T1 and T2 in one order everywhere, opposite to real time; F1 before F2; C1 before C3.
func TestAllOrders(t *testing.T) {
	r := replayed(t, "all-orders")
	sound(t, r, "TOTAL-ORDER", "FIFO-GAPFREE", "CAUSAL-GAPFREE", "LOCAL-ORDER")
	const all = " 2.0 1.0 2.1 2.2 0.0 1.1"
	orders(t, r, "g", all, all, all)
}

// TestTheReply: that those who stay deliver a reply before, or without, its question is legal under total order, and
// illegal under causal order.
func TestTheReply(t *testing.T) {
	r := replayed(t, "reply-without-question")
	broke(t, r)
	if !bites(r, "TOTAL-ORDER") || !bites(r, "TOTAL-GAPFREE") || !bites(r, "SEQUENCE-LINEARIZABLE") {
		t.Errorf("total order did not hold: %+v", r.Requirements)
	}
	orders(t, r, "g", " 1.1 0.0 2.0", " 1.0 1.1", " 1.1 0.0 2.0")
	r = replayed(t, "reply-waits")
	sound(t, r, "CAUSAL-GAPFREE", "LOCAL-ORDER")
	if got := deliveredIn(&r.History, "g"); strings.Contains(got[0]+got[2], "1.") || len(strings.Fields(got[2])) != 2 {
		t.Errorf("delivered %q", got)
	}

	f, err := os.Open(filepath.Join("testdata", "examples", "reply-before-question.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h, err := spec.ReadHistory(f)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[spec.ID]spec.Verdict{"TOTAL-ORDER": spec.Pass, "CAUSAL-ORDER": spec.Fail, "LOCAL-ORDER": spec.Fail} {
		if got := suites.CheckHistory(h, []spec.ID{id}).Verdict; got != want {
			t.Errorf("reply before question: %s is %s, want %s", id, got, want)
		}
	}
}

// TestRelayed: the sender crashes before its copy to the last one leaves. Who received relays, and the last one delivers
// once; where nobody relays, it never does.
func TestRelayed(t *testing.T) {
	r := replayed(t, "relayed")
	sound(t, r, "AGREEMENT", "NO-DUPLICATION")
	orders(t, r, "g", "", " 0.0", " 0.0", " 0.0")
	copies := 0
	for i := range r.History.Events {
		if e := &r.History.Events[i]; e.Kind == spec.Discard && e.Node == 3 && r.History.ExtraOf(e).Reason == "duplicate" {
			copies++
		}
	}
	if copies == 0 {
		t.Errorf("3 discarded no duplicate:\n%s", r.Diagram)
	}
	r = replayed(t, "not-relayed")
	broke(t, r)
	orders(t, r, "g", "", " 0.0", " 0.0", "")
}

// TestParted: a partition that ends after the sender has crashed leaves a member behind.
func TestParted(t *testing.T) {
	r := replayed(t, "partition")
	broke(t, r)
	orders(t, r, "g", " 0.0", " 0.0", "")
}

// TestItemNumbers: on the bulletin board the k-th item of a topic is the same at every reader.
func TestItemNumbers(t *testing.T) {
	r := replayed(t, "bulletin-board")
	sound(t, r, "TOTAL-ORDER", "TOTAL-ORDER-PREFIX", "CAUSAL-GAPFREE", "FIFO-GAPFREE")
	for topic, readers := range map[string][]int{"os.interesting": {0, 1, 2}, "os.trivial": {1, 3, 4}} {
		got := deliveredIn(&r.History, topic)
		for _, n := range readers {
			if got[n] != got[readers[0]] || len(strings.Fields(got[n])) < 3 {
				t.Errorf("of %s reader %d has%s, and %d has%s", topic, n, got[n], readers[0], got[readers[0]])
			}
		}
	}
}

// viewsOf lists the members of the views that a node installs, in the order of its installations.
func viewsOf(h *spec.History, n spec.NodeID) string {
	var out strings.Builder
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == spec.ViewChange && e.Node == n && !e.Is(spec.IsTransitional) {
			fmt.Fprint(&out, h.ExtraOf(e).Members)
		}
	}
	return out.String()
}

// count counts the events of a kind at a node.
func count(h *spec.History, n spec.NodeID, k spec.Kind) (count int) {
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == k && e.Node == n {
			count++
		}
	}
	return count
}

func views(t *testing.T, r *suites.Replayed, n spec.NodeID, want string) {
	t.Helper()
	if got := viewsOf(&r.History, n); got != want {
		t.Errorf("the views of %d are %s, want %s", n, got, want)
	}
}

// TestSenderDiesHalfWay: of the survivors one had the message and the other had not; both deliver it before the view
// without its sender.
func TestSenderDiesHalfWay(t *testing.T) {
	r := replayed(t, "view-sender-dies")
	sound(t, r, "VIRTUAL-SYNCHRONY", "PRIMARY-COMPONENT", "SAME-VIEW-DELIVERY", "MEMBERSHIP-PRECISION", "TOTAL-ORDER")
	views(t, r, 1, "[0 1 2][1 2]")
	views(t, r, 2, "[0 1 2][1 2]")
	orders(t, r, "g", " 1.0", " 1.0 0.0 2.0 1.1", " 1.0 0.0 2.0 1.1")
}

// TestCoordinatorDiesInTheFlush: who takes over finishes the view.
func TestCoordinatorDiesInTheFlush(t *testing.T) {
	r := replayed(t, "view-coordinator-dies")
	sound(t, r, "VIRTUAL-SYNCHRONY", "PRIMARY-COMPONENT", "MEMBERSHIP-PRECISION")
	if views(t, r, 0, "[0 1 2 3 4]"); count(&r.History, 0, spec.Block) != 1 {
		t.Error("the coordinator is not in the flush when it dies")
	}
	for n := spec.NodeID(1); n <= 3; n++ {
		if got := viewsOf(&r.History, n); !strings.HasSuffix(got, "[1 2 3]") {
			t.Errorf("the views of %d are %s", n, got)
		}
	}
}

// TestMinorityBlocks: who is cut off is told so, and given what it missed when it is back.
func TestMinorityBlocks(t *testing.T) {
	r := replayed(t, "view-minority-blocks")
	sound(t, r, "PRIMARY-COMPONENT", "FLUSH-BLOCK", "MEMBERSHIP-PRECISION", "JOIN-TRANSFER")
	views(t, r, 0, "[0 1 2 3 4][0 1 2][0 1 2 3 4]")
	views(t, r, 3, "[0 1 2 3 4][0 1 2 3 4]")
	h := &r.History
	if count(h, 3, spec.Block) == 0 || count(h, 3, spec.Refuse) != 1 || count(h, 3, spec.Restore) != 1 || count(h, 3, spec.Deliver) != 1 {
		t.Errorf("3 is not blocked, refused, given the state, and a member again:\n%s", r.Diagram)
	}
}

// TestJoinDuringTheFlush: who asks to come in while a view ends comes in with the next, and has all from there on.
func TestJoinDuringTheFlush(t *testing.T) {
	r := replayed(t, "view-join-during-flush")
	sound(t, r, "JOIN-COMPLETE", "JOIN-TRANSFER", "FLUSH-BLOCK", "MEMBERSHIP-PRECISION")
	views(t, r, 1, "[0 1 2][0 1][0 1 3]")
	views(t, r, 3, "[0 1 3]")
	if h := &r.History; count(h, 1, spec.Refuse) != 1 || count(h, 3, spec.Restore) != 1 || count(h, 3, spec.Deliver) != 1 {
		t.Errorf("1 is not refused in the flush, or 3 lacks something:\n%s", r.Diagram)
	}
}

// TestSplitAndMerge: both parts go on, in views without a common member, and come together again.
func TestSplitAndMerge(t *testing.T) {
	r := replayed(t, "view-split-and-merge")
	sound(t, r, "VIEW-OVERLAP", "TRANSITIONAL-SET", "SUCCESSOR-AGREEMENT", "VIRTUAL-SYNCHRONY", "MEMBERSHIP-PRECISION")
	for n := range spec.NodeID(4) {
		part := "[0 1]"
		if n >= 2 {
			part = "[2 3]"
		}
		views(t, r, n, "[0 1 2 3]"+part+"[0 1 2 3]")
	}
	orders(t, r, "g", " 0.0 1.0", " 0.0 1.0", " 2.0 1.0", " 2.0 1.0")
}
