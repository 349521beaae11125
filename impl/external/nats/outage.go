package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/conform-go/conform/spec"
	"github.com/nats-io/nats.go"
)

// outageTime is how long a client of the killed server stays away. Left alone it would be back after a millisecond,
// and what is lost in between would be luck.
const outageTime = 500 * time.Millisecond

// outage is the fault of a run with -kill: the last server is shut down in the middle, its clients come back to another
// one after a while. That server never returns, so that its clients' way back is the library's own.
type outage struct {
	c      *cluster
	victim int
	refuge int
	killed chan struct{} // closed when the server is down
	cut    chan struct{} // closed when the first of its clients has noticed
	once   sync.Once
}

func newOutage(c *cluster) *outage {
	return &outage{c: c, victim: len(c.servers) - 1, killed: make(chan struct{}), cut: make(chan struct{})}
}

// member gives the servers that m may use, the first first, and how it reconnects. Only clients of the victim will
// need to.
func (o *outage) member(r *recorder, m *member, url string) (urls string, opt nats.Option) {
	refuge := o.c.servers[o.refuge].ClientURL()
	if url != refuge {
		url = strings.Join([]string{url, refuge}, ",")
	}
	return url, func(opts *nats.Options) error {
		opts.MaxReconnect = -1
		opts.DisconnectedErrCB = func(_ *nats.Conn, err error) {
			if err != nil { // nil is the run's own end
				r.remark(spec.Note, fmt.Sprintf("member %d has lost its connection: %v", m.node, err))
				o.once.Do(func() { close(o.cut) })
			}
		}
		opts.ReconnectedCB = func(nc *nats.Conn) {
			r.remark(spec.Note, fmt.Sprintf("member %d is a client of server %s", m.node, nc.ConnectedServerName()))
		}
		opts.ReconnectToServerCB = func(pool []nats.Server, _ nats.ServerInfo) (*nats.Server, time.Duration) {
			for i := range pool {
				if pool[i].URL.String() == refuge {
					return &pool[i], outageTime
				}
			}
			return nil, 0 // the library's own choice
		}
		return nil
	}
}

// begin shuts the victim down while the members go on sending.
func (o *outage) begin(r *recorder) {
	r.remark(spec.Fault, fmt.Sprintf("server %s is shut down; its clients may come back after %v", serverName(o.victim), outageTime))
	go func() {
		defer close(o.killed)
		o.c.kill(o.victim)
	}()
}

// awaitCut returns when the outage is felt: the rounds that follow, at least one, fall into it.
func (o *outage) awaitCut(ctx context.Context) {
	select {
	case <-o.cut:
	case <-ctx.Done():
	}
}

// end waits until the victim is down and its clients are back, subscribed again.
func (o *outage) end(ctx context.Context, r *recorder, members []*member) error {
	select {
	case <-o.killed:
	case <-ctx.Done():
		return fmt.Errorf("waiting for server %s to stop: %w", serverName(o.victim), ctx.Err())
	}
	err := await(ctx, "the clients of the killed server to come back", func() bool {
		for _, m := range members {
			if !m.nc.IsConnected() || m.nc.ConnectedServerName() == serverName(o.victim) {
				return false
			}
		}
		return true
	})
	if err != nil {
		return err
	}
	for _, m := range members {
		if err := m.nc.FlushWithContext(ctx); err != nil {
			return fmt.Errorf("member %d after its way back: %w", m.node, err)
		}
	}
	r.remark(spec.Heal, "every member has a connection and its subscription again")
	return nil
}
