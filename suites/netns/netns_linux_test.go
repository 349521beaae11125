// Package netns_test is the Ginkgo suite of the stacks on the kernel's network, for
//
//	ginkgo --label-filter 'order && safety' ./suites/netns
//
// It needs root or a user namespace, and takes about a minute.
package netns_test

import (
	"os"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/conform-go/conform/netns"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
	"github.com/conform-go/conform/suites/specs"
)

// The suite's own program is the nodes' as well.
func init() { suites.Guest() }

func TestKernel(t *testing.T) {
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	RegisterFailHandler(Fail)
	RunSpecs(t, "The stacks on the kernel's network")
}

// stacks are what is played: each wire of the kernel, each level, and orders.
var stacks = []struct{ transport, reliability, ordering string }{
	{"unicast", "best-effort", "unordered"},
	{"unicast", "reliable", "causal"},
	{"ip", "reliable-ip", "fifo"},
	{"ip", "reliable-ip", "total-sequencer"},
	{"hardware", "reliable-ip", "unordered"},
	{"broadcast", "best-effort", "unordered"},
	{"tcp", "reliable", "fifo"},
}

var (
	cells  []suites.Cell
	report *suites.Report
)

func init() {
	for _, x := range stacks {
		c, err := suites.Cells(x.transport, x.reliability, x.ordering, "static")
		if err != nil {
			panic(err)
		}
		cells = append(cells, c...)
	}
}

var _ = BeforeSuite(func(ctx SpecContext) {
	var err error
	report, err = suites.RunOutdoors(ctx, suites.Plan{Cells: cells, Faults: spec.AllFaults, Seed: 1,
		Parallel: 2 * suites.OutdoorWorkers(), Clock: time.Now}, "")
	if netns.Missing(err) && os.Getenv(netns.RequiredVariable) == "" {
		Skip(err.Error())
	}
	Expect(err).NotTo(HaveOccurred())
})

// rows gives what was found out about a stack.
func rows(i int) []suites.Row {
	c := &report.Cells[i]
	Expect(c.Applicable).To(BeTrue(), c.Reason)
	return c.Requirements
}

var _ = Describe("On the kernel", Label("netns"), func() {
	for i, c := range cells {
		Describe(c.String(), Label(c.Transport.Name, c.Reliability.Name, c.Ordering.Name), func() {
			for _, claim := range c.Claims() {
				It("keeps "+string(claim.ID), specs.Labels(claim.ID), func() {
					all := rows(i)
					k := slices.IndexFunc(all, func(r suites.Row) bool { return r.Claimed && r.ID == claim.ID })
					if k < 0 && c.Transport.Name == "ip" {
						Skip("claimed of an internet: there is one LAN")
					}
					Expect(k).To(BeNumerically(">=", 0))
					switch row := &all[k]; {
					case row.Verdict == spec.Fail:
						Fail(row.Witness.Text + "\n" + row.Witness.Diagram + "\n" + row.Witness.Replay)
					case row.Verdict != spec.Pass:
						Skip(row.Reason)
					}
				})
			}
			It("loses or delivers, and neither makes anything up nor stays silent", Label("traffic"), func() {
				rows(i)
				x := &report.Cells[i]
				Expect(x.Schedules).To(BeNumerically(">=", suites.Outdoors))
				Expect(x.Sends).To(BeNumerically(">", 0))
				Expect(x.Deliveries).To(BeNumerically(">", 0))
				Expect(x.Packets).To(BeNumerically(">", 0))
			})
		})
	}

	It("shows that best effort is not reliable", Label("witness", "AGREEMENT"), func() {
		for i := range cells {
			for _, row := range rows(i) {
				if row.ID == "AGREEMENT" && !row.Claimed && row.Verdict == spec.Fail {
					Expect(row.Witness.Text).To(ContainSubstring("never delivered"))
					return
				}
			}
		}
		Fail("no witness")
	})
})
