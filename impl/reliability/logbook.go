package reliability

import "github.com/conform-go/conform/impl"

// logbook is a layer's log as the layer sees it. It numbers the records from 1 in each life, asks for one sync at a time
// (what is written meanwhile goes with the next: group commit), and cuts the head off the log when the records there
// are no longer needed.
type logbook struct {
	records impl.Ring[logged] // those that the log still has
	length  int               // of the log, in bytes
	wanted  uint64            // the last that must get to the disk
	asked   uint64            // the last that the sync under way covers
	synced  uint64            // the last that is known to be on disk
	broken  bool              // a write has failed: nothing is written any more

	head  uint64 // the records up to here are cut off …
	ahead uint64 // … when those up to here are on disk; 0: nothing is to be cut
}

type logged struct {
	length int
	free   bool // no longer needed
}

// slack is how many bytes a log may have besides what has to be kept.
const slack = 4 << 10

// begin takes over what a former life has left.
func (l *logbook) begin(j *impl.Journal, length int) {
	at := 0
	for _, r := range j.Records {
		l.push(r.End-at, false)
		at = r.End
	}
	if length > at { // a torn tail
		l.push(length-at, true)
	}
	l.wanted, l.asked, l.synced = 0, l.records.Last(), l.records.Last()
}

func (l *logbook) push(length int, free bool) uint64 {
	n, r := l.records.Push()
	*r = logged{length, free}
	l.length += length
	return n
}

// mend closes a torn tail.
func (l *logbook) mend(j *impl.Journal, out *impl.Effects) {
	if n := j.Mend(out); n > 0 {
		l.push(n, true)
	}
}

// add writes a record that must get to the disk, and is needed until it is let go.
func (l *logbook) add(out *impl.Effects, kind byte, parts ...[]byte) uint64 {
	l.wanted = l.push(impl.AppendRecord(out, kind, parts...), false)
	return l.wanted
}

// remark writes a record that it does no harm to lose. Whoever cuts the log writes it again.
func (l *logbook) remark(out *impl.Effects, kind byte, parts ...[]byte) {
	if !l.broken {
		l.push(impl.AppendRecord(out, kind, parts...), true)
	}
}

// free lets go of a record.
func (l *logbook) free(n uint64) {
	if r := l.records.At(n); r != nil {
		r.free = true
	}
}

// sync asks for what has been written to get to the disk. A layer calls it last of what it writes in a step.
func (l *logbook) sync(out *impl.Effects) {
	if l.asked == l.synced && l.wanted > l.synced && !l.broken {
		l.asked = l.records.Last()
		out.Persist(impl.Ref(l.asked))
	}
}

// persisted takes in that a sync is done, and cuts the log if that waited for it.
func (l *logbook) persisted(ref impl.Ref, out *impl.Effects) {
	if uint64(ref) != l.asked || l.broken {
		return
	}
	l.synced = l.asked
	if l.ahead == 0 || l.synced < l.ahead {
		return
	}
	cut := 0
	for l.records.First() <= l.head {
		cut += l.records.At(l.records.First()).length
		l.records.Drop()
	}
	l.ahead, l.length = 0, l.length-cut
	out.Truncate(uint64(cut))
}

// overgrown says that a part at the head can be cut off that leaves so much history. The layer then writes what it has
// to know of that part, and calls cut.
func (l *logbook) overgrown(history int) bool {
	if l.ahead != 0 || l.broken || l.length <= 2*history+slack {
		return false
	}
	rest, n := l.length, l.records.First()
	for ; n <= l.records.Last(); n++ {
		r := l.records.At(n)
		if !r.free || rest-r.length < history {
			break
		}
		rest -= r.length
	}
	if l.length-rest < slack {
		return false
	}
	l.head = n - 1
	return true
}

// cut lets the head of the log go as soon as everything that stands in it now is on disk.
func (l *logbook) cut() {
	l.ahead = l.records.Last()
	l.wanted = l.ahead
}
