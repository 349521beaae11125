package netns

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// withFRR skips a test where there is no FRR.
func withFRR(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("other people's daemons take seconds")
	}
	if err := FRRMissing(); err != nil {
		if os.Getenv(RequiredVariable) != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// exact reads every message about groups and routes in a capture, and writes it again: the same bytes have to come out.
// It counts them by kind.
func (c *catch) exact(t *testing.T, of func(from int) bool) map[ipmulticast.FrameKind]int {
	t.Helper()
	kinds := map[ipmulticast.FrameKind]int{}
	var look ipmulticast.Inspector
	var h ipmulticast.IP
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.frames {
		e, ok := ipmulticast.ParseFrame(f.b)
		if !ok || !of(f.from) || !ipmulticast.ParseIP(e.Payload, &h) {
			continue
		}
		var pim ipmulticast.PIM
		var msg ipmulticast.Listen
		var b []byte
		switch h.Protocol {
		case ipmulticast.ProtoPIM:
			if ok = ipmulticast.ParsePIM(&h, &pim); ok {
				b = ipmulticast.AppendPIM(nil, h.Src, h.Dst, &pim)
			}
		case ipmulticast.ProtoIGMP:
			if ok = ipmulticast.ParseIGMP(h.Payload, &msg); ok {
				b = ipmulticast.AppendIGMP(nil, &msg)
			}
		default:
			continue
		}
		kind := look.Read(f.b).Kind
		kinds[kind]++
		if !ok {
			t.Errorf("not read: % x", h.Payload)
		} else if !bytes.Equal(b, h.Payload) {
			t.Errorf("%v\n% x, read and written\n% x", kind, h.Payload, b)
		}
	}
	return kinds
}

// The routers are FRR's, which know nothing of us. A group crosses them, and what they say to each other and to hosts our
// codec reads, and writes as they do, byte by byte.
func TestFRR(t *testing.T) {
	t.Parallel()
	withFRR(t)
	cfg := spread{mode: ipmulticast.Sparse, plan: ipmulticast.InternetConfig{Hosts: 3}}.config()
	cfg.Speed = 1
	cfg.FRR = func(i int) string { return FRR{RP: 1, IGMP: 3, SourceTree: true}.Config(cfg.Plan, i) }
	acrossFRR(t, cfg, func(from int) bool { return from < 0 })
}

// One router is FRR's and the rendezvous point, the two others are ours: they find each other, register with it, join its
// tree and each other's, and a group crosses all three.
func TestFRRAmongOurs(t *testing.T) {
	t.Parallel()
	withFRR(t)
	x := spread{mode: ipmulticast.Sparse, plan: ipmulticast.InternetConfig{Hosts: 3}, changed: func(cfg *ipmulticast.RouterConfig) {
		t := ipmulticast.RFC // on a clock that is everybody's
		t.QueryInterval, t.QueryResponse, t.LastMemberQuery, t.StartupQueryInterval = 2*time.Second, 200*time.Millisecond, 100*time.Millisecond, time.Second
		t.Hello, t.HelloHold, t.TriggeredHello = time.Second, 4*time.Second, 50*time.Millisecond
		t.JoinPeriod, t.JoinHold = 5*time.Second, 17*time.Second
		cfg.Timing = t
	}}
	cfg := x.config()
	cfg.Speed = 1
	cfg.FRR = func(i int) string {
		if i == 1 {
			return FRR{RP: 1, IGMP: 3, SourceTree: true}.Config(cfg.Plan, i)
		}
		return ""
	}
	acrossFRR(t, cfg, func(from int) bool { return from == -1-1 })
}

// A router of FRR's dies, with both its programs, and comes back: the eighth of the worked examples is not about ours.
func TestFRRDies(t *testing.T) {
	t.Parallel()
	withFRR(t)
	cfg := spread{mode: ipmulticast.Sparse, plan: ipmulticast.InternetConfig{Hosts: 3}}.config()
	cfg.Speed = 1
	cfg.FRR = func(i int) string { return FRR{RP: 1, IGMP: 3, SourceTree: true}.Config(cfg.Plan, i) }
	l := subnetsOf(t, cfg)
	s, err := faults.Parse("conform.scenario/1\nnodes 3\ngroup g 0 1 2\nseed 1\nat 0s send 0 g 8\nat 200ms send 0 g 8\nat 300ms router-down r2 for 200ms\n" +
		"at 400ms send 0 g 8\nat 3500ms send 0 g 8\n")
	if err != nil {
		t.Fatal(err)
	}
	h := settledPlay(t, siteWorld(t, l, "sparse"), s, 90*time.Millisecond)
	// What FRR's router does with the first packet of a source is its own business: nobody promises anything of that.
	if got := byNode(h); strings.TrimPrefix(got[1], " 0/1") != " 0/2 0/3 0/4" || strings.TrimPrefix(got[2], " 0/1") != " 0/2 0/4" {
		t.Errorf("delivered: %q", got)
	}
}

// acrossFRR lets a group cross three routers, of which some are FRR's.
func acrossFRR(t *testing.T, cfg SubnetsConfig, theirs func(from int) bool) {
	t.Helper()
	start := time.Now()
	l := subnetsOf(t, cfg)
	up := time.Since(start)
	c := catchAll(t, l)
	s := mouth(t, l, 0)
	e := ear{t, siteEar(t, l, 2, netip.Addr{})}
	took, ok := flows(t, s, e, 10*time.Second)
	if !ok {
		t.Error("nothing comes across")
	}
	var look ipmulticast.Inspector
	until(t, "a hello of each router", 3*time.Second, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		said := map[int]bool{}
		for _, f := range c.frames {
			if look.Read(f.b).Kind == ipmulticast.HelloFrame {
				said[f.from] = true
			}
		}
		return len(said) == len(l.wide.routers)
	})
	kinds := c.exact(t, theirs)
	t.Logf("up after %v, across after %v; %v", up, took, kinds)
	for _, k := range []ipmulticast.FrameKind{ipmulticast.HelloFrame, ipmulticast.JoinFrame, ipmulticast.RegisterStopFrame} {
		if kinds[k] == 0 {
			t.Errorf("FRR said no %v", k)
		}
	}
	if t.Failed() {
		for _, r := range l.wide.routers {
			if r.others != nil {
				t.Logf("%s: %s", r.plan.Name, r.others.said())
			}
		}
	}
}

