package spec

import "slices"

// An edge says that every complete history on which all of the premises hold satisfies the conclusion too. Claims
// that always go together in practice, but do not follow from the words, have no edge: a judge would look for no
// witness that sets them apart.
type edge struct {
	from []ID
	to   ID
}

// A few tempting edges are absent on purpose. SELF-DELIVERY and AGREEMENT do not give VALIDITY: in an open group a
// sender need not be a member. AGREEMENT and FIFO-ORDER do not give FIFO-GAPFREE: a message that nobody delivers
// leaves the same gap everywhere. VALIDITY does not give JOIN-COMPLETE: it is about the members of the view in which a
// message was sent, and that view may be without the joiner. LOCAL-ORDER with the gap-tolerant FIFO-ORDER does not give CAUSAL-ORDER. FLUSH-BLOCK
// does not give SENDING-VIEW-DELIVERY: it says nothing of a new message delivered in the old view. TOTAL-ORDER-PREFIX
// does not give TOTAL-GAPFREE where there are views: a process may miss the end of one view, be a prefix there, and
// be a prefix again in the next. Nor does it give TOTAL-ORDER: two may deliver the same messages in different views. No
// total order gives a FIFO or a causal one, nor they it. No reading of a barrier gives another: SYNC-CUT and SYNC-CAUSAL
// say where a barrier takes effect, and SYNC-BARRIER what comes behind the caller's next send.
//
// An edge from several premises is about those that neither lie nor come back, join or leave: AGREEMENT asks of a node
// what TOTAL-GAPFREE asks of each of its lives, and of members until the end what it asks of members at the time.
var edges = []edge{
	// At most once in all lives together is at most once in each.
	{[]ID{"NO-DUPLICATION/restart"}, "NO-DUPLICATION"},
	// Who has returned from a leave is not a member.
	{[]ID{"DESTINATION-INTEGRITY"}, "NO-DELIVERY-AFTER-LEAVE"},

	// The sender is one of the correct members.
	{[]ID{"VALIDITY"}, "SELF-DELIVERY"},
	// Who does not lie, nor crash, is correct under every model.
	{[]ID{"VALIDITY"}, "BYZ-VALIDITY"},
	// The correct are some of all that deliver.
	{[]ID{"UNIFORM-AGREEMENT"}, "AGREEMENT"},
	// "Delivered by some correct members and never by others" is what agreement forbids.
	{[]ID{"ALL-OR-NOTHING"}, "AGREEMENT"},
	// Those that neither lie nor crash are some of those that do not crash.
	{[]ID{"AGREEMENT"}, "BYZ-TOTALITY"},

	// By definition: order, and no gaps.
	{[]ID{"FIFO-GAPFREE"}, "FIFO-ORDER"},
	// Where there is no hole, none is left unannounced.
	{[]ID{"FIFO-GAPFREE"}, "NO-SILENT-GAP"},
	// By definition: order, and no gaps.
	{[]ID{"CAUSAL-GAPFREE"}, "CAUSAL-ORDER"},
	// The sender's earlier messages are in the past of its later ones.
	{[]ID{"CAUSAL-GAPFREE"}, "FIFO-GAPFREE"},
	// What the sender had delivered is in the past of what it sends.
	{[]ID{"CAUSAL-GAPFREE"}, "LOCAL-ORDER"},
	// One sender's multicasts happen one after the other.
	{[]ID{"CAUSAL-ORDER"}, "FIFO-ORDER"},
	// Every step of happened-before is one of the two: same sender, or delivered before sending (HT94).
	{[]ID{"FIFO-GAPFREE", "LOCAL-ORDER"}, "CAUSAL-GAPFREE"},
	// The past within one group is part of the past across all.
	{[]ID{"CROSS-GROUP-CAUSAL"}, "CAUSAL-ORDER"},

	// Two sequences that disagree on a pair are a cycle of length two.
	{[]ID{"TOTAL-ORDER"}, "TOTAL-ORDER-PAIRWISE"},
	// In a cycle m1 < m2 at p, m2 < m3 at q, q has delivered m1 before m2, hence m1 < m3 at q: any cycle shortens to a
	// pair, and on a pair a process would have delivered each before the other.
	{[]ID{"TOTAL-GAPFREE"}, "TOTAL-ORDER"},
	// The correct are some of all.
	{[]ID{"UNIFORM-TOTAL-ORDER"}, "TOTAL-ORDER"},
	{[]ID{"UNIFORM-TOTAL-GAPFREE"}, "TOTAL-GAPFREE"},
	// The same shortening of cycles, with the sequences of the dead.
	{[]ID{"UNIFORM-TOTAL-GAPFREE"}, "UNIFORM-TOTAL-ORDER"},
	// Who delivers m′ and was sent m delivers m at some time; had it done so after m′, a pair would disagree.
	{[]ID{"AGREEMENT", "TOTAL-ORDER-PAIRWISE"}, "TOTAL-GAPFREE"},
	// What anyone delivered, all the correct deliver, and nobody in another order or with a hole.
	{[]ID{"UNIFORM-AGREEMENT", "UNIFORM-TOTAL-GAPFREE"}, "NO-CONTAMINATION"},
	// An order of all messages orders those of each group.
	{[]ID{"CROSS-GROUP-TOTAL"}, "TOTAL-ORDER"},

	// The view in which it was sent is one view.
	{[]ID{"SENDING-VIEW-DELIVERY"}, "SAME-VIEW-DELIVERY"},

	// A second copy from a loop or a twin forwarder crosses the last link twice.
	{[]ID{"ROUTE-ONE-COPY"}, "ROUTE-NO-DUPLICATE"},
}

// Implies lists every requirement that a alone entails, directly or through others, in the order of the catalogue
// and without a itself: whenever a complete history satisfies a, it satisfies them. It is empty for an unknown id.
func Implies(a ID) []ID {
	if _, ok := Lookup(a); !ok {
		return nil
	}
	return slices.DeleteFunc(Entailed([]ID{a}), func(id ID) bool { return id == a })
}

// ImpliedBy lists every requirement that alone entails b, in the order of the catalogue and without b itself. A
// protocol that breaks b breaks all of these.
func ImpliedBy(b ID) []ID {
	var out []ID
	for i := range catalogue {
		if a := catalogue[i].ID; slices.Contains(Implies(a), b) {
			out = append(out, a)
		}
	}
	return out
}

// Entailed closes a set of requirements: it lists all that follow from them together, themselves included, in the
// order of the catalogue. It knows more than [Implies] of each: FIFO-GAPFREE and LOCAL-ORDER together are
// CAUSAL-GAPFREE. What is not listed can be violated while all of these hold, and there a separation witness may be
// asked for. Unknown ids are left out.
func Entailed(ids []ID) []ID {
	holds := make(map[ID]bool, len(ids))
	for _, id := range ids {
		if _, ok := Lookup(id); ok {
			holds[id] = true
		}
	}
	for grown := true; grown; {
		grown = false
		for _, e := range edges {
			if holds[e.to] || slices.ContainsFunc(e.from, func(id ID) bool { return !holds[id] }) {
				continue
			}
			holds[e.to], grown = true, true
		}
	}
	var out []ID
	for id := range holds {
		out = append(out, id)
	}
	return catalogueOrder(out)
}
