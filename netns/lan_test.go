package netns

import (
	"net/netip"
	"os"
	"testing"
	"time"
)

// lan builds a LAN for a test, or skips it with what the machine lacks; where RequiredVariable is set it fails instead.
func lan(t testing.TB, hosts int) *LAN {
	t.Helper()
	l, err := NewLAN(hosts)
	return orSkip(t, l, err)
}

// orSkip gives what was built, and takes it down after the test; or it skips the test.
func orSkip(t testing.TB, l *LAN, err error) *LAN {
	t.Helper()
	if err != nil {
		if Missing(err) && os.Getenv(RequiredVariable) == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func TestALANIsUp(t *testing.T) {
	start := time.Now()
	l := lan(t, 4)
	t.Log(time.Since(start))
	at, err := l.Listeners(netip.MustParseAddr("239.129.1.1"))
	if err != nil || len(at) != 0 {
		t.Error(at, err)
	}
	for _, d := range [][]Drop{{{0, 1, 100, false}, {1, 0, 100, false}}, {{0, -1, 100, true}}, {{-1, -1, 30, false}, {2, 1, 50, false}}, nil} {
		start := time.Now()
		if err := l.Drop(d); err != nil {
			t.Fatal(err)
		}
		t.Log(d, time.Since(start))
	}
}
