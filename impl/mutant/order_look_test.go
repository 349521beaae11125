package mutant

import (
	"fmt"
	"slices"
	"time"

	"github.com/conform-go/conform/spec"
)

// looker judges by brute force what is said of barriers, real time and gaps in a total order, in small histories of one
// group in which nobody comes back.
type looker struct {
	h       *spec.History
	seqs    [][]seen           // by node: what it delivered, and which barriers took effect, in order
	sent    map[spec.MsgID]int // event
	acked   map[spec.MsgID]int
	syncs   map[uint64]int // by call: event
	synced  map[uint64]int
	called  map[spec.MsgID]uint64 // by name of a barrier: its call
	crashed []bool
	bites   map[spec.ID]int
	out     map[spec.ID]string
}

// seen is a delivery, or with barrier set, a barrier that took effect.
type seen struct {
	msg     spec.MsgID
	barrier uint64
	event   int
}

func look(h *spec.History) *looker {
	l := &looker{h: h, seqs: make([][]seen, len(h.Nodes)), crashed: make([]bool, len(h.Nodes)), sent: map[spec.MsgID]int{},
		acked: map[spec.MsgID]int{}, syncs: map[uint64]int{}, synced: map[uint64]int{}, called: map[spec.MsgID]uint64{}, bites: map[spec.ID]int{}, out: map[spec.ID]string{}}
	for i := range h.Events {
		e := &h.Events[i]
		switch x := h.ExtraOf(e); e.Kind {
		case spec.Send:
			l.sent[e.Msg] = i
		case spec.Ack:
			l.acked[e.Msg] = i
		case spec.Deliver:
			l.seqs[e.Node] = append(l.seqs[e.Node], seen{msg: e.Msg, event: i})
		case spec.Refuse:
			delete(l.sent, e.Msg)
		case spec.Sync:
			l.syncs[x.ID] = i
			n := spec.MsgID{Sender: e.Node, Number: 1}
			for l.called[n] != 0 {
				n.Number++
			}
			l.called[n] = x.ID
		case spec.Synced:
			l.synced[x.Of] = i
		case spec.Note:
			if x.Op == spec.OpBarrier {
				l.seqs[e.Node] = append(l.seqs[e.Node], seen{barrier: l.called[e.Msg], event: i})
			}
		case spec.Crash:
			l.crashed[e.Node] = true
		}
	}
	l.barrier()
	l.cut()
	l.causal()
	l.blocking()
	l.realTime()
	l.gapfree()
	return l
}

func (l *looker) fail(id spec.ID, format string, args ...any) {
	if l.out[id] == "" {
		l.out[id] = fmt.Sprintf(format, args...)
	}
}

// before lists what node n delivered before an event.
func (l *looker) before(n spec.NodeID, event int) map[spec.MsgID]bool {
	m := map[spec.MsgID]bool{}
	for _, s := range l.seqs[n] {
		if s.event < event && s.barrier == 0 {
			m[s.msg] = true
		}
	}
	return m
}

// label counts the barriers that a message's sender had called before it.
func (l *looker) label(m spec.MsgID) (n int) {
	for _, i := range l.syncs {
		if i < l.sent[m] && l.h.Events[i].Node == m.Sender {
			n++
		}
	}
	return n
}

func (l *looker) barrier() {
	for n := range l.seqs {
		got := map[spec.MsgID]bool{}
		for _, s := range l.seqs[n] {
			if s.barrier != 0 {
				continue
			}
			for m := range l.sent {
				if m.Sender == s.msg.Sender && m.Incarnation == s.msg.Incarnation && l.label(m) < l.label(s.msg) {
					l.bites["SYNC-BARRIER"]++
					if !got[m] {
						l.fail("SYNC-BARRIER", "%d delivered %v behind a barrier, without %v before it", n, s.msg, m)
					}
				}
			}
			got[s.msg] = true
		}
	}
}

