package suites

import (
	"encoding/json"

	"github.com/conform-go/conform/spec"
)

// Version is what this build calls itself.
const Version = "0.1.0"

// RunSchema names the form of a [Report].
const RunSchema = "conform.run/1"

// Report is one run, as `conform run --json` writes it (conform.run/1).
type Report struct {
	Schema    string       `json:"schema"`
	Version   string       `json:"version"`
	Seed      string       `json:"seed"`
	World     string       `json:"world"`
	Faults    string       `json:"faults"` // that schedules could have
	ElapsedMS int64        `json:"elapsed_ms"`
	Cells     []CellReport `json:"cells"`
	Cut       bool         `json:"interrupted,omitempty"` // some stacks were not played to the end, and are told as not applicable
	Verdict   spec.Verdict `json:"verdict"`
}

// CellReport is one cell of a run. Sends, deliveries, packets and acknowledgements to applications are those of the schedules that
// were judged for the cell's claims.
type CellReport struct {
	Transport    string         `json:"transport"`
	Reliability  string         `json:"reliability"`
	Ordering     string         `json:"ordering"`
	Membership   string         `json:"membership"`
	Applicable   bool           `json:"applicable"`
	Reason       string         `json:"reason,omitempty"` // why it is not applicable
	Schedules    int            `json:"schedules"`
	Sends        int            `json:"sends"`
	Deliveries   int            `json:"deliveries"`
	Packets      int            `json:"packets"`
	Acks         int            `json:"acks"`
	AckPackets   int            `json:"ack_packets"`                  // packets that are an acknowledgement and nothing else
	Frames       int            `json:"frames,omitempty"`             // on links, those of switches and routers among them
	ByNIC        int            `json:"filtered_by_nic,omitempty"`    // frames that network cards kept from nodes
	ByDriver     int            `json:"filtered_by_driver,omitempty"` // … and that passed the card in vain: the price of its collisions
	Held         *HoldBack      `json:"held_back,omitempty"`          // nil: nothing ever was
	Discarded    map[string]int `json:"discarded,omitempty"`          // by reason: packets and messages that nodes threw away
	Requirements []Row          `json:"requirements,omitempty"`
}

// Name gives the cell as [ParseCell] reads it.
func (c *CellReport) Name() string {
	return c.Transport + "/" + c.Reliability + "/" + c.Ordering + "/" + c.Membership
}

// Row is one requirement of a cell. A claimed one was judged in every schedule whose faults are within Under. One
// that is not claimed was looked for with the faults of With: fail is the witness wanted there.
type Row struct {
	ID          spec.ID      `json:"id"`
	Claimed     bool         `json:"claimed"`
	Under       string       `json:"under,omitempty"`
	With        string       `json:"with,omitempty"`
	Verdict     spec.Verdict `json:"verdict"`
	Judged      int          `json:"judged"`            // schedules judged
	Bites       int          `json:"bites"`             // of which tested it at all
	Antecedents int          `json:"antecedents"`       // instances tested
	Missing     int          `json:"missing,omitempty"` // of a statistic: instances that did not hold
	Share       float64      `json:"share,omitempty"`   // … and the share that has to
	Failed      int          `json:"failed,omitempty"`
	Skipped     bool         `json:"skipped,omitempty"` // not tested, because the run leaves out faults that it takes: beside the scale
	Reason      string       `json:"reason,omitempty"`
	Witness     *Story       `json:"witness,omitempty"`
}

// Story is a violation and everything that one needs to see it.
type Story struct {
	ID       spec.ID           `json:"id"`                 // the requirement that is broken
	Text     string            `json:"text"`               // the witness in English
	Scenario string            `json:"scenario,omitempty"` // shrunk; a recorded history has none
	Replay   string            `json:"replay,omitempty"`   // the command that shows it again
	Steps    int               `json:"steps,omitempty"`    // of the shrunk scenario
	Events   []json.RawMessage `json:"events"`             // the events that prove it, as lines of a history

	Diagram string `json:"diagram,omitempty"` // in space and time, as text
	token   string
	capture string // the file of its frames; may be empty
}

// verdict of a cell: claimed rows count as they are; a witness that was wanted and not found leaves the cell
// inconclusive, because then nothing shows that its judge can fail anybody.
func (c *CellReport) verdict() spec.Verdict {
	v := spec.Pass
	for i := range c.Requirements {
		r := &c.Requirements[i]
		switch {
		case r.Skipped:
		case r.Claimed:
			v = v.Merge(r.Verdict)
		case r.Verdict != spec.Fail:
			v = v.Merge(spec.Inconclusive.Merge(r.Verdict))
		}
	}
	return v
}
