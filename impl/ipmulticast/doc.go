// Package ipmulticast is multicast on a network at packet level: Ethernet frames and network cards that filter them,
// hosts with IP stacks that join groups (IGMP, MLD), switches that snoop, and routers that forward (PIM dense mode,
// PIM sparse mode). Every machine is an [impl.Layer] on links: a packet to it is a frame that came in on port
// Input.Num, a Down effect of it is a frame that goes out on port Effect.Num. All bytes are those of the RFCs, so that
// what is simulated can be captured, corrupted and read by others.
//
// Unicast routes and neighbours' hardware addresses are given: finding them is other protocols' work. The hardware
// address of a machine follows from its IP address (see [MACOf]).
package ipmulticast
