package sim

import (
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// manySends lets five nodes send to their group in turn, a millisecond apart.
func manySends(sends int) *faults.Scenario {
	s := &faults.Scenario{Nodes: 5, Seed: 1, Net: faults.DefaultNet,
		Groups: []faults.Group{{Name: "g", Members: []spec.NodeID{0, 1, 2, 3, 4}}}}
	for i := range sends {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(i) * spec.Time(time.Millisecond)},
			Action: faults.Action{Op: faults.Send, Node: spec.NodeID(i % 5), To: -1, Size: 64}})
	}
	return s
}

// BenchmarkLAN measures hosts on a LAN without IP: 100 sends, each of which is one frame to four hosts.
func BenchmarkLAN(b *testing.B) { measureFrames(b, site{}, manySends(100)) }

// BenchmarkRoutes measures routers in dense mode, on a long run: 2,000 sends, most of which cross three LANs and two
// links between routers.
func BenchmarkRoutes(b *testing.B) { measureFrames(b, threeLANs, manySends(2000)) }

// measureFrames plays a scenario again and again, and counts the frames that were put on links.
func measureFrames(b *testing.B, n site, s *faults.Scenario) {
	b.ReportAllocs()
	w, h := New(n.config()), &spec.History{}
	total, deliveries := 0, 0
	for i := 0; b.Loop(); i++ {
		s.Seed = uint64(i % 16)
		if err := w.Play(s, h); err != nil {
			b.Fatal(err)
		}
		total += w.Counts().Frames
		deliveries += w.Counts().Deliveries
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "frames/s")
	b.ReportMetric(float64(deliveries)/b.Elapsed().Seconds(), "deliveries/s")
}
