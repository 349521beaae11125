// Package netns is the real world: the layers of impl on a real clock, real sockets and a real disk, in processes that
// can be killed.
//
// # What is real
//
// The clock is CLOCK_MONOTONIC, which all processes of a machine share, so that what they observe merges into one
// history. The links are UDP datagrams over a socket of each node. The disk is a file: a layer is told that its log is
// persisted when fdatasync has returned, and not before. A process is a child that hosts one node; it dies of SIGKILL,
// at any instruction, also between the halves of a write.
//
// A [Node] is the driver of one stack. One goroutine owns the layers and carries out their effects in order, as the
// simulated world does; sockets, disk and application hand it what happens. A [Host] is a node in a process of its own,
// which writes what it observes to its standard output before its application counts as told. A [Group] starts
// hosts, kills them, starts them again, and merges what they wrote.
//
// # A LAN
//
// A [LAN] is real, too: a switch that snoops, and hosts that are joined to it, each in a network namespace of its own. A
// [Guest] is a node in a process on such a host, over the sockets of the kernel: UDP to one, to a group of IP multicast,
// or to all, and TCP. A [World] plays scenarios on it: processes are killed and stopped, packets are dropped by the
// switch, and nothing else is touched.
//
// The switch drops packets in the kernel. Where they are to be late, overtaken, doubled or changed, a switch of our own
// takes its place as long as that lasts (slow.go), or the kernel's netem does it where there is one (netem.go).
// Programs that bring sockets of their own live on a LAN as well, as [Sockets]. An [Internet] is a line of subnets with multicast routers between them, of which the kernel forwards what a
// [Router] has learned from the reports of hosts.
//
// A host may be in several groups: it has a stack for each, and where groups have addresses a socket for each, all of
// them at one port (groups.go). Members may come and go, and groups be created and destroyed; what views, states and
// objects are about is told to the judges as in the simulated world (objects.go).
//
// The disk of a guest is a file without a name (drive.go): on the machine's own disk where its logs have to outlive it. It
// can have no room left, by a quota; it can be slow, be replaced by an empty one, and have a bit changed
// while its node is down.
//
// # Subnets
//
// A LAN may be spread over subnets ([NewSubnets]): the links, hosts and routers of a plan of the simulator's, each host
// and each router a namespace. Which packets go where the routers of package ipmulticast decide (PIM in dense and in
// sparse mode, IGMP and MLD of all versions), on packet sockets; who forwards them is the kernel, by its multicast
// routing tables. Their clocks are fast, and queries are converted, so that hosts need not wait minutes. Routers may be
// FRR's instead, for which a package has to be installed, and time is everybody's: somebody else's routers are then judged
// as ours are.
//
// One socket sees every frame on every link, so that a history of such a run has frames, and the judges of routes, of
// IGMP and of PIM can judge it. Routers go down and come back, lose what they know, block, or have no room for more;
// between hosts packets are dropped. Where they are to be late, overtaken, doubled or changed, the kernel hands them to a
// switch of our own at the cables of their receivers (siteslow.go). Strangers stand on the links of hosts
// (sitestranger.go). What hosts and routers say of groups and of trees is told as well, at the times at which the kernel
// had it, and judged by bounds that allow for the ticks of its timers; a router that was later than these says of a run
// that it shows nothing ([World.Lag]).
//
// # What is seen, and what is done to it
//
// Where a history is to tell of frames (WorldConfig.Frames), they are read off the ports of the switch: who sent which
// packet, which of them are acknowledgements and nothing else, what hosts say of groups, and what the switch hands on. Nodes
// tell which datagrams of groups their sockets got, and the driver which frames the card let through for nothing. So costs
// and filters are judged here as they are in the simulated world.
//
// Network cards may be TAPs, whose filter of 64 bins collides where it is known to, or macvlans with 256 bins. A stranger
// is a machine of its own on the switch: it repeats, listens and floods. What a host says of groups is lost on its cable;
// what it sends to them leaves with another time to live; the querier is switched off. A node whose clock is ahead from the
// start is in a time namespace. What happens to a clock later is done to the layers and not by the kernel, which can't do
// it to a process of several threads. What keeps to deadlines lives in slow motion, by a clock that goes so many times
// slower; how late its processes were all the same they measure themselves.
//
// # What is not
//
// SIGKILL takes from a process what is in its memory, and nothing else: what it has handed to the kernel, synced or
// not, is still there when it comes back. So this world shows whoever promises before writing; it can't show whoever
// writes and does not sync, and what it says of a store holds for the death of processes, not for the loss of power. Nor
// does a layer see a torn record here: the store gives back the last commit that is whole. A disk that loses what was
// not synced, tears what it was writing, or lies about a sync, stands in the simulated world (faults/sim) only.
//
// Nothing here is replayed exactly: a seed decides who is killed when, and the machine decides what that meets.
//
// # The store
//
// The logs of a disk are kept by bbolt (go.etcd.io/bbolt, the store of etcd). It was chosen over tidwall/wal 1.2.1, the
// other candidate, for four reasons. A commit is a transaction over all logs, so that one sync serves them all. A commit
// that was cut off is not there at the next start; wal takes a torn last record for corruption, and does not open. A
// log is cut at its head by deleting records, where wal writes the rest of a segment again, and syncs no directory. And
// wal has no checksums. The price is a second sync a commit, and a file that does not shrink: both are small where many
// persists share a commit.
//
// # How to run
//
// A LAN needs root, or a user namespace; its tests are skipped where the machine lacks something, and say what, unless
// CONFORM_NETNS_REQUIRED is set. Nothing else needs it. The test
//
//	go test ./netns -run Killed -v
//
// kills processes while they write, judges what they did, and shows how much there was to judge.
package netns
