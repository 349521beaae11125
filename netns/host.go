package netns

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// HostVariable is the environment variable that makes a process a host: the JSON of a [Host].
const HostVariable = "CONFORM_HOST"

// hostSocket is the descriptor of the socket that a host inherits.
const hostSocket = 3

// Host is a process that hosts one node. Its socket is inherited, as descriptor 3.
//
// It reads commands from its input, a line each. "send COUNT SIZE" lets its application send so many messages of so many
// bytes to the group, without waiting for answers. At the end of its input it ends.
//
// It writes a history of what its node observes to its output, an event at a time, each before the application counts as
// told. The first event is the start of its life, with the incarnation as its id.
type Host struct {
	Stack  string           // the name of what it runs
	Nodes  []string         // the names of all nodes
	Self   spec.NodeID      // its own
	Group  string           // of all nodes
	Peers  []netip.AddrPort // their addresses
	Disk   string           // the name of the file
	Slow   time.Duration    // how much longer a commit takes than it would
	TS, TL time.Duration    // the timers
	Seed   uint64           // of layers and bodies
	Epoch  spec.Time        // when the history began
	Kept   *uint64          // how many messages its application has kept; nil: it does not say
}

// HostAsked says whether this process was started to be a host, and as which.
func HostAsked() (h Host, asked bool, err error) {
	text, asked := os.LookupEnv(HostVariable)
	if !asked {
		return h, false, nil
	}
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		return h, true, fmt.Errorf("%s: %w", HostVariable, err)
	}
	return h, true, nil
}

// header is that of the history which the host writes.
func (h *Host) header() spec.Header {
	g := spec.Group{Name: h.Group}
	for n := range h.Nodes {
		g.Members = append(g.Members, spec.NodeID(n))
	}
	return spec.Header{Nodes: h.Nodes, Groups: []spec.Group{g}, Model: spec.CrashRecovery}
}

// Run hosts a node with this stack until the input ends. The disk is given to change, which may be nil, before it is
// used.
func (h *Host) Run(stack func(impl.Config) impl.Layer, change func(*Disk), in io.Reader, out io.Writer) (err error) {
	socket, err := inherited()
	if err != nil {
		return err
	}
	disk, err := OpenDisk(h.Disk)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, disk.Close()) }()
	if h.Slow > 0 {
		disk.Rules.Commit = func(write func() error) error {
			time.Sleep(h.Slow)
			return write()
		}
	}
	if change != nil {
		change(disk)
	}
	diary := newDiary(out, h.header())
	members := h.header().Groups[0].Members
	node, err := Start(Config{
		Config: impl.Config{Self: h.Self, Nodes: len(h.Nodes), Members: members, Seed: h.Seed, TS: h.TS, TL: h.TL},
		New:    stack, Socket: socket, Peers: h.Peers, Disk: disk, Epoch: h.Epoch, Kept: h.Kept, Observe: diary.write,
	})
	if err != nil {
		return err
	}
	err = h.obey(node, in)
	return errors.Join(err, node.Close(), diary.failure())
}

// inherited takes over the socket.
func inherited() (*net.UDPConn, error) {
	f := os.NewFile(hostSocket, "socket")
	if f == nil {
		return nil, errors.New("netns: a host inherits no socket")
	}
	c, err := net.FilePacketConn(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("netns: the socket of a host: %w", err)
	}
	u, ok := c.(*net.UDPConn)
	if !ok {
		return nil, fmt.Errorf("netns: the socket of a host: a %T", c)
	}
	return u, nil
}

// obey does what the input says.
func (h *Host) obey(node *Node, in io.Reader) error {
	lines := bufio.NewScanner(in)
	sent := uint64(0)
	for lines.Scan() {
		var count, size int
		if n, err := fmt.Sscanf(lines.Text(), "send %d %d", &count, &size); n != 2 || err != nil || size < 0 {
			return fmt.Errorf("netns: command %s: want send COUNT SIZE", strconv.Quote(lines.Text()))
		}
		for range count {
			if _, err := node.Send(impl.Everyone, h.body(sent, size)); err != nil {
				return err
			}
			sent++
		}
	}
	return lines.Err()
}

// body makes the bytes of a message. Two messages that follow each other, and those of other nodes and lives with the
// same number, have equal ones: whoever tells messages by their bytes is found out.
func (h *Host) body(number uint64, size int) []byte {
	r := spec.NewRand(h.Seed, number/2)
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint64())
	}
	return b
}

// diary writes what a node observes, and hands each event to the kernel at once: it outlives the process.
type diary struct {
	mu  sync.Mutex
	w   *spec.Writer
	err error
}

func newDiary(out io.Writer, header spec.Header) *diary {
	return &diary{w: spec.NewWriter(out, &spec.History{Header: header})}
}

func (d *diary) write(e spec.Event, x *spec.Extra) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = d.w.Write(e, x)
	}
	if d.err == nil {
		d.err = d.w.Flush()
	}
}

func (d *diary) failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}
