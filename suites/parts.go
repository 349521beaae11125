package suites

import (
	"fmt"
	"strconv"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
)

// Part is a transport, a level of reliability, an ordering or a membership, as `conform list` shows it.
type Part struct {
	Name    string
	Title   string // what it is
	Promise string // what it promises, and on what premises
	Across  string // orderings: what it promises across groups that overlap
	Source  string
	Options []Option
	New     func(impl.Config) impl.Layer
}

// Option is a choice that a variant makes.
type Option struct {
	Key, Default, Text string
	Check              func(value string) error
}

func (p *Part) option(key string) *Option {
	for i := range p.Options {
		if p.Options[i].Key == key {
			return &p.Options[i]
		}
	}
	return nil
}

func lookup(table []Part, name string) *Part {
	for i := range table {
		if table[i].Name == name {
			return &table[i]
		}
	}
	return nil
}

func names(table []Part) []string {
	out := make([]string, len(table))
	for i := range table {
		out[i] = table[i].Name
	}
	return out
}

var channelOption = Option{Key: "channel", Default: "auto", Text: "auto: the reliable one-to-one channel lies below where the level of reliability needs it; on: always", Check: oneOf("auto", "on")}

// Transports lists the ways in which one send reaches many.
func Transports() []Part {
	nic := []Option{
		{Key: "nic", Default: "hash64", Text: "the filter of network cards: exact (a table, beyond which all group frames pass), hash64, hash512 (CRC-32 bins), promiscuous", Check: oneOf("exact", "hash64", "hash512", "promiscuous")},
		{Key: "slots", Default: "4", Text: "groups that an exact filter has room for", Check: within(1, 64)},
	}
	multicast := func(cfg impl.Config) impl.Layer { return transport.NewMulticast(cfg) }
	return []Part{{
		Name: "hardware", Title: "LAN multicast: one frame to a group's hardware address, filtered by network cards and again by the driver",
		Promise: "one frame a send; a collision in a card's filter costs time and never a wrong delivery; changed frames are dropped", Source: "CDK; RFC 1112",
		Options: nic, New: multicast,
	}, {
		Name: "broadcast", Title: "one broadcast frame with the group's number inside, which every host on the LAN filters in software",
		Promise: "one frame a send; the sender need not know the members; hosts outside the group pay for filtering", Source: "CDK",
		New: multicast,
	}, {
		Name: "unicast", Title: "the sender knows the members and sends each a copy",
		Promise: "n copies for n members; one's own copy is loss-free", Source: "Coulouris et al., Distributed Systems (CDK)",
		Options: []Option{channelOption,
			{Key: "mtu", Default: "0", Text: "bytes of the longest packet, 160 to 65536: longer messages are cut in pieces; 0: no limit", Check: mtu},
		},
		New: func(cfg impl.Config) impl.Layer { return transport.NewUnicast(cfg) },
	}, {
		Name: "coordinator", Title: "the sender sends to one coordinator, which knows the members and sends each a copy",
		Promise: "1+n packets; when the coordinator crashes the group stands still", Source: "CDK",
		Options: []Option{channelOption},
		New:     func(cfg impl.Config) impl.Layer { return transport.NewCoordinator(cfg) },
	}, {
		Name: "hierarchy", Title: "a tree: root coordinator, subgroup coordinators, members",
		Promise: "a node sends no more copies of a message than it has children; when an inner node crashes what is below it hears no more", Source: "CDK",
		Options: []Option{channelOption,
			{Key: "fanout", Default: "2", Text: "children of a node", Check: within(1, 1000)},
			{Key: "depth", Default: "0", Text: "levels, for which nodes get more children where they need to; 0: as many as it takes", Check: within(0, 20)},
		},
	}, {
		Name: "ip", Title: "IP multicast: UDP to a group address, IGMP or MLD on the LANs, PIM between them",
		Promise: "one packet a send and one copy a link; the sender need not be a member nor know any; best effort", Source: "RFC 1112, 2236, 3376, 3810, 3973, 7761",
		Options: append([]Option{
			{Key: "subnets", Default: "3", Text: "LANs, each with a router: 1 to 100", Check: within(1, 100)},
			{Key: "shape", Default: "ring", Text: "how routers are linked: line, tree, ring, random; ring and random have loops and serve the first LAN by two routers", Check: oneOf("line", "tree", "ring", "random")},
			{Key: "pim", Default: "dense", Text: "dense (RFC 3973), sparse (RFC 7761), none", Check: oneOf("dense", "sparse", "none")},
			{Key: "igmp", Default: "2", Text: "version of IGMP that hosts know: 1, 2, 3; of MLD one less; mixed: each of them on every LAN, by turns, which is no fault but how networks are", Check: oneOf("1", "2", "3", "mixed")},
			{Key: "querier", Default: "auto", Text: "version of IGMP that routers know, the same on all (RFC 3376 section 7.3.1): 1, 2, 3; of MLD one less; auto: that of the hosts, and 3 where these are mixed. Hosts that know a newer one speak the routers'", Check: oneOf("auto", "1", "2", "3")},
			{Key: "version", Default: "4", Text: "of IP: 4 or 6", Check: oneOf("4", "6")},
			{Key: "snooping", Default: "off", Text: "on: LANs are switches that snoop IGMP and MLD (RFC 4541)", Check: oneOf("on", "off")},
			{Key: "refresh", Default: "off", Text: "on: state refresh keeps prunes alive (dense)", Check: oneOf("on", "off")},
			{Key: "spt", Default: "off", Text: "on: switch to the source's tree at the first packet (sparse)", Check: oneOf("on", "off")},
			{Key: "routers", Default: "ours", Text: "whose routers are: ours, frr (FRR's pimd, sparse and on the kernel only)", Check: oneOf("ours", "frr")},
			{Key: "rp", Default: "configured", Text: "how routers know the rendezvous point (sparse): configured, announced (RFC 5059)", Check: oneOf("configured", "announced")},
		}, nic...),
		New: multicast,
	}, {
		Name: "tcp", Title: "a stream of bytes to each member, with frames in it, opened again when it breaks",
		Promise: "a copy for each member, in the order sent; a stream cut in the middle of a frame loses nothing, as long as it comes back before TL", Source: "CDK; RFC 9293 in outline",
		Options: []Option{{Key: "mss", Default: "256", Text: "bytes of the longest segment, 16 to 65000", Check: within(16, 65000)}},
		New:     func(cfg impl.Config) impl.Layer { return transport.NewTCP(cfg) },
	}, {
		Name: "anycast", Title: "to exactly one member, one at the smallest route metric",
		Promise: "at most one member delivers, always; one does where nothing is lost and no member has crashed", Source: "RFC 1546; RFC 4786",
		Options: []Option{channelOption,
			{Key: "subnets", Default: "3", Text: "LANs over which the nodes are spread: 1 to 100", Check: within(1, 100)},
			{Key: "shape", Default: "ring", Text: "how they are linked: line, tree, ring, random", Check: oneOf("line", "tree", "ring", "random")},
		},
	}}
}

