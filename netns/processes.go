package netns

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/spec"
)

// Group are the processes of the nodes of one group on this machine, over UDP on loopback, and what they did. Its
// methods are for one goroutine. The sockets belong to it, and outlive the processes: nobody else can take an address
// while its process is dead, and what is sent to it then waits, as long as there is room, until it is back.
type Group struct {
	cfg     GroupConfig
	epoch   spec.Time
	dir     string
	sockets []*net.UDPConn
	peers   []netip.AddrPort
	names   []string
	seats   []seat

	mu      sync.Mutex // of the seats' books
	last    spec.Time  // when something was last observed
	watched spec.Kind  // somebody waits for an event of this kind …
	come    chan spec.NodeID
}

// GroupConfig is what a group is made of.
type GroupConfig struct {
	Program []string // the host and its arguments
	Stack   string   // what the host is told to run
	Nodes   int
	TS, TL  time.Duration
	Seed    uint64
	Dir     string // of the disks
}

// seat is where one node lives, one process after the other.
type seat struct {
	lives     []*life
	delivered map[spec.MsgID]bool
}

// life is one process.
type life struct {
	cmd    *exec.Cmd
	input  io.WriteCloser
	stderr bytes.Buffer
	read   chan struct{} // all that it wrote has been read

	// Of the group's lock, while it lives:
	events []observed
	asked  int // how many it was told to send
	sent   int
	open   int // of those without an answer
	err    error

	killed bool
	over   spec.Time // when it was certainly dead; 0: it is up
}

type observed struct {
	spec.Event
	extra spec.Extra
	rare  bool
}

// NewGroup makes the sockets of a group. No process runs yet.
func NewGroup(cfg GroupConfig) (*Group, error) {
	g := &Group{cfg: cfg, epoch: Now(), seats: make([]seat, cfg.Nodes)}
	for n := range cfg.Nodes {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, errors.Join(err, g.Close())
		}
		g.sockets = append(g.sockets, c)
		g.peers = append(g.peers, c.LocalAddr().(*net.UDPAddr).AddrPort())
		g.names = append(g.names, strconv.Itoa(n))
		g.seats[n].delivered = map[spec.MsgID]bool{}
	}
	return g, nil
}

// How a process starts.
type Birth struct {
	Slow   time.Duration // how much longer its disk takes
	Counts bool          // its application says how much it has kept
}

// Start starts the process of a node that is down. It does not wait for it.
func (g *Group) Start(node spec.NodeID, b Birth) error {
	s := &g.seats[node]
	if s.up() != nil {
		return fmt.Errorf("netns: node %d is up", node)
	}
	h := Host{Stack: g.cfg.Stack, Nodes: g.names, Self: node, Group: "g", Peers: g.peers, Slow: b.Slow,
		Disk: filepath.Join(g.cfg.Dir, g.names[node]+".disk"), TS: g.cfg.TS, TL: g.cfg.TL, Seed: g.cfg.Seed, Epoch: g.epoch}
	if b.Counts {
		kept := uint64(len(s.delivered))
		h.Kept = &kept
	}
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	socket, err := g.sockets[node].File()
	if err != nil {
		return err
	}
	defer socket.Close()
	l := &life{cmd: exec.Command(g.cfg.Program[0], g.cfg.Program[1:]...), read: make(chan struct{})}
	l.cmd.Env = append(os.Environ(), HostVariable+"="+string(text))
	l.cmd.ExtraFiles = []*os.File{socket}
	l.cmd.Stderr = &l.stderr
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if l.input, err = l.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := l.cmd.Start(); err != nil {
		return err
	}
	s.lives = append(s.lives, l)
	go g.follow(s, l, out)
	return nil
}

// up gives the present life; nil if the node is down.
func (s *seat) up() *life {
	if n := len(s.lives); n > 0 && s.lives[n-1].over == 0 {
		return s.lives[n-1]
	}
	return nil
}

