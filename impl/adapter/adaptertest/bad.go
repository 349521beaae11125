// Package adaptertest has programs that break the adapter protocol, one way each, to see that the harness says so. A
// test binary becomes such a program where its TestMain calls [Main] first.
package adaptertest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// mark is the first argument of a test binary that is to be a program.
const mark = "play-adapter"

// Command gives the command of a bad program; token is an argument that it ignores, by which it can be found.
func Command(mode, token string) []string {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return []string{self, mark, mode, token}
}

// Main becomes a program and never returns, where the arguments ask for one.
func Main() {
	if len(os.Args) < 3 || os.Args[1] != mark {
		return
	}
	Run(os.Args[2])
	os.Exit(0)
}

// Run is a program until its stdin is closed.
func Run(mode string) {
	if strings.HasPrefix(mode, maelstrom) {
		runMaelstrom(mode)
		return
	}
	p := &program{mode: mode, in: os.Stdin, out: bufio.NewWriter(os.Stdout)}
	p.run()
}

// Dial is a program, of the mode that is its argument, which dials CONFORM_ADDR.
func Dial() {
	network, address, _ := strings.Cut(os.Getenv("CONFORM_ADDR"), ":")
	c, err := net.Dial(network, address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(5)
	}
	p := &program{mode: os.Args[1], in: c, out: bufio.NewWriter(c)}
	p.run()
}

// program multicasts by a packet to the group and delivers what it receives: best effort, in no order.
type program struct {
	mode  string
	in    io.Reader
	out   *bufio.Writer
	lines int
	node  string

	pending [][2]any // journal: of this life
}

type line = map[string]any

func (p *program) say(l line) {
	b, _ := json.Marshal(l)
	p.raw(string(b) + "\n")
}

func (p *program) raw(s string) { _, _ = p.out.WriteString(s) }

func (p *program) run() {
	p.prelude()
	in := bufio.NewReader(p.in)
	for {
		text, err := in.ReadBytes('\n')
		if err != nil {
			break
		}
		var l line
		if json.Unmarshal(text, &l) != nil {
			os.Exit(9)
		}
		p.lines++
		p.answer(l)
		p.out.Flush()
	}
	for p.mode == "stubborn" { // its stdin is closed
		time.Sleep(time.Hour)
	}
}

// prelude is what goes wrong before the first line.
func (p *program) prelude() {
	switch p.mode {
	case "dead":
		fmt.Fprintln(os.Stderr, "no such multicast")
		os.Exit(3)
	case "mute":
		for range time.Tick(time.Hour) {
		}
	case "stubborn":
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	case "parent": // of a child that outlives it, and keeps its stdout open
		child := exec.Command(os.Args[0], mark, "stubborn", os.Args[3])
		child.Stdout = os.Stdout
		_ = child.Start()
	case "chatty":
		p.raw("starting up …\n")
		p.out.Flush()
	}
}

// hellos are what the modes say of themselves, where it is not the usual.
var hellos = map[string]line{
	"yes":         {"claims": []string{"NO-CREATION", "VALIDITY"}},
	"yes-safe":    {"claims": []string{"NO-CREATION", "AGREEMENT"}},
	"boast":       {"claims": []string{"best-effort", "total"}},
	"typo":        {"claims": []string{"CAUSAL-ODER"}},
	"faults":      {"tolerates": []string{"crsh"}},
	"future":      {"protocol": 2},
	"moon":        {"network": "moon"},
	"modest":      {"claims": []string{}},
	"no-reset":    {"reset": false},
	"journal":     {"claims": []string{"integrity"}, "tolerates": []string{"crash", "recover"}, "disk": true},
	"payload":     {"limits": line{"payload": 16}},
	"own":         own,
	"own-garbage": own,
	"own-dies":    own,
	"own-late":    own,
	"own-probe":   own,
	"own-group":   own,
	"own-views":   own,
	"brittle":     {"claims": []string{"integrity"}, "tolerates": []string{}},
	"crash-prone": {"claims": []string{"reliable"}, "tolerates": []string{}},
	"names-views": inViews,
	"misnames":    inViews,
	"names-apart": inViews,
}

