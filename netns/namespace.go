package netns

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// namespace is a network namespace without a name, held by a descriptor: when nobody holds it any more, and no process
// is in it, the kernel takes it down with all interfaces in it. So a harness that is killed leaves nothing.
type namespace struct{ f *os.File }

func (n namespace) fd() int { return int(n.f.Fd()) }

// ErrNot says which capability of the machine is missing.
type ErrNot struct {
	Capability string
	Err        error
}

func (e *ErrNot) Error() string { return fmt.Sprintf("netns: can't %s: %v", e.Capability, e.Err) }

// Unwrap gives the errno.
func (e *ErrNot) Unwrap() error { return e.Err }

// Missing says whether an error is one of the machine: of what it lacks, or what it does not permit.
func Missing(err error) bool {
	if !errors.As(err, new(*ErrNot)) {
		return false
	}
	for _, errno := range []syscall.Errno{unix.EPERM, unix.EACCES, unix.EOPNOTSUPP, unix.ENOENT, unix.EPROTONOSUPPORT,
		unix.EAFNOSUPPORT, unix.ENOPROTOOPT, unix.ENOSYS, unix.EINVAL, unix.ENOSPC, unix.EUSERS} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// can names the capability that an error is about.
func can(capability string, err error) error {
	if err == nil {
		return nil
	}
	return &ErrNot{capability, err}
}

// thread is one thread of the operating system for whatever has to happen inside a namespace: a namespace is the
// thread's, and a goroutine started there runs on another one. Processes that it starts die when it ends, so it ends
// with the network and not before.
type thread struct {
	home int // the namespace of everybody else
	jobs chan job
}

type job struct {
	in   namespace // without a file: at home
	do   func() error
	done chan error
}

func newThread() (*thread, error) {
	t := &thread{jobs: make(chan job)}
	begun := make(chan error)
	go t.run(begun)
	return t, <-begun
}

func (t *thread) run(begun chan<- error) {
	runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
	if unix.Gettid() == unix.Getpid() {
		// But for the first thread of a process, which the runtime keeps for good: with what it has become, and with the
		// processes that were to die with it. Another one does it, and can't be this one as long as it is taken.
		next := make(chan error)
		go t.run(next)
		err := <-next
		runtime.UnlockOSThread()
		begun <- err
		return
	}
	var err error
	t.home, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	begun <- err
	if err != nil {
		return
	}
	defer unix.Close(t.home)
	for j := range t.jobs {
		j.done <- t.serve(j)
	}
}

func (t *thread) serve(j job) error {
	if j.in.f != nil {
		if err := unix.Setns(j.in.fd(), unix.CLONE_NEWNET); err != nil {
			return can("enter a network namespace", err)
		}
	}
	err := j.do()
	if e := unix.Setns(t.home, unix.CLONE_NEWNET); e != nil && err == nil { // also where do has made a new one
		err = can("leave a network namespace", e)
	}
	return err
}

// in does something in a namespace. What do starts as a goroutine runs elsewhere.
func (t *thread) in(n namespace, do func() error) error {
	j := job{n, do, make(chan error, 1)}
	t.jobs <- j
	return <-j.done
}

// make makes a namespace.
func (t *thread) make() (n namespace, err error) {
	err = t.in(namespace{}, func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return can("make a network namespace (CAP_SYS_ADMIN)", err)
		}
		fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return can("hold a network namespace", err)
		}
		n.f = os.NewFile(uintptr(fd), "netns")
		return nil
	})
	return n, err
}

// end ends the thread, and the processes that it has started.
func (t *thread) end() { close(t.jobs) }

// RequiredVariable is the environment variable that forbids tests to skip what the machine can't do.
const RequiredVariable = "CONFORM_NETNS_REQUIRED"
