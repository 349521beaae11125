package netns

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// GuestVariable is the environment variable that makes a process a guest: the JSON of a [Guest].
const GuestVariable = "CONFORM_GUEST"

// What a guest inherits.
const (
	guestMoments = 3 // a pipe: the numbers of the moments that have come, a line each
	guestDisk    = 4 // a file without a name: it outlives the process, and not the harness
)

// Guest is a process that runs one node on a host of a LAN. Its commands are lines of its input:
//
//	send NODE GROUP BODY     to the group where NODE is -1; the body in base64
//	join GROUP               also leave, sync, query, create, destroy
//	slow NANOSECONDS         how much longer its disk takes from now on
//	begin                    of the scenario: what the node has done before is not counted
//	go                       after a moment that it has told of
//	clock AHEAD PERCENT      what its node's clock says from now on
//	overflow GROUPS          other programs ask its network card for so many more
//
// It writes a history of what its node observes to its output, as a [Host] does. Before the node does what one of its
// moments is about, it tells so, and the node waits for a go: so a fault strikes exactly there.
type Guest struct {
	Stack  string               // the name of what it runs
	Nodes  []string             // the names of all nodes
	Self   spec.NodeID          // its own
	Groups []GuestGroup         // of all nodes
	Stacks []spec.GroupID       // those of the groups for which it has a stack, ascending; nil: there is one group, and nothing names it
	Wire   Wire                 // how packets travel
	TTL    int                  // of those to a group, on a wire that has addresses for groups; 0: 1
	Peers  []netip.AddrPort     // of all nodes
	TS, TL time.Duration        // the timers
	Seed   uint64               // of layers
	Lie    spec.Lie             // what it lies about
	Epoch  spec.Time            // when the history began
	Depths bool                 // tell how many copies layers keep
	Tap    bool                 // its network card is a TAP, descriptor 5,
	Model  ipmulticast.NICModel // which filters like this,
	Slots  int                  // and has room for so many groups, if it is exact
	Shift  time.Duration        // how far the kernel's clock is ahead for it
	Ahead  time.Duration        // and that of its node, in all
	Fast   int                  // percent: what that clock gains besides, since the epoch
	Motion int                  // how many times slower its layers live; 0: 1
	Sights bool                 // tell which datagrams of groups came in
	Timed  bool                 // tell how late it was at most
	Life   spec.Incarnation     // the number of the life that begins
	Slow   time.Duration        // how much longer its disk takes
	Full   bool                 // … or has no room
	Waits  bool                 // the scenario has not begun
	Watch  []faults.When        // the moments; the K of each counts this life only

	begun func() // the scenario begins
}

// GuestAsked says whether this process was started to be a guest, and as which.
func GuestAsked() (g Guest, asked bool, err error) {
	text, asked := os.LookupEnv(GuestVariable)
	if !asked {
		return g, false, nil
	}
	if err := json.Unmarshal([]byte(text), &g); err != nil {
		return g, true, fmt.Errorf("%s: %w", GuestVariable, err)
	}
	return g, true, nil
}

// Run runs a node with this stack until the input ends.
func (g *Guest) Run(stack func(impl.Config) impl.Layer, in io.Reader, out io.Writer) error {
	return g.RunAcross(stack, nil, in, out)
}

// RunAcross is [Guest.Run] for a node that has a stack like this for each of its groups, and above them what orders
// across groups; where across is nil, nothing does.
func (g *Guest) RunAcross(stack func(impl.Config) impl.Layer, across func(impl.Config, []spec.Group) impl.Layer, in io.Reader, out io.Writer) (err error) {
	disk, err := OpenDisk(fmt.Sprintf("%s/%d", descriptors, guestDisk))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, disk.Close()) }()
	if g.Full {
		if err := limit(0, true); err != nil {
			return err
		}
	}
	var slow lag
	slow.ns.Store(int64(g.Slow))
	disk.Rules.Commit = slow.commit
	cfg := impl.Config{Self: g.Self, Nodes: len(g.Nodes), Members: g.Groups[0].Members, Closed: g.Groups[0].Closed, Seed: g.Seed, TS: g.TS, TL: g.TL, Lie: g.Lie}
	if g.Wire == Frames {
		cfg.MTU = frameMTU
	}
	link, err := g.link(&cfg)
	if err != nil {
		return err
	}
	w := &watch{when: g.Watch, passed: make([]int, len(g.Watch)), tell: os.NewFile(guestMoments, "moments"), gone: make(chan bool, 1)}
	diary := newDiary(out, spec.Header{Nodes: g.Nodes, Groups: g.groups()})
	if g.Timed {
		begun, stop := tardy(diary)
		g.begun = begun
		defer stop()
	}
	c := Config{Config: cfg, New: func(c impl.Config) impl.Layer { return g.layers(c, stack, across) }, Groups: g.Stacks, Incarnation: &g.Life,
		Link: link, Disk: disk, Epoch: g.Epoch, Observe: diary.write, Depths: g.Depths, Sights: g.Sights, Shift: spec.Time(g.Shift), Ahead: g.Ahead, Fast: g.Fast, Motion: g.Motion}
	c.TS, c.TL = c.TS/time.Duration(max(1, g.Motion)), c.TL/time.Duration(max(1, g.Motion))
	for _, x := range g.Groups {
		c.Names = append(c.Names, x.Name)
	}
	if len(w.when) > 0 {
		c.Moment = w.moment
	}
	w.counts.Store(!g.Waits)
	node, err := Start(c)
	if err != nil {
		return errors.Join(err, link.Close())
	}
	err = g.obey(node, in, w, &slow)
	return errors.Join(err, node.Close(), diary.failure())
}

