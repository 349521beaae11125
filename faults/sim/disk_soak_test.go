package sim

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// ledger is the least that a protocol with a log can be: a record for each message at each node, written before it is
// sent and acknowledged, or delivered. What the disk refuses is written once more. A record has a checksum, and a
// reader skips what is none.
type ledger struct {
	cfg   impl.Config
	book  *book
	life  uint64
	count uint64
	queue []impl.Input // sends and packets that wait for their record, oldest first
}

// book is what the test knows of all lives of a node.
type book struct {
	written, told, read []uint64 // numbers of records; read is what the last recovery found
	lost, garbled       int      // records that were told to be safe; bytes that are no record
	invented            int
}

const recordSize = 12

func (l *ledger) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		l.life, l.book.read = in.Num, l.book.read[:0]
	case impl.Recovered:
		l.recover(in.Body)
		out.Note(impl.PointRecovering, 0, 0)
	case impl.Ready:
		for _, n := range l.book.told {
			if !slices.Contains(l.book.read, n) {
				l.book.lost++
			}
		}
		l.book.told = append(l.book.told[:0], l.book.read...) // what is lost is lost once
	case impl.Send, impl.Packet:
		l.count++
		in.Num = l.life<<32 | l.count
		l.queue = append(l.queue, in)
		l.book.written = append(l.book.written, in.Num)
		l.write(in.Num, out)
	case impl.StorageFailed:
		l.write(uint64(in.Ref), out)
	case impl.Persisted:
		l.book.told = append(l.book.told, uint64(in.Ref))
		out.Note(impl.PointLogged, 0, 0)
		i := slices.IndexFunc(l.queue, func(x impl.Input) bool { return x.Num == uint64(in.Ref) })
		x := l.queue[i]
		l.queue = slices.Delete(l.queue, i, i+1)
		if x.Kind == impl.Packet {
			out.Up(x.From, impl.Everyone, x.Body)
			return
		}
		for n := range spec.NodeID(l.cfg.Nodes) {
			if x.To == impl.Everyone || n == x.To {
				out.Down(n, x.Body, 0)
			}
		}
		out.Acknowledge(x.Ref)
	}
}

func (l *ledger) write(n uint64, out *impl.Effects) {
	b := binary.BigEndian.AppendUint64(nil, n)
	out.Append(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)))
	out.Persist(impl.Ref(n))
}

func (l *ledger) recover(log []byte) {
	for len(log) > 0 {
		if len(log) < recordSize || crc32.ChecksumIEEE(log[:8]) != binary.BigEndian.Uint32(log[8:]) {
			l.book.garbled++
			log = log[1:]
			continue
		}
		n := binary.BigEndian.Uint64(log)
		if l.book.read = append(l.book.read, n); !slices.Contains(l.book.written, n) {
			l.book.invented++
		}
		log = log[recordSize:]
	}
}

// ledgers makes nodes that keep ledgers, and the books of what became of them.
func ledgers() (Config, *[8]book) {
	books := new([8]book)
	return Config{Revive: true, Model: spec.CrashRecovery, New: func(cfg impl.Config) impl.Layer {
		return &ledger{cfg: cfg, book: &books[cfg.Self]}
	}}, books
}

var comingBack = spec.SetOf(spec.CrashFault, spec.CrashLossyFault, spec.RecoverFault)

// A disk loses what it said was safe only with the faults that say so, and then it does. It never invents anything, and
// what it says to have failed is accepted sooner or later.
func TestWhatDisksLose(t *testing.T) {
	for _, c := range []struct {
		faults        spec.FaultSet
		loses, garble bool
	}{
		{spec.NoFaults, false, true}, // a beginning of what was not persisted
		{spec.SetOf(spec.TornFault), false, true},
		{spec.SetOf(spec.DiskErrorFault), false, true},
		{spec.SetOf(spec.DiskFullFault), false, true},
		{spec.SetOf(spec.DiskSlowFault), false, true},
		{spec.SetOf(spec.TornFault, spec.DiskErrorFault, spec.DiskFullFault, spec.DiskSlowFault), false, true},
		{spec.SetOf(spec.LostSyncFault), true, true},
		{spec.SetOf(spec.DiskFlipFault), true, true},
		{spec.SetOf(spec.DiskGoneFault), true, true},
	} {
		p := faults.Params{Faults: c.faults | comingBack, MaxSends: 8, Revive: true}
		lost, garbled := 0, 0
		for seed := range uint64(600) {
			s := faults.Draw(seed, p)
			cfg, books := ledgers()
			h := &spec.History{}
			if err := New(cfg).Play(s, h); err != nil {
				t.Fatalf("%v\n%s", err, s)
			}
			for n := range books {
				b := &books[n]
				lost, garbled = lost+min(1, b.lost), garbled+min(1, b.garbled)
				if b.invented > 0 || b.lost > 0 && !c.loses {
					t.Fatalf("%v: node %d lost %d records, and %d were invented\n%s", c.faults, n, b.lost, b.invented, s)
				}
			}
			if id, ok := unanswered(h); ok {
				t.Fatalf("%v: %v is not acknowledged, though its sender is up\n%s", c.faults, id, s)
			}
		}
		t.Logf("%v: lost in %d runs, garbled in %d", c.faults, lost, garbled)
		if c.loses != (lost > 20) || c.garble != (garbled > 20) {
			t.Errorf("%v: lost in %d runs, garbled in %d", c.faults, lost, garbled)
		}
	}
}

