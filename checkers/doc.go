// Package checkers judges histories: for each requirement of the catalogue, did it hold in this run, was it tested at
// all, and if it was violated, which few events prove that.
//
// # What a judge reads
//
// Only the history. A judge must not know the judged, so nothing of impl is imported here, and no verdict depends on
// which protocol ran. A [Judge] loads a history once: it numbers the messages densely, finds out who is correct and
// who was a member when, and marks repeated deliveries. Each check then walks the events, or the messages, once.
//
// # Terms
//
// A process is one incarnation of a node; every recover event begins the next one. Safety is judged for each process.
// Correctness and membership belong to the node, and so what is owed to a correct member may be delivered by any of
// its incarnations. A message is addressed to a process if it was sent while the process was a member: from the
// start (header), from the return of its join, or from its recovery, whichever is the latest, until it calls leave.
//
// Where views of a group are told, they say who is a member: a message concerns the members of the view in which it was
// sent, and a process that has been in that view since its membership began, which is when it installs a view from
// outside. Who is in a view that others leave without it is not correct for the group, until a later view has it again:
// a member that is cut off in a minority owes nothing, nothing is owed to it, and what it delivers or sends there counts
// only where a requirement speaks of any process. Who came back is a new member of the views that admit it.
//
// A send counts if the node that sent is the one that the message id names; the first one counts. A delivery of a
// message that was not yet sent to this group is a creation: [NoCreation] reports it, and all others pass over it, so
// that one bug makes one finding. A message that was refused, or that came from outside a closed group, is owed to
// nobody and takes no part in FIFO and causal order. Of repeated deliveries the first is the one that is ordered.
// Events that name a node or a group which the header does not have are left out.
//
// # Liars
//
// A node that the header calls Byzantine is not correct. What it claims to have delivered, acknowledged, refused or lost
// proves nothing and is left out. Of what others deliver in its name every id is a message, sent when it is first seen,
// whose content and order nobody knows; it is owed to the correct members once one of them has it. What is told to come
// from a liar and has another's id is left out too: a liar can put any envelope around what it sends.
//
// # Logs, buffers and losses
//
// A delivery marked redelivered was read from the log of its node. A note with op kept tells how many copies a node keeps
// for retransmission. A gap event says that the application was told of a loss; it does not say of which messages, so
// that it stands for all that the sender had sent by then. A fault that names a node cuts that one off from all others;
// of other faults it is not known whom they concern.
//
// # Orders
//
// A total order is judged over the first deliveries of correct processes, a uniform one over those of all. Where a
// statement says "any process", or "everywhere", that is meant: FIFO and causal order, barriers, real time. A message is
// missing in a gap-free order only where it is addressed to the process, and is neither refused nor an outsider's.
// A barrier is the k-th call of sync by a process in a group; where it takes effect is told by notes with op barrier, and
// what needs that is not observed without them. Clocks are never perfect: without a declared ε no order in time is judged.
//
// # What a verdict needs
//
// A fail needs a witness. A pass needs at least one instance in which the requirement was really tested, and counts
// them; otherwise it is inconclusive and says what did not occur, or which field was not recorded. Liveness fails
// only in a settled run, or when a declared bound has passed. Of a fail the count is of what was tested until then, and
// at least one. Of a statistic one run gives the count of what is missing, and no fail.
//
// # Networks
//
// What crosses links is judged by frames and receptions. All frames and receptions with one number are one datagram; the
// first frame says where it came from. Shortest ways are computed anew from the topology, over the machines that are up,
// and whatever a protocol may choose is allowed: any of several ways of one length, and any router of a member's link.
// A network needs time to get over what changes. So a datagram is judged only if for the declared bound before it nobody
// joined or left its group, and nothing crashed, came back, stood still or was broken, nor while it travelled; and what
// concerns trees only if its flow had lasted for the bound. The start of a history is no such change: who is a member in
// the header counts as known to the network. Without a bound in the header nothing of this is judged.
//
// # Sources
//
// HT94: Hadzilacos and Toueg, A Modular Approach to Fault-Tolerant Broadcasts and Related Problems, 1994. CDK:
// Coulouris, Dollimore, Kindberg, Blair, Distributed Systems, on multicast. CGR11: Cachin, Guerraoui, Rodrigues,
// Introduction to Reliable and Secure Distributed Programming, 2011. BSS91: Birman, Schiper, Stephenson, Lightweight
// Causal and Atomic Group Multicast, 1991. DSU04: Défago, Schiper, Urbán, Total Order Broadcast and Multicast
// Algorithms, ACM CSUR 36(4).
package checkers
