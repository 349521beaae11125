package netns

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// elevatedVariable says that this process is in a user namespace of its own already.
const elevatedVariable = "CONFORM_USER_NAMESPACE"

// Elevate lets who is not root build a LAN all the same: it runs this program again, with the same arguments, as root of
// a user namespace of its own, waits for its end and gives its exit code. It has done nothing where that is not needed.
func Elevate() (code int, done bool, err error) {
	if os.Geteuid() == 0 || os.Getenv(elevatedVariable) != "" {
		return 0, false, nil
	}
	runtime.LockOSThread() // the new process dies with the thread that has started it
	defer runtime.UnlockOSThread()
	cmd := again(os.Args[1:]...)
	cmd.Env = append(os.Environ(), elevatedVariable+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}}
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), true, nil
	}
	if err != nil {
		return 0, false, can("be root of a user namespace (CONFIG_USER_NS)", err)
	}
	return 0, true, nil
}

// again is this program, wherever its file is by now and whoever may look there.
func again(args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = os.Args[0]
	return cmd
}
