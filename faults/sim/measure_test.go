package sim

import (
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// With Even the delays of every seed lie evenly between their bounds; without, some seeds make most of them short.
func TestEvenDelays(t *testing.T) {
	short := map[bool]int{}
	for _, even := range []bool{false, true} {
		for seed := range uint64(8) {
			s := hundredSends()
			s.Seed, s.Net.Min, s.Net.Max = seed, time.Millisecond, 5*time.Millisecond
			w := floodingWorld()
			w.cfg.Even = even
			var h spec.History
			if err := w.Play(s, &h); err != nil {
				t.Fatal(err)
			}
			sent, early := map[spec.MsgID]spec.Time{}, 0
			for _, e := range h.Events {
				if e.Kind == spec.Send {
					sent[e.Msg] = e.T
				}
				if e.Kind == spec.Deliver && e.T-sent[e.Msg] < spec.Time(1500*time.Microsecond) {
					early++
				}
			}
			if early > 150 { // of 500, own copies among them
				short[even]++
			}
		}
	}
	if short[true] != 0 || short[false] == 0 || short[false] == 8 {
		t.Errorf("seeds with mostly short delays: %v", short)
	}
}

// Enough is asked before each event, with its time, and ends the run there.
func TestEnoughEndsARun(t *testing.T) {
	w := floodingWorld()
	var last spec.Time
	w.cfg.Enough = func(now spec.Time, h *spec.History) bool {
		if now < last {
			t.Fatalf("asked at %v after %v", now, last)
		}
		last = now
		return now >= spec.Time(40*time.Millisecond)
	}
	var h spec.History
	if err := w.Play(hundredSends(), &h); err != nil {
		t.Fatal(err)
	}
	if h.Settled || w.Counts().Sends != 40 {
		t.Errorf("settled %v, %d sends of which 40 are before 40 ms", h.Settled, w.Counts().Sends)
	}
	for _, e := range h.Events {
		if e.T >= spec.Time(40*time.Millisecond) {
			t.Fatalf("%v at %v", e.Kind, e.T)
		}
	}
}

// What is an acknowledgement, or asks for one, and nothing else is counted beside the packets; own copies are not.
func TestAckPacketsAreCounted(t *testing.T) {
	w := New(Config{New: func(cfg impl.Config) impl.Layer { return &answering{cfg.Self} }})
	var h spec.History
	if err := w.Play(hundredSends(), &h); err != nil {
		t.Fatal(err)
	}
	if c := w.Counts(); c.Packets != 900 || c.AckPackets != 400 || c.NackPackets != 100 {
		t.Errorf("%+v", c)
	}
}

// answering sends a copy to each of five nodes; each acknowledges it, and node 4, in vain, asks for more.
type answering struct{ self spec.NodeID }

func (a *answering) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Send:
		for n := range spec.NodeID(5) {
			out.Down(n, in.Body, 0)
		}
	case in.Kind == impl.Packet && len(in.Body) > 0:
		out.Down(in.From, nil, 0).Code = impl.BareAck
		if a.self == 4 && in.From != 4 || a.self == 3 && in.From == 4 {
			out.Down(in.From, nil, 0).Code = impl.BareNack
		}
	}
}
