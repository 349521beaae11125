package checkers

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/spec"
)

// durableModel is a broadcast that is right by construction: nodes log what they send and deliver, crash, come back and
// deliver their logs again; one of them may be a liar.
type durableModel struct {
	t       *rapid.T
	h       *spec.History
	atomic  bool // nobody delivers while somebody can't have it, and a send may be aborted
	lossy   bool // what is not acknowledged may be lost, which is announced
	liar    spec.NodeID
	sends   []spec.Event
	void    []bool // message: aborted
	acked   []bool
	logs    [][]int // node: messages, in the order of delivery
	lost    []map[int]bool
	kept    []int
	down    []bool
	still   []bool
	cut     []bool
	lives   []spec.Incarnation
	numbers []uint64
}

func newDurableModel(t *rapid.T) *durableModel {
	nodes := rapid.IntRange(2, 4).Draw(t, "nodes")
	m := &durableModel{t: t, h: &spec.History{}, liar: -1, logs: make([][]int, nodes), lost: make([]map[int]bool, nodes), kept: make([]int, nodes),
		down: make([]bool, nodes), still: make([]bool, nodes), cut: make([]bool, nodes), lives: make([]spec.Incarnation, nodes), numbers: make([]uint64, nodes)}
	m.h.Model, m.h.Settled = spec.CrashRecovery, true
	m.h.Bounds = map[string]time.Duration{string(TailRecovery): 1000}
	m.h.Costs = map[string]int{string(StabilityTrim): 100}
	g := spec.Group{Name: "g", Closed: true}
	for n := range nodes {
		m.h.Nodes = append(m.h.Nodes, strconv.Itoa(n))
		g.Members = append(g.Members, spec.NodeID(n))
		m.lost[n] = map[int]bool{}
	}
	m.h.Groups = []spec.Group{g}
	switch rapid.IntRange(0, 3).Draw(t, "mode") {
	case 0:
		m.atomic = true
	case 1:
		m.lossy = true
	case 2:
		m.liar = spec.NodeID(nodes - 1)
		m.h.Byzantine = []spec.NodeID{m.liar}
	}
	return m
}

func (m *durableModel) add(k spec.Kind, n int, e spec.Event, x spec.Extra) {
	e.Kind, e.Node, e.Has, e.T = k, spec.NodeID(n), e.Has|spec.HasNode, spec.Time(len(m.h.Events))
	m.h.AddExtra(e, x)
}

func (m *durableModel) note(n, change int) {
	if m.kept[n] += change; m.kept[n] >= 0 {
		m.add(spec.Note, n, spec.Event{Has: spec.HasGroup}, spec.Extra{Op: spec.OpKept, Depth: int64(m.kept[n])})
	}
}

func (m *durableModel) send(n int) {
	m.numbers[n]++
	e := spec.Event{Has: spec.HasMsg | spec.HasGroup | spec.HasSum, Sum: spec.Digest(len(m.sends)),
		Msg: spec.MsgID{Sender: spec.NodeID(n), Incarnation: m.lives[n], Number: m.numbers[n]}}
	m.sends, m.void, m.acked = append(m.sends, e), append(m.void, false), append(m.acked, false)
	if spec.NodeID(n) != m.liar || rapid.Bool().Draw(m.t, "recorded") {
		e.Sum = spec.Digest(rapid.IntRange(len(m.sends)-1, len(m.sends)).Draw(m.t, "sum")) // a liar says what it likes
		if spec.NodeID(n) != m.liar {
			e.Sum = m.sends[len(m.sends)-1].Sum
		}
		m.add(spec.Send, n, e, spec.Extra{})
	}
	if spec.NodeID(n) != m.liar {
		m.note(n, 1)
	}
}

func (m *durableModel) idle() bool {
	return !slices.Contains(m.down, true) && !slices.Contains(m.still, true) && !slices.Contains(m.cut, true)
}

// deliver hands the node the next of each sender, if it may have it now.
func (m *durableModel) deliver(n int) bool {
	if m.down[n] || m.still[n] || m.cut[n] || m.atomic && !m.idle() {
		return false
	}
	for k, s := range m.sends {
		if m.void[k] || m.lost[n][k] || slices.Contains(m.logs[n], k) {
			continue
		}
		if m.lossy && !m.acked[k] && int(s.Msg.Sender) != n && rapid.IntRange(0, 3).Draw(m.t, "lost") == 0 {
			m.lost[n][k] = true
			m.add(spec.Gap, n, spec.Event{Has: spec.HasGroup | spec.HasFrom, From: s.Msg.Sender}, spec.Extra{})
			continue
		}
		m.logs[n] = append(m.logs[n], k)
		s.Has, s.From = s.Has|spec.HasFrom, s.Msg.Sender
		m.add(spec.Deliver, n, s, spec.Extra{})
		return true
	}
	return false
}

func (m *durableModel) acknowledge(n int) {
	for k, s := range m.sends {
		if int(s.Msg.Sender) != n || s.Msg.Incarnation != m.lives[n] || m.acked[k] || m.void[k] {
			continue
		}
		delivered := false
		lost := false
		for q := range m.h.Nodes {
			delivered = delivered || slices.Contains(m.logs[q], k)
			lost = lost || m.lost[q][k]
		}
		switch {
		case lost:
		case m.atomic && !delivered && rapid.Bool().Draw(m.t, "abort"):
			m.void[k] = true
			m.add(spec.Refuse, n, spec.Event{Has: spec.HasMsg, Msg: s.Msg}, spec.Extra{Reason: spec.ReasonAborted})
		default:
			m.acked[k] = true
			m.add(spec.Ack, n, spec.Event{Has: spec.HasMsg, Msg: s.Msg}, spec.Extra{})
		}
		return
	}
}

