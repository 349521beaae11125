// The command natsmember is one node of a cluster of NATS servers, for `conform certify --network own`: a server of its own,
// embedded, routed to those of the other nodes, and one client of it. By default the application uses core NATS (publish and
// subscribe); with -jetstream it publishes to a stream with three replicas and reads it with an ordered consumer, or with
// -consumer durable with one that outlives it.
//
// What is claimed is what the documentation of NATS says; README.md has the sentences and their places.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/conform-go/conform/impl/external/line"
)

func main() {
	stream := flag.Bool("jetstream", false, "publish to a stream with three replicas")
	consumer := flag.String("consumer", "ordered", "how the stream is read: ordered or durable")
	heartbeat := flag.Duration("heartbeat", 0, "of who reads the stream; a third of the longest request; 0: the library's default")
	settle := flag.Duration("settle", 0, "how long the system may be silent and not be done; 0: 2s, and 45s with a stream")
	flag.Parse()
	if flag.NArg() > 0 || *consumer != "ordered" && *consumer != "durable" {
		flag.Usage()
		os.Exit(64)
	}
	h, start := coreHello(), startCore
	if *stream {
		by := how{*consumer == "durable", *heartbeat}
		h, start = streamHello(by.durable), func(i line.Init, o *line.Out) (line.Member, error) { return startStream(i, o, by) }
	}
	if *settle > 0 {
		h.Settle = int64(*settle)
	}
	if err := line.Run(h, start, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "natsmember:", err)
		os.Exit(70)
	}
}

func version() string { return "nats-server " + server.VERSION + ", nats.go " + nats.Version }

// coreHello claims what "at most once" is: https://docs.nats.io/reference/faq, "Does NATS guarantee message delivery?"
// ("at-most-once", "guaranteed to arrive intact") and "Does NATS offer any guarantee of message ordering?" ("messages from a
// given single publisher will be delivered to all eligible subscribers in the order in which they were originally
// published"). Whoever is not connected gets nothing, so that nothing is claimed of what arrives.
func coreHello() line.Hello {
	return line.Hello{Name: "nats", Version: version(), Claims: []string{"NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY", "FIFO-ORDER"},
		Tolerates: []string{"crash", "recover", "pause"}, Settle: int64(2 * time.Second)}
}

// streamHello claims what a replicated stream is for. https://docs.nats.io/nats-concepts/jetstream: "at least once", and
// "exactly once" with Nats-Msg-Id and double acknowledgement; /learn/clustering/replication-and-r3: an acknowledged message is
// on a quorum, "the loss of one server costs nothing"; /nats-concepts/jetstream/streams: one sequence for the whole stream;
// jetstream/README.md of nats.go, "Ordered consumers": "strictly processing messages in the order that they were stored on the
// stream", "resilient to consumer deletion", and, in its package documentation, "to deletes and restarts". Who reads with the
// library's defaults hears of a lost server within half a minute.
func streamHello(durable bool) line.Hello {
	h := line.Hello{Name: "jetstream-ordered", Version: version(), Claims: []string{"best-effort", "AGREEMENT", "fifo", "total"},
		Tolerates: []string{"crash", "pause"}, Settle: int64(45 * time.Second)}
	if durable { // a redelivery may come out of order: /nats-concepts/jetstream/consumers, "AckPolicy" and "MaxAckPending"
		h.Name, h.Claims, h.Tolerates = "jetstream-durable", []string{"best-effort", "AGREEMENT", "ACKED-DELIVERED", "fifo", "total"}, []string{"crash", "recover", "pause"}
	}
	return h
}
