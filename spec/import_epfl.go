package spec

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// ProcessLog is what one process of a group wrote about itself.
type ProcessLog struct {
	Process uint64 // its number, from 1
	Text    io.Reader
}

// ReadProcessLogs reads logs as courses on distributed algorithms have processes write them, one a process:
//
//	b n      broadcast: this process sends its message n
//	d s n    delivered: message n of process s
//
// The result has one group with all processes, named by their numbers. The logs tell no times, and nothing of the order
// of events at different processes; that order is chosen so that a message is sent before it is delivered, wherever
// there is such an order. What the logs do not tell has to be told of them: whether the run went on until everything was
// delivered, and who crashed, at the end of its log. A last line without an end was cut off, and is left out, as a
// process that is killed leaves it; a malformed line is a [SyntaxError], with the number of the process in front.
func ReadProcessLogs(logs []ProcessLog, settled bool, crashed map[uint64]bool) (*History, error) {
	h := &History{Header: Header{Groups: []Group{{Name: "g"}}, Settled: settled}}
	nodes := map[uint64]NodeID{}
	for i, l := range logs {
		if _, twice := nodes[l.Process]; twice {
			return nil, fmt.Errorf("process %d has two logs", l.Process)
		}
		nodes[l.Process] = NodeID(i)
		h.Nodes = append(h.Nodes, strconv.FormatUint(l.Process, 10))
		h.Groups[0].Members = append(h.Groups[0].Members, NodeID(i))
	}
	for p := range crashed {
		if _, ok := nodes[p]; !ok {
			return nil, fmt.Errorf("process %d is said to have crashed, and has no log", p)
		}
	}
	told := make([][]Event, len(logs))
	for i, l := range logs {
		var err error
		if told[i], err = readProcessLog(l, NodeID(i), nodes); err != nil {
			return nil, fmt.Errorf("process %d: %w", l.Process, err)
		}
		if crashed[l.Process] {
			told[i] = append(told[i], Event{Node: NodeID(i), Kind: Crash, Has: HasNode})
		}
	}
	h.interleave(told)
	return h, nil
}

func readProcessLog(l ProcessLog, self NodeID, nodes map[uint64]NodeID) ([]Event, error) {
	var out []Event
	r := bufio.NewReader(l.Text)
	for line := 1; ; line++ {
		text, err := r.ReadString('\n')
		if err == io.EOF { // no end: cut off
			return out, nil
		} else if err != nil {
			return nil, err
		}
		f := strings.Fields(text)
		e := Event{Node: self, Has: HasNode | HasGroup | HasMsg | HasSum, Kind: Send, Msg: MsgID{Sender: self}}
		switch {
		case len(f) == 0:
			continue
		case f[0] == "b" && len(f) == 2:
		case f[0] == "d" && len(f) == 3:
			s, err := strconv.ParseUint(f[1], 10, 64)
			node, known := nodes[s]
			if err != nil || !known {
				return nil, &SyntaxError{Line: line, Reason: fmt.Sprintf("sender %q is no process that has a log", f[1])}
			}
			e.Kind, e.Msg.Sender = Deliver, node
		default:
			return nil, &SyntaxError{Line: line, Reason: fmt.Sprintf("%q: want \"b n\" or \"d sender n\"", strings.TrimSpace(text))}
		}
		if e.Msg.Number, err = strconv.ParseUint(f[len(f)-1], 10, 63); err != nil {
			return nil, &SyntaxError{Line: line, Reason: fmt.Sprintf("message %q: want a number", f[len(f)-1])}
		}
		e.Sum = Digest(e.Msg.Number)
		out = append(out, e)
	}
}

// interleave adds the events of all processes, each in its own order, and a delivery after the send that it is of. Where
// that can't be the first process that stands still goes on all the same.
func (h *History) interleave(told [][]Event) {
	sent := map[MsgID]bool{}
	next := make([]int, len(told))
	add := func(p int) {
		e := told[p][next[p]]
		next[p]++
		e.T = Time(len(h.Events))
		if e.Kind == Send {
			sent[e.Msg] = true
		}
		h.Add(e)
	}
	for {
		moved, waits := false, -1
		for p := range told {
			for next[p] < len(told[p]) {
				if e := &told[p][next[p]]; e.Kind == Deliver && !sent[e.Msg] {
					break
				}
				add(p)
				moved = true
			}
			if next[p] < len(told[p]) && waits < 0 {
				waits = p
			}
		}
		switch {
		case waits < 0:
			return
		case !moved:
			add(waits)
		}
	}
}