func (m *durableModel) recover(n int) {
	m.down[n] = false
	m.lives[n]++
	m.numbers[n] = 0
	if rapid.IntRange(0, 3).Draw(m.t, "counts") == 0 { // and had kept all of it
		m.add(spec.Recover, n, spec.Event{Has: spec.IsCounted}, spec.Extra{})
		return
	}
	m.add(spec.Recover, n, spec.Event{}, spec.Extra{})
	for _, k := range m.logs[n] {
		s := m.sends[k]
		s.Has, s.From = s.Has|spec.HasFrom|spec.IsRedelivered, s.Msg.Sender
		m.add(spec.Deliver, n, s, spec.Extra{})
	}
}

// lie lets the liar claim anything.
func (m *durableModel) lie(n int) {
	if len(m.sends) == 0 || rapid.Bool().Draw(m.t, "send") {
		m.send(n)
		return
	}
	e := rapid.SampledFrom(m.sends).Draw(m.t, "of")
	e.Sum++
	m.add(rapid.SampledFrom([]spec.Kind{spec.Deliver, spec.Ack, spec.Refuse, spec.Gap}).Draw(m.t, "claim"), n, e, spec.Extra{Reason: spec.ReasonAborted})
	if q := rapid.IntRange(0, n-1).Draw(m.t, "forged"); !m.down[q] && e.Msg.Sender != m.liar { // what it sends has another's envelope in it
		e.From, e.Has = m.liar, e.Has|spec.HasFrom
		m.add(spec.Deliver, q, e, spec.Extra{})
	}
}

func (m *durableModel) step() {
	n := rapid.IntRange(0, len(m.h.Nodes)-1).Draw(m.t, "node")
	k := rapid.IntRange(0, 29).Draw(m.t, "what")
	switch {
	case spec.NodeID(n) == m.liar:
		m.lie(n)
	case m.down[n]:
		if k < 8 {
			m.recover(n)
		}
	case m.still[n]:
		if k < 8 {
			m.still[n] = false
			m.add(spec.Resume, n, spec.Event{}, spec.Extra{})
		}
	case k < 6:
		m.send(n)
	case k < 18:
		m.deliver(n)
	case k < 24:
		m.acknowledge(n)
	case k == 24:
		m.still[n] = true
		m.add(spec.Pause, n, spec.Event{}, spec.Extra{})
	case k == 25:
		m.cut[n] = !m.cut[n]
		kind := spec.Fault
		if !m.cut[n] {
			kind = spec.Heal
		}
		m.add(kind, n, spec.Event{}, spec.Extra{ID: uint64(n)})
	case k == 26 && m.kept[n] > 0:
		m.note(n, -1)
	case k == 27:
		m.add(spec.Discard, n, spec.Event{}, spec.Extra{Reason: spec.ReasonOverflow})
	case k > 27:
		m.down[n] = true
		m.kept[n] = 0
		m.add(spec.Crash, n, spec.Event{}, spec.Extra{})
	}
}

// settle mends everything, and lets the traffic drain.
func (m *durableModel) settle() {
	for n := range m.h.Nodes {
		if m.down[n] {
			m.recover(n)
		}
		if m.still[n] {
			m.still[n] = false
			m.add(spec.Resume, n, spec.Event{}, spec.Extra{})
		}
		if m.cut[n] {
			m.cut[n] = false
			m.add(spec.Heal, n, spec.Event{}, spec.Extra{ID: uint64(n)})
		}
	}
	for n := range m.h.Nodes {
		for spec.NodeID(n) != m.liar && m.deliver(n) {
		}
		if m.kept[n] > 0 {
			m.note(n, -m.kept[n])
		}
	}
}

// What nobody promises: the model is neither atomic nor without losses by itself, and marks what it delivers again.
func (m *durableModel) promises(id spec.ID) bool {
	switch id {
	case AllOrNothing:
		return m.atomic
	case SelfDelivery, Validity, Agreement, UniformAgreement, AckedDelivered, Durability, ProbabilisticValidity, TailRecovery, ByzTotality, ByzValidity:
		return !m.lossy
	case FIFOGapFree, CausalGapFree, LocalOrder, CausalOrder, CrossGroupCausal:
		return false
	}
	return !onTotalOrder(id)
}

// What a correct model plays never fails, and tests everything.
func TestCorrectDurableModels(t *testing.T) {
	var j Judge
	bites := map[spec.ID]int{}
	rounds(t, 20, func(r *rapid.T) {
		m := newDurableModel(r)
		for range rapid.IntRange(0, 80).Draw(r, "steps") {
			m.step()
		}
		m.settle()
		j.Load(m.h)
		for _, id := range twinned() {
			f := j.Check(id)
			if f.Verdict == spec.Pass {
				bites[id]++
			}
			if f.Verdict == spec.Error || f.Verdict == spec.Fail && m.promises(id) || f.Missing > 0 && m.promises(id) {
				r.Fatalf("%s: %+v %+v\n%s", id, f, f.Witness, show(m.h))
			}
		}
	})
	for id := range moreTwins {
		if bites[id] == 0 && !testing.Short() && id != DetectorCompleteness { // the model suspects nobody
			t.Errorf("%s never passed", id)
		}
	}
	t.Log(bites)
}
