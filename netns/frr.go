package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"github.com/conform-go/conform/impl/ipmulticast"
)

// A router may be somebody else's: FRR's zebra and pimd, two programs in the router's namespace. They are given file
// systems of their own for what they write, and are the only processes of theirs beside a shell that all the others die
// with: nothing is left of them anywhere.

// frrDir is where Debian has the daemons.
const frrDir = "/usr/lib/frr"

// FRRMissing says why FRR's routers can't be had, or nil. The daemons give up being root for a user of their own, which
// there is not in a user namespace.
func FRRMissing() error {
	if ids, err := os.ReadFile("/proc/self/uid_map"); err == nil && strings.HasSuffix(strings.TrimSpace(string(ids)), " 1") {
		return &ErrNot{"run FRR's daemons (root, not that of a user namespace)", syscall.EPERM}
	}
	for _, name := range []string{"zebra", "pimd"} {
		if _, err := os.Stat(frrDir + "/" + name); err != nil {
			return &ErrNot{"route by FRR (the package frr)", err}
		}
	}
	return nil
}

// frrScript is what the shell does: process 1 of a namespace of processes.
const frrScript = `mount -t tmpfs tmpfs /run && mkdir -m 777 /run/frr && mount -t tmpfs -o mode=777 tmpfs /var/tmp && mount -t proc proc /proc && printf '%s' "$CONF" >/run/frr/pimd.conf && : >/run/frr/zebra.conf &&
chown frr:frr /run/frr/*.conf || exit 1
` + frrDir + `/zebra -P 0 -f /run/frr/zebra.conf -i /run/frr/zebra.pid -z /run/frr/zserv.api --vty_socket /run/frr &
n=0
while [ ! -S /run/frr/zserv.api ]; do n=$((n+1)); [ $n -gt 500 ] && exit 1; sleep 0.01; done
` + frrDir + `/pimd -P 0 -f /run/frr/pimd.conf -i /run/frr/pimd.pid -z /run/frr/zserv.api --vty_socket /run/frr
echo "pimd has ended: $?"
`

// frr are the programs of a router.
type frr struct {
	cmd  *exec.Cmd
	log  *os.File  // in memory
	over chan bool // closed when they are
}

// startFRR starts them, in the namespace of this thread.
func startFRR(config string) (*frr, error) {
	if err := FRRMissing(); err != nil {
		return nil, err
	}
	x := &frr{cmd: exec.Command("/bin/sh", "-c", frrScript)}
	x.cmd.Env = append(os.Environ(), "CONF="+config)
	var err error
	if x.log, err = memoryFile("frr"); err != nil {
		return nil, err
	}
	x.cmd.Stdout, x.cmd.Stderr = x.log, x.log
	x.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS}
	if err := x.cmd.Start(); err != nil {
		return nil, errors.Join(can("start FRR (CAP_SYS_ADMIN)", err), x.log.Close())
	}
	x.over = make(chan bool)
	go func() {
		defer close(x.over)
		_ = x.cmd.Wait()
	}()
	return x, nil
}

// ended says that they have come to their end unasked, with what they wrote, or nil.
func (x *frr) ended() error {
	select {
	case <-x.over:
		const most = 400 // daemons that crash say a lot
		text := x.said()
		return fmt.Errorf("netns: FRR has ended by itself: %s", text[max(0, len(text)-most):])
	default:
		return nil
	}
}

// stop kills them, and waits until they are gone: the kernel then forgets their multicast routes.
func (x *frr) stop() error {
	err := x.ended()
	if err == nil {
		err = x.cmd.Process.Kill()
	}
	<-x.over
	return errors.Join(err, x.log.Close())
}

// refuses gives what they have written about a configuration that they do not take, or nil.
func (x *frr) refuses() error {
	if text := x.said(); strings.Contains(text, "Configuration failed") || strings.Contains(text, "Failure occurred") || strings.Contains(text, "Unknown command") {
		return fmt.Errorf("netns: FRR does not take its configuration: %s", text)
	}
	return nil
}

// said is what they have written.
func (x *frr) said() string {
	b := make([]byte, 1<<13)
	n, _ := x.log.ReadAt(b, 0)
	return strings.TrimSpace(string(b[:n]))
}

// FRR says what FRR's routers do.
type FRR struct {
	RP         int  // the rendezvous point
	IGMP       int  // the version: 2 or 3
	SourceTree bool // routers change to the source's tree at its first packet
}

// Config is a configuration of pimd for router i of a plan: PIM sparse mode, and IGMP on the links of hosts, with the
// shortest intervals that it takes. (A rendezvous point that comes back is told of a source when the source's router
// registers again: 16.5 seconds and what it is asked in after that at the latest, by RFC 7761 section 4.4.1.)
func (f FRR) Config(plan *ipmulticast.Internet, i int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "ip pim join-prune-interval 5\nip pim register-suppress-time 11\nip pim rp %v 224.0.0.0/4\n", plan.Routers[f.RP].Ports[0].Addr)
	if !f.SourceTree {
		b.WriteString("ip pim spt-switchover infinity-and-beyond\n")
	}
	for p, l := range plan.Routers[i].Links {
		fmt.Fprintf(&b, "interface %s\n ip pim\n ip pim hello 1 4\n", cardName(p))
		if slices.ContainsFunc(plan.Hosts, func(h ipmulticast.HostPlan) bool { return h.Link == l }) {
			fmt.Fprintf(&b, " ip igmp\n ip igmp version %d\n ip igmp query-max-response-time 2\n ip igmp query-interval 2\n ip igmp last-member-query-interval 1\n", f.IGMP)
		}
		b.WriteString("exit\n")
	}
	return b.String()
}
