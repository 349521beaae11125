package ipmulticast

import "time"

// Timing is the times and counts of IGMP, MLD and PIM. Each is named as in its RFC. They are times on the machine's own
// clock, which runs Speed times as fast as the world's: so a simulation need not wait minutes for what the RFCs let
// happen in minutes, and the times inside messages are still those of the RFCs.
type Timing struct {
	Speed int // 0: 1

	// IGMP and MLD (RFC 3376 section 8).
	Robustness            int           // Robustness Variable
	QueryInterval         time.Duration // Query Interval
	QueryResponse         time.Duration // Query Response Interval
	LastMemberQuery       time.Duration // Last Member Query Interval
	LastMemberCount       int           // Last Member Query Count
	UnsolicitedReport     time.Duration // Unsolicited Report Interval
	StartupQueryInterval  time.Duration
	StartupQueryCount     int
	Version1RouterPresent time.Duration // RFC 2236 section 8.11: how long a host speaks version 1 after it heard a version 1 querier

	// PIM (RFC 7761 section 4.11, RFC 3973 section 4.8).
	Hello            time.Duration // Hello_Period
	HelloHold        time.Duration // Default_Hello_Holdtime: 3.5 × Hello_Period
	TriggeredHello   time.Duration // Triggered_Hello_Delay
	PropagationDelay time.Duration // Propagation_delay_default
	OverrideInterval time.Duration // t_override_default
	AssertTime       time.Duration
	AssertOverride   time.Duration // Assert_Override_Interval

	// Dense mode.
	PruneHold     time.Duration // PruneHoldTime, and t_limit of re-pruning
	PruneLimit    time.Duration // t_limit
	GraftRetry    time.Duration // GraftRetry_Period
	SourceLife    time.Duration // SourceLifetime
	RefreshPeriod time.Duration // RefreshInterval; 0: no state refresh

	// Sparse mode.
	JoinPeriod       time.Duration // t_periodic
	JoinHold         time.Duration // 3.5 × t_periodic
	KeepAlive        time.Duration // Keepalive_Period
	RegisterSuppress time.Duration // Register_Suppression_Time
	RegisterProbe    time.Duration // Register_Probe_Time
	BootstrapPeriod  time.Duration // RFC 5059 section 5: BS_Period
	BootstrapTimeout time.Duration // BS_Timeout
	CandidateRP      time.Duration // C_RP_Adv_Period
	RPHold           time.Duration // of a candidate RP
}

// RFC is the timing of the RFCs.
var RFC = Timing{
	Robustness: 2, QueryInterval: 125 * time.Second, QueryResponse: 10 * time.Second, LastMemberQuery: time.Second,
	LastMemberCount: 2, UnsolicitedReport: 10 * time.Second, StartupQueryInterval: 125 * time.Second / 4,
	StartupQueryCount: 2, Version1RouterPresent: 400 * time.Second,
	Hello: 30 * time.Second, HelloHold: 105 * time.Second, TriggeredHello: 5 * time.Second,
	PropagationDelay: 500 * time.Millisecond, OverrideInterval: 2500 * time.Millisecond,
	AssertTime: 180 * time.Second, AssertOverride: 3 * time.Second,
	PruneHold: 210 * time.Second, PruneLimit: 210 * time.Second, GraftRetry: 3 * time.Second,
	SourceLife: 210 * time.Second, RefreshPeriod: 60 * time.Second,
	JoinPeriod: 60 * time.Second, JoinHold: 210 * time.Second, KeepAlive: 210 * time.Second,
	RegisterSuppress: 60 * time.Second, RegisterProbe: 5 * time.Second,
	BootstrapPeriod: 60 * time.Second, BootstrapTimeout: 130 * time.Second, CandidateRP: 60 * time.Second,
	RPHold: 150 * time.Second,
}
