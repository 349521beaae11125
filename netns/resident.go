package netns

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// resident is the node of one host of a LAN: one process after the other, and what they wrote.
type resident struct {
	id     spec.NodeID
	disk   *drive
	seat   seat
	moment func(m moment) // the moment of a step has come: it waits
	steps  []int          // by moment of the present life: the step that waits for it

	mu   *sync.Mutex // of the books
	last *spec.Time  // when something was last observed

	tardy time.Duration // how late a process was at most
}

// memoryFile makes a file that nobody can find, and that nobody has to remove.
func memoryFile(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, can("make a file in memory", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// begin starts a life on a host. Its process gets the harness's input alone, and dies with the harness.
func (r *resident) begin(l *LAN, program []string, g *Guest) error {
	text, err := json.Marshal(g)
	if err != nil {
		return err
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	x := &life{cmd: again(), read: make(chan struct{})}
	if program != nil {
		x.cmd = exec.Command(program[0], program[1:]...)
	}
	x.cmd.Env = append(os.Environ(), GuestVariable+"="+string(text), "GOMAXPROCS=1")
	x.cmd.ExtraFiles = []*os.File{ours, r.disk.file}
	if g.Tap {
		x.cmd.ExtraFiles = append(x.cmd.ExtraFiles, l.taps[r.id])
	}
	x.cmd.Stderr = &x.stderr
	x.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	out, err := x.cmd.StdoutPipe()
	if err == nil {
		x.input, err = x.cmd.StdinPipe()
	}
	if err == nil {
		if g.Shift > 0 {
			x.after, err = ahead(l.hosts[r.id], g.Shift, x.cmd.Start)
		} else {
			err = l.thread.in(l.hosts[r.id], x.cmd.Start)
		}
	}
	if err = errors.Join(err, ours.Close()); err != nil {
		return errors.Join(err, theirs.Close())
	}
	r.mu.Lock()
	r.seat.lives = append(r.seat.lives, x)
	life := len(r.seat.lives)
	r.mu.Unlock()
	go r.follow(x, out)
	go r.watch(theirs, life, r.steps)
	return nil
}

// watch tells of the moments that come.
func (r *resident) watch(f *os.File, life int, steps []int) {
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if i, err := strconv.Atoi(lines.Text()); err == nil && i >= 0 && i < len(steps) {
			r.moment(moment{r.id, life, steps[i]})
		}
	}
}

// follow reads what a process observes, until it is dead.
func (r *resident) follow(x *life, out io.Reader) {
	defer close(x.read)
	h, err := spec.NewReader(out)
	for err == nil {
		var e spec.Event
		var extra *spec.Extra
		if e, extra, err = h.Next(); err == nil {
			r.enter(x, e, extra)
		}
	}
	var cut *spec.SyntaxError
	if err == io.EOF || errors.As(err, &cut) && h == nil { // it was killed before it had written its first line
		return
	}
	r.mu.Lock()
	x.err = err
	r.mu.Unlock()
	_, _ = io.Copy(io.Discard, out)
}

func (r *resident) enter(x *life, e spec.Event, extra *spec.Extra) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := observed{Event: e}
	if extra != nil {
		o.extra, o.rare = *extra, true
	}
	if e.Kind == spec.Note && o.extra.Op == opTardy {
		r.tardy = max(r.tardy, time.Duration(o.extra.Depth))
		return
	}
	x.events = append(x.events, o)
	if e.Kind != spec.Note && e.Kind != spec.Receive && e.Kind != spec.Discard && e.Kind != spec.Invoke && e.Kind != spec.Return {
		*r.last = Now()
	}
	switch e.Kind {
	case spec.Send:
		x.sent++
	case spec.Deliver:
		r.seat.delivered[e.Msg] = true
	}
}

// say gives the process a command.
func (r *resident) say(line string) error {
	x := r.seat.up()
	if x == nil {
		return fmt.Errorf("netns: node %d is down", r.id)
	}
	_, err := io.WriteString(x.input, line+"\n")
	return err
}

// sendLine is the command that lets a node send.
func sendLine(to spec.NodeID, g spec.GroupID, body []byte) string {
	return fmt.Sprintf("send %d %d %s", to, g, base64.StdEncoding.EncodeToString(body))
}

// kill ends the process at once, and reads what it had still written.
func (r *resident) kill() error {
	x := r.seat.up()
	if x == nil {
		return nil
	}
	x.killed = true
	if err := x.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return x.reap()
}

// hold and release stop the process in its tracks, and let it go on.
func (r *resident) hold() error    { return r.signal(syscall.SIGSTOP, "T") }
func (r *resident) release() error { return r.signal(syscall.SIGCONT, "") }

// signal sends a signal and waits until the process is in the state that it brings about.
func (r *resident) signal(s syscall.Signal, state string) error {
	x := r.seat.up()
	if x == nil {
		return nil
	}
	if err := x.cmd.Process.Signal(s); err != nil || state == "" {
		return err
	}
	name := fmt.Sprintf("/proc/%d/stat", x.cmd.Process.Pid)
	for end := time.Now().Add(time.Second); ; time.Sleep(100 * time.Microsecond) {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		_, rest, _ := strings.Cut(string(b), ") ")
		if strings.HasPrefix(rest, state) || time.Now().After(end) {
			return nil
		}
	}
}

// dead gives what a process said that ended though nobody told it to.
func (r *resident) dead() error {
	x := r.seat.up()
	if x == nil {
		return nil
	}
	select {
	case <-x.read:
		if err := x.reap(); err != nil {
			return fmt.Errorf("node %d: %w", r.id, err)
		}
		return fmt.Errorf("node %d ended though nobody told it to: %s", r.id, bytes.TrimSpace(x.stderr.Bytes()))
	default:
		return nil
	}
}

// up says whether the node is.
func (r *resident) up() bool { return r.seat.up() != nil }

// begun says whether the present life has said anything. The caller holds the lock of the books.
func (r *resident) begun() bool {
	x := r.seat.up()
	return x != nil && len(x.events) > 0
}

// momentsOf lists the triggers that a node's next life has to watch, and their steps.
func momentsOf(s *faults.Scenario, n spec.NodeID, done map[int]bool) (when []faults.When, steps []int) {
	for i := range s.Steps {
		if w := s.Steps[i].When; w.On != faults.AtTime && w.Node == n && !done[i] {
			when, steps = append(when, w), append(steps, i)
		}
	}
	return when, steps
}
