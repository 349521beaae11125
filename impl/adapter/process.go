package adapter

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options say how programs are started and how long they may take.
type Options struct {
	Command []string
	Connect string        // stdio (default), tcp or unix: the program dials CONFORM_ADDR
	Answer  time.Duration // for one answer; 0: DefaultAnswer
	Speak   string        // the protocol: empty for the adapter protocol, or Maelstrom
	Pace    string        // of programs without an idle: virtual or real; empty: what is found by watching one
	Settle  time.Duration // of these: how long one may be silent before it does something of its own accord; 0: as they are seen to
	Still   time.Duration // of these: after what silence one has answered, where that can't be seen; 0: DefaultStill
	Inside  Inside        // instead of a command: the program is in this process, on a network of its own
	Dir     string        // where programs on their own network keep their files, a folder for each node; empty: nowhere

	begin func(*exec.Cmd) error // starts it somewhere else; nil: here
}

// run starts a command.
func (o *Options) run(cmd *exec.Cmd) error {
	if o.begin != nil {
		return o.begin(cmd)
	}
	return cmd.Start()
}

// DefaultAnswer is how long one answer may take, and how long a program may need to start.
const DefaultAnswer = 10 * time.Second

// Grace is how long a program has to leave after its stdin was closed.
const Grace = 2 * time.Second

// process is one running program. Its methods are for one goroutine; a second one reads what it writes, always.
type process struct {
	cmd    *exec.Cmd     // nil: it is inside this process
	killed chan struct{} // then: closed when it is to end at once
	stdin  *os.File      // closing it ends the program
	out    stream        // where lines to it go
	in     io.ReadCloser
	answer time.Duration
	log    tail
	used   bool // it has had an init
	mark   string

	mu     sync.Mutex
	lines  []arrived
	held   int  // bytes of lines
	over   bool // more than the limit: nothing is read any more
	ended  bool // it closed its end
	gone   bool // it has ended, and its number may be another's soon
	rest   []byte
	come   chan struct{}
	exited chan struct{} // it is dead, and so are its children
	dry    chan struct{} // all that it wrote has been read
}

// arrived is a line and when it came.
type arrived struct {
	raw []byte
	at  time.Time
}

// stream is where lines are written: a pipe or a connection.
type stream interface {
	io.Writer
	SetWriteDeadline(time.Time) error
	Close() error
}

// start runs the program.
func start(o *Options) (*process, error) {
	if o.Inside != nil {
		return inside(o)
	}
	if len(o.Command) == 0 {
		return nil, errors.New("no command")
	}
	p := &process{answer: o.Answer, come: make(chan struct{}, 1), exited: make(chan struct{}), dry: make(chan struct{})}
	if p.answer <= 0 {
		p.answer = DefaultAnswer
	}
	p.cmd = exec.Command(o.Command[0], o.Command[1:]...)
	p.known()
	p.cmd.Stderr = &p.log
	p.cmd.WaitDelay = Grace
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	p.cmd.Stdin, p.stdin = theirs, ours
	if err := p.wire(o); err != nil {
		ours.Close()
		return nil, err
	}
	return p, nil
}

// wire starts the program and connects what it writes.
func (p *process) wire(o *Options) error {
	if o.Connect == "tcp" || o.Connect == "unix" {
		return p.dialled(o)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	p.cmd.Stdout, p.out, p.in = w, p.stdin, r
	err = o.run(p.cmd)
	w.Close()
	if err != nil {
		r.Close()
		return err
	}
	p.watch()
	return nil
}

// dialled waits for the program to dial; its stdout is part of its log then.
func (p *process) dialled(o *Options) error {
	network := o.Connect
	addr := "127.0.0.1:0"
	if network == "unix" {
		dir, err := os.MkdirTemp("", "conform")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		addr = filepath.Join(dir, "socket")
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		return err
	}
	defer l.Close()
	p.cmd.Env = append(p.cmd.Env, "CONFORM_ADDR="+network+":"+l.Addr().String())
	p.cmd.Stdout = &p.log
	if err := o.run(p.cmd); err != nil {
		return err
	}
	go p.reap()
	if d, ok := l.(interface{ SetDeadline(time.Time) error }); ok {
		_ = d.SetDeadline(time.Now().Add(p.answer))
	}
	c, err := l.Accept()
	if err != nil {
		p.kill()
		return fmt.Errorf("it did not dial CONFORM_ADDR within %v%s", p.answer, p.said())
	}
	p.out, p.in = c.(stream), c
	go p.read()
	return nil
}

func (p *process) watch() {
	go p.reap()
	go p.read()
}

// reap waits for the program to leave, and takes its children with it.
func (p *process) reap() {
	awaitExit(p.cmd)
	p.mu.Lock()
	killGroup(p.cmd) // before its number can be another process's
	p.gone = true
	p.mu.Unlock()
	killMarked(p.mark)
	_ = p.cmd.Wait()
	close(p.exited)
}

// known lets all processes of the program be found, in its group or by its environment.
func (p *process) known() {
	ownGroup(p.cmd)
	p.mark = fmt.Sprintf("%s=%d.%d.%d", lifeVariable, os.Getpid(), begun, lives.Add(1))
	p.cmd.Env = append(os.Environ(), p.mark)
}

// lifeVariable is the environment variable by which the processes of one life are known, also those that have left its
// process group.
const lifeVariable = "CONFORM_LIFE"

var (
	begun = time.Now().UnixNano()
	lives atomic.Uint64
)

// read takes in what the program writes, whether anybody wants it or not: a full pipe must not stop it. Lines that come
// together are handed on together, so that one too many is seen at once.
func (p *process) read() {
	defer close(p.dry)
	r := bufio.NewReaderSize(p.in, 64<<10)
	var batch []arrived
	var long []byte
	for {
		piece, err := r.ReadSlice('\n')
		long = append(long, piece...)
		switch {
		case len(long) > MaxLine+1:
			p.hand(batch, long, true)
			return
		case err == bufio.ErrBufferFull:
			continue
		case err != nil:
			p.hand(batch, long, false)
			return
		}
		batch, long = append(batch, arrived{long, time.Now()}), nil
		if more, _ := r.Peek(r.Buffered()); bytes.IndexByte(more, '\n') >= 0 {
			continue
		}
		if !p.take(batch) {
			return
		}
		batch = nil
	}
}

// take puts lines where the next one is looked for; false where there are more than may be held.
func (p *process) take(batch []arrived) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range batch {
		if p.held+len(l.raw) > maxAnswerBytes || len(p.lines) >= maxAnswerLines {
			p.over, p.rest = true, l.raw
			break
		}
		p.lines, p.held = append(p.lines, l), p.held+len(l.raw)
	}
	select {
	case p.come <- struct{}{}:
	default:
	}
	return !p.over
}

