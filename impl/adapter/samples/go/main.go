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

func receive(data []byte) {
	var m message
	if _ = json.Unmarshal(data, &m); !seen[m.Msg] {
		if seen[m.Msg], held = true, append(held, m); m.From != me && !broken {
			pack(m)
		}
	}
	for i := slices.IndexFunc(held, may); i >= 0; i = slices.IndexFunc(held, may) {
		m, held = held[i], slices.Delete(slices.Clone(held), i, i+1)
		done[m.From]++
		say(line{"op": "deliver", "group": group, "msg": m.Msg, "body": m.Body, "from": m.From})
	}
}

func may(m message) bool {
	for n, count := range m.Needs {
		if count > done[n] {
			return false
		}
	}
	return m.Needs[m.From] == done[m.From]
}

func main() {
	var l message
	for in := json.NewDecoder(os.Stdin); in.Decode(&l) == nil; l = (message{}) { // until stdin is closed
		switch l.Op {
		case "hello": // the only one without an idle
			say(hello)
			continue
		case "init":
			me, group, sent, done, seen, held = l.Node, l.Group, 0, map[string]int{}, map[string]bool{}, nil
			say(line{"op": "ready"})
		case "send":
			l.From, l.Needs = me, maps.Clone(done)
			l.Needs[me], sent = sent, sent+1
			pack(l)
			say(line{"op": "done", "of": l.ID})
		case "packet":
			receive(l.Data)
		default:
			say(line{"op": "error", "of": l.ID, "code": "unsupported", "definite": true})
		}
		say(line{"op": "idle"})
	}
}
