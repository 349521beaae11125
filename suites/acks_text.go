package suites

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// sizesInARow is how many group sizes a table has beside each other.
const sizesInARow = 9

// WriteText tells a person what was measured, in at most 100 columns.
func (r *AcksReport) WriteText(w io.Writer) {
	ms := func(ns int64) string { return millis(ns) + " ms" }
	fmt.Fprintf(w, "Over %s. A packet takes %s to %s, and what is lost is missed after %s.\n\n", r.Transport, ms(r.Delay[0]), ms(r.Delay[1]), ms(r.TS))
	for _, traffic := range Traffics() {
		who := "One member multicasts"
		if traffic == "all" {
			who = "All members in turn multicast"
		}
		fmt.Fprintf(w, "%s %d messages to a group of %d, a message every %s for each sender.\n", who, r.Messages, r.Nodes, ms(r.Every))
		r.tellLoss(w, traffic)
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "BUFFER: the most of its own messages that a sender had to keep at a time, because it did not know\n"+
		"that all have them. ACKS and NACKS: packets that acknowledge, or ask for what is missing, and\nnothing else.\n\n")
	fmt.Fprintln(w, "One send to a group, nothing is lost.")
	r.tellImplosion(w, "acknowledgement packets to the sender", func(x *Implosion) int { return x.AtSender })
	r.tellImplosion(w, "packets in all", func(x *Implosion) int { return x.Packets })
	r.tellImplosion(w, "most packets that reach the sender within a millisecond", func(x *Implosion) int { return x.Peak })
	fmt.Fprintln(w)
	for _, x := range r.LeftOut {
		if x.Of == "all" {
			fmt.Fprintf(w, "left out: %s: %s\n", x.Reliability, x.Reason)
		} else {
			fmt.Fprintf(w, "left out: %s to %s members:\n  %s\n", x.Reliability, list(x.Members), x.Reason)
		}
	}
	fmt.Fprintf(w, "seed %s\n", r.Seed)
}

// tellLoss writes the table of one pattern of traffic.
func (r *AcksReport) tellLoss(w io.Writer, traffic string) {
	const format = "%-27s%8s%7s%7s%7s%7s%7s%8s%8s%7s%7s\n"
	fmt.Fprintf(w, "\n%-27s%22s%29s%15s\n", "", "---- a message ----", "------ ms to delivery ------", "- ms to ack -")
	fmt.Fprintf(w, format, "LOSS  RELIABILITY", "PACKETS", "ACKS", "NACKS", "P50", "P90", "P99", "MAX", "P50", "P99", "BUFFER")
	percent := -1
	for i := range r.Loss {
		c := &r.Loss[i]
		if c.Traffic != traffic {
			continue
		}
		if percent != c.Percent {
			percent = c.Percent
			fmt.Fprintf(w, "%d %%\n", percent)
		}
		per := func(n int) string { return strconv.FormatFloat(float64(n)/float64(max(1, c.Sends)), 'f', 1, 64) }
		ack50, ack99, buffer := "-", "-", "-"
		if a := c.Acknowledged; a != nil {
			ack50, ack99 = millis(a.P50), millis(a.P99)
		}
		if c.Buffer != nil {
			buffer = strconv.Itoa(*c.Buffer)
		}
		d := &c.Delivery
		fmt.Fprintf(w, format, "  "+shortLevel(c.Reliability), per(c.Packets), per(c.AckPackets), per(c.NackPackets),
			millis(d.P50), millis(d.P90), millis(d.P99), millis(d.Max), ack50, ack99, buffer)
		if c.Missing > 0 || c.Refused > 0 {
			fmt.Fprintf(w, "    %d of %d deliveries are missing, and %d sends were refused\n", c.Missing, c.Missing+c.Deliveries, c.Refused)
		}
	}
}

// tellImplosion writes one figure of all levels and sizes.
func (r *AcksReport) tellImplosion(w io.Writer, what string, figure func(*Implosion) int) {
	var levels []string
	var sizes []int
	figures := map[string]map[int]int{}
	for i := range r.Implosion {
		x := &r.Implosion[i]
		if figures[x.Reliability] == nil {
			levels, figures[x.Reliability] = append(levels, x.Reliability), map[int]int{}
		}
		if n := len(sizes); n == 0 || x.Members > sizes[n-1] {
			sizes = append(sizes, x.Members)
		}
		figures[x.Reliability][x.Members] = figure(x)
	}
	for len(sizes) > 0 {
		row := sizes[:min(sizesInARow, len(sizes))]
		sizes = sizes[len(row):]
		fmt.Fprintf(w, "\n%s\n%-27s", what, "MEMBERS")
		for _, n := range row {
			fmt.Fprintf(w, "%8s", grouped(n))
		}
		fmt.Fprintln(w)
		for _, level := range levels {
			fmt.Fprintf(w, "%-27s", "  "+shortLevel(level))
			for _, n := range row {
				cell := "-"
				if v, ok := figures[level][n]; ok {
					cell = grouped(v)
				}
				fmt.Fprintf(w, "%8s", cell)
			}
			fmt.Fprintln(w)
		}
	}
}

// Level names the level of reliability for a person.
func (c *AckCost) Level() string { return shortLevel(c.Reliability) }

// Level names the level of reliability for a person.
func (x *Implosion) Level() string { return shortLevel(x.Reliability) }

// shortLevel leaves out the name of an option whose value says enough.
func shortLevel(level string) string {
	name, rest, has := strings.Cut(level, ":")
	if _, value, one := strings.Cut(rest, "="); has && one && !strings.Contains(value, "=") {
		return name + " " + value
	}
	return level
}

// millis prints a duration in milliseconds, with as many digits as a table needs.
func millis(ns int64) string {
	x := float64(ns) / float64(time.Millisecond)
	if x >= 100 || x == float64(int64(x)) {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'f', 1, 64)
}

// grouped prints a number with its thousands apart.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func list(numbers []int) string {
	var words []string
	for _, n := range numbers {
		words = append(words, grouped(n))
	}
	return strings.Join(words, ", ")
}
