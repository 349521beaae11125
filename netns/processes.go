package netns

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
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
	after  func()        // has to be called when it is dead; may be nil

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

// Birth is how a process starts.
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
	if l.after != nil {
		l.after()
	}
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
