package picture

import (
	"fmt"
	"io"
	"slices"
	"time"

	"gonum.org/v1/plot/plotter"

	"github.com/conform-go/conform/suites"
)

// Acks draws what acknowledging costs: how the packets and the latency of a stream grow with loss, and what one send
// brings down on its sender, and on the network, as the group grows.
func Acks(w io.Writer, r *suites.AcksReport) error {
	ms := func(ns int64) string { return time.Duration(ns).String() }
	p := picture{
		title: "What acknowledging costs, over " + r.Transport,
		notes: []string{
			fmt.Sprintf("Above: one member sends %d messages, one every %s, to %d members. Below: one send, nothing is lost. A packet takes %s to %s. Seed %s.",
				r.Messages, ms(r.Every), r.Nodes, ms(r.Delay[0]), ms(r.Delay[1]), r.Seed),
			"Lines that lie on each other are drawn from thick to thin. Where a line ends early, larger groups cost too much to play.",
		},
	}
	for i := range r.Loss {
		p.know(r.Loss[i].Level())
	}
	for i := range r.Implosion {
		p.know(r.Implosion[i].Level())
	}
	traffic := suites.Traffics()[0]
	loss := func(title, y string, logY bool, value func(*suites.AckCost) float64) panel {
		q := panel{title: title, x: "packets lost, %", y: y, logY: logY}
		for i := range r.Loss {
			if c := &r.Loss[i]; c.Traffic == traffic {
				q.add(c.Level(), float64(c.Percent), value(c))
				q.tick(float64(c.Percent))
			}
		}
		return q
	}
	sizes := func(title, y string, value func(*suites.Implosion) int) panel {
		q := panel{title: title, x: "members (logarithmic)", y: y, logX: true, logY: true}
		for i := range r.Implosion {
			x := &r.Implosion[i]
			q.add(x.Level(), float64(x.Members), float64(value(x)))
			q.tick(float64(x.Members))
		}
		return q
	}
	p.panels = []panel{
		loss("Packets a message", "packets", false, func(c *suites.AckCost) float64 { return float64(c.Packets) / float64(max(1, c.Sends)) }),
		loss("Delivery latency, 99th percentile", "ms (logarithmic)", true, func(c *suites.AckCost) float64 { return float64(c.Delivery.P99) / 1e6 }),
		sizes("Feedback implosion: acknowledgements to the sender", "packets (logarithmic)", func(x *suites.Implosion) int { return x.AtSender }),
		sizes("One send: packets in all", "packets (logarithmic)", func(x *suites.Implosion) int { return x.Packets }),
	}
	return p.draw(w)
}

// know gives a name its place in the legend.
func (p *picture) know(name string) {
	if !slices.Contains(p.names, name) {
		p.names = append(p.names, name)
	}
}

func (q *panel) add(name string, x, y float64) {
	for i := range q.series {
		if s := &q.series[i]; s.name == name {
			s.points = append(s.points, plotter.XY{X: x, Y: y})
			return
		}
	}
	q.series = append(q.series, series{name, plotter.XYs{{X: x, Y: y}}})
}

func (q *panel) tick(x float64) {
	if !slices.Contains(q.ticksX, x) {
		q.ticksX = append(q.ticksX, x)
	}
}
