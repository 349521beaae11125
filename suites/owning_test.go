package suites_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// floods is what flooder keeps: checksums keep changed bytes out, and it forgets everything in a crash.
func floods() suites.Promise {
	return suites.Profile("reliable").Under(suites.OwnFaults.Without(spec.CorruptFault, spec.RecoverFault).Kinds()...).Seed(3)
}

func TestOwnMember(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("in real time")
	}
	suites.TestOwn(t, startFlooder(false), floods().Schedules(16))
}

// A planted bug is found in a crash half way, and the story says how often it shows again.
func TestOwnMemberWithABug(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("in real time")
	}
	found, err := suites.TryOwn(t.Context(), startFlooder(true), floods().Under(spec.CrashLossyFault).Schedules(24))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		if broken := v.Verdict == spec.Fail; broken != (v.ID == "AGREEMENT") {
			t.Errorf("without sending on: %s is %s, want AGREEMENT alone to fail", v.ID, v.Verdict)
		} else if broken && !strings.Contains(v.Error(), "in real time: played again") {
			t.Errorf("the story says nothing of playing it again:\n%s", v)
		}
	}
}

// What makes no sense is said before anything is started.
func TestOwnPromises(t *testing.T) {
	ok := suites.Profile("reliable")
	for _, x := range []struct {
		start   suites.StartOwn
		promise suites.Promise
		says    string
	}{
		{nil, ok, "start is nil"},
		{startFlooder(false), suites.Profile("reliabel"), "did you mean reliable?"},
		{startFlooder(false), suites.Requirements(), "nothing is promised"},
		{startFlooder(false), ok.Under(spec.PauseFault, spec.SkewFault), "pause,clock-skew can't be injected"},
		{startFlooder(false), ok.MTU(100), "MTU"},
		{startFlooder(false), ok.OneToOne(), "OneToOne"},
		{startFlooder(false), ok.Schedules(0), "schedules 0"},
		{func(suites.Host) (suites.Running, error) { return nil, errors.New("no such disk") }, ok.Schedules(1), "no such disk"},
		{func(suites.Host) (suites.Running, error) { return nil, nil }, ok.Schedules(1), "start gave no member"},
	} {
		if _, err := suites.TryOwn(t.Context(), x.start, x.promise); err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("got %v, want %q", err, x.says)
		}
	}
}
