// Package line is the program's side of the adapter protocol (version 1), for a system that uses sockets of its own: JSON
// lines on stdin and stdout. What it reads it hands to a [Member], what the member sees it writes, one line after another.
//
// It adds nothing to the system: no retry, no order, no duplicate taken out. What would repair the system here would not be
// judged there.
package line

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Hello is how a program introduces itself. Claims are ids and levels, Tolerates the faults through which they are
// promised; Settle is how long the system may be silent and not be done yet, in ns.
type Hello struct {
	Op        string   `json:"op"`
	Protocol  int      `json:"protocol"`
	Name      string   `json:"name"`
	Version   string   `json:"version"`
	Claims    []string `json:"claims"`
	Tolerates []string `json:"tolerates"`
	Network   string   `json:"network"`
	Settle    int64    `json:"settle,omitempty"`
	Limits    Limits   `json:"limits"`
}

// Limits are those of the system: Payload is the length of the longest message in bytes, 0 for no limit.
type Limits struct {
	Payload int `json:"payload,omitempty"`
}

// Init says which node this process is, which life it lives, and where all nodes are.
type Init struct {
	Node        string            `json:"node"`
	Incarnation uint32            `json:"incarnation"`
	Nodes       []string          `json:"nodes"`
	Group       string            `json:"group"`
	Members     []string          `json:"members"`
	Addresses   map[string]string `json:"addresses"`
	Dir         string            `json:"dir"` // stays from life to life
}

// Member is one node of the system.
type Member interface {
	// Send multicasts body. It does not wait for the system; the answer to id is given by [Out.Done] or [Out.Refused], or
	// never. msg travels beside the body.
	Send(id uint64, msg string, body []byte)
	// Close lets go of everything. It is called once.
	Close()
}

// Start begins a life. It returns when the node takes part in the group; the harness waits for that, for all nodes together.
type Start func(Init, *Out) (Member, error)

// Out writes lines. Its methods may be called by several goroutines.
type Out struct {
	mu    sync.Mutex
	w     *bufio.Writer
	group string
}

// Delivery is a message as the application gets it. From and Pos are set only where the system tells its application.
type Delivery struct {
	Msg   string
	Body  []byte
	From  string
	Pos   uint64
	Again bool // the system says that it may have been delivered before
}

// Deliver tells of a delivery.
func (o *Out) Deliver(d Delivery) {
	o.write(struct {
		Op    string `json:"op"`
		Group string `json:"group"`
		Msg   string `json:"msg"`
		Body  []byte `json:"body"`
		From  string `json:"from,omitempty"`
		Pos   uint64 `json:"pos,omitempty"`
		Again bool   `json:"redelivered,omitempty"`
	}{"deliver", o.group, d.Msg, append([]byte{}, d.Body...), d.From, d.Pos, d.Again})
}

// Done tells that the system acknowledged a send to its application.
func (o *Out) Done(id uint64) { o.write(map[string]any{"op": "done", "of": id}) }

// Refused tells that a send failed. definite means that the message will never be delivered.
func (o *Out) Refused(id uint64, definite bool, err error) {
	o.write(map[string]any{"op": "error", "of": id, "code": "refused", "definite": definite, "text": err.Error()})
}

func (o *Out) write(line any) {
	b, err := json.Marshal(line)
	if err != nil {
		panic(fmt.Errorf("line: %w", err)) // of our own structs only
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	// Nobody reads any more where this fails, and then stdin is closed too.
	_, _ = o.w.Write(append(b, '\n'))
	_ = o.w.Flush()
}

// asked is a line from the harness.
type asked struct {
	Op   string `json:"op"`
	ID   uint64 `json:"id"`
	Msg  string `json:"msg"`
	Body []byte `json:"body"`
	Init
}

// Run speaks the protocol until in ends. The error is for stderr: the harness shows its end.
func Run(h Hello, start Start, in io.Reader, out io.Writer) error {
	h.Op, h.Protocol, h.Network = "hello", 1, "own"
	o := &Out{w: bufio.NewWriter(out)}
	r := bufio.NewScanner(in)
	r.Buffer(nil, 1<<20+1)
	var m Member
	defer func() {
		if m != nil {
			m.Close()
		}
	}()
	for r.Scan() {
		var l asked
		if err := json.Unmarshal(r.Bytes(), &l); err != nil {
			return fmt.Errorf("the line %.200q: %w", r.Bytes(), err)
		}
		switch {
		case l.Op == "hello":
			o.write(h)
		case l.Op == "init" && m == nil:
			o.group = l.Group
			var err error
			if m, err = start(l.Init, o); err != nil {
				return err
			}
			o.write(map[string]any{"op": "ready"})
		case l.Op == "send" && m != nil:
			m.Send(l.ID, l.Msg, l.Body)
		default:
			o.write(map[string]any{"op": "error", "of": l.ID, "code": "unsupported", "definite": true})
		}
	}
	if err := r.Err(); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return nil
}
