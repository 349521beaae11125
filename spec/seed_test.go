package spec

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets rapid draw the same each time: what fails fails again. -rapid.seed=0, or RAPID_SEED=0, draws anew.
func TestMain(m *testing.M) {
	if os.Getenv("RAPID_SEED") == "" {
		_ = flag.Set("rapid.seed", "1")
	}
	os.Exit(m.Run())
}
