package suites

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

func measure(t *testing.T, p AcksPlan) *AcksReport {
	t.Helper()
	p.Parallel = 2
	r, err := Acks(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func overTransport(t *testing.T, name string) Variant {
	t.Helper()
	v, _, err := ParseAckParts(name, "")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// What one send costs without loss follows from the protocols, whatever the delays are.
func TestImplosionFollowsFromTheProtocol(t *testing.T) {
	r := measure(t, AcksPlan{Messages: 1, Loss: []int{0}, Sizes: []int{2, 5, 10, 40}})
	for _, x := range r.Implosion {
		n := x.Members
		type figures struct{ packets, acks, atSender int }
		got := figures{x.Packets, x.AckPackets, x.AtSender}
		var want figures
		switch name, _, _ := strings.Cut(x.Reliability, ":"); name {
		case "unreliable":
			want = figures{n - 1, 0, 0}
		case "best-effort": // a copy and an acknowledgement for each of the others
			want = figures{2 * (n - 1), n - 1, n - 1}
		case "nack": // a copy and a heartbeat
			want = figures{2 * (n - 1), 0, 0}
		case "reliable", "uniform": // everybody sends everybody else a copy, and each is acknowledged
			want = figures{2 * n * (n - 1), n * (n - 1), n - 1}
		default:
			continue
		}
		if got != want {
			t.Errorf("%s to %d members: %+v, want %+v", x.Reliability, n, got, want)
		}
		if x.Missing != 0 || x.Peak > x.Received || x.AtSender > x.Received {
			t.Errorf("%s to %d members: %+v", x.Reliability, n, x)
		}
	}
	if len(r.LeftOut) > 0 {
		t.Errorf("left out: %v", r.LeftOut)
	}
}

// One packet reaches many on a LAN, but each of them still acknowledges alone.
func TestHardwareMulticastDoesNotHelpAcknowledgements(t *testing.T) {
	for _, name := range []string{"hardware", "broadcast", "ip:shape=line", "unicast:mtu=1400"} {
		r := measure(t, AcksPlan{Transport: overTransport(t, name), Messages: 1, Loss: []int{0}, Sizes: []int{2, 10}})
		for _, x := range r.Implosion {
			acks := map[string]int{"unreliable": 0, "nack": 0, "best-effort:ack=pipelined": x.Members - 1, "reliable": x.Members * (x.Members - 1)}
			if want, ok := acks[x.Reliability]; ok && x.AckPackets != want {
				t.Errorf("%s over %s to %d members: %d acknowledgements, want %d", x.Reliability, name, x.Members, x.AckPackets, want)
			}
		}
	}
}

// A stream loses nothing for good, what repairs it is seen, and no repair waits for the stream to end. Only who stops
// and waits falls behind: more the more is lost.
func TestStreamsUnderLoss(t *testing.T) {
	r := measure(t, AcksPlan{Messages: 300, Loss: []int{0, 10}, Sizes: []int{2}})
	before := map[string]*AckCost{}
	for i := range r.Loss {
		c := &r.Loss[i]
		d, key := c.Delivery, c.Traffic+" "+c.Reliability
		if c.Missing != 0 || c.Refused != 0 || c.Sends != 300 {
			t.Errorf("%s at %d %%: %+v", key, c.Percent, c)
		}
		if d.P50 > d.P90 || d.P90 > d.P99 || d.P99 > d.Max || d.P50 < 1 {
			t.Errorf("%s at %d %%: latencies %+v", key, c.Percent, d)
		}
		if a := c.Acknowledged; (a == nil) != (c.Reliability == "nack") || a != nil && a.Max < d.P50 {
			t.Errorf("%s at %d %%: acknowledged %+v", key, c.Percent, a)
		}
		if waits := strings.HasSuffix(c.Reliability, "stop-and-wait"); waits == (d.Max < r.TL) && c.Percent > 0 {
			t.Errorf("%s at %d %%: the last of all deliveries took %v", key, c.Percent, time.Duration(d.Max))
		}
		if b := before[key]; b != nil && (c.Packets <= b.Packets || d.P99 <= b.Delivery.P99 || *c.Buffer < *b.Buffer) {
			t.Errorf("%s: 10 %% loss cost no more than none: %+v, %+v", key, b, c)
		}
		before[key] = c
	}
	one, all := before["one nack"], before["all nack"]
	if *one.Buffer != 300 || *all.Buffer != 75 || one.NackPackets == 0 || one.AckPackets != 0 || one.KeptTold > 300 || 2*one.KeptTold <= 300 {
		t.Errorf("nack: %+v, %+v", one, all)
	}
	if c := before["all best-effort:ack=piggyback"]; c.AckPackets >= before["all best-effort:ack=pipelined"].AckPackets {
		t.Errorf("what rides costs as much as what goes alone: %+v", c)
	}
}

// What can't be measured is said: too large a group, a stack that makes no sense, deliveries that never come.
func TestAcksSaysWhatItLeavesOut(t *testing.T) {
	r := measure(t, AcksPlan{Messages: 1, Loss: []int{0}, Sizes: []int{2, 5, 10, 20}, Limit: 100})
	i := slices.IndexFunc(r.LeftOut, func(x LeftOut) bool { return x.Reliability == "reliable" })
	if i < 0 || !slices.Equal(r.LeftOut[i].Members, []int{10, 20}) {
		t.Errorf("left out: %+v", r.LeftOut)
	}
	var b bytes.Buffer
	r.WriteText(&b)
	if !strings.Contains(b.String(), "left out: reliable to 10, 20 members") {
		t.Error(b.String())
	}
	r = measure(t, AcksPlan{Transport: overTransport(t, "unicast:mtu=1400"), Messages: 1, Loss: []int{0}, Sizes: []int{2}})
	if len(r.LeftOut) != 5 || !strings.Contains(r.LeftOut[0].Reason, "reliable-ip") {
		t.Errorf("left out: %+v", r.LeftOut)
	}
	p := AcksPlan{Reliabilities: []Variant{{Name: "unreliable"}}, Messages: 200, Loss: []int{20}, Sizes: []int{2}}
	if r = measure(t, p); r.Loss[0].Missing == 0 || r.Loss[0].Buffer != nil {
		t.Errorf("unreliable at 20 %%: %+v", r.Loss[0])
	}
	for _, wrong := range []AcksPlan{{Nodes: 1}, {Messages: -1}, {Loss: []int{10, 5}}, {Loss: []int{91}}, {Sizes: []int{1}},
		{Sizes: []int{5, 5}}, {Every: -1}, {Limit: -1}, {Transport: Variant{Name: "anycast"}, Reliabilities: []Variant{{Name: "nack"}}}} {
		if err := wrong.Complete(); err == nil {
			t.Errorf("%+v was taken for sound", wrong)
		}
	}
}

// The same seed gives the same bytes, whatever the number of workers, and lines fit a terminal.
func TestAcksIsDeterministic(t *testing.T) {
	p := AcksPlan{Messages: 50, Loss: []int{0, 20}, Sizes: []int{2, 20}, Seed: 7}
	var texts, jsons [2]string
	for i := range texts {
		p.Parallel = 1 + 2*i
		r, err := Acks(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		r.WriteText(&b)
		j, _ := json.Marshal(r)
		texts[i], jsons[i] = b.String(), string(j)
	}
	if texts[0] != texts[1] || jsons[0] != jsons[1] {
		t.Error("two runs of one seed differ")
	}
	for line := range strings.Lines(texts[0]) {
		if len(strings.TrimRight(line, "\n")) > 100 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestBusiest(t *testing.T) {
	for _, x := range []struct {
		times []spec.Time
		want  int
	}{{nil, 0}, {[]spec.Time{5}, 1}, {[]spec.Time{0, 9, 10, 19}, 2}, {[]spec.Time{0, 1, 2, 11, 12, 13, 14}, 4}} {
		if got := busiest(x.times, 10); got != x.want {
			t.Errorf("busiest of %v: %d, want %d", x.times, got, x.want)
		}
	}
}

func TestLatencyOf(t *testing.T) {
	var all []int64
	for n := range 200 {
		all = append(all, int64(200-n))
	}
	if got := *latencyOf(all); got != (Latency{100, 180, 198, 200}) {
		t.Errorf("of 1 to 200: %+v", got)
	}
	if got := *latencyOf([]int64{7}); got != (Latency{7, 7, 7, 7}) || latencyOf(nil) != nil {
		t.Errorf("of one: %+v", got)
	}
}
