package spec

import "slices"

// CatalogueVersion is the version of the catalogue that [Catalogue] gives. An id, once in it, keeps its meaning in
// every later version.
const CatalogueVersion = "1.0"

var catalogue = slices.Concat(
	integrityRequirements,
	reliabilityRequirements,
	orderRequirements,
	totalOrderRequirements,
	syncRequirements,
	objectRequirements,
	viewRequirements,
	byzantineRequirements,
	routeRequirements,
	igmpPIMRequirements,
	scopeRequirements,
)

var catalogueIndex = func() map[ID]int {
	index := make(map[ID]int, len(catalogue))
	for i := range catalogue {
		index[catalogue[i].ID] = i
	}
	return index
}()

// Catalogue lists every requirement, a family after the other, always in the same order. The slice is shared: it is
// not to be changed.
//
// The letters in Source stand for: HT94 Hadzilacos & Toueg, A Modular Approach to Fault-Tolerant Broadcasts, 1994;
// CDK Coulouris et al., Distributed Systems; CGR11 Cachin, Guerraoui, Rodrigues, Reliable and Secure Distributed
// Programming; CKV01 Chockler, Keidar, Vitenberg, Group Communication Specifications, ACM CSUR 33(4); DSU04 Défago,
// Schiper, Urbán, Total Order Broadcast and Multicast, ACM CSUR 36(4); BSS91 Birman, Schiper, Stephenson 1991; BJ87
// Birman & Joseph 1987; KT91 Kaashoek & Tanenbaum 1991; LAM78 Lamport 1978; EVS94 Moser et al. 1994; WS95 Wilhelm &
// Schiper 1995.
func Catalogue() []Requirement { return catalogue }

// Lookup gives the requirement of an id, spelled exactly as in the catalogue.
func Lookup(id ID) (*Requirement, bool) {
	i, ok := catalogueIndex[id]
	if !ok {
		return nil, false
	}
	return &catalogue[i], true
}

// catalogueOrder sorts ids as the catalogue lists them and drops repetitions. Every id must be in the catalogue.
func catalogueOrder(ids []ID) []ID {
	slices.SortFunc(ids, func(a, b ID) int { return catalogueIndex[a] - catalogueIndex[b] })
	return slices.Compact(ids)
}
