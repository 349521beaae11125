package suites

import (
	"strings"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/netns"
	"github.com/conform-go/conform/spec"
)

// outdoorsCan says whether a world on the kernel brings a fault about: "yes", or "no: " and why, or both where there are
// several ways in which it strikes.
func outdoorsCan(k spec.FaultKind) string {
	can := 0
	var not []string
	for _, op := range faults.OpsOf(k) {
		if err := netns.CanInject(op); err != nil {
			not = append(not, err.Error())
		} else {
			can++
		}
	}
	switch {
	case len(not) == 0:
		return "yes"
	case can == 0:
		return "no: " + strings.Join(not, "; ")
	}
	return "in part, not " + strings.Join(not, "; ")
}
