package ipmulticast

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/conform-go/conform/spec"
)

// text writes a PIM message other than hello as people write it: "r2 joins (*,G) at r1", each router by its name.
func (x *pimSeen) text(s *site) string {
	m, from := &x.m, s.nameOf(x.from)
	switch m.Type {
	case PIMJoinPrune:
		var parts []string
		for _, g := range m.Joins {
			for _, e := range g.Joins {
				parts = append(parts, "joins "+s.treeText(e))
			}
			for _, e := range g.Prunes {
				parts = append(parts, "prunes "+s.treeText(e))
			}
		}
		return fmt.Sprintf("%s %s at %s", from, strings.Join(parts, ", "), s.nameOf(m.Upstream))
	case PIMRegister:
		if m.Null {
			return from + " sends a null-register"
		}
		return from + " registers"
	case PIMRegisterStop:
		return fmt.Sprintf("%s stops the registers of %s", from, s.nameOf(m.Source))
	case PIMAssert:
		what := "(*,G)"
		if m.Source.IsValid() {
			what = "(" + s.nameOf(m.Source) + ",G)"
		}
		if m.Metric == cancelMetric {
			return fmt.Sprintf("%s takes its assert of %s back", from, what)
		}
		return fmt.Sprintf("%s asserts %s with %d on %s", from, what, m.Metric, x.cable)
	case PIMBootstrap:
		var list []string
		for _, rp := range m.RPs {
			list = append(list, fmt.Sprintf("%s=%d", s.nameOf(rp.RP), rp.Priority))
		}
		return fmt.Sprintf("%s: %s=%d says %v", from, s.nameOf(m.BSR), m.Priority, list)
	}
	return fmt.Sprintf("%s: %v %s", from, m.Type, s.nameOf(m.RP))
}

func (s *site) treeText(e PIMSource) string {
	switch {
	case e.WC:
		return "(*,G)"
	case e.RPT:
		return "(" + s.nameOf(e.Addr) + ",G,rpt)"
	}
	return "(" + s.nameOf(e.Addr) + ",G)"
}

// nameOf gives the router's name or "host0" for an address.
func (s *site) nameOf(a netip.Addr) string {
	for _, r := range s.net.Routers {
		for _, p := range r.Ports {
			if a == p.Addr || a == p.Local {
				return r.Name
			}
		}
	}
	for h := range s.net.Hosts {
		if p := s.net.Hosts[h].Port; a == p.Addr || a == p.Local {
			return fmt.Sprintf("host%d", h)
		}
	}
	return a.String()
}

// story gives what routers have said to each other since a time. A message that a router only passes on to the next
// link stands there once.
func (s *site) story(since spec.Time) (lines []string) {
	for i := range s.pim {
		x := &s.pim[i]
		if x.at < since {
			continue
		}
		if x.m.Type == PIMRegister || x.m.Type == PIMRegisterStop || x.m.Type == PIMCandidateRP {
			if !slices.Contains(s.cablesOf(x.from), x.cable) {
				continue
			}
		}
		lines = append(lines, x.text(s))
	}
	return lines
}

// cablesOf gives the links of the router with an address.
func (s *site) cablesOf(a netip.Addr) (names []string) {
	for _, r := range s.net.Routers {
		for i, p := range r.Ports {
			if p.Addr == a {
				names = append(names, s.net.Links[r.Links[i]].Name)
			}
		}
	}
	return names
}

// tells checks a story.
func (s *site) tells(since spec.Time, want ...string) {
	s.t.Helper()
	if got := s.story(since); !slices.Equal(got, want) {
		s.t.Errorf("the routers said\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}
