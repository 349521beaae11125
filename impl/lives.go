package impl

// Each calls f for every life that something is kept of: node after node, the lives of each in the order in which they
// were first heard of.
func (l *Lives[T]) Each(f func(node int, incarnation uint32, v *T)) {
	for n := range l.nodes {
		for _, x := range l.nodes[n] {
			f(n, x.incarnation, x.value)
		}
	}
}
