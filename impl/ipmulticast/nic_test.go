package ipmulticast

import (
	"fmt"
	"math/bits"
	"reflect"
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
)

var cardMAC = MAC{2, 0, 10, 0, 0, 1}

// cardTest plays a script to a card, a word a step, and gives what came of it:
//
//	+a -a     join, leave the group a (one letter)
//	a         a frame for the group a: "up" or "filtered"
//	own other broadcast short    other frames
//	overflow:n    the fault
//	start     a new life
func cardTest(n *NIC, script string) string {
	out := impl.NewEffects(&impl.Arena{})
	var said []string
	for _, w := range strings.Fields(script) {
		out.Reset()
		in := impl.Input{Kind: impl.Packet, Num: 3}
		var count byte
		switch _, err := fmt.Sscanf(w, "overflow:%d", &count); {
		case err == nil:
			in.Num, in.Body = impl.ControlPort, []byte{ControlOverflow, count}
		case w == "start":
			in = impl.Input{Kind: impl.Start}
		case w == "short":
			in.Body = make([]byte, EthernetLen-1)
		case w[0] == '+':
			in = impl.Input{Kind: impl.Join, Body: letterMAC(w[1:])}
		case w[0] == '-':
			in = impl.Input{Kind: impl.Leave, Body: letterMAC(w[1:])}
		default:
			in.Body = append(letterMAC(w), make([]byte, 60)...)
		}
		n.Step(in, out)
		for _, e := range out.List {
			switch {
			case e.Kind == impl.Up && e.Num == 3 && e.From == -1 && e.To == impl.Everyone && &e.Body[0] == &in.Body[0]:
				said = append(said, "up")
			case e.Kind == impl.Note && e.Code == impl.FilteredByNIC:
				said = append(said, "filtered")
			default:
				said = append(said, e.Kind.String()+":"+e.Code.String())
			}
		}
	}
	return strings.Join(said, " ")
}

func letterMAC(w string) []byte {
	m := MAC{1, 0, 0x5e, 0, 0, w[0]}
	switch w {
	case "own":
		m = cardMAC
	case "other":
		m = MAC{2, 0, 10, 0, 0, 2}
	case "broadcast":
		m = Broadcast
	}
	return m[:]
}

func TestNIC(t *testing.T) {
	for _, c := range []struct {
		name         string
		model        NICModel
		slots        int
		script, want string
	}{
		{"what is nobody's group", Exact, 2, "own other broadcast short a", "up filtered up note:malformed filtered"},
		{"a table", Exact, 2, "+a a b -a a", "up filtered filtered"},
		{"as often given back as asked for", Exact, 2, "+a +a -a a -a a", "up filtered"},
		{"a full table", Exact, 2, "+a +b a b c", "up up filtered"},
		{"a table that is too small, until it fits again", Exact, 2, "+a +b +c c d -a a c d", "up up filtered up filtered"},
		{"a group that was not asked for", Exact, 2, "+a -b a b", "up filtered"},
		{"another program", Exact, 2, "+a overflow:1 b overflow:1 b other", "filtered up filtered"},
		{"another program with many", Exact, 250, "overflow:250 b overflow:250 b", "filtered up"},
		{"a new life", Exact, 1, "+a +b start a b", "filtered filtered"},
		{"64 bins", Hash64, 0, "+a a b -a a other own", "up filtered filtered filtered up"},
		{"512 bins", Hash512, 0, "+a a b -a a", "up filtered filtered"},
		{"a new life with bins", Hash512, 0, "+a start a", "filtered"},
		{"promiscuous", Promiscuous, 0, "own other broadcast a short", "up up up up note:malformed"},
	} {
		if got := cardTest(NewNIC(cardMAC, c.model, c.slots), c.script); got != c.want {
			t.Errorf("%s: %s\n got %s\nwant %s", c.name, c.script, got, c.want)
		}
	}
}

// TestNICBinsAreShared: of two groups in one bin, both pass as long as one is asked for; giving back a group that was
// not asked for must not take the bin from the other.
func TestNICBinsAreShared(t *testing.T) {
	for model, bins := range map[NICModel]int{Hash64: 64, Hash512: 512} {
		a, n := GroupMAC(addr("239.1.2.3")), NewNIC(cardMAC, model, 0)
		b := SameBinMAC(a, bins, 0)
		out := impl.NewEffects(&impl.Arena{})
		for _, s := range []struct {
			kind       impl.InputKind
			mac        MAC
			bothPassed bool
		}{
			{impl.Join, a, true}, {impl.Leave, b, true}, {impl.Join, b, true}, {impl.Leave, a, true},
			{impl.Leave, a, true}, {impl.Leave, b, false},
		} {
			n.Step(impl.Input{Kind: s.kind, Body: s.mac[:]}, out)
			if n.passes(a) != s.bothPassed || n.passes(b) != s.bothPassed {
				t.Errorf("%v after %v %s: %t, %t", model, s.kind, s.mac, n.passes(a), n.passes(b))
			}
		}
		if len(out.List) != 0 {
			t.Errorf("effects: %+v", out.List)
		}
	}
}

