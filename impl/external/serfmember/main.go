// The command serfmember is one node of a Serf cluster, for `conform certify --network own`: what is multicast is a user event,
// spread by the gossip of memberlist.
//
// What is claimed is what the documentation of Serf says; README.md has the sentences and their places.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/conform-go/conform/impl/external/line"
)

func main() {
	if err := line.Run(hello(), start, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "serfmember:", err)
		os.Exit(70)
	}
}

// pushPull is how often a node exchanges its whole state, recent events too, with another one. It is 30 s by default: that
// is the repair of what gossip lost, and a run that ended before it would say nothing.
const pushPull = 3 * time.Second

// hello claims what a user event is promised: "Serf works hard to ensure it is delivered to all nodes"
// (docs/intro/getting-started/user-events), by "anti-entropy over TCP as well as message replay" (docs/commands/event), to
// those that are members. Nothing is claimed of the order: Lamport times let a member discard what is old, no more
// (docs/internals/gossip, "Lamport Clocks").
func hello() line.Hello {
	h := line.Hello{Name: "serf", Version: versions(), Claims: []string{"best-effort"}, Tolerates: []string{"crash", "pause"},
		Settle: int64(3 * pushPull)}
	h.Limits.Payload = 400 // UserEventSizeLimit is 512 bytes with the name
	return h
}
