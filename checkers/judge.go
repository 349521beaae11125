package checkers

import (
	"slices"

	"github.com/conform-go/conform/spec"
)

// The requirements that this package judges.
const (
	NoCreation            spec.ID = "NO-CREATION"
	NoDuplication         spec.ID = "NO-DUPLICATION"
	NoDuplicationRestart  spec.ID = "NO-DUPLICATION/restart"
	ContentIntegrity      spec.ID = "CONTENT-INTEGRITY"
	SenderIntegrity       spec.ID = "SENDER-INTEGRITY"
	DestinationIntegrity  spec.ID = "DESTINATION-INTEGRITY"
	ChannelValidity       spec.ID = "CHANNEL-VALIDITY"
	ChannelIntegrity      spec.ID = "CHANNEL-INTEGRITY"
	ClosedGroup           spec.ID = "CLOSED-GROUP"
	SelfDelivery          spec.ID = "SELF-DELIVERY"
	Validity              spec.ID = "VALIDITY"
	Agreement             spec.ID = "AGREEMENT"
	UniformAgreement      spec.ID = "UNIFORM-AGREEMENT"
	AllOrNothing          spec.ID = "ALL-OR-NOTHING"
	TailRecovery          spec.ID = "TAIL-RECOVERY"
	NoSilentGap           spec.ID = "NO-SILENT-GAP"
	AckedDelivered        spec.ID = "ACKED-DELIVERED"
	Durability            spec.ID = "DURABILITY"
	NoResurrection        spec.ID = "NO-RESURRECTION"
	LogPrefix             spec.ID = "LOG-PREFIX"
	ProbabilisticValidity spec.ID = "PROBABILISTIC-VALIDITY"
	StabilityTrim         spec.ID = "STABILITY-TRIM"
	BoundedOverflow       spec.ID = "BOUNDED-OVERFLOW"
	JoinComplete          spec.ID = "JOIN-COMPLETE"
	JoinTransfer          spec.ID = "JOIN-TRANSFER"
	FIFOOrder             spec.ID = "FIFO-ORDER"
	FIFOGapFree           spec.ID = "FIFO-GAPFREE"
	LocalOrder            spec.ID = "LOCAL-ORDER"
	CausalOrder           spec.ID = "CAUSAL-ORDER"
	CausalGapFree         spec.ID = "CAUSAL-GAPFREE"
	TotalOrder            spec.ID = "TOTAL-ORDER"
	TotalOrderPairwise    spec.ID = "TOTAL-ORDER-PAIRWISE"
	TotalGapFree          spec.ID = "TOTAL-GAPFREE"
	UniformTotalOrder     spec.ID = "UNIFORM-TOTAL-ORDER"
	UniformTotalGapFree   spec.ID = "UNIFORM-TOTAL-GAPFREE"
	TotalOrderPrefix      spec.ID = "TOTAL-ORDER-PREFIX"
	NoContamination       spec.ID = "NO-CONTAMINATION"
	PositionAgreement     spec.ID = "POSITION-AGREEMENT"
	SyncBarrier           spec.ID = "SYNC-BARRIER"
	SyncCut               spec.ID = "SYNC-CUT"
	SyncCausal            spec.ID = "SYNC-CAUSAL"
	SyncBlocking          spec.ID = "SYNC-BLOCKING"
	RealTimeOrder         spec.ID = "REALTIME-ORDER"
	Timeliness            spec.ID = "TIMELINESS"
	CrossGroupCausal      spec.ID = "CROSS-GROUP-CAUSAL"
	CrossGroupTotal       spec.ID = "CROSS-GROUP-TOTAL"
	ReplicaConvergence    spec.ID = "REPLICA-CONVERGENCE"
	ElectionSafety        spec.ID = "ELECTION-SAFETY"
	MutualExclusion       spec.ID = "MUTUAL-EXCLUSION"
	CostDelay             spec.ID = "COST-DELAY"
	SelfInclusion         spec.ID = "SELF-INCLUSION"
	ViewMonotonicity      spec.ID = "VIEW-MONOTONICITY"
	InitialView           spec.ID = "INITIAL-VIEW"
	ViewAgreement         spec.ID = "VIEW-AGREEMENT"
	PrimaryComponent      spec.ID = "PRIMARY-COMPONENT"
	ViewOverlap           spec.ID = "VIEW-OVERLAP"
	SameViewDelivery      spec.ID = "SAME-VIEW-DELIVERY"
	SendingViewDelivery   spec.ID = "SENDING-VIEW-DELIVERY"
	VirtualSynchrony      spec.ID = "VIRTUAL-SYNCHRONY"
	TransitionalSet       spec.ID = "TRANSITIONAL-SET"
	SuccessorAgreement    spec.ID = "SUCCESSOR-AGREEMENT"
	FlushBlock            spec.ID = "FLUSH-BLOCK"
	MembershipPrecision   spec.ID = "MEMBERSHIP-PRECISION"
	DetectorCompleteness  spec.ID = "DETECTOR-COMPLETENESS"
	DetectorAccuracy      spec.ID = "DETECTOR-ACCURACY"
	NoDeliveryAfterLeave  spec.ID = "NO-DELIVERY-AFTER-LEAVE"
	SafeDelivery          spec.ID = "SAFE-DELIVERY"
	GroupRestart          spec.ID = "GROUP-RESTART"
	ByzConsistency        spec.ID = "BYZ-CONSISTENCY"
	ByzTotality           spec.ID = "BYZ-TOTALITY"
	ByzValidity           spec.ID = "BYZ-VALIDITY"
	NICFilter             spec.ID = "NIC-FILTER"
	RouteReach            spec.ID = "ROUTE-REACH"
	RouteContain          spec.ID = "ROUTE-CONTAIN"
	RouteNoDuplicate      spec.ID = "ROUTE-NO-DUPLICATE"
	RouteRPF              spec.ID = "ROUTE-RPF"
	RouteOneCopy          spec.ID = "ROUTE-ONE-COPY"
	IGMPJoin              spec.ID = "IGMP-JOIN"
	IGMPLeave             spec.ID = "IGMP-LEAVE"
	IGMPSuppression       spec.ID = "IGMP-SUPPRESSION"
	IGMPAgeing            spec.ID = "IGMP-AGEING"
	IGMPQuerier           spec.ID = "IGMP-QUERIER"
	PIMPrune              spec.ID = "PIM-PRUNE"
	PIMGraft              spec.ID = "PIM-GRAFT"
	PIMAssert             spec.ID = "PIM-ASSERT"
	PIMRP                 spec.ID = "PIM-RP"
	SocketFilter          spec.ID = "SOCKET-FILTER"
	TTLScope              spec.ID = "TTL-SCOPE"
	AnycastOne            spec.ID = "ANYCAST-ONE"
	AnycastNearest        spec.ID = "ANYCAST-NEAREST"
	CostPackets           spec.ID = "COST-PACKETS"
	CostAcks              spec.ID = "COST-ACKS"
)