// Reliabilities lists the levels of reliability.
func Reliabilities() []Part {
	return []Part{{
		Name: "unreliable", Title: "send and hope",
		Promise: "nothing: a message may be lost, arrive twice, or reach some only; never acknowledges", Source: "CDK",
		New: func(cfg impl.Config) impl.Layer { return reliability.NewUnreliable(cfg) },
	}, {
		Name: "best-effort", Title: "acknowledge, retransmit after TS, remove after TL",
		Promise: "if the sender does not crash every correct member that was not removed delivers, once",
		Source:  "Cachin, Guerraoui, Rodrigues, 2011 (CGR11)",
		Options: []Option{{Key: "ack", Default: "pipelined", Text: "how receivers acknowledge: pipelined (each message), stop-and-wait, cumulative (all up to a number), piggyback (on their own messages)", Check: oneOf("pipelined", "stop-and-wait", "cumulative", "piggyback")}},
	}, {
		Name: "nack", Title: "number, ask for what is missing, tell the last number when silent",
		Promise: "if the sender does not crash every correct member delivers, once, in the order sent, however long a cut lasts; never acknowledges, and never forgets",
		Source:  "CDK, IP multicast with negative acknowledgements",
		New:     func(cfg impl.Config) impl.Layer { return reliability.NewNack(cfg) },
	}, {
		Name: "reliable", Title: "re-multicast on first receipt, before delivering, over the reliable channel",
		Promise: "validity, integrity and agreement, though the sender crashes half way",
		Source:  "Hadzilacos & Toueg, 1994 (HT94)",
		New:     func(cfg impl.Config) impl.Layer { return reliability.NewReliable(cfg) },
	}, {
		Name: "reliable-ip", Title: "acknowledgements ride on messages, what is missing is asked for, and all keep copies until all have them",
		Promise: "validity, integrity and agreement in a closed group, in each sender's order, one packet a message where nothing is lost; deliver=stable: uniform",
		Source:  "CDK, reliable multicast over IP multicast",
		Options: []Option{
			{Key: "deliver", Default: "received", Text: "received: at once; stable: when every member is known to have it", Check: oneOf("received", "stable")},
			{Key: "window", Default: "4096", Text: "messages of a sender that may be without everyone's acknowledgement; more are refused", Check: within(1, 65536)},
		},
	}, {
		Name: "uniform", Title: "relay on first receipt, deliver when a majority has relayed",
		Promise: "what anyone delivers, also one that crashes, all correct members deliver; a majority must stay up, or nothing is delivered",
		Source:  "CGR11, majority-ack uniform reliable broadcast",
		New:     func(cfg impl.Config) impl.Layer { return reliability.NewUniform(cfg) },
	}, {
		Name: "durable", Title: "log and sync before acknowledging, relay on first receipt, tell each other after a restart who has what",
		Promise: "as reliable, and what was acknowledged is never lost, through crash and restart of any and all; acks says how many disks hold it by then",
		Source:  "CGR11, logged broadcast; HT94",
		Options: []Option{{Key: "acks", Default: "majority", Text: "how many disks have a message before it is acknowledged: 1 (the sender's), majority, all", Check: oneOf("1", "majority", "all")}},
	}, {
		Name: "atomic-log", Title: "logs on both sides, an acknowledgement from everyone, and never giving up",
		Promise: "all members process every message once all are up; one that is dead for good blocks it for ever",
		Source:  "Gray, 1978, two-phase commit without abort",
		Options: []Option{{Key: "phases", Default: "2", Text: "2: nobody delivers before everyone has it on disk; 1: each delivers on receipt", Check: oneOf("1", "2")}},
	}, {
		Name: "atomic-abort", Title: "two-phase commit: if the sender gives up on one recipient, no recipient processes the message",
		Promise: "all or none; who was dead learns the outcome when it restarts",
		Source:  "Gray, 1978; Mohan, Lindsay, Obermarck, 1986, presumed abort",
		New:     func(cfg impl.Config) impl.Layer { return reliability.NewAtomicAbort(cfg) },
	}, {
		Name: "gossip", Title: "tell a few random members, who do the same",
		Promise: "the share of the members that fan-out and rounds let expect delivers, of many messages; never acknowledges",
		Source:  "Eugster, Guerraoui, Kermarrec, Massoulié, 2004",
		Options: []Option{
			{Key: "fanout", Default: "2", Text: "members that each one tells in a round", Check: within(1, 64)},
			{Key: "rounds", Default: "2", Text: "rounds in which it tells them", Check: within(1, 20)},
		},
	}, {
		Name: "byzantine", Title: "echo and ready: nobody delivers before so many are ready for it that liars make no difference",
		Promise: "validity, agreement, and no two contents for one message, though fewer than a third of the members lie or crash",
		Source:  "Bracha, 1987; CGR11, authenticated double-echo broadcast",
		New:     func(cfg impl.Config) impl.Layer { return reliability.NewByzantine(cfg) },
	}, {
		Name: "atomic-view", Title: "deliver what every member of the view has; where one fails, wait for a view without it",
		Promise: "all deliver or none, in each sender's order; in a static view a dead member lets nobody deliver any more",
		Source:  "Birman & Joseph, 1987 (BJ87); BSS91",
		New:     func(cfg impl.Config) impl.Layer { return reliability.NewAtomicView(cfg) },
	}}
}

