package faults

import (
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
	"pgregory.net/rapid"
)

// everything allows all that can be drawn.
var everything = Params{
	Faults: spec.AllFaults, MinNodes: 2, MaxNodes: 6, MaxSends: 6, Groups: 2, MTU: 1400, Routers: 3, Subject: "x/y",
	OneToOne: true, NonMember: true, Joins: true, Syncs: true, Queries: true, Creates: true,
}

func anyParams() *rapid.Generator[Params] {
	return rapid.Custom(func(t *rapid.T) Params {
		flag := func(label string) bool { return rapid.Bool().Draw(t, label) }
		return Params{
			Routers:  rapid.IntRange(0, 4).Draw(t, "routers"),
			Faults:   spec.FaultSet(rapid.Uint64Range(0, uint64(spec.AllFaults)).Draw(t, "faults")),
			MinNodes: rapid.IntRange(0, 9).Draw(t, "min"), MaxNodes: rapid.IntRange(0, 70).Draw(t, "max"),
			MaxSends: rapid.IntRange(0, 30).Draw(t, "sends"), MaxSize: rapid.IntRange(0, 2000).Draw(t, "size"),
			Groups: rapid.IntRange(0, 5).Draw(t, "groups"), MTU: rapid.IntRange(0, 1500).Draw(t, "mtu"),
			Window:   time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "window")),
			Hold:     time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "hold")),
			OneToOne: flag("one to one"), NonMember: flag("non-member"),
			Joins: flag("joins"), Syncs: flag("syncs"), Queries: flag("queries"), Creates: flag("creates"), Revive: flag("revive"),
		}
	})
}

func TestDecodedEncodesExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyParams().Draw(t, "params")
		s := Decode(rapid.SliceOfN(rapid.Byte(), 0, 120).Draw(t, "bytes"), p)
		if rapid.Bool().Draw(t, "drawn") {
			s = Draw(rapid.Uint64().Draw(t, "seed"), p)
		}
		checkDecoded(t, s, p)
	})
}

type fataler interface {
	Fatalf(format string, args ...any)
}

func checkDecoded(t fataler, s *Scenario, p Params) {
	if err := s.Validate(); err != nil {
		t.Fatalf("%v\n%s", err, s)
	}
	if !s.Faults().Within(p.Faults) {
		t.Fatalf("faults %v of %v\n%s", s.Faults(), p.Faults, s)
	}
	b, exact := Encode(s, p)
	if back := Decode(b, p); !exact || !back.Equal(s) {
		t.Fatalf("exact %v: encoded\n%s\ndecoded\n%s", exact, s, back)
	}
}

// What is not on the grid is rounded to something valid, and Encode says so.
func TestEncodeRounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, p := arbitrary().Draw(t, "scenario"), anyParams().Draw(t, "params")
		b, exact := Encode(s, p)
		back := Decode(b, p)
		if err := back.Validate(); err != nil {
			t.Fatalf("%v\n%s", err, back)
		}
		if exact != back.plays(s) {
			t.Fatalf("exact %v: encoded\n%s\ndecoded\n%s", exact, s, back)
		}
	})
	const text = "conform.scenario/1\nnodes 3\ngroup g 0 1 2\nnet latency 1ms..11ms\nat 1.4ms send 0 g 65\nat 1h crash 1\n"
	s, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	b, exact := Encode(s, everything)
	const want = "conform.scenario/1\nsubject x/y\nnodes 3\ngroup g 0 1 2\ngroup h 1 2\nseed 0\n" +
		"net latency 1ms..10ms\nat 1ms send 0 g 64\nat 199ms crash 1\n"
	if got := Decode(b, everything).String(); exact || got != want {
		t.Errorf("exact %v, got\n%s\nwant\n%s", exact, got, want)
	}
}

