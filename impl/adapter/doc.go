// Package adapter lets a program in any language take the place of a protocol: it speaks JSON lines over its stdin and
// stdout, or over a connection that it dials where CONFORM_ADDR is set, one process a node (adapter protocol, version 1).
//
// # Lock-step
//
// With `"network":"harness"` the program owns no socket and no clock: it hands its packets to the harness and asks it
// for timers. Every line to it, from hello on, is answered by any number of lines and then exactly one
// {"op":"idle"} (hello is answered by hello alone). One such process is a whole stack: [Pool.Member] makes an
// [impl.Layer] of it, which plays in the simulated world like any other, deterministic, with exact replay. What it
// writes is carried out in the order of its lines, and a crash may strike between any two: what comes after is
// discarded. Beyond that:
//
//   - A packet to a group goes to each of its members, the sender among them; own copies are never lost.
//   - `init` tells the timers that schedules keep to: `"ts"`, after which a packet may be taken for lost, and `"tl"`,
//     after which a node may be taken for failed.
//   - A program that keeps quiet for longer than a second before it does something of its own accord says so in its
//     hello: `"settle"`, in ns. Who keeps a log there says `"disk":true`; then every `init` is followed by
//     {"op":"recovered","data":…} with what is left of the bytes that it appended, none at first.
//   - {"op":"persist","id":7} is answered, later, by {"op":"persisted","id":7}, with `"failed":true` where what was
//     appended since the last one is not in the log. Who can't know after a recovery whether it has delivered a message
//     says `"redelivered":true` of the delivery.
//   - A delivery that tells its application in which view it is says so with `"view"`. That has to be the view that the
//     process has installed with its last view line, and the one that all name of the message: SAME-VIEW-DELIVERY and
//     SENDING-VIEW-DELIVERY judge it.
//
// # On its own network
//
// With `"network":"own"` it uses sockets of its own, at the addresses that init tells (UDP and TCP on loopback); [Own]
// plays a scenario on such processes in real time, a crash is SIGKILL and a pause SIGSTOP. There is no idle. No exact
// replay is promised: how often a violation shows again is measured.
//
// Where a schedule has faults of the network ([RelayFaults]), each node is told, as the address of another one, that of a
// relay, which loses, doubles, changes and delays datagrams, and lets streams stand still. What a node sends to another one
// comes from the address by which that one knows it. Its own address is its own: a program that tells others where it is
// goes past the relays.
//
// A program that can be in more than one group at a time says so in its hello: `"groups":3`. Then `init` has up to so many
// `groups`, every line names its group, and there is no `"group"` beside them. `join`, `leave`, `sync` and `query` are asked
// of it as in lock-step; a join or leave comes when the last one of that group has been answered.
//
// Where the network carries IP multicast (a [Multicast]), each of the `groups` has an `"address"`, host and port, other ones
// in each run; whether the program uses it is its own affair. Strangers, lost reports, times to live, full cards and a
// switch that does not ask strike a program by this address only. Such a network may also be one whose [Clocks] can be
// ahead: from the start of a program and for good, for a running one's can't be set.
//
// # What goes wrong
//
// A line that is no JSON or not what the schemas say ([Schemas]), an answer that does not come in
// time, a process that dies unasked, more output than the limits allow: each is an error with the line quoted, kept by
// [Pool.Err], and never taken for a broken promise. Every wait has an end, and no process outlives its pool: on Linux no
// child either, for all that a program starts have CONFORM_LIFE in their environment, unless they take it out.
package adapter
