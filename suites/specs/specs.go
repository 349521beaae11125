// Package specs is the door for suites of Ginkgo: it makes one It of every requirement that an implementation is held to.
// Whoever tests with package testing alone needs only package suites, and does not get Ginkgo's dependencies.
package specs

import (
	"github.com/onsi/ginkgo/v2"

	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// Describe makes a container with an It for each requirement of a promise. The schedules are played once, before the
// first of them. An It fails with the story of the schedule that breaks its requirement, and is skipped with the reason
// where no schedule tested it. Its labels are those that [Labels] gives, so that ginkgo's --label-filter takes
// "order && safety", or "AGREEMENT". It gives what Ginkgo's own Describe gives, for a package-level variable.
func Describe(text string, newMember suites.Member, p suites.Promise) bool {
	return ginkgo.Describe(text, ginkgo.Ordered, ginkgo.ContinueOnFailure, func() {
		found := map[spec.ID]*suites.Violation{}
		ginkgo.BeforeAll(func(ctx ginkgo.SpecContext) {
			all, err := suites.Try(ctx, newMember, p)
			if err != nil {
				ginkgo.Fail(err.Error())
			}
			for _, v := range all {
				found[v.ID] = v
			}
		})
		for _, id := range p.IDs() {
			ginkgo.It(string(id), Labels(id), func() {
				switch v := found[id]; v.Verdict {
				case spec.Pass:
				case spec.Inconclusive:
					ginkgo.Skip(v.Error())
				default:
					ginkgo.Fail(v.Error())
				}
			})
		}
	})
}

// Labels gives the labels of a requirement: its id, its family (integrity, reliability, order, views, byzantine,
// network), and its classes (safety, liveness, statistic).
func Labels(id spec.ID) ginkgo.Labels {
	out := ginkgo.Labels{string(id)}
	if r, ok := spec.Lookup(id); ok {
		out = append(out, string(r.Family))
		for _, c := range r.Classes {
			out = append(out, c.String())
		}
	}
	return out
}