func TestNoBytesAreTheSimplestScenario(t *testing.T) {
	const want = "conform.scenario/1\nnodes 3\ngroup g 0 1 2\nseed 0\nnet latency 1ms..10ms\n"
	for n := range 100 {
		s := Decode(make([]byte, n), Params{})
		if s.Decisions = nil; s.String() != want {
			t.Fatalf("%d zeros decode to\n%s", n, s)
		}
	}
}

func TestDrawIsDeterministic(t *testing.T) {
	var reused Scenario
	for seed := range uint64(2000) {
		s := Draw(seed, everything)
		DrawInto(&reused, seed, everything)
		if again := Draw(seed, everything); !again.Equal(s) || !reused.Equal(s) {
			t.Fatalf("seed %d:\n%s\n%s\n%s", seed, s, again, &reused)
		}
	}
}

// A byte of a record changes one step at most: that is what lets a fuzzer climb.
func TestMutationsAreLocal(t *testing.T) {
	r := spec.NewRand(1)
	var tried, local, changed int
	for seed := range uint64(2000) {
		b, _ := Encode(Draw(seed, everything), everything)
		records := int(b[3]) * recordBytes
		if records == 0 {
			continue
		}
		before := Decode(b, everything)
		i := prefixBytes + r.IntN(records)
		b[i] ^= byte(1 + r.IntN(255))
		tried++
		switch n := stepsChanged(before, Decode(b, everything)); {
		case n == 1:
			changed++
			local++
		case n == 0:
			local++
		}
	}
	t.Logf("of %d mutations %d changed at most one step, %d exactly one", tried, local, changed)
	if local != tried {
		t.Errorf("%d of %d mutations changed more than one step", tried-local, tried)
	}
	if changed*4 < tried*3 {
		t.Errorf("only %d of %d mutations changed a step", changed, tried)
	}
}

// stepsChanged counts the steps that differ where both begin and end alike.
func stepsChanged(a, b *Scenario) int {
	x, y := a.Steps, b.Steps
	same := func(i, j int) bool { return x[i].When == y[j].When && x[i].Action.equal(&y[j].Action) }
	for len(x) > 0 && len(y) > 0 && same(0, 0) {
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && same(len(x)-1, len(y)-1) {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	return max(len(x), len(y))
}

func TestGeneratorDrawsDifferentScenarios(t *testing.T) {
	texts := map[string]bool{}
	total := 0
	rapid.Check(t, func(t *rapid.T) {
		s := Generator(Params{Faults: spec.AllFaults}).Draw(t, "scenario")
		if err := s.Validate(); err != nil {
			t.Fatalf("%v\n%s", err, s)
		}
		total++
		texts[s.String()] = true
	})
	if len(texts) < total*9/10 {
		t.Errorf("%d different ones of %d", len(texts), total)
	}
}

func FuzzDecode(f *testing.F) {
	for seed := range uint64(8) {
		b, _ := Encode(Draw(seed, everything), everything)
		f.Add(b, uint64(spec.AllFaults), uint8(4))
	}
	f.Fuzz(func(t *testing.T, b []byte, faults uint64, nodes uint8) {
		if len(b) > 1<<12 {
			return
		}
		p := everything
		p.Faults, p.MaxNodes = spec.FaultSet(faults), int(nodes)
		checkDecoded(t, Decode(b, p), p)
	})
}

func BenchmarkDraw(b *testing.B) {
	b.ReportAllocs()
	var s Scenario
	seed := uint64(0)
	for b.Loop() {
		DrawInto(&s, seed, Params{Faults: spec.AllFaults})
		seed++
	}
}

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	p := Params{Faults: spec.AllFaults}
	encoded, _ := Encode(Draw(1, p), p)
	var s Scenario
	for b.Loop() {
		DecodeInto(&s, encoded, p)
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	text := Draw(1, Params{Faults: spec.AllFaults}).String()
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkString(b *testing.B) {
	b.ReportAllocs()
	s := Draw(1, Params{Faults: spec.AllFaults})
	text := s.AppendText(nil)
	for b.Loop() {
		text = s.AppendText(text[:0])
	}
}
