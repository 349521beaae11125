package main

import (
	"testing"

	"github.com/conform-go/conform/impl/external/internal/certify"
	"github.com/conform-go/conform/impl/external/line"
	"github.com/conform-go/conform/spec"
)

func TestMain(m *testing.M) {
	certify.Main(m, map[string]certify.Program{
		"core":   {Hello: coreHello(), Start: startCore},
		"stream": {Hello: impatient(), Start: func(i line.Init, o *line.Out) (line.Member, error) { return startStream(i, o, how{durable: true}) }},
		"twice":  {Hello: coreHello(), Start: startTwice},
	})
}

// impatient does not wait for an election: what is judged with it must hold before one too.
func impatient() line.Hello {
	h := streamHello(true)
	h.Settle = 0
	return h
}

// startTwice is an application with a bug: it subscribes twice.
func startTwice(i line.Init, out *line.Out) (line.Member, error) {
	m, err := startCore(i, out)
	if err == nil {
		n := m.(core).node
		_, err = n.nc.Subscribe(group, n.deliver)
	}
	return m, err
}

func TestCore(t *testing.T) {
	certify.Holds(t, certify.Run(t, certify.Command("core"), 2), "NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY")
}

func TestStream(t *testing.T) {
	if testing.Short() {
		t.Skip("an election takes seconds")
	}
	claims := []string{"NO-CREATION", "NO-DUPLICATION", "TOTAL-ORDER"}
	certify.Holds(t, certify.Run(t, certify.Command("stream"), 1, claims...), "NO-DUPLICATION", "TOTAL-ORDER")
}

// TestTwice: what an application gets twice is seen.
func TestTwice(t *testing.T) {
	r := certify.Run(t, certify.Command("twice"), 1)
	if row := certify.Row(t, r, "NO-DUPLICATION"); row.Verdict != spec.Fail {
		t.Errorf("every message was delivered twice: %v", row.Verdict)
	}
}
