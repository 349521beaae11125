package netns

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// shelf is a disk with the logs of node 0, and what they are told.
type shelf struct {
	t    *testing.T
	name string
	disk *Disk
	logs *Logs
	told chan impl.Input
}

func open(t *testing.T, name string, room int) (s *shelf, kept []Kept) {
	t.Helper()
	s = &shelf{t: t, name: name, told: make(chan impl.Input, 1000)}
	var err error
	if s.disk, err = openDisk(name, room); err != nil {
		t.Fatal(err)
	}
	s.logs, kept, err = s.disk.Logs(0, 0, func(inputs []impl.Input) {
		for _, in := range inputs {
			s.told <- in
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, kept
}

func newShelf(t *testing.T) *shelf {
	s, _ := open(t, filepath.Join(t.TempDir(), "disk"), 0)
	return s
}

// persist asks for a persist, and waits for the answer.
func (s *shelf) persist(layer impl.Path, ref impl.Ref) impl.InputKind {
	s.t.Helper()
	s.logs.Persist(layer, ref)
	in := <-s.told
	if in.Layer != layer || in.Ref != ref {
		s.t.Errorf("told %v of %d at layer %v, want %d at %v", in.Kind, in.Ref, in.Layer, ref, layer)
	}
	return in.Kind
}

// again closes the disk and opens it, and gives what the logs are.
func (s *shelf) again() string {
	s.t.Helper()
	if err := s.disk.Close(); err != nil {
		s.t.Fatal(err)
	}
	next, kept := open(s.t, s.name, 0)
	*s = *next
	return show(kept)
}

func show(kept []Kept) string {
	var out []string
	for _, k := range kept {
		out = append(out, fmt.Sprintf("%x:%s", uint16(k.Layer), k.Bytes))
	}
	return strings.Join(out, " ")
}

// What was appended before a persist is there again when the persist has been told, and what came later is not: it was
// in memory.
func TestADiskKeepsWhatWasPersisted(t *testing.T) {
	s := newShelf(t)
	s.logs.Append(1, []byte("one "))
	s.logs.Append(1, []byte("two "))
	if k := s.persist(1, 7); k != impl.Persisted {
		t.Error(k)
	}
	s.logs.Append(1, []byte("three "))
	if got := s.again(); got != "1:one two " {
		t.Errorf("%q", got)
	}
	s.logs.Append(1, []byte("four "))
	s.persist(1, 1)
	if got := s.again(); got != "1:one two four " {
		t.Errorf("%q", got)
	}
}

// Each layer of each node in each group has its own log, also where one name is the beginning of another.
func TestEachLayerHasItsLog(t *testing.T) {
	s := newShelf(t)
	for _, x := range []struct {
		node  spec.NodeID
		group spec.GroupID
	}{{1, 0}, {0, 1}, {0, 12}, {10, 0}} {
		l, kept, err := s.disk.Logs(x.node, x.group, func(inputs []impl.Input) { s.told <- inputs[0] })
		if err != nil || len(kept) > 0 {
			t.Fatal(err, kept)
		}
		l.Append(2, fmt.Appendf(nil, "%d/%d", x.node, x.group))
		l.Persist(2, 1)
		<-s.told
	}
	s.logs.Append(0x13, []byte("x"))
	s.logs.Append(2, []byte("y"))
	s.persist(2, 9)
	if got := s.again(); got != "13:x 2:y" {
		t.Errorf("%q", got)
	}
	_, kept, err := s.disk.Logs(0, 1, nil)
	if got := show(kept); err != nil || got != "2:0/1" {
		t.Errorf("%q, %v", got, err)
	}
}

// What is cut off at the head is gone, whatever pieces the log was written in. A cut that no persist followed is not on
// the disk.
func TestALogIsCutAtItsHead(t *testing.T) {
	t.Parallel()
	for cut := range uint64(13) {
		s := newShelf(t)
		for _, piece := range []string{"abc", "defg", "hi"} {
			s.logs.Append(1, []byte(piece))
			s.persist(1, 1)
		}
		s.logs.Append(1, []byte("jk"))
		s.logs.Truncate(1, cut/2)
		s.logs.Truncate(1, cut-cut/2)
		s.logs.Append(1, []byte("lm"))
		s.persist(1, 2)
		want := "abcdefghijk"[min(cut, 11):] + "lm"
		if got := s.again(); got != "1:"+want {
			t.Errorf("cut %d: %q, want %q", cut, got, want)
		}
		s.logs.Truncate(1, 1)
		if got := s.again(); got != "1:"+want {
			t.Errorf("cut %d, and a cut that was lost: %q, want %q", cut, got, want)
		}
	}
}

// A log that is cut all the time needs no more room than what it has.
func TestACutLogDoesNotGrow(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	record := bytes.Repeat([]byte("r"), 1000)
	for i := range 200 {
		s.logs.Append(1, record)
		if i >= 20 {
			s.logs.Truncate(1, 1000)
		}
		s.persist(1, 1)
	}
	if f, err := os.Stat(s.name); err != nil || f.Size() > 1<<19 {
		t.Errorf("%d bytes for 20 kB, %v", f.Size(), err)
	}
	if got := s.again(); len(got) != 2+20*1000 {
		t.Errorf("%d bytes", len(got))
	}
}

// While a commit is under way, what is asked for gathers, and the next commit has all of it.
func TestOneSyncServesMany(t *testing.T) {
	s := newShelf(t)
	begun, goOn := make(chan bool), make(chan bool)
	s.disk.Rules.Commit = func(write func() error) error {
		begun <- true
		<-goOn
		return write()
	}
	before := s.disk.Commits()
	s.logs.Append(1, []byte("a"))
	s.logs.Persist(1, 1)
	<-begun
	for i := range 100 {
		s.logs.Append(impl.Path(1+i%3), []byte("b"))
		s.logs.Persist(impl.Path(1+i%3), impl.Ref(2+i))
	}
	goOn <- true
	<-begun
	if in := <-s.told; in.Ref != 1 || len(s.told) > 0 {
		t.Errorf("told %d, and %d more: the second commit is not over", in.Ref, len(s.told))
	}
	goOn <- true
	last := map[impl.Path]impl.Ref{}
	for range 100 {
		in := <-s.told
		if in.Ref <= last[in.Layer] {
			t.Errorf("layer %v is told %d after %d", in.Layer, in.Ref, last[in.Layer])
		}
		last[in.Layer] = in.Ref
	}
	if n := s.disk.Commits() - before; n != 2 {
		t.Errorf("%d commits for 101 persists", n)
	}
}

// A disk that is full tells so, keeps what it had, and promises nothing any more.
func TestAFullDiskFails(t *testing.T) {
	s, _ := open(t, filepath.Join(t.TempDir(), "disk"), 128<<10)
	written := ""
	record := strings.Repeat("r", 10_000)
	for range 100 {
		s.logs.Append(1, []byte(record))
		if s.persist(1, 1) != impl.Persisted {
			break
		}
		written += record
	}
	if s.disk.Failure() == nil {
		t.Error("no failure")
	}
	for range 3 {
		s.logs.Append(2, []byte("small"))
		if k := s.persist(2, 2); k != impl.StorageFailed {
			t.Error(k)
		}
	}
	if got := s.again(); got != "1:"+written || written == "" {
		t.Errorf("%d bytes, of %d", len(got)-2, len(written))
	}
	s.logs.Append(2, []byte("small"))
	if k := s.persist(2, 1); k != impl.Persisted {
		t.Error(k)
	}
}

// A commit that fails is told to all that waited for it.
func TestACommitThatFails(t *testing.T) {
	s := newShelf(t)
	s.disk.Rules.Commit = func(func() error) error { return os.ErrInvalid }
	s.logs.Append(1, []byte("a"))
	s.logs.Persist(1, 1)
	s.logs.Persist(1, 2)
	for ref := range impl.Ref(2) {
		if in := <-s.told; in.Kind != impl.StorageFailed || in.Ref != ref+1 {
			t.Errorf("%v %d", in.Kind, in.Ref)
		}
	}
}

// A commit that was cut off anywhere, some of its pages written and others not, is not there; and neither is what a torn
// last page would say. (That a disk writes in this order is what the syncs are for.)
func TestATornCommitIsNotThere(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	r := spec.NewRand(1)
	var old string
	for i := range 25 {
		before := contents(t, s)
		s.logs.Append(1, bytes.Repeat([]byte{byte('a' + i%26)}, 1+r.IntN(9000)))
		s.logs.Truncate(1, uint64(r.IntN(3000)))
		s.persist(1, 1)
		after := contents(t, s)
		now := s.again()
		for _, torn := range tears(before, after, &r) {
			name := filepath.Join(t.TempDir(), "torn")
			if err := os.WriteFile(name, torn, 0o600); err != nil {
				t.Fatal(err)
			}
			x, kept := open(t, name, 0)
			if got := show(kept); got != old && got != now {
				t.Fatalf("commit %d: %d bytes, want the %d before or the %d after it", i, len(got), len(old), len(now))
			}
			if err := x.disk.Close(); err != nil {
				t.Fatal(err)
			}
		}
		old = now
	}
}

func contents(t *testing.T, s *shelf) []byte {
	b, err := os.ReadFile(s.name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tears makes files in which a commit has been cut off: some of the pages are there and none of the two first, which say
// what counts; or all of them, and a part of those two.
func tears(before, after []byte, r *spec.Rand) [][]byte {
	const page = 4096
	some := slices.Clone(after)
	copy(some, before[:2*page])
	for at := 2 * page; at+page <= len(before); at += page {
		if r.IntN(2) == 0 {
			copy(some[at:at+page], before[at:])
		}
	}
	most := slices.Clone(after)
	for at := 0; at < 2*page; at += page {
		from := r.IntN(200) // what says something stands at the beginning
		copy(most[at+from:at+page], before[at+from:])
	}
	return [][]byte{some, most}
}

// Every life of a node has its own incarnation.
func TestIncarnations(t *testing.T) {
	s := newShelf(t)
	for want := range spec.Incarnation(4) {
		for node := range spec.NodeID(3) {
			if got, err := s.disk.Begin(node); got != want || err != nil {
				t.Errorf("node %d: %d, %v; want %d", node, got, err, want)
			}
		}
		s.again()
	}
}

// When the logs of a life have been closed, nothing of it gets to the disk any more.
func TestClosedLogsWriteNothing(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.disk.Rules.Commit = func(write func() error) error {
		time.Sleep(time.Millisecond)
		return write()
	}
	for range 50 {
		s.logs.Append(1, []byte("old"))
		s.logs.Persist(1, 1)
		s.logs.Append(1, []byte("lost"))
		time.Sleep(500 * time.Microsecond) // a commit is under way, or about to be
		s.logs.Close()
		for len(s.told) > 0 {
			<-s.told
		}
		l, kept, err := s.disk.Logs(0, 0, func(inputs []impl.Input) { s.told <- inputs[0] })
		if err != nil {
			t.Fatal(err)
		}
		l.Append(1, []byte("new"))
		s.logs = l
		s.persist(1, 2)
		_, next, err := s.disk.Logs(0, 0, nil)
		if got := show(next); err != nil || len(kept) > 0 && got != show(kept)+"new" || len(kept) == 0 && got != "1:new" {
			t.Fatalf("%q, then %q, %v", show(kept), got, err)
		}
	}
}
