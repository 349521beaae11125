package netns

import (
	"errors"
	"net/netip"
	"os/exec"
	"syscall"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// Sockets is a LAN for programs that bring sockets of their own: each is started on a host, is told the addresses of
// all, and what they say to each other goes through the switch, where it is dropped, delayed or cut off. Nothing about a
// program changes. Its methods are for one goroutine.
type Sockets struct {
	lan  *LAN
	runs int

	nodes  int
	ahead  map[spec.NodeID]time.Duration
	clocks map[time.Duration]*thread // those that start the programs whose clocks are so far ahead
	machinery
}

// Sockets gives the LAN to programs with sockets of their own, one run after the other.
func (l *LAN) Sockets() *Sockets { return &Sockets{lan: l} }

// SocketFaults are the faults that such programs can be given, beside what is done to their processes.
var SocketFaults = spec.SetOf(spec.CrashLossyFault, spec.OmitSendFault, spec.OmitReceiveFault, spec.LossFault, spec.PartitionFault,
	spec.DelayFault, spec.ReorderFault, spec.DuplicateFault, spec.CorruptFault, spec.SkewFault, spec.RouterFault, spec.TTLFault,
	spec.ReportFault, spec.RogueFault, spec.FloodFault, spec.NICFault)

// Addresses begins a run: nothing is broken any more, and every node has an address on a host of its own. The port is
// another one in each run, so that what the kernel still holds of the run before strikes nobody.
func (s *Sockets) Addresses(nodes int) (all []string, err error) {
	if err := s.lan.Fits(&faults.Scenario{Nodes: nodes, Groups: make([]faults.Group, 1)}); err != nil {
		return nil, err
	}
	if err := errors.Join(s.machines(nil), s.lan.tape.end()); err != nil {
		return nil, err
	}
	port := uint16(lanPort + 1 + s.runs%20_000)
	s.runs++
	s.nodes, s.ahead = nodes, nil
	s.renew()
	s.lan.tape.hear = s.overhear
	for n := range nodes {
		all = append(all, netip.AddrPortFrom(HostAddr(n), port).String())
	}
	if err := s.lan.begin(uint64(s.runs)); err != nil {
		return nil, err
	}
	return all, s.lan.tape.begin(s.lan)
}

// Pcap gives the frames of the run so far as a capture, of the first 16 MiB of them: all that hosts sent, before the
// switch dropped any, and what it asked.
func (s *Sockets) Pcap() []byte { return s.lan.tape.bytes() }

// Start starts a command on the host of a node. It dies with the harness, also where that is killed: the thread that starts
// it is there as long as the run.
func (s *Sockets) Start(n spec.NodeID, cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	t, err := s.clock(s.ahead[n])
	if err != nil {
		return err
	}
	return t.in(s.lan.hosts[n], cmd.Start)
}

// clock gives the thread that starts programs whose clocks are so far ahead. There is one for all of them: a program dies
// with the thread that started it, so none can end before the run is over.
func (s *Sockets) clock(by time.Duration) (*thread, error) {
	if by == 0 {
		return s.lan.thread, nil
	}
	if t := s.clocks[by]; t != nil {
		return t, nil
	}
	t, err := threadAhead(by)
	if err != nil {
		return nil, err
	}
	if s.clocks == nil {
		s.clocks = map[time.Duration]*thread{}
	}
	s.clocks[by] = t
	s.lan.threads = append(s.lan.threads, t.end)
	return t, nil
}

// Break lets these faults last from now on, and no other ones: one transaction. A crash-lossy has unplugged its node.
func (s *Sockets) Break(lasting []faults.Action) error {
	var drops []Drop
	var alters []Alter
	var marks []Mark
	for i := range lasting {
		drops, alters, marks = dropsOf(drops, &lasting[i]), altersOf(alters, &lasting[i]), marksOf(marks, &lasting[i])
	}
	s.lan.marks = marks
	return errors.Join(s.lan.Break(drops, alters), s.machines(lasting))
}
