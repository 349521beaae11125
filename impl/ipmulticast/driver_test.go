package ipmulticast

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// bench is a driver whose effects are written down.
type bench struct {
	*Driver
	arena impl.Arena
	out   *impl.Effects
}

// The station of node n has the hardware address of 10.0.0.n, group n that of 224.1.0.n; groups 1 and 129 share one.
func newBench(broadcast bool, change ...func(*DriverConfig)) *bench {
	cfg := DriverConfig{Self: 1, Own: cardOf(1), Broadcast: broadcast,
		MACOf:  func(n spec.NodeID) (MAC, bool) { return cardOf(n), n >= 0 && n < 4 },
		NodeAt: func(m MAC) (spec.NodeID, bool) { return spec.NodeID(m[5]), m == cardOf(spec.NodeID(m[5])) && m[5] < 4 },
		Group:  func(g spec.GroupID) MAC { return GroupMAC(group4(g)) }}
	for _, f := range change {
		f(&cfg)
	}
	b := &bench{Driver: NewDriver(cfg)}
	b.out = impl.NewEffects(&b.arena)
	b.give(impl.Input{Kind: impl.Start})
	return b
}

func cardOf(n spec.NodeID) MAC { return MACOf(lanPortOf(false, byte(n)).Addr) }

// give hands the driver an input, and gives what it says.
func (b *bench) give(in impl.Input) string {
	b.out.Reset()
	b.Step(in, b.out)
	var said []string
	upward := false
	for i := range b.out.List {
		e := &b.out.List[i]
		if upward && !e.Kind.Upward() {
			said = append(said, "TOO LATE")
		}
		upward = upward || e.Kind.Upward()
		said = append(said, effectText(e))
	}
	return strings.Join(said, "; ")
}

func effectText(e *impl.Effect) string {
	switch e.Kind {
	case impl.CallDown:
		return fmt.Sprintf("card %v %v", e.Call, MAC(e.Body))
	case impl.Down:
		if e.Num == impl.LoopPort {
			return fmt.Sprintf("loop to %d %s", e.To, e.Body)
		}
		f, _ := ParseFrame(e.Body)
		id := int32(binary.BigEndian.Uint32(f.Payload))
		return fmt.Sprintf("frame %d to %v from %v group %d %s", e.Num, f.Dst, f.Src, id, f.Payload[4:len(f.Payload)-4])
	case impl.Up:
		return fmt.Sprintf("up from %d to %d %s", e.From, e.To, e.Body)
	case impl.Note:
		return fmt.Sprintf("note %v %d", e.Code, e.Num)
	case impl.Refuse:
		return fmt.Sprintf("refuse %d %v", e.Ref, e.Code)
	}
	return fmt.Sprintf("%v %d", e.Kind, e.Ref)
}

// frameOf makes a frame as the driver of another station does.
func frameOf(from, to MAC, group uint32, body string) []byte {
	b := binary.BigEndian.AppendUint32(AppendEthernet(nil, to, from, TypeGroup), group)
	return Seal(append(b, body...))
}

func (b *bench) takes(frame []byte) string {
	before := slices.Clone(frame)
	s := b.give(impl.Input{Kind: impl.Packet, Body: frame, From: -1, To: impl.Everyone})
	if !slices.Equal(before, frame) {
		s += "; THE FRAME HAS CHANGED"
	}
	return s
}

func (b *bench) call(kind impl.InputKind, group spec.GroupID, process uint64, ref impl.Ref) string {
	return b.give(impl.Input{Kind: kind, Group: group, Num: process, Ref: ref})
}

