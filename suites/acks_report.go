package suites

import "slices"

// AcksReport is what was measured, as `conform acks --json` writes it (conform.acks/1). Packets are those that members
// put on the network, not the repetitions of switches and routers; a packet of acknowledgements is one that carries
// nothing else. All is counted from the first send to TS after the last delivery or acknowledgement to an application:
// beyond that are only heartbeats, which never end.
type AcksReport struct {
	Schema    string      `json:"schema"`
	Version   string      `json:"version"`
	Seed      string      `json:"seed"`
	Transport string      `json:"transport"`
	Nodes     int         `json:"nodes"`
	Messages  int         `json:"messages"`
	Every     int64       `json:"every_ns"`
	Delay     [2]int64    `json:"delay_ns"` // of a packet: least and most
	TS        int64       `json:"ts_ns"`
	TL        int64       `json:"tl_ns"`
	Limit     int         `json:"limit"`
	Loss      []AckCost   `json:"loss"`
	Implosion []Implosion `json:"implosion"`
	LeftOut   []LeftOut   `json:"left_out"`
}

// AckCost is what a stream of messages cost at one rate of loss.
type AckCost struct {
	Reliability  string   `json:"reliability"`
	Traffic      string   `json:"traffic"` // one: one member sends; all: they take turns
	Percent      int      `json:"loss_percent"`
	Sends        int      `json:"sends"`
	Deliveries   int      `json:"deliveries"`
	Missing      int      `json:"missing"` // deliveries, of accepted sends
	Refused      int      `json:"refused"`
	Packets      int      `json:"packets"`
	AckPackets   int      `json:"ack_packets"`
	NackPackets  int      `json:"nack_packets"`           // requests for what is missing, and nothing else
	Delivery     Latency  `json:"delivery"`               // from a send to each member's delivery, the sender's own among them
	Acknowledged *Latency `json:"acknowledged,omitempty"` // from a send to the application's acknowledgement
	Buffer       *int     `json:"buffer,omitempty"`       // see [bufferOf]
	KeptTold     int      `json:"kept_told"`              // the most copies that the level told of at a member, when they had doubled or halved; 0: it tells nothing
}

// Latency is a distribution, in nanoseconds of the world's clock. A percentile is the least value that so many percent
// of all do not exceed.
type Latency struct {
	P50 int64 `json:"p50_ns"`
	P90 int64 `json:"p90_ns"`
	P99 int64 `json:"p99_ns"`
	Max int64 `json:"max_ns"`
}

// Implosion is what one send to a group cost where nothing is lost.
type Implosion struct {
	Reliability string `json:"reliability"`
	Members     int    `json:"members"`
	Packets     int    `json:"packets"`
	AckPackets  int    `json:"ack_packets"`
	AtSender    int    `json:"ack_packets_at_sender"`
	Received    int    `json:"packets_at_sender"`    // whatever they carry
	Peak        int    `json:"packets_at_sender_ms"` // … the most within a millisecond
	Missing     int    `json:"missing"`              // deliveries
}

// LeftOut is a measurement that was not made.
type LeftOut struct {
	Of          string `json:"of"` // loss, implosion
	Reliability string `json:"reliability"`
	Members     []int  `json:"members,omitempty"` // of the groups
	Reason      string `json:"reason"`
}

// latencyOf sorts some durations and gives their distribution; nil where there are none.
func latencyOf(all []int64) *Latency {
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	at := func(percent int) int64 { return all[(len(all)*percent+99)/100-1] }
	return &Latency{P50: at(50), P90: at(90), P99: at(99), Max: all[len(all)-1]}
}
