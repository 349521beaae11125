package suites

import (
	"strings"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/netns"
	"github.com/conform-go/conform/spec"
)

// outdoorsCan says whether a world on the kernel brings a fault about: "yes", perhaps between subnets only; "no: " and
// why; or both where there are several ways in which it strikes.
func outdoorsCan(k spec.FaultKind) string {
	can, between := 0, 0
	var not []string
	for _, op := range faults.OpsOf(k) {
		switch err := netns.CanInject(op); {
		case err == nil:
			can++
		case netns.CanInjectBetween(op) == nil:
			between++
		default:
			not = append(not, err.Error())
		}
	}
	switch {
	case len(not) == 0 && can == 0:
		return "between subnets"
	case len(not) == 0:
		return "yes" + netns.Means(k)
	case can+between == 0:
		return "no: " + strings.Join(not, "; ")
	}
	return "in part, not " + strings.Join(not, "; ")
}
