package reliability

import "github.com/conform-go/conform/impl"

// depth tells how many copies a layer keeps because others may not have them: when that has doubled or halved since it
// was last told, so that a buffer which grows by one a message costs no note a message. What is kept is never as much as
// twice what was told last.
type depth struct{ told int }

// note tells it, where it is time to; held is how many messages are held back.
func (d *depth) note(kept, held int, out *impl.Effects) {
	if kept >= max(1, 2*d.told) || 0 < d.told && 2*kept <= d.told {
		d.told = kept
		out.Note(impl.BufferDepth, uint64(kept), uint64(held))
	}
}