// unanswered finds a send of a node's last life without an acknowledgement.
func unanswered(h *spec.History) (spec.MsgID, bool) {
	waiting := map[spec.MsgID]bool{}
	var order []spec.MsgID
	for _, e := range h.Events {
		switch e.Kind {
		case spec.Send:
			waiting[e.Msg] = true
			order = append(order, e.Msg)
		case spec.Ack:
			delete(waiting, e.Msg)
		case spec.Crash:
			for _, id := range order {
				if id.Sender == e.Node {
					delete(waiting, id)
				}
			}
		}
	}
	for _, id := range order {
		if waiting[id] {
			return id, true
		}
	}
	return spec.MsgID{}, false
}

// In a run with Revive every node is up when it ends.
func TestEverybodyIsUpInTheEnd(t *testing.T) {
	p := faults.Params{Faults: spec.EndToEndFaults | spec.DiskFaults, MaxSends: 8, Revive: true}
	crashed := 0
	for seed := range uint64(500) {
		s := faults.Draw(seed, p)
		cfg, _ := ledgers()
		h := &spec.History{}
		if err := New(cfg).Play(s, h); err != nil || !h.Settled {
			t.Fatalf("%v\n%s", err, s)
		}
		down := map[spec.NodeID]bool{}
		for _, e := range h.Events {
			switch e.Kind {
			case spec.Crash:
				down[e.Node] = true
				crashed++
			case spec.Recover:
				delete(down, e.Node)
			}
		}
		if len(down) > 0 {
			t.Fatalf("seed %d: %v are down\n%s", seed, down, s)
		}
	}
	if crashed < 300 {
		t.Errorf("only %d crashes", crashed)
	}
}

// The same scenario gives the same bytes, with disks and their faults too.
func TestReplayWithDisks(t *testing.T) {
	p := everything
	p.Faults, p.Revive = spec.EndToEndFaults|spec.DiskFaults, true
	cfg, _ := ledgers()
	cfg.Evidence = true
	used, usedHistory := New(cfg), &spec.History{}
	for seed := range uint64(150) {
		a, b := faults.Draw(seed, p), faults.Draw(seed+1000, p)
		want, trace := written(t, New(cfg), a, &spec.History{})
		for i, s := range []*faults.Scenario{a, b, a} {
			got, again := written(t, used, s, usedHistory)
			if i != 1 && (got != want || !again.Equal(trace)) {
				t.Fatalf("seed %d, play %d: another history\n%s", seed, i, s)
			}
		}
	}
}

// journal writes what it sends to its log, into memory of its own.
type journal struct {
	flooding
	record [4]byte
}

func (j *journal) Step(in impl.Input, out *impl.Effects) {
	if in.Kind == impl.Send {
		out.Append(j.record[:])
		out.Persist(in.Ref)
	}
	j.flooding.Step(in, out)
}

// Disks keep their memory from one schedule to the next.
func TestAScheduleWithDisksAllocatesNothing(t *testing.T) {
	nodes := make([]journal, 5)
	for n := range nodes {
		nodes[n] = journal{flooding: flooding{self: spec.NodeID(n), to: []spec.NodeID{0, 1, 2, 3, 4}}}
	}
	w, h, s := New(Config{New: func(cfg impl.Config) impl.Layer { return &nodes[cfg.Self] }}), &spec.History{}, hundredSends()
	for i, op := range []faults.Op{faults.Crash, faults.Recover} {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: ms(float64(40 + 10*i))}, Action: faults.Action{Op: op, Node: 2}})
	}
	play := func() {
		if err := w.Play(s, h); err != nil {
			t.Fatal(err)
		}
	}
	for seed := range uint64(20) {
		s.Seed = seed
		play()
	}
	if n := testing.AllocsPerRun(20, play); n > 0 {
		t.Errorf("%v allocations a schedule", n)
	}
	if got := fmt.Sprint(len(events(h, spec.Crash)), len(events(h, spec.Recover))); got != "1 1" {
		t.Errorf("crashes and recoveries: %s", got)
	}
}
