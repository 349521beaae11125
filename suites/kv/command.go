package kv

import (
	"fmt"
	"strconv"

	"github.com/conform-go/conform/impl"
)

// Command is what a client asks of the store.
type Command struct {
	Op    Op
	Key   byte // 0 to Keys-1
	Value byte // of put and add
}

// Op is what to do.
type Op byte

// The operations. Put replaces a value, and two puts do not commute; Add adds to it and answers the sum, and additions
// commute, but not their answers.
const (
	Put Op = iota
	Add
	Get

	ops
)

// Keys is how many keys there are: x and y.
const Keys = 2

var opNames = [ops]string{"put", "add", "get"}

func (o Op) String() string { return opNames[o%ops] }

// String is for people: "put x 3".
func (c Command) String() string {
	s := c.Op.String() + " " + keyName(c.Key)
	if c.Op != Get {
		s += " " + strconv.Itoa(int(c.Value))
	}
	return s
}

func keyName(k byte) string { return string(rune('x' + k%Keys)) }

// Body is the command as the body of a message.
func (c Command) Body() []byte { return []byte{byte(c.Op), c.Key, c.Value} }

const commandLen = 3

// Parse reads the command at the beginning of a body. Any bytes are one, so that random bodies are random commands; what
// is too short is none.
func Parse(body []byte) (Command, bool) {
	if len(body) < commandLen+impl.EnvelopeLen { // what a message is called travels behind its body
		return Command{}, false
	}
	return Command{Op(body[0]) % ops, body[1] % Keys, body[2]}, true
}

// In the notes of a replica a command is a number, and so is an answer.

func (c Command) pack(local bool) uint64 {
	n := uint64(c.Op)<<16 | uint64(c.Key)<<8 | uint64(c.Value)
	if local {
		n |= 1 << 24
	}
	return n
}

// Words puts the notes of a replica in words, for the world that plays it: objects are x and y, and a read that one replica answers
// by itself is an operation of another name, since less is promised of it.
func Words(e *impl.Effect) (object, op, value string) {
	if e.Code == impl.Returned {
		if e.Last > 0 {
			value = strconv.FormatUint(e.Last-1, 10)
		}
		return "", "", value
	}
	c := Command{Op(e.Last >> 16 & 0xff), byte(e.Last >> 8), byte(e.Last)}
	op = c.Op.String()
	switch {
	case e.Last>>24 != 0:
		op = "local-read"
	case c.Op != Get:
		value = fmt.Sprint(c.Value)
	}
	return keyName(c.Key), op, value
}
