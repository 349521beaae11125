package mutant

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
)

// maker makes one layer of one node.
type maker func(impl.Config) impl.Layer

// stack is what a cell consists of, top first. A mutant changes one of the layers; nil is left out.
type stack struct {
	membership, ordering, fragment, reliability, transport, channel maker
}

// node is the constructor of a node's whole stack.
func (s stack) node(cfg impl.Config) impl.Layer {
	var layers []impl.Layer
	for _, m := range []maker{s.membership, s.ordering, s.fragment, s.reliability, s.transport, s.channel} {
		if m != nil {
			layers = append(layers, m(cfg))
		}
	}
	return impl.NewStack(layers...)
}

// The cells that mutants are made from.
const (
	bare                    = "unicast/unreliable/unordered"
	overChannel             = "unicast:channel=on/unreliable/unordered"
	inPieces                = "unicast:mtu=200/unreliable/unordered"
	overBestEffort          = "unicast/best-effort/unordered"
	cumulativeAcks          = "unicast/best-effort:ack=cumulative/unordered"
	piggybackAcks           = "unicast/best-effort:ack=piggyback/unordered"
	overNack                = "unicast/nack/unordered"
	overReliable            = "unicast/reliable/unordered"
	overReliableIP          = "unicast/reliable-ip/unordered"
	overStableIP            = "unicast/reliable-ip:deliver=stable/unordered"
	overNarrowIP            = "unicast/reliable-ip:window=4/unordered"
	overUniform             = "unicast/uniform/unordered"
	overAtomicView          = "unicast/atomic-view/unordered"
	overGossip              = "unicast/gossip/unordered"
	overByzantine           = "unicast/byzantine/unordered"
	overDurable             = "unicast/durable/unordered"
	overAtomicLog           = "unicast/atomic-log/unordered"
	overAtomicLogOfOne      = "unicast/atomic-log:phases=1/unordered"
	overAtomicAbort         = "unicast/atomic-abort/unordered"
	fifoOverReliable        = "unicast/reliable/fifo"
	fifoOverLoss            = "unicast/unreliable/fifo:gap=announce"
	causalOverReliable      = "unicast/reliable/causal"
	causalOverDurable       = "unicast/durable/causal"
	sequencerOverLog        = "unicast/atomic-log/total-sequencer"
	sequencerOverAbort      = "unicast/atomic-abort/total-sequencer"
	lamportOverDurable      = "unicast/durable/total-lamport"
	sequencerOverReliable   = "unicast/reliable/total-sequencer"
	sequencerByUnicast      = "unicast/reliable/total-sequencer:form=ub"
	serverOverReliable      = "unicast/reliable/total-seqserver"
	serverThatBlocks        = "unicast/reliable/total-seqserver:holes=block"
	agreementOverReliable   = "unicast/reliable/total-agreement"
	lamportOverReliable     = "unicast/reliable/total-lamport"
	causalTotalOverReliable = "unicast/reliable/causal-total:order=agreement"
	overCoordinator         = "coordinator/unreliable/unordered"
	overTree                = "hierarchy:fanout=2/unreliable/unordered"
	reliableOverCoordinator = "coordinator/reliable/unordered"
	reliableOverTree        = "hierarchy:fanout=2/reliable/unordered"
	overTCP                 = "tcp/unreliable/unordered"
	inSegments              = "tcp:mss=100/unreliable/unordered"
	reliableOverTCP         = "tcp/reliable/unordered"
	overKaashoek            = "unicast/unreliable/total-kaashoek"
	overTinyHistory         = "unicast/unreliable/total-kaashoek:history=2"
	overKaashoekBB          = "unicast/unreliable/total-kaashoek:method=bb"
	syncOfSender            = "unicast/reliable/sync"
	syncCut                 = "unicast/reliable/sync:reading=cut"
	syncCausal              = "unicast/reliable/sync:reading=causal"
	syncBlocking            = "unicast/reliable/sync:reading=blocking"
	fifoSync                = "unicast/reliable/fifo+sync"
	fifoCut                 = "unicast/reliable/fifo+sync:reading=cut"
	fifoCausal              = "unicast/reliable/fifo+sync:reading=causal"
	fifoBlocking            = "unicast/reliable/fifo+sync:reading=blocking"
	realTimeOverReliable    = "unicast/reliable/real-time"
	realTimeAtTheBound      = "unicast/reliable/real-time:delta=10"
)

