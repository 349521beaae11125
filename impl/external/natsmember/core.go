package main

import (
	"errors"

	"github.com/nats-io/nats.go"

	"github.com/conform-go/conform/impl/external/line"
)

// core is an application of core NATS.
type core struct{ *node }

func startCore(i line.Init, out *line.Out) (line.Member, error) {
	n, err := startNode(i, out, false)
	if err != nil {
		return nil, err
	}
	if err := n.subscribe(); err != nil {
		n.Close()
		return nil, err
	}
	return core{n}, nil
}

func (n *node) deliver(m *nats.Msg) {
	n.out.Deliver(line.Delivery{Msg: m.Header.Get(header), Body: m.Data})
}

func (n *node) subscribe() error {
	_, err := n.nc.Subscribe(group, n.deliver)
	if err == nil {
		err = n.nc.Flush()
	}
	if err != nil {
		return err
	}
	// What is published before every server knows every subscription is rightly lost, and would say nothing.
	return n.await("the subscriptions of all", func() bool { return n.s.GlobalAccount().Interest(group) == len(n.init.Nodes) })
}

// Send publishes. That returns before anything is sent, so that it acknowledges nothing.
func (c core) Send(id uint64, msg string, body []byte) {
	m := nats.NewMsg(group)
	m.Header.Set(header, msg)
	m.Data = body
	if err := c.nc.PublishMsg(m); err != nil {
		definite := errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrReconnectBufExceeded)
		c.out.Refused(id, definite, err)
	}
}
