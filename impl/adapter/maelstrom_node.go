package adapter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// DefaultStill is the default of [Options.Still].
const DefaultStill = 25 * time.Millisecond

// ErrTimers says that a node has timers, and was played in a time that does not wait for them: what it was found to do
// means nothing.
var ErrTimers = errors.New("it has timers, which need the pace real")

// node is a running program without an idle. Its methods are for one goroutine, which reads while it writes, so that
// neither waits for the other for ever. Between two steps nobody reads: then a node can't say more than its pipe holds.
type node struct {
	*process
	out   *os.File // what the program writes
	raw   []byte   // and what of it is not taken yet
	wrote []byte   // the last line to it
	end   bool     // it closed its end
	// timers says that it may speak of its own accord; proved, that it was seen to be still when it was spoken to last.
	timers, proved bool
	chunk          []byte
	looks          looks
}

// startNode runs the program.
func startNode(o *Options) (*node, error) {
	if len(o.Command) == 0 {
		return nil, errors.New("no command")
	}
	p := &process{answer: o.Answer, come: make(chan struct{}, 1), exited: make(chan struct{}), dry: make(chan struct{})}
	close(p.dry)
	if p.answer <= 0 {
		p.answer = DefaultAnswer
	}
	p.cmd = exec.Command(o.Command[0], o.Command[1:]...)
	p.known()
	p.cmd.Stderr, p.cmd.WaitDelay = &p.log, Grace
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirIn.Close()
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		ourOut.Close()
		return nil, err
	}
	defer theirOut.Close()
	p.cmd.Stdin, p.cmd.Stdout, p.stdin, p.in = theirIn, theirOut, ourOut, ourIn
	if err := p.cmd.Start(); err != nil {
		p.close()
		return nil, err
	}
	go p.reap()
	still := o.Still
	if still <= 0 {
		still = DefaultStill
	}
	return &node{process: p, timers: o.Pace != PaceVirtual, out: ourIn, chunk: make([]byte, 64<<10), looks: looks{pid: p.cmd.Process.Pid, still: still}}, nil
}

// converse writes a line, and takes lines until the node is still and what is waited for has come.
func (n *node) converse(line []byte, come func() bool, use func(raw []byte) error) error {
	if err := n.unasked(); err != nil {
		return err
	}
	lines, take := 0, use
	use = func(raw []byte) error {
		if lines++; lines > maxAnswerLines {
			return fmt.Errorf("it is one of more than %d lines", maxAnswerLines)
		}
		return take(raw)
	}
	if err := n.tell(line, use); err != nil {
		return err
	}
	deadline, quiet, wait := time.Now().Add(n.answer), time.Now(), 50*time.Microsecond
	for {
		said, err := n.hear(0, use)
		switch {
		case err != nil:
			return err
		case said:
			quiet, wait = time.Now(), 50*time.Microsecond
			n.looks.ran = 0
		case time.Now().After(deadline) && !come():
			return fmt.Errorf("no answer within %v to %s%s", n.answer, quote(line), n.said())
		case time.Now().After(deadline):
			return fmt.Errorf("it does not stop writing after %s", quote(line))
		case !come():
		case n.still(time.Since(quiet)):
			if len(n.raw) == 0 {
				return nil
			}
			continue // it wrote something while it was looked at
		}
		if err := n.fill(wait); err != nil {
			return err
		}
		wait = min(2*wait, 2*time.Millisecond)
	}
}

// unasked says what a node without timers can't have said.
func (n *node) unasked() error {
	if n.timers || !n.proved {
		return nil
	}
	if err := n.fill(0); err != nil || len(n.raw) == 0 {
		return err
	}
	line, _, _ := bytes.Cut(n.raw, []byte{'\n'})
	return fmt.Errorf("the line %s comes though the node was still and nobody spoke to it: %w", quote(line), ErrTimers)
}

// still says whether nothing more will come by itself: as it is seen, or because nothing came for a while.
func (n *node) still(silent time.Duration) bool {
	n.proved = false
	first := n.looks.look(n.stdin)
	if first.known && first.asleep {
		if n.fill(0) != nil || len(n.raw) > 0 {
			return true
		}
		if second := n.looks.look(n.stdin); second.known && second.asleep && second.print == first.print {
			n.proved = true
			return true
		}
	}
	if first.known { // who was never seen asleep, but ran all the while; not one that waits for a processor
		return silent > 8*n.looks.still && n.looks.busy(first.ran)
	}
	return silent > n.looks.still
}

