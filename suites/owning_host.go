package suites

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// nobody is a member that is never made: where a promise is held to members of another kind.
func nobody(impl.Config) impl.Layer { return nil }

// host is a member with sockets of its own that the harness speaks to as to a program: in lines of the adapter protocol.
// The identity of a message travels behind its body, where a change of either shows.
type host struct{ start StartOwn }

// hosted is one life of a member.
type hosted struct {
	group string
	nodes uint32

	mu    sync.Mutex
	out   io.Writer
	ended bool // what it does from now on nobody sees
	m     Running
	calls sync.WaitGroup
}

// asked is a line of the harness.
type asked struct {
	Op, Node, Group, Msg, Dir, Seed string
	ID                              uint64
	Incarnation                     int
	Members                         []string
	Addresses                       map[string]string
	Body                            []byte
}

// closing is how long a member may take to close.
const closing = 10 * time.Second

// live is a life of a member: an [adapter.Inside].
func (h *host) live(in io.Reader, out io.Writer, killed <-chan struct{}) {
	x := &hosted{out: out}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-killed:
			x.mute()
		case <-ended:
		}
	}()
	lines := json.NewDecoder(bufio.NewReader(in))
	for {
		var l asked
		if lines.Decode(&l) != nil {
			break
		}
		if err := h.answer(x, &l); err != nil {
			x.say(map[string]any{"op": "error", "of": l.ID, "code": "not-started", "text": err.Error()})
			break
		}
	}
	x.mute()
	x.stop()
}

// answer does what a line asks for.
func (h *host) answer(x *hosted, l *asked) error {
	switch l.Op {
	case "hello":
		x.say(map[string]any{"op": "hello", "protocol": 1, "name": "member", "claims": []string{}, "network": "own"})
	case "init":
		w, err := hostOf(l)
		if err != nil {
			return err
		}
		x.group, x.nodes = l.Group, uint32(len(l.Addresses))
		w.Deliver = x.deliver
		if x.m, err = h.start(*w); err == nil && x.m == nil {
			err = errors.New("start gave no member")
		}
		if err != nil {
			return fmt.Errorf("member %d, life %d, could not be started: %w", w.Self, w.Incarnation, err)
		}
		x.say(map[string]any{"op": "ready"})
	case "send":
		x.send(l)
	}
	return nil
}

// hostOf reads what a member is told.
func hostOf(l *asked) (*Host, error) {
	w := &Host{Incarnation: l.Incarnation, Dir: l.Dir, Listen: l.Addresses[l.Node], Peers: map[spec.NodeID]string{}}
	var errs []error
	number := func(s string) spec.NodeID {
		n, err := strconv.ParseUint(s, 10, 31)
		errs = append(errs, err)
		return spec.NodeID(n)
	}
	w.Self = number(l.Node)
	for _, m := range l.Members {
		w.Members = append(w.Members, number(m))
	}
	for n, a := range l.Addresses {
		if n != l.Node {
			w.Peers[number(n)] = a
		}
	}
	seed, err := strconv.ParseUint(l.Seed, 10, 64)
	r := spec.NewRand(seed, uint64(w.Self), uint64(w.Incarnation))
	w.Seed = r.Uint64()
	return w, errors.Join(append(errs, err)...)
}

// send hands a message to the member, which may block on it.
func (x *hosted) send(l *asked) {
	body := seal(l.Body, l.Msg)
	x.calls.Go(func() {
		switch err := x.m.Multicast(body); {
		case errors.Is(err, net.ErrClosed): // nobody knows what became of it
		case err != nil:
			x.say(map[string]any{"op": "error", "of": l.ID, "code": "not-a-member", "definite": true, "text": err.Error()})
		default:
			x.say(map[string]any{"op": "done", "of": l.ID})
		}
	})
}

func (x *hosted) deliver(from spec.NodeID, sealed []byte) {
	body, msg := unseal(from, sealed, x.nodes)
	x.say(map[string]any{"op": "deliver", "group": x.group, "msg": msg, "from": strconv.Itoa(int(from)), "body": body})
}

// seal puts the identity of a message behind it, with its length.
func seal(body []byte, msg string) []byte {
	b := append(append([]byte(nil), body...), msg...)
	return binary.BigEndian.AppendUint16(b, uint16(len(msg)))
}

// unseal takes the identity off. What has none nobody sent, and it gets one that nobody has.
func unseal(from spec.NodeID, b []byte, nodes uint32) (body []byte, msg string) {
	if n := len(b) - 2; n >= 0 {
		if k := n - int(binary.BigEndian.Uint16(b[n:])); k >= 0 && identity(string(b[k:n]), nodes) {
			return append([]byte{}, b[:k]...), string(b[k:n])
		}
	}
	return append([]byte{}, b...), fmt.Sprintf("%d/%d/%d", max(0, from), uint32(1<<32-1), xxhash.Sum64(b)>>12)
}

// identity says whether a text is an identity that the harness may have written.
func identity(s string, nodes uint32) bool {
	var sender, life, number uint32
	_, err := fmt.Sscanf(s, "%d/%d/%d", &sender, &life, &number)
	return err == nil && fmt.Sprintf("%d/%d/%d", sender, life, number) == s && sender < nodes
}

// say writes a line, as long as anybody listens.
func (x *hosted) say(line map[string]any) {
	b, err := json.Marshal(line)
	if err != nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.ended {
		_, _ = x.out.Write(append(b, '\n'))
	}
}

func (x *hosted) mute() {
	x.mu.Lock()
	x.ended = true
	x.mu.Unlock()
}

// stop closes the member, and waits until it has let go.
func (x *hosted) stop() {
	if x.m == nil {
		return
	}
	closed := make(chan struct{})
	go func() {
		_ = x.m.Close()
		x.calls.Wait()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(closing):
	}
}