// correct gives the stack of a cell without any bug.
func correct(cell string) stack {
	s := stack{membership: static, ordering: unordered, reliability: reliable, transport: unicast, channel: channel}
	switch cell {
	case bare:
		s.reliability, s.channel = unreliable, nil
	case overChannel:
		s.reliability = unreliable
	case inPieces:
		s.fragment, s.reliability, s.channel = fragment, unreliable, nil
	case overBestEffort:
		s.reliability, s.channel = bestEffort, nil
	case cumulativeAcks:
		s.reliability, s.channel = acks(reliability.Cumulative), nil
	case piggybackAcks:
		s.reliability, s.channel = acks(reliability.Piggyback), nil
	case overNack:
		s.reliability, s.channel = nack, nil
	case overReliable:
	case overReliableIP:
		s.reliability, s.channel = reliableIP, nil
	case overNarrowIP:
		s.reliability, s.channel = narrowIP, nil
	case overStableIP:
		s.reliability, s.channel = stableIP, nil
	case overUniform:
		s.reliability = uniform
	case overAtomicView:
		s.reliability = atomicView
	case overGossip:
		s.reliability, s.channel = gossip, nil
	case overByzantine:
		s.reliability = byzantine
	case overDurable:
		s.reliability, s.channel = durable, accepting
	case causalOverDurable:
		s.ordering, s.reliability, s.channel = causalReplayed, durable, accepting
	case sequencerOverLog:
		s.ordering, s.reliability, s.channel = sequencerReplayed(nil), atomicLog, accepting
	case sequencerOverAbort:
		s.ordering, s.reliability, s.channel = sequencerReplayed(nil), atomicAbort, accepting
	case lamportOverDurable:
		s.ordering, s.reliability, s.channel = lamportReplayed, durable, accepting
	case overAtomicLog:
		s.reliability, s.channel = atomicLog, accepting
	case overAtomicLogOfOne:
		s.reliability, s.channel = atomicLogOfOne, accepting
	case overAtomicAbort:
		s.reliability, s.channel = atomicAbort, accepting
	case fifoOverReliable:
		s.ordering = fifo
	case fifoOverLoss:
		s.ordering, s.reliability, s.channel = fifoThatTells(true), unreliable, nil
	case causalOverReliable:
		s.ordering = causal
	case sequencerOverReliable:
		s.ordering = sequencer(ordering.BB)
	case sequencerByUnicast:
		s.ordering = sequencer(ordering.UB)
	case serverOverReliable:
		s.ordering = seqServer(ordering.FillHoles)
	case serverThatBlocks:
		s.ordering = seqServer(ordering.BlockHoles)
	case agreementOverReliable:
		s.ordering = agreement
	case lamportOverReliable:
		s.ordering = lamport
	case causalTotalOverReliable:
		s.ordering = causalTotal
	case overCoordinator:
		s.reliability, s.transport, s.channel = unreliable, coordinator, nil
	case overTree:
		s.reliability, s.transport, s.channel = unreliable, tree, nil
	case reliableOverCoordinator:
		s.transport = coordinator
	case reliableOverTree:
		s.transport = tree
	case overTCP:
		s.reliability, s.transport, s.channel = unreliable, tcp, stream
	case inSegments:
		s.reliability, s.transport, s.channel = unreliable, tcp, shortStream
	case reliableOverTCP:
		s.transport, s.channel = tcp, stream
	case overKaashoek:
		s.ordering, s.reliability, s.channel = kaashoek(ordering.SequencerMulticasts, 0), unreliable, nil
	case overTinyHistory:
		s.ordering, s.reliability, s.channel = kaashoek(ordering.SequencerMulticasts, tiny), unreliable, nil
	case overKaashoekBB:
		s.ordering, s.reliability, s.channel = kaashoek(ordering.SenderMulticasts, 0), unreliable, nil
	case syncOfSender, syncCut, syncCausal, syncBlocking, fifoSync, fifoCut, fifoCausal, fifoBlocking:
		s.ordering = synced(readings[cell], barrierOver[cell])
	case realTimeOverReliable:
		s.ordering = realTime(0)
	case realTimeAtTheBound:
		s.ordering = realTime(10 * time.Millisecond)
	default:
		panic("mutant: no cell " + cell)
	}
	return s
}

