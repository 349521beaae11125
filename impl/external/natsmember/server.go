package main

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/conform-go/conform/impl/external/line"
)

const (
	group  = "conform.group"
	header = "Conform-Msg" // the message's id travels beside the body, so that equal bodies stay equal
	poll   = 5 * time.Millisecond

	// Whoever comes back does not know who else is up, and takes part after this long even if it sees nobody.
	comeBack = 3 * time.Second
	// The first life waits for the whole group; the harness gives up sooner if it has less patience.
	together = 2 * time.Minute
)

// node is a server and a client of it in the same process.
type node struct {
	init line.Init
	out  *line.Out
	s    *server.Server
	nc   *nats.Conn
}

// startNode starts the server at the node's address, with routes to all others.
func startNode(i line.Init, out *line.Out, disk bool) (*node, error) {
	// A server that does not listen for clients does not start its routes either.
	o := &server.Options{ServerName: "n" + i.Node, Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		Cluster: server.ClusterOpts{Name: "conform"}}
	for _, n := range i.Nodes {
		host, port, err := net.SplitHostPort(i.Addresses[n])
		if err != nil {
			return nil, err
		}
		if n == i.Node {
			o.Cluster.Host = host
			if o.Cluster.Port, err = strconv.Atoi(port); err != nil {
				return nil, err
			}
		}
		// Its own address too, as the documentation has it: from them a server learns how many there are.
		o.Routes = append(o.Routes, &url.URL{Scheme: "nats-route", Host: net.JoinHostPort(host, port)})
	}
	if disk {
		o.JetStream, o.StoreDir, o.JetStreamMaxMemory, o.JetStreamMaxStore = true, i.Dir, 64<<20, 256<<20
	}
	s, err := server.NewServer(o)
	if err != nil {
		return nil, err
	}
	n := &node{init: i, out: out, s: s}
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		n.Close()
		return nil, fmt.Errorf("the server of node %s does not start", i.Node)
	}
	n.nc, err = nats.Connect("", nats.InProcessServer(s), nats.MaxReconnects(-1))
	if err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// await polls until done says so: in a first life within together, and later for no longer than comeBack.
func (n *node) await(what string, done func() bool) error {
	limit := together
	if n.init.Incarnation > 0 {
		limit = comeBack
	}
	for end := time.Now().Add(limit); !done(); time.Sleep(poll) {
		switch {
		case time.Now().Before(end):
		case n.init.Incarnation > 0:
			return nil
		default:
			return fmt.Errorf("node %s waits for %s", n.init.Node, what)
		}
	}
	return nil
}

// Close stops the client and the server.
func (n *node) Close() {
	if n.nc != nil {
		n.nc.Close()
	}
	n.s.Shutdown()
	n.s.WaitForShutdown()
}