// own is a program on a network of its own, that tells nobody anything but itself.
var own = line{"claims": []string{"integrity", "VALIDITY"}, "tolerates": []string{"crash", "recover", "pause"}, "network": "own"}

// inViews is a program that says of each delivery in which view it is. Of those, misnames installs a view and names
// another one at times, and names-apart installs none, and names what each node likes.
var inViews = line{"claims": []string{"SAME-VIEW-DELIVERY"}, "tolerates": []string{}}

// view gives the view that a delivery names.
func (p *program) view(m any) string {
	id, _ := m.(string)
	switch {
	case p.mode == "misnames" && strings.HasSuffix(id, "/2"):
		return "2"
	case p.mode == "names-apart" && p.node == "1":
		return "2"
	}
	return "1"
}

func (p *program) hello() {
	h := line{"op": "hello", "protocol": 1, "name": p.mode, "claims": []string{"best-effort"}, "network": "harness", "reset": true}
	for k, v := range hellos[p.mode] {
		h[k] = v
	}
	p.say(h)
	if p.mode == "early" {
		p.say(line{"op": "deliver", "msg": "0/0/1", "body": ""})
	}
}

func (p *program) answer(l line) {
	if l["op"] == "hello" {
		p.hello()
		return
	}
	if p.mode == "dies" && p.lines == 6 {
		fmt.Fprintln(os.Stderr, "panic: index out of range")
		os.Exit(2)
	}
	if strings.HasPrefix(p.mode, "own") {
		p.alone(l)
		return
	}
	switch l["op"] {
	case "init":
		p.pending, p.node = nil, l["node"].(string)
		if p.mode != "no-ready" {
			p.say(line{"op": "ready"})
		}
		if p.mode == "names-views" || p.mode == "misnames" {
			p.say(line{"op": "view", "group": l["group"], "view": "1", "members": l["members"]})
		}
	case "send":
		p.send(l)
	case "packet":
		p.packet(l)
	case "persisted", "recovered":
		p.journal(l)
	case "fire":
	default:
		p.unsupported(l)
	}
	switch p.mode {
	case "late":
		return
	case "twice":
		p.say(line{"op": "idle"})
	}
	p.say(line{"op": "idle"})
}

func (p *program) alone(l line) {
	switch l["op"] {
	case "init":
		if p.mode == "own-group" {
			awaitAll(l)
		}
		if p.mode != "own-late" {
			p.say(line{"op": "ready"})
		}
		if p.mode == "own-views" {
			p.say(line{"op": "view", "group": l["group"], "view": "1", "members": l["members"]})
		}
	case "send":
		said := line{"op": "deliver", "msg": l["msg"], "body": l["body"]}
		if p.mode == "own-views" {
			said["view"], said["pos"] = "2", 1
		}
		p.say(said)
		p.say(line{"op": "done", "of": l["id"]})
		switch p.mode {
		case "own-garbage":
			p.raw("Traceback (most recent call last):\n")
		case "own-dies":
			p.out.Flush()
			os.Exit(4)
		}
	default:
		if p.mode != "own-probe" {
			p.say(line{"op": "error", "code": "unsupported"})
		}
	}
}

// awaitAll returns when every node's process is at this point, and in a later life only after longer than nothing may be said
// in a run that is over.
func awaitAll(l line) {
	if l["incarnation"] != 0.0 {
		time.Sleep(1500 * time.Millisecond)
		return
	}
	dir := l["dir"].(string)
	_ = os.WriteFile(filepath.Join(dir, "here"), nil, 0o666)
	for _, n := range l["nodes"].([]any) {
		for name := filepath.Join(filepath.Dir(dir), n.(string), "here"); ; time.Sleep(time.Millisecond) {
			if _, err := os.Stat(name); err == nil {
				break
			}
		}
	}
}