// Memberships lists the ways in which members come to know who is one.
func Memberships() []Part {
	return []Part{{
		Name: "static", Title: "the members are known from the start and never change",
		Promise: "closed groups refuse the sends of others; cuts and pauses shorter than TL are survived; who comes back without a log is no member",
		Options: watchingOptions,
		New:     func(cfg impl.Config) impl.Layer { return membership.NewStatic(cfg) },
	}, {
		Name: "anonymous", Title: "who wants to hear joins at the transport, and nobody knows who does",
		Promise: "anybody may send; who has left delivers nothing; nothing else is promised, because nobody knows to whom", Source: "RFC 1112",
		New: func(cfg impl.Config) impl.Layer { return membership.NewAnonymous(cfg) },
	}, serverPart(), distributedPart(), viewSynchrony()}
}

func within(low, high int) func(string) error {
	return func(value string) error {
		if n, err := strconv.Atoi(value); err != nil || n < low || n > high {
			return fmt.Errorf("want %d to %d", low, high)
		}
		return nil
	}
}

func oneOf(words ...string) func(string) error {
	return func(value string) error {
		for _, w := range words {
			if w == value {
				return nil
			}
		}
		return fmt.Errorf("want one of %v", words)
	}
}

func mtu(value string) error {
	if n, err := strconv.Atoi(value); err != nil || n != 0 && (n < 160 || n > 65536) {
		return fmt.Errorf("want 0, or 160 to 65536")
	}
	return nil
}
