package adapter

import (
	"io"
	"os"
	"time"
)

// Inside is a program that is part of this process: it reads the lines to it until their end, or until it is killed,
// which is when nothing that it writes counts any more.
type Inside = func(in io.Reader, out io.Writer, killed <-chan struct{})

// inside starts a program that is part of this process.
func inside(o *Options) (*process, error) {
	p := &process{answer: o.Answer, killed: make(chan struct{}), come: make(chan struct{}, 1), exited: make(chan struct{}), dry: make(chan struct{})}
	if p.answer <= 0 {
		p.answer = DefaultAnswer
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		theirs.Close()
		ours.Close()
		return nil, err
	}
	p.stdin, p.out, p.in = ours, ours, r
	go func() { // a read of the pipe does not see that it is killed
		<-p.killed
		_ = theirs.SetReadDeadline(time.Now())
	}()
	go func() {
		o.Inside(theirs, w, p.killed)
		theirs.Close()
		w.Close()
		close(p.exited)
	}()
	go p.read()
	return p, nil
}
