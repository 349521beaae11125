package ordering_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// ups gives what a layer hands up: bodies, those that are delivered again after a recovery with a star.
func ups(l impl.Layer, ins ...impl.Input) (all []string) {
	out := impl.NewEffects(&impl.Arena{Forget: true})
	l.Step(impl.Input{Kind: impl.Start}, out)
	for _, in := range ins {
		in.Kind, in.To = impl.Packet, impl.Everyone
		l.Step(in, out)
	}
	for i := range out.List {
		if e := &out.List[i]; e.Kind == impl.Up {
			body := string(e.Body)
			if e.Flag {
				body += "*"
			}
			all = append(all, body)
		}
	}
	return all
}

// What a level hands up again after a recovery is told from what comes for the first time, each message for itself,
// also when one waits for the other.
func TestWhatIsDeliveredAgainIsMarked(t *testing.T) {
	cfg := impl.Config{Self: 1, Nodes: 2, Members: members(2)}
	stamped := func(body string, n uint32) []byte {
		b := binary.LittleEndian.AppendUint32([]byte(body), n)
		return append(b, make([]byte, 8)...)
	}
	for name, c := range map[string]struct {
		layer  impl.Layer
		bodies [3][]byte
	}{
		"fifo":   {ordering.NewFifo(cfg), [3][]byte{numbered("a", 1), numbered("b", 2), numbered("c", 3)}},
		"causal": {ordering.NewCausal(cfg), [3][]byte{stamped("a", 1), stamped("b", 2), stamped("c", 3)}},
	} {
		got := ups(c.layer, impl.Input{Body: c.bodies[1], Flag: true}, impl.Input{Body: c.bodies[0]},
			impl.Input{Body: c.bodies[2], Flag: true})
		if want := []string{"a", "b*", "c*"}; !slices.Equal(got, want) {
			t.Errorf("%s hands up %q, want %q", name, got, want)
		}
	}
}

// positions is a layer that hands everything up at the position that its first byte says.
type positions struct{}

func (positions) Step(in impl.Input, out *impl.Effects) {
	if in.Kind == impl.Packet {
		out.UpAt(in.From, in.Body, uint64(in.Body[0]), in.Flag)
	}
}

// The position of a message goes up through the layers above to the application.
func TestPositionsGoUpThroughAStack(t *testing.T) {
	cfg := impl.Config{Self: 0, Nodes: 2, Members: members(2), Closed: true}
	for name, top := range map[string]impl.Layer{
		"static": membership.NewStatic(cfg), "anonymous": membership.NewAnonymous(cfg),
		"a stack": impl.NewStack(membership.NewStatic(cfg), ordering.NewUnordered(cfg)),
	} {
		out := impl.NewEffects(&impl.Arena{})
		impl.NewStack(top, positions{}).Step(impl.Input{Kind: impl.Packet, From: 1, To: impl.Everyone, Body: []byte{7}, Flag: true}, out)
		if len(out.List) != 1 || out.List[0].Num != 7 || !out.List[0].Flag || out.List[0].From != spec.NodeID(1) {
			t.Errorf("%s: %v", name, out.List)
		}
	}
}
