package sim

import (
	"bytes"
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// every is each kind of network that these faults strike.
var every = map[string]site{"ip": threeLANs, "ipv6": {subnets: 3, shape: ipmulticast.Ring, mode: ipmulticast.Dense, v6: true},
	"hardware": {}, "broadcast": {all: true}, "switched": {subnets: 2, mode: ipmulticast.Dense, switched: true}}

// received gives the data frames from one machine that nodes took: how many each did.
func received(h *spec.History, from spec.NodeID) (by [4]int) {
	for _, e := range events(h, spec.Receive) {
		if h.ExtraOf(&e).Op == "data" && e.From == from {
			by[e.Node]++
		}
	}
	return by
}

// What a stranger repeats comes to the nodes like any datagram to the group, and none delivers it.
func TestRogue(t *testing.T) {
	const stranger = " stranger: data "
	for name, n := range every {
		h, _ := n.play(t, "at 10ms send 1 g 8", "at 50ms rogue 100% for 200ms", "at 60ms send 1 g 8", "at 160ms send 0 to 1 8",
			"at 260ms send 1 g 8", "at 300ms rogue 0%", "at 310ms send 1 g 8")
		fs := frames(h, stranger)
		lan := map[string]string{"ip": "lan1", "ipv6": "lan1", "switched": "lan1.0"}[name]
		if lan == "" {
			lan = "lan0"
		}
		if len(fs) != 1 || !strings.HasPrefix(fs[0], "60.000 "+lan+stranger) {
			t.Errorf("%s: the stranger sent %q", name, fs)
			continue
		}
		if got := reached(h, 1); got != "0123 0123 0123 0123" {
			t.Errorf("%s: reached %s", name, got)
		}
		if got := len(events(h, spec.Deliver)); got != 17 {
			t.Errorf("%s: %d deliveries, want 4 of each message to the group and 1 of the other", name, got)
		}
		id := h.Nodes[len(h.Nodes)-1]
		if id != "stranger" {
			t.Fatalf("%s: nodes %v", name, h.Nodes)
		}
		if got := received(h, spec.NodeID(len(h.Nodes)-1)); got != [4]int{1, 1, 1, 1} {
			t.Errorf("%s: received from the stranger: %v", name, got)
		}
	}
}

// The stranger sends the same bytes under its own name.
func TestRogueSendsTheSameBody(t *testing.T) {
	for name, n := range every {
		var data [][]byte
		cfg := n.config()
		cfg.Capture = func(_ spec.Time, frame []byte) {
			f, _ := ipmulticast.ParseFrame(frame)
			var ip ipmulticast.IP
			switch {
			case f.Type == ipmulticast.TypeGroup:
				data = append(data, f.Payload[:len(f.Payload)-4]) // without the check sequence
			case ipmulticast.ParseIP(f.Payload, &ip) && ip.Protocol == ipmulticast.ProtoUDP:
				u, _ := ipmulticast.ParseUDP(&ip)
				data = append(data, u.Payload)
			}
		}
		if err := New(cfg).Play(scenario(t, "at 10ms rogue 100%", "at 20ms send 0 g 30"), &spec.History{}); err != nil {
			t.Fatal(err)
		}
		for i := range data {
			if len(data) < 2 || len(data[i]) < 30 || !bytes.Equal(data[0], data[i]) {
				t.Errorf("%s: frame %d of %d: %x, want %x", name, i, len(data), data[i], data[0])
			}
		}
	}
}

// Packets of a group go to a link where nobody but a stranger listens, until its membership ages: it answers no query.
func TestListen(t *testing.T) {
	for _, n := range []site{threeLANs, every["ipv6"]} {
		h, _ := n.play(t, append([]string{"group g 0 3", "at 200ms listen 1 for 10ms"}, sends(0, 10, 1910, 100)...)...)
		var on []int
		for _, id := range datagrams(h, 0) {
			k := 0
			if strings.Contains(path(h, id), "lan1 r1") {
				k = 1
			}
			on = append(on, k)
		}
		want := []int{0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0} // 200 ms and 260 s on the routers' clocks
		if string(spaced(on)) != string(spaced(want)) {
			t.Errorf("v6 %v: datagrams on lan1: %v, want %v", n.v6, on, want)
		}
		if fs := frames(h, "lan1 stranger: igmp-report"); len(fs) != 1 {
			t.Errorf("v6 %v: reports: %q", n.v6, fs)
		}
		for _, e := range events(h, spec.Deliver) {
			if e.Node != 0 && e.Node != 3 {
				t.Errorf("node %d delivered", e.Node)
			}
		}
	}
}

func spaced(list []int) (b []byte) {
	for _, n := range list {
		b = append(b, byte('0'+n))
	}
	return b
}

// While a flood lasts receivers lose frames, and after it they hear again, whatever struck them meanwhile.
func TestFlood(t *testing.T) {
	for name, n := range every {
		for _, also := range []string{"nothing", "omit-receive 3 100% for 20ms", "pause 3 for 20ms", "listen 3"} {
			steps := append(append(sends(0, 10, 30, 20), sends(0, 60, 70, 10)...), sends(0, 110, 150, 20)...)
			h, w := n.play(t, with(steps, "at 50ms flood every 20us for 40ms", "at 62ms "+also)...)
			got := strings.Fields(reached(h, 0))
			for i, by := range got {
				if flooded := i == 2 || i == 3; !flooded && by != "0123" || flooded && by == "0123" {
					t.Errorf("%s, %s: message %d reached %s", name, also, i, by)
				}
			}
			if len(got) != 7 || !h.Settled {
				t.Errorf("%s, %s: %d messages, settled %v", name, also, len(got), h.Settled)
			}
			if got := received(h, spec.NodeID(len(h.Nodes)-1)); got[1] < ring || got[1] > 1000 {
				t.Errorf("%s, %s: node 1 took in %d packets of the flood of 2000", name, also, got[1])
			}
			for id := range w.procs {
				if k := w.nodes[id].flooded; k != 0 {
					t.Errorf("%s, %s: %d frames of the flood are still on their way to node %d", name, also, k, id)
				}
			}
		}
	}
}

// A flood of few packets overruns nobody.
func TestASlowFlood(t *testing.T) {
	h, _ := threeLANs.play(t, with(sends(0, 10, 410, 50), "at 50ms flood every 1ms", "at 150ms heal")...)
	if got := reached(h, 0); got != strings.TrimSpace(strings.Repeat("0123 ", 9)) {
		t.Errorf("reached %s", got)
	}
	if fs := frames(h, " lan0 stranger: data "); len(fs) != 100 {
		t.Errorf("%d packets in 100 ms", len(fs))
	}
}

// Other programs fill the filter of one card: all group frames pass it, and its driver drops those of other groups.
func TestOverflow(t *testing.T) {
	lan := []string{"group g 0 1", "group h 2 3", "at 10ms send 0 g 8"} // one frame, that 2 and 3 did not ask for
	for _, c := range []struct {
		nic      ipmulticast.NICModel
		fault    string
		nicDrops int
	}{
		{ipmulticast.Exact, "nothing", 2},
		{ipmulticast.Exact, "overflow 3 4", 1},
		{ipmulticast.Exact, "overflow 3 3", 2}, // there is room
		{ipmulticast.Exact, "overflow 3 256", 1},
		{ipmulticast.Exact, "overflow 0 4", 2},
		{ipmulticast.Hash64, "overflow 3 255", 1},
		{ipmulticast.Hash512, "overflow 3 4", 2},
		{ipmulticast.Promiscuous, "overflow 3 4", 0},
	} {
		h, w := site{nic: c.nic}.play(t, append(lan, "at 1ms "+c.fault)...)
		if n := w.Counts(); n.ByNIC != c.nicDrops || n.ByDriver != 2-c.nicDrops {
			t.Errorf("%v, %s: %d dropped by cards and %d by drivers", c.nic, c.fault, n.ByNIC, n.ByDriver)
		}
		if got := reached(h, 0); got != "01" {
			t.Errorf("%v, %s: reached %s", c.nic, c.fault, got)
		}
	}
	_, before := threeLANs.play(t, lan...)
	_, after := threeLANs.play(t, append(lan, "at 1ms overflow 2 4")...)
	if a, b := before.Counts(), after.Counts(); a.ByDriver != 0 || b.ByDriver == 0 || a.ByNIC != b.ByNIC+b.ByDriver {
		t.Errorf("over IP: %+v, then %+v", a, b)
	}
}

// Groups that cards take for one another: the driver, or the IP layer above it, keeps them apart.
func TestGroupsThatCollide(t *testing.T) {
	six := every["ipv6"]
	six.nic = ipmulticast.Exact
	for _, c := range []struct {
		name    string
		on      site
		address string
		passes  bool // the card
	}{
		{"nothing in common", site{}, "239.129.1.2", false},
		{"nothing in common, over IP", threeLANs, "239.129.1.2", false},
		{"one bin of 64", site{nic: ipmulticast.Hash64}, ipmulticast.SameBin(addr(GroupAddress(0)), 64, 3).String(), true},
		{"one bin of 512", site{nic: ipmulticast.Hash512}, ipmulticast.SameBin(addr(GroupAddress(0)), 512, 0).String(), true},
		{"… is not one address", site{}, ipmulticast.SameBin(addr(GroupAddress(0)), 64, 3).String(), false},
		{"one hardware address", threeLANs, ipmulticast.CollidingIPv4(addr(GroupAddress(0)), 7).String(), true},
		{"one hardware address, IPv6", six, "ff05::1:0:101", true},
	} {
		h, w := c.on.play(t, "group g 0 1", "group h at "+c.address+" 2 3", "at 10ms send 0 g 8", "at 60ms send 2 h 8")
		if n := w.Counts().ByDriver; (n > 0) != c.passes {
			t.Errorf("%s: %d dropped above the card", c.name, n)
		}
		if a, b := reached(h, 0), reached(h, 2); a != "01" || b != "23" {
			t.Errorf("%s: reached %s and %s", c.name, a, b)
		}
		for _, e := range events(h, spec.Receive) {
			if x := h.ExtraOf(&e); x.Op == "data" && (e.Node < 2) != (e.From < 2) {
				t.Errorf("%s: node %d took datagram %d of node %d", c.name, e.Node, x.ID, e.From)
			}
		}
	}
}

// A host whose reports are lost gets nothing until it answers the next query, and what it does not want any more comes
// until its membership ages.
func TestIGMPLoss(t *testing.T) {
	for _, n := range []site{threeLANs, every["ipv6"]} {
		h, _ := n.play(t, append([]string{"group g 0 2 3", "at 150ms igmp-loss 1 100% for 300ms", "at 200ms join 1 g",
			"at 1200ms igmp-loss 1 100%", "at 1250ms leave 1 g"}, sends(0, 10, 2910, 100)...)...)
		var heard, carried []byte
		for i, by := range strings.Fields(reached(h, 0)) {
			heard = append(heard, "-1"[min(1, strings.Count(by, "1"))])
			carried = append(carried, "-l"[min(1, strings.Count(path(h, datagrams(h, 0)[i]), "lan1"))])
		}
		// The query of 661 ms, and its answer; from the last answer, 260 s on the routers' clocks.
		if got, want := string(heard), "-------111111-----------------"; got != want {
			t.Errorf("v6 %v: heard by 1\n%s, want\n%s", n.v6, got, want)
		}
		if got, want := string(carried), "-------lllllllllllll----------"; got != want {
			t.Errorf("v6 %v: on lan1\n%s, want\n%s", n.v6, got, want)
		}
		if fs := frames(h, "lan1 1: igmp-"); len(fs) != 1 {
			t.Errorf("v6 %v: node 1 said %q", n.v6, fs)
		}
	}
}

// What is lost of an acknowledged protocol is sent again.
func TestAChannelOverALossyNetwork(t *testing.T) {
	n := threeLANs
	n.upper = func(cfg impl.Config) impl.Layer {
		return impl.NewStack(transport.NewUnicast(cfg), transport.NewChannel(cfg))
	}
	h, _ := n.play(t, "at 0s loss 50% for 100ms", "at 10ms send 0 g 8", "at 150ms router-down r1 for 200ms", "at 160ms send 0 g 8")
	if got := reached(h, 0); got != "0123 0123" || len(events(h, spec.Ack)) != 2 || len(events(h, spec.Deliver)) != 8 {
		t.Errorf("reached %s, %d acknowledgements", got, len(events(h, spec.Ack)))
	}
}