// TestNICPasses has what the card has no business with.
func TestNICPasses(t *testing.T) {
	body := []byte{ControlForget}
	for _, c := range []struct {
		in   impl.Input
		want []impl.Effect
	}{
		{impl.Input{Kind: impl.Send, Body: body, Num: 5, To: impl.Everyone, Group: 2, Ref: 7},
			[]impl.Effect{{Kind: impl.Down, Body: body, Num: 5, To: impl.Everyone, Group: 2, Ref: 7}}},
		{impl.Input{Kind: impl.Packet, Body: body, Num: impl.LoopPort, From: 4, To: 4},
			[]impl.Effect{{Kind: impl.Up, Body: body, Num: impl.LoopPort, From: 4, To: 4}}},
		{impl.Input{Kind: impl.Packet, Body: body, Num: impl.ControlPort, From: 4},
			[]impl.Effect{{Kind: impl.Up, Body: body, Num: impl.ControlPort, From: 4}}},
		{impl.Input{Kind: impl.Packet, Body: []byte{ControlOverflow}, Num: impl.ControlPort},
			[]impl.Effect{{Kind: impl.Note, Code: impl.Malformed}}},
		{impl.Input{Kind: impl.Join, Ref: 9, Group: 1},
			[]impl.Effect{{Kind: impl.CallDown, Call: impl.Join, Ref: 9, Group: 1}}},
		{impl.Input{Kind: impl.Join, Ref: 9, Body: cardMAC[:]}, []impl.Effect{{Kind: impl.Finish, Ref: 9}}},
		{impl.Input{Kind: impl.Ready, Num: 2}, nil},
	} {
		out := impl.NewEffects(&impl.Arena{})
		NewNIC(cardMAC, Exact, 4).Step(c.in, out)
		if len(out.List)+len(c.want) > 0 && !reflect.DeepEqual(out.List, c.want) {
			t.Errorf("%+v:\n got %+v\nwant %+v", c.in, out.List, c.want)
		}
	}
}

// TestBin compares with the loop over bits that drivers have had for these controllers.
func TestBin(t *testing.T) {
	loop := func(a MAC) (crc uint32) {
		crc = ^uint32(0)
		for _, x := range a {
			for range 8 {
				carry := crc>>31 ^ uint32(x&1)
				x >>= 1
				if crc <<= 1; carry != 0 {
					crc ^= 0x04c11db7
				}
			}
		}
		return crc
	}
	for i := range 1000 {
		a := MAC{1, 0, 0x5e, byte(i >> 8), byte(i * 7), byte(i)}
		if crc := loop(a); Bin(a, 64) != int(crc>>26) || Bin(a, 512) != int(crc>>23) {
			t.Fatalf("%s: %d, %d; the CRC is %032b", a, Bin(a, 64), Bin(a, 512), crc)
		}
	}
	if bits.OnesCount(uint(len(NIC{}.bins))) != 1 || Bin(Broadcast, 512) >= len(NIC{}.bins) {
		t.Error("the table does not fit")
	}
}

func TestNICModelsAreInverse(t *testing.T) {
	for m := Exact; m <= Promiscuous; m++ {
		if back, err := ParseNICModel(m.String()); err != nil || back != m {
			t.Errorf("%v: %v, %v", m, back, err)
		}
	}
	if _, err := ParseNICModel("wifi"); err == nil || !strings.Contains(err.Error(), "hash64") {
		t.Error(err)
	}
}

func TestNICAllocatesNothing(t *testing.T) {
	for m := Exact; m <= Promiscuous; m++ {
		n, out := NewNIC(cardMAC, m, 2), impl.NewEffects(&impl.Arena{})
		in := impl.Input{Kind: impl.Packet, Body: anyDatagram("10.0.0.1", "239.1.2.3", 64)}
		join := impl.Input{Kind: impl.Join, Body: in.Body[:6]}
		leave := impl.Input{Kind: impl.Leave, Body: in.Body[:6]}
		if a := testing.AllocsPerRun(100, func() {
			out.Reset()
			n.Step(join, out)
			n.Step(in, out)
			n.Step(leave, out)
			n.Step(in, out)
		}); a != 0 {
			t.Errorf("%v: %v allocations", m, a)
		}
	}
}

func BenchmarkNIC(b *testing.B) {
	for m := Exact; m <= Promiscuous; m++ {
		b.Run(m.String(), func(b *testing.B) {
			n, out := NewNIC(cardMAC, m, 16), impl.NewEffects(&impl.Arena{})
			in := impl.Input{Kind: impl.Packet, Body: anyDatagram("10.0.0.1", "239.1.2.3", 64)}
			n.Step(impl.Input{Kind: impl.Join, Body: in.Body[:6]}, out)
			b.ReportAllocs()
			for b.Loop() {
				out.Reset()
				n.Step(in, out)
			}
		})
	}
}