// hand is take for the last time: what is left is half a line, or one that is too long.
func (p *process) hand(batch []arrived, rest []byte, over bool) {
	if !p.take(batch) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over, p.ended, p.rest = over, !over, rest
	select {
	case p.come <- struct{}{}:
	default:
	}
}

// next gives the next line, or why there is none. It waits until the deadline.
func (p *process) next(deadline time.Time) (arrived, error) {
	var timer *time.Timer
	for {
		p.mu.Lock()
		if len(p.lines) > 0 {
			l := p.lines[0]
			p.lines = p.lines[1:]
			p.held -= len(l.raw)
			p.mu.Unlock()
			return l, nil
		}
		over, ended, rest := p.over, p.ended, p.rest
		p.mu.Unlock()
		switch {
		case over && len(rest) > MaxLine:
			return arrived{}, fmt.Errorf("a line is longer than %d bytes: %s", MaxLine, quote(rest))
		case over:
			return arrived{}, fmt.Errorf("it wrote more than %d lines or %d bytes at once, last %s", maxAnswerLines, maxAnswerBytes, quote(rest))
		case ended:
			return arrived{}, p.died(rest)
		}
		if timer == nil {
			timer = time.NewTimer(time.Until(deadline))
			defer timer.Stop()
		}
		select {
		case <-p.come:
		case <-timer.C:
			return arrived{}, errLate
		}
	}
}

var errLate = errors.New("no answer")

// died says how the program ended.
func (p *process) died(rest []byte) error {
	how := "it closed its stdout"
	select {
	case <-p.exited:
		if how = "it ended"; p.cmd != nil {
			how += ": " + p.cmd.ProcessState.String()
		}
	case <-time.After(Grace):
	}
	if len(rest) > 0 {
		how += ", in the middle of the line " + quote(rest)
	}
	return errors.New(how + p.said())
}

// said is the end of what the program wrote on stderr.
func (p *process) said() string {
	if s := p.log.String(); s != "" {
		return "; its stderr ends:\n  " + strings.ReplaceAll(s, "\n", "\n  ")
	}
	return ""
}

// write hands a line to the program.
func (p *process) write(line []byte) error {
	if len(line) > MaxLine {
		return fmt.Errorf("a line to it would be longer than %d bytes", MaxLine)
	}
	_ = p.out.SetWriteDeadline(time.Now().Add(p.answer))
	_, err := p.out.Write(append(line, '\n'))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("it does not read: the line %s could not be written within %v%s", quote(line), p.answer, p.said())
	}
	deadline := time.Now().Add(Grace)
	for { // what it wrote before it died says more than the broken pipe
		if _, err := p.next(deadline); err != nil && !errors.Is(err, errLate) {
			return fmt.Errorf("the line %s could not be written: %w", quote(line), err)
		} else if err != nil {
			return fmt.Errorf("the line %s could not be written: it has closed its stdin%s", quote(line), p.said())
		}
	}
}

// kill ends the program at once, with its children, and waits for that, and until what it wrote before has been read:
// for a moment, for somebody else may have its stdout.
func (p *process) kill() {
	if p.cmd == nil {
		p.mu.Lock()
		if !p.gone {
			p.gone = true
			close(p.killed)
		}
		p.mu.Unlock()
	}
	p.alive(killGroup)
	<-p.exited
	if p.in != nil {
		select {
		case <-p.dry:
		case <-time.After(Grace / 10):
		}
	}
	p.close()
}

// alive does something to a program that has not ended.
func (p *process) alive(do func(*exec.Cmd)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.gone && p.cmd != nil {
		do(p.cmd)
	}
}

// stop closes the program's stdin, and kills it where it has not left in time; false where it had to.
func (p *process) stop(until time.Time) (left bool) {
	p.stdin.Close()
	if p.out != nil {
		p.out.Close()
	}
	select {
	case <-p.exited:
		left = true
	case <-time.After(time.Until(until)):
	}
	p.kill()
	return left
}

func (p *process) close() {
	p.stdin.Close()
	if p.in != nil {
		p.in.Close()
	}
}
