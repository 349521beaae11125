package main

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/spec"
)

// small is a run that takes less than a second on a quiet machine and may take much longer on a busy one.
var small = Params{Members: 3, Messages: 100, Seed: 1, Timeout: 20 * time.Second, Quiet: 300 * time.Millisecond}

// promised is what a user of core NATS may rely on; README.md says where it is written.
var promised = []spec.ID{checkers.NoCreation, checkers.NoDuplication, checkers.ContentIntegrity, checkers.ChannelIntegrity, checkers.FIFOOrder}

// undisturbed is what holds besides while all connections live and no client is slow.
var undisturbed = []spec.ID{checkers.Validity, checkers.Agreement, checkers.SelfDelivery, checkers.ChannelValidity, checkers.FIFOGapFree}

func record(t *testing.T, p Params) *spec.History {
	t.Helper()
	h, err := Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == spec.Note || e.Kind == spec.Fault || e.Kind == spec.Heal {
			t.Log(e.Kind, h.ExtraOf(e).Text)
		}
	}
	return h
}

// passes wants every requirement tested, and held.
func passes(t *testing.T, h *spec.History, ids ...spec.ID) {
	t.Helper()
	for _, f := range checkers.Check(h, ids...) {
		if f.Verdict != spec.Pass {
			t.Errorf("%s: %v %s %s", f.ID, f.Verdict, f.Reason, words(f))
		}
	}
}

func words(f spec.Finding) string {
	if f.Witness == nil {
		return ""
	}
	return f.Witness.Text
}

func TestUndisturbed(t *testing.T) {
	h := record(t, small)
	if !h.Settled {
		t.Fatal("not settled")
	}
	passes(t, h, promised...)
	passes(t, h, undisturbed...)
	for _, f := range checkers.Check(h, checkers.LocalOrder, checkers.CausalOrder) { // seen, not promised: either way
		t.Logf("%s: %v after %d instances %s", f.ID, f.Verdict, f.Antecedents, words(f))
	}
}

// Of two members on two servers each delivers its own message first: no order exists that both fit into.
func TestTotalOrderIsRefuted(t *testing.T) {
	h := record(t, small)
	f := checkers.Check(h, checkers.TotalOrder)[0]
	if f.Verdict != spec.Fail || f.Witness == nil {
		t.Fatalf("%v %s", f.Verdict, f.Reason)
	}
	t.Log(f.Witness.Text)
	msgs, nodes := map[spec.MsgID]bool{}, map[spec.NodeID]bool{}
	for _, i := range f.Witness.Events {
		if e := &h.Events[i]; e.Kind == spec.Deliver {
			msgs[e.Msg], nodes[e.Node] = true, true
		}
	}
	if len(msgs) < 2 || len(nodes) < 2 {
		t.Errorf("%d messages and %d processes in the witness, want two of each", len(msgs), len(nodes))
	}
}

// With a server shut down in the middle, at-most-once shows: its client lacks what was sent while it was away, and has
// what came after. What is promised holds all the same.
func TestKillLosesMessages(t *testing.T) {
	p := small
	p.Kill = true
	h := record(t, p)
	if !h.Settled {
		t.Fatal("not settled")
	}
	passes(t, h, promised...)
	for _, f := range checkers.Check(h, checkers.Validity, checkers.Agreement, checkers.FIFOGapFree) {
		if f.Verdict != spec.Fail {
			t.Errorf("%s: %v %s, want a fail", f.ID, f.Verdict, f.Reason)
		}
		t.Log(f.ID, words(f))
	}
}

func TestTimesFollowTheOrderOfTheHistory(t *testing.T) {
	h := record(t, small)
	for i := 1; i < len(h.Events); i++ {
		if h.Events[i].T < h.Events[i-1].T {
			t.Fatalf("event %d at %d after event %d at %d", i, h.Events[i].T, i-1, h.Events[i-1].T)
		}
	}
}

// A run that is cut short in the middle of everything stops by itself, leaves nothing behind, and is not settled.
func TestEndsInTime(t *testing.T) {
	for _, limit := range []time.Duration{time.Millisecond, 50 * time.Millisecond, 300 * time.Millisecond} {
		p := small
		p.Messages, p.Timeout, p.Kill = messagesMax, limit, true
		begin := time.Now()
		h, err := Run(context.Background(), p)
		if took := time.Since(begin); took > limit+5*time.Second {
			t.Errorf("limit %v: took %v", limit, took)
		}
		if err == nil && h.Settled {
			t.Errorf("limit %v: settled", limit)
		}
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithTimeout(t.Context(), small.Timeout)
	defer cancel()
	c, err := startCluster(ctx, servers)
	var ports []string
	for _, s := range c.servers {
		u, err := url.Parse(s.ClientURL())
		if err != nil {
			t.Fatal(err)
		}
		if host := u.Hostname(); host != loopback {
			t.Errorf("listens on %s", host)
		}
		ports = append(ports, u.Host, s.ClusterAddr().String())
	}
	c.stop()
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range ports {
		if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			conn.Close()
			t.Errorf("%s is still open", addr)
		}
	}
	record(t, small)
	ctx, cancel = context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if await(ctx, "", func() bool { return runtime.NumGoroutine() <= before }) != nil {
		buf := make([]byte, 1<<20)
		t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
	}
}

func TestCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.jsonl")
	var out, diag strings.Builder
	if code := command([]string{"-members", "3", "-messages", "5", "-quiet", "200ms", "-o", file}, &out, &diag); code != exitOK {
		t.Fatalf("exit %d: %s", code, diag.String())
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h, err := spec.ReadHistory(f)
	if err != nil {
		t.Fatal(err)
	}
	if !h.Settled || h.Groups[0].Closed || h.Model != spec.CrashStop {
		t.Errorf("settled %v, closed %v, model %v", h.Settled, h.Groups[0].Closed, h.Model)
	}
	passes(t, h, promised[0], checkers.Validity)
	for _, args := range [][]string{{"-members", "1"}, {"-messages", "0"}, {"-kill", "-members", "2"}, {"-kill", "-messages", "5"}, {"-nonsense"}, {"more"}} {
		if code := command(args, &out, &diag); code != exitUsage {
			t.Errorf("%q: exit %d, want %d", args, code, exitUsage)
		}
	}
}
