package faults

import (
	"fmt"
	"strings"

	"github.com/conform-go/conform/spec"
)

var strategyNames = [strategies]string{Latency: "latency", POS: "pos", PCT: "pct"}

var momentNames = [moments]string{
	AtTime: "at", OnAction: "action", OnSend: "send", OnReceive: "receive", OnDeliver: "deliver", OnAck: "ack",
	OnPersist: "persist", OnPoint: "point",
}

var opNames = [ops]string{
	Nothing: "nothing",
	Send:    "send", Join: "join", Leave: "leave", Sync: "sync", Query: "query", Create: "create", Destroy: "destroy",
	Crash: "crash", CrashLossy: "crash-lossy", Recover: "recover", Pause: "pause",
	OmitSend: "omit-send", OmitReceive: "omit-receive", Loss: "loss",
	Partition: "partition", OneWay: "oneway", Bridge: "bridge", Isolate: "isolate", Flap: "flap",
	Delay: "delay", Duplicate: "duplicate", Reorder: "reorder", Corrupt: "corrupt", Heal: "heal",
	RouterDown: "router-down", RPDown: "rp-down", PruneLost: "prune-lost", Boundary: "boundary",
	TableFull: "table-full", TTL: "ttl", IGMPLoss: "igmp-loss", Rogue: "rogue", Listen: "listen", Flood: "flood",
	Overflow: "overflow",
	LostSync: "lost-sync", Torn: "torn", DiskError: "disk-error", DiskFull: "disk-full", DiskSlow: "disk-slow",
	DiskFlip: "disk-flip", DiskGone: "disk-gone",
	Lies: "lie",
	Skew: "skew", Jump: "jump", Drift: "drift",
}

// String gives the strategy as a scenario file spells it.
func (s Strategy) String() string { return nameOf("strategy", int(s), strategyNames[:]) }

// String gives the moment as a scenario file spells it; "at" is the one that is no trigger.
func (m Moment) String() string { return nameOf("moment", int(m), momentNames[:]) }

// String gives the action as a scenario file spells it.
func (o Op) String() string { return nameOf("action", int(o), opNames[:]) }

// ParseStrategy is the inverse of [Strategy.String].
func ParseStrategy(name string) (Strategy, error) {
	i, err := indexOf("strategy", name, strategyNames[:])
	return Strategy(i), err
}

// ParseMoment is the inverse of [Moment.String].
func ParseMoment(name string) (Moment, error) {
	i, err := indexOf("moment", name, momentNames[:])
	return Moment(i), err
}

// ParseOp is the inverse of [Op.String].
func ParseOp(name string) (Op, error) {
	i, err := indexOf("action", name, opNames[:])
	return Op(i), err
}

// Ops lists every action but Nothing, in their order.
func Ops() []Op {
	var all []Op
	for o := Nothing + 1; o < ops; o++ {
		all = append(all, o)
	}
	return all
}

func nameOf(what string, i int, names []string) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%s(%d)", what, i)
}

// indexOf finds a name. Its error offers the names that are near, or all of them where none is.
func indexOf(what, name string, names []string) (int, error) {
	for i, n := range names {
		if n == name {
			return i, nil
		}
	}
	return 0, unknown(what, name, names)
}

func unknown(what, name string, names []string) error {
	near := spec.Near(name, names)
	if len(near) == 0 {
		near = names
	}
	if len(near) == 0 {
		return fmt.Errorf("unknown %s %q: there are none", what, name)
	}
	return fmt.Errorf("unknown %s %q: want one of %s", what, name, strings.Join(near, ", "))
}

// OpsOf gives the operations that are a kind of fault. The crash of a coordinator is a crash, of one who is.
func OpsOf(k spec.FaultKind) (all []Op) {
	if k == spec.CoordinatorFault {
		k = spec.CrashFault
	}
	for o := range ops {
		if has, ok := o.Fault(); ok && has == k {
			all = append(all, o)
		}
	}
	return all
}
