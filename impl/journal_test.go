package impl_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// logOf writes records and gives the log, and where each ends.
func logOf(records ...impl.Record) (log []byte, ends []int) {
	out := impl.NewEffects(&impl.Arena{})
	for _, r := range records {
		half := len(r.Payload) / 2
		n := impl.AppendRecord(out, r.Kind, r.Payload[:half], r.Payload[half:])
		log = append(log, out.List[len(out.List)-1].Body...)
		ends = append(ends, len(log))
		if len(log) != n && ends[max(0, len(ends)-2)]+n != len(log) {
			panic("the length is wrong")
		}
	}
	return log, ends
}

// drawn gives some records: short and long ones, with zeros and without.
func drawn(r *spec.Rand) []impl.Record {
	var all []impl.Record
	for range r.IntN(6) {
		size := []int{0, 1, 5, 40, 247, 248, 249, 250, 254, 255, 509, 1300}[r.IntN(12)]
		x := impl.Record{Kind: byte(1 + r.IntN(255)), Payload: make([]byte, size)}
		zeros := r.IntN(3)
		for i := range x.Payload {
			if x.Payload[i] = byte(1 + r.IntN(255)); r.IntN(4) < zeros {
				x.Payload[i] = 0
			}
		}
		all = append(all, x)
	}
	return all
}

func same(a, b []impl.Record) bool {
	return slices.EqualFunc(a, b, func(x, y impl.Record) bool { return x.Kind == y.Kind && bytes.Equal(x.Payload, y.Payload) })
}

// Whatever is written is read, and cut anywhere, the records are a prefix and the rest is a torn tail.
func TestAJournalCutAnywhereIsAPrefix(t *testing.T) {
	for seed := range uint64(60) {
		r := spec.NewRand(seed, 1)
		records := drawn(&r)
		log, ends := logOf(records...)
		for cut := 0; cut <= len(log); cut++ {
			j := impl.ReadJournal(log[:cut])
			whole := 0
			for whole < len(ends) && ends[whole]-1 <= cut { // its mark may be missing
				whole++
			}
			torn := cut
			if whole > 0 {
				torn = max(0, cut-ends[whole-1])
			}
			if !same(j.Records, records[:whole]) || j.Torn != torn || j.Corrupted != 0 {
				t.Fatalf("seed %d, cut at %d: %d records, torn %d, corrupted %d; want %d, %d, 0",
					seed, cut, len(j.Records), j.Torn, j.Corrupted, whole, torn)
			}
		}
	}
}

// A life that finds a torn tail closes it, and what it writes is read; also when its own tail is torn in turn, in the
// middle of the mending.
func TestATornTailIsMended(t *testing.T) {
	for seed := range uint64(200) {
		r := spec.NewRand(seed, 2)
		var log []byte
		var want []impl.Record
		for life := range 4 {
			j := impl.ReadJournal(log)
			if !same(j.Records, want) || j.Corrupted != 0 {
				t.Fatalf("seed %d, life %d: %d records and %d corrupted, want %d and 0", seed, life, len(j.Records), j.Corrupted, len(want))
			}
			out := impl.NewEffects(&impl.Arena{})
			n := j.Mend(out)
			before := len(log)
			for i := range out.List {
				log = append(log, out.List[i].Body...)
			}
			if len(log) != before+n {
				t.Fatalf("mending gave %d and wrote %d bytes", n, len(log)-before)
			}
			records := drawn(&r)
			more, ends := logOf(records...)
			mend := len(log)
			log = append(log, more...)
			cut := before + r.IntN(len(log)-before+1)
			log = log[:cut]
			for i := range records {
				if mend+ends[i]-1 <= cut {
					want = append(want, records[i])
				}
			}
		}
	}
}