// table is in the order of the catalogue.
var table = [...]struct {
	id    spec.ID
	check func(*Judge) spec.Finding
}{
	{NoCreation, (*Judge).noCreation},
	{NoDuplication, (*Judge).noDuplication},
	{NoDuplicationRestart, (*Judge).noDuplicationRestart},
	{ContentIntegrity, (*Judge).contentIntegrity},
	{SenderIntegrity, (*Judge).senderIntegrity},
	{DestinationIntegrity, (*Judge).destinationIntegrity},
	{ChannelValidity, (*Judge).channelValidity},
	{ChannelIntegrity, (*Judge).channelIntegrity},
	{ClosedGroup, (*Judge).closedGroup},
	{SelfDelivery, (*Judge).selfDelivery},
	{Validity, (*Judge).validity},
	{Agreement, (*Judge).agreement},
	{UniformAgreement, (*Judge).uniformAgreement},
	{AllOrNothing, (*Judge).allOrNothing},
	{TailRecovery, (*Judge).tailRecovery},
	{NoSilentGap, (*Judge).noSilentGap},
	{AckedDelivered, (*Judge).ackedDelivered},
	{Durability, (*Judge).durability},
	{NoResurrection, (*Judge).noResurrection},
	{LogPrefix, (*Judge).logPrefix},
	{ProbabilisticValidity, (*Judge).probabilisticValidity},
	{StabilityTrim, (*Judge).stabilityTrim},
	{BoundedOverflow, (*Judge).boundedOverflow},
	{JoinComplete, (*Judge).joinComplete},
	{JoinTransfer, (*Judge).joinTransfer},
	{FIFOOrder, (*Judge).fifoOrder},
	{FIFOGapFree, (*Judge).fifoGapFree},
	{LocalOrder, (*Judge).localOrder},
	{CausalOrder, (*Judge).causalOrder},
	{CausalGapFree, (*Judge).causalGapFree},
	{TotalOrder, (*Judge).totalOrder},
	{TotalOrderPairwise, (*Judge).totalOrderPairwise},
	{TotalGapFree, (*Judge).totalGapFree},
	{UniformTotalOrder, (*Judge).uniformTotalOrder},
	{UniformTotalGapFree, (*Judge).uniformTotalGapFree},
	{TotalOrderPrefix, (*Judge).totalOrderPrefix},
	{NoContamination, (*Judge).noContamination},
	{PositionAgreement, (*Judge).positionAgreement},
	{SyncBarrier, (*Judge).syncBarrier},
	{SyncCut, (*Judge).syncCut},
	{SyncCausal, (*Judge).syncCausal},
	{SyncBlocking, (*Judge).syncBlocking},
	{RealTimeOrder, (*Judge).realTimeOrder},
	{Timeliness, (*Judge).timeliness},
	{CrossGroupCausal, (*Judge).crossGroupCausal},
	{CrossGroupTotal, (*Judge).crossGroupTotal},
	{ReplicaConvergence, (*Judge).replicaConvergence},
	{ElectionSafety, (*Judge).electionSafety},
	{MutualExclusion, (*Judge).mutualExclusion},
	{CostDelay, (*Judge).costDelay},
	{SelfInclusion, (*Judge).selfInclusion},
	{ViewMonotonicity, (*Judge).viewMonotonicity},
	{InitialView, (*Judge).initialView},
	{ViewAgreement, (*Judge).viewAgreement},
	{PrimaryComponent, (*Judge).primaryComponent},
	{ViewOverlap, (*Judge).viewOverlap},
	{SameViewDelivery, (*Judge).sameViewDelivery},
	{SendingViewDelivery, (*Judge).sendingViewDelivery},
	{VirtualSynchrony, (*Judge).virtualSynchrony},
	{TransitionalSet, (*Judge).transitionalSet},
	{SuccessorAgreement, (*Judge).successorAgreement},
	{FlushBlock, (*Judge).flushBlock},
	{MembershipPrecision, (*Judge).membershipPrecision},
	{DetectorCompleteness, (*Judge).detectorCompleteness},
	{DetectorAccuracy, (*Judge).detectorAccuracy},
	{NoDeliveryAfterLeave, (*Judge).noDeliveryAfterLeave},
	{SafeDelivery, (*Judge).safeDelivery},
	{GroupRestart, (*Judge).groupRestart},
	{ByzConsistency, (*Judge).byzConsistency},
	{ByzTotality, (*Judge).byzTotality},
	{ByzValidity, (*Judge).byzValidity},
	{NICFilter, (*Judge).nicFilter},
	{RouteReach, (*Judge).routeReach},
	{RouteContain, (*Judge).routeContain},
	{RouteNoDuplicate, (*Judge).routeNoDuplicate},
	{RouteRPF, (*Judge).routeRPF},
	{RouteOneCopy, (*Judge).routeOneCopy},
	{IGMPJoin, (*Judge).igmpJoin},
	{IGMPLeave, (*Judge).igmpLeave},
	{IGMPSuppression, (*Judge).igmpSuppression},
	{IGMPAgeing, (*Judge).igmpAgeing},
	{IGMPQuerier, (*Judge).igmpQuerier},
	{PIMPrune, (*Judge).pimPrune},
	{PIMGraft, (*Judge).pimGraft},
	{PIMAssert, (*Judge).pimAssert},
	{PIMRP, (*Judge).pimRP},
	{SocketFilter, (*Judge).socketFilter},
	{TTLScope, (*Judge).ttlScope},
	{AnycastOne, (*Judge).anycastOne},
	{AnycastNearest, (*Judge).anycastNearest},
	{CostPackets, (*Judge).costPackets},
	{CostAcks, (*Judge).costAcks},
}

