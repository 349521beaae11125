package reliability

import "github.com/conform-go/conform/impl"

// AtomicLog is R8, atomic multicast that never gives up, by persistent logs on both sides and an acknowledgement from
// everyone: all members eventually process every message. Its two phases are those of two-phase commit (Gray, Notes on
// Data Base Operating Systems, 1978) without a way to abort.
//
//	to multicast m:         append m to the log, sync; send m to the group, itself included
//	on receiving m:         append m to the log, sync; acknowledge m to its sender; with one phase, deliver it
//	when all have acknowledged m, with two phases:
//	                        append "deliver m" to the log, sync; send "deliver m" to the group
//	on receiving "deliver": append it to the log, sync; acknowledge it; deliver m
//	every TS, doubled with each try up to TL, for ever: send again to those that have not acknowledged
//	on recovery:            both sides resume where their logs left off
//
// With two phases nobody delivers before everyone has the message on disk; with one, a message may be delivered by some
// a long time before others have it. One member that is dead for good blocks, with two phases, every message for ever;
// the application hears of it by Suspect, and its sends have no answer. So does a sender that is dead for good: only it
// can say that all have acknowledged. The level promises nothing but for nodes that come back.
//
// It lies over an accepting channel: a hop is acknowledged when the message is on the receiver's disk. What is handed up
// again after a recovery is marked, unless the application says how much it has kept. A write that fails breaks the
// node, as at the level durable. One-to-one messages are the channel's.
//
// It acknowledges when every member has the message on disk; with two phases, when moreover "deliver" is on the
// sender's: from then on nothing can keep it from being processed by all.
type AtomicLog struct{ phased }

// NewAtomicLog makes the layer of one node, of one or two phases.
func NewAtomicLog(cfg impl.Config, phases int) *AtomicLog {
	if phases != 1 && phases != 2 {
		panic("reliability: an atomic log has 1 or 2 phases")
	}
	return &AtomicLog{newPhased(cfg, phases, false)}
}