func (g *Guest) link(cfg *impl.Config) (Link, error) {
	switch {
	case g.Wire == Streams && g.Stacks != nil:
		return listenStreamsOfGroups(cfg, g)
	case g.Wire == Streams:
		return listenStreams(cfg, g.Peers)
	case g.Wire == Frames:
		if g.Tap {
			return listenTap(cfg, g)
		}
		return listenFrames()
	case g.Stacks != nil:
		return listenGroups(cfg, g)
	}
	return listenDatagrams(cfg, g)
}

// obey hands the application what the input says. The application may wait for the node, and a go does not wait for the
// application.
func (g *Guest) obey(node *Node, in io.Reader, w *watch, slow *lag) error {
	wants := make(chan string, 1<<10)
	over := make(chan error, 1)
	go func() {
		var err error
		for line := range wants {
			if err == nil {
				err = apply(node, line)
			}
		}
		over <- err
	}()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		switch word, rest, _ := strings.Cut(lines.Text(), " "); word {
		case "go":
			w.gone <- true
		case "begin":
			w.counts.Store(true)
			if g.begun != nil {
				g.begun()
			}
		case "overflow":
			groups, err := strconv.Atoi(rest)
			if err != nil {
				return fmt.Errorf("netns: command %q: want overflow GROUPS", lines.Text())
			}
			node.overflow(groups)
		case "clock":
			var by, percent int64
			if n, err := fmt.Sscan(rest, &by, &percent); n != 2 || err != nil {
				return fmt.Errorf("netns: command %q: want clock NANOSECONDS PERCENT", lines.Text())
			}
			node.SetClock(time.Duration(by), int(percent))
		case "slow":
			ns, err := strconv.ParseInt(rest, 10, 64)
			if err != nil {
				return fmt.Errorf("netns: command %q: want slow NANOSECONDS", lines.Text())
			}
			slow.ns.Store(ns)
		default:
			wants <- lines.Text()
		}
	}
	close(wants)
	select {
	case err := <-over:
		return errors.Join(lines.Err(), err)
	case <-time.After(time.Second): // it waits for a go that does not come any more
		return lines.Err()
	}
}

var guestCalls = map[string]impl.InputKind{"join": impl.Join, "leave": impl.Leave, "sync": impl.Barrier, "query": impl.Query,
	"create": impl.Create, "destroy": impl.Destroy}

func apply(node *Node, line string) error {
	var g spec.GroupID
	word, rest, _ := strings.Cut(line, " ")
	if kind, ok := guestCalls[word]; ok {
		if n, err := fmt.Sscan(rest, &g); n != 1 || err != nil {
			return fmt.Errorf("netns: command %q: want %s GROUP", line, word)
		}
		return node.CallIn(g, kind)
	}
	var to spec.NodeID
	var text string
	if n, err := fmt.Sscanf(line+" .", "send %d %d %s", &to, &g, &text); n != 3 || err != nil {
		return fmt.Errorf("netns: command %q: want send NODE GROUP BODY", line)
	}
	body, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "."))
	if err != nil {
		return fmt.Errorf("netns: command %q: %w", line, err)
	}
	_, err = node.SendIn(g, to, body)
	return err
}

// watch keeps the moments of a guest.
type watch struct {
	when   []faults.When
	passed []int // how often
	tell   io.Writer
	gone   chan bool
	counts atomic.Bool
}

// moment is called before the node does a thing.
func (w *watch) moment(on faults.Moment, point string) {
	if !w.counts.Load() {
		return
	}
	for i := range w.when {
		x := &w.when[i]
		action := x.On == faults.OnAction && on != faults.OnPoint
		if x.On != on && !action || on == faults.OnPoint && x.Point != point {
			continue
		}
		if w.passed[i]++; w.passed[i] != x.K {
			continue
		}
		if _, err := fmt.Fprintln(w.tell, i); err == nil {
			<-w.gone
		}
	}
}
