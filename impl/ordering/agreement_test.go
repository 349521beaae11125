package ordering_test

import (
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// Coulouris et al., "The ISIS algorithm for total ordering": 1 message, 2 proposed sequence, 3 agreed sequence. Two
// messages cross; each member holds both back in the order in which they came to it, and the agreed numbers, the larger
// proposals, put them in one order.
func TestAgreementOfTheFigure(t *testing.T) {
	f := impltest.NewFigure(3, agreement)
	f.Send(0, impl.Everyone, "a", 0)
	f.Send(1, impl.Everyone, "b", 0)
	f.Say("1 message: 0 and 2 receive a before b, 1 receives b before a")
	f.Take(0, 0)
	f.Take(0, 2)
	f.Take(1, 1)
	f.Take(1, 0)
	f.Take(0, 1)
	f.Take(1, 2)
	f.Say("2 proposed sequence: for a 1 by 0 and 2, and 2 by 1; for b 1 by 1, and 2 by 0 and 2")
	for _, m := range []spec.NodeID{0, 1, 2} {
		f.Take(m, 0)
	}
	for _, m := range []spec.NodeID{0, 1, 2} {
		f.Take(m, 1)
	}
	for n := range spec.NodeID(3) {
		delivered(t, f, n)
	}
	f.Say("3 agreed sequence: a has 2 of 1, and b has 2 of 2; b's number comes first to 2, and waits there for that of a")
	f.Take(1, 2)
	delivered(t, f, 2)
	f.Take(0, 2)
	delivered(t, f, 2, "a", "b")
	f.Drain()
	delivered(t, f, 0, "a", "b")
	delivered(t, f, 1, "a", "b")
	golden(t, f, "agreement-isis")
}

// A message that is yet to come gets a number behind all that have been agreed, whoever proposed them.
func TestAgreementTakesTheAgreedNumberIn(t *testing.T) {
	f := impltest.NewFigure(3, agreement)
	give := func(body string) {
		f.Give(0, impl.Input{Kind: impl.Packet, From: 1, To: impl.Everyone, Body: []byte(body)})
	}
	give("m\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")
	give("\x09\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02") // 9 of 2
	delivered(t, f, 0, "m")
	give("n\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")
	if !strings.Contains(f.String(), `down to 1 "" 0a00000000000000000002`) {
		t.Errorf("0 does not propose 10 after 9 has been agreed:\n%s", f)
	}
}

// The sender of an open group need not be a member: it collects the members' proposals, and delivers nothing.
func TestAgreementOfAnOpenGroup(t *testing.T) {
	f := impltest.NewFigure(3, agreement, func(cfg *impl.Config) { cfg.Members, cfg.Closed = members(2), false })
	f.Send(2, impl.Everyone, "x", 0)
	f.Send(0, impl.Everyone, "y", 0)
	f.Drain()
	delivered(t, f, 2)
	if a, b := f.Delivered(0), f.Delivered(1); len(a) != 2 || len(b) != 2 || a[0] != b[0] {
		t.Errorf("delivered %q and %q", a, b)
	}
}

// Who is dead blocks the group. After TL the sender suspects it, once, and asks on and on; when the proposal comes after
// all, it trusts it again.
func TestAgreementWaitsForASilentMember(t *testing.T) {
	f := impltest.NewFigure(3, agreement)
	f.Send(0, impl.Everyone, "m", 0)
	f.Take(0, 0)
	f.Take(0, 1)
	f.Take(0, 2)
	f.Take(0, 0)
	f.Take(1, 0)
	f.Lose(2, 0)
	f.Wait(f.TL - time.Millisecond)
	if strings.Contains(f.String(), "suspect") {
		t.Errorf("suspected too early\n%s", f)
	}
	f.Wait(3 * f.TL)
	if n := strings.Count(f.String(), "    suspect 2"); n != 1 {
		t.Errorf("%d suspicions of 2, want 1\n%s", n, f)
	}
	if n := strings.Count(f.String(), "    down to 2 \"\""); n != 3 { // at TL, 2 TL, 3 TL
		t.Errorf("asked %d times, want 3\n%s", n, f)
	}
	for n := range spec.NodeID(3) {
		delivered(t, f, n)
	}
	f.Drain()
	for n := range spec.NodeID(3) {
		delivered(t, f, n, "m")
	}
	if n := strings.Count(f.String(), "    trust 2"); n != 1 {
		t.Errorf("trusted %d times, want 1\n%s", n, f)
	}
}

// A sender that dies before its number is out leaves its message in everybody's way. Nobody delivers in another order,
// but one may deliver what another must hold back: each has proposed a number of its own.
func TestAgreementIsBlockedByADeadSender(t *testing.T) {
	f := impltest.NewFigure(3, agreement)
	f.Send(0, impl.Everyone, "left alone", 0)
	f.Send(1, impl.Everyone, "m", 0)
	f.Take(0, 1) // at 1 before m
	f.Take(1, 2) // at 2 after m
	f.Take(1, 1)
	f.Take(0, 2)
	f.Take(1, 0) // at 0 after m
	f.Take(0, 1)
	f.Take(0, 0)
	f.Crash(0)
	f.Drain()
	f.Wait(5 * f.TL)
	f.Drain()
	delivered(t, f, 1)
	delivered(t, f, 2, "m")
	f.Send(2, impl.Everyone, "later", 0)
	f.Drain()
	delivered(t, f, 1)
	delivered(t, f, 2, "m")
}

// A proposal, or an agreed number, means the message of the one who sends it, of that life.
func TestAgreementTellsMessagesApart(t *testing.T) {
	f := impltest.NewFigure(2, agreement)
	f.Send(0, impl.Everyone, "a", 0)
	f.Send(1, impl.Everyone, "b", 0)
	f.Take(0, 0) // a is number 1 here, and b too
	f.Take(1, 0)
	f.Take(1, 1)
	f.Take(0, 1)
	f.Take(0, 1)
	f.Take(1, 1)
	f.Take(1, 0)
	f.Take(1, 0) // the number of 1's first message: not that of 0's first
	if !strings.HasSuffix(f.String(), "note held-back 1 1\n") {
		t.Errorf("not held back behind a\n%s", f)
	}
	delivered(t, f, 0)
	f.Drain()
	if a, b := f.Delivered(0), f.Delivered(1); strings.Join(a, "") != strings.Join(b, "") || len(a) != 2 {
		t.Errorf("delivered %q and %q", a, b)
	}
}

// A member that came back without its log is none: it proposes nothing, and its sends are refused.
func TestAgreementWithoutItsLog(t *testing.T) {
	l, out := ordering.NewAgreement(impl.Config{Self: 1, Nodes: 3, Members: members(3)}), impl.NewEffects(&impl.Arena{})
	l.Step(impl.Input{Kind: impl.Start, Num: 1}, out)
	l.Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Body: []byte("m"), Ref: 4}, out)
	l.Step(impl.Input{Kind: impl.Packet, From: 0, To: impl.Everyone, Body: []byte("m\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")}, out)
	if got := impltest.Effects(out.List); got != "refuse not-member ref 4; note not-member 0 1" {
		t.Error(got)
	}
}

