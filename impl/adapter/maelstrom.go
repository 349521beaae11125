package adapter

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Maelstrom is the [Options.Speak] of programs that speak the protocol of Maelstrom (Kingsbury, jepsen-io/maelstrom,
// doc/protocol.md), with the workload broadcast (doc/workloads.md): a program is used as it is.
//
// A node reads and writes lines {"src":…,"dest":…,"body":{"type":…,"msg_id":…,"in_reply_to":…}}. The harness is the client
// c1 of every node, and the network between them:
//
//   - A life begins with init, answered by init_ok, and topology, answered by topology_ok: all are neighbours of all.
//   - A send is broadcast, with a number that stands for the message ([MaelstromValue]); broadcast_ok is its
//     acknowledgement, whenever it comes. An error says that it was refused, if its code is one of those that are definite.
//   - A line to another node is a packet, whatever is in its body. It is handed on as it is.
//   - Deliveries are what read_ok shows. The harness reads after everything that the node took in: a number that is there
//     for the first time is delivered, one that is there twice is delivered twice, one that nobody broadcast is
//     a message that nobody sent, and one that is not there any more in the last read was never delivered.
//     What stands in a read is a set: its order says nothing.
//   - A crash is SIGKILL; a node that comes back is a new process, with an init of its own.
//
// There is no idle in this protocol. A node has answered when it is still: nothing is left in its stdin, it has written
// nothing, and all threads of it and of its children sleep, as they did when that was looked at before, with not one
// change of context in between (Linux). Nothing can come of its own then, except by a timer. Where that can't be seen, or
// is never so, a node has answered when it has written nothing for a while ([Options.Still]).
//
// Timers run in real time, which the harness can't hold. With the pace "real" virtual time does not go ahead of real
// time, and every node is heard, and read, at short intervals. Such runs are no exact replays. With "virtual" the harness
// does not wait, and runs are exact, if a node without timers answers the same lines the same way. Without a pace a first
// node is watched while what it sends is lost: if it says something of its own accord it has timers.
const Maelstrom = "maelstrom"

// The paces of [Options.Pace].
const (
	PaceVirtual = "virtual"
	PaceReal    = "real"
)

const (
	maelstromClient = "c1"
	watched         = time.Second             // how long a node is watched for timers
	tick            = 20 * time.Millisecond   // how often a node is heard in real time
	readEvery       = 5                       // ticks
	shortSettle     = 1200 * time.Millisecond // silence after which a run has settled, at the least
)

// MaelstromValue is the number that stands for a message in a broadcast: sender, incarnation and number can be read in it.
func MaelstromValue(m spec.MsgID) int64 {
	return (int64(m.Sender)+1)*1_000_000 + int64(m.Incarnation)*10_000 + int64(m.Number)
}

// maelstrom are the nodes of a pool that speak so.
type maelstrom struct {
	pool   *Pool
	seats  []*node // by node
	spares []*node // started, and not used yet: programs start side by side
	lives  []*life // of this schedule
	said   map[int64]said
	base   time.Time // when virtual time was 0
}

// said is what a number stands for.
type said struct {
	id   spec.MsgID
	body []byte
}

func openMaelstrom(o Options) (*Pool, error) {
	if o.Connect != "" && o.Connect != "stdio" {
		return nil, errors.New("a Maelstrom node speaks over stdio")
	}
	p := &Pool{opt: o, group: "g"}
	p.nodes = &maelstrom{pool: p, said: map[int64]said{}}
	p.hello = &Hello{Protocol: Protocol, Name: programName(o.Command), Network: "harness", Claims: []string{"reliable"},
		Settle: int64(max(o.Settle, shortSettle))}
	first, err := startNode(&p.opt)
	if err != nil {
		return nil, fmt.Errorf("the program could not be started: %w", err)
	}
	p.nodes.spares = append(p.nodes.spares, first)
	if p.opt.Pace == "" {
		p.nodes.watch()
	}
	p.hello.Settle = int64(max(time.Duration(p.hello.Settle), p.opt.Settle))
	p.opt.Settle = time.Duration(p.hello.Settle)
	if err := p.err; err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// programName is what a command is called: the first of its words that is no interpreter, without its folder.
func programName(command []string) string {
	for _, w := range command {
		base := filepath.Base(w)
		if name := strings.TrimRight(base, "0123456789."); slices.Contains([]string{"python", "node", "ruby", "java", "sh", "bash", "env"}, name) || strings.HasPrefix(w, "-") {
			continue
		}
		return base
	}
	return command[0]
}

// Options gives the options of the pool, with those that were left open filled in.
func (p *Pool) Options() Options { return p.opt }

func (m *maelstrom) real() bool { return m.pool.opt.Pace == PaceReal }

// begin is for a new schedule: no process lives from one to the next.
func (m *maelstrom) begin() {
	n := 0
	for i, x := range m.seats {
		if x != nil {
			x.kill()
			n++
		}
		m.seats[i] = nil
	}
	m.lives, m.said, m.base = m.lives[:0], map[int64]said{}, time.Time{}
	for len(m.spares) < n && m.pool.err == nil {
		x, err := startNode(&m.pool.opt)
		if err != nil {
			break // who needs it will say so
		}
		m.spares = append(m.spares, x)
	}
}

// fresh starts the process of a node for a new life.
func (m *maelstrom) fresh(self spec.NodeID) (*node, error) {
	for len(m.seats) <= int(self) {
		m.seats = append(m.seats, nil)
	}
	if x := m.seats[self]; x != nil {
		x.kill()
		m.seats[self] = nil
	}
	var x *node
	if n := len(m.spares); n > 0 {
		x, m.spares = m.spares[n-1], m.spares[:n-1]
	} else {
		var err error
		if x, err = startNode(&m.pool.opt); err != nil {
			return nil, fmt.Errorf("the program could not be started: %w", err)
		}
	}
	m.seats[self] = x
	return x, nil
}

func (m *maelstrom) close() {
	for _, x := range slices.Concat(m.seats, m.spares) {
		if x != nil {
			x.kill()
		}
	}
	m.seats, m.spares = nil, nil
}

// keepPace waits until real time has come as far as virtual time, where nodes have timers. Virtual time never catches up
// with real time: a timer may be late, and must not be early.
func (m *maelstrom) keepPace(now spec.Time) {
	if !m.real() {
		return
	}
	ahead := time.Duration(now) - time.Since(m.base)
	if m.base.IsZero() || ahead <= 0 {
		m.base = time.Now().Add(-time.Duration(now))
		return
	}
	time.Sleep(ahead)
}

// alone lets node 0 of two live and broadcast something, with nobody on the network but itself.
func (m *maelstrom) alone() (*life, *impl.Effects) {
	m.begin()
	l := &life{m: m, cfg: impl.Config{Self: 0, Nodes: 2, Members: []spec.NodeID{0, 1}}}
	var arena impl.Arena
	out := impl.NewEffects(&arena)
	l.Step(impl.Input{Kind: impl.Ready}, out)
	body := impl.Seal(out, []byte("x"), spec.MsgID{Number: 1})
	l.Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Body: body, Ref: 1}, out)
	return l, out
}

