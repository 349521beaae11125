package checkers

import (
	"strconv"

	"github.com/conform-go/conform/spec"
)

// Sentences of witnesses of networks.

// machineName names a node of a network, which may be a router or a switch.
func (j *Judge) machineName(n spec.NodeID) string {
	switch {
	case j.net.built && j.net.role[n]&asRouter != 0:
		return "router " + j.h.NodeName(n)
	case j.net.built && j.net.role[n]&asSwitch != 0:
		return "switch " + j.h.NodeName(n)
	}
	return "node " + j.h.NodeName(n)
}

// linkName names a link.
func (j *Judge) linkName(l int32) string {
	if l < 0 {
		return "a link that is not in the topology"
	}
	return "link " + j.net.wires[l].Name
}

// origin names a datagram, who sent it, where and when.
func (j *Judge) origin(d *datagram) string {
	e := &j.h.Events[d.event]
	return "datagram " + strconv.FormatUint(d.id, 10) + ", which " + j.machineName(e.From) + " sent to group " +
		j.h.GroupName(e.Group) + " on " + j.linkName(j.net.flows[d.flow].link) + " at " + j.time(int(d.event))
}