// The card is asked for a group when the first process joins it, and gives it back when the last has left.
func TestDriverMembership(t *testing.T) {
	b := newBench(false)
	for i, c := range []struct {
		kind    impl.InputKind
		group   spec.GroupID
		process uint64
		want    string
	}{
		{impl.Join, 5, 1, "card join 01:00:5e:01:00:05; finish 1"},
		{impl.Join, 5, 1, "finish 2"}, // twice is once
		{impl.Join, 5, 2, "finish 3"},
		{impl.Leave, 5, 1, "finish 4"},
		{impl.Leave, 5, 1, "finish 5"},
		{impl.Leave, 6, 1, "finish 6"}, // was never in
		{impl.Join, 6, 1, "card join 01:00:5e:01:00:06; finish 7"},
		{impl.Leave, 5, 2, "card leave 01:00:5e:01:00:05; finish 8"},
		{impl.Leave, 6, 1, "card leave 01:00:5e:01:00:06; finish 9"},
		{impl.Leave, 6, 1, "finish 10"},
	} {
		if got := b.call(c.kind, c.group, c.process, impl.Ref(i+1)); got != c.want {
			t.Errorf("%v %d by %d: %s, want %s", c.kind, c.group, c.process, got, c.want)
		}
	}
	if got := b.call(impl.Join, 7, 1, 0); got != "card join 01:00:5e:01:00:07" {
		t.Errorf("nobody wants an answer: %s", got)
	}
	all := newBench(true)
	if got := all.call(impl.Join, 5, 1, 1) + ", " + all.call(impl.Leave, 5, 1, 2); got != "finish 1, finish 2" {
		t.Errorf("broadcast: %s: every card lets broadcast through", got)
	}
}

// A frame to the group's address, or to all with the group's number inside; to one node in either case to its card.
func TestDriverSends(t *testing.T) {
	send := func(to spec.NodeID) impl.Input {
		return impl.Input{Kind: impl.Send, To: to, Group: 5, Body: []byte("x"), Ref: 9}
	}
	own := cardOf(1).String()
	for _, c := range []struct {
		broadcast bool
		to        spec.NodeID
		want      string
	}{
		{false, impl.Everyone, "frame 0 to 01:00:5e:01:00:05 from " + own + " group 5 x"},
		{true, impl.Everyone, "frame 0 to ff:ff:ff:ff:ff:ff from " + own + " group 5 x"},
		{false, 2, "frame 0 to " + cardOf(2).String() + " from " + own + " group -6 x"},
		{true, 2, "frame 0 to " + cardOf(2).String() + " from " + own + " group -6 x"},
		{false, 1, "loop to 1 x"},
		{false, 4, "refuse 9 not-member"},
		{false, -2, "refuse 9 not-member"},
	} {
		b := newBench(c.broadcast)
		if got := b.give(send(c.to)); got != c.want {
			t.Errorf("broadcast %v, to %d: %s, want %s", c.broadcast, c.to, got, c.want)
		}
	}
}

