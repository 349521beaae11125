package membership

import "github.com/conform-go/conform/impl"

// Held implements [impl.Holder]: messages of the view wait for the state that they come after. Nothing bounds them here:
// it is the senders that are bounded.
func (g *Gate) Held() (n int) {
	for i := range g.held {
		if g.held[i].Kind == impl.Up {
			n++
		}
	}
	return n
}

var _ impl.Holder = (*Gate)(nil)
