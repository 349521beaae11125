// Package picture draws what suites measure, as SVG. A picture is for looking at: one that can't be drawn changes no
// number and no verdict, and programs that judge in a Go test do not link it.
//
// It stands on gonum.org/v1/plot: the maintained plotting library of Go that has logarithmic axes in both directions,
// tiles of aligned plots, and a canvas that writes SVG without fonts, a clock or a random number in it, so that the same
// numbers give the same bytes. (github.com/wcharczuk/go-chart has a logarithmic axis in one direction only.)
package picture

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// panel is one plot of a picture.
type panel struct {
	title, x, y string
	logX, logY  bool
	ticksX      []float64 // nil: as they come
	series      []series
}

// series is one line of a panel, with its points in order of x.
type series struct {
	name   string
	points plotter.XYs
}

// nought is where a logarithmic axis shows 0: one step below the least that can be counted.
const nought = .5

// colours are those of Okabe and Ito, which the colour-blind can tell apart, and two greys.
var colours = []color.RGBA{
	{0xe6, 0x9f, 0x00, 0xff}, {0x56, 0xb4, 0xe9, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xcc, 0x79, 0xa7, 0xff},
	{0x00, 0x72, 0xb2, 0xff}, {0xd5, 0x5e, 0x00, 0xff}, {0x6a, 0x3d, 0x9a, 0xff}, {0xb1, 0x59, 0x28, 0xff},
	{0x00, 0x00, 0x00, 0xff}, {0x88, 0x88, 0x88, 0xff},
}

var glyphs = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.RingGlyph{},
	draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.CrossGlyph{}, draw.PlusGlyph{}}

func sans(size vg.Length, bold bool) font.Font {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = 3 // of golang.org/x/image/font: bold
	}
	return f
}

// picture is some panels in rows of two, with a legend for all beside them.
type picture struct {
	title  string
	notes  []string
	names  []string // of all series, in the order of the legend: a name has the same colour in every panel
	panels []panel
}

const (
	width   = 31 * vg.Centimeter
	rowHigh = 9 * vg.Centimeter
	legend  = 5.8 * vg.Centimeter
	top     = 2.2 * vg.Centimeter
)

// draw writes the picture.
func (p *picture) draw(w io.Writer) (err error) {
	defer func() { // a plot that makes no sense panics
		if r := recover(); r != nil {
			err = fmt.Errorf("the picture can't be drawn: %v", r)
		}
	}()
	rows := (len(p.panels) + 1) / 2
	svg := vgsvg.New(width, top+vg.Length(rows)*rowHigh)
	c := draw.New(svg)
	c.FillPolygon(color.White, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
	style := func(size vg.Length, bold bool) text.Style {
		return text.Style{Font: sans(size, bold), Color: color.Black, Handler: plot.DefaultTextHandler}
	}
	c.FillText(style(15, true), vg.Point{X: 14, Y: c.Max.Y - 22}, p.title)
	for i, line := range p.notes {
		c.FillText(style(10, false), vg.Point{X: 14, Y: c.Max.Y - 38 - 14*vg.Length(i)}, line)
	}

	tiles := draw.Tiles{Cols: 2, Rows: rows, PadX: 12, PadY: 12, PadLeft: 6, PadRight: 6, PadBottom: 6}
	key := plot.NewLegend()
	key.TextStyle, key.Left, key.Top, key.ThumbnailWidth, key.Padding = style(10, false), true, true, 26, 5
	for i := range p.panels {
		p.panels[i].plot(p.names, &key, i == 0).Draw(tiles.At(draw.Crop(c, 0, -legend, 0, -top), i%2, i/2))
	}
	key.Draw(draw.Crop(c, width-legend+6, 0, 0, -top-16))

	var b bytes.Buffer
	if _, err := svg.WriteTo(&b); err != nil {
		return err
	}
	// Who has no Liberation fonts sees them by the metrics of Arial, for which they are made.
	out := bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;"))
	_, err = w.Write(out)
	return err
}

// plot makes the plot of a panel. Its lines are drawn from thick to thin, so that where some lie on each other all are
// seen.
func (p *panel) plot(names []string, key *plot.Legend, first bool) *plot.Plot {
	q := plot.New()
	q.Title.Text, q.X.Label.Text, q.Y.Label.Text = p.title, p.x, p.y
	q.Title.TextStyle.Font, q.Title.Padding = sans(12, true), 6
	for _, a := range []*plot.Axis{&q.X, &q.Y} {
		a.Label.TextStyle.Font, a.Tick.Label.Font = sans(10.5, false), sans(9.5, false)
		a.Label.Padding = 3
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{0xdd}, color.Gray{0xee}
	q.Add(grid)
	for i, name := range names {
		colour, glyph := colours[i%len(colours)], glyphs[i%len(glyphs)]
		line := &plotter.Line{LineStyle: draw.LineStyle{Color: colour, Width: vg.Points(5 - 4*float64(i)/float64(max(1, len(names)-1)))}}
		dots := &plotter.Scatter{GlyphStyle: draw.GlyphStyle{Color: colour, Shape: glyph, Radius: vg.Points(3)}}
		if first {
			key.Add(name, line, dots)
		}
		for _, s := range p.series {
			if s.name != name || len(s.points) == 0 {
				continue
			}
			xys := p.shown(s.points)
			line.XYs, dots.XYs = xys, xys
			q.Add(line, dots)
		}
	}
	if len(p.series) == 0 {
		q.X.Min, q.X.Max, q.Y.Min, q.Y.Max = 1, 10, 1, 10
	}
	p.scale(q)
	return q
}

// shown moves what is 0 to where a logarithmic axis can show it.
func (p *panel) shown(points plotter.XYs) plotter.XYs {
	out := make(plotter.XYs, len(points))
	for i, xy := range points {
		if out[i] = xy; p.logY {
			out[i].Y = max(xy.Y, nought)
		}
	}
	return out
}

// scale sets the axes.
func (p *panel) scale(q *plot.Plot) {
	if p.ticksX != nil {
		var ticks plot.ConstantTicks
		for _, x := range p.ticksX {
			ticks = append(ticks, plot.Tick{Value: x, Label: strconv.FormatFloat(x, 'f', -1, 64)})
		}
		q.X.Tick.Marker = ticks
	}
	if p.logX {
		q.X.Scale = plot.LogScale{}
		q.X.Min, q.X.Max = max(q.X.Min, 1), max(q.X.Max, 10)
	}
	if !p.logY {
		q.Y.Min = 0
		return
	}
	q.Y.Scale = plot.LogScale{}
	q.Y.Max = math.Pow(10, math.Ceil(math.Log10(max(q.Y.Max, 10))))
	ticks := plot.ConstantTicks{}
	if q.Y.Min == nought {
		ticks = append(ticks, plot.Tick{Value: nought, Label: "0"})
	} else {
		q.Y.Min = math.Pow(10, math.Floor(math.Log10(max(q.Y.Min, 1))))
	}
	for decade := 1.; decade <= q.Y.Max; decade *= 10 {
		if decade >= q.Y.Min {
			ticks = append(ticks, plot.Tick{Value: decade, Label: thousands(decade)})
		}
		for k := 2.; k < 10 && decade < q.Y.Max; k++ {
			if decade*k >= q.Y.Min {
				ticks = append(ticks, plot.Tick{Value: decade * k})
			}
		}
	}
	q.Y.Tick.Marker = ticks
}

func thousands(x float64) string {
	s := strconv.FormatFloat(x, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
