package mutant

import (
	"encoding/binary"
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

// The schedules of these need every node that crashes to come back, and judges that take one that did for correct.
func durableMutants() []Mutant {
	restarts := spec.SetOf(spec.CrashFault, spec.CrashLossyFault, spec.RecoverFault)
	return []Mutant{
		{
			Name:   "ack-before-sync",
			Title:  "A send is acknowledged when its record has been handed to the disk, which may lose it until it has been synced.",
			Breaks: []spec.ID{"ACKED-DELIVERED", "DURABILITY"},
			Cell:   overDurable, Under: restarts,
			New: with(overDurable, func(s *stack) { s.reliability = durableAckedOnAppend }),
		},
		{
			Name:   "dedup-window-only-in-memory",
			Title:  "What the log has is handed up again, but not remembered, so that it is delivered once more when somebody sends it again.",
			Breaks: []spec.ID{"NO-DUPLICATION"},
			Cell:   overDurable, Under: restarts,
			New: with(overDurable, func(s *stack) { s.reliability = durableThatForgets }),
		},
		{
			Name:   "number-reused-after-restart",
			Title:  "A recovered node does not look up what it had sent and counts from 1 again, so that the others take its new messages for old ones.",
			Breaks: []spec.ID{"NO-DUPLICATION/restart", "VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED", "DURABILITY", "LOG-PREFIX"},
			Cell:   overDurable, Under: restarts,
			New: with(overDurable, func(s *stack) { s.reliability = durableFromOne }),
		},
		{
			Name:   "log-replayed-out-of-order",
			Title:  "After a recovery the log is handed up from its end, and not in the order in which the application had it before.",
			Breaks: []spec.ID{"LOG-PREFIX"},
			Cell:   overDurable, Under: restarts,
			New: with(overDurable, func(s *stack) { s.reliability = durableBackwards }),
		},
		{
			Name:   "torn-tail-accepted",
			Title:  "The checksum of the last record is not looked at, so that what a crash has left of it is taken for a message.",
			Breaks: []spec.ID{"NO-CREATION", "NO-DUPLICATION/restart", "VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED", "DURABILITY", "LOG-PREFIX"},
			Cell:   overDurable, Under: restarts.With(spec.TornFault),
			New: with(overDurable, func(s *stack) { s.reliability = durableWithTornTail }),
		},
		{
			Name:   "torn-tail-drops-the-log",
			Title:  "A log with a torn tail is taken for worthless, and with its last record all that went before is dropped.",
			Breaks: []spec.ID{"NO-DUPLICATION/restart", "VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED", "DURABILITY", "LOG-PREFIX"},
			Cell:   overAtomicLog, Under: restarts.With(spec.TornFault),
			New: with(overAtomicLog, func(s *stack) { s.reliability = atomicLogOrNothing }),
		},
		{
			Name:   "ack-on-receive",
			Title:  "A recipient acknowledges what it has in memory, and syncs later: if it crashes in between, it is told to deliver what it does not have.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED", "DURABILITY", "LOCAL-ORDER"},
			Cell:   overAtomicLog, Under: restarts,
			New: with(overAtomicLog, func(s *stack) { s.reliability = atomicLogAckedOnReceipt }),
		},
		{
			Name:   "failed-sync-ignored",
			Title:  "A sync that failed is taken for done, so that what is acknowledged may never have been on disk.",
			Breaks: []spec.ID{"NO-DUPLICATION/restart", "ACKED-DELIVERED", "LOG-PREFIX"},
			Cell:   overAtomicLogOfOne, Under: restarts.With(spec.DiskErrorFault),
			New: with(overAtomicLogOfOne, func(s *stack) { s.reliability = atomicLogDespiteErrors }),
		},
		{
			Name:   "sender-forgets-acks-after-recovery",
			Title:  "A recovered sender has forgotten whose acknowledgements are missing, takes its messages for done, and sends nothing again.",
			Breaks: []spec.ID{"AGREEMENT", "ACKED-DELIVERED", "DURABILITY", "LOCAL-ORDER"},
			Cell:   overAtomicLog, Under: restarts,
			New: with(overAtomicLog, func(s *stack) { s.reliability = atomicLogWithoutMemory }),
		},
		{
			Name:   "gives-up-silently",
			Title:  "A sender that has had no acknowledgement does not try again and tells nobody, so that nobody ever delivers.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED", "DURABILITY"},
			Cell:   overAtomicLog, Under: restarts,
			New: with(overAtomicLog, func(s *stack) { s.reliability = atomicLogOfOneTry }),
		},
		{
			Name:   "commit-sent-before-it-is-logged",
			Title:  "The sender sends “commit” and acknowledges before its own log has it: if it crashes in between, it says “abort” when it is back.",
			Breaks: []spec.ID{"AGREEMENT", "ACKED-DELIVERED", "DURABILITY"},
			Cell:   overAtomicAbort, Under: restarts,
			New: with(overAtomicAbort, func(s *stack) { s.reliability = abortCommitsEarly }),
		},
		{
			Name:   "aborted-and-delivered",
			Title:  "A recipient delivers when it is prepared and does not wait for the outcome, which may be to abort.",
			Breaks: []spec.ID{"NO-DUPLICATION/restart", "AGREEMENT", "NO-RESURRECTION", "LOG-PREFIX"},
			Cell:   overAtomicAbort, Under: restarts,
			New: with(overAtomicAbort, func(s *stack) { s.reliability = abortIgnored }),
		},
	}
}