// places finds an id's row in the table.
var places = func() map[spec.ID]int {
	m := make(map[spec.ID]int, len(table))
	for i := range table {
		m[table[i].id] = i
	}
	return m
}()

// Judged lists the requirements that have a checker, in the order of the catalogue.
func Judged() []spec.ID {
	ids := make([]spec.ID, len(table))
	for i := range table {
		ids[i] = table[i].id
	}
	return ids
}

// Judge judges histories one after another and reuses its memory: after the first few, a history in which nothing
// fails costs no allocation. The zero value is ready. Not safe for concurrent use.
type Judge struct {
	h *spec.History
	index
	net network
	scratch
	ip wireIndex
}

// scratch is the memory of the check that is running; nothing in it outlives the check.
type scratch struct {
	next   []uint32 // process × stream: the first message that it still has to deliver
	sends  []uint32 // stream: messages sent so far
	last   []uint32 // process × stream, or pairs of processes
	know   []uint32 // process × stream: what happened before its next send
	vector []uint32 // message × stream: what happened before its send; or message × process: when delivered
	bits   []uint8  // message × process: delivered so far
	row    []uint32 // small
	queue  []uint32

	among []uint8 // the processes whose sequences have to fit into one order
	rows  []uint8 // message × process: the deliveries in them
	lanes int     // 1 if that is one order of all groups together, or the number of groups

	heads    map[lineKey]uint32   // group and view: where its line begins
	line     []linePlace          // what is delivered first, second, … in a group and view
	told     map[position]uint32  // number: the event that told it first
	ids      map[barrierID]uint32 // barrier: its number here
	notes    []effect             // the first note of each process on each barrier
	noted    []uint8              // barrier × process
	items    []uint32             // process × group: its deliveries and barriers
	itemAt   []uint32             // process × group: where they begin; one more at the end
	cuts     []uint32             // process × group: where it is in its items, and how much of its present segment is left
	pasts    []uint32             // call of a sync × column: what happened before it
	pastOf   map[barrierID]uint32 // barrier: where its past stands
	called   []uint32             // process × group: calls of sync so far
	calls    map[callKey]uint32   // calls of sync: their events
	terms    map[term]uint32      // term: the event that told its leader first
	locks    map[lock]holding     // lock: who was the last inside
	replicas []replica

	logs     []nodeLog
	counted  []bool // node: its present incarnation began with an application that counts what it kept
	plights  []plight
	tails    []tail
	breaks   []disturbance
	deaths   []death
	notices  []notice
	digests  []setDigest        // process × group: what it has delivered in its view
	passages map[uint64]passage // from which view to which: who went first
	watches  []watch            // node × node
	harness  quiet
	moved    []bool   // view × process: it has gone on from it
	placesAt []uint32 // stream: where it begins in the next
	inPlaces []uint32 // messages that are owed to anybody, stream after stream
}

