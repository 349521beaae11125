package main

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/conform-go/conform/spec"
)

func TestPlan(t *testing.T) {
	const members, messages = 4, 200
	p, again := newPlan(7, members, messages), newPlan(7, members, messages)
	sent, seen, equal := make([]int, members), map[string]bool{}, 0
	for round, ok := p.round(); ok; round, ok = p.round() {
		if twin, _ := again.round(); !reflect.DeepEqual(round, twin) {
			t.Error("the same seed draws another plan")
		}
		for m, burst := range round {
			if len(burst) != len(round[0]) {
				t.Errorf("bursts of %d and %d in one round", len(burst), len(round[0]))
			}
			sent[m] += len(burst)
			for _, b := range burst {
				if seen[string(b)] {
					equal++
				}
				seen[string(b)] = true
			}
		}
	}
	for m, n := range sent {
		if n != messages {
			t.Errorf("member %d sends %d, want %d", m, n, messages)
		}
	}
	if equal == 0 || len(seen) < messages {
		t.Errorf("%d bodies, %d of them again: want many, and some equal", len(seen), equal)
	}
}

func TestAtMostOneAnswers(t *testing.T) {
	const members = 4
	p := newPlan(7, members, 1)
	n := map[answer]int{}
	for number := range uint64(2000) {
		m, by := spec.MsgID{Sender: spec.NodeID(number % members), Number: number + 1}, 0
		for node := range spec.NodeID(members) {
			a := p.answers(m, node)
			if n[a]++; a != silence {
				by++
			}
			if a != silence && node == m.Sender {
				t.Errorf("%v is answered by its sender", m)
			}
		}
		if by > 1 {
			t.Errorf("%v is answered by %d", m, by)
		}
	}
	if n[answerGroup] == 0 || n[answerGroup] > 500 || n[answerSender] == 0 {
		t.Errorf("of 2000 messages %d are answered to the group and %d to the sender", n[answerGroup], n[answerSender])
	}
}

func TestMessageIDs(t *testing.T) {
	for _, m := range []spec.MsgID{{Number: 1}, {Sender: 12, Incarnation: 3, Number: 1 << 60}} {
		if got, err := parseID(m.String()); err != nil || got != m {
			t.Errorf("%v: %v, %v", m, got, err)
		}
	}
	for _, s := range []string{"", "1", "1/0", "a/0/1", "1/0/1x", "1/0/01", " 1/0/1", "1/0/-1"} {
		if m, err := parseID(s); err == nil {
			t.Errorf("%q parses as %v", s, m)
		}
	}
	if !bytes.Contains(answerTo(spec.MsgID{Number: 1}), []byte("0/0/1")) {
		t.Error("an answer does not name what it answers")
	}
}