func (p *program) send(l line) {
	data, _ := json.Marshal([]any{l["msg"], l["body"]})
	if p.mode == "puppet" { // says what it is told to
		p.raw(string(decode(l["body"])))
		return
	}
	p.say(line{"op": "done", "of": l["id"]})
	switch p.mode {
	case "yes", "yes-safe":
		return
	case "deaf":
		p.raw(strings.Repeat(`{"op":"cancel","id":1}`+"\n", 20000)) // more than a pipe holds, and it reads nothing meanwhile
		p.out.Flush()
		time.Sleep(time.Hour)
	case "gush":
		if p.lines > 20 { // enough: every line is held against its schema
			break
		}
		p.raw(strings.Repeat(`{"op":"cancel","id":1}`+"\n", 4000))
	case "dice":
		p.say(line{"op": "packet", "group": l["group"], "data": fmt.Append(nil, "[]", time.Now().UnixNano())})
		p.say(line{"op": "timer", "id": 1, "after": 1 + time.Now().UnixNano()%1e6})
	case "wrong-id":
		p.say(line{"op": "done", "of": 99})
	case "done-twice":
		p.say(line{"op": "done", "of": l["id"]})
	case "garbage":
		p.raw("Traceback (most recent call last):\n")
	case "array":
		p.raw("[1,2]\n")
	case "half":
		p.raw(`{"op":"packet","gro`)
		p.out.Flush()
		os.Exit(0)
	case "flood":
		for {
			p.say(line{"op": "cancel", "id": 1})
		}
	case "long":
		p.raw(`{"op":"append","data":"` + strings.Repeat("A", 3<<20) + "\"}\n")
	case "stranger":
		p.say(line{"op": "packet", "to": "77", "data": ""})
	case "log":
		p.say(line{"op": "append", "data": ""})
	}
	p.say(line{"op": "packet", "group": l["group"], "data": data})
}

func (p *program) packet(l line) {
	data := decode(l["data"])
	var m [2]any
	if json.Unmarshal(data, &m) != nil {
		if p.mode == "brittle" {
			os.Exit(6)
		}
		return
	}
	switch p.mode {
	case "journal": // delivers what is on the disk
		p.say(line{"op": "append", "data": append(data, '\n')})
		p.pending = append(p.pending, m)
		p.say(line{"op": "persist", "id": len(p.pending)})
		return
	case "no-body":
		p.say(line{"op": "deliver", "msg": m[0]})
		return
	case "no-base64":
		p.say(line{"op": "deliver", "msg": m[0], "body": "not base64!"})
		return
	case "names-views", "misnames", "names-apart":
		p.say(line{"op": "deliver", "msg": m[0], "body": m[1], "view": p.view(m[0])})
		return
	}
	p.say(line{"op": "deliver", "msg": m[0], "body": m[1]})
}

// journal delivers what has been persisted, and after a crash what was.
func (p *program) journal(l line) {
	if l["op"] == "persisted" {
		m := p.pending[int(l["id"].(float64))-1]
		p.say(line{"op": "deliver", "msg": m[0], "body": m[1]})
		return
	}
	for _, text := range strings.SplitAfter(string(decode(l["data"])), "\n") {
		var m [2]any
		if json.Unmarshal([]byte(text), &m) == nil {
			p.say(line{"op": "deliver", "msg": m[0], "body": m[1], "redelivered": true})
		}
	}
}

func decode(base64 any) (data []byte) {
	b, _ := json.Marshal(base64)
	_ = json.Unmarshal(b, &data)
	return data
}

func (p *program) unsupported(l line) {
	switch p.mode {
	case "agrees":
		p.say(line{"op": "done", "of": l["id"]})
	case "silent-probe":
	case "wrong-code":
		p.say(line{"op": "error", "code": "what?"})
	default:
		no := line{"op": "error", "code": "unsupported", "definite": true}
		if id, ok := l["id"]; ok {
			no["of"] = id
		}
		p.say(no)
	}
}