// follow reads what a process observes, until it is dead.
func (g *Group) follow(s *seat, l *life, out io.Reader) {
	defer close(l.read)
	r, err := spec.NewReader(out)
	for err == nil {
		var e spec.Event
		var x *spec.Extra
		if e, x, err = r.Next(); err == nil {
			g.enter(s, l, e, x)
		}
	}
	var cut *spec.SyntaxError
	if err == io.EOF || errors.As(err, &cut) && r == nil { // it was killed before it had written its first line
		return
	}
	g.mu.Lock()
	l.err = err
	g.mu.Unlock()
	_, _ = io.Copy(io.Discard, out) // it must not stand still
}

// enter keeps the books of a process.
func (g *Group) enter(s *seat, l *life, e spec.Event, x *spec.Extra) {
	g.mu.Lock()
	defer g.mu.Unlock()
	o := observed{Event: e}
	if x != nil {
		o.extra, o.rare = *x, true
	}
	l.events = append(l.events, o)
	g.last = Now()
	if g.watched == e.Kind {
		g.watched = spec.KindNone
		g.come <- e.Node
	}
	switch e.Kind {
	case spec.Send:
		l.sent++
		l.open++
	case spec.Ack, spec.Refuse:
		l.open--
	case spec.Deliver:
		s.delivered[e.Msg] = true
	}
}

// Send lets the application of a node send so many messages of so many bytes to the group. It does not wait for it.
func (g *Group) Send(node spec.NodeID, count, size int) error {
	l := g.seats[node].up()
	if l == nil {
		return fmt.Errorf("netns: node %d is down", node)
	}
	g.mu.Lock()
	l.asked += count
	g.mu.Unlock()
	_, err := fmt.Fprintf(l.input, "send %d %d\n", count, size)
	return err
}

// Begun waits until all processes that are up have begun their lives, and no longer than that. It says whether they have.
func (g *Group) Begun(longest time.Duration) bool {
	return g.poll(longest, func() bool {
		for i := range g.seats {
			if l := g.seats[i].up(); l != nil && len(l.events) == 0 {
				return false
			}
		}
		return true
	})
}

// poll waits until the books say something, and no longer than that. It says whether they do.
func (g *Group) poll(longest time.Duration, say func() bool) bool {
	for end := time.Now().Add(longest); ; time.Sleep(2 * time.Millisecond) {
		g.mu.Lock()
		said := say()
		g.mu.Unlock()
		if said || time.Now().After(end) {
			return said
		}
	}
}

// Watch looks out for the next event of this kind, whichever node observes it. What it gives waits for that, and no
// longer than it is told; it gives the node. Only one watch is kept at a time.
func (g *Group) Watch(kind spec.Kind) (wait func(longest time.Duration) (node spec.NodeID, ok bool)) {
	come := make(chan spec.NodeID, 1)
	g.mu.Lock()
	g.watched, g.come = kind, come
	g.mu.Unlock()
	return func(longest time.Duration) (spec.NodeID, bool) {
		select {
		case node := <-come:
			return node, true
		case <-time.After(longest):
			return -1, false
		}
	}
}

// Kill kills the processes of these nodes, all at once, and reads what they had still written.
func (g *Group) Kill(nodes ...spec.NodeID) error {
	var errs []error
	for _, n := range nodes {
		l := g.seats[n].up()
		if l == nil {
			errs = append(errs, fmt.Errorf("netns: node %d is down", n))
			continue
		}
		l.killed = true
		errs = append(errs, l.cmd.Process.Kill())
	}
	for _, n := range nodes {
		if l := g.seats[n].up(); l != nil {
			errs = append(errs, l.reap())
		}
	}
	return errors.Join(errs...)
}

// reap waits for a process to end that has been told to.
func (l *life) reap() error {
	<-l.read
	err := l.cmd.Wait()
	l.over = Now()
	_ = l.input.Close()
	var exit *exec.ExitError
	if l.killed && errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("netns: a host: %w\n%s", err, l.stderr.Bytes())
	}
	return errors.Join(l.err, err)
}

