package specs_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/suites"
	"github.com/conform-go/conform/suites/specs"
)

// planted names the variable of the environment that has the order left out.
const planted = "CONFORM_SPECS_PLANTED"

// causal is the implementation that is tried here: causal order over reliable multicast.
func causal(cfg impl.Config) impl.Layer {
	if os.Getenv(planted) != "" {
		return impl.NewStack(membership.NewStatic(cfg), reliability.NewReliable(cfg), transport.NewUnicast(cfg), transport.NewChannel(cfg))
	}
	return impl.NewStack(membership.NewStatic(cfg), ordering.NewCausal(cfg), reliability.NewReliable(cfg), transport.NewUnicast(cfg), transport.NewChannel(cfg))
}

var _ = specs.Describe("causal order over reliable multicast", causal, suites.Profile("causal").Schedules(200))

var _ = ginkgo.Describe("a requirement", func() {
	ginkgo.It("has its id, family and classes for labels", func() {
		gomega.Expect(specs.Labels("CAUSAL-ORDER")).To(gomega.ConsistOf("CAUSAL-ORDER", "order", "safety"))
	})
})

func TestSpecs(t *testing.T) {
	gomega.RegisterFailHandler(ginkgo.Fail)
	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.FailOnEmpty = true
	ginkgo.RunSpecs(t, "conformance", suite, reporter)
}

// A bug fails the Its of what it breaks, with the story, and no others.
func TestPlantedBugFails(t *testing.T) {
	if os.Getenv(planted) != "" {
		t.Skip("this is the one with the bug")
	}
	cmd := exec.Command(os.Args[0], "-test.run", "TestSpecs", "-ginkgo.no-color")
	cmd.Env = append(os.Environ(), planted+"=1")
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err == nil || !strings.Contains(text, "[FAIL] causal order over reliable multicast [It] CAUSAL-ORDER") ||
		!strings.Contains(text, "CAUSAL-ORDER is broken") || strings.Contains(text, "[FAIL] causal order over reliable multicast [It] AGREEMENT") {
		t.Errorf("with no order: %v\n%s", err, text)
	}
}