// tell writes a line, and hears the node where it does not read before it has been heard.
func (n *node) tell(line []byte, use func(raw []byte) error) error {
	if len(line) > MaxLine {
		return fmt.Errorf("a line to it would be longer than %d bytes", MaxLine)
	}
	n.wrote = append(n.wrote[:0], line...)
	rest := append(bytes.Clone(line), '\n')
	for deadline := time.Now().Add(n.answer); ; {
		_ = n.stdin.SetWriteDeadline(time.Now().Add(5 * time.Millisecond))
		k, err := n.stdin.Write(rest)
		if rest = rest[k:]; len(rest) == 0 {
			return nil
		}
		if _, heard := n.hear(0, use); heard != nil {
			return heard
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(deadline):
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("it does not read: the line %s could not be written within %v%s", quote(line), n.answer, n.said())
		default: // what it wrote before it died says more than the broken pipe
			for until := time.Now().Add(Grace); time.Now().Before(until); {
				if _, heard := n.hear(Grace/100, use); heard != nil {
					return heard
				}
			}
			return fmt.Errorf("the line %s could not be written: it has closed its stdin%s", quote(line), n.said())
		}
	}
}

// hear takes the lines that have come, and waits for the first if there is none; false if there is none then.
func (n *node) hear(wait time.Duration, use func(raw []byte) error) (said bool, err error) {
	if err := n.fill(0); err != nil {
		return false, err
	}
	if wait > 0 && len(n.raw) == 0 {
		if err := n.fill(wait); err != nil {
			return false, err
		}
	}
	for {
		i := bytes.IndexByte(n.raw, '\n')
		if i < 0 {
			break
		}
		line := n.raw[:i]
		if i > MaxLine {
			return said, fmt.Errorf("a line is longer than %d bytes: %s", MaxLine, quote(line))
		}
		if err := use(line); err != nil {
			return said, fmt.Errorf("%sthe line %s: %w", n.before(), quote(line), err)
		}
		n.raw, said = n.raw[i+1:], true
	}
	switch {
	case len(n.raw) > MaxLine:
		return said, fmt.Errorf("a line is longer than %d bytes: %s", MaxLine, quote(n.raw))
	case n.end && !said:
		return said, fmt.Errorf("%s%w", n.before(), n.died(n.raw))
	}
	return said, nil
}

// before says what was said to it last.
func (n *node) before() string {
	if len(n.wrote) == 0 {
		return ""
	}
	return "after " + quote(n.wrote) + ": "
}

// fill reads what has come; it waits for something, if it is to.
func (n *node) fill(wait time.Duration) error {
	if n.end {
		return nil
	}
	for size := 0; ; {
		k, err := n.readSome(wait)
		n.raw, size = append(n.raw, n.chunk[:k]...), size+k
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case errors.Is(err, io.EOF):
			n.end = true
			return nil
		case err != nil:
			return fmt.Errorf("what it writes can't be read: %w", err)
		case k < len(n.chunk):
			return nil
		case size > maxAnswerBytes:
			return fmt.Errorf("it wrote more than %d bytes at once, last %s", maxAnswerBytes, quote(n.raw[max(0, len(n.raw)-200):]))
		}
		wait = 0
	}
}

// readSome reads once; os.ErrDeadlineExceeded says that there is nothing.
func (n *node) readSome(wait time.Duration) (int, error) {
	if wait == 0 {
		return readNow(n.out, n.chunk)
	}
	_ = n.out.SetReadDeadline(time.Now().Add(wait))
	return n.out.Read(n.chunk)
}

// looks are the looks at a program from outside.
type looks struct {
	pid   int
	still time.Duration
	buf   []byte
	ran   time.Duration // what first was seen since it was heard last; 0: nothing was
}

// busy says whether a program ran for long since it was heard last.
func (l *looks) busy(ran time.Duration) bool {
	if l.ran == 0 {
		l.ran = ran
	}
	return ran-l.ran > 4*l.still
}

// look is what was seen of a program.
type look struct {
	known  bool   // it could be seen
	asleep bool   // nothing is left for it to read, and all its threads sleep
	print  string // of the threads, and how often each ran
	ran    time.Duration
}