func durableAckedOnAppend(cfg impl.Config) impl.Layer {
	return &wrapped{
		layer: reliability.NewDurable(cfg, reliability.Majority),
		input: func(in impl.Input) impl.Input {
			if toGroup(in, impl.Send) {
				in.Ref = 0
			}
			return in
		},
		effects: func(in impl.Input, list []impl.Effect) []impl.Effect {
			if toGroup(in, impl.Send) && in.Ref != 0 {
				list = append(list, impl.Effect{Kind: impl.Acknowledge, Ref: in.Ref})
			}
			return list
		},
	}
}

func durableThatForgets(cfg impl.Config) impl.Layer {
	d := reliability.NewDurable(cfg, reliability.Majority)
	d.Rules.Remembers = func(uint64) bool { return false }
	return d
}

// The kinds of a durable level's records: how its numbers began, what it sent, its own copies, and what is settled of an
// origin, which stands at the end.
const (
	recordBegun   = 1
	recordSent    = 2
	recordOwn     = 3
	recordSettled = 5
)

// durableFromOne reads of its log what others have sent, and under which incarnation it counts.
func durableFromOne(cfg impl.Config) impl.Layer {
	d := reliability.NewDurable(cfg, reliability.Majority)
	d.Rules.Read = func(log []byte) impl.Journal {
		j := impl.ReadJournal(log)
		j.Records = slices.DeleteFunc(j.Records, func(r impl.Record) bool {
			own := len(r.Payload) >= 2 && spec.NodeID(binary.LittleEndian.Uint16(r.Payload[len(r.Payload)-2:])) == cfg.Self
			return r.Kind == recordSent || r.Kind == recordOwn || r.Kind == recordSettled && own
		})
		for i, r := range j.Records {
			if r.Kind == recordBegun {
				j.Records[i].Payload = append(make([]byte, 8), r.Payload[8:]...) // the last number
			}
		}
		return j
	}
	return d
}

func durableBackwards(cfg impl.Config) impl.Layer {
	return &wrapped{layer: reliability.NewDurable(cfg, reliability.Majority), effects: func(in impl.Input, list []impl.Effect) []impl.Effect {
		if in.Kind == impl.Ready {
			i := slices.IndexFunc(list, func(e impl.Effect) bool { return e.Kind == impl.Up })
			if i >= 0 {
				slices.Reverse(list[i:])
			}
		}
		return list
	}}
}

func durableWithTornTail(cfg impl.Config) impl.Layer {
	d := reliability.NewDurable(cfg, reliability.Majority)
	d.Rules.Read = func(log []byte) impl.Journal {
		j := impl.ReadJournal(log)
		if r, _ := impl.DecodeRecord(log[len(log)-j.Torn:]); r.Kind != 0 {
			r.End = len(log)
			j.Records = append(j.Records, r)
		}
		return j
	}
	return d
}

func atomicLogOrNothing(cfg impl.Config) impl.Layer {
	a := reliability.NewAtomicLog(cfg, 2)
	a.Rules.Read = func(log []byte) impl.Journal {
		j := impl.ReadJournal(log)
		if j.Torn > 0 {
			j.Records = nil
		}
		return j
	}
	return a
}

// hasty is a layer that takes its records for synced in the steps in which when says so.
type hasty struct {
	impl.Layer
	when func(list []impl.Effect) bool
}

// Step implements [impl.Layer].
func (h hasty) Step(in impl.Input, out *impl.Effects) {
	first := len(out.List)
	h.Layer.Step(in, out)
	if !h.when(out.List[first:]) {
		return
	}
	for i := first; i < len(out.List); i++ {
		if e := out.List[i]; e.Kind == impl.Persist {
			h.Layer.Step(impl.Input{Kind: impl.Persisted, Now: in.Now, Ref: e.Ref}, out)
		}
	}
}

// noted says whether effects have a note.
func noted(c impl.Code) func([]impl.Effect) bool {
	return func(list []impl.Effect) bool {
		return slices.ContainsFunc(list, func(e impl.Effect) bool { return e.Kind == impl.Note && e.Code == c })
	}
}

func atomicLogAckedOnReceipt(cfg impl.Config) impl.Layer {
	return hasty{reliability.NewAtomicLog(cfg, 2), noted(impl.PointReceived)}
}

func atomicLogDespiteErrors(cfg impl.Config) impl.Layer {
	return &wrapped{layer: reliability.NewAtomicLog(cfg, 1), input: func(in impl.Input) impl.Input {
		if in.Kind == impl.StorageFailed {
			in.Kind = impl.Persisted
		}
		return in
	}}
}

func atomicLogWithoutMemory(cfg impl.Config) impl.Layer {
	a := reliability.NewAtomicLog(cfg, 2)
	a.Rules.Resumes = func(uint64) bool { return false }
	return a
}

func atomicLogOfOneTry(cfg impl.Config) impl.Layer {
	a := reliability.NewAtomicLog(cfg, 2)
	a.Rules.Patient = func(spec.Time, *impl.Config) bool { return false }
	return a
}

func abortCommitsEarly(cfg impl.Config) impl.Layer {
	return hasty{reliability.NewAtomicAbort(cfg), noted(impl.PointBetweenPhases)}
}

func abortIgnored(cfg impl.Config) impl.Layer {
	a := reliability.NewAtomicAbort(cfg)
	a.Rules.Waits = func() bool { return false }
	return a
}
