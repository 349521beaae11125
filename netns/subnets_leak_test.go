package netns

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// ruinOfSubnets builds subnets with nodes that run, tells of their namespaces, and waits to be killed.
func ruinOfSubnets() error {
	cfg := spread{mode: ipmulticast.Dense, plan: ipmulticast.InternetConfig{Hosts: 3}}.config()
	cfg.Silent = true // no two routers of these have to understand each other
	cfg.FRR = func(i int) string {
		if i != 1 || FRRMissing() != nil {
			return ""
		}
		return FRR{RP: 1, IGMP: 3, SourceTree: true}.Config(cfg.Plan, i)
	}
	l, err := NewSubnets(cfg)
	if err != nil {
		return err
	}
	all := append([]namespace{l.place}, l.hosts...)
	for _, r := range l.wide.routers {
		all = append(all, r.place)
	}
	for _, n := range all {
		name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", n.fd()))
		if err != nil {
			return err
		}
		fmt.Print(name, " ")
	}
	fmt.Println()
	w, err := NewWorld(WorldConfig{LAN: l, Stack: "ip/unreliable", Wire: Multicast, TS: time.Second, TL: time.Minute})
	if err != nil {
		return err
	}
	s, err := scenarioOf("at 0s router-down r2\nat 0s send 0 g 10\nat 100s send 0 g 10\n")
	if err != nil {
		return err
	}
	go func() {
		time.Sleep(200 * time.Millisecond)
		for l.wide.awaitRouters(w.groupAddr(0), []int{0, 1}, time.Second) != nil {
		}
		fmt.Println("up")
	}()
	var h spec.History
	return w.Play(s, &h)
}

// A harness of subnets that is killed leaves nothing either: no router, also where one is FRR's, no host, no process.
func TestNoSubnetIsLeft(t *testing.T) {
	t.Parallel()
	lan(t, 1) // or the test is skipped
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), ruinVariable+"=subnets", "TMPDIR="+cmd.Dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	names, err := r.ReadString('\n')
	if err != nil || len(strings.Fields(names)) != 1+3+3 {
		t.Fatal(names, err)
	}
	if line, err := r.ReadString('\n'); err != nil || line != "up\n" {
		t.Fatal(line, err)
	}
	want := 1 + 3
	if FRRMissing() == nil {
		want += 3 // a shell and two daemons
	}
	until(t, "the harness, its nodes and a router of FRR's", 3*time.Second, func() bool { return len(holders(names)) == want })
	killHarness(t, cmd, out, names, cmd.Dir)
}
