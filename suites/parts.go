package suites

import (
	"fmt"
	"strconv"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
)

// Part is a transport, a level of reliability, an ordering or a membership, as `conform list` shows it.
type Part struct {
	Name    string
	Title   string // what it is
	Promise string // what it promises, and on what premises
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

// Transports lists the ways in which one send reaches many.
func Transports() []Part {
	return []Part{{
		Name: "unicast", Title: "the sender knows the members and sends each a copy",
		Promise: "n copies for n members; one's own copy is loss-free", Source: "Coulouris et al., Distributed Systems (CDK)",
		Options: []Option{
			{Key: "channel", Default: "auto", Text: "auto: the reliable one-to-one channel lies below where the level of reliability needs it; on: always", Check: oneOf("auto", "on")},
			{Key: "mtu", Default: "0", Text: "bytes of the longest packet, 160 to 65536: longer messages are cut in pieces; 0: no limit", Check: mtu},
		},
		New: func(cfg impl.Config) impl.Layer { return transport.NewUnicast(cfg) },
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
		New:     func(cfg impl.Config) impl.Layer { return reliability.NewBestEffort(cfg) },
	}, {
		Name: "reliable", Title: "re-multicast on first receipt, before delivering, over the reliable channel",
		Promise: "validity, integrity and agreement, though the sender crashes half way",
		Source:  "Hadzilacos & Toueg, 1994 (HT94)",
		New:     func(cfg impl.Config) impl.Layer { return reliability.NewReliable(cfg) },
	}}
}

// Orderings lists the orders of delivery.
func Orderings() []Part {
	return []Part{{
		Name: "unordered", Title: "deliver what comes when it comes", Promise: "no order",
		New: func(cfg impl.Config) impl.Layer { return ordering.NewUnordered(cfg) },
	}, {
		Name: "fifo", Title: "sequence numbers and a hold-back queue for each sender",
		Promise: "one sender's messages in the order sent, without gaps; stalls behind a lost one",
		Source:  "HT94; CDK",
		New:     func(cfg impl.Config) impl.Layer { return ordering.NewFifo(cfg) },
	}, {
		Name: "causal", Title: "precedence vectors, joined on delivery",
		Promise: "a message is delivered after all that happened before it; closed group",
		Source:  "Birman, Schiper, Stephenson, 1991 (BSS91)",
		New:     func(cfg impl.Config) impl.Layer { return ordering.NewCausal(cfg) },
	}}
}

// Memberships lists the ways in which members come to know who is one.
func Memberships() []Part {
	return []Part{{
		Name: "static", Title: "the members are known from the start and never change",
		Promise: "closed groups refuse the sends of others; cuts and pauses shorter than TL are survived; who comes back without a log is no member",
		New:     func(cfg impl.Config) impl.Layer { return membership.NewStatic(cfg) },
	}}
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
