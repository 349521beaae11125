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

// eachStamped is eachFrame with the time at which the kernel had each frame, on the clock of Now. These times don't go
// back.
func eachStamped(raw syscall.RawConn, take func(at *unix.SockaddrLinklayer, when spec.Time, frame []byte)) {
	_ = control(raw, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	buf, oob := make([]byte, 1<<17), make([]byte, 128)
	last := spec.Time(0)
	_ = raw.Read(func(fd uintptr) bool {
		for {
			n, k, _, from, err := unix.Recvmsg(int(fd), buf, oob, 0)
			if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENETDOWN) {
				continue
			}
			if err != nil {
				return !errors.Is(err, unix.EAGAIN)
			}
			if at, ok := from.(*unix.SockaddrLinklayer); ok {
				last = max(last, Now()-age(oob[:k]))
				take(at, last, buf[:n])
			}
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
