package netns

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Logs are the logs of one node in one group, one for each layer that writes. Their methods are for one goroutine, and
// never wait for the disk.
type Logs struct {
	disk   *Disk
	prefix string
	tell   func([]impl.Input)
	logs   map[impl.Path]*diskLog
}

// diskLog is the log of one layer. Its positions count the bytes since it was first written to, over all lives.
type diskLog struct {
	owner *Logs
	layer impl.Path
	name  []byte

	// Of the disk's lock:
	dirty      bool
	start, end uint64
	change     change
}

// change is what a commit does to one log.
type change struct {
	log   *diskLog
	at    uint64 // where the bytes stand
	bytes []byte
	start uint64 // what is before it is forgotten
	cut   bool   // that is news
	refs  []impl.Ref
}

// Kept is what a disk has kept of the log of a layer.
type Kept struct {
	Layer impl.Path
	Bytes []byte
}

// Logs opens the logs of a node in a group. What tell is given are inputs for that node: persisted, or storage failed.
// It is called by the disk's goroutine: while it waits, so does the disk.
func (d *Disk) Logs(node spec.NodeID, group spec.GroupID, tell func([]impl.Input)) (*Logs, []Kept, error) {
	l := &Logs{disk: d, prefix: fmt.Sprintf("log %d/%d", node, group), tell: tell, logs: map[impl.Path]*diskLog{}}
	var kept []Kept
	err := d.db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			var layer impl.Path
			rest, ok := strings.CutPrefix(string(name), l.prefix)
			if !ok {
				return nil
			}
			if _, err := fmt.Sscanf(rest, "/%x", &layer); err != nil {
				return nil // of group 12, not of 1
			}
			x := l.of(layer)
			if s := tx.Bucket(starts).Get(name); len(s) == 8 {
				x.start = binary.BigEndian.Uint64(s)
			}
			body, err := readLog(b, x.start)
			x.end = x.start + uint64(len(body))
			x.change.at, x.change.start = x.end, x.start
			kept = append(kept, Kept{layer, body})
			return err
		})
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", l.prefix, err)
	}
	return l, kept, nil
}

// readLog gives the bytes of a log from a position on.
func readLog(b *bbolt.Bucket, start uint64) (body []byte, err error) {
	next := start
	c := b.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		at := binary.BigEndian.Uint64(k)
		switch end := at + uint64(len(v)); {
		case end <= start:
			continue
		case at < start:
			v = v[start-at:]
		case at != next:
			return nil, fmt.Errorf("the bytes %d to %d are missing", next, at)
		}
		body = append(body, v...)
		next = start + uint64(len(body))
	}
	return body, nil
}

func (l *Logs) of(layer impl.Path) *diskLog {
	x := l.logs[layer]
	if x == nil {
		x = &diskLog{owner: l, layer: layer, name: fmt.Appendf(nil, "%s/%x", l.prefix, uint16(layer))}
		x.change.log = x
		l.logs[layer] = x
	}
	return x
}

// Append adds bytes to the log of a layer.
func (l *Logs) Append(layer impl.Path, b []byte) {
	x := l.of(layer)
	d := l.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failure != nil {
		return // the persist that follows tells
	}
	x.change.bytes = append(x.change.bytes, b...)
	x.end += uint64(len(b))
	x.touch()
	if len(x.change.bytes) >= gather {
		d.rouse()
	}
}

// Persist lets the layer be told, by ref, when everything that it has appended is on disk.
func (l *Logs) Persist(layer impl.Path, ref impl.Ref) {
	x := l.of(layer)
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	x.change.refs = append(x.change.refs, ref)
	x.touch()
	l.disk.rouse()
}

// Truncate forgets the first n bytes of the log of a layer. It gets to the disk with the next persist.
func (l *Logs) Truncate(layer impl.Path, n uint64) {
	x := l.of(layer)
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	x.start = min(x.start+n, x.end)
	x.change.start, x.change.cut = x.start, true
	x.touch()
}

// Close forgets what has not been persisted. When it returns, nothing of this life gets to the disk any more, nothing
// more is told, and the logs can be opened for the next.
func (l *Logs) Close() {
	d := l.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dirty = slices.DeleteFunc(d.dirty, func(x *diskLog) bool { return x.owner == l })
	for d.writing {
		d.idle.Wait()
	}
}

// touch puts a log on the list of those that the next commit is about.
func (x *diskLog) touch() {
	if !x.dirty {
		x.dirty = true
		x.owner.disk.dirty = append(x.owner.disk.dirty, x)
	}
}

// write does the work of a change in a transaction.
func (c *change) write(tx *bbolt.Tx) error {
	b, err := tx.CreateBucketIfNotExists(c.log.name)
	if err != nil {
		return err
	}
	b.FillPercent = 0.95 // keys only grow
	if len(c.bytes) > 0 {
		if err := b.Put(binary.BigEndian.AppendUint64(nil, c.at), c.bytes); err != nil {
			return err
		}
	}
	if !c.cut {
		return nil
	}
	if err := tx.Bucket(starts).Put(c.log.name, binary.BigEndian.AppendUint64(nil, c.start)); err != nil {
		return err
	}
	return cutHead(b, c.start)
}

// cutHead deletes the pieces that end at a position or before.
func cutHead(b *bbolt.Bucket, start uint64) error {
	var gone [][]byte
	c := b.Cursor()
	for k, v := c.First(); k != nil && binary.BigEndian.Uint64(k)+uint64(len(v)) <= start; k, v = c.Next() {
		gone = append(gone, bytes.Clone(k))
	}
	for _, k := range gone {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// answer tells the layer what became of its persists.
func (c *change) answer(failure error) {
	if len(c.refs) == 0 {
		return
	}
	inputs := make([]impl.Input, len(c.refs))
	for i, ref := range c.refs {
		inputs[i] = impl.Input{Kind: impl.Persisted, Layer: c.log.layer, Ref: ref}
		if failure != nil {
			inputs[i].Kind = impl.StorageFailed
		}
	}
	c.log.owner.tell(inputs)
}
