package checkers

import (
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
	"unsafe"

	"github.com/conform-go/conform/spec"
)

// generate plays a totally ordered, causal broadcast of n nodes that loses nothing: every node delivers the sends in
// one order, each at its own pace, up to window behind; the sender's own delivery is the acknowledgement. One message in
// nine goes to one node only.
func generate(nodes, sends int) *spec.History {
	h := &spec.History{}
	h.Settled = true
	h.Groups = []spec.Group{{Name: "g", Closed: true}}
	for n := range nodes {
		h.Nodes = append(h.Nodes, strconv.Itoa(n))
		h.Groups[0].Members = append(h.Groups[0].Members, spec.NodeID(n))
	}
	const window = 16
	r := rand.New(rand.NewPCG(1, 2))
	var log []spec.Event
	at, numbers := make([]int, nodes), make([]uint64, nodes)
	deliver := func(n int) {
		e := log[at[n]]
		at[n]++
		e.Kind, e.Node, e.From, e.T = spec.Deliver, spec.NodeID(n), e.Msg.Sender, spec.Time(len(h.Events))
		e.Has |= spec.HasFrom
		h.Add(e)
		if e.Node == e.Msg.Sender {
			h.Add(spec.Event{Kind: spec.Ack, Has: spec.HasNode | spec.HasMsg, Node: e.Node, Msg: e.Msg, T: e.T})
		}
	}
	for len(log) < sends {
		n := r.IntN(nodes)
		if at[n] < len(log) && r.IntN(nodes+1) > 0 || len(log)-at[n] > window {
			deliver(n)
			continue
		}
		if r.IntN(9) == 0 {
			numbers[n]++
			e := spec.Event{T: spec.Time(len(h.Events)), Kind: spec.Send, Node: spec.NodeID(n), To: spec.NodeID(r.IntN(nodes)),
				Has: spec.HasNode | spec.HasMsg | spec.HasTo, Msg: spec.MsgID{Sender: spec.NodeID(n), Number: numbers[n]}}
			h.Add(e)
			e.Kind, e.Node = spec.Deliver, e.To
			h.Add(e)
		}
		numbers[n]++
		e := spec.Event{T: spec.Time(len(h.Events)), Kind: spec.Send, Node: spec.NodeID(n), Sum: spec.Digest(r.Uint64()),
			Has: spec.HasNode | spec.HasMsg | spec.HasGroup | spec.HasSum, Msg: spec.MsgID{Sender: spec.NodeID(n), Number: numbers[n]}}
		log = append(log, e)
		h.Add(e)
	}
	for n := range nodes {
		for at[n] < len(log) {
			deliver(n)
		}
	}
	return h
}

// size counts the memory that a judge holds, in bytes.
func (j *Judge) size() int {
	n := bytesOf(j.steps) + bytesOf(j.msgs) + bytesOf(j.marks) + bytesOf(j.procs) + bytesOf(j.had) + bytesOf(j.streams) +
		bytesOf(j.sequences) + bytesOf(j.next) + bytesOf(j.last) + bytesOf(j.know) + bytesOf(j.vector) + bytesOf(j.bits) +
		bytesOf(j.row) + bytesOf(j.queue) + bytesOf(j.logs) + bytesOf(j.plights) + bytesOf(j.tails) + bytesOf(j.breaks) + bytesOf(j.liar) + bytesOf(j.deaths) + bytesOf(j.notices) +
		bytesOf(j.line) + bytesOf(j.notes) + bytesOf(j.noted) + bytesOf(j.items) + bytesOf(j.itemAt) + bytesOf(j.cuts) + bytesOf(j.pasts) +
		bytesOf(j.called) + bytesOf(j.replicas)
	for _, s := range j.numbers {
		n += bytesOf(s)
	}
	return n
}

func bytesOf[T any](s []T) int { return cap(s) * int(unsafe.Sizeof(*new(T))) }

func BenchmarkLoad(b *testing.B) { benchmarkLoad(b, generate(5, 50_000)) }

func benchmarkLoad(b *testing.B, h *spec.History) {
	var j Judge
	j.Load(h)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		j.Load(h)
	}
	report(b, h, &j)
}

func report(b *testing.B, h *spec.History, j *Judge) {
	b.ReportMetric(float64(len(h.Events))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mevents/s")
	b.ReportMetric(float64(j.size())/float64(len(h.Events)), "B/event")
}

// BenchmarkChecker judges one requirement of a loaded history of 300,000 events; what is built on first use is built
// in each round.
func BenchmarkChecker(b *testing.B) {
	h := generate(5, 50_000)
	for _, id := range Judged() {
		b.Run(string(id), func(b *testing.B) {
			var j Judge
			j.Load(h)
			j.Check(id)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				j.hasCrossings, j.sequenced = false, 0
				if f := j.Check(id); f.Verdict == spec.Fail {
					b.Fatal(f)
				}
			}
			report(b, h, &j)
		})
	}
}

func BenchmarkSmallHistory(b *testing.B) {
	h := generate(5, 8)
	ids := Judged()
	var j Judge
	b.ReportAllocs()
	for range b.N {
		j.Load(h)
		for _, id := range ids {
			j.Check(id)
		}
	}
	b.ReportMetric(float64(len(h.Events)), "events")
}

func TestNoAllocations(t *testing.T) {
	ids := Judged()
	for _, text := range []string{
		"nodes=3 s0.1 a0.1 d0.0.1 d1.0.1 s1.1 d1.1.1 d2.0.1 d2.1.1 d0.1.1 s0.2>1 d1.0.2> s2.1 c2 d0.2.1 d1.2.1",
		"members=0,1 groups=2 J2 j2 s0.900 s0.901:h d2.0.900 L2 l2 d1.0.900 d1.0.901:h d0.0.900 d0.0.901:h c1 r1",
	} {
		var j Judge
		h, large := parse(text), generate(5, 10)
		if got := testing.AllocsPerRun(100, func() {
			for _, h := range []*spec.History{h, large} {
				j.Load(h)
				for _, id := range ids {
					if f := j.Check(id); f.Verdict == spec.Fail {
						t.Fatal(id, f, f.Witness)
					}
				}
			}
		}); got != 0 {
			t.Errorf("%v allocations", got)
		}
	}
}

// The memory of all checks together.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("200,000 events")
	}
	h := generate(5, 34_000)
	worst := 0.0
	for _, id := range Judged() {
		var j Judge
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		j.Load(h)
		f := j.Check(id)
		runtime.ReadMemStats(&after)
		if f.Verdict == spec.Fail {
			t.Error(f)
		}
		worst = max(worst, float64(j.size())/float64(len(h.Events)))
		t.Logf("%-22s %.1f B/event held, %.1f allocated", id, float64(j.size())/float64(len(h.Events)),
			float64(after.TotalAlloc-before.TotalAlloc)/float64(len(h.Events)))
	}
	if worst > 16 {
		t.Errorf("%.1f bytes an event", worst)
	}
}