// Cards let more through than they were asked for: the driver hands up what is for its groups, and for itself.
func TestDriverReceives(t *testing.T) {
	g5, g6 := GroupMAC(group4(5)), GroupMAC(group4(6))
	broken := frameOf(cardOf(2), g5, 5, "x")
	broken[20] ^= 1
	for _, c := range []struct {
		name            string
		frame           []byte
		want, broadcast string // where the groups have addresses, and with broadcast
	}{
		{"to the group", frameOf(cardOf(2), g5, 5, "x"), "note taken 5; up from 2 to -1 x", "note taken 5; up from 2 to -1 x"},
		{"to all, with the number of the group", frameOf(cardOf(2), Broadcast, 5, "x"), "note filtered-by-driver 5", "note taken 5; up from 2 to -1 x"},
		{"to another group", frameOf(cardOf(2), g6, 6, "x"), "note filtered-by-driver 6", "note filtered-by-driver 6"},
		{"to all, with the number of another", frameOf(cardOf(2), Broadcast, 6, "x"), "note filtered-by-driver 6", "note filtered-by-driver 6"},
		{"to this node", frameOf(cardOf(2), cardOf(1), ^uint32(5), "x"), "up from 2 to 1 x", "up from 2 to 1 x"},
		{"to another node", frameOf(cardOf(2), cardOf(3), ^uint32(5), "x"), "", ""},
		{"to one node, by the group's address", frameOf(cardOf(2), g5, ^uint32(5), "x"), "", ""},
		{"nothing inside", frameOf(cardOf(2), g5, 5, ""), "note taken 5; up from 2 to -1 ", "note taken 5; up from 2 to -1 "},
		{"from a strange station", frameOf(cardOf(9), g5, 5, "x"), "note taken 5; up from -1 to -1 x", "note taken 5; up from -1 to -1 x"},
		{"from a strange station, to this node", frameOf(cardOf(9), cardOf(1), ^uint32(5), "x"), "up from -1 to 1 x", "up from -1 to 1 x"},
		{"a byte has changed", broken, "note corrupted 0", "note corrupted 0"},
		{"cut short", frameOf(cardOf(2), g5, 5, "")[:21], "", ""},
		{"no frame", []byte("short"), "", ""},
		{"of IP", AppendEthernet(nil, g5, cardOf(2), TypeIPv4), "", ""},
	} {
		for broadcast, want := range map[bool]string{false: c.want, true: c.broadcast} {
			b := newBench(broadcast)
			b.call(impl.Join, 5, 1, 0)
			if got := b.takes(c.frame); got != want {
				t.Errorf("%s, broadcast %v: %s, want %s", c.name, broadcast, got, want)
			}
		}
	}
	b := newBench(false)
	b.call(impl.Join, 5, 1, 0)
	if got := b.give(impl.Input{Kind: impl.Packet, Num: impl.LoopPort, Body: []byte("own"), From: 1, To: 1}); got != "up from 1 to 1 own" {
		t.Errorf("its own copy: %s", got)
	}
	b.call(impl.Leave, 5, 1, 0)
	if got := b.takes(frameOf(cardOf(2), g5, 5, "x")); got != "note filtered-by-driver 5" {
		t.Errorf("after the leave: %s", got)
	}
	b.call(impl.Join, 5, 1, 0)
	b.give(impl.Input{Kind: impl.Start, Num: 1})
	if got := b.takes(frameOf(cardOf(2), g5, 5, "x")); got != "note filtered-by-driver 5" {
		t.Errorf("after a restart: %s", got)
	}
	b = newBench(false, func(cfg *DriverConfig) { cfg.Rules.Takes = func(bool) bool { return true } })
	if got := b.takes(frameOf(cardOf(2), g6, 6, "x")); got != "note taken 6; up from 2 to -1 x" {
		t.Errorf("without the check: %s", got)
	}
}

// What a driver sends another one takes: the same body, for lengths of all kinds.
func TestDriverToDriver(t *testing.T) {
	for _, broadcast := range []bool{false, true} {
		from := newBench(broadcast)
		to := newBench(broadcast, func(cfg *DriverConfig) { cfg.Self, cfg.Own = 2, cardOf(2) })
		to.call(impl.Join, 5, 1, 0)
		for n := range 70 {
			body := strings.Repeat("b", n*n)
			from.give(impl.Input{Kind: impl.Send, To: impl.Everyone, Group: 5, Body: []byte(body)})
			if got, want := to.takes(from.out.List[0].Body), "note taken 5; up from 1 to -1 "+body; got != want {
				t.Errorf("%d bytes: %.50s", n*n, got)
			}
			from.give(impl.Input{Kind: impl.Send, To: 2, Group: 5, Body: []byte(body)})
			if got, want := to.takes(from.out.List[0].Body), "up from 1 to 2 "+body; got != want {
				t.Errorf("%d bytes to one: %.50s", n*n, got)
			}
		}
	}
}

// What the driver has no business with goes on.
func TestDriverPassesOn(t *testing.T) {
	b := newBench(false)
	for kind, want := range map[impl.InputKind]string{impl.Ready: "", impl.Done: "finish 3", impl.Suspected: "suspect 0"} {
		in := impl.Input{Kind: kind}
		if kind == impl.Done {
			in.Ref = 3
		}
		if got := b.give(in); got != want {
			t.Errorf("%v: %s, want %s", kind, got, want)
		}
	}
}

func TestDriverAllocatesNothing(t *testing.T) {
	b := newBench(false)
	b.call(impl.Join, 5, 1, 0)
	body, frame := make([]byte, 100), frameOf(cardOf(2), GroupMAC(group4(5)), 5, "x")
	step := func() {
		b.arena.Reset()
		b.out.Reset()
		b.Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Group: 5, Body: body}, b.out)
		b.out.Reset()
		b.Step(impl.Input{Kind: impl.Packet, Body: frame}, b.out)
	}
	step()
	if n := testing.AllocsPerRun(100, step); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
