package membership

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// ballotBox is the log of a member's votes. Only the last counts: what stands before it is cut off when it is on disk.
type ballotBox struct {
	journal impl.Journal
	before  int // bytes of the log before the last record
	last    int // bytes of the last record; in a new life, of all that there is
	asked   impl.Ref
	open    []ballot // written, and not known to be on disk
	told    []ballot // memory for the answer of persisted
	broken  bool     // a write has failed: nothing is written any more
}

type ballot struct {
	ref       impl.Ref
	term      uint64
	candidate spec.NodeID
}

const (
	recordVote = 1
	voteLen    = 8 + 4
)

// read gives the last vote of former lives.
func (b *ballotBox) read(log []byte) (term uint64, candidate spec.NodeID) {
	candidate = nobody
	b.journal, b.last = impl.ReadJournal(log), len(log)
	for _, r := range b.journal.Records {
		if r.Kind == recordVote && len(r.Payload) == voteLen {
			term = binary.LittleEndian.Uint64(r.Payload)
			candidate = spec.NodeID(int32(binary.LittleEndian.Uint32(r.Payload[8:])))
		}
	}
	return term, candidate
}

// mend closes what a crash has torn.
func (b *ballotBox) mend(out *impl.Effects) {
	b.last += b.journal.Mend(out)
	b.journal = impl.Journal{}
}

func (b *ballotBox) writing() bool { return len(b.open) > 0 }

func (b *ballotBox) write(term uint64, candidate spec.NodeID, out *impl.Effects) {
	vote := out.Alloc(voteLen)
	binary.LittleEndian.PutUint64(vote, term)
	binary.LittleEndian.PutUint32(vote[8:], uint32(candidate))
	b.before += b.last
	b.last = impl.AppendRecord(out, recordVote, vote)
	b.asked++
	b.open = append(b.open, ballot{b.asked, term, candidate})
	out.Persist(b.asked)
}

// persisted gives the votes that are on disk now, and cuts off what stands before the last.
func (b *ballotBox) persisted(ref impl.Ref, out *impl.Effects) []ballot {
	b.told = b.told[:0]
	n := 0
	for n < len(b.open) && b.open[n].ref <= ref {
		n++
	}
	if b.broken {
		return nil
	}
	b.told = append(b.told, b.open[:n]...)
	b.open = b.open[:copy(b.open, b.open[n:])]
	if len(b.open) == 0 && b.before > 0 {
		out.Truncate(uint64(b.before))
		b.before = 0
	}
	return b.told
}
