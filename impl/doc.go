// Package impl is the contract of a protocol without I/O, and holds, in its folders, the reference implementations.
//
// A [Layer] is one method, Step, that takes an [Input] and says its effects. It starts no goroutine, reads no clock,
// takes no lock, draws no global random number, never blocks, and keeps nothing of the effects it was given to write
// into. A [Stack] of layers is a layer. So the same code runs in a simulator, in a network namespace and in a test
// that reads like the figure of a paper.
//
// # How a stack carries effects
//
// The effects of a step are carried out in order. Down, timer and log effects are carried out at once, depth first.
// From the first upward effect of a step on, the rest of that step waits in the one first-in first-out queue of the
// node, which is served when nothing is being carried down. So calls only go down, no layer is re-entered, and each
// layer needs one buffer.
//
// The obvious alternatives are wrong. With one queue for everything, a delivery leaves before the relay that was
// said ahead of it, and a correct relay loses uniform agreement to a crash. With plain recursion, a layer that
// answers in the same step re-enters the one above, and a correct sequencer delivers in two orders. Both are tests of
// this package.
//
// # Several groups
//
// A stack serves one group at one node, and its layers know of no other. A node in several groups is a [Node]: a stack
// for each, side by side, on one bottom that they share (network card, sockets, failure detector), with one queue for
// all. Only where something enters or leaves a stack is the group named: Input.Group and Effect.Group. So a layer of the
// bottom gets the group with each send and call, keeps apart what two stacks name by the same reference, and says upward
// for which group a packet or an answer is. A timer or a log is named by its group, or [Shared], and its layer. Without
// a bottom the world is: what leaves the node names the group, and nothing of it is in the bytes.
//
// What orders messages of several groups against each other stands above the stacks, where it sees the sends and
// deliveries of all of them; what it hands down names the group. Where there is a single group nobody needs to name it,
// and the node is its stack.
//
// # Bytes
//
// A layer appends its header behind the body on the way down and cuts it off on the way up. It may keep a body for
// its incarnation, and never writes to one. [Effects.Extend] gives room for a header: in place only where the body is
// the last piece of the arena, else in a copy, because receivers share bytes.
package impl