// What does not cross FRR's routers is a finding and no error: one of them does not ask its hosts who listens, and these
// get nothing, which the judge of routes sees. What they do not take as a configuration is an error, with their words.
func TestFRRJudged(t *testing.T) {
	t.Parallel()
	withFRR(t)
	cfg := spread{mode: ipmulticast.Sparse, plan: ipmulticast.InternetConfig{Hosts: 3}}.config()
	cfg.Speed, cfg.Patience = 1, 2*time.Second
	told := ""
	cfg.FRR = func(i int) string {
		c := FRR{RP: 1, IGMP: 3}.Config(cfg.Plan, i)
		if i == 2 {
			c = regexp.MustCompile(`(?m)^ ip igmp.*\n`).ReplaceAllString(c, "")
		}
		return told + c
	}
	l := subnetsOf(t, cfg)
	s, err := faults.Parse("conform.scenario/1\nnodes 3\ngroup g 0 1 2\nseed 1\nat 0s send 0 g 8\nat 200ms send 0 g 8\nat 400ms send 0 g 8\n")
	if err != nil {
		t.Fatal(err)
	}
	w := siteWorld(t, l, "sparse")
	h := play1(t, w, s)
	got := byNode(h)
	if f := checkers.Check(h, "ROUTE-REACH")[0]; f.Verdict != spec.Fail || got[2] != "" || !strings.HasSuffix(got[1], " 0/3") {
		t.Errorf("%v %s %+v; delivered %q", f.Verdict, f.Reason, f.Witness, got)
	}
	told = "ip pim register-suppress-time 5\n"
	if err := l.begin(1); err == nil || !strings.Contains(err.Error(), "does not take its configuration") {
		t.Error(err)
	}
}

// Daemons that die unasked are an error of the run, with their words, and not the fault of what is judged.
func TestFRREndsByItself(t *testing.T) {
	t.Parallel()
	withFRR(t)
	cfg := spread{mode: ipmulticast.Sparse, plan: ipmulticast.InternetConfig{Hosts: 2, Subnets: 2}}.config()
	cfg.Speed = 1
	cfg.FRR = func(i int) string { return FRR{RP: 1, IGMP: 3}.Config(cfg.Plan, i) }
	l := subnetsOf(t, cfg)
	if err := l.refused(); err != nil {
		t.Fatal(err)
	}
	x := l.wide.routers[0].others
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", x.cmd.Process.Pid, x.cmd.Process.Pid))
	if err != nil {
		t.Skip(err)
	}
	all := strings.Fields(string(children))
	pimd, err := strconv.Atoi(all[len(all)-1])
	if err != nil || len(all) != 2 {
		t.Fatalf("%q: %v", children, err)
	}
	if err := syscall.Kill(pimd, syscall.SIGSEGV); err != nil {
		t.Fatal(err)
	}
	until(t, "the end of FRR", 5*time.Second, func() bool { return l.refused() != nil })
	if err := l.wide.routers[0].stop(); err == nil || !strings.Contains(err.Error(), "pimd has ended") {
		t.Error(err)
	}
}
