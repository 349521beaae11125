package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	loopback = "127.0.0.1"
	poll     = 2 * time.Millisecond // between two looks at something that no event announces
)

// cluster is a full mesh of real servers in this process, on free ports of the loopback interface. Core NATS only: no
// JetStream, nothing on disk.
type cluster struct {
	servers []*server.Server
}

// startCluster starts n servers and returns when every one has a route to every other. Whatever the outcome, the
// caller stops it.
func startCluster(ctx context.Context, n int) (*cluster, error) {
	c := &cluster{}
	var seed []*url.URL // the first server's route address; the mesh closes by gossip
	for i := range n {
		s, err := server.NewServer(&server.Options{
			ServerName: serverName(i),
			Host:       loopback,
			Port:       server.RANDOM_PORT,
			Cluster:    server.ClusterOpts{Name: "conform", Host: loopback, Port: server.RANDOM_PORT},
			Routes:     seed,
			NoSigs:     true, // signals belong to the program, not to a guest in it
			NoLog:      true,
		})
		if err != nil {
			return c, fmt.Errorf("server %d: %w", i, err)
		}
		c.servers = append(c.servers, s)
		go s.Start()
		if !s.ReadyForConnections(within(ctx)) {
			return c, fmt.Errorf("server %d does not accept connections", i)
		}
		if i == 0 {
			seed = []*url.URL{{Scheme: "nats-route", Host: s.ClusterAddr().String()}}
		}
	}
	return c, c.awaitRoutes(ctx)
}

func serverName(i int) string { return fmt.Sprintf("s%d", i) }

// awaitRoutes returns when the mesh is full. A server forwards only what comes from its own clients, never what comes
// from a route, so a missing route would be a missing delivery.
func (c *cluster) awaitRoutes(ctx context.Context) error {
	return await(ctx, "a route between every two servers", func() bool {
		for _, s := range c.servers {
			if s.NumRemotes() != len(c.servers)-1 {
				return false
			}
		}
		return true
	})
}

// awaitInterest returns when every running server knows every subscription to subject: those of its own clients, and
// one of each other server that has clients. Before that, at-most-once delivery rightly loses messages, and a history
// of it would say nothing. clients holds how many subscribers each server has.
func (c *cluster) awaitInterest(ctx context.Context, subject string, clients []int) error {
	return await(ctx, "every server to know all subscriptions", func() bool {
		for i, s := range c.servers {
			if !s.Running() {
				continue
			}
			want := clients[i]
			for j, n := range clients {
				if j != i && n > 0 {
					want++
				}
			}
			if s.GlobalAccount().Interest(subject) != want {
				return false
			}
		}
		return true
	})
}

// index gives the number of the server of that name, or -1.
func (c *cluster) index(name string) int {
	for i, s := range c.servers {
		if s.Name() == name {
			return i
		}
	}
	return -1
}

// kill stops one server, with the connections of its clients and its routes.
func (c *cluster) kill(i int) {
	c.servers[i].Shutdown()
	c.servers[i].WaitForShutdown()
}

// stop stops all servers and waits until their ports and goroutines are gone.
func (c *cluster) stop() {
	for _, s := range c.servers {
		s.Shutdown()
	}
	for _, s := range c.servers {
		s.WaitForShutdown()
	}
}

// await polls until done says true, or fails with what it waited for when ctx ends.
func await(ctx context.Context, what string, done func() bool) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

// within gives the time left until ctx ends; contexts without a deadline are not used here.
func within(ctx context.Context) time.Duration {
	end, ok := ctx.Deadline()
	if !ok {
		panic(errors.New("nats: a context without a deadline"))
	}
	return max(time.Until(end), time.Millisecond)
}
