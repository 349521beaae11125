package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/conform-go/conform/spec"
	"github.com/nats-io/nats.go"
)

const (
	subject  = "conform." + groupName
	inboxes  = "conform.to." // and the node: the subject of one-to-one messages to it
	idHeader = "Conform-Msg" // the id travels beside the body, so that equal bodies stay equal
)

func inbox(n spec.NodeID) string { return fmt.Sprint(inboxes, n) }

// member is one application of the group: a client with a subscription to the group's subject, and one for what is sent
// to it alone. It gets its own multicasts back through its server, like everyone's.
type member struct {
	node   spec.NodeID
	r      *recorder
	p      *plan
	nc     *nats.Conn
	subs   []*nats.Subscription
	closed chan struct{} // closed when the client library has let go of everything

	mu    sync.Mutex // over numbering, recording and publishing: several goroutines of a member send
	count uint64
	err   error // the first thing that is the harness's fault, not the system's
}

// connect opens the client to the server at url and subscribes. more are the options of the run.
func (m *member) connect(ctx context.Context, url string, more ...nats.Option) error {
	m.closed = make(chan struct{})
	opts := append([]nats.Option{
		nats.Name(fmt.Sprintf("member %d", m.node)),
		nats.Timeout(within(ctx)),
		nats.ErrorHandler(m.asyncError),
		nats.ClosedHandler(func(*nats.Conn) { close(m.closed) }),
	}, more...)
	var err error
	if m.nc, err = nats.Connect(url, opts...); err != nil {
		return fmt.Errorf("member %d: %w", m.node, err)
	}
	for _, s := range []string{subject, inbox(m.node)} {
		sub, err := m.nc.Subscribe(s, m.deliver)
		if err != nil {
			return fmt.Errorf("member %d: %w", m.node, err)
		}
		m.subs = append(m.subs, sub)
	}
	return m.nc.FlushWithContext(ctx)
}

// send sends body to everyone, or to one. One lock from the number to the end of Publish: otherwise the member's
// goroutines could publish in another order than they were numbered in, and the harness would break FIFO order itself.
func (m *member) send(to spec.NodeID, body []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count++
	id := spec.MsgID{Sender: m.node, Number: m.count}
	msg := nats.NewMsg(subject)
	if to != everyone {
		msg.Subject = inbox(to)
	}
	msg.Header.Set(idHeader, id.String())
	msg.Data = body
	m.r.message(spec.Send, m.node, to, id, body)
	switch err := m.nc.PublishMsg(msg); {
	case err == nil:
	case definite(err):
		m.r.refuse(m.node, to, id, err)
	default: // it may have left in part: the outcome is unknown, and no kind of event says so
		m.r.remark(spec.Note, fmt.Sprintf("send of %s by member %d: %v", id, m.node, err))
	}
}

// definite says whether an error of Publish means that nothing of the message has left the client.
func definite(err error) bool {
	for _, e := range []error{nats.ErrConnectionClosed, nats.ErrConnectionDraining, nats.ErrReconnectBufExceeded, nats.ErrMaxPayload} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// deliver is the application's callback; the library calls it for one message of a subscription after another. It
// records first, and then answers some: an answer depends on what it answers, which is what causal order is about.
func (m *member) deliver(msg *nats.Msg) {
	id, err := parseID(msg.Header.Get(idHeader))
	if err != nil {
		m.fail(fmt.Errorf("member %d got a message without an id: %w", m.node, err))
		return
	}
	if msg.Subject != subject {
		m.r.message(spec.Deliver, m.node, m.node, id, msg.Data)
		return
	}
	m.r.message(spec.Deliver, m.node, everyone, id, msg.Data)
	switch m.p.answers(id, m.node) {
	case answerGroup:
		m.send(everyone, answerTo(id))
	case answerSender:
		m.send(id.Sender, answerTo(id))
	}
}

// asyncError is told what the library cannot return from a call. A slow consumer is the one loss that NATS announces to
// its application.
func (m *member) asyncError(_ *nats.Conn, _ *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrSlowConsumer) {
		m.r.gap(m.node, err)
		return
	}
	m.r.remark(spec.Note, fmt.Sprintf("member %d: %v", m.node, err))
}

// flush waits until the server has read all that was published so far. Without a connection there is nothing to wait
// for: the library keeps what is published until it has one.
func (m *member) flush(ctx context.Context) {
	if m.nc.IsConnected() {
		// An error is a connection lost meanwhile, or the end of the run: both are seen elsewhere.
		_ = m.nc.FlushWithContext(ctx)
	}
}

// pending says how many messages the library has received and not yet delivered.
func (m *member) pending() int {
	sum := 0
	for _, s := range m.subs {
		if n, _, err := s.Pending(); err == nil { // else the subscription is gone, and with it what was pending
			sum += n
		}
	}
	return sum
}

// close lets go of the connection, and waits for it within bound.
func (m *member) close(bound time.Duration) {
	if m.nc == nil {
		return
	}
	m.nc.Close()
	select {
	case <-m.closed:
	case <-time.After(bound):
	}
}

func (m *member) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.err = err
	}
}

func (m *member) failed() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// parseID is the inverse of [spec.MsgID.String].
func parseID(s string) (spec.MsgID, error) {
	var m spec.MsgID
	if _, err := fmt.Sscanf(s, "%d/%d/%d", &m.Sender, &m.Incarnation, &m.Number); err != nil || m.String() != s {
		return spec.MsgID{}, fmt.Errorf("%q is no message id", s)
	}
	return m, nil
}