// place gives where something stands in a sequence, or -1.
func place(seq []seen, match func(seen) bool) int { return slices.IndexFunc(seq, match) }

func (l *looker) cut() {
	for b := range l.syncs {
		isB := func(s seen) bool { return s.barrier == b }
		for p := range l.seqs {
			for q := range l.seqs {
				pb, qb := place(l.seqs[p], isB), place(l.seqs[q], isB)
				if pb < 0 || qb < 0 || p == q {
					continue
				}
				for i, s := range l.seqs[p] {
					k := place(l.seqs[q], func(x seen) bool { return x.msg == s.msg && x.barrier == s.barrier })
					if s.barrier == b || k < 0 {
						continue
					}
					l.bites["SYNC-CUT"]++
					if (i < pb) != (k < qb) {
						l.fail("SYNC-CUT", "%v (barrier %d) is on two sides of barrier %d at %d and %d", s.msg, s.barrier, b, p, q)
					}
				}
			}
		}
	}
}

func (l *looker) causal() {
	for b, call := range l.syncs {
		caller := l.h.Events[call].Node
		past := l.before(caller, call)
		for m, i := range l.sent {
			if m.Sender == caller && i < call {
				past[m] = true
			}
		}
		for n, seq := range l.seqs {
			if k := place(seq, func(s seen) bool { return s.barrier == b }); k >= 0 {
				got := l.before(spec.NodeID(n), seq[k].event)
				for m := range past {
					l.bites["SYNC-CAUSAL"]++
					if !got[m] {
						l.fail("SYNC-CAUSAL", "barrier %d took effect at %d before %v", b, n, m)
					}
				}
			}
		}
	}
}

func (l *looker) blocking() {
	for b, end := range l.synced {
		for n := range l.seqs {
			if l.crashed[n] || !slices.Contains(l.h.Groups[0].Members, spec.NodeID(n)) {
				continue
			}
			got := l.before(spec.NodeID(n), end)
			for m, i := range l.sent {
				if i < l.syncs[b] {
					l.bites["SYNC-BLOCKING"]++
					if !got[m] {
						l.fail("SYNC-BLOCKING", "sync %d returned before %d had %v", b, n, m)
					}
				}
			}
		}
	}
}

// realTime takes the declared ε for what is left of the uncertainty: none.
func (l *looker) realTime() {
	for m, a := range l.acked {
		for m2, s := range l.sent {
			if l.h.Events[a].T+spec.Time(l.h.Epsilon) >= l.h.Events[s].T || a > s {
				continue
			}
			for n, seq := range l.seqs {
				i, k := place(seq, func(x seen) bool { return x.msg == m }), place(seq, func(x seen) bool { return x.msg == m2 })
				if i >= 0 && k >= 0 {
					l.bites["REALTIME-ORDER"]++
					if k < i {
						l.fail("REALTIME-ORDER", "%d delivered %v before %v, acknowledged at %v, before the send at %v", n, m2, m,
							time.Duration(l.h.Events[a].T), time.Duration(l.h.Events[s].T))
					}
				}
			}
		}
	}
}

func (l *looker) gapfree() {
	for p, seq := range l.seqs {
		for q := range l.seqs {
			if p == q || l.crashed[p] || l.crashed[q] {
				continue
			}
			for i, s := range seq {
				k := place(l.seqs[q], func(x seen) bool { return x.msg == s.msg && x.barrier == s.barrier })
				if first := place(seq, func(x seen) bool { return x.msg == s.msg }); k < 0 || s.barrier != 0 || first < i {
					continue
				}
				for _, x := range seq[:i] {
					j := place(l.seqs[q], func(y seen) bool { return y.msg == x.msg && y.barrier == 0 })
					if x.barrier == 0 {
						l.bites["TOTAL-GAPFREE"]++
						if j < 0 || j > k {
							l.fail("TOTAL-GAPFREE", "%d delivered %v before %v, %d did not", p, x.msg, s.msg, q)
						}
					}
				}
			}
		}
	}
}
