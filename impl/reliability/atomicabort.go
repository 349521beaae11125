package reliability

import "github.com/conform-go/conform/impl"

// AtomicAbort is R9, all or none: if the sender gives up on one recipient, no recipient processes the message. It is
// two-phase commit (Gray, Notes on Data Base Operating Systems, 1978), the presumption that of Mohan, Lindsay,
// Obermarck, Transaction Management in the R* Distributed Database Management System, 1986.
//
//	to multicast m:        append m to the log, sync; send "prepare m" to the group, itself included
//	on receiving prepare:  append m to the log, sync; acknowledge it to its sender
//	when all have acknowledged:
//	                       append "commit m" to the log, sync; send "commit m" to the group
//	when TL has passed and some have not, or the sender has crashed in between:
//	                       append "abort m" to the log, sync; send "abort m" to the group; refuse m
//	on receiving the outcome: append it to the log, sync; acknowledge it; on commit deliver m
//	in doubt on recovery, or for TL: ask everybody for the outcome, every TL
//	                       a sender that knows nothing of m says "abort"
//
// The outcome is sent until everyone has acknowledged it, so that one who was dead learns it when it restarts. Anyone
// who knows it answers one in doubt: where the sender is dead for good, those in doubt are as long as nobody has heard
// of it, and then nobody has delivered. A sender that has lost its disk knows nothing: then, and only then, what some
// have delivered may be aborted at others.
//
// It lies over an accepting channel. What is handed up again after a recovery is marked, unless the application says how
// much it has kept. A write that fails breaks the node, as at the level durable. One-to-one messages are the channel's.
//
// What is aborted leaves no hole that nobody knows of: at the place in the stream where a recipient learns that it is, the
// level announces a gap with the message itself, so that an ordering above can go on behind it.
//
// It acknowledges when "commit" is on the sender's disk, and refuses when "abort" is. A sender that crashes in between
// tells nobody.
type AtomicAbort struct{ phased }

// NewAtomicAbort makes the layer of one node.
func NewAtomicAbort(cfg impl.Config) *AtomicAbort {
	return &AtomicAbort{newPhased(cfg, 2, true)}
}
