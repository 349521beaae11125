package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// member opens a socket on a host as a program would that joins the address of its group.
func member(t *testing.T, s *Sockets, host int, at netip.AddrPort) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	err := s.lan.thread.in(s.lan.hosts[host], func() (err error) {
		if c, err = net.ListenUDP("udp4", &net.UDPAddr{Port: int(at.Port())}); err != nil {
			return err
		}
		raw, err := c.SyscallConn()
		return errors.Join(err, raw.Control(func(fd uintptr) {
			err = unix.SetsockoptIPMreq(int(fd), unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP,
				&unix.IPMreq{Multiaddr: at.Addr().As4(), Interface: HostAddr(host).As4()})
		}), err)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// heardFrom counts what a socket hears from an address: until it does, if it is wanted, and then until nothing more comes.
func heardFrom(t *testing.T, c *net.UDPConn, from netip.Addr, wanted bool) (n int) {
	t.Helper()
	buf := make([]byte, 100)
	for {
		longest := 50 * time.Millisecond
		if wanted && n == 0 {
			longest = 2 * time.Second // the machine is not idle
		}
		_ = c.SetReadDeadline(time.Now().Add(longest))
		_, a, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return n
		}
		if a.Addr().Unmap() == from {
			n++
		}
	}
}

// A stranger repeats what is sent to the address of a group, floods it and listens to it as long as that lasts, and no
// longer; and the switch asks, or does not.
func TestMachinesAroundSockets(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a LAN, and what is around it")
	}
	l := lan(t, 2)
	s := l.Sockets()
	if _, err := s.Addresses(2); err != nil {
		t.Fatal(err)
	}
	all, err := s.GroupAddresses(1)
	if err != nil {
		t.Fatal(err)
	}
	group := netip.MustParseAddrPort(all[0])
	if err := s.Await(); err != nil || s.Heard() {
		t.Fatalf("somebody has joined: %v", err)
	}
	c := [2]*net.UDPConn{member(t, s, 0, group), member(t, s, 1, group)}
	if err := s.Await(); err != nil || !s.Heard() {
		t.Fatalf("nobody has joined: %v", err)
	}
	if err := s.Invite(); err != nil {
		t.Fatal(err)
	}
	stranger, say := HostAddr(strangerHost), func() {
		if _, err := c[0].WriteToUDPAddrPort([]byte("hello"), group); err != nil {
			t.Fatal(err)
		}
	}
	breaks := func(lasting ...faults.Action) {
		if err := s.Break(lasting); err != nil {
			t.Fatal(err)
		}
	}
	hears := func(what string, want bool) {
		t.Helper()
		if n := heardFrom(t, c[1], stranger, want); (n > 0) != want {
			t.Errorf("%s: heard the stranger %d times", what, n)
		}
	}
	breaks(faults.Action{Op: faults.Rogue, Percent: 100})
	say()
	hears("repeated", true)
	breaks()
	say()
	hears("no longer repeated", false)
	flood := faults.Action{Op: faults.Flood, By: time.Millisecond}
	breaks(flood)
	breaks(flood, faults.Action{Op: faults.Listen}, faults.Action{Op: faults.RouterDown}, faults.Action{Op: faults.Overflow, Node: 1, Size: 3})
	if len(s.begun) != 2 || !s.mute || !s.listen[0] {
		t.Errorf("%d have begun, mute %v, listens %v", len(s.begun), s.mute, s.listen)
	}
	time.Sleep(5 * time.Millisecond)
	breaks()
	hears("flooded", true)
	hears("no longer flooded", false)
	if err := l.thread.in(l.guest.place, func() error {
		text, err := os.ReadFile("/proc/thread-self/net/igmp")
		if strings.Contains(string(text), "0101018") || len(s.begun) != 0 || s.mute {
			t.Errorf("something lasts: %d have begun, mute %v\n%s", len(s.begun), s.mute, text)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	breaks(flood)
	if _, err := s.Addresses(2); err != nil { // the next run
		t.Fatal(err)
	}
	if again, err := s.GroupAddresses(1); err != nil || again[0] == all[0] || len(s.begun) != 0 {
		t.Errorf("the next run has %v, and %d that have begun: %v", again, len(s.begun), err)
	}
}

// What can't be done to a program is refused with a reason, and not left out.
func TestSocketsCan(t *testing.T) {
	var s Sockets
	for _, k := range spec.AllFaults.Kinds() {
		for _, op := range faults.OpsOf(k) {
			switch err := s.Can(op); {
			case SocketFaults.Has(k):
				if err != nil {
					t.Errorf("%v: %v", op, err)
				}
			case err == nil:
				t.Errorf("%v is not refused", op)
			case strings.HasSuffix(err.Error(), ": "):
				t.Errorf("%v: no reason", op)
			}
		}
	}
	for op, want := range map[faults.Op]string{faults.Jump: "no clock jumps", faults.Drift: "no clock drifts", faults.Lies: "its own",
		faults.DiskFull: "files of a program", faults.Boundary: "nothing is routed"} {
		if err := s.Can(op); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", op, err, want)
		}
	}
	if SocketFaults&spec.DiskFaults != 0 {
		t.Error("disks are not the network's")
	}
}

// keepVariable makes this program a harness that starts a program with sockets of its own, tells of it, and waits.
const keepVariable = "CONFORM_TEST_KEEP"

func init() {
	if os.Getenv(keepVariable) == "" {
		return
	}
	l, err := NewLAN(2)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	s := l.Sockets()
	if _, err := s.Addresses(2); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	s.Ahead(1, time.Hour)
	for n := range spec.NodeID(2) {
		cmd := exec.Command("sleep", "1000")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := s.Start(n, cmd); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(cmd.Process.Pid)
	}
	select {}
}

// A program dies with the harness that has started it, also where the clock of the program is another one, and where the
// harness is killed and the program would not have noticed.
func TestProgramsDieWithTheHarness(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a LAN, and what is around it")
	}
	lan(t, 1) // or the test is skipped
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), keepVariable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pids [2]int
	if _, err := fmt.Fscan(out, &pids[0], &pids[1]); err != nil {
		t.Errorf("it tells of no program: %v", err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		left := 0
		for _, pid := range pids {
			if name, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); pid > 0 && err == nil && strings.Contains(name, "sleep") {
				left++
			}
		}
		if left == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d programs of %v outlive the harness", left, pids)
		}
	}
}
