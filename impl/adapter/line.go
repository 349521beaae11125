package adapter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/conform-go/conform/spec"
)

// Protocol is the version that this package speaks.
const Protocol = 1

// MaxLine is the longest line, in bytes, either way.
const MaxLine = 1 << 20

// Limits on what a program may write before the harness has to hear the end of its answer.
const (
	maxAnswerLines = 1 << 16
	maxAnswerBytes = 16 << 20
)

// Line is one line of a program; which fields count is said by Op and the schemas.
type Line struct {
	Op       string   `json:"op"`
	Protocol int      `json:"protocol"`
	Of       uint64   `json:"of"`
	ID       uint64   `json:"id"`
	After    int64    `json:"after"`
	Group    string   `json:"group"`
	Msg      string   `json:"msg"`
	Body     []byte   `json:"body"`
	Data     []byte   `json:"data"`
	From     string   `json:"from"`
	To       string   `json:"to"`
	Node     string   `json:"node"`
	View     string   `json:"view"`
	Members  []string `json:"members"`
	Pos      uint64   `json:"pos"`
	First    uint64   `json:"first"`
	Last     uint64   `json:"last"`
	Code     string   `json:"code"`
	Definite bool     `json:"definite"`
	Text     string   `json:"text"`
	Again    bool     `json:"redelivered"`
	Safe     bool     `json:"safe"`
	Some     bool     `json:"transitional"`

	raw []byte
}

// Hello is how a program introduces itself.
type Hello struct {
	Protocol  int      `json:"protocol"`
	Name      string   `json:"name"`
	Version   string   `json:"version"`
	Claims    []string `json:"claims"`    // ids and levels
	Tolerates []string `json:"tolerates"` // the faults through which they are promised
	Network   string   `json:"network"`   // harness or own
	Reset     bool     `json:"reset"`     // a later init is a fresh start
	Disk      bool     `json:"disk"`
	Settle    int64    `json:"settle"` // ns
	Groups    int      `json:"groups"` // on its own network: in how many groups it can be; 0: one
	Limits    struct {
		Payload int `json:"payload"` // bytes of the longest message; 0: no limit
	} `json:"limits"`

	raw string
}

// Line gives the hello word for word.
func (h *Hello) Line() []byte { return []byte(h.raw) }

// String is the hello word for word.
func (h Hello) String() string { return h.raw }

// The lines to a program.
type (
	helloLine struct {
		Op       string `json:"op"`
		Protocol int    `json:"protocol"`
	}
	groupInfo struct {
		Members []string `json:"members"`
		Open    bool     `json:"open"`
		View    string   `json:"view"`
		Address string   `json:"address,omitempty"` // of IP multicast, where the network carries it
	}
	initLine struct {
		Op          string               `json:"op"`
		T           int64                `json:"t"`
		Node        string               `json:"node"`
		Incarnation uint32               `json:"incarnation"`
		Nodes       []string             `json:"nodes"`
		Groups      map[string]groupInfo `json:"groups"`
		Group       string               `json:"group,omitempty"`
		Members     []string             `json:"members,omitempty"`
		Addresses   map[string]string    `json:"addresses,omitempty"`
		Dir         string               `json:"dir,omitempty"`
		Seed        string               `json:"seed"`
		TS          int64                `json:"ts"`
		TL          int64                `json:"tl"`
	}
	callLine struct { // send, join, leave, sync, query, create, destroy
		Op    string  `json:"op"`
		T     int64   `json:"t"`
		ID    uint64  `json:"id"`
		Group string  `json:"group,omitempty"`
		Msg   string  `json:"msg,omitempty"`
		Body  *[]byte `json:"body,omitempty"`
	}
	packetLine struct {
		Op   string `json:"op"`
		T    int64  `json:"t"`
		From string `json:"from"`
		Data []byte `json:"data"`
	}
	idLine struct { // fire, persisted
		Op     string `json:"op"`
		T      int64  `json:"t"`
		ID     uint64 `json:"id"`
		Failed bool   `json:"failed,omitempty"`
	}
	recoveredLine struct {
		Op   string `json:"op"`
		T    int64  `json:"t"`
		Data []byte `json:"data"`
	}
)

// parse reads a line of a program and holds it against the schema of its op.
func parse(raw []byte) (*Line, error) {
	if err := checkLine(fromAdapter, raw); err != nil {
		return nil, err
	}
	l := &Line{raw: raw}
	if err := json.Unmarshal(raw, l); err != nil {
		return nil, err
	}
	return l, nil
}

func parseHello(raw []byte) (*Hello, error) {
	l, err := parse(raw)
	if err != nil {
		return nil, err
	}
	if l.Op != "hello" {
		return nil, fmt.Errorf("want its hello, got op %q", l.Op)
	}
	if l.Protocol != Protocol {
		return nil, fmt.Errorf("it speaks protocol %d: this is protocol %d", l.Protocol, Protocol)
	}
	h := &Hello{raw: string(bytes.TrimSpace(raw))}
	return h, json.Unmarshal(raw, h)
}

// parseMsg reads sender/incarnation/number. That the sender exists is for the judges to say.
func parseMsg(s string) (m spec.MsgID, err error) {
	var n, i, k uint64
	parts := strings.Split(s, "/")
	if len(parts) == 3 {
		var e [3]error
		n, e[0] = strconv.ParseUint(parts[0], 10, 31)
		i, e[1] = strconv.ParseUint(parts[1], 10, 32)
		k, e[2] = strconv.ParseUint(parts[2], 10, 53)
		if e == [3]error{} {
			return spec.MsgID{Sender: spec.NodeID(n), Incarnation: spec.Incarnation(i), Number: k}, nil
		}
	}
	return m, fmt.Errorf("msg %q: want sender/incarnation/number", s)
}

// parseNode reads the name of one of n nodes.
func parseNode(s string, n int) (spec.NodeID, error) {
	k, err := strconv.ParseUint(s, 10, 31)
	if err != nil || int(k) >= n {
		return 0, fmt.Errorf("there is no node %q", s)
	}
	return spec.NodeID(k), nil
}

func parseNodes(list []string, n int) ([]spec.NodeID, error) {
	out := make([]spec.NodeID, 0, len(list))
	for _, s := range list {
		k, err := parseNode(s, n)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

func nodeName(n spec.NodeID) string { return strconv.Itoa(int(n)) }

func nodeNames(list []spec.NodeID) []string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = nodeName(n)
	}
	return out
}

// quote shows a line, cut where it is long.
func quote(raw []byte) string {
	const most = 200
	raw = bytes.TrimRight(raw, "\r\n")
	if len(raw) > most {
		return fmt.Sprintf("`%s …` (%d bytes)", bytes.ToValidUTF8(raw[:most], []byte("\uFFFD")), len(raw))
	}
	return "`" + string(bytes.ToValidUTF8(raw, []byte("\uFFFD"))) + "`"
}
