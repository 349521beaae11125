package checkers

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/spec"
)

// JOIN-COMPLETE and GROUP-RESTART once more, from their words.

// memberFrom gives from when on a correct node is a member for good, by calls and by views.
func (t *twin) memberFrom(n spec.NodeID, g spec.GroupID) (from int, ok bool) {
	end := len(t.h.Events)
	from, ok = t.since(n, g, end, false)
	if !ok || !t.correct(n) || !t.rule().told[g] {
		return from, ok && t.correct(n)
	}
	p := twinProc{n, t.life(n, end)}
	begin, member := t.begun(p, g, end)
	if !member && p.inc > 0 {
		return 0, false
	}
	if member {
		from = max(from, begin)
	}
	removed := t.rule().removed[[2]int{int(n), int(g)}]
	if removed == 0 {
		return from, true
	}
	for _, i := range t.views() {
		if v := t.viewAt(i); v.g == g && t.lists(v, n) && t.firstOf(v) >= removed {
			return max(from, t.firstOf(v)), true
		}
	}
	return 0, false
}

func (t *twin) joinComplete() (a answer) {
	for m := range t.msgs {
		x := &t.msgs[m]
		if !x.judged() || x.lied || !t.sound(m) {
			continue
		}
		for n := range t.h.Nodes {
			n := spec.NodeID(n)
			joined, ok := t.since(n, x.group, len(t.h.Events), false)
			if !ok || joined < 0 || joined > x.event || !t.correct(n) {
				continue
			}
			if from, in := t.memberFrom(n, x.group); !(in && from < x.event && t.behind(m, n)) && !t.owes(n, m) {
				continue
			}
			a.n++
			a.unmet = a.unmet || !t.nodeGot(n, m)
		}
	}
	return a
}

// behind says whether the sender of a message goes on next to a view with a node in it that was installed before the send.
func (t *twin) behind(m int, n spec.NodeID) bool {
	v, ok := t.rule().sent[m]
	to, goes := vt{}, false
	for _, w := range t.ways() {
		if ok && w.n == t.msgs[m].id.Sender && w.from == v {
			to, goes = w.to, true
		}
	}
	return goes && t.lists(to, n) && t.firstOf(to) < t.msgs[m].event
}

// died gives when the members from the start were all down last, and when the first of them came back.
func (t *twin) died(g spec.GroupID) (dead, back int, ok bool) {
	members := t.h.Groups[g].Members
	down := map[spec.NodeID]bool{}
	dead, back = -1, -1
	for i, e := range t.h.Events {
		switch {
		case !slices.Contains(members, e.Node):
		case e.Kind == spec.Crash && !down[e.Node]:
			if down[e.Node] = true; len(down) == len(members) {
				dead, back = i, -1
			}
		case e.Kind == spec.Recover && down[e.Node]:
			if delete(down, e.Node); len(down) == len(members)-1 {
				back = i
			}
		}
	}
	return dead, back, back >= 0 && 2*len(down) < len(members)
}

// given says whether with an event a node is given a state of a group.
func (t *twin) given(i int, g spec.GroupID) bool {
	return t.h.Events[i].Kind == spec.Restore && t.h.Events[i].Group == g
}

// has says whether the application of a node has a message at the end.
func (t *twin) has(n spec.NodeID, m, dead int) bool {
	again := false
	for i := dead + 1; i < len(t.h.Events); i++ {
		more := t.h.Events[i].Is(spec.IsRedelivered) && slices.ContainsFunc(t.group, func(d twinDelivery) bool { return d.event == i && t.msgs[d.m].group == t.msgs[m].group })
		again = again || more || t.given(i, t.msgs[m].group)
	}
	for i := len(t.h.Events) - 1; i >= 0; i-- {
		e := &t.h.Events[i]
		switch {
		case e.Node != n:
		case slices.ContainsFunc(t.group, func(d twinDelivery) bool { return d.event == i && d.m == m }):
			return true
		case t.given(i, t.msgs[m].group):
			return slices.Contains(t.h.ExtraOf(e).Msgs, t.msgs[m].id) && t.msgs[m].event < i
		case e.Kind == spec.Recover && again && !e.Is(spec.IsCounted):
			return false
		}
	}
	return false
}

