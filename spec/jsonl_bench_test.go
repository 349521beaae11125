package spec

import (
	"bytes"
	"io"
	"testing"
)

// benchHistory has what most histories are full of: a send, three deliveries, an acknowledgement, over and over.
func benchHistory() *History {
	h := &History{Header: Header{Nodes: []string{"0", "1", "2"}, Groups: []Group{{Name: "g", Members: []NodeID{0, 1, 2}}}, Settled: true}}
	for i := range 10_000 {
		m := MsgID{Sender: NodeID(i % 3), Number: uint64(i/3 + 1)}
		e := Event{
			T: Time(i) * 1e6, Kind: Send, Node: m.Sender, Msg: m, Sum: Digest(mixText([]byte{byte(i), byte(i >> 8)})), Len: 100,
			Has: HasNode | HasGroup | HasMsg | HasSum | HasLen,
		}
		h.Add(e)
		for n := range NodeID(3) {
			e.T, e.Kind, e.Node = e.T+1000, Deliver, n
			h.Add(e)
		}
		h.Add(Event{T: e.T + 10, Kind: Ack, Node: m.Sender, Msg: m, Has: HasNode | HasMsg})
	}
	return h
}

func BenchmarkWriteHistory(b *testing.B) {
	h := benchHistory()
	b.SetBytes(int64(len(written(b, h))))
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteHistory(io.Discard, h); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, len(h.Events))
}

func BenchmarkReadHistory(b *testing.B) {
	text := written(b, benchHistory())
	events := bytes.Count(text, []byte("\n")) - 1
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := NewReader(bytes.NewReader(text))
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, _, err = r.Next()
		}
		if err != io.EOF {
			b.Fatal(err)
		}
	}
	perSecond(b, events)
}

func perSecond(b *testing.B, events int) {
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
