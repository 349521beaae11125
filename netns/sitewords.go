package netns

import (
	"github.com/conform-go/conform/impl/ipmulticast"
)

// wordings is what takes messages about groups apart.
type wordings struct {
	ip    ipmulticast.IP
	msg   ipmulticast.Listen
	words []ipmulticast.Inspected
}

// of gives what a frame says: of a report of version 3 (of MLD: 2) what it says of each group, and of all other
// frames what they are. In that version a leave is a report, of a group of which nothing is wanted any more (RFC 3376
// section 5.1), and a host that listens to several groups speaks of all of them at once. Told as one report without a
// group it would be one of all groups, also of those that it does not name.
func (x *wordings) of(info *ipmulticast.Inspected, frame []byte) []ipmulticast.Inspected {
	x.words = append(x.words[:0], *info)
	if info.Kind != ipmulticast.ReportFrame || !x.reads(frame) || len(x.msg.Records) == 0 {
		return x.words
	}
	x.words = x.words[:0]
	for i := range x.msg.Records {
		r, w := &x.msg.Records[i], *info
		if w.Group = r.Group; ended(r) {
			w.Kind = ipmulticast.LeaveFrame
		}
		x.words = append(x.words, w)
	}
	return x.words
}

// reads takes a message about groups apart.
func (x *wordings) reads(frame []byte) bool {
	f, ok := ipmulticast.ParseFrame(frame)
	switch {
	case !ok || !ipmulticast.ParseIP(f.Payload, &x.ip):
		return false
	case x.ip.Protocol == ipmulticast.ProtoIGMP:
		return ipmulticast.ParseIGMP(x.ip.Payload, &x.msg)
	}
	return ipmulticast.ParseMLD(&x.ip, &x.msg)
}

// ended says whether a record is one of a group to which nobody on its host listens any more.
func ended(r *ipmulticast.Record) bool {
	return (r.Type == ipmulticast.ToIn || r.Type == ipmulticast.IsIn) && len(r.Sources) == 0
}
