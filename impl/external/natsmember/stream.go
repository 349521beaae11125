package main

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/conform-go/conform/impl/external/line"
)

const (
	streamName = "CONFORM"
	replicas   = 3
	tryFor     = 2 * time.Second // one request to the stream
)

// stream is an application of JetStream. It publishes one message after another and repeats each, with its Nats-Msg-Id, until
// the stream has acknowledged it, as the documentation advises.
type stream struct {
	*node
	js jetstream.JetStream
	how
	queue  chan sending
	ctx    context.Context // of this life
	stop   context.CancelFunc
	reader jetstream.ConsumeContext
	over   chan struct{}
}

// how says how the stream is read.
type how struct {
	durable   bool
	heartbeat time.Duration // that the reader asks for; 0: the library's default, half of its 30 s
}

type sending struct {
	id   uint64
	msg  string
	body []byte
}

func startStream(i line.Init, out *line.Out, h how) (line.Member, error) {
	n, err := startNode(i, out, true)
	if err != nil {
		return nil, err
	}
	s := &stream{node: n, how: h, queue: make(chan sending, 1024), over: make(chan struct{})}
	s.ctx, s.stop = context.WithCancel(context.Background())
	if s.js, err = jetstream.New(n.nc); err == nil {
		err = s.join()
	}
	if err != nil {
		s.stop()
		n.Close()
		return nil, err
	}
	go s.publish()
	return s, nil
}

// join creates the stream, or waits for it, and reads it from its beginning (a durable consumer: from where it was). Until a
// leader has been elected every request fails, so that it is tried again; whoever comes back tries as long as it lives.
func (s *stream) join() error {
	joined := func() bool { return s.tryJoin() == nil }
	if err := s.await("the stream", joined); err != nil || s.reader != nil {
		return err
	}
	go func() {
		for s.ctx.Err() == nil && !joined() {
			time.Sleep(poll)
		}
	}()
	return nil
}

func (s *stream) tryJoin() error {
	ctx, cancel := context.WithTimeout(s.ctx, tryFor)
	defer cancel()
	str, err := s.js.Stream(ctx, streamName)
	if err != nil && s.init.Node == s.init.Nodes[0] && s.init.Incarnation == 0 {
		str, err = s.js.CreateStream(ctx, jetstream.StreamConfig{Name: streamName, Subjects: []string{group}, Replicas: min(replicas, len(s.init.Nodes))})
	}
	if err != nil {
		return err
	}
	var c jetstream.Consumer
	if s.durable {
		// One unacknowledged message at a time: otherwise a redelivery comes behind what followed it.
		c, err = str.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{Durable: "n" + s.init.Node, AckPolicy: jetstream.AckExplicitPolicy,
			AckWait: tryFor, MaxAckPending: 1})
	} else {
		c, err = str.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	}
	if err != nil {
		return err
	}
	var opts []jetstream.PullConsumeOpt
	if s.heartbeat > 0 {
		opts = append(opts, jetstream.PullHeartbeat(s.heartbeat), jetstream.PullExpiry(3*s.heartbeat))
	}
	s.reader, err = c.Consume(s.deliver, opts...)
	return err
}

func (s *stream) deliver(m jetstream.Msg) {
	d := line.Delivery{Msg: m.Headers().Get(header), Body: m.Data()}
	if meta, err := m.Metadata(); err == nil {
		d.Pos, d.Again = meta.Sequence.Stream, s.durable && meta.NumDelivered > 1
	}
	s.out.Deliver(d)
	if s.durable {
		ctx, cancel := context.WithTimeout(s.ctx, tryFor)
		defer cancel()
		_ = m.DoubleAck(ctx) // where it fails the message comes again, and says so
	}
}

// Send hands the message to the one goroutine that publishes.
func (s *stream) Send(id uint64, msg string, body []byte) { s.queue <- sending{id, msg, body} }

func (s *stream) publish() {
	defer close(s.over)
	for {
		select {
		case <-s.ctx.Done():
			return
		case x := <-s.queue:
			for s.ctx.Err() == nil && !s.tryPublish(x) {
				time.Sleep(poll)
			}
		}
	}
}

func (s *stream) tryPublish(x sending) bool {
	ctx, cancel := context.WithTimeout(s.ctx, tryFor)
	defer cancel()
	m := nats.NewMsg(group)
	m.Header.Set(header, x.msg)
	m.Data = x.body
	if _, err := s.js.PublishMsg(ctx, m, jetstream.WithMsgID(x.msg)); err != nil {
		return false
	}
	s.out.Done(x.id)
	return true
}

// Close ends the reader and the publisher, and then the node.
func (s *stream) Close() {
	s.stop()
	if s.reader != nil {
		s.reader.Stop()
	}
	<-s.over
	s.node.Close()
}
