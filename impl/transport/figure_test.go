package transport_test

import (
	"flag"

	"github.com/conform-go/conform/impl/impltest"
)

var (
	golden    = impltest.Goldens(flag.Bool("update", false, "rewrite the transcripts in testdata"))
	delivered = impltest.Delivered
)
