package netns

import (
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/spec"
)

// Who reads a packet socket is a process like others, and may get to a frame late. When it was there only the kernel
// knows, and says so (SO_TIMESTAMPNS).

// stamper reads frames of a packet socket with the times at which the kernel had them, on the clock of Now. These don't go
// back.
type stamper struct {
	buf, oob []byte
	last     spec.Time
}

// stamp lets a packet socket say such times.
func stamp(raw syscall.RawConn) *stamper {
	_ = control(raw, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	return &stamper{buf: make([]byte, 1<<17), oob: make([]byte, 128)}
}

// read gives the next frame, valid until the next call. EAGAIN: there is none now. A card that goes down is no error.
func (s *stamper) read(fd int) (at *unix.SockaddrLinklayer, when spec.Time, frame []byte, err error) {
	for {
		n, k, _, from, err := unix.Recvmsg(fd, s.buf, s.oob, 0)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENETDOWN) {
			continue
		}
		if err != nil {
			return nil, 0, nil, err
		}
		if at, ok := from.(*unix.SockaddrLinklayer); ok {
			s.last = max(s.last, Now()-age(s.oob[:k]))
			return at, s.last, s.buf[:n], nil
		}
	}
}

// eachStamped is eachFrame with the time of each frame.
func eachStamped(raw syscall.RawConn, take func(at *unix.SockaddrLinklayer, when spec.Time, frame []byte)) {
	s := stamp(raw)
	_ = raw.Read(func(fd uintptr) bool {
		for {
			at, when, frame, err := s.read(int(fd))
			if err != nil {
				return !errors.Is(err, unix.EAGAIN)
			}
			take(at, when, frame)
		}
	})
}

// oldest is how old a frame may be that is read: what says more comes of somebody who has set the clock.
const oldest = spec.Time(10e9)

// age is how long ago the kernel had a frame, in ns. The kernel says when by the clock of the day.
func age(oob []byte) spec.Time {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for _, m := range messages {
		if m.Header.Level != unix.SOL_SOCKET || m.Header.Type != unix.SO_TIMESTAMPNS || len(m.Data) < int(unsafe.Sizeof(unix.Timespec{})) {
			continue
		}
		var now unix.Timespec
		if unix.ClockGettime(unix.CLOCK_REALTIME, &now) != nil {
			return 0
		}
		then := *(*unix.Timespec)(unsafe.Pointer(&m.Data[0]))
		if d := spec.Time(now.Nano() - then.Nano()); d > 0 && d < oldest {
			return d
		}
	}
	return 0
}