// A flipped bit is reported and never served, and costs no more than the two records between which it joins.
func TestAFlippedBitIsReported(t *testing.T) {
	for seed := range uint64(300) {
		r := spec.NewRand(seed, 3)
		records := append(drawn(&r), impl.Record{Kind: 7, Payload: []byte("the last one")})
		log, _ := logOf(records...)
		last, _ := logOf(records[len(records)-1])
		at := r.IntN(len(log))
		log[at] ^= 1 << r.IntN(8)
		j := impl.ReadJournal(log)
		k := 0
		for _, x := range j.Records {
			for k < len(records) && !same([]impl.Record{x}, records[k:k+1]) {
				k++
			}
			if k == len(records) {
				t.Fatalf("seed %d: record %d was never written", seed, x.Kind)
			}
			k++
		}
		if len(j.Records) < len(records)-2 {
			t.Fatalf("seed %d: %d records of %d are left", seed, len(j.Records), len(records))
		}
		if tail := at >= len(log)-len(last)-1; !tail && (j.Corrupted == 0 || j.Torn > 0) || tail && j.Torn == 0 {
			t.Fatalf("seed %d: a bit at %d of %d has flipped: corrupted %d, torn %d", seed, at, len(log), j.Corrupted, j.Torn)
		}
	}
}

// What is inside a payload is never taken for a record, though it be one, and torn, and written behind, and a bit of it
// flipped.
func TestALogInsideALogIsNotRead(t *testing.T) {
	inner, _ := logOf(impl.Record{Kind: 3, Payload: []byte("inner")}, impl.Record{Kind: 4})
	log, _ := logOf(impl.Record{Kind: 1, Payload: inner}, impl.Record{Kind: 2})
	for cut := range len(log) + 1 {
		torn := bytes.Clone(log[:cut])
		for bit := range 8*cut + 1 {
			if bit > 0 {
				torn[(bit-1)/8] ^= 1 << ((bit - 1) % 8)
			}
			mended := bytes.Clone(torn)
			if bit == 0 {
				j := impl.ReadJournal(torn)
				out := impl.NewEffects(&impl.Arena{})
				j.Mend(out)
				for i := range out.List {
					mended = append(mended, out.List[i].Body...)
				}
			}
			mended = append(mended, log...)
			for _, r := range impl.ReadJournal(mended).Records {
				if r.Kind > 2 {
					t.Fatalf("cut at %d, bit %d: %q is read", cut, bit, r.Payload)
				}
			}
			if bit > 0 {
				torn[(bit-1)/8] ^= 1 << ((bit - 1) % 8)
			}
		}
	}
}

// Arbitrary bytes never make it panic, and what it reads is what these bytes say: written again, it is among them.
func FuzzReadJournal(f *testing.F) {
	log, _ := logOf(impl.Record{Kind: 1, Payload: []byte("one")}, impl.Record{Kind: 2, Payload: make([]byte, 300)})
	f.Add(log)
	f.Add(log[:len(log)-3])
	f.Add(append([]byte{0, 0, 9, 9}, log...))
	f.Add([]byte{1, 1, 1, 1, 1, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		j := impl.ReadJournal(b)
		if !bytes.Equal(b, before) {
			t.Error("the log was written to")
		}
		if j.Torn < 0 || j.Torn > len(b) || j.Corrupted < 0 {
			t.Errorf("torn %d, corrupted %d of %d bytes", j.Torn, j.Corrupted, len(b))
		}
		rest := append(before[:len(b)-j.Torn:len(b)-j.Torn], 0) // the last mark may be missing
		for _, r := range j.Records {
			if r.Kind == 0 {
				t.Fatal("a record of kind 0")
			}
			again, _ := logOf(r)
			i := bytes.Index(rest, again)
			if i < 0 {
				t.Fatalf("%s is not in the log", fmt.Sprintf("%d %q", r.Kind, r.Payload))
			}
			rest = rest[i+len(again):]
		}
		impl.DecodeRecord(b)
	})
}

// Writing costs no allocation once the arena has its memory.
func TestAppendRecordAllocatesNothing(t *testing.T) {
	var arena impl.Arena
	out := impl.NewEffects(&arena)
	body := make([]byte, 1000)
	if n := testing.AllocsPerRun(100, func() {
		arena.Reset()
		out.Reset()
		impl.AppendRecord(out, 1, body[:16], body)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
