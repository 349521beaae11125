package netns

import (
	"fmt"
	"time"
)

// Versions are those of IGMP on a LAN. Hosts know a version, and speak an older one to a switch that asks in one (RFC
// 3376 section 7.2.1).
type Versions struct {
	Host    func(host int) int // 1 to 3; nil: 3
	Querier int                // in which the switch asks: 2 or 3, since the kernel's knows no other; 0: 3
}

func (v *Versions) validate() error {
	if v.Querier != 0 && v.Querier != 2 && v.Querier != 3 {
		return fmt.Errorf("netns: a switch does not ask in version %d of IGMP: want 2 or 3", v.Querier)
	}
	return nil
}

func (v *Versions) querier() uint64 {
	if v.Querier == 0 {
		return 3
	}
	return uint64(v.Querier)
}

func (v *Versions) host(h int) int {
	if v.Host == nil {
		return 3
	}
	return v.Host(h)
}

// force lets a host, in whose namespace this thread is, know a version and no newer one. By 3 nothing is forced.
func (v *Versions) force(h int) error {
	if v.Host == nil {
		return nil
	}
	return sysctl("net/ipv4/conf/all/force_igmp_version", fmt.Sprint(v.host(h)))
}

// version1Response is how long hosts of version 1 take to answer, whatever they are asked (RFC 1112 appendix I).
const version1Response = 10 * time.Second

// membership is the group membership interval of the switch, in hundredths of a second: two query intervals and the time
// that the slowest host takes to answer (RFC 3376 section 8.4). Hosts of version 1 are slow: a switch that does not
// wait for them forgets those that listen.
func (v *Versions) membership(hosts int) uint64 {
	for h := range hosts {
		if v.host(h) == 1 {
			return 2*queryInterval + uint64(version1Response/(10*time.Millisecond))
		}
	}
	return membershipTime
}
