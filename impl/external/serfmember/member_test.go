package main

import (
	"testing"

	"github.com/conform-go/conform/impl/external/internal/certify"
	"github.com/conform-go/conform/impl/external/line"
	"github.com/conform-go/conform/spec"
)

func TestMain(m *testing.M) {
	certify.Main(m, map[string]certify.Program{
		"serf": {Hello: hello(), Start: start},
		"deaf": {Hello: impatient(), Start: startDeaf},
	})
}

// impatient waits less long for what never comes.
func impatient() line.Hello {
	h := hello()
	h.Settle = 0
	return h
}

// startDeaf is a node with a bug: it joins nobody.
func startDeaf(i line.Init, out *line.Out) (line.Member, error) {
	i.Nodes = []string{i.Node}
	return start(i, out)
}

func TestSerf(t *testing.T) {
	certify.Holds(t, certify.Run(t, certify.Command("serf"), 1), "NO-CREATION", "NO-DUPLICATION", "SELF-DELIVERY", "VALIDITY")
}

// TestDeaf: what does not arrive is missed.
func TestDeaf(t *testing.T) {
	if testing.Short() {
		t.Skip("in real time")
	}
	r := certify.Run(t, certify.Command("deaf"), 1)
	if row := certify.Row(t, r, "VALIDITY"); row.Verdict != spec.Fail {
		t.Errorf("no node heard of another: %v %s", row.Verdict, row.Reason)
	}
}
