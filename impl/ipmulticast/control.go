package ipmulticast

// The commands that a world gives to a machine as the first byte of a packet on [impl.ControlPort]: faults that lie
// inside of it.
const (
	ControlForget   byte = iota + 1 // router: lose all multicast state
	ControlBlock                    // router: become a boundary that lets no multicast pass, on all ports
	ControlUnblock                  // router: end that
	ControlFull                     // router: the state table is full, no new entry fits
	ControlNotFull                  // router: end that
	ControlOverflow                 // card: another program asks for as many more group addresses as the second byte says
)
