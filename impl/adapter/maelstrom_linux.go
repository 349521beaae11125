package adapter

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// look sees whether a program and its children sleep, and whether something lies in its stdin.
func (l *looks) look(stdin *os.File) (x look) {
	waiting, err := inPipe(stdin)
	if err != nil {
		return look{}
	}
	if waiting > 0 {
		return look{known: true}
	}
	x = look{known: true, asleep: true}
	print := make([]byte, 0, 256)
	if print, x.known = l.threads(l.pid, print, &x.asleep); !x.known {
		return look{}
	}
	if !x.asleep {
		x.ran = l.cpu()
	}
	x.print = string(print)
	return x
}

// threads adds the threads of a process and of its children to the print.
func (l *looks) threads(pid int, print []byte, asleep *bool) ([]byte, bool) {
	folder := "/proc/" + strconv.Itoa(pid) + "/task"
	list, err := os.ReadDir(folder)
	if err != nil {
		return print, false
	}
	for _, t := range list {
		status, err := l.file(folder + "/" + t.Name() + "/status")
		if err != nil { // it has just ended
			*asleep = false
			continue
		}
		if state := field(status, "State:"); len(state) == 0 || !bytes.ContainsAny(state[:1], "SIZX") {
			*asleep = false
			return print, true
		}
		print = append(append(print, t.Name()...), ':')
		print = append(append(print, field(status, "voluntary_ctxt_switches:")...), ':')
		print = append(append(print, field(status, "nonvoluntary_ctxt_switches:")...), '\n')
		children, err := l.file(folder + "/" + t.Name() + "/children")
		if err != nil {
			return print, false // a kernel that does not tell
		}
		for _, c := range bytes.Fields(bytes.Clone(children)) {
			if child, err := strconv.Atoi(string(c)); err == nil {
				before := len(print)
				if print, _ = l.threads(child, print, asleep); len(print) == before {
					*asleep = false
				}
			}
			if !*asleep {
				return print, true
			}
		}
	}
	return print, true
}

// cpu is how long a process itself has run.
func (l *looks) cpu() time.Duration {
	b, err := l.file("/proc/" + strconv.Itoa(l.pid) + "/stat")
	_, b, _ = bytes.Cut(b, []byte(") "))
	f := bytes.Fields(b)
	if err != nil || len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(string(f[11]), 10, 64)
	system, _ := strconv.ParseInt(string(f[12]), 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond // the kernel's unit for programs, on every machine
}

// file reads a small file.
func (l *looks) file(name string) ([]byte, error) {
	if l.buf == nil {
		l.buf = make([]byte, 16<<10)
	}
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, l.buf)
	return l.buf[:max(n, 0)], err
}

// field gives the value of a field of a status file.
func field(status []byte, name string) []byte {
	for len(status) > 0 {
		line, rest, _ := bytes.Cut(status, []byte{'\n'})
		if bytes.HasPrefix(line, []byte(name)) {
			return bytes.TrimSpace(line[len(name):])
		}
		status = rest
	}
	return nil
}

// inPipe counts the bytes in a pipe.
func inPipe(f *os.File) (n int, err error) {
	c, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	if ctl := c.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }); ctl != nil {
		return 0, ctl
	}
	return n, err
}

// readNow reads what is there.
func readNow(f *os.File, b []byte) (n int, err error) {
	_ = f.SetReadDeadline(time.Time{})
	c, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	ctl := c.Read(func(fd uintptr) bool {
		n, err = unix.Read(int(fd), b)
		return true
	})
	switch {
	case ctl != nil:
		return 0, ctl
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return 0, os.ErrDeadlineExceeded
	case err == nil && n == 0:
		return 0, io.EOF
	}
	return max(n, 0), err
}
