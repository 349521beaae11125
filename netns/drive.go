package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// drive is what the disk of a node is: a file without a name, which the node's processes inherit one after the other, and
// of which nothing is left when the harness is gone. It is in memory, or on the real disk of the machine.
type drive struct{ file *os.File }

// ground says on what a drive is.
type ground uint8

const (
	memory ground = iota // nobody writes to it what has to last
	real                 // a sync is one
)

func newDrive(on ground) (*drive, error) {
	if on == memory {
		f, err := memoryFile("disk")
		if err != nil {
			return nil, err
		}
		return &drive{file: f}, nil
	}
	fd, err := unix.Open(os.TempDir(), unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, can("make a file without a name in "+os.TempDir(), err)
	}
	return &drive{file: os.NewFile(uintptr(fd), "disk")}, nil
}

// limit lets a process write no byte of any file any more, or lets it again: a quota, which the kernel keeps (prlimit(2),
// RLIMIT_FSIZE). A file system without room would not do, for in the pages that a store has already there is room for
// a while. The process 0 is this one.
func limit(process int, full bool) error {
	var r unix.Rlimit
	if err := unix.Prlimit(process, unix.RLIMIT_FSIZE, nil, &r); err != nil {
		return can("ask for the quota of a process", err)
	}
	if r.Cur = r.Max; full {
		r.Cur = 0
	}
	return can("set the quota of a process", unix.Prlimit(process, unix.RLIMIT_FSIZE, &r, nil))
}

// flip changes one bit of what the logs on the disk hold, while nobody has it open.
func (d *drive) flip(r spec.Rand) (err error) {
	db, err := bbolt.Open(fmt.Sprintf("%s/%d", descriptors, d.file.Fd()), 0o600, &bbolt.Options{Timeout: 10 * time.Second,
		FreelistType: bbolt.FreelistMapType, NoFreelistSync: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Update(func(tx *bbolt.Tx) error {
		total := 0
		each := func(do func(b *bbolt.Bucket, k, v []byte) error) error {
			return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
				if !strings.HasPrefix(string(name), "log ") {
					return nil
				}
				start := uint64(0)
				if s := tx.Bucket(starts).Get(name); len(s) == 8 {
					start = binary.BigEndian.Uint64(s)
				}
				return b.ForEach(func(k, v []byte) error {
					if binary.BigEndian.Uint64(k)+uint64(len(v)) <= start {
						return nil
					}
					return do(b, k, v)
				})
			})
		}
		if err := each(func(_ *bbolt.Bucket, _, v []byte) error { total += len(v); return nil }); err != nil || total == 0 {
			return err
		}
		bit := r.IntN(8 * total)
		var in *bbolt.Bucket
		var key, value []byte
		err := each(func(b *bbolt.Bucket, k, v []byte) error {
			if bit >= 0 && bit < 8*len(v) {
				in, key, value = b, append([]byte(nil), k...), append([]byte(nil), v...)
				value[bit/8] ^= 1 << (bit % 8)
			}
			bit -= 8 * len(v)
			return nil
		})
		if err != nil || in == nil {
			return err
		}
		return in.Put(key, value)
	})
}

func (d *drive) close() error { return d.file.Close() }

// ground says on what the disks of nodes are.
func (w *World) ground() ground {
	if w.cfg.Logs {
		return real
	}
	return memory
}

// canStore says why a fault of disks can't be brought about, or nil.
func canStore(op faults.Op) error {
	switch op {
	case faults.DiskFull, faults.DiskSlow, faults.DiskGone, faults.DiskFlip:
		return nil
	case faults.LostSync, faults.Torn:
		return fmt.Errorf("%v: what a process has written the kernel keeps when the process is killed, synced or not and never half of it: it takes a loss of power", op)
	}
	return fmt.Errorf("%v: there is no device that fails when it is told to", op)
}

// store begins a fault of a node's disk, or ends it.
func (w *World) store(a *faults.Action) error {
	r := w.nodes[a.Node]
	switch a.Op {
	case faults.DiskFull:
		if x := r.seat.up(); x != nil {
			return limit(x.cmd.Process.Pid, w.among(faults.DiskFull, a.Node))
		}
	case faults.DiskSlow:
		if r.up() {
			return r.say(fmt.Sprintf("slow %d", w.slowness(a.Node)))
		}
	}
	return nil
}

// among says whether a fault of a node is among those that last.
func (w *World) among(op faults.Op, n spec.NodeID) bool {
	for _, f := range w.active {
		if f.step >= 0 && w.s.Steps[f.step].Action.Op == op && w.s.Steps[f.step].Action.Node == n {
			return true
		}
	}
	return false
}

// slowness is how much longer the persists of a node take now.
func (w *World) slowness(n spec.NodeID) (sum time.Duration) {
	for _, f := range w.active {
		if f.step >= 0 && w.s.Steps[f.step].Action.Op == faults.DiskSlow && w.s.Steps[f.step].Action.Node == n {
			sum += w.s.Steps[f.step].Action.By
		}
	}
	return sum
}

// readBack lets the faults strike that show when a node comes back: each once.
func (w *World) readBack(n spec.NodeID) error {
	r := w.nodes[n]
	for _, f := range append([]active(nil), w.active...) {
		if f.step < 0 || w.s.Steps[f.step].Action.Node != n {
			continue
		}
		switch w.s.Steps[f.step].Action.Op {
		case faults.DiskGone:
			d, err := newDrive(w.ground())
			if err != nil {
				return err
			}
			if err := r.disk.close(); err != nil {
				return errors.Join(err, d.close())
			}
			r.disk = d
		case faults.DiskFlip:
			if err := r.disk.flip(spec.NewRand(w.s.Seed, 0xf11b, uint64(n)+1, uint64(len(r.seat.lives)))); err != nil {
				return err
			}
		default:
			continue
		}
		if err := w.over(f.step); err != nil {
			return err
		}
	}
	return nil
}

// lag is how much longer the commits of a disk take: a process that has a slow disk waits for it.
type lag struct{ ns atomic.Int64 }

func (l *lag) commit(write func() error) error {
	if d := time.Duration(l.ns.Load()); d > 0 {
		time.Sleep(d)
	}
	return write()
}
