package reliability

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// byzantineLife is a life of an origin: the instances that are not over, and which are.
type byzantineLife struct {
	incarnation uint32
	opener      spec.NodeID // the first that spoke of it
	delivered   impl.Window
	ring        impl.Ring[*byzantineInstance] // from the first that is not delivered; nil: nobody has spoken of it
	free        []*byzantineInstance
}

// byzantineInstance is what has been heard of one message.
type byzantineInstance struct {
	ref       impl.Ref
	sentEcho  bool
	sentReady bool
	echoed    impl.NodeSet // who has been heard
	readied   impl.NodeSet
	versions  []byzantineVersion // the contents that were heard of, in that order; a member adds two at most
}

// byzantineVersion is a content, and how many vouch for it.
type byzantineVersion struct {
	body            []byte
	echoes, readies int
}

// maxOpened is how many lives of another a member can open by speaking of them.
const maxOpened = 64

// life gives what is kept of a life of which somebody speaks; nil where that one has spoken of too many.
func (z *Byzantine) life(origin spec.NodeID, incarnation uint32, speaker spec.NodeID) *byzantineLife {
	if origin < 0 || int(origin) >= len(z.lives) {
		return nil
	}
	opened := 0
	for _, l := range z.lives[origin] {
		if l.incarnation == incarnation {
			return l
		}
		if l.opener == speaker {
			opened++
		}
	}
	if opened == maxOpened {
		return nil
	}
	l := &byzantineLife{incarnation: incarnation, opener: speaker}
	z.lives[origin] = append(z.lives[origin], l)
	return l
}

// over says whether a message has been delivered.
func (l *byzantineLife) over(n uint64) bool { return l.delivered.Has(n) }

// instance gives the instance of a message that is not over; nil where it is too far ahead.
func (l *byzantineLife) instance(n uint64) *byzantineInstance {
	slot := l.ring.Reach(n)
	if slot == nil {
		return nil
	}
	if *slot == nil {
		*slot = l.fresh()
	}
	return *slot
}

func (l *byzantineLife) fresh() *byzantineInstance {
	last := len(l.free) - 1
	if last < 0 {
		return &byzantineInstance{}
	}
	i := l.free[last]
	l.free = l.free[:last]
	i.ref, i.sentEcho, i.sentReady = 0, false, false
	i.echoed.Clear()
	i.readied.Clear()
	i.versions = i.versions[:0]
	return i
}

// close ends an instance: who delivers has said all that the others need, for he is ready.
func (l *byzantineLife) close(n uint64) {
	l.delivered.Add(n)
	slot := l.ring.At(n)
	l.free = append(l.free, *slot)
	*slot = nil
	for l.ring.Len() > 0 && l.delivered.Has(l.ring.First()) {
		l.ring.Drop()
	}
}

// version gives the count of a content.
func (i *byzantineInstance) version(body []byte, same func(a, b []byte) bool) *byzantineVersion {
	for k := range i.versions {
		if same(i.versions[k].body, body) {
			return &i.versions[k]
		}
	}
	i.versions = append(i.versions, byzantineVersion{body: body})
	return &i.versions[len(i.versions)-1]
}
