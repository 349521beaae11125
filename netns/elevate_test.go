package netns

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

// plainVariable makes this program one that plays a scenario as whoever it is.
const plainVariable = "CONFORM_TEST_PLAIN"

func plain() {
	code, done, err := Elevate()
	if err == nil && !done {
		err = onceMore()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// onceMore plays a scenario with a fault.
func onceMore() error {
	_ = os.Unsetenv(plainVariable) // guests are none of this
	l, err := NewLAN(3)
	if err != nil {
		return err
	}
	w, err := NewWorld(WorldConfig{LAN: l, Stack: "ip/reliable-ip/causal", Wire: Multicast, TS: 60 * time.Millisecond, TL: 1200 * time.Millisecond,
		Capture: func(spec.Time, int, []byte) {}})
	if err != nil {
		return err
	}
	s, err := scenarioOf("at 0s partition 0 1|2 for 100ms\nat 10ms send 0 g 10\nat 20ms pause 1 for 50ms\n")
	if err != nil {
		return err
	}
	var h spec.History
	if err := w.Play(s, &h); err != nil {
		return err
	}
	fmt.Println(os.Getuid(), deliveredBy(&h), h.Settled)
	return l.Close()
}

// Who is not root plays scenarios, too.
func TestWithoutRoot(t *testing.T) {
	t.Parallel()
	lan(t, 1)
	if os.Getuid() != 0 {
		t.Skip("this is no root anyway")
	}
	cmd := again()
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), plainVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(string(out), "can't be root of a user namespace") && os.Getenv(RequiredVariable) == "" {
		t.Skip(string(out))
	}
	if want := "0 [1 1 1] true\n"; err != nil || string(out) != want {
		t.Errorf("%v\n%s\nwant %s", err, out, want)
	}
}