func static(cfg impl.Config) impl.Layer         { return membership.NewStatic(cfg) }
func unordered(cfg impl.Config) impl.Layer      { return ordering.NewUnordered(cfg) }
func fifo(cfg impl.Config) impl.Layer           { return ordering.NewFifo(cfg) }
func causal(cfg impl.Config) impl.Layer         { return ordering.NewCausal(cfg) }
func fragment(cfg impl.Config) impl.Layer       { return transport.NewFragment(cfg) }
func unreliable(cfg impl.Config) impl.Layer     { return reliability.NewUnreliable(cfg) }
func bestEffort(cfg impl.Config) impl.Layer     { return reliability.NewBestEffort(cfg) }
func nack(cfg impl.Config) impl.Layer           { return reliability.NewNack(cfg) }
func reliable(cfg impl.Config) impl.Layer       { return reliability.NewReliable(cfg) }
func reliableIP(cfg impl.Config) impl.Layer     { return reliability.NewReliableIP(cfg, false) }
func stableIP(cfg impl.Config) impl.Layer       { return reliability.NewReliableIP(cfg, true) }
func uniform(cfg impl.Config) impl.Layer        { return reliability.NewUniform(cfg) }
func atomicView(cfg impl.Config) impl.Layer     { return reliability.NewAtomicView(cfg) }
func gossip(cfg impl.Config) impl.Layer         { return reliability.NewGossip(cfg, few, few) }
func byzantine(cfg impl.Config) impl.Layer      { return reliability.NewByzantine(cfg) }
func durable(cfg impl.Config) impl.Layer        { return reliability.NewDurable(cfg, reliability.Majority) }
func atomicLog(cfg impl.Config) impl.Layer      { return reliability.NewAtomicLog(cfg, 2) }
func atomicLogOfOne(cfg impl.Config) impl.Layer { return reliability.NewAtomicLog(cfg, 1) }
func atomicAbort(cfg impl.Config) impl.Layer    { return reliability.NewAtomicAbort(cfg) }
func accepting(cfg impl.Config) impl.Layer      { return transport.NewAcceptingChannel(cfg) }
func unicast(cfg impl.Config) impl.Layer        { return transport.NewUnicast(cfg) }
func channel(cfg impl.Config) impl.Layer        { return transport.NewChannel(cfg) }

func acks(ways reliability.Acks) maker {
	return func(cfg impl.Config) impl.Layer { return reliability.NewBestEffortAck(cfg, ways) }
}

func sequencer(form ordering.Form) maker {
	return func(cfg impl.Config) impl.Layer { return ordering.NewTotalSequencer(cfg, form) }
}

func seqServer(holes ordering.Holes) maker {
	return func(cfg impl.Config) impl.Layer { return ordering.NewTotalSeqServer(cfg, holes) }
}

func kaashoek(method ordering.KaashoekMethod, history int) maker {
	return func(cfg impl.Config) impl.Layer { return ordering.NewKaashoek(cfg, method, history) }
}

// synced stands a barrier above another ordering.
func synced(reading ordering.Reading, below maker) maker {
	return func(cfg impl.Config) impl.Layer { return impl.NewStack(ordering.NewSync(cfg, reading), below(cfg)) }
}

func realTime(delta time.Duration) maker {
	return func(cfg impl.Config) impl.Layer { return ordering.NewRealTime(cfg, 0, delta) }
}

func coordinator(cfg impl.Config) impl.Layer { return transport.NewCoordinator(cfg) }
func tree(cfg impl.Config) impl.Layer        { return transport.NewHierarchy(cfg, narrow, 0) }
func tcp(cfg impl.Config) impl.Layer         { return transport.NewTCP(cfg) }
func stream(cfg impl.Config) impl.Layer      { return transport.NewStream(cfg, usual) }
func shortStream(cfg impl.Config) impl.Layer { return transport.NewStream(cfg, short) }

// What the options of cells say.
const (
	narrow = 2   // fanout: four members are a tree of three levels
	usual  = 256 // mss, where a cell does not say it
	short  = 100 // mss of most frames in several segments
	few    = 2   // fan-out and rounds of gossip
	tiny   = 2   // history, soon full
)

// with gives the constructor of a cell's stack in which one layer has been changed.
func with(cell string, change func(*stack)) func(impl.Config) impl.Layer {
	s := correct(cell)
	change(&s)
	return s.node
}
