// Command go is reliable causal multicast for `conform certify`, in lock-step. Reliable: whoever receives a message for
// the first time hands it on to all before delivering it. Causal: a message waits for what its sender had delivered before
// sending it (Birman, Schiper, Stephenson 1991). With --broken nobody hands anything on: who crashes half way cheats some.
package main

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
)

type message struct {
	Op, Node, Group, Msg, From string // as the harness writes them
	ID                         int
	Body, Data                 []byte
	Needs                      map[string]int // how much its sender had delivered, by sender
}

type line map[string]any // to the harness

var (
	broken     = slices.Contains(os.Args, "--broken")
	me, group  string
	sent, done = 0, map[string]int{} // by this node; delivered, by sender
	seen, held = map[string]bool{}, []message{}
	hello      = line{"op": "hello", "protocol": 1, "name": "causal in Go", "version": "1", "network": "harness", "reset": true,
		"claims": []string{"reliable", "fifo", "causal"}, "tolerates": []string{"crash", "crash-lossy", "pause", "delay", "duplicate", "reorder"}}
)

func say(l line) { _ = json.NewEncoder(os.Stdout).Encode(l) }

func pack(m message) { // to everyone, ourselves too
	data, _ := json.Marshal(m)
	say(line{"op": "packet", "group": group, "data": data})
}

func receive(m message) {
	if !seen[m.Msg] {
		if m.From != me && !broken {
			pack(m)
		}
		seen[m.Msg], held = true, append(held, m)
	}
	for i := slices.IndexFunc(held, may); i >= 0; i = slices.IndexFunc(held, may) {
		m = held[i]
		held = slices.Delete(held, i, i+1)
		done[m.From]++
		say(line{"op": "deliver", "group": group, "msg": m.Msg, "body": m.Body, "from": m.From})
	}
}

func may(m message) bool {
	ok := m.Needs[m.From] == done[m.From]
	for n, count := range m.Needs {
		ok = ok && count <= done[n]
	}
	return ok
}

func main() {
	var l, m message
	for in := json.NewDecoder(os.Stdin); in.Decode(&l) == nil; l, m = (message{}), (message{}) { // until stdin is closed
		switch l.Op {
		case "hello":
			say(hello)
			continue
		case "init":
			me, group, sent, done, seen, held = l.Node, l.Group, 0, map[string]int{}, map[string]bool{}, nil
			say(line{"op": "ready"})
		case "send":
			l.From, l.Needs = me, maps.Clone(done)
			l.Needs[me] = sent
			sent++
			pack(l)
			say(line{"op": "done", "of": l.ID})
		case "packet":
			_ = json.Unmarshal(l.Data, &m)
			receive(m)
		default:
			say(line{"op": "error", "of": l.ID, "code": "unsupported", "definite": true})
		}
		say(line{"op": "idle"})
	}
}
