package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/conform-go/conform/spec"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	servers     = 3
	closeBound  = 2 * time.Second // for a client to let go, after the run
	membersMax  = 64
	messagesMax = 100_000
	killMin     = 4 * burstMax // messages
)

// Params is what a run may vary.
type Params struct {
	Members  int           // clients, spread over the servers in turn
	Messages int           // that each member sends unasked; answers come on top
	Seed     uint64        // decides bodies, bursts and who answers what
	Timeout  time.Duration // for the whole run
	Quiet    time.Duration // without any event: traffic has drained
	Kill     bool          // shut one server down in the middle
}

// Check says what is wrong with the parameters.
func (p Params) Check() error {
	switch {
	case p.Members < 2 || p.Members > membersMax:
		return fmt.Errorf("members: %d; want 2 to %d", p.Members, membersMax)
	case p.Messages < 1 || p.Messages > messagesMax:
		return fmt.Errorf("messages: %d; want 1 to %d", p.Messages, messagesMax)
	case p.Timeout <= 0 || p.Quiet <= 0:
		return errors.New("timeout and quiet: want more than nothing")
	case p.Kill && (p.Members < servers || p.Messages < killMin):
		return fmt.Errorf("kill: want at least %d members, so that every server has one, and %d messages, so that some are sent before, at and after it",
			servers, killMin)
	}
	return nil
}

// run is one run under way.
type run struct {
	Params
	c       *cluster
	r       *recorder
	plan    *plan
	members []*member
	out     *outage // nil unless a server is killed
}

// Run starts servers and clients, plays the traffic, and gives the history of it. An error means that the harness
// broke; a run that ran out of time has a history, which is not settled. Nothing is left running.
func Run(ctx context.Context, p Params) (*spec.History, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	c, err := startCluster(ctx, servers)
	defer c.stop()
	if err != nil {
		return nil, err
	}
	u := &run{Params: p, c: c, r: newRecorder(p.Members), plan: newPlan(p.Seed, p.Members, p.Messages)}
	defer u.close()
	if p.Kill {
		u.out = newOutage(c)
	}
	if err := u.connect(ctx); err != nil {
		return nil, err
	}
	u.introduce()
	settled := u.play(ctx)
	u.close() // before the history is read: nobody writes to it afterwards
	for _, m := range u.members {
		if err := m.failed(); err != nil {
			return nil, err
		}
	}
	return u.r.history(settled), nil
}

// connect brings up the members, and returns when all subscriptions are known everywhere.
func (u *run) connect(ctx context.Context) error {
	for i := range u.Members {
		m := &member{node: spec.NodeID(i), r: u.r, p: u.plan}
		u.members = append(u.members, m)
		opt := nats.NoReconnect() // undisturbed, a lost connection is for everyone to see
		urls := u.c.servers[i%servers].ClientURL()
		if u.out != nil {
			urls, opt = u.out.member(u.r, m, urls)
		}
		if err := m.connect(ctx, urls, opt, nats.DontRandomize(), nats.IgnoreDiscoveredServers()); err != nil {
			return err
		}
	}
	return u.awaitInterest(ctx)
}

// awaitInterest returns when every server knows who listens to what.
func (u *run) awaitInterest(ctx context.Context) error {
	all := make([]int, len(u.c.servers))
	for _, m := range u.members {
		one := make([]int, len(u.c.servers))
		if i := u.c.index(m.nc.ConnectedServerName()); i >= 0 {
			one[i]++
			all[i]++
		}
		if err := u.c.awaitInterest(ctx, inbox(m.node), one); err != nil {
			return err
		}
	}
	return u.c.awaitInterest(ctx, subject, all)
}

// introduce writes into the history what was run.
func (u *run) introduce() {
	u.r.remark(spec.Note, fmt.Sprintf("core NATS: nats-server %s, nats.go %s, %s; %d servers, routed", server.VERSION, nats.Version, runtime.Version(), servers))
	u.r.remark(spec.Note, fmt.Sprintf("members %d, messages %d each, seed %d, quiet %v, kill %v", u.Members, u.Messages, u.Seed, u.Quiet, u.Kill))
	for _, m := range u.members {
		u.r.remark(spec.Note, fmt.Sprintf("member %d is a client of server %s", m.node, m.nc.ConnectedServerName()))
	}
}

// play sends everything, heals what was broken, and says whether traffic has drained.
func (u *run) play(ctx context.Context) (settled bool) {
	u.rounds(ctx)
	err := ctx.Err()
	if err == nil && u.out != nil {
		err = u.heal(ctx)
	}
	if err == nil {
		err = u.drain(ctx)
	}
	if err != nil {
		u.r.remark(spec.Note, "not settled: "+err.Error())
	}
	return err == nil
}

// rounds plays all rounds; the outage, if there is one, begins with a round in the middle.
func (u *run) rounds(ctx context.Context) {
	struck := u.out == nil
	for ctx.Err() == nil {
		half := u.plan.drawn >= u.Messages/2
		bursts, ok := u.plan.round()
		if !ok {
			return
		}
		strike := half && !struck
		if strike {
			struck = true
			u.out.begin(u.r)
		}
		u.round(ctx, bursts)
		if strike {
			u.out.awaitCut(ctx)
		}
	}
}

// round lets all members send their bursts at the same instant: each is ready and waits, then one gate opens for all.
// A message reaches the clients of its own server before those of the others, which have a route more to go; so
// members of two servers deliver their own messages first, and the orders of the two differ. A flush ends the round,
// which leaves time for answers between the bursts.
func (u *run) round(ctx context.Context, bodies [][][]byte) {
	var ready, done sync.WaitGroup
	gate := make(chan struct{})
	for i, m := range u.members {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-gate
			for _, b := range bodies[i] {
				m.send(everyone, b)
			}
			m.flush(ctx)
		})
	}
	ready.Wait()
	close(gate)
	done.Wait()
}

// heal waits until the clients of the killed server are back, and then lets every member send once more: who gets
// these and lacks what went before has lost it, however long one waits.
func (u *run) heal(ctx context.Context) error {
	if err := u.out.end(ctx, u.r, u.members); err != nil {
		return err
	}
	if err := u.awaitInterest(ctx); err != nil {
		return err
	}
	last := make([][][]byte, len(u.members))
	for i := range last {
		last[i] = [][]byte{[]byte("sentinel")}
	}
	u.round(ctx, last)
	return ctx.Err()
}

// drain returns when every published message has left its client, none waits for a callback, and nobody has sent or
// delivered anything for the quiet time since. A member without a connection is a fault that nobody has healed: then
// there is no settling.
func (u *run) drain(ctx context.Context) error {
	for _, m := range u.members {
		m.flush(ctx)
		if !m.nc.IsConnected() {
			return fmt.Errorf("member %d has no connection: %v", m.node, m.nc.LastError())
		}
	}
	return await(ctx, "traffic to drain", func() bool {
		for _, m := range u.members {
			if m.pending() > 0 {
				return false
			}
		}
		return u.r.quiet() >= u.Quiet
	})
}

// close lets go of all clients; closing again does nothing.
func (u *run) close() {
	for _, m := range u.members {
		m.close(closeBound)
	}
}
