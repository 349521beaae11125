package main

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"sync"
	"time"

	"github.com/conform-go/conform/spec"
)

const (
	group     = spec.GroupID(0)
	groupName = "g"
)

// recorder writes down what all members do and see. All are in one process, so one mutex makes the order of the
// history an order of observation, and one monotonic clock times it.
type recorder struct {
	mu    sync.Mutex
	start time.Time
	last  time.Time // of the latest send or delivery
	h     spec.History
	shut  bool // the history has been handed out
}

func newRecorder(members int) *recorder {
	now := time.Now()
	r := &recorder{start: now, last: now}
	g := spec.Group{Name: groupName}
	for i := range members {
		r.h.Nodes = append(r.h.Nodes, strconv.Itoa(i))
		g.Members = append(g.Members, spec.NodeID(i))
	}
	r.h.Groups = []spec.Group{g}
	r.h.Model = spec.CrashStop
	return r
}

// everyone is the destination of a multicast; any other is the one node that a one-to-one message goes to.
const everyone = spec.NodeID(-1)

// message records that node sends or delivers m. The digest is computed before the lock is taken, the time read after:
// times never run against the order of the history.
func (r *recorder) message(kind spec.Kind, node, to spec.NodeID, m spec.MsgID, body []byte) {
	e := spec.Event{
		Kind: kind, Node: node, Msg: m, Sum: digest(body), Len: int32(len(body)),
		Has: spec.HasNode | spec.HasMsg | spec.HasSum | spec.HasLen,
	}
	address(&e, to)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shut {
		return
	}
	r.last = time.Now()
	e.T = spec.Time(r.last.Sub(r.start))
	r.h.Add(e)
}

func address(e *spec.Event, to spec.NodeID) {
	if to == everyone {
		e.Group, e.Has = group, e.Has|spec.HasGroup
		return
	}
	e.To, e.Has = to, e.Has|spec.HasTo
}

// refuse records that the client library refused to send m: it will never be delivered.
func (r *recorder) refuse(node, to spec.NodeID, m spec.MsgID, reason error) {
	e := spec.Event{Kind: spec.Refuse, Node: node, Msg: m, Has: spec.HasNode | spec.HasMsg}
	address(&e, to)
	r.add(e, spec.Extra{Reason: reason.Error()})
}

// gap records that the client library told node that it dropped messages.
func (r *recorder) gap(node spec.NodeID, reason error) {
	r.add(spec.Event{Kind: spec.Gap, Node: node, Group: group, Has: spec.HasNode | spec.HasGroup}, spec.Extra{Reason: reason.Error()})
}

// remark records words for the reader: of kind note, fault or heal.
func (r *recorder) remark(kind spec.Kind, text string) {
	r.add(spec.Event{Kind: kind}, spec.Extra{Text: text})
}

func (r *recorder) add(e spec.Event, x spec.Extra) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shut {
		return
	}
	e.T = spec.Time(time.Since(r.start))
	r.h.AddExtra(e, x)
}

// quiet says for how long nobody has sent or delivered anything.
func (r *recorder) quiet() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Since(r.last)
}

// history ends the recording and gives it. A client that lets go late adds nothing to what is being read.
func (r *recorder) history(settled bool) *spec.History {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shut = true
	r.h.Settled = settled
	return &r.h
}

// digest gives 64 bits of SHA-256: equal for equal bodies, and for others as good as never.
func digest(body []byte) spec.Digest {
	sum := sha256.Sum256(body)
	return spec.Digest(binary.BigEndian.Uint64(sum[:8]))
}
