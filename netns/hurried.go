package netns

import (
	"time"

	"github.com/conform-go/conform/impl/ipmulticast"
)

// hurried converts the times inside queries between routers whose clocks are fast and hosts whose clocks are not: a
// router that gives its hosts ten seconds to answer, on a clock that runs a hundred times as fast, gives them a tenth of
// one of ours. All other messages pass as they are: what routers tell each other of time is time of the same clocks.
type hurried struct {
	speed int
	ip    ipmulticast.IP
	msg   ipmulticast.Listen
}

// down converts a frame from a router; the same frame where it is no query.
func (x *hurried) down(frame []byte) []byte {
	return x.convert(frame, func(d time.Duration) time.Duration { return d / time.Duration(x.speed) })
}

// up converts a frame from a host, or from another router.
func (x *hurried) up(frame []byte) []byte {
	return x.convert(frame, func(d time.Duration) time.Duration { return d * time.Duration(x.speed) })
}

func (x *hurried) convert(frame []byte, to func(time.Duration) time.Duration) []byte {
	f, ok := ipmulticast.ParseFrame(frame)
	if x.speed <= 1 || !ok || f.Type != ipmulticast.TypeIPv4 && f.Type != ipmulticast.TypeIPv6 || !ipmulticast.ParseIP(f.Payload, &x.ip) {
		return frame
	}
	h := &x.ip
	switch h.Protocol {
	case ipmulticast.ProtoIGMP:
		ok = ipmulticast.ParseIGMP(h.Payload, &x.msg)
	case ipmulticast.ProtoICMPv6:
		ok = ipmulticast.ParseMLD(h, &x.msg)
	default:
		ok = false
	}
	if !ok || x.msg.Kind != ipmulticast.Query || x.msg.MaxResponse == 0 {
		return frame
	}
	x.msg.MaxResponse = to(x.msg.MaxResponse)
	p := ipmulticast.IP{Src: h.Src, Dst: h.Dst, TTL: h.TTL, RouterAlert: h.RouterAlert, Protocol: h.Protocol}
	if h.Protocol == ipmulticast.ProtoIGMP {
		p.Payload = ipmulticast.AppendIGMP(nil, &x.msg)
	} else {
		p.Payload = ipmulticast.AppendMLD(nil, h.Src, h.Dst, &x.msg)
	}
	return ipmulticast.AppendIP(ipmulticast.AppendEthernet(nil, f.Dst, f.Src, f.Type), &p)
}
