package ipmulticast

// Rules are the rules of all machines of a network, as mutants break them. The zero value breaks none.
type Rules struct {
	Driver DriverRules
	Host   HostRules
	Router RouterRules
}
