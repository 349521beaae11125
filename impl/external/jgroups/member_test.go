// Package jgroups has an adapter to JGroups, in Java: Member.java. Its test needs a JDK and Debian's libjgroups-java.
package jgroups

import (
	"os"
	"os/exec"
	"testing"

	"github.com/conform-go/conform/impl/external/internal/certify"
)

const jar = "/usr/share/java/jgroups.jar"

func TestSequencer(t *testing.T) {
	javac, err := exec.LookPath("javac")
	if _, missing := os.Stat(jar); err != nil || missing != nil {
		t.Skip("without a JDK and libjgroups-java")
	}
	if testing.Short() {
		t.Skip("in real time")
	}
	dir := t.TempDir()
	if _, err := os.Stat("Member.java"); err != nil { // the go command sees by it that the result depends on that file
		t.Fatal(err)
	}
	if out, err := exec.Command(javac, "-cp", jar, "-d", dir, "Member.java").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	command := []string{"java", "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", jar + ":" + dir, "Member", "sequencer"}
	certify.Holds(t, certify.Run(t, command, 1), "NO-CREATION", "NO-DUPLICATION", "VALIDITY", "TOTAL-ORDER")
}
