package mutant

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// tcpMutants take a byte stream for what it is not.
func tcpMutants() []Mutant {
	cuts := spec.SetOf(spec.LossFault, spec.PartitionFault)
	return []Mutant{
		{
			Name:   "tcp-read-taken-for-message",
			Title:  "What one read brings is taken for whole frames: a rest that does not make one is thrown away, and the next read begins in the middle.",
			Breaks: []spec.ID{"CHANNEL-VALIDITY", "VALIDITY", "AGREEMENT", "NO-SILENT-GAP", "FIFO-ORDER", "FIFO-GAPFREE"},
			Cell:   inSegments, Under: spec.NoFaults, OneToOne: true,
			New: with(inSegments, func(s *stack) { s.transport = tcpOfWholeReads }),
		},
		{
			Name:  "tcp-frame-boundary-lost",
			Title: "The half frame that a lost connection left is kept, and what the new one brings is put behind it.",
			Breaks: []spec.ID{"NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY", "SENDER-INTEGRITY",
				"CHANNEL-VALIDITY", "CHANNEL-INTEGRITY", "VALIDITY", "AGREEMENT", "NO-SILENT-GAP", "FIFO-ORDER",
				"FIFO-GAPFREE"},
			Cell: inSegments, Under: cuts, OneToOne: true,
			New: with(inSegments, func(s *stack) { s.transport = tcpThatKeepsHalves }),
		},
		{
			Name:   "tcp-pending-lost-on-reconnect",
			Title:  "What has been written to a connection is taken for sent, and when the connection is lost it is lost with it.",
			Breaks: []spec.ID{"CHANNEL-VALIDITY", "VALIDITY", "AGREEMENT", "NO-SILENT-GAP", "FIFO-ORDER", "FIFO-GAPFREE"},
			Cell:   overTCP, Under: cuts, OneToOne: true,
			New: with(overTCP, func(s *stack) { s.transport = tcpThatForgets }),
		},
		{
			Name:   "tcp-duplicates-after-reconnect",
			Title:  "The receiver does not compare numbers, because TCP has no duplicates: what is written again on a new connection is delivered again.",
			Breaks: []spec.ID{"NO-DUPLICATION", "CHANNEL-INTEGRITY"},
			Cell:   overTCP, Under: cuts, OneToOne: true,
			New: with(overTCP, func(s *stack) { s.transport = tcpWithoutNumbers }),
		},
		{
			Name:   "tcp-acked-when-written",
			Title:  "A send is acknowledged when it has been written to the sockets, though nobody has read it.",
			Breaks: []spec.ID{"ACKED-DELIVERED"},
			Cell:   reliableOverTCP, Under: spec.SetOf(spec.CrashFault, spec.CrashLossyFault),
			New: with(reliableOverTCP, func(s *stack) { s.transport = tcpAckedWhenWritten }),
		},
	}
}

func tcpOfWholeReads(cfg impl.Config) impl.Layer {
	t := transport.NewTCP(cfg)
	t.Rules.Continued = func([]byte) []byte { return nil }
	return t
}

func tcpThatKeepsHalves(cfg impl.Config) impl.Layer {
	t := transport.NewTCP(cfg)
	t.Rules.Reconnected = func(partial []byte) []byte { return partial }
	return t
}

func tcpThatForgets(cfg impl.Config) impl.Layer {
	t := transport.NewTCP(cfg)
	t.Rules.Resends = func(written bool) bool { return !written }
	return t
}

func tcpWithoutNumbers(cfg impl.Config) impl.Layer {
	t := transport.NewTCP(cfg)
	t.Rules.Fresh = func(uint64, uint64) bool { return true }
	return t
}

func tcpAckedWhenWritten(cfg impl.Config) impl.Layer { return ackedWhenSent(transport.NewTCP(cfg)) }
