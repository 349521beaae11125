//go:build !linux

package adapter

import (
	"os"
	"time"
)

// look sees nothing: elsewhere a node is still when it has written nothing for a while.
func (*looks) look(*os.File) look { return look{} }

// readNow reads what is there.
func readNow(f *os.File, b []byte) (int, error) {
	_ = f.SetReadDeadline(time.Now().Add(time.Millisecond))
	return f.Read(b)
}