// One that is handed its log again goes on where it was: what it delivers is marked as far as it delivered it before,
// what it proposed it proposes again, and it asks for what it has forgotten to wait for.
func TestAgreementGoesOnWithItsLog(t *testing.T) {
	cfg := impl.Config{Self: 0, Nodes: 2, Members: members(2), TS: 30 * time.Millisecond, TL: 100 * time.Millisecond}
	out := impl.NewEffects(&impl.Arena{Forget: true})
	first := replayed(cfg)
	first.Step(impl.Input{Kind: impl.Start}, out)
	var log [][]byte // what the level handed up, all from 0 to the group
	hand := func(l impl.Layer, body []byte, again bool) string {
		out.Reset()
		l.Step(impl.Input{Kind: impl.Packet, From: 0, To: impl.Everyone, Body: body, Flag: again}, out)
		return impltest.Effects(out.List)
	}
	send := func(body string) []byte {
		out.Reset()
		first.Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Body: []byte(body)}, out)
		return out.List[0].Body
	}
	a, b := send("a"), send("b")
	log = append(log, a, b)
	proposed := []string{hand(first, a, false), hand(first, b, false)}
	number := []byte("\x05\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02") // a: 5 of 1
	log = append(log, number)
	if got := hand(first, number, false); got != `note held-back 0 1` { // b may get a smaller one
		t.Error(got)
	}

	second := replayed(cfg)
	out.Reset()
	second.Step(impl.Input{Kind: impl.Start, Num: 1}, out)
	for i := range 2 {
		if got := hand(second, log[i], true); !strings.HasSuffix(got, proposed[i]) {
			t.Errorf("proposes %q again, before: %q", got, proposed[i])
		}
	}
	hand(second, log[2], true)
	out.Reset()
	second.Step(impl.Input{Kind: impl.TimerFired, Now: spec.Time(cfg.TS)}, out)
	if got := impltest.Effects(out.List[:2]); strings.Count(got, "00000004") != 2 || !strings.Contains(got, "0200000000000000") {
		t.Errorf("asks for the proposals of the second message by %q", got)
	}
	out.Reset()
	second.Step(impl.Input{Kind: impl.Packet, From: 0, To: impl.Everyone,
		Body: []byte("\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02")}, out)
	if got := impltest.Effects(out.List); got != `up from 0 to all "b"; up from 0 to all "a"` || out.List[0].Flag {
		t.Errorf("delivers %s, again: %v", got, out.List[0].Flag)
	}
	third := replayed(cfg)
	third.Step(impl.Input{Kind: impl.Start, Num: 2}, out)
	for _, body := range append(log, []byte("\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02")) {
		hand(third, body, true)
	}
	if n := len(out.List); n != 2 || !out.List[0].Flag || !out.List[1].Flag {
		t.Errorf("not marked: %s", impltest.Effects(out.List))
	}
}

// What makes no sense is dropped and noted.
func TestAgreementDropsNonsense(t *testing.T) {
	cfg := impl.Config{Self: 0, Nodes: 2, Members: members(2)}
	for name, in := range map[string]impl.Input{
		"nobody":            {From: 7, To: impl.Everyone, Body: []byte("m\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")},
		"number 0":          {From: 1, To: impl.Everyone, Body: []byte("m\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")},
		"letter to all":     {From: 1, To: impl.Everyone, Body: []byte("m\x05")},
		"message to one":    {From: 1, To: 0, Body: []byte("m\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")},
		"long number":       {From: 1, To: impl.Everyone, Body: []byte("12345678901\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02")},
		"proposal unasked":  {From: 1, To: 0, Body: []byte("1234567801\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03")},
		"number of nothing": {From: 1, To: impl.Everyone, Body: []byte("1234567801\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02")},
	} {
		l, out := ordering.NewAgreement(cfg), impl.NewEffects(&impl.Arena{})
		l.Step(impl.Input{Kind: impl.Start}, out)
		in.Kind = impl.Packet
		l.Step(in, out)
		if len(out.List) != 1 || out.List[0].Kind != impl.Note {
			t.Errorf("%s: %s", name, impltest.Effects(out.List))
		}
	}
}
