package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"

	"github.com/conform-go/conform/impl/external/line"
)

const (
	poll     = 10 * time.Millisecond
	together = 2 * time.Minute // the first life waits for the whole group
	comeBack = 3 * time.Second // a later one does not know who else is up
	backlog  = 1024
)

// versions are those that were linked in: Serf's own constant is not kept up to date.
func versions() string {
	var out []string
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, m := range b.Deps {
			if name, ok := strings.CutPrefix(m.Path, "github.com/hashicorp/"); ok && (name == "serf" || name == "memberlist") {
				out = append(out, name+" "+m.Version)
			}
		}
	}
	return strings.Join(out, ", ")
}

// member is a node of a Serf cluster.
type member struct {
	s      *serf.Serf
	out    *line.Out
	events chan serf.Event
	over   chan struct{}
}

func start(i line.Init, out *line.Out) (line.Member, error) {
	m := &member{out: out, events: make(chan serf.Event, backlog), over: make(chan struct{})}
	c, err := config(i)
	if err != nil {
		return nil, err
	}
	c.EventCh = m.events
	if m.s, err = serf.Create(c); err != nil {
		return nil, err
	}
	go m.listen()
	if err := m.join(i); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// config is Serf's default for a LAN, on the node's address.
func config(i line.Init) (*serf.Config, error) {
	host, text, err := net.SplitHostPort(i.Addresses[i.Node])
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, err
	}
	c := serf.DefaultConfig()
	c.Init()
	c.NodeName, c.Logger = "n"+i.Node, log.New(io.Discard, "", 0)
	m := memberlist.DefaultLANConfig()
	m.BindAddr, m.BindPort, m.AdvertiseAddr, m.AdvertisePort = host, port, host, port
	m.PushPullInterval, m.Logger = pushPull, c.Logger
	c.MemberlistConfig = m
	return c, nil
}

// join makes the node a member, and waits until it sees the others.
func (m *member) join(i line.Init) error {
	var others []string
	for _, n := range i.Nodes {
		if n != i.Node {
			others = append(others, i.Addresses[n])
		}
	}
	limit := together
	if i.Incarnation > 0 {
		limit = comeBack
	}
	for end := time.Now().Add(limit); m.alive() < len(i.Nodes); time.Sleep(poll) {
		if time.Now().After(end) {
			if i.Incarnation > 0 {
				return nil
			}
			return fmt.Errorf("node %s waits for the others", i.Node)
		}
		_, _ = m.s.Join(others, false) // those that are not up yet join us
	}
	return nil
}

func (m *member) alive() (n int) {
	for _, x := range m.s.Members() {
		if x.Status == serf.StatusAlive {
			n++
		}
	}
	return n
}

// listen tells of every user event. The name is the message's id: Serf takes two events of one Lamport time, name and payload
// for one.
func (m *member) listen() {
	defer close(m.over)
	for {
		select {
		case e := <-m.events:
			if u, ok := e.(serf.UserEvent); ok {
				m.out.Deliver(line.Delivery{Msg: u.Name, Body: u.Payload})
			}
		case <-m.s.ShutdownCh():
			return
		}
	}
}

// Send fires a user event: that queues it for gossip, and acknowledges nothing.
func (m *member) Send(id uint64, msg string, body []byte) {
	if err := m.s.UserEvent(msg, body, false); err != nil {
		m.out.Refused(id, false, err)
	}
}

// Close stops the node without leaving: the others see it fail.
func (m *member) Close() {
	_ = m.s.Shutdown()
	<-m.over
}
