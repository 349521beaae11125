package adapter

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Pool are the processes of one program, one a node, used again from schedule to schedule where the program says that
// it can. It is for one goroutine and one world at a time.
type Pool struct {
	opt   Options
	hello *Hello
	seats []*process
	group string // what the group is called
	err   error
	lines int // to the programs and back
	heard *xxhash.Digest
	nodes *maelstrom // nil where the adapter protocol is spoken
}

// Open starts a first process and lets it introduce itself. The error tells why that did not work.
func Open(o Options) (*Pool, error) {
	if o.Speak == Maelstrom {
		return openMaelstrom(o)
	}
	p := &Pool{opt: o, group: "g"}
	first, err := p.launch()
	if err != nil {
		return nil, err
	}
	p.seats = append(p.seats, first)
	return p, nil
}

// Hello gives how the program introduced itself.
func (p *Pool) Hello() *Hello { return p.hello }

// Err says what the program did wrong as a program, or nil. After the first error nothing is asked of it any more.
func (p *Pool) Err() error { return p.err }

// Name sets what the group of the next schedules is called.
func (p *Pool) Name(group string) { p.group = group }

// Lines counts the lines to the programs and from them.
func (p *Pool) Lines() int { return p.lines }

// Listen sums up what the programs say from now on, if it goes on, and gives the sum of what they have said since it was
// called before: the same for the same conversation, whatever the order of the fields on a line.
func (p *Pool) Listen(on bool) (sum uint64) {
	if p.heard != nil {
		sum = p.heard.Sum64()
	}
	if p.heard = nil; on {
		p.heard = xxhash.New()
	}
	return sum
}

// Close ends all processes: closed stdin, and SIGKILL after [Grace]; at once, where one of them broke.
func (p *Pool) Close() {
	for _, x := range p.seats { // all at once, then one after the other
		if x != nil {
			x.stdin.Close()
		}
	}
	until := time.Now().Add(Grace)
	if p.err != nil {
		until = time.Now()
	}
	for _, x := range p.seats {
		if x != nil {
			x.stop(until)
		}
	}
	p.seats = nil
	if p.nodes != nil {
		p.nodes.close()
	}
	if p.err == nil {
		p.err = errors.New("the pool is closed")
	}
}

// Member makes the layer of a node: the whole stack of one life. The node's process is reset, or a new one.
func (p *Pool) Member(cfg impl.Config) impl.Layer {
	if p.nodes != nil {
		return &life{m: p.nodes, cfg: cfg}
	}
	for len(p.seats) <= int(cfg.Self) {
		p.seats = append(p.seats, nil)
	}
	return &layer{pool: p, cfg: cfg}
}

// fresh gives the process of a node for a new life.
func (p *Pool) fresh(node spec.NodeID) *process {
	x := p.seats[node]
	if x != nil && (p.hello.Reset || !x.used) {
		x.used = true
		return x
	}
	if x != nil {
		x.kill()
		p.seats[node] = nil
	}
	x, err := p.launch()
	if err != nil {
		p.fail(node, err)
		return nil
	}
	x.used = true
	p.seats[node] = x
	return x
}

// launch starts a process and lets it introduce itself.
func (p *Pool) launch() (*process, error) {
	x, err := start(&p.opt)
	if err != nil {
		return nil, fmt.Errorf("the adapter could not be started: %w", err)
	}
	h, err := x.greet()
	if err == nil && p.hello != nil && !p.hello.same(h) {
		err = fmt.Errorf("it introduces itself as %+v, and another time as %+v", *p.hello, *h)
	}
	if err != nil {
		x.kill()
		return nil, fmt.Errorf("the adapter does not say hello: %w", err)
	}
	p.hello = h
	return x, nil
}

func (h *Hello) same(o *Hello) bool {
	return h.Name == o.Name && h.Version == o.Version && h.Network == o.Network && h.Reset == o.Reset && h.Disk == o.Disk &&
		slices.Equal(h.Claims, o.Claims) && slices.Equal(h.Tolerates, o.Tolerates)
}

// greet says hello.
func (p *process) greet() (*Hello, error) {
	b, err := encode(helloLine{"hello", Protocol})
	if err != nil {
		return nil, err
	}
	if err := p.write(b); err != nil {
		return nil, err
	}
	l, err := p.next(time.Now().Add(p.answer))
	if errors.Is(err, errLate) {
		return nil, fmt.Errorf("no answer to %s within %v%s", quote(b), p.answer, p.said())
	}
	if err != nil {
		return nil, err
	}
	h, err := parseHello(l.raw)
	if err != nil {
		return nil, fmt.Errorf("the line %s: %w", quote(l.raw), err)
	}
	return h, nil
}

// encode writes a line for the program and holds it against the schema.
func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err == nil {
		err = checkLine(toAdapter, b)
	}
	if err != nil {
		return nil, fmt.Errorf("the harness would have written a line that is none: %s: %w", quote(b), err)
	}
	return b, nil
}

// exchange writes one line and gives the answer to it, which ends with idle, to use.
func (p *Pool) exchange(x *process, v any, use func(*Line) error) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	return p.converse(x, b, use)
}

func (p *Pool) converse(x *process, b []byte, use func(*Line) error) error {
	x.mu.Lock()
	early := len(x.lines) > 0
	x.mu.Unlock()
	if early {
		l, _ := x.next(time.Now())
		return fmt.Errorf("it says %s though nobody asked: what comes after an idle belongs to no answer", quote(l.raw))
	}
	if err := x.write(b); err != nil {
		return err
	}
	p.lines++
	deadline := time.Now().Add(x.answer)
	for n, size := 0, 0; ; n++ {
		a, err := x.next(deadline)
		if errors.Is(err, errLate) {
			return fmt.Errorf("no idle within %v after %s%s", x.answer, quote(b), x.said())
		}
		if err != nil {
			return fmt.Errorf("in answer to %s: %w", quote(b), err)
		}
		p.lines++
		if size += len(a.raw); n >= maxAnswerLines || size > maxAnswerBytes {
			return fmt.Errorf("its answer to %s has more than %d lines or %d bytes, last %s", quote(b), maxAnswerLines, maxAnswerBytes, quote(a.raw))
		}
		l, err := parse(a.raw)
		if err == nil {
			if p.heard != nil {
				_ = json.NewEncoder(p.heard).Encode(l)
			}
			if l.Op == "idle" {
				return nil
			}
			err = use(l)
		}
		if err != nil {
			return fmt.Errorf("the line %s, in answer to %s: %w", quote(a.raw), quote(b), err)
		}
	}
}

// fail keeps the first error.
func (p *Pool) fail(node spec.NodeID, err error) {
	if p.err == nil {
		p.err = fmt.Errorf("node %d: %w", node, err)
	}
}
