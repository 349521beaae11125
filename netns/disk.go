package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/conform-go/conform/spec"
)

// Disk is a file that keeps logs, and the incarnations of their nodes. What is appended and persisted gathers in memory
// while a commit is under way, and all of it, whatever log it is for, goes with the next one: a group commit, in a
// goroutine of its own. Who appends and persists never waits for it.
//
// What has been appended and not persisted may be there after a crash, or a beginning of it.
//
// A disk that has failed once fails until it is opened again, because after a failed sync nobody knows what is on disk
// (Rebello et al., Can Applications Recover from fsync Failures?, 2020). For the same reason what it said to have failed
// may be found in the log at the next start.
type Disk struct {
	Rules DiskRules

	db   *bbolt.DB
	wake chan struct{}
	quit chan struct{}
	over chan struct{}

	mu      sync.Mutex
	idle    sync.Cond // no commit is under way
	writing bool
	dirty   []*diskLog
	commits int
	failure error // why it fails
}

// DiskRules are what the promise of a disk rests on.
type DiskRules struct {
	// Commit does the work of a commit: what it stands for is told to be on disk when it has returned nil, which it must
	// not do before write has.
	Commit func(write func() error) error
}

// The buckets, besides one for each log, which maps positions to bytes.
var (
	lives  = []byte("lives")  // node → its present incarnation
	starts = []byte("starts") // log → the position at which it begins
)

// gather is how many bytes wait in memory for somebody to ask for their sync.
const gather = 1 << 20

// OpenDisk opens the file of that name, or makes it. Whoever has it open keeps others out.
func OpenDisk(name string) (*Disk, error) { return openDisk(name, 0) }

// openDisk opens a file that has so many bytes at most; 0: no limit.
func openDisk(name string, room int) (*Disk, error) {
	db, err := bbolt.Open(name, 0o600, &bbolt.Options{
		Timeout:        10 * time.Second,
		FreelistType:   bbolt.FreelistMapType,
		NoFreelistSync: true, // it can be found again by reading the tree
		MaxSize:        room,
	})
	if err != nil {
		return nil, fmt.Errorf("disk %s: %w", name, err)
	}
	d := &Disk{db: db, wake: make(chan struct{}, 1), quit: make(chan struct{}), over: make(chan struct{}),
		Rules: DiskRules{Commit: func(write func() error) error { return write() }}}
	d.idle.L = &d.mu
	if err = db.View(begun); err == nil { // also where there is no room for more
		go d.run()
		return d, nil
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, e1 := tx.CreateBucketIfNotExists(lives)
		_, e2 := tx.CreateBucketIfNotExists(starts)
		return errors.Join(e1, e2)
	})
	if err = errors.Join(err, syncFolder(filepath.Dir(name))); err != nil {
		return nil, errors.Join(fmt.Errorf("disk %s: %w", name, err), db.Close())
	}
	go d.run()
	return d, nil
}

// begun says whether what every disk has is on this one.
func begun(tx *bbolt.Tx) error {
	if tx.Bucket(lives) == nil || tx.Bucket(starts) == nil {
		return errors.New("a new disk")
	}
	return nil
}

// descriptors is the folder of the files that a process has open.
const descriptors = "/proc/self/fd"

// syncFolder makes the name of a new file outlive a power loss.
func syncFolder(name string) error {
	if name == descriptors { // a file without a name
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Close ends the commit that is under way, and lets go of the file. What waits for the next commit is not written: to
// end well and to crash look the same from here.
func (d *Disk) Close() error {
	close(d.quit)
	<-d.over
	return d.db.Close()
}

// Commits is how many commits there were. Each has really been synced.
func (d *Disk) Commits() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.commits
}

// Begin begins a life of a node and gives its incarnation: 0 the first time, one more each time, also if the node dies
// before it has done anything.
func (d *Disk) Begin(node spec.NodeID) (inc spec.Incarnation, err error) {
	err = d.db.Update(func(tx *bbolt.Tx) error {
		b, key := tx.Bucket(lives), binary.BigEndian.AppendUint32(nil, uint32(node))
		if last := b.Get(key); len(last) == 4 {
			inc = spec.Incarnation(binary.BigEndian.Uint32(last)) + 1
		}
		return b.Put(key, binary.BigEndian.AppendUint32(nil, uint32(inc)))
	})
	if err != nil {
		return 0, fmt.Errorf("incarnation of node %d: %w", node, err)
	}
	return inc, nil
}

// run commits until the disk is closed.
func (d *Disk) run() {
	defer close(d.over)
	for {
		select {
		case <-d.quit:
			return
		case <-d.wake:
		}
		batch, failure := d.take()
		if failure == nil {
			failure = d.Rules.Commit(func() error { return d.write(batch) })
		}
		d.note(failure)
		for i := range batch {
			batch[i].answer(failure)
		}
		d.rest()
	}
}

// take takes what has been asked for since the last commit began.
func (d *Disk) take() (batch []change, failure error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.dirty {
		batch = append(batch, l.change)
		l.change = change{log: l, at: l.end, start: l.start}
		l.dirty = false
	}
	d.dirty = d.dirty[:0]
	d.writing = true
	return batch, d.failure
}

// note keeps what became of a commit, before anybody is told.
func (d *Disk) note(failure error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if failure == nil {
		d.commits++
	} else if d.failure == nil {
		d.failure = failure
	}
}

// rest ends a commit: all have been told.
func (d *Disk) rest() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writing = false
	d.idle.Broadcast()
}

// write brings changes to the disk, all or none of them. When it returns nil they have been synced.
func (d *Disk) write(batch []change) error {
	return d.db.Update(func(tx *bbolt.Tx) error {
		for i := range batch {
			if err := batch[i].write(tx); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *Disk) rouse() {
	select {
	case d.wake <- struct{}{}:
	default: // it will find what there is
	}
}

// Failure tells why the disk fails; nil if it does not.
func (d *Disk) Failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failure
}
