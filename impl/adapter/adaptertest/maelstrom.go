package adaptertest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// The modes that begin with "maelstrom" are broadcast nodes in Maelstrom's protocol; what follows is what is wrong with one.
// The others flood: whoever sees a number for the first time hands it on.
const maelstrom = "maelstrom"

// gossiper is such a node.
type gossiper struct {
	mode  string
	me    string
	near  []string
	lines int

	mu   sync.Mutex // of what follows, and of stdout
	out  *bufio.Writer
	have []any
}

// envelope is a line.
type envelope struct {
	Src  string `json:"src"`
	Dest string `json:"dest"`
	Body line   `json:"body"`
}

func runMaelstrom(mode string) {
	g := &gossiper{mode: strings.TrimPrefix(strings.TrimPrefix(mode, maelstrom), "-"), out: bufio.NewWriter(os.Stdout)}
	g.prelude()
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<21)
	for in.Scan() {
		var e envelope
		if json.Unmarshal(in.Bytes(), &e) != nil {
			os.Exit(9)
		}
		g.lines++
		if g.mode == "threads" { // one for each line, and for each answer
			go g.take(e)
		} else {
			g.take(e)
		}
	}
}

func (g *gossiper) prelude() {
	switch g.mode {
	case "dead":
		fmt.Fprintln(os.Stderr, "no such broadcast")
		os.Exit(3)
	case "mute":
		for range time.Tick(time.Hour) {
		}
	case "chatty":
		fmt.Println("starting up …")
	case "parent": // of a child that outlives it
		_ = exec.Command(os.Args[0], mark, "stubborn", os.Args[3]).Start()
	case "busy": // never asleep
		go func() {
			for {
				time.Sleep(10 * time.Microsecond)
			}
		}()
	case "timer", "timer-lost", "timer-fast":
		every := 100 * time.Millisecond
		if g.mode == "timer-fast" {
			every = 3 * time.Millisecond
		}
		go func() {
			for range time.Tick(every) {
				g.gossip()
			}
		}()
	}
}

func (g *gossiper) say(dest string, body line) {
	b, _ := json.Marshal(envelope{g.me, dest, body})
	g.raw(string(b) + "\n")
}

func (g *gossiper) raw(s string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, _ = g.out.WriteString(s)
	g.out.Flush()
}

func (g *gossiper) take(e envelope) {
	kind, _ := e.Body["type"].(string)
	answer := line{"type": kind + "_ok", "in_reply_to": e.Body["msg_id"]}
	if g.mode == "dies" && g.lines == 6 {
		fmt.Fprintln(os.Stderr, "panic: index out of range")
		os.Exit(2)
	}
	switch kind {
	case "init":
		g.mu.Lock()
		g.me = e.Body["node_id"].(string)
		for _, n := range e.Body["node_ids"].([]any) {
			if n != g.me {
				g.near = append(g.near, n.(string))
			}
		}
		g.mu.Unlock()
	case "topology":
		if g.mode == "plain" {
			answer = line{"type": "error", "code": 10, "text": "what is that?", "in_reply_to": e.Body["msg_id"]}
		}
	case "broadcast":
		answer = g.broadcast(e, answer)
	case "read":
		answer["messages"] = g.read()
	default:
		for _, v := range e.Body["numbers"].([]any) {
			g.keep(v, e.Src)
		}
		return
	}
	if answer != nil {
		g.say(e.Src, answer)
	}
}

// broadcast gives the answer; nil where there is none.
func (g *gossiper) broadcast(e envelope, answer line) line {
	switch g.mode {
	case "refuses":
		return line{"type": "error", "code": 11, "in_reply_to": e.Body["msg_id"]}
	case "wrong-id":
		answer["in_reply_to"] = 99
	case "wrong-type":
		answer["type"] = "ok"
	case "no-id":
		delete(answer, "in_reply_to")
	case "twice":
		g.say(e.Src, answer)
	case "silent":
		answer = nil
	case "garbage":
		g.raw("Traceback (most recent call last):\n")
	case "array":
		g.raw("[1,2]\n")
	case "half":
		g.raw(`{"src":"n0","dest":"n`)
		os.Exit(0)
	case "flood":
		for {
			g.say(g.near[0], line{"type": "numbers", "numbers": []any{}})
		}
	case "long":
		g.raw(strings.Repeat("x", 1<<20+2) + "\n")
	case "stranger":
		g.say("n77", answer)
	case "service":
		g.say("lin-kv", line{"type": "read", "key": 1})
	case "forger":
		g.me = "n77"
	}
	g.keep(e.Body["message"], "")
	return answer
}

// keep keeps a number and hands it on.
func (g *gossiper) keep(v any, source string) {
	g.mu.Lock()
	for _, x := range g.have {
		if x == v {
			g.mu.Unlock()
			return
		}
	}
	if g.mode == "timer-lost" && source != "" && len(g.have) > 0 {
		g.mu.Unlock()
		return
	}
	g.have = append(g.have, v)
	g.mu.Unlock()
	if strings.HasPrefix(g.mode, "timer") {
		return
	}
	for _, n := range g.near {
		if n != source {
			g.say(n, line{"type": "numbers", "numbers": []any{v}})
		}
	}
}

// gossip tells the neighbours everything.
func (g *gossiper) gossip() {
	g.mu.Lock()
	near, have := g.near, append([]any{}, g.have...)
	g.mu.Unlock()
	if len(have) == 0 {
		return
	}
	for _, n := range near {
		g.say(n, line{"type": "numbers", "numbers": have})
	}
}

// read gives what is shown.
func (g *gossiper) read() any {
	g.mu.Lock()
	defer g.mu.Unlock()
	have := append([]any{}, g.have...)
	switch {
	case g.mode == "words":
		return []any{"1000001"}
	case g.mode == "null":
		return nil
	case g.mode == "forgets" && len(have) > 1: // all but the last
		return have[len(have)-1:]
	}
	return have
}