func (t *twin) groupRestart() (a answer) {
	a.n = -1
	for g := range t.h.Groups {
		g := spec.GroupID(g)
		dead, back, ok := t.died(g)
		if !ok || t.h.Model != spec.CrashRecovery {
			continue
		}
		for m, x := range t.msgs {
			if x.group != g || !x.judged() || x.lied {
				continue
			}
			acked := slices.ContainsFunc(t.h.Events[:dead], func(e spec.Event) bool { return e.Kind == spec.Ack && e.Msg == x.id && e.Node == x.id.Sender })
			for n := range t.h.Nodes {
				n := spec.NodeID(n)
				a.unmet = a.unmet || x.event > back && t.sound(m) && t.owes(n, m) && !t.nodeGot(n, m)
				joined, member := t.since(n, g, len(t.h.Events), false)
				stated, leaves := false, false
				for i := range t.h.Events {
					stated = stated || i > dead && t.given(i, g) && t.h.Events[i].Node == n
					if e := &t.h.Events[i]; e.Node == n && e.Group == g && (e.Kind == spec.Leave || e.Kind == spec.Join) {
						leaves = e.Kind == spec.Leave
					}
				}
				if acked && member && t.correct(n) && !leaves && (stated || joined < x.event) {
					a.unmet = a.unmet || !t.has(n, m, dead)
				}
			}
		}
	}
	return a
}

// drawDeaths draws a history in which nodes join, crash, come back and are given states, right or wrong.
func drawDeaths(r *rapid.T) *spec.History {
	nodes := rapid.IntRange(2, 3).Draw(r, "nodes")
	viewed := rapid.Bool().Draw(r, "views")
	words := []string{fmt.Sprintf("nodes=%d recovery members=0,1", nodes)}
	up, life := make([]bool, nodes), make([]int, nodes)
	for n := range nodes {
		up[n] = true
	}
	var sent, first []string // sent: as deliveries name them; first: those of first lives
	acks := map[string]bool{}
	for k := range rapid.IntRange(4, 28).Draw(r, "events") {
		n := rapid.IntRange(0, nodes-1).Draw(r, "node")
		say := func(format string, a ...any) { words = append(words, fmt.Sprintf(format, a...)) }
		what := rapid.IntRange(0, 15).Draw(r, "what")
		switch {
		case !up[n] && what < 12:
			up[n] = true
			life[n]++
			say("r%d%s", n, []string{"", "n"}[rapid.IntRange(0, 3).Draw(r, "counts")/3])
		case !up[n]:
		case what < 4:
			name := fmt.Sprintf("%d+%d.%d", n, life[n], k+1)
			if life[n] == 0 {
				first = append(first, fmt.Sprintf("%d.%d", n, k+1))
			}
			sent = append(sent, name)
			say("s%d.%d", n, k+1)
			for q := range nodes {
				if up[q] && rapid.IntRange(0, 7).Draw(r, "delivers") > 0 {
					say("d%d.%s", q, name)
				}
			}
			if rapid.Bool().Draw(r, "acked") && !acks[name] {
				acks[name] = true
				say("a%d.%d", n, k+1)
			}
		case what < 6 && len(sent) > 0:
			say("d%d.%s%s", n, sent[rapid.IntRange(0, len(sent)-1).Draw(r, "message")], []string{"", "r"}[rapid.IntRange(0, 1).Draw(r, "again")])
		case what < 10:
			up[n] = false
			say("c%d", n)
		case what == 10:
			w := fmt.Sprintf("R%d", n)
			for _, name := range first {
				if rapid.IntRange(0, 5).Draw(r, "in") > 0 {
					w += "." + name
				}
			}
			say("%s", w)
		case what == 11:
			say("J%d j%d", n, n)
		case what == 12:
			say("L%d", n)
			if rapid.Bool().Draw(r, "returns") {
				say("l%d", n)
			}
		case viewed:
			w := fmt.Sprintf("W%d.%d", n, k/4+1)
			for q := range nodes {
				if q == n || rapid.Bool().Draw(r, "member") {
					w += fmt.Sprintf(".%d", q)
				}
			}
			say("%s", w)
		}
	}
	return parse(strings.Join(words, " "))
}

func TestJoinAndRestartTwins(t *testing.T) {
	var j Judge
	counts := map[spec.ID]map[spec.Verdict]int{JoinComplete: {}, GroupRestart: {}}
	rounds(t, 10, func(r *rapid.T) {
		h := drawDeaths(r)
		w := newTwin(h)
		j.Load(h)
		for id, twin := range map[spec.ID]func(*twin) answer{JoinComplete: (*twin).joinComplete, GroupRestart: (*twin).groupRestart} {
			f, a := j.Check(id), twin(w)
			counts[id][f.Verdict]++
			if fails := a.violated || a.unmet; fails != (f.Verdict == spec.Fail) || !fails && a.n >= 0 && a.n != f.Antecedents {
				r.Fatalf("%s: judge %+v %+v, twin %+v\n%s", id, f, f.Witness, a, show(h))
			}
			checkWitness(r, h, id, f)
		}
	})
	for id, c := range counts {
		t.Logf("%s: %v", id, c)
		if !testing.Short() && (c[spec.Pass] < 20 || c[spec.Fail] < 20) {
			t.Errorf("%s: too few of one kind: %v", id, c)
		}
	}
}
