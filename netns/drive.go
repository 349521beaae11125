package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// drive is what the disk of a node is: a file without a name, which the node's processes inherit one after the other, and
// of which nothing is left when the harness is gone. It is in memory, on the real disk of the machine, or, where it is to
// get full, on a small file system of its own that is mounted nowhere.
type drive struct {
	file    *os.File
	room    *os.File // the root of its own file system; nil: it has none
	ballast *os.File // takes the room
}

// ground says on what a drive is.
type ground uint8

const (
	memory ground = iota // nobody writes to it what has to last
	real                 // a sync is one
	small                // it can get full
)

// smallRoom is how many bytes a small file system has.
const smallRoom = 4 << 20

func newDrive(on ground) (*drive, error) {
	switch on {
	case real:
		fd, err := unix.Open(os.TempDir(), unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return nil, can("make a file without a name in "+os.TempDir(), err)
		}
		return &drive{file: os.NewFile(uintptr(fd), "disk")}, nil
	case small:
		return newSmallDrive()
	}
	f, err := memoryFile("disk")
	if err != nil {
		return nil, err
	}
	return &drive{file: f}, nil
}

// newSmallDrive makes a file on a tmpfs of its own.
func newSmallDrive() (d *drive, err error) {
	const what = "make a small file system (CAP_SYS_ADMIN)"
	fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, can(what, err)
	}
	defer unix.Close(fs)
	if err = unix.FsconfigSetString(fs, "size", fmt.Sprint(smallRoom)); err == nil {
		err = unix.FsconfigCreate(fs)
	}
	if err != nil {
		return nil, can(what, err)
	}
	root, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return nil, can(what, err)
	}
	d = &drive{room: os.NewFile(uintptr(root), "room")}
	for _, x := range []struct {
		name string
		file **os.File
	}{{"disk", &d.file}, {"ballast", &d.ballast}} {
		fd, err := unix.Openat(root, x.name, unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return nil, errors.Join(can(what, err), d.close())
		}
		*x.file = os.NewFile(uintptr(fd), x.name)
	}
	return d, nil
}

// fill takes all the room that is left.
func (d *drive) fill() error {
	if d.ballast == nil {
		return errors.New("netns: the disk is not one that can get full")
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(d.ballast.Fd()), &st); err != nil {
		return err
	}
	at, err := d.ballast.Seek(0, 2)
	if left := int64(st.Bavail) * st.Bsize; err == nil && left > 0 {
		err = unix.Fallocate(int(d.ballast.Fd()), 0, at, left)
	}
	if errors.Is(err, unix.ENOSPC) { // the node was quicker, and will not be again
		err = nil
	}
	return err
}

// clear gives the room back.
func (d *drive) clear() error { return d.ballast.Truncate(0) }

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

func (d *drive) close() error {
	var errs []error
	for _, f := range []*os.File{d.file, d.ballast, d.room} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// groundOf says on what the disk of a node has to be in a scenario.
func (w *World) groundOf(n spec.NodeID) ground {
	for i := range w.s.Steps {
		if a := &w.s.Steps[i].Action; a.Op == faults.DiskFull && a.Node == n {
			return small
		}
	}
	if w.cfg.Logs {
		return real
	}
	return memory
}

// noRoom says why no disk can get full here, or nil.
var noRoom = sync.OnceValue(func() error {
	d, err := newSmallDrive()
	if err != nil {
		return err
	}
	return d.close()
})

// canStore says why a fault of disks can't be brought about, or nil.
func canStore(op faults.Op) error {
	switch op {
	case faults.DiskFull:
		return noRoom()
	case faults.DiskSlow, faults.DiskGone, faults.DiskFlip:
		return nil
	case faults.LostSync, faults.Torn:
		return fmt.Errorf("%v: what a process has written the kernel keeps when the process is killed, synced or not and never half of it: it takes a loss of power", op)
	}
	return fmt.Errorf("%v: there is no device that fails when it is told to", op)
}

// store begins a fault of a node's disk, or ends it.
func (w *World) store(a *faults.Action, begins bool) error {
	r := w.nodes[a.Node]
	switch a.Op {
	case faults.DiskFull:
		if begins {
			return r.disk.fill()
		}
		if w.among(faults.DiskFull, a.Node) {
			return nil
		}
		return r.disk.clear()
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
			d, err := newDrive(w.groundOf(n))
			if err != nil {
				return err
			}
			if err := r.disk.close(); err != nil {
				return errors.Join(err, d.close())
			}
			if r.disk = d; w.among(faults.DiskFull, n) {
				w.active = slices.DeleteFunc(w.active, func(g active) bool { // the new disk has room
					return g.step >= 0 && w.s.Steps[g.step].Action.Op == faults.DiskFull && w.s.Steps[g.step].Action.Node == n
				})
			}
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