// Forget throws away what waits for a node that is down: it was lost with the crash.
func (g *Group) Forget(node spec.NodeID) error {
	if g.seats[node].up() != nil {
		return fmt.Errorf("netns: node %d is up", node)
	}
	raw, err := g.sockets[node].SyscallConn()
	if err != nil {
		return err
	}
	var buf [1]byte
	return raw.Control(func(fd uintptr) {
		for err == nil {
			_, _, err = unix.Recvfrom(int(fd), buf[:], unix.MSG_DONTWAIT)
		}
	})
}

// Quiet waits until all that was asked for has been done: all nodes are up and have sent what they were told to, have
// answers to it, and have delivered as many messages as the others; and then for a short silence. If that does not come,
// it waits until nothing has been observed for patience, after which what is missing will never come. It says whether it
// became quiet before the deadline.
func (g *Group) Quiet(patience, deadline time.Duration) bool {
	const short = 100 * time.Millisecond
	return g.poll(deadline, func() bool {
		silence := time.Duration(Now() - g.last)
		return silence > patience || silence > short && g.finished()
	})
}

func (g *Group) finished() bool {
	for i := range g.seats {
		s := &g.seats[i]
		l := s.up()
		if l == nil || len(l.events) == 0 || l.sent < l.asked || l.open > 0 || len(s.delivered) != len(g.seats[0].delivered) {
			return false
		}
	}
	return true
}

// Dead gives the processes that ended though nobody told them to, with what they said.
func (g *Group) Dead() (errs error) {
	for n := range g.seats {
		if l := g.seats[n].up(); l != nil {
			select {
			case <-l.read:
				errs = errors.Join(errs, fmt.Errorf("node %d: %w", n, l.reap()))
			default:
			}
		}
	}
	return errs
}

// Close lets the processes that are up come to their end, and closes the sockets.
func (g *Group) Close() error {
	var errs []error
	for n := range g.seats {
		if l := g.seats[n].up(); l != nil {
			_ = l.input.Close()
		}
	}
	for n := range g.seats {
		if l := g.seats[n].up(); l != nil {
			timer := time.AfterFunc(10*time.Second, func() { _ = l.cmd.Process.Kill() })
			errs = append(errs, l.reap())
			timer.Stop()
		}
	}
	for _, c := range g.sockets {
		errs = append(errs, c.Close())
	}
	g.sockets = nil
	return errors.Join(errs...)
}

// History merges what all processes observed, by the clock that they share. What a process had not written when it was
// killed has not happened. It is complete when no process is up.
func (g *Group) History(settled bool) *spec.History {
	h := &spec.History{Header: (&Host{Nodes: g.names, Group: "g"}).header()}
	h.Settled = settled
	var all []observed
	for n := range g.seats {
		all = g.seats[n].history(all, spec.NodeID(n), g.epoch)
	}
	slices.SortStableFunc(all, func(a, b observed) int { return cmp.Compare(a.T, b.T) })
	for i := range all {
		if all[i].rare {
			h.AddExtra(all[i].Event, all[i].extra)
		} else {
			h.Add(all[i].Event)
		}
	}
	return h
}

// history adds the lives of one node, with the crashes that ended them. A life that was over before it had said anything
// may have counted: then the next one shows that by its incarnation.
func (s *seat) history(all []observed, node spec.NodeID, epoch spec.Time) []observed {
	turn := func(k spec.Kind, at spec.Time) {
		all = append(all, observed{Event: spec.Event{T: at, Kind: k, Node: node, Has: spec.HasNode}})
	}
	next, end := uint64(0), spec.Time(0) // the incarnation that comes next; when the one before had ended
	for _, l := range s.lives {
		if len(l.events) == 0 {
			end = max(end, l.over-epoch)
			continue
		}
		for inc := l.events[0].extra.ID; next < inc; next++ {
			if next > 0 {
				turn(spec.Recover, end)
			}
			turn(spec.Crash, end)
		}
		next++
		all = append(all, l.events...)
		if l.over != 0 {
			end = l.over - epoch
		}
		if l.killed {
			turn(spec.Crash, end)
		}
	}
	return all
}