// try says what is wrong with the answers to each request.
func (m *maelstrom) try() error {
	m.alone()
	defer m.begin()
	return m.pool.err
}

// watch finds out whether the program has timers: node 0 of two has something to say to a node that is not there.
func (m *maelstrom) watch() {
	l, out := m.alone()
	m.pool.opt.Pace = PaceVirtual
	defer m.begin()
	if m.pool.err != nil {
		return
	}
	last, longest := time.Now(), time.Duration(0)
	for end := last.Add(max(watched, m.pool.opt.Settle)); time.Now().Before(end); {
		said, err := l.x.hear(time.Until(end), func(raw []byte) error { return l.line(raw, out) })
		if err != nil {
			m.pool.fail(0, err)
			return
		}
		if !said {
			continue
		}
		m.pool.opt.Pace = PaceReal
		longest, last = max(longest, time.Since(last)), time.Now()
	}
	if m.real() { // some intervals grow, and some of what is said of one's own accord may be lost
		m.pool.hello.Settle = max(m.pool.hello.Settle, int64(4*longest))
	}
}

// Played is for who has played a schedule: nothing of it is left for the next one. Where programs speak Maelstrom the
// deliveries of what nodes did not show any more in their last reads are taken back.
func (p *Pool) Played(h *spec.History) {
	if p.nodes == nil {
		return
	}
	defer p.nodes.begin()
	for _, l := range p.nodes.lives {
		for _, v := range l.order {
			if !slices.Contains(l.last, v) {
				takeBack(h, l.cfg.Self, l.incarnation, l.idOf(v))
			}
		}
	}
}

// takeBack makes remarks of the deliveries of a message in a life of a node.
func takeBack(h *spec.History, node spec.NodeID, life uint64, id spec.MsgID) {
	now := uint64(0)
	for i := range h.Events {
		e := &h.Events[i]
		if e.Node == node && e.Kind == spec.Recover {
			now++
		}
		if e.Kind == spec.Deliver && e.Node == node && e.Msg == id && now == life {
			e.Kind = spec.Note
		}
	}
}

// message is a line of a node, or to one.
type message struct {
	Src  string `json:"src"`
	Dest string `json:"dest"`
	Body any    `json:"body"`
}

// reply is the body of an answer to the client.
type reply struct {
	Type      string             `json:"type"`
	InReplyTo *int64             `json:"in_reply_to"`
	Messages  *[]json.RawMessage `json:"messages"`
	Code      *int               `json:"code"`
	Text      string             `json:"text"`
}

// The bodies of requests.
type (
	maelstromInit struct {
		Type    string   `json:"type"`
		MsgID   int64    `json:"msg_id"`
		NodeID  string   `json:"node_id"`
		NodeIDs []string `json:"node_ids"`
	}
	maelstromTopology struct {
		Type     string              `json:"type"`
		MsgID    int64               `json:"msg_id"`
		Topology map[string][]string `json:"topology"`
	}
	maelstromBroadcast struct {
		Type    string `json:"type"`
		MsgID   int64  `json:"msg_id"`
		Message int64  `json:"message"`
	}
	maelstromRead struct {
		Type  string `json:"type"`
		MsgID int64  `json:"msg_id"`
	}
)

// definite are the codes of errors that say that the broadcast did not happen, and never will.
var definite = []int{1, 10, 11, 12, 14, 20, 21, 22, 30}

const (
	codeNotSupported = 10
	codeUnavailable  = 11
)

func maelstromName(n spec.NodeID) string { return "n" + strconv.Itoa(int(n)) }

func maelstromNames(list []spec.NodeID) []string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = maelstromName(n)
	}
	return out
}
