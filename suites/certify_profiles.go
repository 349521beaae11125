package suites

// certifiable says what it takes that a program of somebody's own can be held to a profile, and what can't be shown of it.
func certifiable(profile string) []string {
	out := []string{"on either network, and under the faults that its hello tolerates; what these do not bring about is inconclusive"}
	switch profile {
	case "reliable", "fifo", "causal", "atomic":
		out = append(out, "AGREEMENT is seldom in danger while nobody crashes: tolerate crash or crash-lossy, or it is shown of a network without them only")
	case "durable":
		out = append(out, `on the network of the harness, with "disk":true in its hello and crash and recover among what it tolerates: DURABILITY is of what comes back`,
			"NO-RESURRECTION is of sends that are refused: some schedules have a closed group, and a node outside that sends to it",
			"who dies is always woken again where recover is tolerated: what is promised while it is away is not judged",
			"GROUP-RESTART is reported only of runs in which all were down at once, which are few")
	case "view-synchronous":
		out = append(out, `on the network of the harness: nodes outside the group join, members leave, ask who is in it, and fail; the program says view, block and unblock, and answers join, leave and query with done`,
			`one that comes back after a crash gets an init with the next incarnation, and asks to be let in of itself; with "disk":true it finds what it wrote`,
			"the view of a delivery is the one that the process had installed last: a view that a delivery names is not compared with it",
			"JOIN-TRANSFER and TRANSITIONAL-SET can't be shown: no line of the protocol says which state a joiner was given, or who came along from a view",
			"a program on a network of its own is not asked to join or to leave: its requirements of views stay inconclusive there")
	}
	return out
}
