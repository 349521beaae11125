package netns

import (
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
)

// What the kernel of a router refuses is told once, and is the error of the run in which it was refused.
func TestRoutersKernelRefuses(t *testing.T) {
	t.Parallel()
	cfg := spread{mode: ipmulticast.Dense, igmp: 2, plan: ipmulticast.InternetConfig{Hosts: 3}}.config()
	r := &siteRouter{plan: &cfg.Plan.Routers[0], layer: cfg.Router(0), table: &table{fd: -1}, flows: map[flow]way{}, timers: timers{},
		out: impl.NewEffects(&impl.Arena{Forget: true}), alarm: time.AfterFunc(time.Hour, func() {})}
	defer r.alarm.Stop()
	l := &LAN{wide: &Subnets{routers: []*siteRouter{r}}}
	if err := l.refused(); err != nil {
		t.Error(err)
	}
	r.direct(flow{cfg.Plan.Hosts[0].Port.Addr, routedAddr})
	if err := l.refused(); err == nil || !strings.Contains(err.Error(), "route a group") {
		t.Errorf("the kernel has refused a route: %v", err)
	}
	if err := l.refused(); err != nil {
		t.Errorf("told again: %v", err)
	}
}
