package ordering

import "github.com/conform-go/conform/impl"

// resumed tells the layer above which of its messages are under way from an earlier life: of those the level tells, and
// then those that are held back here.
func (a *Agreement) resumed(in impl.Input, out *impl.Effects) {
	if !in.Flag {
		body, h, ok := impl.Cut(in.Body, agreementHeader)
		if ok && h[agreementHeader-1] == agreementMessage {
			in.Body = body
			out.Pass(in)
		}
		return
	}
	for i := range a.queue {
		if m := &a.queue[i]; m.origin == a.cfg.Self {
			out.Add(stillUnderWay(m.body, false))
		}
	}
	out.Pass(in)
}