// Load takes up a history, in linear time. The history must not change until the last check of it.
func (j *Judge) Load(h *spec.History) {
	j.h = h
	j.build(h)
	j.ip.ready, j.net.built = false, false
}

// Check judges one requirement on the loaded history.
func (j *Judge) Check(id spec.ID) spec.Finding {
	i, ok := places[id]
	switch {
	case !ok:
		return spec.Finding{ID: id, Verdict: spec.Inconclusive, Reason: "not judged by this version"}
	case j.h == nil:
		return spec.Finding{ID: id, Verdict: spec.Inconclusive, Reason: "no history loaded"}
	}
	f := table[i].check(j)
	f.ID = id
	return f
}

// Check judges these requirements on one history, in this order.
func Check(h *spec.History, ids ...spec.ID) []spec.Finding {
	var j Judge
	j.Load(h)
	out := make([]spec.Finding, len(ids))
	for i, id := range ids {
		out[i] = j.Check(id)
	}
	return out
}

// Reasons that several checkers give. They are constants, because a verdict must cost no allocation.
const (
	nothingDelivered = "vacuous: nothing was delivered"
	notSettled       = "not settled"
)

// held is a pass with n instances tested, or inconclusive if there was none.
func held(n int, vacuous string) spec.Finding {
	if n == 0 {
		return inconclusive(0, vacuous)
	}
	return spec.Finding{Verdict: spec.Pass, Antecedents: n}
}

func inconclusive(n int, reason string) spec.Finding {
	return spec.Finding{Verdict: spec.Inconclusive, Antecedents: n, Reason: reason}
}

// violated is a fail, with its events in order and each once.
func violated(n int, text string, events ...int) spec.Finding {
	slices.Sort(events)
	return spec.Finding{
		Verdict: spec.Fail, Antecedents: max(n, 1),
		Witness: &spec.Witness{Text: text, Events: slices.Compact(events)},
	}
}

// tooLarge bounds the tables that have a column for each incarnation: a soak test with thousands of restarts is told
// so instead of being killed for want of memory.
func tooLarge(rows, columns int) bool { return rows*columns > 1<<28 }

func broken() spec.Finding {
	return spec.Finding{Verdict: spec.Error, Reason: "too many incarnations for this checker: judge the history in parts"}
}

// zeroed gives n zeros in the memory of s.
func zeroed[T any](s []T, n int) []T {
	s = sized(s, n)
	clear(s)
	return s
}

// sized gives n elements in the memory of s; what they hold is undefined.
func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
